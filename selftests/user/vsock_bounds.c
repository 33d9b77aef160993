// SPDX-License-Identifier: GPL-2.0
/*
 * What waits for a VM that does not read is bounded, whatever it sends and
 * programs do meanwhile, and no connection that behaves loses anything by that.
 *
 * Needs a vsock guest, which is told to nap, and hf_testcall.ko, which wakes it.
 */
#include <poll.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include "hft_vsock.h"
#include "hft_harness.h"

#define TIMES			3000
#define PORT			30000		/* ours, and those above */
#define CONNS			60		/* with a full window each it is too much */
#define FEW			16
#define SOCKET_MAX		1300		/* packets of one byte of a socket */
#define STRAYS_MAX		1100		/* answers that belong to no socket */
#define MESSAGES_MAX		16384		/* of a byte, that wait to be read */
#define AT_ONCE			256

VSOCK_FIXTURE_OF_BOTH(bounds);

static unsigned int vm_of(unsigned int cid)
{
	return cid - hft_cid(0);
}

/* The commands are one packet: the guest reads nothing between them. */
static void tell(int control, const struct vsock_command *cmds, int count)
{
	hft_vsock_send_all(control, cmds, count * sizeof(*cmds), 0);
}

static int signal_guest(unsigned int cid, uint64_t number)
{
	return hft_call(HFT_SIGNAL, vm_of(cid), number, 0, 0, 0);
}

/* Until it is woken, however long that takes. */
static void let_nap(int control, unsigned int cid)
{
	struct vsock_command nap = { .op = VSOCK_CMD_NAP, .size = 1 };

	signal_guest(cid, 0);
	tell(control, &nap, 1);
}

static int64_t queued(unsigned int cid)
{
	return hft_vm_count(vm_of(cid), "sendq");
}

static void wait_for_none(unsigned int cid)
{
	int i;

	for (i = 0; i < 2000 && queued(cid); i++)
		hft_sleep_ms(10);
}

/* How many messages wait for the guest that naps, which is woken. */
static int64_t wake(int control, unsigned int cid)
{
	struct vsock_status status;
	int64_t most = queued(cid);

	if (signal_guest(cid, 1) || hft_vsock_answer(control, &status))
		return INT64_MAX;
	return most;
}

/* Whether so many messages came of the guest; what becomes of the last of them takes a while. */
static bool has_sent(unsigned int cid, int64_t count)
{
	int i;

	for (i = 0; i < HFT_PATIENCE_MS && hft_vm_count(vm_of(cid), "received") < count; i++)
		hft_sleep_ms(1);
	hft_sleep_ms(100);
	return i < HFT_PATIENCE_MS;
}

/* The guest sends a packet often, and naps then. */
static int64_t most_after(int control, unsigned int cid, const struct vsock_packet *p, uint32_t step)
{
	struct vsock_command cmds[] = {
		{ .op = VSOCK_CMD_RAW, .size = HFT_VSOCK_HEADER + p->len, .message = TIMES,
		  .flags = step },
		{ .op = VSOCK_CMD_NAP, .size = 1 },
	};
	int64_t before = hft_vm_count(vm_of(cid), "received");
	int64_t most = INT64_MAX;

	memcpy(cmds[0].raw, &p->src_cid, HFT_VSOCK_HEADER);
	signal_guest(cid, 0);
	tell(control, cmds, 2);
	if (has_sent(cid, before + TIMES))
		most = queued(cid);
	return wake(control, cid) == INT64_MAX ? INT64_MAX : most;
}

TEST_F(bounds, credit_that_is_asked_for_is_told_once)
{
	struct hft_vsock v = hft_vsock_open(variant->type, self->cid, VSOCK_PORT_ECHO);
	struct vsock_packet p = hft_vsock_packet(&v, self->cid, variant->type,
						 VSOCK_CREDIT_REQUEST);

	HFT_NEED_TESTCALL();
	EXPECT_GE(FEW, most_after(self->control, self->cid, &p, 0));
	EXPECT_EQ(0, hft_vsock_echo(v.fd, 4000, 1));
	close(v.fd);
}

TEST_F(bounds, strays_are_reset_a_thousand_times)
{
	struct hft_vsock none = { .port = VSOCK_PORT_MUTE + 5, .peer_port = PORT };
	struct vsock_packet p = hft_vsock_packet(&none, self->cid, variant->type, VSOCK_SHUTDOWN);

	HFT_NEED_TESTCALL();
	EXPECT_GE(STRAYS_MAX, most_after(self->control, self->cid, &p, 1));
	wait_for_none(self->cid);
	EXPECT_GE(FEW, most_after(self->control, self->cid, &p, 0));
}

/* However often a program says the same. */
TEST_F(bounds, what_a_program_says_twice_is_told_once)
{
	struct hft_vsock v = hft_vsock_open(variant->type, self->cid, VSOCK_PORT_PASSIVE);
	struct vsock_status s;
	int i;

	HFT_NEED_TESTCALL();
	let_nap(self->control, self->cid);
	for (i = 0; i < TIMES / 4; i++) {
		hft_vsock_set_buffer(v.fd, 100000 + i);
		shutdown(v.fd, SHUT_RD);
		if (i % 50 == 49) {
			EXPECT_GE(FEW, queued(self->cid));
		}
	}
	EXPECT_GE(FEW, wake(self->control, self->cid));
	s = hft_vsock_do(self->control, &v, VSOCK_CMD_WAIT, 0, VSOCK_SHUT_RECV);
	EXPECT_EQ(VSOCK_SHUT_RECV, s.peer_shut);
	EXPECT_EQ(3, send(v.fd, "abc", 3, 0));
	close(v.fd);
	s = hft_vsock_do(self->control, &v, VSOCK_CMD_WAIT_END, 0, 0);
	EXPECT_EQ(3, s.sum.bytes);
}

/* Bytes are bounded by the window, but each has a packet. */
TEST_F(bounds, small_packets_of_a_socket_wait_in_its_program)
{
	struct hft_vsock v = hft_vsock_open(variant->type, self->cid, VSOCK_PORT_PASSIVE);
	char bytes[2 * TIMES];
	struct vsock_status s;
	uint64_t hash = 0;
	int i;

	HFT_NEED_TESTCALL();
	hft_fill(bytes, sizeof(bytes), 1);
	let_nap(self->control, self->cid);
	for (i = 0; i < sizeof(bytes) && send(v.fd, bytes + i, 1, MSG_DONTWAIT) == 1; i++)
		;
	EXPECT_GT(sizeof(bytes), i);
	EXPECT_GE(SOCKET_MAX, queued(self->cid));
	EXPECT_EQ(0, hft_poll(v.fd, POLLOUT, 0));
	EXPECT_GE(SOCKET_MAX, wake(self->control, self->cid));
	for (; i < sizeof(bytes); i++)
		ASSERT_EQ(1, send(v.fd, bytes + i, 1, 0));
	for (i = 0; i < sizeof(bytes); i++)
		hash = vsock_hash(hash, bytes + i, 1,
				  variant->type == SOCK_SEQPACKET ? VSOCK_EOM : 0);
	s = hft_vsock_do(self->control, &v, VSOCK_CMD_WAIT, sizeof(bytes), 0);
	EXPECT_EQ(sizeof(bytes), s.sum.bytes);
	EXPECT_EQ(hash, s.sum.hash);
	close(v.fd);
}

static void let_send_bytes(int control, const struct vsock_packet *p, uint32_t times)
{
	struct vsock_command cmd = { .op = VSOCK_CMD_RAW, .size = HFT_VSOCK_HEADER + 1,
				     .message = times };
	struct vsock_status s;

	memcpy(cmd.raw, &p->src_cid, HFT_VSOCK_HEADER);
	hft_vsock_ask(control, &cmd);
	hft_vsock_answer(control, &s);
}

/* What the window has room for could be a thousand times as much memory. */
TEST_F(bounds, messages_that_are_not_read_are_bounded)
{
	struct hft_vsock v = hft_vsock_open(variant->type, self->cid, VSOCK_PORT_PASSIVE);
	struct vsock_packet p = hft_vsock_packet(&v, self->cid, variant->type, VSOCK_RW);
	bool messages = variant->type == SOCK_SEQPACKET;
	char bytes[MESSAGES_MAX + 1];
	struct vsock_status s;
	bool early = false;
	int sent;

	p.len = 1;
	p.flags = messages ? VSOCK_EOM : 0;
	/* Newer kernels have a lower limit of their own. */
	for (sent = 0; sent < MESSAGES_MAX && !early; sent += AT_ONCE) {
		let_send_bytes(self->control, &p, AT_ONCE);
		early = hft_poll(v.fd, POLLRDHUP, 0);
	}
	let_send_bytes(self->control, &p, 1);
	if (messages) {
		EXPECT_FAIL(early ? ENOBUFS : ECONNRESET, recv(v.fd, bytes, 1, 0));
		s = hft_vsock_do(self->control, &v, VSOCK_CMD_WAIT_END, 0, 0);
		EXPECT_EQ(VSOCK_LIFE_BROKEN, s.life);
	} else {
		EXPECT_EQ(sizeof(bytes), hft_vsock_recv_all(v.fd, bytes, sizeof(bytes)));
	}
	close(v.fd);
}

/* One that fits into the window is sent whole, or not at all, whatever waits before it. */
TEST_F(bounds, long_message_is_not_torn)
{
	struct hft_vsock v = hft_vsock_open(variant->type, self->cid, VSOCK_PORT_PASSIVE);
	static char bytes[200000];
	struct vsock_status s;
	int i, small;
	ssize_t n;

	HFT_NEED_TESTCALL();
	let_nap(self->control, self->cid);
	for (small = 0; small < 400 && send(v.fd, bytes, 1, MSG_DONTWAIT) == 1; small++)
		;
	n = send(v.fd, bytes, sizeof(bytes), MSG_DONTWAIT);
	EXPECT_EQ(sizeof(bytes), n);
	for (i = 0; i < 400 && send(v.fd, bytes, 1, MSG_DONTWAIT) == 1; i++)
		small++;
	EXPECT_GE(SOCKET_MAX, wake(self->control, self->cid));
	s = hft_vsock_do(self->control, &v, VSOCK_CMD_WAIT, sizeof(bytes) + small, 0);
	EXPECT_EQ(sizeof(bytes) + small, s.sum.bytes);
	EXPECT_EQ(variant->type == SOCK_SEQPACKET ? small + 1 : 0, s.sum.messages);
	close(v.fd);
}

TEST_F(bounds, given_up_connects_leave_nothing)
{
	int fd, i;

	HFT_NEED_TESTCALL();
	let_nap(self->control, self->cid);
	for (i = 0; i < TIMES / 10; i++) {
		fd = hft_vsock_socket(variant->type);
		hft_vsock_set_nonblocking(fd);
		hft_vsock_connect_to(fd, self->cid, VSOCK_PORT_ECHO);
		close(fd);
		if (i % 50 == 49) {
			EXPECT_GE(FEW, queued(self->cid));
		}
	}
	EXPECT_GE(FEW, wake(self->control, self->cid));
	fd = hft_vsock_connect(variant->type, self->cid, VSOCK_PORT_ECHO);
	EXPECT_EQ(0, hft_vsock_echo(fd, 4000, 1));
	close(fd);
}

/* A VM that does not take what it has gets no more of it, whoever asks for that. */
TEST_F(bounds, backlog_of_the_guest_ends_in_no_new_connections)
{
	struct vsock_command cmds[] = {
		{ .op = VSOCK_CMD_NAP, .size = 1 },
		{ .op = VSOCK_CMD_CONNECT, .peer_port = VMADDR_PORT_ANY,
		  .flags = hft_vsock_type(variant->type) },
		{ .op = VSOCK_CMD_NAP, .size = 2 },
	};
	int listener = hft_vsock_listen(variant->type, &cmds[1].peer_port, 4);
	static char bytes[60000];
	struct vsock_status s;
	int fds[CONNS], fd, i;
	int64_t count;

	HFT_NEED_TESTCALL();
	for (i = 0; i < CONNS; i++) {
		fds[i] = hft_vsock_connect(variant->type, self->cid, VSOCK_PORT_DISCARD);
		ASSERT_LE(0, fds[i]);
	}
	ASSERT_EQ(0, signal_guest(self->cid, 0));
	tell(self->control, cmds, 3);
	for (i = 0; i < CONNS; i++) {
		while (send(fds[i], bytes, sizeof(bytes), MSG_DONTWAIT) > 0)
			;
		close(fds[i]);
	}
	EXPECT_EQ(0, hft_poll(self->control, POLLIN, 0));
	EXPECT_FAIL(ENOBUFS, hft_vsock_connect(variant->type, self->cid, VSOCK_PORT_ECHO));
	count = hft_vm_count(vm_of(self->cid), "received");
	signal_guest(self->cid, 1);
	EXPECT_TRUE(has_sent(self->cid, count + 1));
	EXPECT_EQ(0, hft_poll(listener, POLLIN, 0));
	signal_guest(self->cid, 2);
	EXPECT_EQ(0, hft_vsock_answer(self->control, &s));
	/* Once it has taken all of that it may again. */
	wait_for_none(self->cid);
	fd = hft_vsock_connect(variant->type, self->cid, VSOCK_PORT_ECHO);
	EXPECT_EQ(0, hft_vsock_echo(fd, 4000, 1));
	close(fd);
	close(listener);
}

TEST_HARNESS_MAIN
