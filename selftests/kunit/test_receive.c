// SPDX-License-Identifier: GPL-2.0-only
/*
 * Suite: who owns the RX page, what is in it, and who has to run.
 *
 * No thread runs here unless a test starts it: exits are handed to the mailbox
 * by hand, and what it asks of vCPUs is seen in their requests.
 */
#include <linux/io.h>
#include <linux/irqflags.h>
#include <net/sock.h>

#include "bed.h"

/* A port that nobody has, and one of ours. */
#define NOBODY	77
#define PORT	10

static void message_is_received_and_the_page_released(struct kunit *test)
{
	struct hf_vcpu *vcpu = bed_vcpu(test, 2);

	bed_receive(test, vcpu, 5, NOBODY, "hello", 5);
	KUNIT_EXPECT_EQ(test, 1L, atomic_long_read(&vcpu->vm->received));
	KUNIT_EXPECT_EQ(test, 1L, atomic_long_read(&vcpu->vm->dropped_port));
	KUNIT_EXPECT_EQ(test, 1, fake_count(FAKE_RX_RELEASE));
	KUNIT_EXPECT_FALSE(test, fake->rx_full);
}

/* Lengths that EL2 could tell, and where they are counted. */
static const struct {
	u32 len;
	int received, dropped_short, dropped_size;
} lengths[] = {
	{ 0, 0, 1, 0 }, { 1, 0, 1, 0 }, { 15, 0, 1, 0 }, { 16, 1, 0, 0 }, { 17, 1, 0, 0 },
	{ 4095, 1, 0, 0 }, { 4096, 1, 0, 0 }, { 4097, 0, 0, 1 }, { 0x7fffffff, 0, 0, 1 },
	{ 0x80000000, 0, 0, 1 }, { 0xfffffff0, 0, 0, 1 }, { U32_MAX, 0, 0, 1 },
};

static void lengths_are_checked_and_the_page_released_in_any_case(struct kunit *test)
{
	int i;

	for (i = 0; i < ARRAY_SIZE(lengths); i++) {
		struct hf_vcpu *vcpu = bed_vcpu(test, 2 + i);
		struct hf_vm *vm = vcpu->vm;

		memset(phys_to_virt(fake->rx), 0, HF_MAILBOX_SIZE);
		fake->rx_full = true;
		bed_exit_by_hand(vcpu, HF_EXIT_MSG_SEND, vm->id, HF_PRIMARY_VM_ID, lengths[i].len);
		KUNIT_EXPECT_EQ_MSG(test, (long)lengths[i].received,
				    atomic_long_read(&vm->received), "length %u", lengths[i].len);
		KUNIT_EXPECT_EQ_MSG(test, (long)lengths[i].dropped_short,
				    atomic_long_read(&vm->dropped_short), "length %u",
				    lengths[i].len);
		KUNIT_EXPECT_EQ_MSG(test, (long)lengths[i].dropped_size,
				    atomic_long_read(&vm->dropped_size), "length %u",
				    lengths[i].len);
		KUNIT_EXPECT_EQ(test, i + 1, fake_count(FAKE_RX_RELEASE));
		KUNIT_EXPECT_FALSE(test, fake->rx_full);
	}
}

/* What EL2 was asked to run sent it; w1 says so as well, but not on every release. */
static void message_counts_for_the_vm_that_was_run_whoever_w1_names(struct kunit *test)
{
	static const u16 senders[] = { 0, 1, 2, 3, 4, 0x8001, 0xffff };
	struct hf_vcpu *vcpu = bed_vcpu(test, 2);
	struct hf_vm *other = bed_vm(test, 3, 1);
	int i;

	for (i = 0; i < ARRAY_SIZE(senders); i++) {
		fake->rx_full = true;
		bed_exit_by_hand(vcpu, HF_EXIT_MSG_SEND, senders[i], HF_PRIMARY_VM_ID, 100);
		KUNIT_EXPECT_EQ(test, (long)i + 1, atomic_long_read(&vcpu->vm->received));
		KUNIT_EXPECT_EQ(test, i + 1, fake_count(FAKE_RX_RELEASE));
	}
	KUNIT_EXPECT_EQ(test, 0L, atomic_long_read(&other->received));
	KUNIT_EXPECT_EQ(test, 0L, atomic_long_read(&vcpu->vm->dropped_sender));
}

static void release_that_fails_is_tried_again(struct kunit *test)
{
	static const int errors[] = { -EOPNOTSUPP, -EINVAL, -ENOMEM, -EAGAIN, -EACCES, -EIO };
	struct hf_vcpu *vcpu = bed_vcpu(test, 2);
	int i;

	for (i = 0; i < ARRAY_SIZE(errors); i++) {
		fake->errors[FAKE_RX_RELEASE] = errors[i];
		bed_receive(test, vcpu, 5, NOBODY, "x", 1);
		KUNIT_EXPECT_EQ(test, 2 * (i + 1), fake_count(FAKE_RX_RELEASE));
	}
	KUNIT_EXPECT_EQ(test, (long)ARRAY_SIZE(errors), atomic_long_read(&vcpu->vm->received));
	KUNIT_EXPECT_EQ_MSG(test, 0, fake_count(FAKE_WAITER_GET), "nobody was said to wait");
}

static void release_tells_each_vm_that_waits_for_our_mailbox(struct kunit *test)
{
	struct hf_vcpu *vcpu = bed_vcpu(test, 2);
	struct hf_vm *third = bed_vm(test, 3, 1), *fourth = bed_vm(test, 4, 1);

	fake->errors[FAKE_RX_RELEASE] = 1;
	fake->vms[HF_PRIMARY_VM_ID].waiters[0] = 3;
	fake->vms[HF_PRIMARY_VM_ID].waiters[1] = 99;	/* nobody that we know */
	fake->vms[HF_PRIMARY_VM_ID].waiters[2] = 4;
	bed_receive(test, vcpu, 5, NOBODY, "x", 1);
	KUNIT_EXPECT_TRUE(test, bed_requested(&third->vcpus[0], HF_REQ_INTERRUPT));
	KUNIT_EXPECT_TRUE(test, bed_requested(&fourth->vcpus[0], HF_REQ_INTERRUPT));
	KUNIT_EXPECT_EQ(test, 1, fake_vm(third)->vcpus[0].injected[HF_MAILBOX_WRITABLE_INTID]);
	KUNIT_EXPECT_EQ(test, 1, fake_vm(fourth)->vcpus[0].injected[HF_MAILBOX_WRITABLE_INTID]);
	KUNIT_EXPECT_EQ(test, 0UL, vcpu->requests);
}

static void release_of_a_vm_tells_who_waits_for_it(struct kunit *test)
{
	struct hf_vcpu *vcpu = bed_vcpu(test, 2);
	struct hf_vm *third = bed_vm(test, 3, 1);

	fake_vm(vcpu->vm)->waiters[0] = 3;
	bed_exit_by_hand(vcpu, HF_EXIT_RX_RELEASE, 2, 0, 0);
	KUNIT_EXPECT_TRUE(test, bed_requested(&third->vcpus[0], HF_REQ_INTERRUPT));
	KUNIT_EXPECT_EQ(test, 2, fake_count(FAKE_WAITER_GET));
	KUNIT_EXPECT_EQ(test, 0, fake_count(FAKE_WRITABLE_GET));
}

static void release_for_the_primary_asks_which_mailboxes_are_free(struct kunit *test)
{
	struct hf_vcpu *vcpu = bed_vcpu(test, 2);

	fake_vm(vcpu->vm)->waiters[0] = HF_PRIMARY_VM_ID;
	fake->writable[0] = 2;
	fake->writable[1] = 99;
	bed_exit_by_hand(vcpu, HF_EXIT_RX_RELEASE, 2, 0, 0);
	KUNIT_EXPECT_EQ_MSG(test, 3, fake_count(FAKE_WRITABLE_GET), "2, 99 and the end");
	KUNIT_EXPECT_EQ(test, 2, fake_count(FAKE_WAITER_GET));
}

static void lists_that_end_at_once_are_fine(struct kunit *test)
{
	static const s64 ends[] = { -1, -2, S64_MIN };
	struct hf_vcpu *vcpu = bed_vcpu(test, 2);
	int i;

	for (i = 0; i < ARRAY_SIZE(ends); i++) {
		fake_vm(vcpu->vm)->waiters[0] = ends[i];
		bed_exit_by_hand(vcpu, HF_EXIT_RX_RELEASE, 2, 0, 0);
	}
	KUNIT_EXPECT_EQ(test, (int)ARRAY_SIZE(ends), fake_count(FAKE_WAITER_GET));
}

static void message_between_vms_runs_the_receiver(struct kunit *test)
{
	struct hf_vcpu *vcpu = bed_vcpu(test, 2);
	struct hf_vm *receiver = bed_vm(test, 3, 1);

	bed_exit_by_hand(vcpu, HF_EXIT_MSG_SEND, 2, 3, 100);
	KUNIT_EXPECT_TRUE(test, bed_requested(&receiver->vcpus[0], HF_REQ_INTERRUPT));
	KUNIT_EXPECT_TRUE(test, receiver->message_pending);
	KUNIT_EXPECT_EQ_MSG(test, 0, fake_count(FAKE_RX_RELEASE), "the page is not ours");
	KUNIT_EXPECT_EQ(test, 0UL, vcpu->requests);
}

static void message_between_vms_to_nobody_is_counted(struct kunit *test)
{
	struct hf_vcpu *vcpu = bed_vcpu(test, 2);

	bed_exit_by_hand(vcpu, HF_EXIT_MSG_SEND, 2, 99, 100);
	KUNIT_EXPECT_EQ(test, 1L, atomic_long_read(&vcpu->vm->dropped_sender));
}

static void message_runs_the_vcpu_that_waits(struct kunit *test)
{
	struct hf_vcpu *vcpu = bed_vcpu(test, 2);
	struct hf_vm *receiver = bed_vm(test, 3, 3);

	bed_exit_by_hand(&receiver->vcpus[2], HF_EXIT_MSG_WAIT, 3, 2, 0);
	KUNIT_EXPECT_EQ_MSG(test, 0UL, receiver->vcpus[2].requests, "there is no message");
	KUNIT_EXPECT_TRUE(test, bed_waits(receiver, 2));
	bed_exit_by_hand(vcpu, HF_EXIT_MSG_SEND, 2, 3, 100);
	KUNIT_EXPECT_TRUE(test, bed_requested(&receiver->vcpus[2], HF_REQ_MESSAGE));
	KUNIT_EXPECT_EQ(test, 0UL, receiver->vcpus[0].requests);
	KUNIT_EXPECT_EQ(test, 0UL, receiver->vcpus[1].requests);
	KUNIT_EXPECT_EQ_MSG(test, 0, fake_count(FAKE_INJECT), "who waits needs no interrupt");
}

static void wait_for_a_message_that_is_there_runs_again(struct kunit *test)
{
	struct hf_vcpu *vcpu = bed_vcpu(test, 2);
	struct hf_vm *receiver = bed_vm(test, 3, 1);

	bed_exit_by_hand(vcpu, HF_EXIT_MSG_SEND, 2, 3, 100);
	receiver->vcpus[0].requests = 0;
	bed_exit_by_hand(&receiver->vcpus[0], HF_EXIT_MSG_WAIT, 3, 0, 0);
	KUNIT_EXPECT_TRUE(test, bed_requested(&receiver->vcpus[0], HF_REQ_MESSAGE));
}

static void each_message_makes_a_request_whatever_is_pending(struct kunit *test)
{
	struct hf_vcpu *vcpu = bed_vcpu(test, 2);
	struct hf_vm *receiver = bed_vm(test, 3, 1);
	int i;

	for (i = 0; i < 3; i++) {
		receiver->vcpus[0].requests = 0;
		bed_exit_by_hand(vcpu, HF_EXIT_MSG_SEND, 2, 3, 100);
		KUNIT_EXPECT_TRUE_MSG(test, bed_requested(&receiver->vcpus[0], HF_REQ_INTERRUPT),
				      "message %d", i + 1);
	}
}

static void interrupt_goes_to_the_vcpu_that_takes_it_and_is_remembered(struct kunit *test)
{
	struct hf_vcpu *vcpu = bed_vcpu(test, 2);
	struct hf_vm *receiver = bed_vm(test, 3, 4);
	int i;

	fake_vm(receiver)->vcpus[2].takes_interrupt[HF_MAILBOX_READABLE_INTID] = true;
	bed_exit_by_hand(vcpu, HF_EXIT_MSG_SEND, 2, 3, 100);
	KUNIT_EXPECT_EQ_MSG(test, 3, fake_count(FAKE_INJECT), "0, 1 and 2 were asked");
	for (i = 0; i < 4; i++)
		KUNIT_EXPECT_EQ_MSG(test, i < 2 ? BIT(HF_REQ_INTERRUPT) :
				    i == 2 ? BIT(HF_REQ_ON) : 0, receiver->vcpus[i].requests,
				    "vCPU %d: whoever was asked runs", i);

	bed_exit_by_hand(vcpu, HF_EXIT_MSG_SEND, 2, 3, 100);
	KUNIT_EXPECT_EQ_MSG(test, 4, fake_count(FAKE_INJECT), "the next goes to 2 at once");
	KUNIT_EXPECT_EQ(test, 2, fake_vm(receiver)->vcpus[2].injected[HF_MAILBOX_READABLE_INTID]);
}

static void interrupt_that_nobody_takes_runs_all(struct kunit *test)
{
	struct hf_vcpu *vcpu = bed_vcpu(test, 2);
	struct hf_vm *receiver = bed_vm(test, 3, 4);
	int i;

	bed_exit_by_hand(vcpu, HF_EXIT_MSG_SEND, 2, 3, 100);
	for (i = 0; i < 4; i++)
		KUNIT_EXPECT_TRUE(test, bed_requested(&receiver->vcpus[i], HF_REQ_INTERRUPT));
}

static void each_error_of_the_injection_still_runs_the_vcpu(struct kunit *test)
{
	static const int errors[] = { -EOPNOTSUPP, -EINVAL, -EIO, INT_MIN };
	struct hf_vcpu *vcpu = bed_vcpu(test, 2);
	struct hf_vm *receiver = bed_vm(test, 3, 1);
	int i;

	for (i = 0; i < ARRAY_SIZE(errors); i++) {
		receiver->vcpus[0].requests = 0;
		fake->errors[FAKE_INJECT] = errors[i];
		bed_exit_by_hand(vcpu, HF_EXIT_MSG_SEND, 2, 3, 100);
		KUNIT_EXPECT_TRUE_MSG(test, bed_requested(&receiver->vcpus[0], HF_REQ_INTERRUPT),
				      "error %d", errors[i]);
	}
}

static void message_while_the_receiver_is_about_to_wait_is_not_lost(struct kunit *test)
{
	struct hf_vcpu *sender = bed_vcpu(test, 2), *receiver = bed_vcpu(test, 3);
	struct fake_step *step = fake_step(receiver, &(struct fake_step){
		.exit = { .func = FFA_MSG_WAIT, .vm = 3 },
		.hold = FAKE_HOLD,
	});

	bed_start();
	KUNIT_ASSERT_TRUE(test, fake_entered(step));
	/* EL2 said "waits" before, and the driver has not heard of it. */
	fake_step(sender, &(struct fake_step){
		.exit = { .func = FFA_MSG_SEND, .vm = 2, .vcpu = 3, .len = 16 },
	});
	hf_vcpu_request(sender, HF_REQ_WAKE);
	KUNIT_EXPECT_TRUE(test, bed_eventually(READ_ONCE(receiver->vm->message_pending)));
	fake_release(step);
	KUNIT_EXPECT_TRUE(test, bed_eventually(bed_runs(receiver) >= 2));
	BED_EXPECT_BLOCKED(test, receiver);
}

static void mirror_is_cleared_by_the_run_that_takes_the_message(struct kunit *test)
{
	struct hf_vcpu *sender = bed_vcpu(test, 2), *receiver = bed_vcpu(test, 3);

	fake_exit(receiver, FFA_MSG_WAIT, 0, 0);
	fake_exit(receiver, FFA_MSG_WAIT, 0, 0);
	bed_start();
	BED_EXPECT_BLOCKED(test, receiver);
	BED_EXPECT_BLOCKED(test, sender);
	KUNIT_EXPECT_TRUE(test, bed_waits(receiver->vm, 0));

	fake_step(sender, &(struct fake_step){
		.exit = { .func = FFA_MSG_SEND, .vm = 2, .vcpu = 3, .len = 16 },
	});
	hf_vcpu_request(sender, HF_REQ_WAKE);
	KUNIT_EXPECT_TRUE(test, bed_eventually(bed_runs(receiver) == 2));
	BED_EXPECT_BLOCKED(test, receiver);
	KUNIT_EXPECT_FALSE(test, receiver->vm->message_pending);
	KUNIT_EXPECT_TRUE(test, bed_waits(receiver->vm, 0));
	KUNIT_EXPECT_EQ_MSG(test, 0ULL, receiver->spurious, "that run had a reason");
}

static void run_of_a_waiting_vcpu_without_a_message_is_spurious(struct kunit *test)
{
	struct hf_vcpu *vcpu = bed_vcpu(test, 2);

	fake_exit(vcpu, FFA_MSG_WAIT, 0, 0);
	bed_start();
	BED_EXPECT_BLOCKED(test, vcpu);
	hf_vcpu_request(vcpu, HF_REQ_MESSAGE);
	KUNIT_EXPECT_TRUE(test, bed_eventually(bed_runs(vcpu) == 2));
	BED_EXPECT_BLOCKED(test, vcpu);
	KUNIT_EXPECT_EQ(test, 1ULL, vcpu->spurious);
	KUNIT_EXPECT_FALSE(test, bed_waits(vcpu->vm, 0));
}

static void death_is_told_once_whoever_sees_it(struct kunit *test)
{
	struct hf_vm *vm = bed_vm(test, 2, 2);

	bed_exit_by_hand(&vm->vcpus[0], HF_EXIT_ABORTED, 0, 0, 0);
	KUNIT_EXPECT_TRUE(test, vm->dead);
	bed_exit_by_hand(&vm->vcpus[1], HF_EXIT_ABORTED, 0, 0, 0);
	KUNIT_EXPECT_TRUE(test, vm->dead);
}

/* What vCPU @vcpu hears of a message, up to where it may be preempted. */
static void take(struct hf_vcpu *vcpu, const void *message, u32 len)
{
	struct hf_ffa_exit exit = { .vm = vcpu->vm->id, .vcpu = HF_PRIMARY_VM_ID, .len = len };

	memcpy(phys_to_virt(fake->rx), message, len);
	fake->rx_full = true;
	bed_take(vcpu, HF_EXIT_MSG_SEND, &exit);
}

static void page_is_free_before_its_message_is_delivered(struct kunit *test)
{
	struct hf_vcpu *vcpu = bed_vcpu(test, 2);
	void *message = bed_message(test, 5, NOBODY, "x", 1);

	take(vcpu, message, sizeof(struct hf_msg_hdr) + 1);
	KUNIT_EXPECT_FALSE(test, fake->rx_full);
	KUNIT_EXPECT_EQ(test, 1, fake_count(FAKE_RX_RELEASE));
	KUNIT_EXPECT_EQ(test, 0L, atomic_long_read(&vcpu->vm->received));
	hf_mailbox_finish(vcpu);
	KUNIT_EXPECT_EQ(test, 1L, atomic_long_read(&vcpu->vm->received));
}

/* The first one's thread is preempted as soon as it can be. */
static void messages_of_two_vcpus_are_delivered_as_they_were_taken(struct kunit *test)
{
	struct hf_vm *vm = bed_vm(test, 2, 2);
	struct socket *sock = bed_socket(test);
	char got[2] = "";

	KUNIT_ASSERT_EQ(test, 0, bed_bind(sock, HF_VM_ID_ANY, PORT));
	take(&vm->vcpus[0], bed_message(test, 5, PORT, "1", 1), sizeof(struct hf_msg_hdr) + 1);
	take(&vm->vcpus[1], bed_message(test, 5, PORT, "2", 1), sizeof(struct hf_msg_hdr) + 1);
	hf_mailbox_finish(&vm->vcpus[1]);
	KUNIT_EXPECT_EQ(test, 1, bed_recv(sock, got, 1, MSG_DONTWAIT, NULL));
	KUNIT_EXPECT_STREQ(test, "1", got);
	KUNIT_EXPECT_EQ(test, 1, bed_recv(sock, got, 1, MSG_DONTWAIT, NULL));
	KUNIT_EXPECT_STREQ(test, "2", got);
	hf_mailbox_finish(&vm->vcpus[0]);
	KUNIT_EXPECT_EQ(test, -EAGAIN, bed_recv(sock, got, 1, MSG_DONTWAIT, NULL));
	KUNIT_EXPECT_EQ(test, 2L, atomic_long_read(&vm->received));
}

/* As much memory as it would take by itself: a socket's buffer holds as many as ever. */
static void message_takes_no_more_memory_than_it_must(struct kunit *test)
{
	static const u32 lens[] = { 0, 1, 32, 192, 193, 704, 705, 1728, 1729, 3776, 3777, 4080 };
	struct hf_vcpu *vcpu = bed_vcpu(test, 2);
	struct socket *sock = bed_socket(test);
	u8 *payload = kunit_kzalloc(test, 4080, GFP_KERNEL);
	struct sk_buff *skb, *alone;
	int i;

	KUNIT_ASSERT_EQ(test, 0, bed_bind(sock, HF_VM_ID_ANY, PORT));
	for (i = 0; i < ARRAY_SIZE(lens); i++) {
		bed_receive(test, vcpu, 5, PORT, payload, lens[i]);
		skb = skb_peek(&sock->sk->sk_receive_queue);
		KUNIT_ASSERT_NOT_NULL(test, skb);
		alone = alloc_skb(lens[i], GFP_KERNEL);
		KUNIT_ASSERT_NOT_NULL(test, alone);
		KUNIT_EXPECT_EQ_MSG(test, alone->truesize, skb->truesize, "length %u", lens[i]);
		kfree_skb(alone);
		bed_recv(sock, payload, 4080, MSG_DONTWAIT, NULL);
	}
}

static struct kunit_case receive_cases[] = {
	KUNIT_CASE(message_is_received_and_the_page_released),
	KUNIT_CASE(lengths_are_checked_and_the_page_released_in_any_case),
	KUNIT_CASE(message_counts_for_the_vm_that_was_run_whoever_w1_names),
	KUNIT_CASE(release_that_fails_is_tried_again),
	KUNIT_CASE(release_tells_each_vm_that_waits_for_our_mailbox),
	KUNIT_CASE(release_of_a_vm_tells_who_waits_for_it),
	KUNIT_CASE(release_for_the_primary_asks_which_mailboxes_are_free),
	KUNIT_CASE(lists_that_end_at_once_are_fine),
	KUNIT_CASE(message_between_vms_runs_the_receiver),
	KUNIT_CASE(message_between_vms_to_nobody_is_counted),
	KUNIT_CASE(message_runs_the_vcpu_that_waits),
	KUNIT_CASE(wait_for_a_message_that_is_there_runs_again),
	KUNIT_CASE(each_message_makes_a_request_whatever_is_pending),
	KUNIT_CASE(interrupt_goes_to_the_vcpu_that_takes_it_and_is_remembered),
	KUNIT_CASE(interrupt_that_nobody_takes_runs_all),
	KUNIT_CASE(each_error_of_the_injection_still_runs_the_vcpu),
	KUNIT_CASE(message_while_the_receiver_is_about_to_wait_is_not_lost),
	KUNIT_CASE(mirror_is_cleared_by_the_run_that_takes_the_message),
	KUNIT_CASE(run_of_a_waiting_vcpu_without_a_message_is_spurious),
	KUNIT_CASE(death_is_told_once_whoever_sees_it),
	KUNIT_CASE(page_is_free_before_its_message_is_delivered),
	KUNIT_CASE(messages_of_two_vcpus_are_delivered_as_they_were_taken),
	KUNIT_CASE(message_takes_no_more_memory_than_it_must),
	{}
};

static struct kunit_suite receive = {
	.name = "hafnium_receive",
	.init = bed_init,
	.exit = bed_exit,
	.test_cases = receive_cases,
};

kunit_test_suite(receive);
