// SPDX-License-Identifier: GPL-2.0-only
/*
 * Suite: system calls that wait, and what ends their wait.
 *
 * The call is in a thread of its own; the test is the guest.
 */
#include <linux/uio.h>
#include <net/sock.h>

#include "bed_flow.h"

/* Fill all that may be queued for the VM, with a socket that is returned. */
static struct socket *fill(struct kunit *test, u16 vm_id)
{
	struct socket *sock = bed_socket(test);
	u8 *data = kunit_kzalloc(test, HF_MSG_PAYLOAD_MAX, GFP_KERNEL);

	sock->sk->sk_sndbuf = 8 * 1024 * 1024;
	while (bed_send_to(sock, vm_id, 1, data, HF_MSG_PAYLOAD_MAX, MSG_DONTWAIT) > 0)
		;
	return sock;
}

/* The guest reads until nothing is queued. */
static void read_all(struct hf_vm *vm)
{
	do
		bed_next(vm);
	while (vm->txq.queued || fake_vm(vm)->full);
}

static void room_for_a_vm_wakes_a_sender_whose_message_fills_its_buffer(struct kunit *test)
{
	struct hf_vcpu *vcpu = bed_vcpu(test, 2);
	struct socket *sock = bed_socket(test);
	struct bed_call *call;

	KUNIT_ASSERT_EQ(test, 0, bed_connect(sock, 2, 1));
	fill(test, 2);
	sock->sk->sk_sndbuf = 8192;
	KUNIT_EXPECT_EQ(test, 1, bed_send(sock, "x", 1, 0));
	call = bed_begin_send(test, sock, HF_MSG_PAYLOAD_MAX);
	KUNIT_EXPECT_FALSE_MSG(test, call->ended, "the VM has no room");
	read_all(vcpu->vm);
	KUNIT_EXPECT_EQ(test, HF_MSG_PAYLOAD_MAX, bed_end_call(test, call, vcpu));
}

static void shutdown_ends_a_send_that_waits(struct kunit *test)
{
	struct hf_vcpu *vcpu = bed_vcpu(test, 2);
	struct socket *sock = bed_socket(test);
	struct bed_call *call;

	KUNIT_ASSERT_EQ(test, 0, bed_connect(sock, 2, 1));
	fill(test, 2);
	KUNIT_EXPECT_EQ(test, 1, bed_send(sock, "x", 1, 0));
	call = bed_begin_send(test, sock, 1);
	KUNIT_EXPECT_FALSE_MSG(test, call->ended, "the VM has no room");
	KUNIT_EXPECT_EQ(test, 0, kernel_sock_shutdown(sock, SHUT_WR));
	KUNIT_EXPECT_EQ(test, -EPIPE, bed_end_call(test, call, vcpu));
}

/* --- recv() --- */

static void wake_nobody(struct sock *sk)
{
}

/* Both reach the recv() before it can look. */
static void recv_that_waits_returns_a_message_before_the_death_behind_it(struct kunit *test)
{
	struct hf_vcpu *vcpu = bed_vcpu(test, 2);
	struct socket *sock = bed_socket(test);
	void (*data_ready)(struct sock *sk) = sock->sk->sk_data_ready;
	struct bed_call *call;
	char data;

	KUNIT_ASSERT_EQ(test, 0, bed_connect(sock, 2, 1));
	call = bed_begin_recv(test, sock, 8);
	KUNIT_EXPECT_FALSE(test, call->ended);
	sock->sk->sk_data_ready = wake_nobody;
	bed_receive(test, vcpu, 1, bed_port(sock), "x", 1);
	sock->sk->sk_data_ready = data_ready;
	bed_exit_by_hand(vcpu, HF_EXIT_ABORTED, 0, 0, 0);
	KUNIT_EXPECT_EQ(test, 1, bed_end_call(test, call, vcpu));
	KUNIT_EXPECT_EQ(test, -ECONNRESET, bed_recv(sock, &data, 1, MSG_DONTWAIT, NULL));
}

static int woken;

static void note_data(struct sock *sk)
{
	woken++;
}

static void message_that_a_bad_buffer_leaves_wakes_the_next_reader(struct kunit *test)
{
	struct hf_vcpu *vcpu = bed_vcpu(test, 2);
	struct socket *sock = bed_socket(test);
	struct iovec vec = { (void __user *)8, 1 };
	struct msghdr msg = { 0 };
	char data;

	KUNIT_ASSERT_EQ(test, 0, bed_bind(sock, HF_VM_ID_ANY, 5000));
	bed_receive(test, vcpu, 1, 5000, "x", 1);
	sock->sk->sk_data_ready = note_data;
	woken = 0;
	iov_iter_init(&msg.msg_iter, READ, &vec, 1, 1);
	KUNIT_EXPECT_EQ(test, -EFAULT, sock_recvmsg(sock, &msg, MSG_DONTWAIT));
	KUNIT_EXPECT_EQ(test, 1, woken);
	KUNIT_EXPECT_EQ(test, 1, bed_recv(sock, &data, 1, MSG_DONTWAIT, NULL));
	KUNIT_EXPECT_EQ(test, 'x', data);
}

static struct kunit_case wait_cases[] = {
	KUNIT_CASE(room_for_a_vm_wakes_a_sender_whose_message_fills_its_buffer),
	KUNIT_CASE(shutdown_ends_a_send_that_waits),
	KUNIT_CASE(recv_that_waits_returns_a_message_before_the_death_behind_it),
	KUNIT_CASE(message_that_a_bad_buffer_leaves_wakes_the_next_reader),
	{}
};

static struct kunit_suite wait = {
	.name = "hafnium_wait",
	.init = bed_init,
	.exit = bed_exit,
	.test_cases = wait_cases,
};

kunit_test_suite(wait);
