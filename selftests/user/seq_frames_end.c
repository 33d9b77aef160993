// SPDX-License-Identifier: GPL-2.0
/*
 * The driver's side of SEQPACKET, frame by frame: shutdown and close.
 * The test plays the guest (hft_frames.h).
 *
 * Needs a seq guest. The guest's side is tested this way in seq_wire.c.
 */
#include <poll.h>
#include <sys/socket.h>

#include "hft_frames.h"
#include "hft_harness.h"

FRAMES_FIXTURE()

TEST_F(frames, shutdown_of_both_is_the_end_without_an_answer)
{
	struct end *e = &self->end;
	int fd = end_accept(e, self->listener);

	ASSERT_EQ(0, end_put_data(e, "x", 1));
	ASSERT_EQ(0, end_put_shutdown(e, SEQ_SHUT_BOTH));
	EXPECT_TRUE(end_is_silent(e));
	EXPECT_FAIL(EPIPE, send(fd, "x", 1, MSG_NOSIGNAL));
	EXPECT_EQ(1, recv(fd, &e->in, 1, 0));
	EXPECT_TRUE(hft_seq_at_end(fd));
	close(fd);
	EXPECT_TRUE(end_is_silent(e));
}

TEST_F(frames, each_half_shut_by_its_side_is_the_end)
{
	struct end *e = &self->end;
	int fd = end_accept(e, self->listener);

	ASSERT_EQ(0, end_put_shutdown(e, SEQ_SHUT_SEND));
	EXPECT_TRUE(hft_seq_at_end(fd));
	ASSERT_EQ(0, shutdown(fd, SHUT_WR));
	ASSERT_EQ(SEQ_SHUTDOWN, end_get_next(e));
	EXPECT_EQ(SEQ_SHUT_SEND, e->in.flags & SEQ_SHUT_SEND);
	EXPECT_TRUE(hft_poll(fd, 0, 1000) & POLLHUP);
}

TEST_F(frames, shutdown_follows_what_was_sent_before)
{
	struct end *e = &self->end;
	int fd = end_accept(e, self->listener), i;

	ASSERT_EQ(0, hft_seq_nap(self->vm, 200));
	for (i = 0; i < 3; i++) {
		ASSERT_EQ(1, send(fd, "x", 1, 0));
	}
	ASSERT_EQ(0, shutdown(fd, SHUT_WR));
	for (i = 0; i < 3; i++) {
		ASSERT_EQ(SEQ_DATA, end_get_next(e));
	}
	ASSERT_EQ(SEQ_SHUTDOWN, end_get_next(e));
	EXPECT_EQ(SEQ_SHUT_SEND, e->in.flags);
}

TEST_F(frames, close_still_sends_what_is_queued)
{
	struct end *e = &self->end;
	int fd = end_accept(e, self->listener), i;

	ASSERT_EQ(0, hft_seq_nap(self->vm, 200));
	for (i = 0; i < 3; i++) {
		ASSERT_EQ(1, send(fd, "x", 1, 0));
	}
	close(fd);
	for (i = 0; i < 3; i++) {
		ASSERT_EQ(SEQ_DATA, end_get_next(e));
	}
	ASSERT_EQ(SEQ_SHUTDOWN, end_get_next(e));
	EXPECT_EQ(SEQ_SHUT_BOTH, e->in.flags);
	/* For the driver it is over: what comes now is a stray. */
	ASSERT_EQ(0, end_put_data(e, "y", 1));
	EXPECT_EQ(SEQ_RESET, end_get_next(e));
}

TEST_F(frames, reset_overtakes_what_is_queued)
{
	struct end *e = &self->end;
	struct linger linger = { .l_onoff = 1, .l_linger = 0 };
	int fd = end_accept(e, self->listener), i;

	ASSERT_EQ(0, setsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, sizeof(linger)));
	ASSERT_EQ(0, hft_seq_nap(self->vm, 200));
	for (i = 0; i < 8; i++) {
		ASSERT_EQ(1, send(fd, "x", 1, 0));
	}
	close(fd);
	/* The first one may have been in the mailbox. */
	i = end_get_next(e);
	if (i == SEQ_DATA)
		i = end_get_next(e);
	EXPECT_EQ(SEQ_RESET, i);
}

TEST_F(frames, shut_rd_tells_the_guest)
{
	struct end *e = &self->end;
	int fd = end_accept(e, self->listener);

	ASSERT_EQ(0, shutdown(fd, SHUT_RD));
	ASSERT_EQ(SEQ_SHUTDOWN, end_get_next(e));
	EXPECT_EQ(SEQ_SHUT_RECV, e->in.flags);
	/* What was under way is no breach. */
	ASSERT_EQ(0, end_put_data(e, "x", 1));
	EXPECT_TRUE(end_is_silent(e));
}

TEST_F(frames, close_during_connect_tells_the_guest)
{
	struct end *e = &self->end;
	int fd = end_connect(e, self->vm);

	ASSERT_LE(0, fd);
	close(fd);
	/* At once, or when the guest answers what nobody waits for any more. */
	if (hft_poll(e->raw, POLLIN, 200) == 0) {
		ASSERT_EQ(0, end_put(e, SEQ_ACCEPT));
	}
	EXPECT_EQ(SEQ_RESET, end_get_next(e));
}

TEST_F(frames, accept_after_the_timeout_is_reset)
{
	struct end *e = &self->end;
	int fd = end_connect(e, self->vm);

	ASSERT_LE(0, fd);
	EXPECT_TRUE(hft_poll(fd, POLLOUT, 2 * HFT_PATIENCE_MS) & POLLERR);
	EXPECT_EQ(ETIMEDOUT, hft_error(fd));
	while (hft_poll(e->raw, POLLIN, 200))
		end_get(e);
	ASSERT_EQ(0, end_put(e, SEQ_ACCEPT));
	EXPECT_EQ(SEQ_RESET, end_get_next(e));
}

TEST_HARNESS_MAIN
