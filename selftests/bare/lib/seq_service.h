/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the guests `seq` and `hostile` do at which port, and the messages with
 * which tests ask for it. Included by the guests and by selftests/user; what
 * is said of the wire format stands in seq.h.
 */
#ifndef HF_BARE_SEQ_SERVICE_H
#define HF_BARE_SEQ_SERVICE_H

#include "types.h"

/* Ports of `seq` for connections. Any other one refuses. */
#define SEQ_PORT_ECHO		100	/* sends each message back; also each datagram */
#define SEQ_PORT_DEAF		101	/* accepts, reads SEQ_DEAF_WINDOW messages and no more */
#define SEQ_PORT_SOURCE		102	/* struct seq_ask -> numbered messages, then no more */
#define SEQ_PORT_REFUSE		103
#define SEQ_PORT_CLOSE		104	/* accepts, closes at once */
#define SEQ_PORT_BREAK		105	/* accepts, resets after the first message */
#define SEQ_PORT_SLOW		106	/* sends back, one credit at a time */
#define SEQ_PORT_HALF		107	/* sends no more after the first message, reads on */
#define SEQ_PORT_SINK		108	/* counts; struct seq_sum once the sender sends no more */
#define SEQ_PORT_BACK		109	/* struct seq_back -> the guest connects to the primary */
#define SEQ_PORT_MUTE		112	/* reads and never answers */

/* Ports of `seq` for datagrams. */
#define SEQ_PORT_BURST		110	/* struct seq_back -> count numbered datagrams */
#define SEQ_PORT_BACK_DGRAM	111	/* as SEQ_PORT_BACK */
#define SEQ_PORT_RAW		113	/* a message, header included -> sent as it is */
#define SEQ_PORT_NAP		115	/* u64 ms: for so long it reads and sends nothing */
#define SEQ_PORT_DIE		114	/* the VM has itself killed */

/*
 * What comes for a port from here on is ignored; SEQ_BACK_MUTE asks from such
 * ports. From RAW_FIRST on it is passed on, as a datagram with the header
 * included, to the last sender of a datagram to SEQ_PORT_RAW.
 */
#define SEQ_PORT_UNSERVED	0x100000
#define SEQ_PORT_RAW_FIRST	0x200000

#define SEQ_DEAF_WINDOW		4

/* Sizes are of payloads; below SEQ_NUMBERED_MIN, and cut to what fits. */
#define SEQ_NUMBERED_MIN	16

struct seq_ask {
	u64 count;
	u64 size;		/* may be left out */
};

struct seq_sum {
	u64 count;
	u64 bytes;
	u64 sum;		/* seq_mix() over all messages */
};

enum seq_back_mode {
	SEQ_BACK_SEND,		/* connect, send count numbered messages, then no more */
	SEQ_BACK_RESET,		/* connect, reset as soon as it is accepted */
	SEQ_BACK_MUTE,		/* ask for a connection, and never react to anything */
	SEQ_BACK_HOLD,		/* ask for count connections, keep those accepted */
	SEQ_BACK_ECHO,		/* connect, send each message back */
	SEQ_BACK_REBOOT,	/* connect, send one message, ask again from the same port */
};

struct seq_back {
	u64 port;		/* of the primary; 0 = where the datagram came from */
	u64 count;
	u64 mode;
	u64 size;		/* may be left out */
};

/*
 * To who asked, whenever it changes: what became of the connections so far.
 * Those of SEQ_BACK_HOLD end with the connection of their asker.
 */
struct seq_report {
	u64 opened;
	u64 refused;
	u64 ended;
	u64 broken;
};

/* A datagram to `hostile`, any port: frames live connections as well as chance does. */
#define HOSTILE_PORTS		16

struct hostile_ask {
	u64 seed;
	u64 count;		/* frames, then struct hostile_done */
	u64 ports[HOSTILE_PORTS];	/* of the primary, 0 = none: aim at these, too */
};

/* Its noise can be as long, but does not begin like this. */
#define HOSTILE_DONE		0x656e6f64656d6f73ull

struct hostile_done {
	u64 magic;		/* HOSTILE_DONE */
	u64 sent;
	u64 accepted;		/* requests of ours that the primary accepted */
};

/* Order and length count as well. data is aligned to 8 bytes. */
static inline u64 seq_mix(u64 sum, const void *data, size_t len)
{
	const u64 *word = data;
	const u8 *tail;
	u64 last = len;

	for (; len >= sizeof(*word); len -= sizeof(*word)) {
		sum = (sum ^ *word++) * 0x100000001b3ull;
		sum ^= sum >> 29;
	}
	for (tail = (const u8 *)word; len; len--)
		last = last << 8 | *tail++;
	sum = (sum ^ last) * 0x100000001b3ull;
	return sum ^ sum >> 29;
}

/* A numbered message: its number, the sum of what follows, what follows. */
static inline void seq_number(void *data, size_t len, u64 number)
{
	u64 *word = data;
	size_t i;

	word[0] = number;
	for (i = 2; i < len / sizeof(*word); i++)
		word[i] = number * 0x9e3779b97f4a7c15ull + i;
	for (i *= sizeof(*word); i < len; i++)
		((u8 *)data)[i] = number;
	word[1] = seq_mix(number, word + 2, len - SEQ_NUMBERED_MIN);
}

static inline bool seq_numbered(const void *data, size_t len, u64 number)
{
	const u64 *word = data;

	return len >= SEQ_NUMBERED_MIN && word[0] == number &&
	       word[1] == seq_mix(number, word + 2, len - SEQ_NUMBERED_MIN);
}

#endif
