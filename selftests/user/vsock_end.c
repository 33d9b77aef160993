// SPDX-License-Identifier: GPL-2.0
/*
 * How connections of AF_VSOCK end: halves, closes, resets, lingering, exits.
 *
 * Needs a vsock guest. The cases are those of tools/testing/vsock.
 */
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "hft_vsock.h"
#include "hft_harness.h"

#define LINGER_S		5
#define MANY			20

VSOCK_FIXTURE_OF_BOTH(vsock);

static volatile sig_atomic_t pipes;

static void count_sigpipe(int number)
{
	pipes++;
}

/* send() until it fails, for what the guest did may not be here yet. */
static int send_until_error(int fd, int flags)
{
	int i;

	for (i = 0; i < HFT_PATIENCE_MS / 10; i++) {
		if (send(fd, "A", 1, flags) < 0)
			return errno;
		hft_sleep_ms(10);
	}
	return 0;
}

/* SIGPIPE is for streams, and since Linux 6.7. */
static void expect_broken_pipe(struct __test_metadata *_metadata, int fd, int type)
{
	int signals = type == SOCK_STREAM && hft_kernel_is(6, 7);

	signal(SIGPIPE, count_sigpipe);
	pipes = 0;
	EXPECT_EQ(EPIPE, send_until_error(fd, 0));
	EXPECT_EQ(signals, pipes);
	EXPECT_EQ(EPIPE, send_until_error(fd, MSG_NOSIGNAL));
	EXPECT_EQ(signals, pipes);
}

TEST_F(vsock, what_was_sent_arrives_before_the_close)
{
	struct hft_vsock v = hft_vsock_open(variant->type, self->cid, VSOCK_PORT_PASSIVE);
	static char buf[60000];
	struct vsock_status s;

	hft_fill(buf, sizeof(buf), 1);
	ASSERT_EQ(0, hft_vsock_send_all(v.fd, buf, sizeof(buf), 0));
	close(v.fd);
	s = hft_vsock_do(self->control, &v, VSOCK_CMD_WAIT_END, 0, 0);
	EXPECT_EQ(VSOCK_LIFE_ENDED, s.life);
	EXPECT_EQ(sizeof(buf), s.sum.bytes);
	EXPECT_EQ(vsock_hash(0, buf, sizeof(buf),
			     variant->type == SOCK_SEQPACKET ? VSOCK_EOM : 0), s.sum.hash);
}

TEST_F(vsock, what_the_guest_sent_survives_its_close)
{
	struct hft_vsock v = hft_vsock_open(variant->type, self->cid, VSOCK_PORT_PASSIVE);

	ASSERT_EQ(0, hft_vsock_let_send(self->control, &v, 1, 0, 0));
	hft_vsock_do(self->control, &v, VSOCK_CMD_SHUTDOWN, 0, VSOCK_SHUT_BOTH);
	ASSERT_EQ(0, hft_vsock_wait_hup(v.fd));
	EXPECT_EQ(EPIPE, send_until_error(v.fd, MSG_NOSIGNAL));
	EXPECT_EQ(0, hft_vsock_take(v.fd, 0, 1));
	EXPECT_TRUE(hft_vsock_at_end(v.fd));
	close(v.fd);
	EXPECT_EQ(VSOCK_LIFE_ENDED,
		  hft_vsock_do(self->control, &v, VSOCK_CMD_WAIT_END, 0, 0).life);
}

TEST_F(vsock, close_of_the_guest_ends_an_idle_connection)
{
	struct hft_vsock v = hft_vsock_called(self->control, variant->type, 0);

	ASSERT_LE(0, v.fd);
	hft_vsock_do(self->control, &v, VSOCK_CMD_SHUTDOWN, 0, VSOCK_SHUT_BOTH);
	EXPECT_TRUE(hft_vsock_at_end(v.fd));
	/* Confirmed although nobody closed here yet. */
	EXPECT_EQ(VSOCK_LIFE_ENDED,
		  hft_vsock_do(self->control, &v, VSOCK_CMD_WAIT_END, 0, 0).life);
	close(v.fd);
}

TEST_F(vsock, reset_of_the_guest_ends_everything)
{
	struct hft_vsock v = hft_vsock_open(variant->type, self->cid, VSOCK_PORT_PASSIVE);
	char byte;

	hft_vsock_do(self->control, &v, VSOCK_CMD_RESET, 0, 0);
	EXPECT_EQ(EPIPE, send_until_error(v.fd, MSG_NOSIGNAL));
	EXPECT_GE(0, recv(v.fd, &byte, 1, 0));
	EXPECT_LT(0, hft_poll(v.fd, POLLRDHUP, 0));
	close(v.fd);
}

TEST_F(vsock, reset_wakes_a_reader)
{
	struct hft_vsock v = hft_vsock_open(variant->type, self->cid, VSOCK_PORT_PASSIVE);
	struct vsock_packet p = hft_vsock_packet(&v, self->cid, variant->type, VSOCK_RST);
	int64_t start = hft_now_ns();
	char byte;

	/* The guest itself goes on, and has to be told by a RST in its turn. */
	ASSERT_EQ(0, hft_vsock_raw(self->control, &p, 44));
	EXPECT_GE(0, recv(v.fd, &byte, 1, 0));
	EXPECT_GT(HFT_PATIENCE_MS, (hft_now_ns() - start) / 1000000);
	close(v.fd);
	v = hft_vsock_open(variant->type, self->cid, VSOCK_PORT_ECHO);
	EXPECT_EQ(0, hft_vsock_echo(v.fd, 10, 1));
	close(v.fd);
}

TEST_F(vsock, half_that_we_shut_sends_no_more)
{
	struct hft_vsock v = hft_vsock_open(variant->type, self->cid, VSOCK_PORT_PASSIVE);
	struct vsock_status s;

	ASSERT_EQ(0, shutdown(v.fd, SHUT_WR));
	expect_broken_pipe(_metadata, v.fd, variant->type);
	s = hft_vsock_do(self->control, &v, VSOCK_CMD_WAIT, 0, VSOCK_SHUT_SEND);
	EXPECT_EQ(VSOCK_SHUT_SEND, s.peer_shut);
	ASSERT_EQ(0, hft_vsock_let_send(self->control, &v, 5000, 0, 0));
	EXPECT_EQ(0, hft_vsock_take(v.fd, 0, 5000));
	close(v.fd);
}

TEST_F(vsock, half_that_the_guest_does_not_read_takes_no_more)
{
	struct hft_vsock v = hft_vsock_open(variant->type, self->cid, VSOCK_PORT_PASSIVE);

	hft_vsock_do(self->control, &v, VSOCK_CMD_SHUTDOWN, 0, VSOCK_SHUT_RECV);
	expect_broken_pipe(_metadata, v.fd, variant->type);
	ASSERT_EQ(0, hft_vsock_let_send(self->control, &v, 5000, 0, 0));
	EXPECT_EQ(0, hft_vsock_take(v.fd, 0, 5000));
	close(v.fd);
}

TEST_F(vsock, half_that_the_guest_shut_is_at_its_end)
{
	struct hft_vsock v = hft_vsock_open(variant->type, self->cid, VSOCK_PORT_PASSIVE);

	ASSERT_EQ(0, hft_vsock_let_send(self->control, &v, 100, 0, 0));
	hft_vsock_do(self->control, &v, VSOCK_CMD_SHUTDOWN, 0, VSOCK_SHUT_SEND);
	EXPECT_EQ(0, hft_vsock_take(v.fd, 0, 100));
	EXPECT_TRUE(hft_vsock_at_end(v.fd));
	EXPECT_EQ(0, hft_vsock_send_all(v.fd, "abc", 3, 0));
	EXPECT_EQ(3, hft_vsock_do(self->control, &v, VSOCK_CMD_WAIT, 3, 0).sum.bytes);
	close(v.fd);
}

TEST_F(vsock, half_that_we_do_not_read_is_told)
{
	struct hft_vsock v = hft_vsock_open(variant->type, self->cid, VSOCK_PORT_PASSIVE);
	struct vsock_status s;

	ASSERT_EQ(0, shutdown(v.fd, SHUT_RD));
	EXPECT_TRUE(hft_vsock_at_end(v.fd));
	s = hft_vsock_do(self->control, &v, VSOCK_CMD_WAIT, 0, VSOCK_SHUT_RECV);
	EXPECT_EQ(VSOCK_SHUT_RECV, s.peer_shut);
	EXPECT_EQ(0, hft_vsock_send_all(v.fd, "abc", 3, 0));
	EXPECT_EQ(3, hft_vsock_do(self->control, &v, VSOCK_CMD_WAIT, 3, 0).sum.bytes);
	close(v.fd);
}

TEST_F(vsock, both_halves_are_a_close)
{
	struct hft_vsock v = hft_vsock_open(variant->type, self->cid, VSOCK_PORT_PASSIVE);

	ASSERT_EQ(0, shutdown(v.fd, SHUT_WR));
	ASSERT_EQ(0, shutdown(v.fd, SHUT_RD));
	EXPECT_EQ(VSOCK_LIFE_ENDED,
		  hft_vsock_do(self->control, &v, VSOCK_CMD_WAIT_END, 0, 0).life);
	close(v.fd);
}

TEST_F(vsock, what_is_not_connected_is_not_shut)
{
	int fd = hft_vsock_socket(variant->type);

	EXPECT_FAIL(ENOTCONN, shutdown(fd, SHUT_RDWR));
	EXPECT_FAIL(EINVAL, shutdown(fd, 4));
	EXPECT_FAIL(ENOTCONN, send(fd, "A", 1, MSG_NOSIGNAL));
	close(fd);
}

static int64_t close_with_linger(int fd, int seconds)
{
	struct linger linger = { 1, seconds };
	int64_t start;

	setsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, sizeof(linger));
	start = hft_now_ns();
	close(fd);
	return (hft_now_ns() - start) / 1000000;
}

TEST_F(vsock, close_with_linger_is_a_close)
{
	struct hft_vsock v = hft_vsock_open(variant->type, self->cid, VSOCK_PORT_PASSIVE);

	EXPECT_GT(1000 * LINGER_S, close_with_linger(v.fd, LINGER_S));
	EXPECT_EQ(VSOCK_LIFE_ENDED,
		  hft_vsock_do(self->control, &v, VSOCK_CMD_WAIT_END, 0, 0).life);
}

/* The guest has what was sent, though it has not dealt with it. */
TEST_F(vsock, close_does_not_linger_for_what_arrived)
{
	struct hft_vsock v = hft_vsock_open(variant->type, self->cid, VSOCK_PORT_DEAF);

	ASSERT_EQ(1, send(v.fd, "A", 1, 0));
	EXPECT_EQ(1, hft_vsock_do(self->control, &v, VSOCK_CMD_WAIT, 1, 0).sum.bytes);
	EXPECT_GT(1000 * LINGER_S, close_with_linger(v.fd, LINGER_S));
}

TEST_F(vsock, close_drops_what_was_not_read)
{
	struct hft_vsock v = hft_vsock_open(variant->type, self->cid, VSOCK_PORT_PASSIVE);

	ASSERT_EQ(0, hft_vsock_let_send(self->control, &v, 5000, 0, 0));
	ASSERT_EQ(POLLIN, hft_poll(v.fd, POLLIN, HFT_PATIENCE_MS));
	close(v.fd);
	EXPECT_LE(VSOCK_LIFE_REFUSED,
		  hft_vsock_do(self->control, &v, VSOCK_CMD_WAIT_END, 0, 0).life);
}

struct child {
	unsigned int cid;
	int type;
};

static int open_many(void *arg)
{
	struct child *c = arg;
	int i;

	for (i = 0; i < MANY; i++) {
		if (hft_vsock_connect(c->type, c->cid, i % 2 ? VSOCK_PORT_PASSIVE : VSOCK_PORT_ECHO)
		    < 0)
			return 1;
	}
	return 0;
}

TEST_F(vsock, process_that_exits_leaves_no_connection)
{
	struct child c = { self->cid, variant->type };
	struct vsock_status before, now;
	int i;

	before = hft_vsock_do(self->control, NULL, VSOCK_CMD_STATUS, 0, 0);
	EXPECT_EQ(0, hft_join(hft_spawn(open_many, &c), HFT_PATIENCE_MS));
	for (i = 0; i < 50; i++) {
		now = hft_vsock_do(self->control, NULL, VSOCK_CMD_STATUS, 0, 0);
		if (now.conns <= before.conns)
			break;
		hft_sleep_ms(100);
	}
	EXPECT_EQ(before.conns, now.conns);
}

static int fill_window(void *arg)
{
	static char buf[2 * VSOCK_DEAF_WINDOW];
	struct child *c = arg;
	int fd = hft_vsock_connect(c->type, c->cid, VSOCK_PORT_DEAF);

	while (fd >= 0)
		hft_vsock_send_all(fd, buf, 4096, 0);
	return 1;
}

TEST_F(vsock, sender_can_be_killed_while_it_waits)
{
	struct child c = { self->cid, variant->type };
	pid_t pid = hft_spawn(fill_window, &c);
	int fd;

	hft_sleep_ms(300);
	EXPECT_EQ(0, kill(pid, SIGKILL));
	EXPECT_EQ(-1, hft_join(pid, HFT_PATIENCE_MS));
	fd = hft_vsock_connect(variant->type, self->cid, VSOCK_PORT_ECHO);
	EXPECT_EQ(0, hft_vsock_echo(fd, 1000, 1));
	close(fd);
}

TEST_HARNESS_MAIN
