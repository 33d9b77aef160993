/* SPDX-License-Identifier: GPL-2.0 */
/*
 * SEQPACKET connections for a guest: the wire format of AF_HF's SOCK_SEQPACKET
 * and what a payload calls to speak it. Documentation/seqpacket.rst explains
 * both; to use them elsewhere, copy this file and seq.c.
 *
 * The numbers are taken from that document, not from the driver's headers: a
 * wrong one on either side then fails a test instead of agreeing with itself.
 *
 * Single threaded: input and calls come from one vCPU, or under one lock.
 */
#ifndef HF_BARE_SEQ_H
#define HF_BARE_SEQ_H

#include "types.h"

#define SEQ_MAGIC		0x51534648	/* "HFSQ" */
#define SEQ_VERSION		1

#define SEQ_REQUEST		1
#define SEQ_ACCEPT		2
#define SEQ_RESET		3
#define SEQ_DATA		4
#define SEQ_CREDIT		5
#define SEQ_SHUTDOWN		6

/* Flags of SEQ_SHUTDOWN; both end the connection. */
#define SEQ_SHUT_SEND		0x1	/* I send no more */
#define SEQ_SHUT_RECV		0x2	/* I receive no more */
#define SEQ_SHUT_BOTH		0x3

#define SEQ_HEADER		32	/* bytes before the payload */
#define SEQ_PAYLOAD_MAX		4064

/* A message as it lies in the mailbox; little endian. */
struct seq_frame {
	u64 src_port;
	u64 dst_port;
	u32 magic;
	u8 version;
	u8 type;
	u16 flags;
	u32 seq;		/* SEQ_DATA: how many SEQ_DATA the sender sent before it */
	u32 credit;		/* how many SEQ_DATA the sender takes in all, from the first one */
	u8 payload[SEQ_PAYLOAD_MAX];
};

#define SEQ_CONNS		160

enum seq_state { SEQ_FREE, SEQ_CONNECTING, SEQ_OPEN };

/* The payload may read it, and owns what it finds with seq_index(). */
struct seq_conn {
	u8 state;
	u8 shut;		/* SEQ_SHUT_*, as we said */
	u8 peer_shut;		/* SEQ_SHUT_*, as the peer said */
	u16 vm;
	u64 port;
	u64 peer_port;
	u32 window;		/* messages that we have room for */
	u32 sent;		/* SEQ_DATA, so far */
	u32 may_send;		/* SEQ_DATA, in all: the peer's credit */
	u32 received;		/* SEQ_DATA, so far */
	u32 credit;		/* SEQ_DATA that we take, in all */
	u32 told;		/* credit, as far as the peer knows */
};

enum seq_event {
	SEQ_OPENED,		/* our seq_connect() was accepted */
	SEQ_REFUSED,		/* ... was not; the connection is gone */
	SEQ_WRITABLE,		/* more credit */
	SEQ_HALF_SHUT,		/* see peer_shut */
	SEQ_ENDED,		/* both sides are done; the connection is gone */
	SEQ_BROKEN,		/* reset by the peer, or for a breach of the protocol; gone */
};

/*
 * What the payload provides. The connection is still there during SEQ_REFUSED,
 * SEQ_ENDED and SEQ_BROKEN, and must not be used afterwards.
 */

/* Room for how many messages, 0 = refuse. The answer goes out afterwards. */
u32 seq_on_request(struct seq_conn *c);
/* The accepted connection can be used, even be reset. */
void seq_on_accepted(struct seq_conn *c);
/* Once per message, in order; data is lent. */
void seq_on_data(struct seq_conn *c, const void *data, u32 len);
void seq_on_event(struct seq_conn *c, enum seq_event event);

/* What seq.c provides. A frame is handed out by guest_msg_send(). */

/* Takes a message from the mailbox; false if it is none of SEQPACKET. */
bool seq_input(u16 vm, const struct seq_frame *f, u32 len);
/* NULL if there are SEQ_CONNS already, or one like this. */
struct seq_conn *seq_connect(u16 vm, u64 port, u64 peer_port, u32 window);
bool seq_can_send(const struct seq_conn *c);
/* Carries our credit as well; false if the peer has no room. */
bool seq_send(struct seq_conn *c, const void *data, u32 len);
/* A message of the peer is dealt with: there is room for another one. */
void seq_consumed(struct seq_conn *c);
/* Tells the peer, if it is worth a frame. */
void seq_tell(struct seq_conn *c);
/* Says that we send or receive no more. The connection may be gone afterwards. */
void seq_shutdown(struct seq_conn *c, u16 flags);
/* Ends the connection at once, what is under way is lost; no event. */
void seq_reset(struct seq_conn *c);
/* Forgets it without a word, as a VM does that is started anew. */
void seq_forget(struct seq_conn *c);
/* 0 .. SEQ_CONNS - 1, and back: for what the payload keeps of each connection. */
unsigned int seq_index(const struct seq_conn *c);
struct seq_conn *seq_at(unsigned int index);

#endif
