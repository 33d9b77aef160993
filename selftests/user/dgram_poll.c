// SPDX-License-Identifier: GPL-2.0
/*
 * poll() and epoll: what is there is said, level and edge triggered, and no edge
 * gets lost. A lost edge shows as a wait that runs into HFT_PATIENCE_MS.
 *
 * Needs an echo, a flood and a mute guest.
 */
#include <fcntl.h>
#include <poll.h>
#include <sys/epoll.h>

#include "hft_harness.h"
#include "hft_dgram.h"

/* 60 s were too few on four CPUs of a host at load 15, where a second becomes ten. */
#undef TEST_TIMEOUT_DEFAULT
#define TEST_TIMEOUT_DEFAULT 240

FIXTURE(poll) {
	unsigned int vm, flood, mute;
	int fd;			/* connected to the echo guest */
	int ep;
};

FIXTURE_SETUP(poll)
{
	self->fd = self->ep = -1;
	if (!hft_guest("echo", 0) || !hft_guest("flood", 0) || !hft_guest("mute", 0))
		HFT_SKIP("no echo, flood and mute guest in this boot");
	self->vm = hft_guest("echo", 0)->id;
	self->flood = hft_guest("flood", 0)->id;
	self->mute = hft_guest("mute", 0)->id;
	self->fd = hft_connect(self->vm, 10);
	self->ep = epoll_create1(0);
	ASSERT_LE(0, self->fd);
	ASSERT_LE(0, self->ep);
}

FIXTURE_TEARDOWN(poll)
{
	close(self->ep);
	close(self->fd);
}

static int watch(int ep, int fd, uint32_t events)
{
	struct epoll_event event = { .events = events };

	return epoll_ctl(ep, EPOLL_CTL_ADD, fd, &event);
}

/* The events of the next report; 0 = none in time. */
static uint32_t next_event(int ep, int timeout_ms)
{
	struct epoll_event event;

	return epoll_wait(ep, &event, 1, timeout_ms) == 1 ? event.events : 0;
}

static int drain(int fd)
{
	static char buf[HF_MSG_PAYLOAD_MAX];
	int count = 0;

	while (recv(fd, buf, sizeof(buf), MSG_DONTWAIT) >= 0)
		count++;
	return count;
}

TEST_F(poll, new_socket_is_writable_and_no_more)
{
	int fd = hft_socket();

	EXPECT_EQ(POLLOUT, hft_poll(self->fd, POLLIN | POLLOUT | POLLRDHUP, 0));
	EXPECT_EQ(POLLOUT, hft_poll(fd, POLLIN | POLLOUT | POLLRDHUP, 0));
	close(fd);
}

TEST_F(poll, level_is_reported_until_it_is_read)
{
	int i;

	ASSERT_EQ(0, watch(self->ep, self->fd, EPOLLIN));
	EXPECT_EQ(0, next_event(self->ep, 0));
	ASSERT_EQ(3, send(self->fd, "abc", 3, 0));
	EXPECT_EQ(EPOLLIN, next_event(self->ep, HFT_PATIENCE_MS));
	for (i = 0; i < 3; i++)
		EXPECT_EQ(EPOLLIN, next_event(self->ep, 0));
	EXPECT_EQ(1, drain(self->fd));
	EXPECT_EQ(0, next_event(self->ep, 0));
}

TEST_F(poll, edge_is_reported_once_for_each_arrival)
{
	ASSERT_EQ(0, watch(self->ep, self->fd, EPOLLIN | EPOLLET));
	ASSERT_EQ(3, send(self->fd, "abc", 3, 0));
	EXPECT_EQ(EPOLLIN, next_event(self->ep, HFT_PATIENCE_MS));
	EXPECT_EQ(0, next_event(self->ep, 100));
	/* Another one, although the first is still there. */
	ASSERT_EQ(3, send(self->fd, "def", 3, 0));
	EXPECT_EQ(EPOLLIN, next_event(self->ep, HFT_PATIENCE_MS));
	EXPECT_EQ(2, drain(self->fd));
}

TEST_F(poll, oneshot_is_reported_once)
{
	struct epoll_event again = { .events = EPOLLIN | EPOLLONESHOT };

	ASSERT_EQ(0, watch(self->ep, self->fd, EPOLLIN | EPOLLONESHOT));
	ASSERT_EQ(3, send(self->fd, "abc", 3, 0));
	EXPECT_EQ(EPOLLIN, next_event(self->ep, HFT_PATIENCE_MS));
	ASSERT_EQ(3, send(self->fd, "def", 3, 0));
	EXPECT_EQ(0, next_event(self->ep, 100));
	ASSERT_EQ(0, epoll_ctl(self->ep, EPOLL_CTL_MOD, self->fd, &again));
	EXPECT_EQ(EPOLLIN, next_event(self->ep, HFT_PATIENCE_MS));
}

TEST_F(poll, shut_rd_is_an_edge)
{
	ASSERT_EQ(0, watch(self->ep, self->fd, EPOLLIN | EPOLLRDHUP | EPOLLET));
	EXPECT_EQ(0, next_event(self->ep, 0));
	ASSERT_EQ(0, shutdown(self->fd, SHUT_RD));
	EXPECT_EQ(EPOLLIN | EPOLLRDHUP, next_event(self->ep, HFT_PATIENCE_MS));
}

/* Every message's answer is seen, by waiting for edges alone. */
TEST_F(poll, no_readable_edge_is_lost)
{
	enum { ROUNDS = 400, AT_ONCE = 5 };
	int i, n, got;

	ASSERT_EQ(0, watch(self->ep, self->fd, EPOLLIN | EPOLLET));
	for (i = 0; i < ROUNDS; i++) {
		for (n = 0; n <= i % AT_ONCE; n++)
			ASSERT_EQ(sizeof(i), send(self->fd, &i, sizeof(i), 0));
		for (got = drain(self->fd); got < n; got += drain(self->fd))
			ASSERT_EQ(EPOLLIN, next_event(self->ep, HFT_PATIENCE_MS)) {
				TH_LOG("round %d: %d of %d", i, got, n);
			}
	}
}

/* The reader leaves just when the next message arrives: reads one, waits again. */
TEST_F(poll, no_readable_edge_is_lost_under_a_flood)
{
	enum { COUNT = 3000 };
	int fd = hft_bound(HF_VM_ID_ANY, 5300), got = 0;

	ASSERT_EQ(0, hft_set_option(fd, SO_RCVBUFFORCE, 64 << 20));
	ASSERT_EQ(0, watch(self->ep, fd, EPOLLIN | EPOLLET));
	ASSERT_EQ(0, hft_flood_start(self->flood, 1, 5300, COUNT, 8));
	while (got < COUNT) {
		ASSERT_EQ(EPOLLIN, next_event(self->ep, HFT_PATIENCE_MS)) {
			TH_LOG("%d of %d", got, COUNT);
		}
		got += drain(fd);
	}
	EXPECT_EQ(COUNT, got);
	close(fd);
}

/* The send buffer is full again and again; each time an edge says when it is not. */
TEST_F(poll, no_writable_edge_of_the_send_buffer_is_lost)
{
	enum { ROUNDS = 150 };
	int fd = hft_connect(self->flood, 10), i;

	ASSERT_EQ(0, hft_set_option(fd, SO_SNDBUF, 16384));
	ASSERT_EQ(0, watch(self->ep, fd, EPOLLOUT | EPOLLET));
	EXPECT_EQ(EPOLLOUT, next_event(self->ep, HFT_PATIENCE_MS));
	for (i = 0; i < ROUNDS; i++) {
		ASSERT_LE(0, hft_fill_queue(fd, 8));
		ASSERT_EQ(EPOLLOUT, next_event(self->ep, HFT_PATIENCE_MS)) {
			TH_LOG("round %d", i);
		}
	}
	close(fd);
}

/* One socket that fills the VM's 4 MiB alone: the edge comes from the total. */
TEST_F(poll, no_writable_edge_of_the_total_is_lost)
{
	enum { ROUNDS = 3 };
	int fd = hft_connect(self->flood, 10), i;

	ASSERT_EQ(0, hft_set_option(fd, SO_SNDBUFFORCE, 32 << 20));
	ASSERT_EQ(0, watch(self->ep, fd, EPOLLOUT | EPOLLET));
	EXPECT_EQ(EPOLLOUT, next_event(self->ep, HFT_PATIENCE_MS));
	for (i = 0; i < ROUNDS; i++) {
		ASSERT_LE(0, hft_fill_queue(fd, 8));
		ASSERT_EQ(EPOLLOUT, next_event(self->ep, 12 * HFT_PATIENCE_MS)) {
			TH_LOG("round %d", i);
		}
	}
	close(fd);
}

static int fill_total(int fd)
{
	if (hft_set_option(fd, SO_SNDBUFFORCE, 32 << 20))
		return -1;
	return hft_fill_queue(fd, 1000);
}

TEST_F(poll, total_of_a_vm_is_4_mib)
{
	int hog = hft_connect(self->mute, 10), small = hft_connect(self->mute, 11);
	int sent = fill_total(hog);

	/* 1000 bytes take between 1.3 and 4.5 KiB of the kernel's memory. */
	EXPECT_LT(500, sent);
	EXPECT_GT(3500, sent);
	EXPECT_EQ(0, hft_poll(hog, POLLOUT, 100));
	/* So that everybody gets a turn, the first message always has room. */
	EXPECT_EQ(1, send(small, "x", 1, MSG_DONTWAIT));
	EXPECT_FAIL(EAGAIN, send(small, "x", 1, MSG_DONTWAIT));
	EXPECT_EQ(0, hft_poll(small, POLLOUT, 0));
	/* Another VM's queue is another one. */
	EXPECT_EQ(0, hft_echo(self->fd, 100, 1));
	close(hog);
	close(small);
}

TEST_F(poll, room_in_the_total_wakes_who_waits_for_it)
{
	int hog = hft_connect(self->mute, 10), small = hft_connect(self->mute, 11);

	ASSERT_EQ(0, watch(self->ep, small, EPOLLOUT | EPOLLET));
	EXPECT_EQ(EPOLLOUT, next_event(self->ep, HFT_PATIENCE_MS));
	ASSERT_LT(0, fill_total(hog));
	ASSERT_EQ(1, send(small, "x", 1, MSG_DONTWAIT));
	EXPECT_FAIL(EAGAIN, send(small, "x", 1, MSG_DONTWAIT));
	EXPECT_EQ(0, next_event(self->ep, 0));
	close(hog);
	EXPECT_EQ(EPOLLOUT, next_event(self->ep, HFT_PATIENCE_MS));
	EXPECT_EQ(1, send(small, "x", 1, MSG_DONTWAIT));
	close(small);
}

struct pair {
	int hog, small;
};

/* The hog is the parent's to close. */
static int wait_writable(void *arg)
{
	struct pair *pair = arg;

	close(pair->hog);
	return hft_poll(pair->small, POLLOUT, 2 * HFT_PATIENCE_MS) == POLLOUT ? 0 : 1;
}

TEST_F(poll, room_in_the_total_wakes_a_poll_that_was_never_refused)
{
	struct pair pair = { hft_connect(self->mute, 10), hft_connect(self->mute, 11) };
	pid_t child;

	ASSERT_LT(0, fill_total(pair.hog));
	ASSERT_EQ(1, send(pair.small, "x", 1, MSG_DONTWAIT));
	child = hft_spawn(wait_writable, &pair);
	hft_sleep_ms(200);
	EXPECT_EQ(0, waitpid(child, NULL, WNOHANG));
	close(pair.hog);
	EXPECT_EQ(0, hft_join(child, HFT_PATIENCE_MS));
	close(pair.small);
}

static int send_two(void *arg)
{
	struct pair *pair = arg;
	int fd;

	/* All but one are the parent's to close. */
	for (fd = 3; fd < 64; fd++)
		if (fd != pair->small)
			close(fd);
	return send(pair->small, "x", 1, 0) == 1 && send(pair->small, "y", 1, 0) == 1 ? 0 : 1;
}

TEST_F(poll, room_in_the_total_wakes_a_blocked_sender)
{
	struct pair pair = { hft_connect(self->mute, 10), hft_connect(self->mute, 11) };
	pid_t child;

	ASSERT_LT(0, fill_total(pair.hog));
	/* No time limit of its own: only room can end this. */
	ASSERT_EQ(0, hft_set_timeout(pair.small, SO_SNDTIMEO, 0));
	child = hft_spawn(send_two, &pair);
	hft_sleep_ms(200);
	EXPECT_EQ(0, waitpid(child, NULL, WNOHANG));
	close(pair.hog);
	EXPECT_EQ(0, hft_join(child, HFT_PATIENCE_MS));
	close(pair.small);
}

/* A socket with next to nothing queued is closed, which wakes others, too early. */
TEST_F(poll, socket_that_goes_takes_no_wake_up_along)
{
	struct pair pair = { hft_connect(self->mute, 10), hft_connect(self->mute, 11) };
	int other = hft_connect(self->mute, 12);
	pid_t child;

	ASSERT_LT(0, fill_total(pair.hog));
	ASSERT_EQ(1, send(other, "x", 1, MSG_DONTWAIT));
	ASSERT_EQ(0, hft_set_timeout(pair.small, SO_SNDTIMEO, 0));
	child = hft_spawn(send_two, &pair);
	hft_sleep_ms(200);
	EXPECT_EQ(0, waitpid(child, NULL, WNOHANG));
	close(other);
	hft_sleep_ms(100);
	EXPECT_EQ(0, waitpid(child, NULL, WNOHANG));
	close(pair.hog);
	EXPECT_EQ(0, hft_join(child, HFT_PATIENCE_MS));
	close(pair.small);
}

static int wait_readable(void *fd)
{
	return hft_poll(*(int *)fd, POLLIN, 2 * HFT_PATIENCE_MS) == POLLIN ? 0 : 1;
}

TEST_F(poll, all_who_wait_are_woken)
{
	pid_t child[4];
	int i;

	for (i = 0; i < ARRAY_SIZE(child); i++)
		child[i] = hft_spawn(wait_readable, &self->fd);
	hft_sleep_ms(200);
	ASSERT_EQ(3, send(self->fd, "abc", 3, 0));
	for (i = 0; i < ARRAY_SIZE(child); i++)
		EXPECT_EQ(0, hft_join(child[i], HFT_PATIENCE_MS));
}

static volatile int sigios;

static void count_sigio(int sig)
{
	sigios++;
}

TEST_F(poll, arrival_raises_sigio_for_those_who_asked)
{
	int64_t end = hft_now_ns() + HFT_PATIENCE_MS * 1000000LL;

	signal(SIGIO, count_sigio);
	ASSERT_EQ(0, fcntl(self->fd, F_SETOWN, getpid()));
	ASSERT_EQ(0, fcntl(self->fd, F_SETFL, O_ASYNC));
	ASSERT_EQ(3, send(self->fd, "abc", 3, 0));
	while (!sigios && hft_now_ns() < end)
		hft_sleep_ms(5);
	EXPECT_LT(0, sigios);
}

TEST_HARNESS_MAIN
