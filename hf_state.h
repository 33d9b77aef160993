/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What people see of the driver's state: debugfs, and the stall detector.
 */
#ifndef HF_STATE_H
#define HF_STATE_H

/* Context: module init and exit, may sleep. Nothing but memory can fail. */
int hf_state_init(void);
void hf_state_exit(void);

#endif
