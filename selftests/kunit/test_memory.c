// SPDX-License-Identifier: GPL-2.0-only
/*
 * Suite: a message from a VM, and memory that is not there at once.
 *
 * The nth allocation of the thread that hears of the message fails, for n = 1, 2,
 * and so on until none is left; as everywhere, only those that may not sleep,
 * for the others wait. They are for the buffer of the next message: no message is
 * ever lost.
 */
#include <linux/sched.h>

#include "../../hf_rx.h"
#include "bed.h"

/* A port of ours, and one of the guest. */
#define PORT		5000
#define PEER_PORT	100

/* More allocations than there are anywhere. */
#define MANY	1000

/* What a message takes: the socket buffer, and what it holds. */
#define FOR_MESSAGE	2

static void fail_nth(unsigned int nth)
{
	current->fail_nth = nth;
}

/* No failures from here on. How many allocations were missing to the nth, 0 if that failed. */
static unsigned int left(void)
{
	unsigned int rest = current->fail_nth;

	current->fail_nth = 0;
	return rest;
}

static void datagram_waits_for_memory_and_arrives_whole(struct kunit *test)
{
	struct hf_vcpu *vcpu = bed_vcpu(test, 2);
	struct socket *sock = bed_socket(test);
	u8 *sent = kunit_kzalloc(test, 4080, GFP_KERNEL);
	u8 *got = kunit_kzalloc(test, 4080, GFP_KERNEL);
	unsigned int nth = 0, rest, i;

	KUNIT_ASSERT_EQ(test, 0, bed_bind(sock, HF_VM_ID_ANY, PORT));
	for (i = 0; i < 4080; i++)
		sent[i] = i ^ i >> 8;
	do {
		fail_nth(++nth);
		bed_receive(test, vcpu, PEER_PORT, PORT, sent, 4080);
		rest = left();
		KUNIT_EXPECT_EQ(test, (int)nth, fake_count(FAKE_RX_RELEASE));
		KUNIT_EXPECT_EQ(test, 4080, bed_recv(sock, got, 4080, MSG_DONTWAIT, NULL));
		KUNIT_EXPECT_EQ_MSG(test, 0, memcmp(got, sent, 4080), "failure %u", nth);
	} while (!rest && nth < MANY);
	KUNIT_EXPECT_GT(test, nth, (unsigned int)FOR_MESSAGE);
}

/* What happens in a guest's run, in whatever thread that is. */
static unsigned int nth_inside, left_inside;
static struct task_struct *who;
static bool seen;

static void fail_inside(struct hf_vcpu *vcpu)
{
	fail_nth(nth_inside);
}

static void look_inside(struct hf_vcpu *vcpu)
{
	left_inside = left();
	who = current;
	WRITE_ONCE(seen, true);
}

/* The guest sends @message, and the nth allocation for it fails; then it waits. */
static void answer_without_memory(struct kunit *test, struct hf_vcpu *vcpu, unsigned int nth,
				  const void *message, u32 len)
{
	seen = false;
	nth_inside = nth;
	fake_step(vcpu, &(struct fake_step){
		.exit = { .func = FFA_MSG_SEND, .vm = 2, .vcpu = HF_PRIMARY_VM_ID, .len = len },
		.inside = fail_inside,
		.takes = true,
		.sends = message,
		.len = len,
	});
	fake_step(vcpu, &(struct fake_step){
		.exit = { .func = FFA_MSG_WAIT, .vm = 2 },
		.inside = look_inside,
	});
}

static void thread_of_a_vcpu_waits_for_memory(struct kunit *test)
{
	struct hf_vcpu *vcpu = bed_vcpu(test, 2);
	struct socket *sock = bed_socket(test);
	void *message = bed_message(test, PEER_PORT, PORT, "hello", 5);
	unsigned int nth;
	char got[8];

	KUNIT_ASSERT_EQ(test, 0, bed_bind(sock, HF_VM_ID_ANY, PORT));
	bed_start();
	for (nth = 1; nth <= FOR_MESSAGE; nth++) {
		BED_EXPECT_BLOCKED(test, vcpu);
		answer_without_memory(test, vcpu, nth, message, sizeof(struct hf_msg_hdr) + 5);
		hf_vcpu_request(vcpu, HF_REQ_WAKE);
		KUNIT_ASSERT_TRUE(test, bed_eventually(READ_ONCE(seen)));
		KUNIT_EXPECT_PTR_EQ(test, vcpu->task, who);
		KUNIT_EXPECT_EQ(test, 0U, left_inside);
		KUNIT_EXPECT_EQ(test, 5, bed_recv(sock, got, sizeof(got), MSG_DONTWAIT, NULL));
		KUNIT_EXPECT_EQ(test, 0, memcmp(got, "hello", 5));
	}
}

/* It may not sleep: without memory for what comes next it leaves the vCPU to its thread. */
static void sender_without_memory_leaves_the_vcpu_to_its_thread(struct kunit *test)
{
	struct hf_vcpu *vcpu = bed_vcpu(test, 2);
	struct socket *sock = bed_socket(test);
	int preempt = preempt_count();
	unsigned int nth;
	void *message;
	char got[8];

	/* A sender gives way to whoever wants its CPU: nobody may. */
	sched_set_fifo(current);
	fake_exit(vcpu, FFA_MSG_WAIT, 0, 0);
	bed_start();
	KUNIT_ASSERT_EQ(test, 0, bed_connect(sock, 2, PEER_PORT));
	message = bed_message(test, PEER_PORT, bed_port(sock), "hello", 5);
	for (nth = 1; nth <= FOR_MESSAGE; nth++) {
		BED_EXPECT_BLOCKED(test, vcpu);
		answer_without_memory(test, vcpu, nth, message, sizeof(struct hf_msg_hdr) + 5);
		KUNIT_EXPECT_EQ(test, 1, bed_send(sock, "x", 1, 0));
		KUNIT_EXPECT_EQ(test, preempt, preempt_count());
		KUNIT_EXPECT_EQ_MSG(test, 0U, left(), "it was the sender that had none");
		KUNIT_ASSERT_TRUE(test, bed_eventually(READ_ONCE(seen)));
		KUNIT_EXPECT_PTR_EQ(test, vcpu->task, who);
		KUNIT_EXPECT_EQ(test, 5, bed_recv(sock, got, sizeof(got), MSG_DONTWAIT, NULL));
		KUNIT_EXPECT_EQ(test, 0, memcmp(got, "hello", 5));
	}
}

static struct kunit_case memory_cases[] = {
	KUNIT_CASE(datagram_waits_for_memory_and_arrives_whole),
	KUNIT_CASE(thread_of_a_vcpu_waits_for_memory),
	KUNIT_CASE(sender_without_memory_leaves_the_vcpu_to_its_thread),
	{}
};

/* On one CPU, whose buffers for messages are all there: so the allocations can be counted. */
static int begin(struct kunit *test)
{
	int err = bed_init(test);

	if (!err)
		err = set_cpus_allowed_ptr(current, cpumask_of(0));
	if (!err && !hf_rx_refill(GFP_KERNEL))
		err = -ENOMEM;
	return err;
}

static struct kunit_suite memory = {
	.name = "hafnium_memory",
	.init = begin,
	.exit = bed_exit,
	.test_cases = memory_cases,
};

kunit_test_suite(memory);
