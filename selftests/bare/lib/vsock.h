/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The guest's half of virtio-vsock (virtio 1.2, section 5.10) over Hafnium's
 * mailbox: byte streams and messages between this VM and AF_VSOCK sockets of
 * the primary VM. To use it elsewhere, copy this file and vsock.c; they need
 * two pages, and four functions that guest.h declares: guest_rx(), guest_tx(),
 * guest_msg_send() and guest_id().
 *
 * A packet is one FF-A message: struct vsock_packet, little endian. The first
 * two words are the ports of every message to and from Linux, both of them
 * VSOCK_HF_PORT here; what follows is the specification's. The primary is
 * VSOCK_CID_HOST, a VM has its id plus VSOCK_CID_BASE.
 *
 * Nothing is queued and nothing allocated: the payload of the VM is called for
 * what arrives, and is told how much may be sent. Single threaded: input and
 * calls come from one vCPU, or under one lock.
 */
#ifndef HF_BARE_VSOCK_H
#define HF_BARE_VSOCK_H

#include "types.h"

#define VSOCK_HF_PORT		0x800000000000002c
#define VSOCK_CID_HOST		2
#define VSOCK_CID_BASE		1	/* the default of hf_vsock.ko's cid_base */

#define VSOCK_HEADER		60	/* bytes before the payload */
#define VSOCK_PAYLOAD_MAX	4036

struct vsock_packet {
	u64 hf_src, hf_dst;	/* VSOCK_HF_PORT */
	u64 src_cid, dst_cid;
	u32 src_port, dst_port;
	u32 len;		/* bytes of payload */
	u16 type;		/* enum vsock_type */
	u16 op;			/* enum vsock_op */
	u32 flags;		/* of SHUTDOWN and RW */
	u32 buf_alloc;		/* bytes that the sender has room for, in all */
	u32 fwd_cnt;		/* bytes that it has dealt with, so far */
	u8 payload[VSOCK_PAYLOAD_MAX];
};

enum vsock_type { VSOCK_STREAM = 1, VSOCK_SEQPACKET = 2 };

enum vsock_op {
	VSOCK_REQUEST = 1, VSOCK_RESPONSE, VSOCK_RST, VSOCK_SHUTDOWN, VSOCK_RW,
	VSOCK_CREDIT_UPDATE, VSOCK_CREDIT_REQUEST,
};

/* Flags of SHUTDOWN: the sender will no more ... */
#define VSOCK_SHUT_RECV		0x1
#define VSOCK_SHUT_SEND		0x2
#define VSOCK_SHUT_BOTH		0x3

/* Flags of RW in messages: the last byte of the packet ends ... */
#define VSOCK_EOM		0x1	/* a message */
#define VSOCK_EOR		0x2	/* a record: MSG_EOR */

#define VSOCK_CONNS		160

enum vsock_state { VSOCK_FREE, VSOCK_CONNECTING, VSOCK_OPEN, VSOCK_CLOSING };

/* The payload may read it, and owns what it finds with vsock_index(). */
struct vsock_conn {
	u8 state;
	u8 type;
	u8 shut;		/* VSOCK_SHUT_*, as we said */
	u8 peer_shut;		/* VSOCK_SHUT_*, as the peer said */
	u32 port, peer_port;
	u32 window;		/* our buf_alloc */
	u32 received;		/* bytes in all, as are the next four; they wrap */
	u32 consumed;		/* our fwd_cnt */
	u32 told;		/* consumed, as far as the peer knows */
	u32 sent;
	u32 peer_consumed;	/* its fwd_cnt */
	u32 peer_window;	/* its buf_alloc */
};

enum vsock_event {
	VSOCK_OPENED,		/* it can be used: we accepted, or our vsock_connect() was */
	VSOCK_REFUSED,		/* our vsock_connect() was not; gone */
	VSOCK_WRITABLE,		/* more may be sent */
	VSOCK_HALF_SHUT,	/* see peer_shut */
	VSOCK_ENDED,		/* closed by both, or by the peer; gone */
	VSOCK_BROKEN,		/* reset by the peer, or for a breach of the protocol; gone */
};

/*
 * What the payload of the VM provides. In events after which a connection is
 * gone it can still be read, but must not be used, and is forgotten afterwards.
 */

/* The peer wants to connect to c->port: room for how many bytes, 0 = refuse. */
u32 vsock_on_request(struct vsock_conn *c);
/*
 * Bytes in order; data is lent. flags tell the ends of messages. vsock_consumed()
 * has to follow, now or when the bytes have gone wherever they go.
 */
void vsock_on_data(struct vsock_conn *c, const void *data, u32 len, u32 flags);
void vsock_on_event(struct vsock_conn *c, enum vsock_event event);

/* What vsock.c provides. */

/*
 * Takes the message in the RX page, which came from VM @vm; false if it is no packet
 * of vsock. The page is free afterwards. Whatever is malformed is dropped.
 */
bool vsock_input(u16 vm, u32 len);
/* Our CID: by the rule above until the primary has called us by another one. */
u64 vsock_cid(void);
/* NULL if there are VSOCK_CONNS already, or one like this. VSOCK_OPENED or _REFUSED follows. */
struct vsock_conn *vsock_connect(enum vsock_type type, u32 port, u32 peer_port, u32 window);
/* How many bytes the peer has room for; 0 for what is not open for sending. */
u32 vsock_room(const struct vsock_conn *c);
/*
 * Sends as much as there is room for and returns how much that was. flags (VSOCK_EOM,
 * VSOCK_EOR) end a message with its last byte, once all of it is sent: to go on
 * with the rest is the caller's part, at VSOCK_WRITABLE. Carries our credit as well.
 */
u32 vsock_send(struct vsock_conn *c, const void *data, u32 len, u32 flags);
/* So many of the peer's bytes are dealt with: there is room for as many more. */
void vsock_consumed(struct vsock_conn *c, u32 len);
/*
 * Tells the peer, if that is worth a packet. vsock_input() does it for its connection;
 * for bytes that are dealt with outside of vsock_on_data() it is the caller's part.
 */
void vsock_tell(struct vsock_conn *c);
/* Says that we send or receive no more. Both close: see vsock_close(). */
void vsock_shutdown(struct vsock_conn *c, u32 flags);
/* What was sent still arrives; VSOCK_ENDED once the peer has confirmed. */
void vsock_close(struct vsock_conn *c);
/* Ends the connection at once, what is under way is lost; no event. */
void vsock_reset(struct vsock_conn *c);
/* Forgets it without a word, as a VM does that is started anew. */
void vsock_forget(struct vsock_conn *c);
/* 0 .. VSOCK_CONNS - 1, and back: for what the payload keeps of each connection. */
unsigned int vsock_index(const struct vsock_conn *c);
struct vsock_conn *vsock_at(unsigned int index);

#endif
