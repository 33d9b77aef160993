// SPDX-License-Identifier: GPL-2.0
/*
 * connect() of SEQPACKET: refused, accepted, interrupted, too late.
 *
 * Needs a seq guest; a mute guest for one test, seq_example for another.
 */
#include <poll.h>
#include <sys/socket.h>

#include "hft_seq.h"
#include "hft_harness.h"

#define CONNECT_TIMEOUT_MS	5000
#define SLACK_MS		4000

SEQ_FIXTURE()

static int connect_raw(int fd, const void *addr, socklen_t len)
{
	return connect(fd, addr, len);
}

TEST_F(seq, connected_socket_talks)
{
	int fd = hft_seq_connect(self->vm, SEQ_PORT_ECHO);

	ASSERT_LE(0, fd);
	EXPECT_EQ(0, hft_seq_echo(fd, 100, 1));
}

/* One client at a time, one message at a time. */
TEST_F(seq, guest_of_the_document_answers)
{
	HFT_NEED_GUEST(example, "seq_example", 0);
	int fd = hft_seq_connect(example->id, 7), i;

	ASSERT_LE(0, fd);
	EXPECT_EQ(-1, hft_seq_connect(example->id, 7));
	EXPECT_EQ(ECONNREFUSED, errno);
	for (i = 0; i < 20; i++) {
		ASSERT_EQ(0, hft_seq_give(fd, i, 16 + i * 200, 0));
	}
	for (i = 0; i < 20; i++) {
		ASSERT_EQ(0, hft_seq_take(fd, i));
	}
	ASSERT_EQ(0, shutdown(fd, SHUT_WR));
	EXPECT_TRUE(hft_seq_at_end(fd));
	close(fd);
	fd = hft_seq_connect(example->id, 7);
	EXPECT_EQ(0, hft_seq_echo(fd, SEQ_PAYLOAD_MAX, 1));
}

TEST_F(seq, refused_connect_says_so_at_once)
{
	int64_t start = hft_now_ns();
	struct hf_sockaddr addr;
	socklen_t len = sizeof(addr);
	int fd = hft_seq_socket();

	EXPECT_FAIL(ECONNREFUSED, hft_seq_connect_to(fd, self->vm, SEQ_PORT_REFUSE));
	EXPECT_FAIL(ECONNREFUSED, hft_seq_connect_to(fd, self->vm, 4711));
	EXPECT_GT(2000, hft_ms_since(start));
	EXPECT_FAIL(ENOTCONN, getpeername(fd, (void *)&addr, &len));
	EXPECT_EQ(0, hft_error(fd));
}

TEST_F(seq, refused_socket_connects_in_the_end)
{
	int fd = hft_seq_socket();
	int i;

	for (i = 0; i < 20; i++) {
		EXPECT_FAIL(ECONNREFUSED, hft_seq_connect_to(fd, self->vm, SEQ_PORT_REFUSE));
	}
	ASSERT_EQ(0, hft_seq_connect_to(fd, self->vm, SEQ_PORT_ECHO));
	EXPECT_EQ(0, hft_seq_echo(fd, 100, 1));
}

static void expect_timeout(struct __test_metadata *_metadata, unsigned int vm, uint64_t port)
{
	int fd = hft_seq_socket();
	int64_t start = hft_ticks_ns(), ms;

	ASSERT_EQ(0, hft_set_timeout(fd, SO_SNDTIMEO, 0));
	EXPECT_FAIL(ETIMEDOUT, hft_seq_connect_to(fd, vm, port));
	ms = hft_ticks_ms_since(start);
	EXPECT_LE(CONNECT_TIMEOUT_MS - 100, ms);
	EXPECT_GT(CONNECT_TIMEOUT_MS + SLACK_MS, ms);
	close(fd);
}

TEST_F(seq, connect_to_a_mute_port_times_out)
{
	expect_timeout(_metadata, self->vm, SEQ_PORT_MUTE);
}

TEST_F(seq, connect_to_a_mute_vm_times_out)
{
	HFT_NEED_GUEST(mute, "mute", 0);

	expect_timeout(_metadata, mute->id, 10);
}

TEST_F(seq, socket_connects_after_a_timeout)
{
	int fd = hft_seq_socket();

	EXPECT_FAIL(ETIMEDOUT, hft_seq_connect_to(fd, self->vm, SEQ_PORT_MUTE));
	ASSERT_EQ(0, hft_seq_connect_to(fd, self->vm, SEQ_PORT_ECHO));
	EXPECT_EQ(0, hft_seq_echo(fd, 100, 1));
}

TEST_F(seq, bad_address_is_refused)
{
	struct hf_sockaddr addr = hft_address(self->vm, SEQ_PORT_ECHO);
	int fd = hft_seq_socket();

	EXPECT_FAIL(EINVAL, connect_raw(fd, &addr, sizeof(addr) - 1));
	EXPECT_FAIL(ENETUNREACH, hft_seq_connect_to(fd, HFT_NO_VM, 10));
	EXPECT_FAIL(ENETUNREACH, hft_seq_connect_to(fd, HF_VM_ID_PRIMARY, 10));
	EXPECT_FAIL(ENETUNREACH, hft_seq_connect_to(fd, 0, 10));
	EXPECT_FAIL(ENETUNREACH, hft_seq_connect_to(fd, HF_VM_ID_ANY, 10));
	addr.family = AF_INET;
	EXPECT_FAIL(EINVAL, connect_raw(fd, &addr, sizeof(addr)));
	EXPECT_EQ(0, hft_seq_connect_to(fd, self->vm, SEQ_PORT_ECHO));
}

TEST_F(seq, second_connect_says_eisconn)
{
	int fd = hft_seq_connect(self->vm, SEQ_PORT_ECHO);

	ASSERT_LE(0, fd);
	EXPECT_FAIL(EISCONN, hft_seq_connect_to(fd, self->vm, SEQ_PORT_ECHO));
	EXPECT_FAIL(EISCONN, hft_seq_connect_to(fd, self->vm, SEQ_PORT_SINK));
	EXPECT_EQ(0, hft_seq_echo(fd, 100, 1));
}

TEST_F(seq, both_ends_have_their_addresses)
{
	int fd = hft_seq_connect(self->vm, SEQ_PORT_ECHO);
	struct hf_sockaddr addr;
	socklen_t len = sizeof(addr);

	ASSERT_EQ(0, getpeername(fd, (void *)&addr, &len));
	EXPECT_EQ(sizeof(addr), len);
	EXPECT_EQ(self->vm, addr.vm_id);
	EXPECT_EQ(SEQ_PORT_ECHO, addr.port);
	ASSERT_EQ(0, getsockname(fd, (void *)&addr, &len));
	EXPECT_EQ(HF_VM_ID_PRIMARY, addr.vm_id);
	EXPECT_LE(0x10000, addr.port);
}

TEST_F(seq, bound_socket_connects_from_its_port)
{
	int fd = hft_seq_socket();
	uint64_t port = 123456789;

	ASSERT_EQ(0, hft_bind_any(fd, &port));
	EXPECT_EQ(123456789, port);
	ASSERT_EQ(0, hft_seq_connect_to(fd, self->vm, SEQ_PORT_ECHO));
	EXPECT_EQ(port, hft_port(fd));
	EXPECT_EQ(0, hft_seq_echo(fd, 100, 1));
}

/* The guest may be quick enough for connect() to see its answer. */
TEST_F(seq, nonblocking_connect_becomes_writable)
{
	int fd = hft_seq_socket();

	ASSERT_EQ(0, hft_set_nonblocking(fd));
	if (hft_seq_connect_to(fd, self->vm, SEQ_PORT_ECHO)) {
		ASSERT_EQ(EINPROGRESS, errno);
	}
	EXPECT_EQ(POLLOUT, hft_poll(fd, POLLOUT, HFT_PATIENCE_MS));
	EXPECT_EQ(0, hft_error(fd));
	/* As with TCP the first call after it has the result of the attempt. */
	hft_seq_connect_to(fd, self->vm, SEQ_PORT_ECHO);
	EXPECT_FAIL(EISCONN, hft_seq_connect_to(fd, self->vm, SEQ_PORT_ECHO));
	EXPECT_EQ(5, send(fd, "hello", 5, 0));
}

TEST_F(seq, nonblocking_connect_hears_of_the_refusal)
{
	int fd = hft_seq_socket();

	ASSERT_EQ(0, hft_set_nonblocking(fd));
	EXPECT_EQ(-1, hft_seq_connect_to(fd, self->vm, SEQ_PORT_REFUSE));
	if (errno == EINPROGRESS) {
		EXPECT_TRUE(hft_poll(fd, POLLOUT, HFT_PATIENCE_MS) & POLLERR);
		EXPECT_EQ(ECONNREFUSED, hft_error(fd));
	} else {
		EXPECT_EQ(ECONNREFUSED, errno);
	}
	EXPECT_EQ(0, hft_error(fd));
}

TEST_F(seq, connect_under_way_is_not_connected)
{
	struct hf_sockaddr addr;
	socklen_t len = sizeof(addr);
	int fd = hft_seq_socket();

	ASSERT_EQ(0, hft_set_nonblocking(fd));
	EXPECT_FAIL(EINPROGRESS, hft_seq_connect_to(fd, self->vm, SEQ_PORT_MUTE));
	EXPECT_FAIL(EALREADY, hft_seq_connect_to(fd, self->vm, SEQ_PORT_MUTE));
	EXPECT_FAIL(ENOTCONN, getpeername(fd, (void *)&addr, &len));
	EXPECT_FAIL(ENOTCONN, send(fd, "x", 1, MSG_NOSIGNAL));
	EXPECT_FAIL(ENOTCONN, recv(fd, &addr, 1, 0));
	EXPECT_EQ(0, hft_poll(fd, POLLIN | POLLOUT, 200));
	/* Nobody else looks at it, and yet it ends. */
	EXPECT_TRUE(hft_poll(fd, POLLOUT, CONNECT_TIMEOUT_MS + SLACK_MS) & POLLERR);
	EXPECT_EQ(ETIMEDOUT, hft_error(fd));
}

TEST_F(seq, send_timeout_lets_connect_go_on)
{
	int fd = hft_seq_socket();
	int64_t start = hft_ticks_ns(), ms;

	ASSERT_EQ(0, hft_set_timeout(fd, SO_SNDTIMEO, 300));
	EXPECT_FAIL(EINPROGRESS, hft_seq_connect_to(fd, self->vm, SEQ_PORT_MUTE));
	ms = hft_ticks_ms_since(start);
	EXPECT_LE(250, ms);
	EXPECT_GT(300 + SLACK_MS, ms);
	ASSERT_EQ(0, hft_set_nonblocking(fd));
	EXPECT_FAIL(EALREADY, hft_seq_connect_to(fd, self->vm, SEQ_PORT_MUTE));
	EXPECT_TRUE(hft_poll(fd, POLLOUT, CONNECT_TIMEOUT_MS + SLACK_MS) & POLLERR);
	EXPECT_EQ(ETIMEDOUT, hft_error(fd));
}

TEST_F(seq, signal_lets_connect_go_on)
{
	int fd = hft_seq_socket();

	ASSERT_EQ(0, hft_set_timeout(fd, SO_SNDTIMEO, 0));
	hft_alarm(200, 0);
	EXPECT_FAIL(EINTR, hft_seq_connect_to(fd, self->vm, SEQ_PORT_MUTE));
	ASSERT_EQ(0, hft_set_nonblocking(fd));
	EXPECT_FAIL(EALREADY, hft_seq_connect_to(fd, self->vm, SEQ_PORT_MUTE));
	EXPECT_TRUE(hft_poll(fd, POLLOUT, CONNECT_TIMEOUT_MS + SLACK_MS) & POLLERR);
	EXPECT_EQ(ETIMEDOUT, hft_error(fd));
}

static int connect_despite_signals(unsigned int vm)
{
	int fd = hft_seq_socket();
	int got;

	if (!hft_seq_connect_to(fd, vm, SEQ_PORT_ECHO))
		return fd;
	if (errno != EINTR && errno != EINPROGRESS)
		return -1;
	do {
		got = hft_poll(fd, POLLOUT, HFT_PATIENCE_MS);
	} while (got < 0 && errno == EINTR);
	return got == POLLOUT && !hft_error(fd) ? fd : -1;
}

/* Wherever a signal comes, the attempt ends as it would have without. */
TEST_F(seq, signals_during_connect_do_no_harm)
{
	int i, fd;

	for (i = 0; i < 100; i++) {
		hft_alarm(1, 1 + i % 3);
		fd = connect_despite_signals(self->vm);
		hft_alarm(0, 0);
		ASSERT_LE(0, fd);
		ASSERT_EQ(0, hft_seq_echo(fd, 64, i));
		close(fd);
	}
}

TEST_F(seq, hundred_connections_at_a_time)
{
	int fd[100];
	int i, round;

	for (i = 0; i < ARRAY_SIZE(fd); i++) {
		fd[i] = hft_seq_connect(self->vm, SEQ_PORT_ECHO);
		ASSERT_LE(0, fd[i]);
	}
	for (round = 0; round < 3; round++) {
		for (i = 0; i < ARRAY_SIZE(fd); i++) {
			ASSERT_EQ(0, hft_seq_echo(fd[i], 100 + round, i));
		}
	}
	for (i = 0; i < ARRAY_SIZE(fd); i++) {
		EXPECT_EQ(0, close(fd[i]));
	}
}

TEST_F(seq, connections_one_after_the_other_leave_nothing_behind)
{
	int refs = hft_module_refs_settled();
	int i, fd;

	for (i = 0; i < 200; i++) {
		fd = hft_seq_connect(self->vm, SEQ_PORT_ECHO);
		ASSERT_LE(0, fd);
		ASSERT_EQ(0, hft_seq_echo(fd, 64, i));
		close(fd);
	}
	EXPECT_EQ(refs, hft_module_refs_wait(refs));
}

TEST_F(seq, failed_connects_leave_nothing_behind)
{
	int refs = hft_module_refs_settled();
	int i, fd;

	for (i = 0; i < 100; i++) {
		fd = hft_seq_socket();
		hft_set_nonblocking(fd);
		hft_seq_connect_to(fd, self->vm, i % 2 ? SEQ_PORT_REFUSE : SEQ_PORT_MUTE);
		close(fd);
	}
	EXPECT_EQ(refs, hft_module_refs_wait(refs));
	EXPECT_LE(0, hft_seq_connect(self->vm, SEQ_PORT_ECHO));
}

TEST_HARNESS_MAIN
