// SPDX-License-Identifier: GPL-2.0-only
/*
 * Suite: how much may be queued for a VM, and what becomes of it when its
 * sender closes, the VM dies, or several send at a time.
 */
#include <linux/kthread.h>
#include <net/sock.h>

#include "bed_flow.h"

static int woken;

static int note_room(struct wait_queue_entry *waiter, unsigned int mode, int flags, void *key)
{
	woken++;
	return 0;
}

/* Fill the VM's total; returns how many messages that took. */
static int fill(struct hf_flow *flow)
{
	int count = 0;

	while (1) {
		struct sk_buff *skb = bed_skb(++count, 4000);

		if (hf_flow_send(flow, skb)) {
			kfree_skb(skb);
			return count - 1;
		}
	}
}

static void full_vm_refuses_those_that_have_something_queued(struct kunit *test)
{
	struct hf_vm *vm = bed_vm(test, 2, 1);
	struct hf_flow *greedy = bed_flow(test, vm, bed_owner(test, note_room));
	struct hf_flow *modest = bed_flow(test, vm, bed_owner(test, note_room));
	struct sk_buff *skb = bed_skb(1, 8);

	KUNIT_EXPECT_GT(test, fill(greedy), 100);
	KUNIT_EXPECT_GE(test, vm->txq.queued_bytes, (unsigned int)HF_FLOW_VM_BYTES);
	KUNIT_EXPECT_LT(test, vm->txq.queued_bytes, 2U * HF_FLOW_VM_BYTES);
	KUNIT_EXPECT_FALSE(test, hf_flow_want_room(greedy));
	KUNIT_EXPECT_TRUE(test, hf_flow_want_room(modest));
	KUNIT_EXPECT_EQ(test, 0, hf_flow_send(modest, skb));
	skb = bed_skb(2, 8);
	KUNIT_EXPECT_EQ(test, -EAGAIN, hf_flow_send(modest, skb));
	kfree_skb(skb);
	hf_flow_purge(vm);
	hf_flow_close(greedy);
	hf_flow_close(modest);
}

static void whoever_was_refused_hears_of_room(struct kunit *test)
{
	struct hf_vm *vm = bed_vm(test, 2, 1);
	struct hf_flow *flow = bed_flow(test, vm, bed_owner(test, note_room));
	int count = fill(flow), i;

	woken = 0;
	for (i = 0; i < count / 4; i++)
		bed_next(vm);
	KUNIT_EXPECT_EQ_MSG(test, 0, woken, "still more than half full");
	while (vm->txq.queued_bytes >= HF_FLOW_VM_BYTES / 2)
		bed_next(vm);
	KUNIT_EXPECT_EQ_MSG(test, 1, woken, "once");
	KUNIT_EXPECT_TRUE(test, hf_flow_want_room(flow));
	hf_flow_purge(vm);
	hf_flow_close(flow);
}

static void room_wakes_one_sender_per_message(struct kunit *test)
{
	struct hf_vm *vm = bed_vm(test, 2, 1);
	struct hf_flow *flows[4];
	int i, n = 0;

	for (i = 0; i < ARRAY_SIZE(flows); i++)
		flows[i] = bed_flow(test, vm, bed_owner(test, note_room));
	bed_flow_send(flows[3], 1);
	bed_flow_send(flows[3], 2);
	while (vm->txq.queued_bytes < HF_FLOW_VM_BYTES)
		hf_flow_send(flows[n++ % 3], bed_skb(1, 4000));
	for (i = 0; i < ARRAY_SIZE(flows); i++)
		KUNIT_EXPECT_FALSE(test, hf_flow_want_room(flows[i]));
	woken = 0;
	while (vm->txq.queued_bytes >= HF_FLOW_VM_BYTES / 2) {
		KUNIT_EXPECT_EQ(test, woken, skb_queue_empty(&flows[3]->queue));
		bed_next(vm);
	}
	/* The first three do not use it. */
	for (i = 0; i < 3; i++) {
		KUNIT_EXPECT_EQ_MSG(test, 2 + i, woken, "its own queue is empty, and one each");
		KUNIT_EXPECT_TRUE_MSG(test, list_empty(&flows[i]->refused), "in turn");
		bed_next(vm);
	}
	KUNIT_EXPECT_EQ(test, 4, woken);
	hf_flow_purge(vm);
	for (i = 0; i < ARRAY_SIZE(flows); i++)
		hf_flow_close(flows[i]);
}

static void death_wakes_whoever_was_refused_and_drops_the_rest(struct kunit *test)
{
	struct hf_vm *vm = bed_vm(test, 2, 1);
	struct hf_flow *flow = bed_flow(test, vm, bed_owner(test, note_room));
	struct sk_buff *skb = bed_skb(1, 8);
	long queued;
	int calls;

	fill(flow);
	queued = vm->txq.queued;
	calls = fake_count(FAKE_MSG_SEND);
	woken = 0;
	bed_exit_by_hand(&vm->vcpus[0], HF_EXIT_ABORTED, 0, 0, 0);
	KUNIT_EXPECT_GE(test, woken, 1);
	KUNIT_EXPECT_EQ(test, 0U, vm->txq.queued);
	KUNIT_EXPECT_EQ(test, 0U, vm->txq.queued_bytes);
	KUNIT_EXPECT_EQ(test, queued, atomic_long_read(&vm->dropped_unsent));
	KUNIT_EXPECT_EQ(test, -EPIPE, hf_flow_send(flow, skb));
	kfree_skb(skb);
	KUNIT_EXPECT_EQ_MSG(test, calls, fake_count(FAKE_MSG_SEND), "a dead VM is sent nothing");
	hf_flow_close(flow);
}

/* --- the owner goes --- */

static void what_a_closed_flow_had_queued_is_still_sent(struct kunit *test)
{
	struct hf_vm *vm = bed_vm(test, 2, 1);
	struct hf_flow *flow = bed_flow(test, vm, bed_owner(test, note_room));
	int i;

	for (i = 1; i <= 3; i++)
		bed_flow_send(flow, i);
	hf_flow_close(flow);
	KUNIT_EXPECT_EQ(test, 1U, vm->txq.closed_flows);
	for (i = 1; i <= 3; i++)
		KUNIT_EXPECT_EQ(test, (u64)i, bed_next(vm));
	KUNIT_EXPECT_EQ(test, 0U, vm->txq.closed_flows);
}

static void closed_flows_are_kept_up_to_a_number_only(struct kunit *test)
{
	struct sock *owner = bed_owner(test, note_room);
	struct hf_vm *vm = bed_vm(test, 2, 1);
	int i;

	for (i = 0; i < HF_FLOW_CLOSED_MAX + 11; i++) {
		struct hf_flow *flow = bed_flow(test, vm, owner);

		bed_flow_send(flow, 1 + i);
		hf_flow_close(flow);
	}
	KUNIT_EXPECT_EQ(test, (unsigned int)HF_FLOW_CLOSED_MAX, vm->txq.closed_flows);
	KUNIT_EXPECT_EQ_MSG(test, 10L, atomic_long_read(&vm->dropped_unsent),
			    "one of 11 too many is in the mailbox");
	hf_flow_purge(vm);
	KUNIT_EXPECT_EQ(test, 0U, vm->txq.closed_flows);
}

static void drop_leaves_a_flow_that_can_be_used_on(struct kunit *test)
{
	struct hf_vm *vm = bed_vm(test, 2, 1);
	struct hf_flow *flow = bed_flow(test, vm, NULL);

	bed_flow_send(flow, 1);
	bed_flow_send(flow, 2);
	hf_flow_drop(flow, NULL);
	KUNIT_EXPECT_EQ(test, 1ULL, bed_next(vm));
	KUNIT_EXPECT_EQ(test, 0ULL, bed_next(vm));
	bed_flow_send(flow, 3);
	KUNIT_EXPECT_EQ(test, 3ULL, bed_next(vm));
	hf_flow_close(flow);
}

/* --- several at a time --- */

#define SENDERS		4
#define SENDS		50

static atomic_t failures, ended;

static int sender(void *data)
{
	struct hf_flow *flow = data;
	int i;

	for (i = 1; i <= SENDS; i++) {
		if (bed_flow_send(flow, i))
			atomic_inc(&failures);
		WRITE_ONCE(fake_vm(flow->vm)->full, false);
	}
	atomic_inc(&ended);
	while (!kthread_should_stop())
		usleep_range(1000, 2000);
	return 0;
}

static void senders_to_several_vms_share_the_tx_page_one_at_a_time(struct kunit *test)
{
	struct hf_vm *vms[] = { bed_vm(test, 2, 1), bed_vm(test, 3, 2) };
	struct task_struct *tasks[SENDERS];
	struct hf_flow *flows[SENDERS];
	int i;

	atomic_set(&failures, 0);
	atomic_set(&ended, 0);
	for (i = 0; i < SENDERS; i++) {
		flows[i] = bed_flow(test, vms[i % 2], NULL);
		tasks[i] = kthread_run(sender, flows[i], "hf_test/%d", i);
	}
	KUNIT_EXPECT_TRUE(test, bed_eventually(atomic_read(&ended) == SENDERS));
	for (i = 0; i < SENDERS; i++)
		kthread_stop(tasks[i]);
	KUNIT_EXPECT_EQ(test, 0, atomic_read(&failures));
	for (i = 0; i < SENDERS; i++) {
		while (flows[i]->vm->txq.queued)
			bed_next(flows[i]->vm);
		hf_flow_close(flows[i]);
	}
	KUNIT_EXPECT_EQ(test, (long)SENDERS * SENDS,
			atomic_long_read(&vms[0]->sent) + atomic_long_read(&vms[1]->sent));
}

static struct kunit_case limits_cases[] = {
	KUNIT_CASE(full_vm_refuses_those_that_have_something_queued),
	KUNIT_CASE(whoever_was_refused_hears_of_room),
	KUNIT_CASE(room_wakes_one_sender_per_message),
	KUNIT_CASE(death_wakes_whoever_was_refused_and_drops_the_rest),
	KUNIT_CASE(what_a_closed_flow_had_queued_is_still_sent),
	KUNIT_CASE(closed_flows_are_kept_up_to_a_number_only),
	KUNIT_CASE(drop_leaves_a_flow_that_can_be_used_on),
	KUNIT_CASE(senders_to_several_vms_share_the_tx_page_one_at_a_time),
	{}
};

static struct kunit_suite limits = {
	.name = "hafnium_limits",
	.init = bed_init,
	.exit = bed_exit,
	.test_cases = limits_cases,
};

kunit_test_suite(limits);
