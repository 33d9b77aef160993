// SPDX-License-Identifier: GPL-2.0-only
/*
 * Suite: system calls that wait, and what ends their wait.
 *
 * The call is in a thread of its own; the test is the guest.
 */
#include <linux/uio.h>
#include <net/sock.h>

#include "bed_seq.h"

/* Fill all that may be queued for the VM, with a socket that is returned. */
static struct socket *fill(struct kunit *test, u16 vm_id)
{
	struct socket *sock = bed_socket(test, SOCK_DGRAM);
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
		bed_heard(vm);
	while (vm->queued || fake_vm(vm)->full);
}

static void credit_wakes_a_sender_whose_message_fills_its_buffer(struct kunit *test)
{
	static const int sizes[] = { 2000, 3000, 4064 };
	struct hf_vcpu *vcpu = bed_vcpu(test, 2);
	int i;

	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		struct socket *sock = bed_connected(test, vcpu, 0);
		struct bed_call *call;

		sock->sk->sk_sndbuf = 8192;
		call = bed_begin_send(test, sock, sizes[i]);
		KUNIT_EXPECT_FALSE_MSG(test, call->ended, "there is no credit");
		bed_say(test, vcpu, bed_port(sock), CREDIT, 0, 1);
		KUNIT_EXPECT_EQ(test, sizes[i], bed_end_call(test, call, vcpu));
		read_all(vcpu->vm);
	}
}

static void credit_wakes_all_senders_however_many_wait(struct kunit *test)
{
	struct hf_vcpu *vcpu = bed_vcpu(test, 2);
	struct socket *sock = bed_connected(test, vcpu, 0);
	struct bed_call *calls[5];
	int i;

	/* Room for all of them, but less than half of it is left. */
	sock->sk->sk_sndbuf = 5 * 8448 + 1;
	for (i = 0; i < ARRAY_SIZE(calls); i++)
		calls[i] = bed_begin_send(test, sock, 4064);
	bed_say(test, vcpu, bed_port(sock), CREDIT, 0, ARRAY_SIZE(calls));
	for (i = 0; i < ARRAY_SIZE(calls); i++)
		KUNIT_EXPECT_EQ(test, 4064, bed_end_call(test, calls[i], vcpu));
	read_all(vcpu->vm);
}

static void room_for_a_vm_wakes_a_sender_whose_message_fills_its_buffer(struct kunit *test)
{
	struct hf_vcpu *vcpu = bed_vcpu(test, 2);
	struct socket *sock = bed_socket(test, SOCK_DGRAM);
	struct bed_call *call;

	KUNIT_ASSERT_EQ(test, 0, bed_connect(sock, 2, 1, 0));
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
	struct socket *sock = bed_socket(test, SOCK_DGRAM);
	struct bed_call *call;

	KUNIT_ASSERT_EQ(test, 0, bed_connect(sock, 2, 1, 0));
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

/* A message and then an error reach a recv() before it can look. */
static void expect_message_before_error(struct kunit *test, struct hf_vcpu *vcpu,
					struct socket *sock, void (*arrive)(struct kunit *test,
									    struct hf_vcpu *vcpu,
									    struct socket *sock),
					void (*fail)(struct kunit *test, struct hf_vcpu *vcpu,
						     struct socket *sock))
{
	void (*data_ready)(struct sock *sk) = sock->sk->sk_data_ready;
	struct bed_call *call = bed_begin_recv(test, sock, 8);
	char data;

	KUNIT_EXPECT_FALSE(test, call->ended);
	sock->sk->sk_data_ready = wake_nobody;
	arrive(test, vcpu, sock);
	sock->sk->sk_data_ready = data_ready;
	fail(test, vcpu, sock);
	KUNIT_EXPECT_EQ(test, 1, bed_end_call(test, call, vcpu));
	KUNIT_EXPECT_EQ(test, -ECONNRESET, bed_recv(sock, &data, 1, MSG_DONTWAIT, NULL));
}

static void say_data(struct kunit *test, struct hf_vcpu *vcpu, struct socket *sock)
{
	struct seq_frame frame = bed_frame(bed_port(sock), DATA, 0, 1);

	bed_deliver(test, vcpu, &frame, "x", 1);
}

static void say_reset(struct kunit *test, struct hf_vcpu *vcpu, struct socket *sock)
{
	bed_say(test, vcpu, bed_port(sock), RESET, 0, 0);
}

static void say_datagram(struct kunit *test, struct hf_vcpu *vcpu, struct socket *sock)
{
	bed_receive(test, vcpu, 1, bed_port(sock), "x", 1);
}

static void die(struct kunit *test, struct hf_vcpu *vcpu, struct socket *sock)
{
	bed_exit_by_hand(vcpu, HF_EXIT_ABORTED, 0, 0, 0);
}

static void recv_that_waits_returns_a_message_before_the_reset_behind_it(struct kunit *test)
{
	struct hf_vcpu *vcpu = bed_vcpu(test, 2);

	expect_message_before_error(test, vcpu, bed_connected(test, vcpu, 1), say_data, say_reset);
}

static void recv_that_waits_returns_a_message_before_the_death_behind_it(struct kunit *test)
{
	struct hf_vcpu *vcpu = bed_vcpu(test, 2);
	struct socket *sock = bed_socket(test, SOCK_DGRAM);

	KUNIT_ASSERT_EQ(test, 0, bed_connect(sock, 2, 1, 0));
	expect_message_before_error(test, vcpu, sock, say_datagram, die);
}

static int woken;

static void note_data(struct sock *sk)
{
	woken++;
}

static void message_that_a_bad_buffer_leaves_wakes_the_next_reader(struct kunit *test)
{
	struct hf_vcpu *vcpu = bed_vcpu(test, 2);
	struct socket *sock = bed_socket(test, SOCK_DGRAM);
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
	KUNIT_CASE(credit_wakes_a_sender_whose_message_fills_its_buffer),
	KUNIT_CASE(credit_wakes_all_senders_however_many_wait),
	KUNIT_CASE(room_for_a_vm_wakes_a_sender_whose_message_fills_its_buffer),
	KUNIT_CASE(shutdown_ends_a_send_that_waits),
	KUNIT_CASE(recv_that_waits_returns_a_message_before_the_reset_behind_it),
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
