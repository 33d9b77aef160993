/* SPDX-License-Identifier: GPL-2.0 */
/*
 * SEQPACKET sockets for tests, and the guest `seq` at their other end.
 *
 * As in hft.h: helpers return a value or -1 with errno and decide no verdict,
 * and every socket has time limits. What the guest does at which port stands
 * in ../bare/lib/seq_service.h.
 */
#ifndef HFT_SEQ_H
#define HFT_SEQ_H

#include <errno.h>

#include "../bare/lib/seq.h"
#include "../bare/lib/seq_service.h"
#include "hft_dgram.h"

/* What most tests of SEQPACKET begin with: the guest, in self->vm. */
#define SEQ_FIXTURE() \
FIXTURE(seq) { \
	unsigned int vm; \
}; \
FIXTURE_SETUP(seq) \
{ \
	const struct hft_guest *guest = hft_guest("seq", 0); \
\
	if (!guest) \
		HFT_SKIP("no seq guest in this boot"); \
	self->vm = guest->id; \
} \
FIXTURE_TEARDOWN(seq) \
{ \
}

int hft_seq_socket(void);
int hft_seq_connect(unsigned int vm, uint64_t port);
/* Connects a socket that exists. */
int hft_seq_connect_to(int fd, unsigned int vm, uint64_t port);
/* Bound to *port for messages of any VM; 0 = a free one, which is filled in. */
int hft_bind_any(int fd, uint64_t *port);
int hft_seq_listen(uint64_t *port, int backlog);
int hft_accept(int fd);
/* The error that is pending on a socket, which this clears. */
int hft_error(int fd);

/* Sends a command to the guest over a connection to SEQ_PORT_BACK. */
int hft_seq_back(int control, uint64_t port, uint64_t count, uint64_t mode, uint64_t size);
/* Reads reports until the guest has counted as many, or for too long; the last one. */
struct seq_report hft_seq_report(int control, struct seq_report wanted);
/* Asks for count numbered messages on a connection to SEQ_PORT_SOURCE. */
int hft_seq_source(int fd, uint64_t count, uint64_t size);
/* Receives a message and demands that it be this number: 0, or -1 with a line on stderr. */
int hft_seq_take(int fd, uint64_t number);
/* Sends a numbered message. */
int hft_seq_give(int fd, uint64_t number, size_t len, int flags);
/* Sends len bytes and demands the same back, as hft_echo(), up to SEQ_PAYLOAD_MAX. */
int hft_seq_echo(int fd, size_t len, uint32_t seed);
/* True if the peer's end is seen within the usual time: recv() = 0. */
bool hft_seq_at_end(int fd);
/* The guest reads and sends nothing for so long; what goes to it meanwhile is queued. */
int hft_seq_nap(unsigned int vm, uint64_t ms);
int hft_set_nonblocking(int fd);
/* Milliseconds since a time of hft_now_ns(). */
int64_t hft_ms_since(int64_t start_ns);
/* The same by hft_ticks_ns(), which @start_ns is from. */
int64_t hft_ticks_ms_since(int64_t start_ns);
/* SIGALRM once after first_ms, then each every_ms (0 = no more); calls say EINTR. */
void hft_alarm(unsigned int first_ms, unsigned int every_ms);

#endif
