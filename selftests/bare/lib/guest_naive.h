/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A guest that was written from the FF-A specification and Hafnium's own
 * examples, and by nobody who knows what some version does besides.
 *
 * Instead of guest_mailbox_init() and guest_msg_...(), not beside them. It has
 * start-up, vCPUs and the lock from the library, and none of its care for
 * messages: what FFA_RX_RELEASE returns is ignored, RX is read where it is, the
 * ports first and the payload last, after some work. So a page that was
 * overwritten meanwhile shows as an answer with the wrong payload.
 */
#ifndef HF_BARE_GUEST_NAIVE_H
#define HF_BARE_GUEST_NAIVE_H

#include "guest.h"

/* A message in RX, as FFA_MSG_WAIT or FFA_MSG_POLL told of it. */
struct naive_msg {
	u16 from;
	u32 len;		/* header included */
	u64 src_port, dst_port;
};

void naive_init(void);
/* fn: FFA_MSG_WAIT or FFA_MSG_POLL; false if it returned anything but a message. */
bool naive_receive(u64 fn, struct naive_msg *msg);
/* What a guest does with a message before it reads on. */
void naive_work(void);
const u8 *naive_payload(void);
/* From TX, which holds len bytes already; asks again while the receiver is busy. */
void naive_send(u16 to, u32 len);
struct guest_wire *naive_tx(void);
void naive_release(void);
/* The three together: works, answers with RX's payload, frees RX. */
void naive_echo(const struct naive_msg *msg);
/* One loop: wait, echo. */
void naive_serve(void) __attribute__((noreturn));

#endif
