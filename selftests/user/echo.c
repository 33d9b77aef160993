// SPDX-License-Identifier: GPL-2.0
/*
 * The socket as its users see it, against a guest that sends back what it gets.
 *
 * Needs one echo guest; what is refused lies in misuse.c.
 */
#include <poll.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include "hft_harness.h"

FIXTURE(echo) {
	unsigned int vm;
	int fd;
};

FIXTURE_SETUP(echo)
{
	const struct hft_guest *guest = hft_guest("echo", 0);

	self->fd = -1;
	if (!guest)
		HFT_SKIP("no echo guest in this boot");
	self->vm = guest->id;
	self->fd = hft_connect(guest->id, 10);
	ASSERT_LE(0, self->fd);
}

FIXTURE_TEARDOWN(echo)
{
	close(self->fd);
}

TEST_F(echo, returns_every_size)
{
	static const size_t sizes[] = { 1, 5, 7, 8, 9, 100, 1000, 2048, 4079,
					HF_MSG_PAYLOAD_MAX };
	size_t i;

	for (i = 0; i < ARRAY_SIZE(sizes); i++)
		EXPECT_EQ(0, hft_echo(self->fd, sizes[i], i));
}

TEST_F(echo, empty_message_is_received_as_zero_bytes)
{
	char byte;

	EXPECT_EQ(0, send(self->fd, NULL, 0, 0));
	EXPECT_EQ(POLLIN, hft_poll(self->fd, POLLIN, HFT_PATIENCE_MS));
	EXPECT_EQ(0, recv(self->fd, &byte, 1, 0));
	EXPECT_EQ(0, hft_echo(self->fd, 10, 1));
}

TEST_F(echo, send_returns_the_length)
{
	char buf[HF_MSG_PAYLOAD_MAX] = "";

	EXPECT_EQ(1, send(self->fd, buf, 1, 0));
	EXPECT_EQ(1000, send(self->fd, buf, 1000, 0));
	EXPECT_EQ(HF_MSG_PAYLOAD_MAX, write(self->fd, buf, sizeof(buf)));
	EXPECT_EQ(1, recv(self->fd, buf, sizeof(buf), 0));
	EXPECT_EQ(1000, recv(self->fd, buf, sizeof(buf), 0));
	EXPECT_EQ(HF_MSG_PAYLOAD_MAX, read(self->fd, buf, sizeof(buf)));
}

TEST_F(echo, pieces_of_a_vector_are_one_message)
{
	char a[4000] = "a", b[80] = "b", in[HF_MSG_PAYLOAD_MAX];
	struct iovec iov[] = { { a, sizeof(a) }, { b, sizeof(b) } };

	EXPECT_EQ(HF_MSG_PAYLOAD_MAX, writev(self->fd, iov, 2));
	EXPECT_EQ(HF_MSG_PAYLOAD_MAX, recv(self->fd, in, sizeof(in), 0));
	EXPECT_EQ('a', in[0]);
	EXPECT_EQ('b', in[4000]);
}

TEST_F(echo, answers_keep_the_order_of_the_questions)
{
	uint32_t i, in;

	for (i = 0; i < 50; i++)
		ASSERT_EQ(sizeof(i), send(self->fd, &i, sizeof(i), 0));
	for (i = 0; i < 50; i++) {
		ASSERT_EQ(sizeof(in), recv(self->fd, &in, sizeof(in), 0));
		ASSERT_EQ(i, in);
	}
}

TEST_F(echo, poll_tells_when_there_is_something_to_read)
{
	EXPECT_EQ(0, hft_poll(self->fd, POLLIN, 50));
	EXPECT_EQ(3, send(self->fd, "abc", 3, 0));
	EXPECT_EQ(POLLIN, hft_poll(self->fd, POLLIN, HFT_PATIENCE_MS));
	/* Not consumed by looking. */
	EXPECT_EQ(POLLIN | POLLOUT, hft_poll(self->fd, POLLIN | POLLOUT, 0));
	char buf[3];

	EXPECT_EQ(3, recv(self->fd, buf, 3, 0));
	EXPECT_EQ(0, hft_poll(self->fd, POLLIN, 50));
}

TEST_F(echo, poll_tells_that_there_is_room_to_write)
{
	EXPECT_EQ(POLLOUT, hft_poll(self->fd, POLLOUT, 0));
	EXPECT_EQ(0, hft_echo(self->fd, HF_MSG_PAYLOAD_MAX, 1));
	EXPECT_EQ(POLLOUT, hft_poll(self->fd, POLLOUT, HFT_PATIENCE_MS));
}

TEST_F(echo, nonblocking_receive_says_eagain)
{
	char byte;

	EXPECT_EQ(-1, recv(self->fd, &byte, 1, MSG_DONTWAIT));
	EXPECT_EQ(EAGAIN, errno);
}

TEST_F(echo, receive_timeout_ends_a_receive)
{
	int64_t start = hft_ticks_ns();
	char byte;

	ASSERT_EQ(0, hft_set_timeout(self->fd, SO_RCVTIMEO, 200));
	EXPECT_EQ(-1, recv(self->fd, &byte, 1, 0));
	EXPECT_EQ(EAGAIN, errno);
	EXPECT_LE(190000000, hft_ticks_ns() - start);
}

TEST_F(echo, short_buffer_truncates_and_says_so)
{
	char buf[4];
	struct iovec iov = { buf, sizeof(buf) };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };

	ASSERT_EQ(6, send(self->fd, "abcdef", 6, 0));
	EXPECT_EQ(4, recvmsg(self->fd, &msg, 0));
	EXPECT_TRUE(msg.msg_flags & MSG_TRUNC);
	EXPECT_EQ(0, memcmp(buf, "abcd", 4));

	/* The rest is gone, and MSG_TRUNC returns the true length. */
	ASSERT_EQ(6, send(self->fd, "ghijkl", 6, 0));
	EXPECT_EQ(6, recv(self->fd, buf, sizeof(buf), MSG_TRUNC));
	EXPECT_EQ(0, memcmp(buf, "ghij", 4));
}

TEST_F(echo, peek_leaves_the_message)
{
	char a[8], b[8];

	ASSERT_EQ(5, send(self->fd, "peek!", 5, 0));
	EXPECT_EQ(5, recv(self->fd, a, sizeof(a), MSG_PEEK));
	EXPECT_EQ(5, recv(self->fd, b, sizeof(b), MSG_DONTWAIT));
	EXPECT_EQ(0, memcmp(a, b, 5));
	EXPECT_EQ(-1, recv(self->fd, b, sizeof(b), MSG_DONTWAIT));
}

TEST_F(echo, old_users_flags_are_accepted)
{
	char buf[8];

	EXPECT_EQ(3, send(self->fd, "abc", 3, MSG_CONFIRM));
	EXPECT_EQ(3, recv(self->fd, buf, sizeof(buf), 0));
	EXPECT_EQ(3, send(self->fd, "abc", 3, MSG_DONTWAIT | MSG_NOSIGNAL));
	EXPECT_EQ(3, recv(self->fd, buf, sizeof(buf), 0));
}

TEST_F(echo, names_tell_both_ends)
{
	struct hf_sockaddr me = { 0 }, peer = { 0 };
	socklen_t len = sizeof(me);

	EXPECT_EQ(0, getsockname(self->fd, (struct sockaddr *)&me, &len));
	EXPECT_EQ(sizeof(me), len);
	EXPECT_EQ(AF_HF, me.family);
	EXPECT_EQ(HF_VM_ID_PRIMARY, me.vm_id);
	EXPECT_NE(0, me.port);

	len = sizeof(peer);
	EXPECT_EQ(0, getpeername(self->fd, (struct sockaddr *)&peer, &len));
	EXPECT_EQ(sizeof(peer), len);
	EXPECT_EQ(AF_HF, peer.family);
	EXPECT_EQ(self->vm, peer.vm_id);
	EXPECT_EQ(10, peer.port);
}

TEST_F(echo, two_sockets_to_one_guest_do_not_mix)
{
	int other = hft_connect(self->vm, 10);
	struct hf_sockaddr a, b;
	socklen_t len = sizeof(a);
	char buf[8];

	ASSERT_LE(0, other);
	ASSERT_EQ(0, getsockname(self->fd, (struct sockaddr *)&a, &len));
	ASSERT_EQ(0, getsockname(other, (struct sockaddr *)&b, &len));
	EXPECT_NE(a.port, b.port);

	ASSERT_EQ(3, send(self->fd, "one", 3, 0));
	ASSERT_EQ(3, send(other, "two", 3, 0));
	EXPECT_EQ(3, recv(other, buf, sizeof(buf), 0));
	EXPECT_EQ(0, memcmp(buf, "two", 3));
	EXPECT_EQ(3, recv(self->fd, buf, sizeof(buf), 0));
	EXPECT_EQ(0, memcmp(buf, "one", 3));
	close(other);
}

TEST_F(echo, many_sockets_each_get_their_answer)
{
	enum { MANY = 400 };
	uint32_t in, i;
	int fd[MANY];

	for (i = 0; i < MANY; i++) {
		fd[i] = hft_connect(self->vm, i);
		ASSERT_LE(0, fd[i]);
		ASSERT_EQ(sizeof(i), send(fd[i], &i, sizeof(i), 0));
	}
	for (i = 0; i < MANY; i++) {
		ASSERT_EQ(sizeof(in), recv(fd[i], &in, sizeof(in), 0));
		ASSERT_EQ(i, in);
		close(fd[i]);
	}
}

/* A send buffer that holds one large message: each send depends on the guest. */
static int shrink_send_buffer(int fd)
{
	int room = 1;

	return setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &room, sizeof(room));
}

TEST_F(echo, blocking_send_waits_for_room)
{
	static uint8_t out[4000], in[4000];
	uint8_t i;

	ASSERT_EQ(0, shrink_send_buffer(self->fd));
	for (i = 0; i < 20; i++) {
		memset(out, i, sizeof(out));
		ASSERT_EQ(sizeof(out), send(self->fd, out, sizeof(out), 0));
	}
	for (i = 0; i < 20; i++) {
		ASSERT_EQ(sizeof(in), recv(self->fd, in, sizeof(in), 0));
		ASSERT_EQ(i, in[0]);
		ASSERT_EQ(i, in[sizeof(in) - 1]);
	}
}

TEST_F(echo, poll_wakes_a_writer_when_there_is_room)
{
	static uint8_t buf[HF_MSG_PAYLOAD_MAX];
	int i, sent, full = 0;

	ASSERT_EQ(0, shrink_send_buffer(self->fd));
	for (i = 0; i < 100; i++) {
		sent = hft_fill_queue(self->fd, 4000);
		ASSERT_LE(0, sent);
		full += sent > 0;
		ASSERT_EQ(POLLOUT, hft_poll(self->fd, POLLOUT, HFT_PATIENCE_MS));
		while (recv(self->fd, buf, sizeof(buf), MSG_DONTWAIT) > 0)
			;
	}
	EXPECT_LT(1, full);
}

TEST_F(echo, receive_tells_where_a_message_comes_from)
{
	struct hf_sockaddr from = { 0 };
	socklen_t len = sizeof(from);
	char buf[8];

	ASSERT_EQ(3, send(self->fd, "abc", 3, 0));
	EXPECT_EQ(3, recvfrom(self->fd, buf, sizeof(buf), 0, (void *)&from, &len));
	EXPECT_EQ(sizeof(from), len);
	EXPECT_EQ(AF_HF, from.family);
	EXPECT_EQ(self->vm, from.vm_id);
	EXPECT_EQ(10, from.port);
}

TEST_F(echo, sendto_may_name_the_peer_again)
{
	struct hf_sockaddr peer = hft_address(self->vm, 10);
	char buf[8];

	EXPECT_EQ(3, sendto(self->fd, "abc", 3, 0, (void *)&peer, sizeof(peer)));
	EXPECT_EQ(3, recv(self->fd, buf, sizeof(buf), 0));
}

static int use_passed_fd(void *channel)
{
	int fd = hft_take_fd(*(int *)channel);

	return fd < 0 || hft_echo(fd, 1000, 7);
}

TEST_F(echo, passed_descriptor_works_in_another_process)
{
	int channel[2];
	pid_t child;

	ASSERT_EQ(0, socketpair(AF_UNIX, SOCK_DGRAM, 0, channel));
	child = hft_spawn(use_passed_fd, &channel[1]);
	EXPECT_EQ(0, hft_pass_fd(channel[0], self->fd));
	EXPECT_EQ(0, hft_join(child, 2 * HFT_PATIENCE_MS));
	EXPECT_EQ(0, hft_echo(self->fd, 10, 1));
}

/* Nobody but this test holds the module, so a leak shows in its count. */
TEST_F(echo, close_with_unread_data_lets_go_of_everything)
{
	int refs = hft_module_refs_settled();
	int fd = hft_connect(self->vm, 10);
	int i;

	ASSERT_LE(0, fd);
	for (i = 0; i < 3; i++)
		ASSERT_EQ(3, send(fd, "abc", 3, 0));
	EXPECT_EQ(POLLIN, hft_poll(fd, POLLIN, HFT_PATIENCE_MS));
	close(fd);
	EXPECT_EQ(0, hft_echo(self->fd, 100, 5));
	EXPECT_GE(refs, hft_module_refs_wait(refs));
}

TEST_F(echo, close_with_an_answer_under_way_lets_go_of_everything)
{
	int refs = hft_module_refs_settled();
	int i, fd;

	for (i = 0; i < 50; i++) {
		fd = hft_connect(self->vm, 10);
		ASSERT_LE(0, fd);
		ASSERT_EQ(3, send(fd, "abc", 3, 0));
		close(fd);
	}
	EXPECT_EQ(0, hft_echo(self->fd, 100, 5));
	EXPECT_GE(refs, hft_module_refs_wait(refs));
}

static int echo_in_the_other_direction(void *fd)
{
	char buf[64];
	int i;

	for (i = 0; i < 200; i++)
		if (recv(*(int *)fd, buf, sizeof(buf), 0) != 3)
			return 1;
	return 0;
}

TEST_F(echo, one_process_sends_while_another_receives)
{
	pid_t child = hft_spawn(echo_in_the_other_direction, &self->fd);
	int i;

	for (i = 0; i < 200; i++)
		ASSERT_EQ(3, send(self->fd, "abc", 3, 0));
	EXPECT_EQ(0, hft_join(child, 4 * HFT_PATIENCE_MS));
}

/* What the driver found out by asking is what this level of the hypervisor has. */
TEST(features_are_those_of_the_hypervisor)
{
	unsigned int level = hft_level();

	if (!level)
		HFT_SKIP("this level is not known");
	EXPECT_EQ(1, hft_ffa_version() / 10);
	/* Later ones strand a vCPU, and cannot all be told from v2.7. */
	EXPECT_EQ(level < 26, hft_feature("waiter_list"));
	EXPECT_EQ(level >= 28, hft_feature("send2"));
	/* The same calls exist on v2.8, which overwrites nothing. */
	EXPECT_LE(level >= 29, hft_feature("rx_overwrite"));
	EXPECT_EQ(level >= 32, hft_feature("wait_returns"));
	EXPECT_EQ(level >= 26, hft_feature("rxtx_unmap"));
}

TEST_HARNESS_MAIN
