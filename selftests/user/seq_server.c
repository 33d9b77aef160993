// SPDX-License-Identifier: GPL-2.0
/*
 * bind(), listen() and accept() of SEQPACKET: the guest connects to us.
 *
 * A connection to SEQ_PORT_BACK tells the guest whom to connect to, and hears
 * what became of it. Needs a seq guest; two for one test.
 */
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include "hft_seq.h"
#include "hft_harness.h"

FIXTURE(server) {
	unsigned int vm;
	int control;
	int listener;
	uint64_t port;
};

FIXTURE_SETUP(server)
{
	const struct hft_guest *guest = hft_guest("seq", 0);

	if (!guest)
		HFT_SKIP("no seq guest in this boot");
	self->vm = guest->id;
	self->control = hft_seq_connect(guest->id, SEQ_PORT_BACK);
	ASSERT_LE(0, self->control);
	self->port = 0;
	self->listener = hft_seq_listen(&self->port, 8);
	ASSERT_LE(0, self->listener);
}

FIXTURE_TEARDOWN(server)
{
	close(self->listener);
	close(self->control);
}

static struct seq_report report(int control, uint64_t opened, uint64_t refused, uint64_t ended,
				uint64_t broken)
{
	struct seq_report wanted = { opened, refused, ended, broken };

	return hft_seq_report(control, wanted);
}

TEST_F(server, guest_connects_and_is_heard)
{
	struct hf_sockaddr peer;
	socklen_t len = sizeof(peer);
	uint64_t i;
	int fd;

	ASSERT_EQ(0, hft_seq_back(self->control, self->port, 50, SEQ_BACK_SEND, 100));
	fd = accept(self->listener, (void *)&peer, &len);
	ASSERT_LE(0, fd);
	EXPECT_EQ(sizeof(peer), len);
	EXPECT_EQ(AF_HF, peer.family);
	EXPECT_EQ(self->vm, peer.vm_id);
	EXPECT_NE(0, peer.port);
	EXPECT_EQ(self->port, hft_port(fd));
	for (i = 0; i < 50; i++) {
		ASSERT_EQ(0, hft_seq_take(fd, i));
	}
	EXPECT_TRUE(hft_seq_at_end(fd));
	EXPECT_EQ(1, report(self->control, 1, 0, 0, 0).opened);
	close(fd);
	EXPECT_EQ(1, report(self->control, 1, 0, 1, 0).ended);
}

TEST_F(server, accepted_connection_carries_both_ways)
{
	int fd, i;

	ASSERT_EQ(0, hft_seq_back(self->control, self->port, 1, SEQ_BACK_ECHO, 0));
	fd = hft_accept(self->listener);
	ASSERT_LE(0, fd);
	for (i = 0; i < 50; i++) {
		ASSERT_EQ(0, hft_seq_echo(fd, i * 80, i));
	}
}

TEST_F(server, port_that_nobody_has_refuses)
{
	uint64_t free_port = 0x123456789abcull;

	ASSERT_EQ(0, hft_seq_back(self->control, free_port, 1, SEQ_BACK_HOLD, 0));
	EXPECT_EQ(1, report(self->control, 0, 1, 0, 0).refused);
}

TEST_F(server, bound_port_without_listen_refuses)
{
	int fd = hft_seq_socket();
	uint64_t port = 0;

	ASSERT_EQ(0, hft_bind_any(fd, &port));
	ASSERT_EQ(0, hft_seq_back(self->control, port, 1, SEQ_BACK_HOLD, 0));
	EXPECT_EQ(1, report(self->control, 0, 1, 0, 0).refused);
	EXPECT_FAIL(EINVAL, accept(fd, NULL, NULL));
	/* From now on it is one that listens. */
	ASSERT_EQ(0, listen(fd, 1));
	ASSERT_EQ(0, hft_seq_back(self->control, port, 1, SEQ_BACK_HOLD, 0));
	EXPECT_EQ(1, report(self->control, 1, 1, 0, 0).opened);
}

TEST_F(server, datagram_port_refuses_connections)
{
	int fd = hft_socket();
	uint64_t port = 0;

	ASSERT_EQ(0, hft_bind_any(fd, &port));
	ASSERT_EQ(0, hft_seq_back(self->control, port, 1, SEQ_BACK_HOLD, 0));
	if (hft_poll(self->control, POLLIN, 300)) {
		EXPECT_EQ(0, report(self->control, 0, 1, 0, 0).opened);
	}
}

TEST_F(server, connected_socket_refuses_connections)
{
	ASSERT_EQ(0, hft_seq_back(self->control, hft_port(self->control), 1, SEQ_BACK_HOLD, 0));
	EXPECT_EQ(1, report(self->control, 0, 1, 0, 0).refused);
}

TEST_F(server, socket_that_cannot_listen_says_einval)
{
	int fd = hft_seq_socket();

	EXPECT_FAIL(EINVAL, listen(fd, 1));
	EXPECT_FAIL(EINVAL, accept(fd, NULL, NULL));
	EXPECT_FAIL(EINVAL, listen(self->control, 1));
}

TEST_F(server, port_is_bound_once)
{
	uint64_t port = 0;
	int on = 1;
	int fd = hft_seq_socket(), other = hft_seq_socket(), dgram = hft_socket();

	ASSERT_EQ(0, hft_bind_any(fd, &port));
	EXPECT_LE(0x10000, port);
	EXPECT_FAIL(EADDRINUSE, hft_bind_any(other, &port));
	EXPECT_FAIL(EADDRINUSE, hft_bind_any(dgram, &port));
	ASSERT_EQ(0, setsockopt(other, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)));
	EXPECT_FAIL(EADDRINUSE, hft_bind_any(other, &port));
	EXPECT_FAIL(EINVAL, hft_bind_any(fd, &port));
	port = 0;
	EXPECT_FAIL(EINVAL, hft_bind_any(fd, &port));
	EXPECT_EQ(0, hft_bind_any(other, &port));
}

TEST_F(server, port_is_free_as_soon_as_its_listener_closes)
{
	int fd, again;

	ASSERT_EQ(0, hft_seq_back(self->control, self->port, 1, SEQ_BACK_ECHO, 0));
	fd = hft_accept(self->listener);
	ASSERT_LE(0, fd);
	close(self->listener);
	again = hft_seq_listen(&self->port, 8);
	ASSERT_LE(0, again);
	self->listener = again;
	/* The old connection and new ones share the port. */
	ASSERT_EQ(0, hft_seq_echo(fd, 10, 1));
	ASSERT_EQ(0, hft_seq_back(self->control, self->port, 1, SEQ_BACK_ECHO, 0));
	again = hft_accept(self->listener);
	ASSERT_LE(0, again);
	EXPECT_EQ(0, hft_seq_echo(again, 20, 2));
	EXPECT_EQ(0, hft_seq_echo(fd, 30, 3));
}

TEST_F(server, full_backlog_refuses_and_recovers)
{
	struct seq_report got;
	uint64_t port = 0;
	int fd = hft_seq_listen(&port, 4), conn;

	ASSERT_EQ(0, hft_seq_back(self->control, port, 12, SEQ_BACK_HOLD, 0));
	got = report(self->control, 5, 7, 0, 0);
	EXPECT_EQ(5, got.opened);
	EXPECT_EQ(7, got.refused);
	conn = hft_accept(fd);
	ASSERT_LE(0, conn);
	ASSERT_EQ(0, hft_seq_back(self->control, port, 2, SEQ_BACK_HOLD, 0));
	got = report(self->control, 6, 8, 0, 0);
	EXPECT_EQ(6, got.opened);
	EXPECT_EQ(8, got.refused);
}

TEST_F(server, hundred_connections_wait_to_be_accepted)
{
	uint64_t port = 0;
	int fd = hft_seq_listen(&port, 128), i;

	ASSERT_EQ(0, hft_seq_back(self->control, port, 100, SEQ_BACK_HOLD, 0));
	EXPECT_EQ(100, report(self->control, 100, 0, 0, 0).opened);
	for (i = 0; i < 100; i++) {
		ASSERT_LE(0, hft_accept(fd));
	}
	ASSERT_EQ(0, hft_set_nonblocking(fd));
	EXPECT_FAIL(EAGAIN, accept(fd, NULL, NULL));
}

TEST_F(server, closed_listener_breaks_what_was_not_accepted)
{
	int refs, i;

	refs = hft_module_refs_settled();
	for (i = 0; i < 5; i++) {
		uint64_t port = 0;
		int fd = hft_seq_listen(&port, 8);

		ASSERT_EQ(0, hft_seq_back(self->control, port, 6, SEQ_BACK_HOLD, 0));
		EXPECT_EQ(6 * (i + 1), report(self->control, 6 * (i + 1), 0, 0, 0).opened);
		close(fd);
		EXPECT_EQ(6 * (i + 1), report(self->control, 0, 0, 0, 6 * (i + 1)).broken);
	}
	EXPECT_EQ(refs, hft_module_refs_wait(refs));
}

/* The guest opens and breaks a connection before anybody accepts it. */
TEST_F(server, connection_broken_before_accept_does_no_harm)
{
	int refs = hft_module_refs_settled();
	uint64_t port = 0;
	int fd = hft_seq_listen(&port, 2), conn, i;
	char byte;

	ASSERT_EQ(0, hft_set_nonblocking(fd));
	for (i = 0; i < 40; i++) {
		ASSERT_EQ(0, hft_seq_back(self->control, port, 1, SEQ_BACK_RESET, 0));
		hft_sleep_ms(5);
		while ((conn = hft_accept(fd)) >= 0) {
			EXPECT_GE(0, recv(conn, &byte, 1, 0));
			close(conn);
		}
	}
	close(fd);
	EXPECT_EQ(refs, hft_module_refs_wait(refs));
}

TEST_F(server, accept_waits_no_longer_than_told)
{
	int64_t start = hft_ticks_ns(), ms;

	ASSERT_EQ(0, hft_set_timeout(self->listener, SO_RCVTIMEO, 300));
	EXPECT_FAIL(EAGAIN, accept(self->listener, NULL, NULL));
	ms = hft_ticks_ms_since(start);
	EXPECT_LE(250, ms);
	EXPECT_GT(4000, ms);
	hft_alarm(200, 0);
	ASSERT_EQ(0, hft_set_timeout(self->listener, SO_RCVTIMEO, 0));
	EXPECT_FAIL(EINTR, accept(self->listener, NULL, NULL));
}

TEST_F(server, accept4_gives_the_flags_asked_for)
{
	char byte;
	int fd;

	ASSERT_EQ(0, hft_seq_back(self->control, self->port, 1, SEQ_BACK_HOLD, 0));
	fd = accept4(self->listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
	ASSERT_LE(0, fd);
	EXPECT_FAIL(EAGAIN, recv(fd, &byte, 1, 0));
}

TEST_F(server, listener_carries_no_messages)
{
	char byte;
	int n;

	EXPECT_FAIL(ENOTCONN, recv(self->listener, &byte, 1, 0));
	EXPECT_FAIL(ENOTCONN, send(self->listener, "x", 1, MSG_NOSIGNAL));
	EXPECT_FAIL(EINVAL, ioctl(self->listener, FIONREAD, &n));
	EXPECT_EQ(-1, hft_seq_connect_to(self->listener, self->vm, SEQ_PORT_ECHO));
	ASSERT_EQ(0, hft_seq_back(self->control, self->port, 1, SEQ_BACK_HOLD, 0));
	EXPECT_LE(0, hft_accept(self->listener));
}

TEST_F(server, port_bound_for_one_vm_refuses_the_others)
{
	HFT_NEED_GUEST(other, "seq", 1);
	struct hf_sockaddr addr = hft_address(self->vm, 0);
	int stranger = hft_seq_connect(other->id, SEQ_PORT_BACK);
	int fd = hft_seq_socket();
	uint64_t port;

	ASSERT_EQ(0, bind(fd, (void *)&addr, sizeof(addr)));
	ASSERT_EQ(0, listen(fd, 4));
	port = hft_port(fd);
	ASSERT_EQ(0, hft_seq_back(stranger, port, 1, SEQ_BACK_HOLD, 0));
	EXPECT_EQ(1, report(stranger, 0, 1, 0, 0).refused);
	ASSERT_EQ(0, hft_seq_back(self->control, port, 1, SEQ_BACK_HOLD, 0));
	EXPECT_EQ(1, report(self->control, 1, 0, 0, 0).opened);
}

/* What the guest asked for and then forgot is a connection for us. */
TEST_F(server, half_open_connections_are_closed_like_others)
{
	int refs = hft_module_refs_settled();
	uint64_t port = 0;
	int fd = hft_seq_listen(&port, 64), i, conn;

	ASSERT_EQ(0, hft_seq_back(self->control, port, 50, SEQ_BACK_MUTE, 0));
	for (i = 0; i < 50; i++) {
		conn = hft_accept(fd);
		ASSERT_LE(0, conn);
		EXPECT_EQ(6, send(conn, "unread", 6, 0));
		close(conn);
	}
	close(fd);
	EXPECT_EQ(refs, hft_module_refs_wait(refs));
}

TEST_HARNESS_MAIN
