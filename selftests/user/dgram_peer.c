// SPDX-License-Identifier: GPL-2.0
/*
 * Datagrams without a connection, and what connect() does to them: the peer can
 * be changed and dropped, and a connected socket hears its peer only.
 *
 * Needs two echo and two flood guests. The rule for sockets that got their port
 * from connect() has its refusals in misuse.c.
 */
#include <poll.h>

#include "hft_harness.h"
#include "hft_dgram.h"

#define PORT	5100

FIXTURE(peer) {
	unsigned int a, b;	/* echo guests */
	unsigned int flood, other_flood;
	int fd;			/* no port yet */
};

FIXTURE_SETUP(peer)
{
	self->fd = -1;
	if (hft_guest_count("echo") < 2 || hft_guest_count("flood") < 2)
		HFT_SKIP("no two echo and two flood guests in this boot");
	self->a = hft_guest("echo", 0)->id;
	self->b = hft_guest("echo", 1)->id;
	self->flood = hft_guest("flood", 0)->id;
	self->other_flood = hft_guest("flood", 1)->id;
	self->fd = hft_socket();
	ASSERT_LE(0, self->fd);
}

FIXTURE_TEARDOWN(peer)
{
	close(self->fd);
}

/* Is the next message that one, from there? */
static bool hears(int fd, const char *text, unsigned int vm, uint64_t port)
{
	struct hf_sockaddr from;
	char buf[64];
	ssize_t n = hft_recv_from(fd, buf, sizeof(buf), &from);

	return n == (ssize_t)strlen(text) && !memcmp(buf, text, n) &&
	       from.family == AF_HF && from.vm_id == vm && from.port == port;
}

static bool is_silent(int fd)
{
	return hft_poll(fd, POLLIN, 0) == 0;
}

TEST_F(peer, sendto_gives_an_unbound_socket_a_port)
{
	uint64_t port;

	ASSERT_EQ(3, hft_send_to(self->fd, "abc", 3, self->a, 10));
	port = hft_port(self->fd);
	EXPECT_LE(0x10000, port);
	EXPECT_TRUE(hears(self->fd, "abc", self->a, 10));
	ASSERT_EQ(2, hft_send_to(self->fd, "de", 2, self->a, 11));
	EXPECT_EQ(port, hft_port(self->fd));
	EXPECT_TRUE(hears(self->fd, "de", self->a, 11));
}

TEST_F(peer, one_socket_talks_to_several_vms)
{
	int i;

	for (i = 0; i < 20; i++) {
		ASSERT_EQ(1, hft_send_to(self->fd, "a", 1, self->a, i));
		EXPECT_TRUE(hears(self->fd, "a", self->a, i));
		ASSERT_EQ(2, hft_send_to(self->fd, "bb", 2, self->b, ~i));
		EXPECT_TRUE(hears(self->fd, "bb", self->b, ~i));
	}
}

TEST_F(peer, recvmsg_names_the_sender)
{
	struct hf_sockaddr from;
	char buf[8];
	struct iovec iov = { buf, sizeof(buf) };
	struct msghdr msg = {
		.msg_name = &from, .msg_namelen = sizeof(from),
		.msg_iov = &iov, .msg_iovlen = 1,
	};

	ASSERT_EQ(3, hft_send_to(self->fd, "abc", 3, self->b, 1ull << 63));
	EXPECT_EQ(3, recvmsg(self->fd, &msg, 0));
	EXPECT_EQ(sizeof(from), msg.msg_namelen);
	EXPECT_EQ(AF_HF, from.family);
	EXPECT_EQ(self->b, from.vm_id);
	EXPECT_EQ(1ull << 63, from.port);
	EXPECT_EQ(0, msg.msg_flags);
}

TEST_F(peer, sender_is_named_also_by_a_look_at_the_message)
{
	struct hf_sockaddr from = { 0 };
	socklen_t len = sizeof(from);
	char buf[8];

	ASSERT_EQ(3, hft_send_to(self->fd, "abc", 3, self->a, 10));
	EXPECT_EQ(3, recvfrom(self->fd, buf, sizeof(buf), MSG_PEEK, (void *)&from, &len));
	EXPECT_EQ(self->a, from.vm_id);
	EXPECT_EQ(10, from.port);
	EXPECT_TRUE(hears(self->fd, "abc", self->a, 10));
}

TEST_F(peer, short_room_for_the_name_is_not_overrun)
{
	unsigned char name[17];
	socklen_t len = 4;
	char byte;

	memset(name, 0xaa, sizeof(name));
	ASSERT_EQ(1, hft_send_to(self->fd, "x", 1, self->a, 10));
	EXPECT_EQ(1, recvfrom(self->fd, &byte, 1, 0, (void *)name, &len));
	EXPECT_EQ(sizeof(struct hf_sockaddr), len);
	EXPECT_EQ(0xaa, name[4]);
	/* No byte of the kernel's memory in what lies between the members. */
	len = sizeof(name);
	ASSERT_EQ(1, hft_send_to(self->fd, "x", 1, self->a, 10));
	EXPECT_EQ(1, recvfrom(self->fd, &byte, 1, 0, (void *)name, &len));
	EXPECT_EQ(0, name[4] | name[5] | name[6] | name[7]);
	EXPECT_EQ(0xaa, name[16]);
}

TEST_F(peer, without_an_address_there_is_nobody_to_send_to)
{
	EXPECT_FAIL(ENOTCONN, send(self->fd, "x", 1, 0));
	ASSERT_EQ(0, hft_bind_to(self->fd, HF_VM_ID_ANY, PORT));
	EXPECT_FAIL(ENOTCONN, send(self->fd, "x", 1, 0));
	ASSERT_EQ(1, hft_send_to(self->fd, "x", 1, self->a, 10));
	EXPECT_TRUE(hears(self->fd, "x", self->a, 10));
	EXPECT_FAIL(ENOTCONN, send(self->fd, "x", 1, 0));
}

TEST_F(peer, without_a_port_nothing_can_be_received)
{
	char byte;

	EXPECT_FAIL(ENOTCONN, recv(self->fd, &byte, 1, 0));
	EXPECT_FAIL(ENOTCONN, recv(self->fd, &byte, 1, MSG_DONTWAIT));
	ASSERT_EQ(0, hft_bind_to(self->fd, HF_VM_ID_ANY, PORT));
	EXPECT_FAIL(EAGAIN, recv(self->fd, &byte, 1, MSG_DONTWAIT));
}

TEST_F(peer, unreachable_vm_says_enetunreach)
{
	EXPECT_FAIL(ENETUNREACH, hft_send_to(self->fd, "x", 1, HFT_NO_VM, 1));
	EXPECT_FAIL(ENETUNREACH, hft_send_to(self->fd, "x", 1, HF_VM_ID_PRIMARY, 1));
	EXPECT_FAIL(ENETUNREACH, hft_send_to(self->fd, "x", 1, HF_VM_ID_ANY, 1));
	EXPECT_FAIL(ENETUNREACH, hft_send_to(self->fd, "x", 1, 0, 1));
	ASSERT_EQ(1, hft_send_to(self->fd, "x", 1, self->a, 10));
	EXPECT_TRUE(hears(self->fd, "x", self->a, 10));
}

TEST_F(peer, bad_destination_says_einval)
{
	struct hf_sockaddr addr = hft_address(self->a, 10);

	EXPECT_FAIL(EINVAL, sendto(self->fd, "x", 1, 0, (void *)&addr, 15));
	EXPECT_FAIL(EINVAL, sendto(self->fd, "x", 1, 0, (void *)&addr, 2));
	addr.family = AF_INET;
	EXPECT_FAIL(EINVAL, sendto(self->fd, "x", 1, 0, (void *)&addr, 16));
	EXPECT_FAIL(EFAULT, sendto(self->fd, "x", 1, 0, (void *)8, 16));
}

TEST_F(peer, bound_socket_changes_its_peer)
{
	ASSERT_EQ(0, hft_bind_to(self->fd, HF_VM_ID_ANY, PORT));
	ASSERT_EQ(0, hft_connect_to(self->fd, self->a, 10));
	EXPECT_TRUE(hft_peer_is(self->fd, self->a, 10));
	EXPECT_EQ(0, hft_echo(self->fd, 100, 1));
	ASSERT_EQ(0, hft_connect_to(self->fd, self->b, 20));
	EXPECT_TRUE(hft_peer_is(self->fd, self->b, 20));
	EXPECT_EQ(PORT, hft_port(self->fd));
	ASSERT_EQ(1, send(self->fd, "b", 1, 0));
	EXPECT_TRUE(hears(self->fd, "b", self->b, 20));
}

TEST_F(peer, socket_with_a_port_from_sendto_changes_its_peer)
{
	uint64_t port;

	ASSERT_EQ(1, hft_send_to(self->fd, "x", 1, self->a, 1));
	EXPECT_TRUE(hears(self->fd, "x", self->a, 1));
	port = hft_port(self->fd);
	ASSERT_EQ(0, hft_connect_to(self->fd, self->a, 10));
	ASSERT_EQ(0, hft_connect_to(self->fd, self->b, 20));
	EXPECT_EQ(port, hft_port(self->fd));
	ASSERT_EQ(1, send(self->fd, "b", 1, 0));
	EXPECT_TRUE(hears(self->fd, "b", self->b, 20));
}

TEST_F(peer, failed_change_keeps_the_peer)
{
	ASSERT_EQ(0, hft_bind_to(self->fd, HF_VM_ID_ANY, PORT));
	ASSERT_EQ(0, hft_connect_to(self->fd, self->a, 10));
	EXPECT_FAIL(ENETUNREACH, hft_connect_to(self->fd, HFT_NO_VM, 10));
	EXPECT_TRUE(hft_peer_is(self->fd, self->a, 10));
	EXPECT_EQ(0, hft_echo(self->fd, 100, 1));
}

TEST_F(peer, connected_socket_that_was_bound_may_send_elsewhere)
{
	ASSERT_EQ(0, hft_bind_to(self->fd, HF_VM_ID_ANY, PORT));
	ASSERT_EQ(0, hft_connect_to(self->fd, self->a, 10));
	ASSERT_EQ(9, hft_send_to(self->fd, "elsewhere", 9, self->b, 20));
	ASSERT_EQ(4, hft_send_to(self->fd, "here", 4, self->a, 10));
	EXPECT_TRUE(hears(self->fd, "here", self->a, 10));
	/* The other one's answer is not its peer's. */
	EXPECT_EQ(0, hft_echo_once(self->b, 8));
	EXPECT_TRUE(is_silent(self->fd));
}

TEST_F(peer, connected_socket_hears_only_its_peer)
{
	uint64_t seq;

	ASSERT_EQ(0, hft_bind_to(self->fd, HF_VM_ID_ANY, PORT));
	ASSERT_EQ(0, hft_connect_to(self->fd, self->flood, 10));
	ASSERT_EQ(0, hft_flood(self->flood, 11, PORT, 2, 8));
	ASSERT_EQ(0, hft_flood(self->other_flood, 10, PORT, 2, 8));
	EXPECT_TRUE(is_silent(self->fd));
	ASSERT_EQ(0, hft_flood(self->flood, 10, PORT, 1, 8));
	EXPECT_EQ(8, recv(self->fd, &seq, sizeof(seq), MSG_DONTWAIT));
	EXPECT_TRUE(is_silent(self->fd));
}

TEST_F(peer, disconnected_socket_hears_everybody_again)
{
	struct hf_sockaddr from;
	uint64_t seq;

	ASSERT_EQ(0, hft_bind_to(self->fd, HF_VM_ID_ANY, PORT));
	ASSERT_EQ(0, hft_connect_to(self->fd, self->flood, 10));
	ASSERT_EQ(0, hft_disconnect(self->fd));
	ASSERT_EQ(0, hft_flood(self->other_flood, 11, PORT, 1, 8));
	EXPECT_EQ(8, hft_recv_from(self->fd, &seq, sizeof(seq), &from));
	EXPECT_EQ(self->other_flood, from.vm_id);
	EXPECT_EQ(11, from.port);
}

TEST_F(peer, vm_of_bind_stays_a_filter_after_connect)
{
	ASSERT_EQ(0, hft_bind_to(self->fd, self->flood, PORT));
	ASSERT_EQ(0, hft_flood(self->other_flood, 1, PORT, 1, 8));
	EXPECT_TRUE(is_silent(self->fd));
	ASSERT_EQ(0, hft_connect_to(self->fd, self->flood, 10));
	ASSERT_EQ(0, hft_disconnect(self->fd));
	ASSERT_EQ(0, hft_flood(self->other_flood, 1, PORT, 1, 8));
	EXPECT_TRUE(is_silent(self->fd));
	ASSERT_EQ(0, hft_flood(self->flood, 1, PORT, 1, 8));
	EXPECT_EQ(POLLIN, hft_poll(self->fd, POLLIN, 0));
}

TEST_F(peer, disconnect_without_a_peer_succeeds)
{
	EXPECT_EQ(0, hft_disconnect(self->fd));
	ASSERT_EQ(0, hft_bind_to(self->fd, HF_VM_ID_ANY, PORT));
	EXPECT_EQ(0, hft_disconnect(self->fd));
	EXPECT_EQ(PORT, hft_port(self->fd));
}

TEST_F(peer, disconnect_keeps_a_port_of_bind)
{
	struct hf_sockaddr peer;
	socklen_t len = sizeof(peer);

	ASSERT_EQ(0, hft_bind_to(self->fd, HF_VM_ID_ANY, PORT));
	ASSERT_EQ(0, hft_connect_to(self->fd, self->a, 10));
	ASSERT_EQ(0, hft_disconnect(self->fd));
	EXPECT_EQ(PORT, hft_port(self->fd));
	EXPECT_FAIL(ENOTCONN, getpeername(self->fd, (void *)&peer, &len));
	EXPECT_FAIL(ENOTCONN, send(self->fd, "x", 1, 0));
}

TEST_F(peer, disconnect_gives_back_a_port_of_connect)
{
	uint64_t port;
	int other;

	ASSERT_EQ(0, hft_connect_to(self->fd, self->a, 10));
	port = hft_port(self->fd);
	EXPECT_FAIL(EISCONN, hft_connect_to(self->fd, self->b, 10));
	ASSERT_EQ(0, hft_disconnect(self->fd));
	EXPECT_EQ(0, hft_port(self->fd));
	other = hft_bound(HF_VM_ID_ANY, port);
	EXPECT_LE(0, other);
	/* And is as new. */
	ASSERT_EQ(0, hft_connect_to(self->fd, self->b, 10));
	EXPECT_NE(port, hft_port(self->fd));
	EXPECT_EQ(0, hft_echo(self->fd, 100, 1));
	close(other);
}

TEST_F(peer, full_address_disconnects_as_well)
{
	struct hf_sockaddr nobody = { .family = AF_UNSPEC };

	ASSERT_EQ(0, hft_connect_to(self->fd, self->a, 10));
	EXPECT_EQ(0, connect(self->fd, (void *)&nobody, sizeof(nobody)));
	EXPECT_EQ(0, hft_port(self->fd));
}

/* What one child does while another sends; the peer is always one of the two. */
static int change_peers(void *fd)
{
	int i;

	for (i = 0; i < 300; i++)
		if (hft_connect_to(*(int *)fd, 2 + i % 2, 10))
			return 1;
	return 0;
}

static int send_meanwhile(void *fd)
{
	char buf[8];
	int i;

	for (i = 0; i < 300; i++) {
		if (send(*(int *)fd, "abc", 3, 0) != 3)
			return 1;
		while (recv(*(int *)fd, buf, sizeof(buf), MSG_DONTWAIT) == 3)
			;
	}
	return 0;
}

TEST_F(peer, sending_while_the_peer_changes_does_no_harm)
{
	pid_t changer, sender;

	if (self->a != 2 || self->b != 3)
		HFT_SKIP("VM 2 and 3 are not the echo guests");
	ASSERT_EQ(0, hft_bind_to(self->fd, HF_VM_ID_ANY, PORT));
	ASSERT_EQ(0, hft_connect_to(self->fd, self->a, 10));
	changer = hft_spawn(change_peers, &self->fd);
	sender = hft_spawn(send_meanwhile, &self->fd);
	EXPECT_EQ(0, hft_join(changer, 4 * HFT_PATIENCE_MS));
	EXPECT_EQ(0, hft_join(sender, 4 * HFT_PATIENCE_MS));
	EXPECT_EQ(0, hft_echo_once(self->a, 100));
	EXPECT_EQ(0, hft_echo_once(self->b, 100));
}

TEST_HARNESS_MAIN
