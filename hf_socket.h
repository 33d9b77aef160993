/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * AF_HF sockets: what module init needs of them.
 */
#ifndef HF_SOCKET_H
#define HF_SOCKET_H

#include <hf/socket.h>

/* The table of sockets and the protocol. May sleep; 0 or a negative errno. */
int hf_socket_init(void);
void hf_socket_exit(void);

/* Let userspace create sockets, or no longer. May sleep; 0 or a negative errno. */
int hf_socket_register(void);
void hf_socket_unregister(void);

#endif
