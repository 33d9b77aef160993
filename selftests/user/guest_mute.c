// SPDX-License-Identifier: GPL-2.0
/*
 * A guest that never reads: its mailbox fills, then the socket's send buffer,
 * and from then on a sender waits, is told to come back, or is interrupted.
 *
 * Needs a mute guest. Each test begins with an empty send buffer of its own;
 * the mailbox is full from the first message of the boot on.
 */
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>

#include "hft_harness.h"

FIXTURE(mute) {
	int fd;
	int refs;
};

FIXTURE_SETUP(mute)
{
	const struct hft_guest *guest = hft_guest("mute", 0);

	if (!guest)
		HFT_SKIP("no mute guest in this boot");
	self->refs = hft_module_refs_settled();
	self->fd = hft_connect(guest->id, 10);
	ASSERT_LE(0, self->fd);
}

FIXTURE_TEARDOWN(mute)
{
	close(self->fd);
}

TEST_F(mute, full_send_buffer_says_eagain)
{
	int sent = hft_fill_queue(self->fd, 1000);

	EXPECT_LT(1, sent);
	EXPECT_GT(10000, sent);
	EXPECT_EQ(-1, send(self->fd, "x", 1, MSG_DONTWAIT));
	EXPECT_EQ(EAGAIN, errno);
}

TEST_F(mute, full_send_buffer_is_not_writable)
{
	EXPECT_EQ(POLLOUT, hft_poll(self->fd, POLLOUT, 0));
	ASSERT_LT(1, hft_fill_queue(self->fd, 4000));
	EXPECT_EQ(0, hft_poll(self->fd, POLLOUT, 200));
}

TEST_F(mute, send_timeout_ends_a_blocking_send)
{
	static char buf[HF_MSG_PAYLOAD_MAX];
	int64_t start;

	ASSERT_LT(1, hft_fill_queue(self->fd, 4000));
	ASSERT_EQ(0, hft_set_timeout(self->fd, SO_SNDTIMEO, 300));
	start = hft_ticks_ns();
	EXPECT_EQ(-1, send(self->fd, buf, sizeof(buf), 0));
	EXPECT_EQ(EAGAIN, errno);
	EXPECT_LE(290000000, hft_ticks_ns() - start);
}

static int send_until_it_ends(void *fd)
{
	static char buf[HF_MSG_PAYLOAD_MAX];

	hft_set_timeout(*(int *)fd, SO_SNDTIMEO, 0);
	return send(*(int *)fd, buf, sizeof(buf), 0) == -1 && errno == EINTR ?
	       0 : 1;
}

static void nothing(int sig)
{
}

TEST_F(mute, signal_interrupts_a_blocking_send)
{
	struct sigaction action = { .sa_handler = nothing };
	pid_t child;

	ASSERT_LT(1, hft_fill_queue(self->fd, 4000));
	/* Without SA_RESTART, and inherited by the child. */
	ASSERT_EQ(0, sigaction(SIGUSR1, &action, NULL));
	child = hft_spawn(send_until_it_ends, &self->fd);
	hft_sleep_ms(300);
	EXPECT_EQ(0, waitpid(child, NULL, WNOHANG));
	EXPECT_EQ(0, kill(child, SIGUSR1));
	EXPECT_EQ(0, hft_join(child, HFT_PATIENCE_MS));
}

TEST_F(mute, blocked_sender_can_be_killed)
{
	pid_t child;

	ASSERT_LT(1, hft_fill_queue(self->fd, 4000));
	child = hft_spawn(send_until_it_ends, &self->fd);
	hft_sleep_ms(200);
	EXPECT_EQ(0, kill(child, SIGKILL));
	EXPECT_EQ(child, waitpid(child, NULL, 0));
}

TEST_F(mute, closing_gives_up_what_is_queued)
{
	ASSERT_LT(1, hft_fill_queue(self->fd, 1000));
	close(self->fd);
	self->fd = -1;
	/* Queued messages must not hold the socket, and with it the module. */
	EXPECT_GE(self->refs, hft_module_refs_wait(self->refs));
}

TEST_F(mute, one_full_socket_leaves_room_for_another)
{
	const struct hft_guest *guest = hft_guest("mute", 0);
	int other = hft_connect(guest->id, 10);

	ASSERT_LT(1, hft_fill_queue(self->fd, 1000));
	EXPECT_EQ(3, send(other, "abc", 3, MSG_DONTWAIT));
	close(other);
}

TEST_F(mute, smaller_send_buffer_fills_earlier)
{
	int before = hft_fill_queue(self->fd, 1000), room = 1;
	const struct hft_guest *guest = hft_guest("mute", 0);
	int small = hft_connect(guest->id, 10);

	ASSERT_EQ(0, setsockopt(small, SOL_SOCKET, SO_SNDBUF, &room, sizeof(room)));
	EXPECT_GT(before, hft_fill_queue(small, 1000));
	close(small);
}

TEST_F(mute, others_are_served_meanwhile)
{
	HFT_NEED_GUEST(echo, "echo", 0);

	ASSERT_LT(1, hft_fill_queue(self->fd, 1000));
	EXPECT_EQ(0, hft_echo_once(echo->id, HF_MSG_PAYLOAD_MAX));
}

TEST_HARNESS_MAIN
