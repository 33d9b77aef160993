/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * /proc/net/hf: the list of sockets for people.
 */
#ifndef HF_PROC_H
#define HF_PROC_H

/* May sleep; 0 or -ENOMEM. */
int hf_proc_init(void);
void hf_proc_exit(void);

#endif
