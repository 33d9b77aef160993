// SPDX-License-Identifier: GPL-2.0
/*
 * How connections of SEQPACKET end: closed, half shut, reset, inherited.
 *
 * Needs a seq guest. The death of a VM is in seq_death.c.
 */
#include <poll.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include "hft_seq.h"
#include "hft_harness.h"

SEQ_FIXTURE()

static uint64_t buf[HF_MSG_PAYLOAD_MAX / 8 + 1];

/* A connection that the guest opened to us, and the one that tells what it sees. */
struct pair {
	int control, listener, fd;
};

static struct pair open_pair(unsigned int vm, uint64_t count, uint64_t mode)
{
	struct pair p = { .control = hft_seq_connect(vm, SEQ_PORT_BACK) };
	struct seq_report opened = { .opened = 1 };
	uint64_t port = 0;

	p.listener = hft_seq_listen(&port, 4);
	if (hft_seq_back(p.control, port, count, mode, 64))
		perror("# pair");
	p.fd = hft_accept(p.listener);
	/* A reset before the guest hears of it would be a refusal. */
	hft_seq_report(p.control, opened);
	return p;
}

static struct seq_report end_of(struct pair *p)
{
	struct seq_report got = { 0 };

	while (got.ended + got.broken == 0)
		if (recv(p->control, &got, sizeof(got), 0) != sizeof(got))
			break;
	return got;
}

TEST_F(seq, guest_sees_our_close)
{
	struct pair p = open_pair(self->vm, 1, SEQ_BACK_HOLD);

	ASSERT_LE(0, p.fd);
	close(p.fd);
	EXPECT_EQ(1, end_of(&p).ended);
}

TEST_F(seq, close_with_unread_messages_breaks_the_connection)
{
	struct pair p = open_pair(self->vm, 10, SEQ_BACK_SEND);

	ASSERT_LE(0, p.fd);
	EXPECT_EQ(0, hft_seq_take(p.fd, 0));
	ASSERT_EQ(POLLIN, hft_poll(p.fd, POLLIN, HFT_PATIENCE_MS));
	close(p.fd);
	EXPECT_EQ(1, end_of(&p).broken);
}

TEST_F(seq, linger_of_zero_breaks_the_connection)
{
	struct pair p = open_pair(self->vm, 1, SEQ_BACK_HOLD);
	struct linger linger = { .l_onoff = 1, .l_linger = 0 };

	ASSERT_EQ(0, setsockopt(p.fd, SOL_SOCKET, SO_LINGER, &linger, sizeof(linger)));
	close(p.fd);
	EXPECT_EQ(1, end_of(&p).broken);
}

TEST_F(seq, linger_waits_for_what_is_queued)
{
	struct linger linger = { .l_onoff = 1, .l_linger = 10 };
	int fd = hft_seq_connect(self->vm, SEQ_PORT_SINK), i;
	int64_t start, ms;

	ASSERT_EQ(0, setsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, sizeof(linger)));
	start = hft_now_ns();
	ASSERT_EQ(0, hft_seq_nap(self->vm, 1000));
	for (i = 0; i < 5; i++) {
		ASSERT_EQ(1, send(fd, "x", 1, 0));
	}
	close(fd);
	ms = hft_ms_since(start);
	EXPECT_LE(900, ms);
	EXPECT_GT(5000, ms);
}

TEST_F(seq, linger_waits_no_longer_than_told)
{
	struct linger linger = { .l_onoff = 1, .l_linger = 1 };
	int fd = hft_seq_connect(self->vm, SEQ_PORT_SINK), i;
	int64_t start, ms;

	ASSERT_EQ(0, setsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, sizeof(linger)));
	ASSERT_EQ(0, hft_seq_nap(self->vm, 3000));
	start = hft_ticks_ns();
	for (i = 0; i < 5; i++) {
		ASSERT_EQ(1, send(fd, "x", 1, 0));
	}
	close(fd);
	ms = hft_ticks_ms_since(start);
	EXPECT_LE(900, ms);
	EXPECT_GT(2500, ms);
}

TEST_F(seq, close_without_linger_does_not_wait)
{
	int fd = hft_seq_connect(self->vm, SEQ_PORT_SINK), i;
	int64_t start;

	start = hft_now_ns();
	ASSERT_EQ(0, hft_seq_nap(self->vm, 1000));
	for (i = 0; i < 5; i++) {
		ASSERT_EQ(1, send(fd, "x", 1, 0));
	}
	close(fd);
	EXPECT_GT(900, hft_ms_since(start));
}

TEST_F(seq, linger_without_a_queue_does_not_wait)
{
	struct linger linger = { .l_onoff = 1, .l_linger = 10 };
	int fd = hft_seq_connect(self->vm, SEQ_PORT_ECHO);
	int64_t start;

	ASSERT_EQ(0, hft_seq_echo(fd, 100, 1));
	ASSERT_EQ(0, setsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, sizeof(linger)));
	start = hft_now_ns();
	close(fd);
	EXPECT_GT(3000, hft_ms_since(start));
}

TEST_F(seq, guest_close_is_the_end)
{
	int fd = hft_seq_connect(self->vm, SEQ_PORT_CLOSE);

	ASSERT_LE(0, fd);
	EXPECT_TRUE(hft_seq_at_end(fd));
	EXPECT_TRUE(hft_seq_at_end(fd));
	EXPECT_EQ(POLLHUP | POLLRDHUP | POLLIN,
		  hft_poll(fd, POLLRDHUP | POLLIN, 1000) & (POLLHUP | POLLRDHUP | POLLIN));
	EXPECT_FAIL(EPIPE, send(fd, "x", 1, MSG_NOSIGNAL));
	EXPECT_EQ(0, hft_error(fd));
}

static volatile sig_atomic_t pipes;

static void on_pipe(int number)
{
	pipes++;
}

TEST_F(seq, send_after_the_end_raises_sigpipe_unless_told_not_to)
{
	int fd = hft_seq_connect(self->vm, SEQ_PORT_CLOSE);

	ASSERT_TRUE(hft_seq_at_end(fd));
	signal(SIGPIPE, on_pipe);
	EXPECT_FAIL(EPIPE, send(fd, "x", 1, MSG_NOSIGNAL));
	EXPECT_EQ(0, pipes);
	EXPECT_FAIL(EPIPE, send(fd, "x", 1, 0));
	EXPECT_EQ(1, pipes);
}

TEST_F(seq, reset_is_reported_once)
{
	int fd = hft_seq_connect(self->vm, SEQ_PORT_BREAK);

	ASSERT_EQ(1, send(fd, "x", 1, 0));
	EXPECT_FAIL(ECONNRESET, recv(fd, buf, sizeof(buf), 0));
	EXPECT_TRUE(hft_seq_at_end(fd));
	EXPECT_FAIL(EPIPE, send(fd, "x", 1, MSG_NOSIGNAL));
	EXPECT_EQ(0, hft_error(fd));
}

TEST_F(seq, reset_shows_in_poll_and_so_error)
{
	int fd = hft_seq_connect(self->vm, SEQ_PORT_BREAK);

	ASSERT_EQ(1, send(fd, "x", 1, 0));
	EXPECT_EQ(POLLERR | POLLHUP, hft_poll(fd, 0, HFT_PATIENCE_MS) & (POLLERR | POLLHUP));
	EXPECT_EQ(ECONNRESET, hft_error(fd));
	EXPECT_EQ(0, hft_error(fd));
}

TEST_F(seq, guest_that_starts_anew_resets_its_connections)
{
	struct pair p = open_pair(self->vm, 1, SEQ_BACK_REBOOT);

	ASSERT_LE(0, p.fd);
	/* What came before is still there, or went with the connection. */
	if (recv(p.fd, buf, sizeof(buf), 0) > 0) {
		EXPECT_EQ(-1, recv(p.fd, buf, sizeof(buf), 0));
	}
	EXPECT_EQ(ECONNRESET, errno);
}

TEST_F(seq, who_sends_no_more_still_receives)
{
	int fd = hft_seq_connect(self->vm, SEQ_PORT_ECHO);
	uint64_t i;

	for (i = 0; i < 20; i++) {
		ASSERT_EQ(0, hft_seq_give(fd, i, 100, 0));
	}
	ASSERT_EQ(0, shutdown(fd, SHUT_WR));
	EXPECT_FAIL(EPIPE, send(fd, "x", 1, MSG_NOSIGNAL));
	for (i = 0; i < 20; i++) {
		ASSERT_EQ(0, hft_seq_take(fd, i));
	}
	EXPECT_TRUE(hft_seq_at_end(fd));
}

TEST_F(seq, what_was_queued_before_shutdown_arrives)
{
	int fd = hft_seq_connect(self->vm, SEQ_PORT_SINK);
	struct seq_sum sum;
	int n;

	n = hft_fill_queue(fd, 50);
	ASSERT_LT(0, n);
	ASSERT_EQ(0, shutdown(fd, SHUT_WR));
	ASSERT_EQ(sizeof(sum), recv(fd, &sum, sizeof(sum), 0));
	EXPECT_EQ(n, sum.count);
}

TEST_F(seq, who_receives_no_more_still_sends)
{
	int fd = hft_seq_connect(self->vm, SEQ_PORT_HALF);
	int i;

	ASSERT_EQ(0, shutdown(fd, SHUT_RD));
	EXPECT_EQ(0, recv(fd, buf, sizeof(buf), 0));
	for (i = 0; i < 20; i++) {
		EXPECT_EQ(3, send(fd, "abc", 3, MSG_NOSIGNAL));
	}
}

/* A guest may have sent before it heard of it. */
TEST_F(seq, messages_after_shut_rd_are_thrown_away)
{
	int fd = hft_seq_connect(self->vm, SEQ_PORT_SOURCE);
	int refs;

	ASSERT_EQ(0, hft_seq_source(fd, 100000, 16));
	ASSERT_EQ(0, hft_seq_take(fd, 0));
	ASSERT_EQ(0, shutdown(fd, SHUT_RD));
	while (recv(fd, buf, sizeof(buf), 0) > 0)
		;
	EXPECT_EQ(0, recv(fd, buf, sizeof(buf), 0));
	refs = hft_module_refs();
	close(fd);
	EXPECT_LE(hft_module_refs_wait(refs - 1), refs - 1);
}

TEST_F(seq, shutdown_of_both_is_the_end)
{
	struct pair p = open_pair(self->vm, 1, SEQ_BACK_HOLD);

	ASSERT_EQ(0, shutdown(p.fd, SHUT_RDWR));
	EXPECT_EQ(1, end_of(&p).ended);
	EXPECT_EQ(0, recv(p.fd, buf, sizeof(buf), 0));
	EXPECT_FAIL(EPIPE, send(p.fd, "x", 1, MSG_NOSIGNAL));
}

TEST_F(seq, guest_that_sends_no_more_still_receives)
{
	int fd = hft_seq_connect(self->vm, SEQ_PORT_HALF);
	int i, n = -1;

	ASSERT_EQ(1, send(fd, "x", 1, 0));
	EXPECT_TRUE(hft_seq_at_end(fd));
	EXPECT_EQ(POLLOUT | POLLRDHUP, hft_poll(fd, POLLOUT | POLLRDHUP, 1000));
	for (i = 0; i < 100; i++) {
		ASSERT_EQ(1, send(fd, "x", 1, MSG_NOSIGNAL));
	}
	for (i = 0; i < 100 && n; i++) {
		hft_sleep_ms(10);
		ASSERT_EQ(0, ioctl(fd, TIOCOUTQ, &n));
	}
	EXPECT_EQ(0, n);
}

TEST_F(seq, shutdown_without_a_connection_says_enotconn)
{
	int fd = hft_seq_socket();

	EXPECT_FAIL(ENOTCONN, shutdown(fd, SHUT_RDWR));
	EXPECT_FAIL(EINVAL, shutdown(fd, 3));
}

static int shut_later(void *arg)
{
	hft_sleep_ms(200);
	return shutdown(*(int *)arg, SHUT_RD);
}

TEST_F(seq, shutdown_wakes_who_waits)
{
	int fd = hft_seq_connect(self->vm, SEQ_PORT_ECHO);
	pid_t pid = hft_spawn(shut_later, &fd);

	ASSERT_EQ(0, hft_set_timeout(fd, SO_RCVTIMEO, 0));
	EXPECT_EQ(0, recv(fd, buf, sizeof(buf), 0));
	EXPECT_EQ(0, hft_join(pid, HFT_PATIENCE_MS));
}

static int echo_as_child(void *arg)
{
	return hft_seq_echo(*(int *)arg, 100, 1);
}

TEST_F(seq, child_keeps_the_connection)
{
	int fd = hft_seq_connect(self->vm, SEQ_PORT_ECHO);
	pid_t pid = hft_spawn(echo_as_child, &fd);

	EXPECT_EQ(0, hft_join(pid, HFT_PATIENCE_MS));
	EXPECT_EQ(0, hft_seq_echo(fd, 200, 2));
	pid = hft_spawn(echo_as_child, &fd);
	close(fd);
	EXPECT_EQ(0, hft_join(pid, HFT_PATIENCE_MS));
}

static int count_messages(void *arg)
{
	int fd = *(int *)arg, n = 0;

	while (recv(fd, buf, sizeof(buf), 0) > 0)
		n++;
	return n;
}

TEST_F(seq, each_message_goes_to_one_reader)
{
	int fd = hft_seq_connect(self->vm, SEQ_PORT_SOURCE);
	pid_t one = hft_spawn(count_messages, &fd), other = hft_spawn(count_messages, &fd);

	ASSERT_EQ(0, hft_seq_source(fd, 200, 16));
	EXPECT_EQ(200, hft_join(one, 2 * HFT_PATIENCE_MS) + hft_join(other, 2 * HFT_PATIENCE_MS));
}

TEST_F(seq, connection_and_listener_can_be_passed_on)
{
	struct pair p = open_pair(self->vm, 1, SEQ_BACK_ECHO);
	int ends[2], fd;

	ASSERT_EQ(0, socketpair(AF_UNIX, SOCK_STREAM, 0, ends));
	ASSERT_EQ(0, hft_pass_fd(ends[0], p.fd));
	close(p.fd);
	fd = hft_take_fd(ends[1]);
	EXPECT_EQ(0, hft_seq_echo(fd, 300, 1));

	ASSERT_EQ(0, hft_pass_fd(ends[0], p.listener));
	close(p.listener);
	p.listener = hft_take_fd(ends[1]);
	ASSERT_EQ(0, hft_seq_back(p.control, hft_port(p.listener), 1, SEQ_BACK_ECHO, 0));
	fd = hft_accept(p.listener);
	EXPECT_EQ(0, hft_seq_echo(fd, 300, 1));
}

TEST_HARNESS_MAIN
