// SPDX-License-Identifier: GPL-2.0
/*
 * The guest's side of SEQPACKET, frame by frame: a datagram socket speaks the
 * wire format by hand to the guest `seq`, and so to lib/seq.c.
 *
 * Needs a seq guest. The driver's side is tested this way in seq_frames.c.
 */
#include <poll.h>
#include <sys/socket.h>

#include "hft_seq.h"
#include "hft_harness.h"

#define PORTS		16	/* of struct seq_frame: the socket provides them */
#define SILENCE_MS	150

/* A connection, or what will be one. */
struct peer {
	int fd;
	uint32_t sent, credit;
	struct seq_frame in;
	uint32_t len;		/* of the payload */
};

static struct peer open_peer(unsigned int vm, uint64_t port)
{
	struct peer p = { .fd = hft_connect(vm, port), .credit = 4 };

	return p;
}

static int put_frame(struct peer *p, const struct seq_frame *f, size_t payload)
{
	size_t len = SEQ_HEADER - PORTS + payload;

	return send(p->fd, &f->magic, len, 0) == (ssize_t)len ? 0 : -1;
}

static struct seq_frame frame(const struct peer *p, uint8_t type)
{
	struct seq_frame f = {
		.magic = SEQ_MAGIC,
		.version = SEQ_VERSION,
		.type = type,
		.seq = type == SEQ_DATA ? p->sent : 0,
		.credit = p->credit,
	};

	return f;
}

static int put(struct peer *p, uint8_t type)
{
	struct seq_frame f = frame(p, type);

	return put_frame(p, &f, 0);
}

static int put_data(struct peer *p, const void *data, size_t len)
{
	struct seq_frame f = frame(p, SEQ_DATA);

	memcpy(f.payload, data, len);
	p->sent++;
	return put_frame(p, &f, len);
}

static int put_shutdown(struct peer *p, uint16_t flags)
{
	struct seq_frame f = frame(p, SEQ_SHUTDOWN);

	f.flags = flags;
	return put_frame(p, &f, 0);
}

/* The type of the next frame, which is then in p->in; -1 = none, -2 = malformed. */
static int get(struct peer *p)
{
	ssize_t n = recv(p->fd, &p->in.magic, sizeof(p->in) - PORTS, 0);

	if (n < 0)
		return -1;
	if (n < SEQ_HEADER - PORTS || p->in.magic != SEQ_MAGIC || p->in.version != SEQ_VERSION)
		return -2;
	p->len = n + PORTS - SEQ_HEADER;
	return p->in.type;
}

static bool is_silent(struct peer *p)
{
	return hft_poll(p->fd, POLLIN, SILENCE_MS) == 0;
}

static int request(struct peer *p)
{
	return put(p, SEQ_REQUEST) ? -1 : get(p);
}

FIXTURE(wire) {
	unsigned int vm;
};

FIXTURE_SETUP(wire)
{
	const struct hft_guest *guest = hft_guest("seq", 0);

	if (!guest)
		HFT_SKIP("no seq guest in this boot");
	self->vm = guest->id;
}

FIXTURE_TEARDOWN(wire)
{
}

TEST_F(wire, request_to_a_service_is_accepted_with_credit)
{
	struct peer p = open_peer(self->vm, SEQ_PORT_ECHO);

	ASSERT_EQ(SEQ_ACCEPT, request(&p));
	EXPECT_LT(0, p.in.credit);
	EXPECT_EQ(0, p.in.seq);
	EXPECT_EQ(0, p.in.flags);
	EXPECT_EQ(0, p.len);
	EXPECT_EQ(0, put(&p, SEQ_RESET));
}

TEST_F(wire, request_to_a_port_without_service_is_reset)
{
	struct peer p = open_peer(self->vm, SEQ_PORT_REFUSE);
	struct peer q = open_peer(self->vm, 4711);

	EXPECT_EQ(SEQ_RESET, request(&p));
	EXPECT_EQ(SEQ_RESET, request(&q));
}

TEST_F(wire, request_of_another_version_is_reset)
{
	struct peer p = open_peer(self->vm, SEQ_PORT_ECHO);
	struct seq_frame f = frame(&p, SEQ_REQUEST);

	f.version = SEQ_VERSION + 1;
	ASSERT_EQ(0, put_frame(&p, &f, 0));
	EXPECT_EQ(SEQ_RESET, get(&p));
}

TEST_F(wire, messages_come_back_in_order_and_make_room_again)
{
	struct peer p = open_peer(self->vm, SEQ_PORT_ECHO);
	uint64_t i, room;

	ASSERT_EQ(SEQ_ACCEPT, request(&p));
	room = p.in.credit;
	for (i = 0; i < 50; i++) {
		p.credit++;
		ASSERT_EQ(0, put_data(&p, &i, sizeof(i)));
		ASSERT_EQ(SEQ_DATA, get(&p));
		EXPECT_EQ(i, p.in.seq);
		EXPECT_EQ(sizeof(i), p.len);
		EXPECT_EQ(0, memcmp(p.in.payload, &i, sizeof(i)));
		/* An answer says at once that there is room for the next. */
		EXPECT_EQ(room + i + 1, p.in.credit);
	}
	EXPECT_EQ(0, put(&p, SEQ_RESET));
}

TEST_F(wire, empty_and_largest_message_come_back)
{
	struct peer p = open_peer(self->vm, SEQ_PORT_ECHO);
	uint8_t data[SEQ_PAYLOAD_MAX];

	hft_fill(data, sizeof(data), 5);
	ASSERT_EQ(SEQ_ACCEPT, request(&p));
	ASSERT_EQ(0, put_data(&p, data, 0));
	ASSERT_EQ(0, put_data(&p, data, sizeof(data)));
	ASSERT_EQ(SEQ_DATA, get(&p));
	EXPECT_EQ(0, p.len);
	ASSERT_EQ(SEQ_DATA, get(&p));
	EXPECT_EQ(sizeof(data), p.len);
	EXPECT_EQ(0, memcmp(data, p.in.payload, sizeof(data)));
	EXPECT_EQ(0, put(&p, SEQ_RESET));
}

TEST_F(wire, guest_sends_exactly_what_credit_allows)
{
	struct peer p = open_peer(self->vm, SEQ_PORT_SOURCE);
	struct seq_ask ask = { .count = 10 };
	uint64_t i;

	p.credit = 3;
	ASSERT_EQ(SEQ_ACCEPT, request(&p));
	ASSERT_EQ(0, put_data(&p, &ask, sizeof(ask)));
	for (i = 0; i < 10; i++) {
		if (i == 3 || i == 5) {
			EXPECT_TRUE(is_silent(&p));
			p.credit = i == 3 ? 5 : 100;
			ASSERT_EQ(0, put(&p, SEQ_CREDIT));
		}
		ASSERT_EQ(SEQ_DATA, get(&p));
		EXPECT_EQ(i, p.in.seq);
		EXPECT_TRUE(seq_numbered(p.in.payload, p.len, i));
	}
	ASSERT_EQ(SEQ_SHUTDOWN, get(&p));
	EXPECT_EQ(SEQ_SHUT_SEND, p.in.flags);
	EXPECT_EQ(0, put(&p, SEQ_RESET));
}

TEST_F(wire, credit_does_not_go_back)
{
	struct peer p = open_peer(self->vm, SEQ_PORT_SOURCE);
	struct seq_ask ask = { .count = 4 };
	int i;

	p.credit = 4;
	ASSERT_EQ(SEQ_ACCEPT, request(&p));
	p.credit = 1;
	ASSERT_EQ(0, put_data(&p, &ask, sizeof(ask)));
	for (i = 0; i < 4; i++) {
		EXPECT_EQ(SEQ_DATA, get(&p));
	}
	EXPECT_EQ(SEQ_SHUTDOWN, get(&p));
	EXPECT_EQ(0, put(&p, SEQ_RESET));
}

TEST_F(wire, deaf_service_gives_no_more_room_than_at_first)
{
	struct peer p = open_peer(self->vm, SEQ_PORT_DEAF);
	uint32_t i;

	ASSERT_EQ(SEQ_ACCEPT, request(&p));
	ASSERT_EQ(SEQ_DEAF_WINDOW, p.in.credit);
	for (i = 0; i < SEQ_DEAF_WINDOW; i++) {
		ASSERT_EQ(0, put_data(&p, "x", 1));
	}
	EXPECT_TRUE(is_silent(&p));
	ASSERT_EQ(0, put_data(&p, "x", 1));
	EXPECT_EQ(SEQ_RESET, get(&p));
}

TEST_F(wire, data_out_of_order_is_reset)
{
	struct peer p = open_peer(self->vm, SEQ_PORT_ECHO);

	ASSERT_EQ(SEQ_ACCEPT, request(&p));
	p.sent = 1;
	ASSERT_EQ(0, put_data(&p, "x", 1));
	EXPECT_EQ(SEQ_RESET, get(&p));
	/* The connection is gone. */
	ASSERT_EQ(0, put_data(&p, "x", 1));
	EXPECT_EQ(SEQ_RESET, get(&p));
}

TEST_F(wire, strays_are_reset_or_ignored)
{
	struct peer p = open_peer(self->vm, SEQ_PORT_ECHO);

	ASSERT_EQ(0, put_data(&p, "x", 1));
	EXPECT_EQ(SEQ_RESET, get(&p));
	ASSERT_EQ(0, put(&p, SEQ_ACCEPT));
	EXPECT_EQ(SEQ_RESET, get(&p));
	ASSERT_EQ(0, put(&p, SEQ_CREDIT));
	ASSERT_EQ(0, put_shutdown(&p, SEQ_SHUT_BOTH));
	ASSERT_EQ(0, put(&p, SEQ_RESET));
	EXPECT_TRUE(is_silent(&p));
}

TEST_F(wire, second_request_begins_anew)
{
	struct peer p = open_peer(self->vm, SEQ_PORT_ECHO);

	ASSERT_EQ(SEQ_ACCEPT, request(&p));
	ASSERT_EQ(0, put_data(&p, "x", 1));
	ASSERT_EQ(SEQ_DATA, get(&p));
	p.sent = 0;
	ASSERT_EQ(SEQ_ACCEPT, request(&p));
	ASSERT_EQ(0, put_data(&p, "y", 1));
	ASSERT_EQ(SEQ_DATA, get(&p));
	EXPECT_EQ(0, p.in.seq);
	EXPECT_EQ('y', p.in.payload[0]);
	EXPECT_EQ(0, put(&p, SEQ_RESET));
}

TEST_F(wire, second_accept_is_ignored)
{
	struct peer p = open_peer(self->vm, SEQ_PORT_ECHO);

	ASSERT_EQ(SEQ_ACCEPT, request(&p));
	ASSERT_EQ(0, put(&p, SEQ_ACCEPT));
	ASSERT_EQ(0, put_data(&p, "x", 1));
	EXPECT_EQ(SEQ_DATA, get(&p));
	EXPECT_EQ(0, put(&p, SEQ_RESET));
}

TEST_F(wire, shutdown_of_both_ends_it_without_an_answer)
{
	struct peer p = open_peer(self->vm, SEQ_PORT_ECHO);

	ASSERT_EQ(SEQ_ACCEPT, request(&p));
	ASSERT_EQ(0, put_shutdown(&p, SEQ_SHUT_BOTH));
	EXPECT_TRUE(is_silent(&p));
	ASSERT_EQ(0, put_data(&p, "x", 1));
	EXPECT_EQ(SEQ_RESET, get(&p));
}

TEST_F(wire, sink_sums_up_once_we_send_no_more)
{
	struct peer p = open_peer(self->vm, SEQ_PORT_SINK);
	struct seq_sum sum;
	uint64_t i, mix = 0;

	ASSERT_EQ(SEQ_ACCEPT, request(&p));
	for (i = 0; i < 10; i++) {
		ASSERT_EQ(0, put_data(&p, &i, sizeof(i)));
		mix = seq_mix(mix, &i, sizeof(i));
	}
	ASSERT_EQ(0, put_shutdown(&p, SEQ_SHUT_SEND));
	ASSERT_EQ(SEQ_DATA, get(&p));
	ASSERT_EQ(sizeof(sum), p.len);
	memcpy(&sum, p.in.payload, sizeof(sum));
	EXPECT_EQ(10, sum.count);
	EXPECT_EQ(10 * sizeof(i), sum.bytes);
	EXPECT_EQ(mix, sum.sum);
	/* Each side has said that it sends no more: that was it. */
	ASSERT_EQ(SEQ_SHUTDOWN, get(&p));
	EXPECT_EQ(SEQ_SHUT_SEND, p.in.flags);
	ASSERT_EQ(0, put_data(&p, "x", 1));
	EXPECT_EQ(SEQ_RESET, get(&p));
}

TEST_F(wire, services_that_end_a_connection_do_so)
{
	struct peer closes = open_peer(self->vm, SEQ_PORT_CLOSE);
	struct peer breaks = open_peer(self->vm, SEQ_PORT_BREAK);
	struct peer half = open_peer(self->vm, SEQ_PORT_HALF);

	ASSERT_EQ(SEQ_ACCEPT, request(&closes));
	ASSERT_EQ(SEQ_SHUTDOWN, get(&closes));
	EXPECT_EQ(SEQ_SHUT_BOTH, closes.in.flags);

	ASSERT_EQ(SEQ_ACCEPT, request(&breaks));
	ASSERT_EQ(0, put_data(&breaks, "x", 1));
	EXPECT_EQ(SEQ_RESET, get(&breaks));

	ASSERT_EQ(SEQ_ACCEPT, request(&half));
	ASSERT_EQ(0, put_data(&half, "x", 1));
	ASSERT_EQ(SEQ_SHUTDOWN, get(&half));
	EXPECT_EQ(SEQ_SHUT_SEND, half.in.flags);
	ASSERT_EQ(0, put_shutdown(&half, SEQ_SHUT_SEND));
	EXPECT_TRUE(is_silent(&half));
}

TEST_F(wire, mute_port_never_answers)
{
	struct peer p = open_peer(self->vm, SEQ_PORT_MUTE);

	ASSERT_EQ(0, put(&p, SEQ_REQUEST));
	EXPECT_TRUE(is_silent(&p));
}

/* More than the pool has buffers for; each gets at least one, and all are given back. */
TEST_F(wire, hundred_connections_twice)
{
	struct peer p[100];
	uint64_t i, round;

	for (round = 0; round < 2; round++) {
		for (i = 0; i < ARRAY_SIZE(p); i++) {
			p[i] = open_peer(self->vm, SEQ_PORT_ECHO);
			ASSERT_EQ(SEQ_ACCEPT, request(&p[i]));
			EXPECT_LT(0, p[i].in.credit);
			ASSERT_EQ(0, put_data(&p[i], &i, sizeof(i)));
		}
		for (i = 0; i < ARRAY_SIZE(p); i++) {
			ASSERT_EQ(SEQ_DATA, get(&p[i]));
			EXPECT_EQ(0, memcmp(p[i].in.payload, &i, sizeof(i)));
			ASSERT_EQ(0, put_shutdown(&p[i], SEQ_SHUT_BOTH));
			close(p[i].fd);
		}
	}
}

TEST_HARNESS_MAIN
