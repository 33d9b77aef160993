// SPDX-License-Identifier: GPL-2.0-only
/*
 * Suite: MSG_PEEK, where something is wrong: a message stays, and is not held.
 *
 * Its memory counts for the socket until the last who holds it is done; so what
 * counts in the end was forgotten, and below 0 it was freed too early.
 */
#include <net/sock.h>

#include "bed.h"

#define PEER_PORT	100

static void say_hello(struct kunit *test, struct hf_vcpu *vcpu, struct socket *sock)
{
	bed_receive(test, vcpu, PEER_PORT, bed_port(sock), "hello", 5);
}

static struct socket *connected(struct kunit *test, struct hf_vcpu *vcpu)
{
	struct socket *sock = bed_socket(test);

	KUNIT_ASSERT_EQ(test, 0, bed_connect(sock, vcpu->vm->id, PEER_PORT));
	return sock;
}

static void expect_hello(struct kunit *test, struct socket *sock, int flags)
{
	char data[8] = "";

	KUNIT_EXPECT_EQ(test, 5, bed_recv(sock, data, sizeof(data), flags | MSG_DONTWAIT, NULL));
	KUNIT_EXPECT_EQ(test, 0, memcmp(data, "hello", 5));
}

static void expect_error(struct kunit *test, struct socket *sock, int err)
{
	char data;

	KUNIT_EXPECT_EQ(test, err, bed_recv(sock, &data, 1, MSG_DONTWAIT, NULL));
}

/* recv() into memory that does not exist. */
static int recv_nowhere(struct socket *sock, int flags)
{
	struct iovec vec = { (void __user *)8, 8 };
	struct msghdr msg = { 0 };

	iov_iter_init(&msg.msg_iter, READ, &vec, 1, 8);
	return sock_recvmsg(sock, &msg, flags | MSG_DONTWAIT);
}

static void look_at_a_message_before_a_death_leaves_both(struct kunit *test)
{
	struct hf_vcpu *vcpu = bed_vcpu(test, 2);
	struct socket *sock = connected(test, vcpu);
	int i;

	say_hello(test, vcpu, sock);
	say_hello(test, vcpu, sock);
	bed_exit_by_hand(vcpu, HF_EXIT_ABORTED, 0, 0, 0);
	for (i = 0; i < 3; i++)
		expect_hello(test, sock, MSG_PEEK);
	KUNIT_EXPECT_GT(test, sk_rmem_alloc_get(sock->sk), 0);
	expect_hello(test, sock, 0);
	expect_hello(test, sock, MSG_PEEK);
	KUNIT_EXPECT_EQ(test, -EFAULT, recv_nowhere(sock, MSG_PEEK));
	expect_hello(test, sock, 0);
	KUNIT_EXPECT_EQ_MSG(test, 0, sk_rmem_alloc_get(sock->sk), "no message is held");
	expect_error(test, sock, -ECONNRESET);
}

static void look_at_a_message_into_bad_memory_leaves_it(struct kunit *test)
{
	struct hf_vcpu *vcpu = bed_vcpu(test, 2);
	struct socket *sock = connected(test, vcpu);
	int i;

	say_hello(test, vcpu, sock);
	for (i = 0; i < 3; i++)
		KUNIT_EXPECT_EQ(test, -EFAULT, recv_nowhere(sock, MSG_PEEK));
	expect_hello(test, sock, MSG_PEEK);
	expect_hello(test, sock, 0);
	KUNIT_EXPECT_EQ_MSG(test, 0, sk_rmem_alloc_get(sock->sk), "no message is held");
	expect_error(test, sock, -EAGAIN);
}

static struct kunit_case peek_cases[] = {
	KUNIT_CASE(look_at_a_message_before_a_death_leaves_both),
	KUNIT_CASE(look_at_a_message_into_bad_memory_leaves_it),
	{}
};

static struct kunit_suite peek = {
	.name = "hafnium_peek",
	.init = bed_init,
	.exit = bed_exit,
	.test_cases = peek_cases,
};

kunit_test_suite(peek);
