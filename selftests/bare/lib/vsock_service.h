/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the guests `vsock` and `vsock_hostile` do at which port, and with which
 * messages tests ask for it. Included by the guests and by selftests/user; the
 * protocol itself stands in vsock.h.
 */
#ifndef HF_BARE_VSOCK_SERVICE_H
#define HF_BARE_VSOCK_SERVICE_H

#include "types.h"

/* Ports of `vsock`, of streams and messages alike. Any other one refuses. */
#define VSOCK_PORT_NOBODY	1	/* ... such as this one */
#define VSOCK_PORT_ECHO		7	/* sends everything back; closes when the peer half-closes */
#define VSOCK_PORT_DISCARD	9	/* counts; struct vsock_sum when the peer half-closes */
#define VSOCK_PORT_SINK		10	/* the same with a hash */
#define VSOCK_PORT_SOURCE	19	/* struct vsock_ask -> so many bytes, then half-closes */
#define VSOCK_PORT_PASSIVE	20	/* reads like SINK; the rest by command */
#define VSOCK_PORT_DEAF		21	/* the same, but deals with nothing it was sent until told */
#define VSOCK_PORT_CONTROL	22	/* streams of struct vsock_command -> struct vsock_status */

/* What comes for a port from here on is kept for VSOCK_CMD_HEARD, and never answered. */
#define VSOCK_PORT_MUTE		0x10000

/* Windows: that of DEAF is small, that of ECHO is at least so much, for two at a time more. */
#define VSOCK_WINDOW		(256 * 1024)
#define VSOCK_DEAF_WINDOW	8192
#define VSOCK_ECHO_WINDOW	4096
#define VSOCK_ECHO_WINDOW_BIG	65536

struct vsock_ask {
	u64 size;		/* bytes in all */
	u32 message;		/* bytes of a message, or of a packet of a stream; 0 = most */
	u32 flags;		/* of each message beside VSOCK_EOM */
};

struct vsock_sum {
	u64 bytes;
	u64 messages;		/* VSOCK_EOM */
	u64 records;		/* VSOCK_EOR */
	u64 hash;		/* vsock_hash() over all; 0 of DISCARD */
};

enum vsock_command_op {
	VSOCK_CMD_STATUS,	/* nothing but the answer */
	VSOCK_CMD_CONNECT,	/* to peer_port of the primary; as PASSIVE, or what service says */
	VSOCK_CMD_SEND,		/* size bytes; answered when they are out */
	VSOCK_CMD_SHUTDOWN,	/* flags: VSOCK_SHUT_* */
	VSOCK_CMD_RESET,
	VSOCK_CMD_FORGET,	/* as a VM does that is started anew */
	VSOCK_CMD_READ,		/* DEAF: deal with size bytes more of what was received */
	VSOCK_CMD_WAIT,		/* answered once size bytes came in all and flags (peer_shut) */
	VSOCK_CMD_WAIT_END,	/* answered once the connection is gone */
	/*
	 * Sends size bytes behind the header of messages: raw, then 0; message times, with
	 * a dst_port that grows by flags.
	 */
	VSOCK_CMD_RAW,
	VSOCK_CMD_HEARD,	/* answer: what came to mute ports since the last one */
	VSOCK_CMD_NAP,		/* reads and sends nothing until HFT_SIGNAL says size */
	VSOCK_CMD_DIE,		/* the VM has itself killed */
};

/* The connection that it is about is {port, peer_port}: of the guest, of the primary. */
struct vsock_command {
	u32 op;
	u32 port;		/* CONNECT: 0 = any free one, which the answer tells */
	u32 peer_port;
	u32 service;		/* CONNECT: VSOCK_PORT_* */
	u64 size;
	u32 message;		/* SEND: see vsock_ask; RAW: how often, 0 = once */
	u32 flags;		/* SEND: VSOCK_EOR; CONNECT: enum vsock_type; RAW */
	u8 raw[64];
};

/* What came to a mute port. */
struct vsock_heard {
	u32 port, peer_port;
	u16 type, op;
	u32 len, flags;
	u32 buf_alloc, fwd_cnt;
};

#define VSOCK_HEARD_MAX		8

/* life is one of these once the connection was there. */
enum vsock_life { VSOCK_LIFE_NONE, VSOCK_LIFE_ASKED, VSOCK_LIFE_OPEN, VSOCK_LIFE_CLOSING,
		  VSOCK_LIFE_REFUSED, VSOCK_LIFE_ENDED, VSOCK_LIFE_BROKEN, VSOCK_LIFE_LEFT };

struct vsock_status {
	u32 port, peer_port;
	u32 life;		/* enum vsock_life */
	u32 peer_shut;
	u64 sent;
	struct vsock_sum sum;	/* of what was received */
	u32 heard_count;	/* HEARD: may be more than there is room for */
	u32 conns;		/* that are not free now */
	struct vsock_heard heard[VSOCK_HEARD_MAX];
};

/* A datagram of AF_HF to `vsock_hostile`, any port but that of vsock. */
#define VSOCK_HOSTILE_PORTS	16

struct vsock_hostile_ask {
	u64 seed;
	u64 count;		/* packets, then struct vsock_hostile_done */
	u32 ports[VSOCK_HOSTILE_PORTS];	/* of the primary, 0 = none: aim at these, too; the
					 * first two listen, to streams and to messages */
};

/* Its noise can be as long, but does not begin like this. */
#define VSOCK_HOSTILE_DONE	0x656e6f646b636f76ull

struct vsock_hostile_done {
	u64 magic;		/* VSOCK_HOSTILE_DONE */
	u64 sent;
	u64 accepted;		/* requests of ours that the primary accepted */
	u64 reset;		/* RST that came back */
};

/* What the guest sends on a connection: byte number @offset. */
#define VSOCK_PATTERN_PERIOD	4084

static inline u8 vsock_pattern(u64 offset)
{
	u32 at = offset % VSOCK_PATTERN_PERIOD;

	return (at / 4 * 2654435761u >> 5) >> 8 * (at & 3);
}

/* Wherever packets are cut, the same bytes with the same ends have the same hash. */
static inline u64 vsock_hash(u64 hash, const void *data, size_t len, u32 flags)
{
	const u8 *p = data;

	while (len--)
		hash = hash * 33 + *p++;
	return flags ? hash * 33 + 255 + flags : hash;
}

#endif
