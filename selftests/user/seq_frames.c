// SPDX-License-Identifier: GPL-2.0
/*
 * The driver's side of SEQPACKET, frame by frame: opening, messages, credit, breaches.
 * The test plays the guest (hft_frames.h).
 *
 * Needs a seq guest. The guest's side is tested this way in seq_wire.c.
 */
#include <poll.h>
#include <sys/socket.h>

#include "hft_frames.h"
#include "hft_harness.h"

#define CLOSED_PORT	0x7777777777ull

FRAMES_FIXTURE()

TEST_F(frames, request_is_well_formed_and_accept_connects)
{
	struct end *e = &self->end;
	int fd = end_connect(e, self->vm);

	ASSERT_LE(0, fd);
	EXPECT_LT(0, (int32_t)e->in.credit);
	EXPECT_EQ(0, hft_poll(fd, POLLOUT, 200));
	ASSERT_EQ(0, end_put(e, SEQ_ACCEPT));
	EXPECT_EQ(POLLOUT, hft_poll(fd, POLLOUT, HFT_PATIENCE_MS));
	EXPECT_EQ(0, hft_error(fd));
}

TEST_F(frames, whatever_is_no_accept_refuses)
{
	static const uint8_t types[] = { SEQ_RESET, SEQ_DATA, SEQ_CREDIT, SEQ_SHUTDOWN, 0, 7, 255 };
	size_t i;

	for (i = 0; i < ARRAY_SIZE(types); i++) {
		int fd = end_connect(&self->end, self->vm);

		ASSERT_LE(0, fd);
		ASSERT_EQ(0, end_put(&self->end, types[i]));
		EXPECT_TRUE(hft_poll(fd, POLLOUT, HFT_PATIENCE_MS) & POLLERR);
		EXPECT_EQ(ECONNREFUSED, hft_error(fd));
		close(fd);
		if (types[i] != SEQ_RESET) {
			EXPECT_EQ(SEQ_RESET, end_get_next(&self->end));
		}
	}
}

TEST_F(frames, accept_of_another_version_refuses)
{
	struct end *e = &self->end;
	int fd = end_connect(e, self->vm);
	struct seq_frame f = end_frame(e, SEQ_ACCEPT);

	f.version = 2;
	ASSERT_EQ(0, end_put_frame(e, &f, 0));
	EXPECT_TRUE(hft_poll(fd, POLLOUT, HFT_PATIENCE_MS) & POLLERR);
	EXPECT_EQ(ECONNREFUSED, hft_error(fd));
}

TEST_F(frames, data_goes_as_far_as_credit_and_in_order)
{
	struct end *e = &self->end;
	uint64_t i;
	int fd;

	e->credit = 3;
	fd = end_accept(e, self->listener);
	ASSERT_LE(0, fd);
	for (i = 0; i < 10; i++) {
		if (i == e->credit) {
			EXPECT_FAIL(EAGAIN, send(fd, &i, sizeof(i), MSG_DONTWAIT));
			EXPECT_EQ(0, hft_poll(fd, POLLOUT, 0));
			EXPECT_TRUE(end_is_silent(e));
			e->credit = i == 3 ? 5 : 100;
			ASSERT_EQ(0, end_put(e, SEQ_CREDIT));
			ASSERT_EQ(POLLOUT, hft_poll(fd, POLLOUT, HFT_PATIENCE_MS));
		}
		ASSERT_EQ(sizeof(i), send(fd, &i, sizeof(i), MSG_DONTWAIT));
		ASSERT_EQ(SEQ_DATA, end_get_next(e));
		EXPECT_EQ(i, e->in.seq);
		EXPECT_EQ(sizeof(i), e->len);
		EXPECT_EQ(0, memcmp(e->in.payload, &i, sizeof(i)));
	}
}

TEST_F(frames, credit_of_any_frame_counts)
{
	struct end *e = &self->end;
	int fd;

	e->credit = 0;
	fd = end_accept(e, self->listener);
	EXPECT_FAIL(EAGAIN, send(fd, "x", 1, MSG_DONTWAIT));
	e->credit = 1;
	ASSERT_EQ(0, end_put_data(e, "y", 1));
	ASSERT_EQ(1, send(fd, "x", 1, 0));
	EXPECT_EQ(SEQ_DATA, end_get_next(e));
	EXPECT_FAIL(EAGAIN, send(fd, "x", 1, MSG_DONTWAIT));
	e->credit = 2;
	ASSERT_EQ(0, end_put_shutdown(e, SEQ_SHUT_SEND));
	ASSERT_EQ(1, send(fd, "x", 1, 0));
	EXPECT_EQ(SEQ_DATA, end_get_next(e));
}

TEST_F(frames, credit_does_not_go_back)
{
	struct end *e = &self->end;
	int fd = end_accept(e, self->listener), i;

	e->credit = 1;
	ASSERT_EQ(0, end_put(e, SEQ_CREDIT));
	hft_sleep_ms(50);
	for (i = 0; i < 8; i++) {
		ASSERT_EQ(1, send(fd, "x", 1, MSG_DONTWAIT));
	}
	EXPECT_FAIL(EAGAIN, send(fd, "x", 1, MSG_DONTWAIT));
}

/*
 * What we were given credit for is received; one more is a breach. Small
 * messages leave room for more, so credit grows for some time without a reader.
 */
TEST_F(frames, driver_takes_exactly_what_it_gave_credit_for)
{
	struct end *e = &self->end;
	char byte;
	int fd;

	fd = end_accept(e, self->listener);
	ASSERT_LE(0, fd);
	ASSERT_LT(0, e->in.credit);
	while (e->sent < e->in.credit) {
		while (e->sent < e->in.credit) {
			ASSERT_EQ(0, end_put_data(e, "x", 1));
		}
		ASSERT_TRUE(end_is_silent(e));
		ASSERT_GE(10000, e->in.credit);
	}
	ASSERT_EQ(0, end_put_data(e, "x", 1));
	EXPECT_EQ(SEQ_RESET, end_get_next(e));
	while (recv(fd, &byte, 1, 0) == 1)
		e->sent--;
	EXPECT_EQ(EPROTO, errno);
	EXPECT_EQ(1, e->sent);
}

TEST_F(frames, reading_gives_credit_again)
{
	struct end *e = &self->end;
	uint32_t i, room;
	char byte;
	int fd;

	fd = end_accept(e, self->listener);
	room = e->in.credit;
	for (i = 0; i < room; i++) {
		ASSERT_EQ(0, end_put_data(e, "x", 1));
	}
	for (i = 0; i < room; i++) {
		ASSERT_EQ(1, recv(fd, &byte, 1, 0));
	}
	while ((int32_t)(e->in.credit - room) <= 0) {
		ASSERT_EQ(SEQ_CREDIT, end_get(e));
	}
	ASSERT_EQ(0, end_put_data(e, "z", 1));
	ASSERT_EQ(1, recv(fd, &byte, 1, 0));
	EXPECT_EQ('z', byte);
}

/* A breach that spoil() makes of a good message resets the connection. */
static void expect_breach(struct __test_metadata *_metadata, FIXTURE_DATA(frames) *self,
			  void (*spoil)(struct seq_frame *f))
{
	struct end *e = &self->end;
	int fd = end_accept(e, self->listener);
	struct seq_frame f;
	char byte;

	ASSERT_LE(0, fd);
	ASSERT_EQ(0, end_put_data(e, "x", 1));
	f = end_frame(e, SEQ_DATA);
	spoil(&f);
	ASSERT_EQ(0, end_put_frame(e, &f, 1));
	EXPECT_EQ(SEQ_RESET, end_get_next(e));
	if (recv(fd, &byte, 1, 0) == 1) {
		EXPECT_EQ('x', byte);
		EXPECT_EQ(-1, recv(fd, &byte, 1, 0));
	}
	EXPECT_EQ(EPROTO, errno);
	EXPECT_EQ(0, recv(fd, &byte, 1, 0));
	/* It is gone for both: a stray is reset once more. */
	ASSERT_EQ(0, end_put_data(e, "y", 1));
	EXPECT_EQ(SEQ_RESET, end_get_next(e));
	close(fd);
}

static void repeat_seq(struct seq_frame *f)
{
	f->seq--;
}

static void skip_seq(struct seq_frame *f)
{
	f->seq++;
}

static void other_magic(struct seq_frame *f)
{
	f->magic++;
}

static void other_version(struct seq_frame *f)
{
	f->version = 2;
}

static void type_zero(struct seq_frame *f)
{
	f->type = 0;
}

static void type_seven(struct seq_frame *f)
{
	f->type = 7;
}

TEST_F(frames, message_sent_twice_resets)
{
	expect_breach(_metadata, self, repeat_seq);
}

TEST_F(frames, message_left_out_resets)
{
	expect_breach(_metadata, self, skip_seq);
}

TEST_F(frames, wrong_magic_resets)
{
	expect_breach(_metadata, self, other_magic);
}

TEST_F(frames, wrong_version_resets)
{
	expect_breach(_metadata, self, other_version);
}

TEST_F(frames, unknown_type_resets)
{
	expect_breach(_metadata, self, type_zero);
	self->end.sent = 0;
	self->end.port++;
	expect_breach(_metadata, self, type_seven);
}

TEST_F(frames, truncated_frame_resets)
{
	struct end *e = &self->end;
	int fd = end_accept(e, self->listener);
	struct seq_frame f = end_frame(e, SEQ_DATA);
	char byte;

	ASSERT_EQ(SEQ_HEADER - 1, send(e->raw, &f, SEQ_HEADER - 1, 0));
	EXPECT_EQ(SEQ_RESET, end_get_next(e));
	EXPECT_FAIL(EPROTO, recv(fd, &byte, 1, 0));
}

TEST_F(frames, strays_are_reset_or_ignored)
{
	struct end *e = &self->end;

	e->peer_port = CLOSED_PORT;
	ASSERT_EQ(0, end_put(e, SEQ_REQUEST));
	EXPECT_EQ(SEQ_RESET, end_get(e));
	ASSERT_EQ(0, end_put(e, SEQ_ACCEPT));
	EXPECT_EQ(SEQ_RESET, end_get(e));
	ASSERT_EQ(0, end_put_data(e, "x", 1));
	EXPECT_EQ(SEQ_RESET, end_get(e));
	ASSERT_EQ(0, end_put(e, SEQ_CREDIT));
	ASSERT_EQ(0, end_put_shutdown(e, SEQ_SHUT_BOTH));
	ASSERT_EQ(0, end_put(e, SEQ_RESET));
	EXPECT_TRUE(end_is_silent(e));
	/* To a port that listens, too. */
	e->peer_port = self->port;
	ASSERT_EQ(0, end_put_data(e, "x", 1));
	EXPECT_EQ(SEQ_RESET, end_get(e));
	EXPECT_EQ(0, hft_poll(self->listener, POLLIN, 0));
}

TEST_F(frames, second_accept_is_ignored)
{
	struct end *e = &self->end;
	int fd = end_connect(e, self->vm);
	char byte;

	ASSERT_EQ(0, end_put(e, SEQ_ACCEPT));
	ASSERT_EQ(0, end_put(e, SEQ_ACCEPT));
	ASSERT_EQ(0, end_put_data(e, "x", 1));
	ASSERT_EQ(POLLIN, hft_poll(fd, POLLIN, HFT_PATIENCE_MS));
	EXPECT_EQ(1, recv(fd, &byte, 1, 0));
	EXPECT_TRUE(end_is_silent(e));
}

TEST_F(frames, request_on_a_connection_resets_it)
{
	struct end *e = &self->end;
	int fd = end_accept(e, self->listener);
	char byte;

	ASSERT_LE(0, fd);
	ASSERT_EQ(0, end_put(e, SEQ_REQUEST));
	EXPECT_FAIL(ECONNRESET, recv(fd, &byte, 1, 0));
}

TEST_F(frames, message_before_a_reset_can_be_looked_at)
{
	struct end *e = &self->end;
	int fd = end_accept(e, self->listener), i;
	char data[8];

	ASSERT_LE(0, fd);
	ASSERT_EQ(0, end_put_data(e, "abc", 3));
	ASSERT_EQ(0, end_put(e, SEQ_RESET));
	ASSERT_TRUE(hft_poll(fd, 0, HFT_PATIENCE_MS) & POLLERR);
	for (i = 0; i < 3; i++) {
		EXPECT_EQ(3, recv(fd, data, sizeof(data), MSG_PEEK));
		EXPECT_EQ(0, memcmp(data, "abc", 3));
		EXPECT_FAIL(EFAULT, recv(fd, (void *)16, 3, MSG_PEEK));
	}
	EXPECT_EQ(3, recv(fd, data, sizeof(data), 0));
	EXPECT_EQ(0, memcmp(data, "abc", 3));
	EXPECT_FAIL(ECONNRESET, recv(fd, data, sizeof(data), 0));
}

TEST_HARNESS_MAIN
