/* SPDX-License-Identifier: GPL-2.0 */
/*
 * FFA_MSG_SEND2 for payloads: what FFA_MSG_SEND would carry, ports first, behind
 * the header that FF-A 1.1 defines. The version is agreed on first, before any
 * other FF-A call, since from Hafnium v2.13 on it decides the header's size.
 */
#ifndef HF_BARE_GUEST_SEND2_H
#define HF_BARE_GUEST_SEND2_H

#include "guest.h"

/* The longest payload, ports not included, that every version takes. */
#define SEND2_PAYLOAD_MAX	4040

/* Instead of guest_mailbox_init(). */
void send2_init(void);
/*
 * The ports and len bytes from payload, to VM `to`; a busy receiver is asked
 * again after a yield. 0 or an FF-A error (negative).
 */
int send2(u16 to, u64 src_port, u64 dst_port, const void *payload, u32 len);

#endif
