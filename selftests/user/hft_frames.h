/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The guest's end of a SEQPACKET connection, played by the test frame by frame:
 * a datagram socket to SEQ_PORT_RAW of the guest `seq`, which sends what it is
 * given and passes on what comes back.
 */
#ifndef HFT_FRAMES_H
#define HFT_FRAMES_H

#include "hft_seq.h"

struct end {
	int raw;
	uint64_t port, peer_port;
	uint32_t sent, credit;
	struct seq_frame in;
	uint32_t len;		/* of the payload of in */
};

/* Gives it a port of its own; peer_port is the test's to set. */
int end_open(struct end *e, unsigned int vm);
/* A frame that is right; sent with so many bytes of payload. */
struct seq_frame end_frame(const struct end *e, uint8_t type);
int end_put_frame(struct end *e, const struct seq_frame *f, size_t payload);
int end_put(struct end *e, uint8_t type);
int end_put_data(struct end *e, const void *data, size_t len);
int end_put_shutdown(struct end *e, uint16_t flags);
/* The type of the next frame, then in e->in; -1 = none, -2 = it is malformed. */
int end_get(struct end *e);
/* The same, but credit, which may come at any time, is only remembered. */
int end_get_next(struct end *e);
/* True if nothing but credit comes for a while. */
bool end_is_silent(struct end *e);
/* The guest opens a connection: the socket. */
int end_accept(struct end *e, int listener);
/* The socket opens one, without blocking; the request is in e->in. */
int end_connect(struct end *e, unsigned int vm);

/* The fixture of tests that do so. */
#define FRAMES_FIXTURE() \
FIXTURE(frames) { \
	unsigned int vm; \
	struct end end; \
	uint64_t port;		/* of the listener */ \
	int listener; \
}; \
FIXTURE_SETUP(frames) \
{ \
	const struct hft_guest *guest = hft_guest("seq", 0); \
\
	if (!guest) \
		HFT_SKIP("no seq guest in this boot"); \
	self->vm = guest->id; \
	ASSERT_EQ(0, end_open(&self->end, guest->id)); \
	self->port = 0; \
	self->listener = hft_seq_listen(&self->port, 4); \
	ASSERT_LE(0, self->listener); \
	self->end.peer_port = self->port; \
} \
FIXTURE_TEARDOWN(frames) \
{ \
	close(self->listener); \
	close(self->end.raw); \
}

#endif
