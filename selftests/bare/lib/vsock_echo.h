/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What an echo on a vsock connection has to keep while the peer has no room:
 * a ring of bytes, with the ends of messages and records among them. A ring is
 * as large as the window of its connection, so that nothing overflows.
 */
#ifndef HF_BARE_VSOCK_ECHO_H
#define HF_BARE_VSOCK_ECHO_H

#include "types.h"

struct vsock_conn;
struct vsock_echo;

void vsock_echo_init(void);
/* A big one while there is one; NULL if there is none at all. */
struct vsock_echo *vsock_echo_alloc(void);
/* May be NULL. */
void vsock_echo_free(struct vsock_echo *e);
u32 vsock_echo_window(const struct vsock_echo *e);
bool vsock_echo_is_empty(const struct vsock_echo *e);
/* What came on the connection, sent back at once if all of it may; else false. */
bool vsock_echo(struct vsock_echo *e, struct vsock_conn *c, const void *data, u32 len, u32 flags);
/* Sends a packet of what is kept; false if the peer has no room. */
bool vsock_echo_pump(struct vsock_echo *e, struct vsock_conn *c);

#endif
