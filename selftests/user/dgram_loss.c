// SPDX-License-Identifier: GPL-2.0
/*
 * Datagrams that find no room are dropped, and not one of them silently: what
 * was sent is what was received and what was counted, in every place that
 * counts.
 *
 * Needs two flood guests.
 */
#include <linux/sock_diag.h>
#include <poll.h>

#include "hft_harness.h"
#include "hft_dgram.h"

#define PORT	5200

FIXTURE(loss) {
	unsigned int vm, other;
	int fd;			/* bound to PORT, small receive buffer */
};

FIXTURE_SETUP(loss)
{
	self->fd = -1;
	if (hft_guest_count("flood") < 2)
		HFT_SKIP("no two flood guests in this boot");
	self->vm = hft_guest("flood", 0)->id;
	self->other = hft_guest("flood", 1)->id;
	self->fd = hft_bound(HF_VM_ID_ANY, PORT);
	ASSERT_LE(0, self->fd);
	ASSERT_EQ(0, hft_set_option(self->fd, SO_RCVBUF, 16384));
}

FIXTURE_TEARDOWN(loss)
{
	close(self->fd);
}

/* Reads all there is; how many, -1 if one has another size. */
static int drain(int fd, int size)
{
	static char buf[HF_MSG_PAYLOAD_MAX + 1];
	int n, count = 0;

	while ((n = recv(fd, buf, sizeof(buf), MSG_DONTWAIT)) >= 0) {
		if (n != size)
			return -1;
		count++;
	}
	return errno == EAGAIN ? count : -1;
}

static int64_t drops(int fd)
{
	return hft_sock_mem(fd, SK_MEMINFO_DROPS);
}

/* The next message's SO_RXQ_OVFL, -1 = it has none. */
static int64_t drops_before_next(int fd)
{
	char buf[HF_MSG_PAYLOAD_MAX];
	union {
		struct cmsghdr align;
		char space[CMSG_SPACE(sizeof(uint32_t)) + 64];
	} control;
	struct iovec iov = { buf, sizeof(buf) };
	struct msghdr msg = {
		.msg_iov = &iov, .msg_iovlen = 1,
		.msg_control = &control, .msg_controllen = sizeof(control),
	};
	struct cmsghdr *c;
	uint32_t value;

	if (recvmsg(fd, &msg, 0) < 0)
		return -2;
	for (c = CMSG_FIRSTHDR(&msg); c; c = CMSG_NXTHDR(&msg, c))
		if (c->cmsg_level == SOL_SOCKET && c->cmsg_type == SO_RXQ_OVFL) {
			memcpy(&value, CMSG_DATA(c), sizeof(value));
			return value;
		}
	return -1;
}

TEST_F(loss, sent_is_received_and_counted)
{
	static const int sizes[] = { 8, 100, 1000, HF_MSG_PAYLOAD_MAX };
	enum { COUNT = 300 };
	int64_t lost = 0;
	int i, got;

	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		ASSERT_EQ(0, hft_flood(self->vm, 1, PORT, COUNT, sizes[i]));
		got = drain(self->fd, sizes[i]);
		EXPECT_LT(0, got);
		EXPECT_GT(COUNT, got);
		EXPECT_EQ(COUNT, got + drops(self->fd) - lost);
		lost = drops(self->fd);
	}
}

TEST_F(loss, two_senders_at_once_are_counted_as_well)
{
	enum { COUNT = 500 };
	int got;

	ASSERT_EQ(0, hft_flood_start(self->vm, 1, PORT, COUNT, 100));
	ASSERT_EQ(0, hft_flood(self->other, 1, PORT, COUNT, 100));
	ASSERT_EQ(0, hft_flood(self->vm, 1, PORT, 0, 8));
	got = drain(self->fd, 100);
	EXPECT_LT(0, got);
	EXPECT_EQ(2 * COUNT, got + drops(self->fd));
}

static int read_until_told(void *arg)
{
	int *shared = arg, fd = shared[0];

	while (!__atomic_load_n(&shared[1], __ATOMIC_SEQ_CST)) {
		int n = drain(fd, 100);

		if (n < 0)
			return 1;
		shared[2] += n;
		hft_sleep_ms(20);
	}
	return 0;
}

TEST_F(loss, reader_that_is_at_work_misses_none)
{
	enum { COUNT = 2000 };
	int *shared = hft_shared(3 * sizeof(int));
	pid_t child;

	shared[0] = self->fd;
	child = hft_spawn(read_until_told, shared);
	EXPECT_EQ(0, hft_flood(self->vm, 1, PORT, COUNT, 100));
	__atomic_store_n(&shared[1], 1, __ATOMIC_SEQ_CST);
	ASSERT_EQ(0, hft_join(child, HFT_PATIENCE_MS));
	EXPECT_LT(0, shared[2]);
	EXPECT_EQ(COUNT, shared[2] + drain(self->fd, 100) + drops(self->fd));
}

TEST_F(loss, nothing_is_lost_while_there_is_room)
{
	int i, fd = hft_bound(HF_VM_ID_ANY, PORT + 1);
	uint64_t seq;

	ASSERT_EQ(0, hft_set_option(fd, SO_RCVBUFFORCE, 4 << 20));
	ASSERT_EQ(0, hft_flood(self->vm, 1, PORT + 1, 1000, 8));
	for (i = 0; i < 1000; i++) {
		ASSERT_EQ(8, recv(fd, &seq, sizeof(seq), MSG_DONTWAIT));
		ASSERT_EQ(i, seq);
	}
	EXPECT_EQ(0, drops(fd));
	close(fd);
}

TEST_F(loss, option_tells_how_many_were_lost_before_a_message)
{
	int64_t lost;

	ASSERT_EQ(0, hft_set_option(self->fd, SO_RXQ_OVFL, 1));
	ASSERT_EQ(0, hft_flood(self->vm, 1, PORT, 200, 100));
	lost = drops(self->fd);
	ASSERT_LT(0, lost);
	/* The first was there before anything was lost. */
	EXPECT_GE(0, drops_before_next(self->fd));
	EXPECT_LT(0, drain(self->fd, 100));
	/* The next one to arrive tells them all. */
	ASSERT_EQ(0, hft_flood(self->vm, 1, PORT, 1, 100));
	EXPECT_EQ(lost, drops_before_next(self->fd));
	EXPECT_EQ(lost, drops(self->fd));
}

TEST_F(loss, without_the_option_there_is_no_control_message)
{
	ASSERT_EQ(0, hft_flood(self->vm, 1, PORT, 200, 100));
	ASSERT_LT(0, drops(self->fd));
	EXPECT_LT(0, drain(self->fd, 100));
	ASSERT_EQ(0, hft_flood(self->vm, 1, PORT, 1, 100));
	EXPECT_EQ(-1, drops_before_next(self->fd));
}

TEST_F(loss, all_counters_agree)
{
	struct hft_line line;

	ASSERT_EQ(0, hft_proc_line(self->fd, &line));
	EXPECT_EQ(0, line.drops);
	ASSERT_EQ(0, hft_flood(self->vm, 1, PORT, 200, 100));
	ASSERT_LT(0, drops(self->fd));
	ASSERT_EQ(0, hft_proc_line(self->fd, &line));
	EXPECT_EQ(drops(self->fd), line.drops);
	EXPECT_EQ(hft_sock_mem(self->fd, SK_MEMINFO_RMEM_ALLOC), line.rmem);
}

TEST_F(loss, oldest_messages_are_kept)
{
	uint64_t seq, next = 0;

	ASSERT_EQ(0, hft_flood(self->vm, 1, PORT, 200, 8));
	ASSERT_LT(0, drops(self->fd));
	while (recv(self->fd, &seq, sizeof(seq), MSG_DONTWAIT) == sizeof(seq))
		ASSERT_EQ(next++, seq);
	EXPECT_EQ(200, next + drops(self->fd));
}

TEST_F(loss, full_socket_costs_others_nothing)
{
	int fd = hft_bound(HF_VM_ID_ANY, PORT + 1);

	ASSERT_EQ(0, hft_flood(self->vm, 1, PORT, 200, 100));
	ASSERT_LT(0, drops(self->fd));
	ASSERT_EQ(0, hft_flood(self->vm, 1, PORT + 1, 10, 100));
	ASSERT_EQ(0, hft_flood(self->other, 1, PORT + 1, 10, 100));
	EXPECT_EQ(20, drain(fd, 100));
	EXPECT_EQ(0, drops(fd));
	close(fd);
}

TEST_F(loss, receive_buffer_is_honoured)
{
	int room = hft_option(self->fd, SO_RCVBUF);
	int64_t used;

	EXPECT_EQ(2 * 16384, room);
	ASSERT_EQ(0, hft_flood(self->vm, 1, PORT, 200, 1000));
	used = hft_sock_mem(self->fd, SK_MEMINFO_RMEM_ALLOC);
	EXPECT_LT(room / 2, used);
	EXPECT_GE(room + 8192, used);
	EXPECT_LT(0, drain(self->fd, 1000));
	EXPECT_EQ(0, hft_sock_mem(self->fd, SK_MEMINFO_RMEM_ALLOC));
}

/* Else a flood of them would take many times the memory that the limit says. */
TEST_F(loss, small_messages_are_charged_their_true_size)
{
	int64_t used;
	int got;

	ASSERT_EQ(0, hft_flood(self->vm, 1, PORT, 300, 8));
	used = hft_sock_mem(self->fd, SK_MEMINFO_RMEM_ALLOC);
	got = drain(self->fd, 8);
	ASSERT_LT(0, got);
	EXPECT_LE(256, used / got);
}

TEST_F(loss, messages_for_somebody_else_are_not_counted_here)
{
	ASSERT_EQ(0, hft_flood(self->vm, 1, PORT + 7, 50, 100));
	EXPECT_EQ(0, drops(self->fd));
	ASSERT_EQ(0, hft_connect_to(self->fd, self->vm, 1));
	ASSERT_EQ(0, hft_flood(self->vm, 1, PORT, 3, 100));
	EXPECT_EQ(3, drain(self->fd, 100));
	EXPECT_EQ(0, drops(self->fd));
}

TEST_F(loss, after_shut_rd_arrivals_are_counted)
{
	char buf[100];

	ASSERT_EQ(0, hft_connect_to(self->fd, self->vm, 1));
	ASSERT_EQ(0, hft_flood(self->vm, 1, PORT, 2, 100));
	ASSERT_EQ(0, shutdown(self->fd, SHUT_RD));
	ASSERT_EQ(0, hft_flood(self->vm, 1, PORT, 5, 100));
	EXPECT_EQ(100, recv(self->fd, buf, sizeof(buf), 0));
	EXPECT_EQ(100, recv(self->fd, buf, sizeof(buf), 0));
	EXPECT_EQ(0, recv(self->fd, buf, sizeof(buf), 0));
	EXPECT_EQ(5, drops(self->fd));
}

TEST_HARNESS_MAIN
