// SPDX-License-Identifier: GPL-2.0
/*
 * poll() and epoll of SEQPACKET: levels, and edges that must not get lost.
 *
 * A lost edge shows as a wait that ends without an event. Needs a seq guest.
 */
#include <poll.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include "hft_seq.h"
#include "hft_harness.h"

SEQ_FIXTURE()

static uint64_t buf[HF_MSG_PAYLOAD_MAX / 8 + 1];

/* An epoll instance that watches one descriptor, edge triggered. */
static int watch(int fd, uint32_t events)
{
	struct epoll_event ev = { .events = events | EPOLLET };
	int ep = epoll_create1(0);

	if (ep < 0 || epoll_ctl(ep, EPOLL_CTL_ADD, fd, &ev))
		return -1;
	return ep;
}

/* The next event; 0 = none came in time. */
static uint32_t edge(int ep, int timeout_ms)
{
	struct epoll_event ev = { 0 };

	return epoll_wait(ep, &ev, 1, timeout_ms) == 1 ? ev.events : 0;
}

TEST_F(seq, idle_connection_is_writable_only)
{
	int fd = hft_seq_connect(self->vm, SEQ_PORT_ECHO);

	EXPECT_EQ(POLLOUT, hft_poll(fd, POLLIN | POLLOUT | POLLPRI | POLLRDHUP, 0));
}

TEST_F(seq, message_makes_readable_until_it_is_read)
{
	int fd = hft_seq_connect(self->vm, SEQ_PORT_ECHO);

	ASSERT_EQ(1, send(fd, "x", 1, 0));
	EXPECT_EQ(POLLIN | POLLRDNORM, hft_poll(fd, POLLIN | POLLRDNORM, HFT_PATIENCE_MS));
	EXPECT_EQ(POLLIN, hft_poll(fd, POLLIN, 0));
	ASSERT_EQ(1, recv(fd, buf, sizeof(buf), 0));
	EXPECT_EQ(0, hft_poll(fd, POLLIN, 0));
}

TEST_F(seq, empty_message_makes_readable)
{
	int fd = hft_seq_connect(self->vm, SEQ_PORT_ECHO);

	ASSERT_EQ(0, send(fd, "", 0, 0));
	EXPECT_EQ(POLLIN, hft_poll(fd, POLLIN, HFT_PATIENCE_MS));
}

TEST_F(seq, full_connection_is_not_writable)
{
	int fd = hft_seq_connect(self->vm, SEQ_PORT_DEAF);

	ASSERT_LT(0, hft_fill_queue(fd, 1000));
	EXPECT_EQ(0, hft_poll(fd, POLLOUT, 100));
}

TEST_F(seq, listener_is_readable_while_somebody_waits)
{
	int control = hft_seq_connect(self->vm, SEQ_PORT_BACK);
	uint64_t port = 0;
	int fd = hft_seq_listen(&port, 4);

	EXPECT_EQ(0, hft_poll(fd, POLLIN | POLLOUT, 50));
	ASSERT_EQ(0, hft_seq_back(control, port, 2, SEQ_BACK_HOLD, 0));
	EXPECT_EQ(POLLIN, hft_poll(fd, POLLIN, HFT_PATIENCE_MS));
	EXPECT_LE(0, hft_accept(fd));
	EXPECT_EQ(POLLIN, hft_poll(fd, POLLIN, HFT_PATIENCE_MS));
	EXPECT_LE(0, hft_accept(fd));
	EXPECT_EQ(0, hft_poll(fd, POLLIN, 50));
}

TEST_F(seq, ends_show_without_being_asked_for)
{
	int closed = hft_seq_connect(self->vm, SEQ_PORT_CLOSE);
	int half = hft_seq_connect(self->vm, SEQ_PORT_HALF);

	EXPECT_EQ(POLLHUP, hft_poll(closed, 0, HFT_PATIENCE_MS));
	ASSERT_EQ(1, send(half, "x", 1, 0));
	EXPECT_EQ(POLLIN | POLLRDHUP,
		  hft_poll(half, POLLIN | POLLRDHUP, HFT_PATIENCE_MS));
	/* Half an end is no hang-up. */
	EXPECT_EQ(0, hft_poll(half, 0, 50));
}

TEST_F(seq, edge_of_a_connect_is_seen)
{
	int i, fd, ep;

	for (i = 0; i < 50; i++) {
		fd = hft_seq_socket();
		ASSERT_EQ(0, hft_set_nonblocking(fd));
		if (!hft_seq_connect_to(fd, self->vm, SEQ_PORT_ECHO)) {
			close(fd);
			continue;
		}
		ASSERT_EQ(EINPROGRESS, errno);
		ep = watch(fd, EPOLLOUT);
		ASSERT_LE(0, ep);
		ASSERT_TRUE(edge(ep, HFT_PATIENCE_MS) & EPOLLOUT);
		ASSERT_EQ(0, hft_error(fd));
		close(ep);
		close(fd);
	}
}

/* Reads all there is at each edge, as one has to. */
TEST_F(seq, no_edge_of_a_message_is_lost)
{
	enum { COUNT = 2000 };
	int fd = hft_seq_connect(self->vm, SEQ_PORT_SOURCE), ep;
	uint64_t next = 0;
	ssize_t n = 0;

	ep = watch(fd, EPOLLIN);
	ASSERT_LE(0, ep);
	ASSERT_EQ(0, hft_seq_source(fd, COUNT, 16));
	while (next < COUNT) {
		ASSERT_TRUE(edge(ep, HFT_PATIENCE_MS) & EPOLLIN);
		while ((n = recv(fd, buf, sizeof(buf), MSG_DONTWAIT)) > 0) {
			ASSERT_TRUE(seq_numbered(buf, n, next));
			next++;
		}
		if (n < 0) {
			ASSERT_EQ(EAGAIN, errno);
		}
	}
}

TEST_F(seq, no_edge_of_an_answer_is_lost)
{
	int fd = hft_seq_connect(self->vm, SEQ_PORT_ECHO), ep;
	uint64_t i;

	ep = watch(fd, EPOLLIN);
	for (i = 0; i < 2000; i++) {
		ASSERT_EQ(0, hft_seq_give(fd, i, 32, 0));
		ASSERT_TRUE(edge(ep, HFT_PATIENCE_MS) & EPOLLIN);
		ASSERT_EQ(32, recv(fd, buf, sizeof(buf), MSG_DONTWAIT));
		ASSERT_TRUE(seq_numbered(buf, 32, i));
	}
}

/* Fills the socket until it says no, then waits for the edge. */
static void expect_room_edges(struct __test_metadata *_metadata, int fd, uint64_t count, size_t len)
{
	int ep = watch(fd, EPOLLOUT), edges = 0;
	uint64_t i = 0;

	ASSERT_LE(0, ep);
	ASSERT_TRUE(edge(ep, 1000) & EPOLLOUT);
	while (i < count) {
		if (!hft_seq_give(fd, i, len, MSG_DONTWAIT)) {
			i++;
			continue;
		}
		ASSERT_EQ(EAGAIN, errno);
		ASSERT_TRUE(edge(ep, 2 * HFT_PATIENCE_MS) & EPOLLOUT);
		edges++;
	}
	EXPECT_LT(0, edges);
	close(ep);
}

TEST_F(seq, no_edge_of_room_is_lost)
{
	int fd = hft_seq_connect(self->vm, SEQ_PORT_SINK);
	struct seq_sum sum;

	expect_room_edges(_metadata, fd, 2000, 1000);
	ASSERT_EQ(0, shutdown(fd, SHUT_WR));
	ASSERT_EQ(sizeof(sum), recv(fd, &sum, sizeof(sum), 0));
	EXPECT_EQ(2000, sum.count);
}

TEST_F(seq, no_edge_of_room_is_lost_in_a_small_buffer)
{
	int fd = hft_seq_connect(self->vm, SEQ_PORT_SINK), one = 1;
	struct seq_sum sum;

	ASSERT_EQ(0, setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &one, sizeof(one)));
	expect_room_edges(_metadata, fd, 2000, 16);
	ASSERT_EQ(0, shutdown(fd, SHUT_WR));
	ASSERT_EQ(sizeof(sum), recv(fd, &sum, sizeof(sum), 0));
	EXPECT_EQ(2000, sum.count);
}

static int take_slowly(void *arg)
{
	uint64_t i;

	for (i = 0; i < 500; i++)
		if (hft_seq_take(*(int *)arg, i))
			return 1;
	return 0;
}

/* The answers' reader is another process, the room comes back through credit. */
TEST_F(seq, no_edge_of_room_is_lost_behind_a_slow_guest)
{
	int fd = hft_seq_connect(self->vm, SEQ_PORT_SLOW), small = 4096;
	pid_t pid;

	ASSERT_EQ(0, setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &small, sizeof(small)));
	pid = hft_spawn(take_slowly, &fd);
	expect_room_edges(_metadata, fd, 500, 500);
	EXPECT_EQ(0, hft_join(pid, 4 * HFT_PATIENCE_MS));
}

/* The guest asks again as soon as it hears that the last one was accepted. */
TEST_F(seq, no_edge_of_a_listener_is_lost)
{
	int control = hft_seq_connect(self->vm, SEQ_PORT_BACK), ep, i;
	uint64_t port = 0;
	int fd = hft_seq_listen(&port, 4);

	ASSERT_EQ(0, hft_set_nonblocking(fd));
	ep = watch(fd, EPOLLIN);
	for (i = 0; i < 100; i++) {
		struct seq_report wanted = { .ended = i + 1 };
		int conn;

		ASSERT_EQ(0, hft_seq_back(control, port, 1, SEQ_BACK_HOLD, 0));
		ASSERT_TRUE(edge(ep, HFT_PATIENCE_MS) & EPOLLIN);
		conn = hft_accept(fd);
		ASSERT_LE(0, conn);
		close(conn);
		ASSERT_EQ(i + 1, hft_seq_report(control, wanted).ended);
	}
}

TEST_F(seq, edges_of_the_end_are_seen)
{
	int half = hft_seq_connect(self->vm, SEQ_PORT_HALF);
	int broken = hft_seq_connect(self->vm, SEQ_PORT_BREAK);
	int ep_half = watch(half, EPOLLRDHUP), ep_broken = watch(broken, 0);

	EXPECT_EQ(0, edge(ep_half, 50));
	ASSERT_EQ(1, send(half, "x", 1, 0));
	EXPECT_EQ(EPOLLRDHUP, edge(ep_half, HFT_PATIENCE_MS));
	ASSERT_EQ(1, send(broken, "x", 1, 0));
	EXPECT_EQ(EPOLLERR | EPOLLHUP, edge(ep_broken, HFT_PATIENCE_MS));
}

TEST_HARNESS_MAIN
