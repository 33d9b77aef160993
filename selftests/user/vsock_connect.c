// SPDX-License-Identifier: GPL-2.0
/*
 * Connections of AF_VSOCK: refused, accepted, interrupted, too late, again.
 *
 * Needs a vsock guest. What is asked of the kernel's own code here is that it
 * works over this transport: the cases are those of tools/testing/vsock.
 */
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "hft_vsock.h"
#include "hft_harness.h"

#define MANY			100
#define ROUNDS			50
#define SHORT_MS		300
/* So often autobind tries the next port. */
#define PORT_TRIES		24

VSOCK_FIXTURE_OF_BOTH(vsock);

static int set_connect_timeout(int fd, unsigned int ms)
{
	struct timeval tv = { ms / 1000, ms % 1000 * 1000 };

	return setsockopt(fd, AF_VSOCK, SO_VM_SOCKETS_CONNECT_TIMEOUT, &tv, sizeof(tv));
}

TEST_F(vsock, connected_socket_talks)
{
	int fd = hft_vsock_connect(variant->type, self->cid, VSOCK_PORT_ECHO);

	ASSERT_LE(0, fd);
	EXPECT_EQ(0, hft_vsock_echo(fd, 100, 1));
	close(fd);
}

TEST_F(vsock, both_ends_have_addresses)
{
	struct hft_vsock v = hft_vsock_open(variant->type, self->cid, VSOCK_PORT_ECHO);
	struct sockaddr_vm addr;
	socklen_t len = sizeof(addr);

	ASSERT_LE(0, v.fd);
	ASSERT_EQ(0, getsockname(v.fd, (struct sockaddr *)&addr, &len));
	EXPECT_EQ(AF_VSOCK, addr.svm_family);
	EXPECT_NE(VMADDR_PORT_ANY, addr.svm_port);
	ASSERT_EQ(0, getpeername(v.fd, (struct sockaddr *)&addr, &len));
	EXPECT_EQ(self->cid, addr.svm_cid);
	EXPECT_EQ(VSOCK_PORT_ECHO, addr.svm_port);
	close(v.fd);
}

TEST_F(vsock, port_without_listener_resets)
{
	int64_t start = hft_now_ns();
	int fd = hft_vsock_socket(variant->type);

	EXPECT_FAIL(ECONNRESET, hft_vsock_connect_to(fd, self->cid, VSOCK_PORT_NOBODY));
	EXPECT_GT(HFT_PATIENCE_MS, (hft_now_ns() - start) / 1000000);
	EXPECT_EQ(0, hft_vsock_error(fd));
	close(fd);
}

TEST_F(vsock, failed_connect_can_be_repeated)
{
	int fd = hft_vsock_socket(variant->type), i;

	for (i = 0; i < 5; i++) {
		EXPECT_FAIL(ECONNRESET, hft_vsock_connect_to(fd, self->cid, VSOCK_PORT_NOBODY));
	}
	ASSERT_EQ(0, hft_vsock_connect_to(fd, self->cid, VSOCK_PORT_ECHO));
	EXPECT_EQ(0, hft_vsock_echo(fd, 100, 1));
	close(fd);
}

TEST_F(vsock, cid_of_no_vm_is_no_address)
{
	int fd = hft_vsock_socket(variant->type);

	EXPECT_EQ(-1, hft_vsock_connect_to(fd, hft_cid(HFT_NO_VM), VSOCK_PORT_ECHO));
	EXPECT_TRUE(errno == ENODEV || errno == ENETUNREACH);
	close(fd);
}

TEST_F(vsock, connect_without_answer_times_out)
{
	int fd = hft_vsock_socket(variant->type);
	int64_t start = hft_ticks_ns();

	ASSERT_EQ(0, set_connect_timeout(fd, SHORT_MS));
	EXPECT_FAIL(ETIMEDOUT, hft_vsock_connect_to(fd, self->cid, VSOCK_PORT_MUTE));
	EXPECT_LE(SHORT_MS - 50, (hft_ticks_ns() - start) / 1000000);
	/* Nothing of it is left: the same socket connects. */
	EXPECT_EQ(0, hft_vsock_connect_to(fd, self->cid, VSOCK_PORT_ECHO));
	EXPECT_EQ(0, hft_vsock_echo(fd, 100, 1));
	close(fd);
}

TEST_F(vsock, nonblocking_connect_tells_by_poll)
{
	struct hft_vsock v = { .port = VSOCK_PORT_MUTE };
	struct vsock_packet p;

	v.fd = hft_vsock_socket(variant->type);
	ASSERT_EQ(0, hft_vsock_set_nonblocking(v.fd));
	EXPECT_FAIL(EINPROGRESS, hft_vsock_connect_to(v.fd, self->cid, v.port));
	EXPECT_FAIL(EALREADY, hft_vsock_connect_to(v.fd, self->cid, v.port));
	EXPECT_EQ(0, hft_poll(v.fd, POLLOUT, 100));
	v.peer_port = hft_vsock_port(v.fd);
	p = hft_vsock_packet(&v, self->cid, variant->type, VSOCK_RESPONSE);
	ASSERT_EQ(0, hft_vsock_raw(self->control, &p, HFT_VSOCK_HEADER));
	EXPECT_EQ(POLLOUT, hft_poll(v.fd, POLLOUT, HFT_PATIENCE_MS));
	EXPECT_EQ(0, hft_vsock_error(v.fd));
	EXPECT_FAIL(EISCONN, hft_vsock_connect_to(v.fd, self->cid, v.port));
	hft_vsock_close_mute(self->control, variant->type, self->cid, &v);
}

TEST_F(vsock, connected_socket_connects_no_more)
{
	int fd = hft_vsock_connect(variant->type, self->cid, VSOCK_PORT_ECHO);

	EXPECT_FAIL(EISCONN, hft_vsock_connect_to(fd, self->cid, VSOCK_PORT_ECHO));
	EXPECT_FAIL(EISCONN, hft_vsock_connect_to(fd, self->cid, VSOCK_PORT_NOBODY));
	EXPECT_EQ(0, hft_vsock_echo(fd, 100, 1));
	close(fd);
}

/* connect() has a time limit of its own, so that it is never restarted. */
static void expect_interrupted(struct __test_metadata *_metadata, unsigned int cid, int type,
			       int flags)
{
	int fd = hft_vsock_socket(type);

	hft_vsock_alarm(SHORT_MS, 0, flags);
	EXPECT_FAIL(EINTR, hft_vsock_connect_to(fd, cid, VSOCK_PORT_MUTE));
	ASSERT_EQ(0, hft_vsock_connect_to(fd, cid, VSOCK_PORT_ECHO));
	EXPECT_EQ(0, hft_vsock_echo(fd, 100, 1));
	EXPECT_FAIL(EISCONN, hft_vsock_connect_to(fd, cid, VSOCK_PORT_ECHO));
	close(fd);
}

TEST_F(vsock, signal_ends_connect)
{
	expect_interrupted(_metadata, self->cid, variant->type, 0);
}

TEST_F(vsock, signal_with_restart_ends_connect_too)
{
	expect_interrupted(_metadata, self->cid, variant->type, SA_RESTART);
}

/* The guest has to learn that nobody waits any more: REQUEST, then RST. */
TEST_F(vsock, late_response_is_reset)
{
	struct hft_vsock v = { .port = VSOCK_PORT_MUTE + 1 };
	struct vsock_status s = hft_vsock_do(self->control, NULL, VSOCK_CMD_HEARD, 0, 0);
	struct vsock_packet p;
	int i;

	v.fd = hft_vsock_socket(variant->type);
	ASSERT_EQ(0, set_connect_timeout(v.fd, SHORT_MS));
	EXPECT_FAIL(ETIMEDOUT, hft_vsock_connect_to(v.fd, self->cid, v.port));
	v.peer_port = hft_vsock_port(v.fd);
	p = hft_vsock_packet(&v, self->cid, variant->type, VSOCK_RESPONSE);
	ASSERT_EQ(0, hft_vsock_raw(self->control, &p, HFT_VSOCK_HEADER));
	hft_sleep_ms(100);
	s = hft_vsock_do(self->control, NULL, VSOCK_CMD_HEARD, 0, 0);
	ASSERT_LE(2, s.heard_count);
	EXPECT_EQ(VSOCK_REQUEST, s.heard[0].op);
	for (i = 1; i < s.heard_count; i++) {
		EXPECT_EQ(VSOCK_RST, s.heard[i].op);
		EXPECT_EQ(v.peer_port, s.heard[i].peer_port);
	}
	close(v.fd);
}

TEST_F(vsock, guest_connects_to_a_listener)
{
	struct hft_vsock v = hft_vsock_called(self->control, variant->type, VSOCK_PORT_ECHO);
	struct sockaddr_vm addr;
	socklen_t len = sizeof(addr);

	ASSERT_LE(0, v.fd);
	ASSERT_EQ(0, getpeername(v.fd, (struct sockaddr *)&addr, &len));
	EXPECT_EQ(self->cid, addr.svm_cid);
	EXPECT_EQ(v.port, addr.svm_port);
	EXPECT_EQ(v.peer_port, hft_vsock_port(v.fd));
	EXPECT_EQ(0, hft_vsock_echo(v.fd, 5000, 1));
	close(v.fd);
}

static uint32_t call(int control, int type, unsigned int port)
{
	struct vsock_command cmd = { .op = VSOCK_CMD_CONNECT, .flags = hft_vsock_type(type),
				     .peer_port = port };
	struct vsock_status s = { .life = VSOCK_LIFE_NONE };

	if (!hft_vsock_ask(control, &cmd))
		hft_vsock_answer(control, &s);
	return s.life;
}

TEST_F(vsock, guest_is_refused_where_nobody_listens)
{
	unsigned int port = VMADDR_PORT_ANY;
	int fd;

	EXPECT_EQ(VSOCK_LIFE_REFUSED, call(self->control, variant->type, 4711));
	fd = hft_vsock_bind(variant->type, &port);
	ASSERT_LE(0, fd);
	EXPECT_EQ(VSOCK_LIFE_REFUSED, call(self->control, variant->type, port));
	ASSERT_EQ(0, listen(fd, 1));
	EXPECT_EQ(VSOCK_LIFE_OPEN, call(self->control, variant->type, port));
	close(fd);
	EXPECT_EQ(VSOCK_LIFE_REFUSED, call(self->control, variant->type, port));
}

TEST_F(vsock, listener_of_the_other_type_refuses)
{
	unsigned int port = VMADDR_PORT_ANY;
	int type = variant->type == SOCK_STREAM ? SOCK_SEQPACKET : SOCK_STREAM;
	int fd = hft_vsock_listen(type, &port, 1);

	ASSERT_LE(0, fd);
	EXPECT_EQ(VSOCK_LIFE_REFUSED, call(self->control, variant->type, port));
	EXPECT_EQ(VSOCK_LIFE_OPEN, call(self->control, type, port));
	close(fd);
}

TEST_F(vsock, full_accept_queue_refuses)
{
	unsigned int port = VMADDR_PORT_ANY;
	int fd = hft_vsock_listen(variant->type, &port, 2), accepted, i;
	unsigned int open = 0;

	for (i = 0; i < 6; i++)
		open += call(self->control, variant->type, port) == VSOCK_LIFE_OPEN;
	EXPECT_LE(2, open);
	EXPECT_GE(3, open);
	accepted = hft_vsock_accept(fd);
	EXPECT_LE(0, accepted);
	EXPECT_EQ(VSOCK_LIFE_OPEN, call(self->control, variant->type, port));
	close(accepted);
	close(fd);
}

/* Those that nobody accepted end with the listener, and leave nothing behind. */
TEST_F(vsock, accept_queue_ends_with_its_listener)
{
	struct vsock_status before, now;
	int i;

	before = hft_vsock_do(self->control, NULL, VSOCK_CMD_STATUS, 0, 0);
	for (i = 0; i < ROUNDS; i++) {
		unsigned int port = VMADDR_PORT_ANY;
		int fd = hft_vsock_listen(variant->type, &port, 4);

		ASSERT_EQ(VSOCK_LIFE_OPEN, call(self->control, variant->type, port));
		close(fd);
	}
	for (i = 0; i < 50; i++) {
		now = hft_vsock_do(self->control, NULL, VSOCK_CMD_STATUS, 0, 0);
		if (now.conns <= before.conns)
			break;
		hft_sleep_ms(100);
	}
	EXPECT_EQ(before.conns, now.conns);
}

/* connect() of the guest against close() of the listener, without an order. */
TEST_F(vsock, closing_a_listener_races_with_requests)
{
	struct vsock_command cmd = { .op = VSOCK_CMD_CONNECT,
				     .flags = hft_vsock_type(variant->type) };
	struct vsock_status s;
	int i;

	for (i = 0; i < 4 * ROUNDS; i++) {
		int fd;

		cmd.peer_port = VMADDR_PORT_ANY;
		fd = hft_vsock_listen(variant->type, &cmd.peer_port, 1);
		ASSERT_LE(0, fd);
		ASSERT_EQ(0, hft_vsock_ask(self->control, &cmd));
		close(fd);
		ASSERT_EQ(0, hft_vsock_answer(self->control, &s));
		EXPECT_NE(VSOCK_LIFE_ASKED, s.life);
	}
}

TEST_F(vsock, many_connections_live_side_by_side)
{
	struct hft_vsock v[MANY];
	char byte = 'A';
	int i;

	for (i = 0; i < MANY; i++) {
		v[i] = hft_vsock_open(variant->type, self->cid, VSOCK_PORT_PASSIVE);
		ASSERT_LE(0, v[i].fd);
	}
	for (i = 0; i < MANY; i++) {
		if (i % 2) {
			EXPECT_EQ(0, hft_vsock_let_send(self->control, &v[i], i, 0, 0));
		} else {
			EXPECT_EQ(1, send(v[i].fd, &byte, 1, 0));
		}
	}
	for (i = 0; i < MANY; i++) {
		if (i % 2) {
			EXPECT_EQ(0, hft_vsock_take(v[i].fd, 0, i));
		} else {
			EXPECT_EQ(1, hft_vsock_do(self->control, &v[i], VSOCK_CMD_WAIT, 1, 0)
				  .sum.bytes);
		}
		close(v[i].fd);
	}
}

/* The same two ports again, as soon as the first connection is over. */
TEST_F(vsock, same_ports_connect_again)
{
	unsigned int port = 12345;
	struct hft_vsock v = { .port = VSOCK_PORT_PASSIVE, .peer_port = port };
	int i;

	for (i = 0; i < ROUNDS; i++) {
		v.fd = hft_vsock_bind(variant->type, &port);
		ASSERT_LE(0, v.fd);
		ASSERT_EQ(0, hft_vsock_connect_to(v.fd, self->cid, v.port));
		if (i % 2) {
			hft_vsock_do(self->control, &v, VSOCK_CMD_SHUTDOWN, 0, VSOCK_SHUT_BOTH);
			EXPECT_EQ(0, hft_vsock_wait_hup(v.fd));
		}
		close(v.fd);
		hft_vsock_do(self->control, &v, VSOCK_CMD_WAIT_END, 0, 0);
	}
}

TEST_F(vsock, taken_port_is_not_bound_twice)
{
	unsigned int port = 12346;
	int fd = hft_vsock_bind(variant->type, &port);

	ASSERT_LE(0, fd);
	EXPECT_FAIL(EADDRINUSE, hft_vsock_bind(variant->type, &port));
	ASSERT_EQ(0, hft_vsock_connect_to(fd, self->cid, VSOCK_PORT_ECHO));
	EXPECT_FAIL(EADDRINUSE, hft_vsock_bind(variant->type, &port));
	close(fd);
}

/* A RST that is late hits its own connection only: the next one has other ports. */
TEST_F(vsock, late_reset_hits_its_own_ports_only)
{
	struct hft_vsock old = hft_vsock_open(variant->type, self->cid, VSOCK_PORT_ECHO);
	struct hft_vsock v;
	struct vsock_packet p;
	int i;

	close(old.fd);
	v = hft_vsock_open(variant->type, self->cid, VSOCK_PORT_ECHO);
	ASSERT_LE(0, v.fd);
	p = hft_vsock_packet(&old, self->cid, variant->type, VSOCK_RST);
	for (i = 0; i < 5; i++)
		EXPECT_EQ(0, hft_vsock_raw(self->control, &p, HFT_VSOCK_HEADER));
	EXPECT_EQ(0, hft_vsock_echo(v.fd, 100, 1));
	close(v.fd);
}

/* A peer that was started anew has the right to use its old ports. */
TEST_F(vsock, guest_that_forgot_connects_again)
{
	struct hft_vsock v = hft_vsock_called(self->control, variant->type, 0);
	char byte = 'A';
	int i, n = 0;

	ASSERT_LE(0, v.fd);
	hft_vsock_do(self->control, &v, VSOCK_CMD_FORGET, 0, 0);
	/* The first one is answered by a RST. */
	for (i = 0; i < 100 && n >= 0; i++) {
		n = send(v.fd, &byte, 1, MSG_NOSIGNAL);
		hft_sleep_ms(10);
	}
	EXPECT_EQ(-1, n);
	EXPECT_EQ(EPIPE, errno);
	EXPECT_TRUE(hft_vsock_at_end(v.fd));
	close(v.fd);
	v = hft_vsock_called(self->control, variant->type, VSOCK_PORT_ECHO);
	EXPECT_EQ(0, hft_vsock_echo(v.fd, 100, 1));
	close(v.fd);
}

static int accept_once(void *arg)
{
	int fd = accept(*(int *)arg, NULL, NULL);

	return fd < 0 ? errno : 0;
}

TEST_F(vsock, shutdown_of_a_listener_wakes_accept)
{
	unsigned int port = VMADDR_PORT_ANY;
	int fd = hft_vsock_listen(variant->type, &port, 1);
	pid_t child;

	ASSERT_LE(0, fd);
	hft_set_timeout(fd, SO_RCVTIMEO, 0);
	child = hft_spawn(accept_once, &fd);
	hft_sleep_ms(200);
	if (shutdown(fd, SHUT_RDWR)) {
		/* Then the request of a peer has to. */
		EXPECT_EQ(ENOTCONN, errno);
		EXPECT_EQ(VSOCK_LIFE_OPEN, call(self->control, variant->type, port));
		EXPECT_EQ(0, hft_join(child, HFT_PATIENCE_MS));
	} else {
		EXPECT_EQ(EINVAL, hft_join(child, HFT_PATIENCE_MS));
	}
	close(fd);
}

TEST_F(vsock, accept_has_its_time_limit)
{
	unsigned int port = VMADDR_PORT_ANY;
	int fd = hft_vsock_listen(variant->type, &port, 1);

	hft_set_timeout(fd, SO_RCVTIMEO, SHORT_MS);
	EXPECT_FAIL(EAGAIN, accept(fd, NULL, NULL));
	hft_vsock_set_nonblocking(fd);
	EXPECT_FAIL(EAGAIN, accept(fd, NULL, NULL));
	EXPECT_EQ(0, hft_poll(fd, POLLIN, 0));
	EXPECT_EQ(VSOCK_LIFE_OPEN, call(self->control, variant->type, port));
	EXPECT_EQ(POLLIN, hft_poll(fd, POLLIN, HFT_PATIENCE_MS));
	close(fd);
}

/* A signal in connect(), then another transport for the same socket. */
TEST_F(vsock, failed_connect_can_change_the_transport)
{
	int i;

	hft_vsock_alarm(2, 2, 0);
	for (i = 0; i < ROUNDS; i++) {
		int fd = hft_vsock_socket(variant->type);

		if (hft_vsock_connect_to(fd, self->cid, i % 2 ? VSOCK_PORT_MUTE : VSOCK_PORT_ECHO)) {
			EXPECT_TRUE(errno == EINTR || errno == ECONNRESET);
		}
		hft_vsock_connect_to(fd, VMADDR_CID_HYPERVISOR, 1);
		hft_vsock_connect_to(fd, VMADDR_CID_LOCAL, 1);
		close(fd);
	}
	hft_vsock_alarm(0, 0, 0);
	close(self->control);
	self->control = hft_vsock_connect(SOCK_STREAM, self->cid, VSOCK_PORT_CONTROL);
	EXPECT_LE(0, self->control);
}

/* A transport that is assigned before autobind fails, and then released. */
TEST_F(vsock, failed_autobind_keeps_the_socket_whole)
{
	int taken[PORT_TRIES], fd, first, i;
	unsigned int port = VMADDR_PORT_ANY;
	char byte = 'A';

	first = hft_vsock_bind(variant->type, &port);
	ASSERT_LE(0, first);
	for (i = 0; i < PORT_TRIES; i++) {
		port++;
		taken[i] = hft_vsock_bind(variant->type, &port);
	}
	close(first);
	fd = hft_vsock_socket(variant->type);
	hft_vsock_set_nonblocking(fd);
	if (hft_vsock_connect_to(fd, self->cid, VSOCK_PORT_ECHO)) {
		EXPECT_TRUE(errno == EADDRNOTAVAIL || errno == EINPROGRESS);
	}
	for (i = VMADDR_CID_HYPERVISOR; i <= VMADDR_CID_HOST; i++)
		hft_vsock_connect_to(fd, i, 1);
	close(fd);
	for (i = 0; i < PORT_TRIES; i++)
		close(taken[i]);
	fd = hft_vsock_connect(variant->type, self->cid, VSOCK_PORT_ECHO);
	EXPECT_EQ(1, send(fd, &byte, 1, 0));
	EXPECT_EQ(1, recv(fd, &byte, 1, 0));
	close(fd);
}

TEST_HARNESS_MAIN
