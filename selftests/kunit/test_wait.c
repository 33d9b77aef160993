// SPDX-License-Identifier: GPL-2.0-only
/*
 * Suite: system calls that wait, and what ends their wait.
 *
 * The call is in a thread of its own; the test is the guest.
 */
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

static struct kunit_case wait_cases[] = {
	KUNIT_CASE(credit_wakes_a_sender_whose_message_fills_its_buffer),
	KUNIT_CASE(credit_wakes_all_senders_however_many_wait),
	KUNIT_CASE(room_for_a_vm_wakes_a_sender_whose_message_fills_its_buffer),
	KUNIT_CASE(shutdown_ends_a_send_that_waits),
	{}
};

static struct kunit_suite wait = {
	.name = "hafnium_wait",
	.init = bed_init,
	.exit = bed_exit,
	.test_cases = wait_cases,
};

kunit_test_suite(wait);
