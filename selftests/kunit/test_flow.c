// SPDX-License-Identifier: GPL-2.0-only
/*
 * Suite: in which order what is queued for a VM leaves, and when.
 *
 * No thread runs unless a test starts it. The fake's mailbox holds one message,
 * so that a second one stays in the queue until bed_next() empties it.
 */
#include "../../hf_tx.h"
#include "bed_flow.h"

static void message_leaves_at_once_if_there_is_room(struct kunit *test)
{
	struct hf_vm *vm = bed_vm(test, 2, 1);
	struct hf_flow *flow = bed_flow(test, vm, NULL);

	KUNIT_EXPECT_EQ(test, 0, hf_flow_send(flow, bed_skb(7, 100)));
	KUNIT_EXPECT_EQ(test, 116U, fake_vm(vm)->len);
	KUNIT_EXPECT_EQ(test, (u8)7, fake_vm(vm)->mailbox[115]);
	KUNIT_EXPECT_EQ(test, 1L, atomic_long_read(&vm->sent));
	KUNIT_EXPECT_EQ(test, 0U, vm->txq.queued);
	KUNIT_EXPECT_TRUE(test, bed_requested(&vm->vcpus[0], HF_REQ_INTERRUPT));
	KUNIT_EXPECT_TRUE(test, vm->message_pending);
	hf_flow_close(flow);
}

static void messages_of_a_flow_leave_in_order_one_per_exit(struct kunit *test)
{
	struct hf_vm *vm = bed_vm(test, 2, 1);
	struct hf_flow *flow = bed_flow(test, vm, NULL);
	int i;

	for (i = 1; i <= 5; i++)
		KUNIT_EXPECT_EQ(test, 0, bed_flow_send(flow, i));
	KUNIT_EXPECT_EQ(test, 4U, vm->txq.queued);
	for (i = 1; i <= 5; i++)
		KUNIT_EXPECT_EQ(test, (u64)i, bed_next(vm));
	KUNIT_EXPECT_EQ(test, 0ULL, bed_next(vm));
	KUNIT_EXPECT_EQ(test, 0U, vm->txq.queued);
	KUNIT_EXPECT_EQ(test, 0U, vm->txq.queued_bytes);
	hf_flow_close(flow);
}

static void flows_take_turns_however_much_each_has_queued(struct kunit *test)
{
	static const u64 order[] = { 11, 12, 21, 31, 13, 22, 14, 15, 16 };
	struct hf_vm *vm = bed_vm(test, 2, 1);
	struct hf_flow *flows[3];
	int i;

	for (i = 0; i < 3; i++)
		flows[i] = bed_flow(test, vm, NULL);
	for (i = 11; i <= 16; i++)
		bed_flow_send(flows[0], i);
	bed_flow_send(flows[1], 21);
	bed_flow_send(flows[1], 22);
	bed_flow_send(flows[2], 31);
	for (i = 0; i < ARRAY_SIZE(order); i++)
		KUNIT_EXPECT_EQ(test, order[i], bed_next(vm));
	for (i = 0; i < 3; i++)
		hf_flow_close(flows[i]);
}

static void vms_never_wait_for_one_another(struct kunit *test)
{
	struct hf_vm *full = bed_vm(test, 2, 1), *free = bed_vm(test, 3, 1);
	struct hf_flow *to_full = bed_flow(test, full, NULL), *to_free = bed_flow(test, free, NULL);

	bed_flow_send(to_full, 1);
	bed_flow_send(to_full, 2);
	bed_flow_send(to_free, 3);
	KUNIT_EXPECT_EQ(test, 3ULL, bed_next(free));
	hf_flow_close(to_full);
	hf_flow_close(to_free);
}

/* The machine reboots: EL2 reads the TX page no more. */
static void nothing_is_sent_after_the_end(struct kunit *test)
{
	struct hf_vm *vm = bed_vm(test, 2, 1);
	struct hf_flow *flow = bed_flow(test, vm, NULL);
	struct iov_iter from;

	hf_tx_close();
	KUNIT_EXPECT_EQ(test, 0, hf_flow_send(flow, bed_skb(7, 100)));
	iov_iter_kvec(&from, ITER_SOURCE, NULL, 0, 0);
	raw_spin_lock_irq(&vm->wait_lock);
	KUNIT_EXPECT_EQ(test, -ENETDOWN, hf_tx_put_from(vm, "", 1, &from, 0));
	raw_spin_unlock_irq(&vm->wait_lock);
	KUNIT_EXPECT_EQ(test, 0, fake_count(FAKE_MSG_SEND));
	KUNIT_EXPECT_EQ(test, 0L, atomic_long_read(&vm->sent));
	KUNIT_EXPECT_EQ_MSG(test, 0U, vm->txq.queued, "nothing waits for ever");
	hf_flow_close(flow);
	fake->lenient = true;
	hf_tx_open();
}

static void each_error_that_is_final_drops_one_message_and_the_next_goes_on(struct kunit *test)
{
	static const int errors[] = { -EOPNOTSUPP, -EINVAL, -ENOMEM, -EACCES, -EIO };
	struct hf_vm *vm = bed_vm(test, 2, 1);
	struct hf_flow *flow = bed_flow(test, vm, NULL);
	int i;

	for (i = 0; i < ARRAY_SIZE(errors); i++) {
		fake->errors[FAKE_MSG_SEND] = errors[i];
		KUNIT_EXPECT_EQ_MSG(test, 0, bed_flow_send(flow, 100 + i), "error %d", errors[i]);
		KUNIT_EXPECT_EQ(test, 0U, vm->txq.queued);
		bed_flow_send(flow, 200 + i);
		KUNIT_EXPECT_EQ_MSG(test, 200ULL + i, bed_next(vm), "error %d", errors[i]);
	}
	KUNIT_EXPECT_EQ(test, (long)ARRAY_SIZE(errors), atomic_long_read(&vm->sent));
	hf_flow_close(flow);
}

static void error_that_passes_keeps_the_message(struct kunit *test)
{
	struct hf_vm *vm = bed_vm(test, 2, 1);
	struct hf_flow *flow = bed_flow(test, vm, NULL);

	fake->errors[FAKE_MSG_SEND] = -EAGAIN;
	bed_flow_send(flow, 1);
	KUNIT_EXPECT_EQ(test, 1U, vm->txq.queued);
	KUNIT_EXPECT_EQ(test, 0L, atomic_long_read(&vm->sent));
	KUNIT_EXPECT_EQ_MSG(test, 0UL, vm->vcpus[0].requests, "nothing arrived");
	KUNIT_EXPECT_EQ(test, 0ULL, bed_next(vm));
	KUNIT_EXPECT_EQ(test, 1ULL, bed_next(vm));
	hf_flow_close(flow);
}

static void busy_for_no_reason_is_tried_again_without_an_exit(struct kunit *test)
{
	struct hf_vm *vm = bed_vm(test, 2, 1);
	struct hf_flow *flow = bed_flow(test, vm, NULL);

	fake->errors[FAKE_MSG_SEND] = -EAGAIN;
	bed_flow_send(flow, 1);
	KUNIT_EXPECT_TRUE(test, bed_eventually(READ_ONCE(fake_vm(vm)->full)));
	hf_flow_close(flow);
}

static void notification_is_asked_for_where_it_is_known(struct kunit *test)
{
	struct hf_vm *vm = bed_vm(test, 2, 1);
	struct hf_flow *flow = bed_flow(test, vm, NULL);

	bed_flow_send(flow, 1);
	KUNIT_EXPECT_TRUE(test, fake->notify);
	hf_ffa_features.waiter_list = false;
	bed_next(vm);
	bed_flow_send(flow, 2);
	KUNIT_EXPECT_FALSE(test, fake->notify);
	hf_flow_close(flow);
}

/* --- a VM that waits for messages --- */

/* The vCPU has waited, and was run again for a message. */
static void serve(struct hf_vcpu *vcpu)
{
	bed_exit_by_hand(vcpu, HF_EXIT_MSG_WAIT, 0, 0, 0);
	bed_enter_by_hand(vcpu, BIT(HF_REQ_MESSAGE));
}

static void vm_that_waits_gets_nothing_while_it_serves(struct kunit *test)
{
	struct hf_vm *vm = bed_vm(test, 2, 2);
	struct hf_flow *flow = bed_flow(test, vm, NULL);
	int i;

	bed_stop_clock(vm);
	serve(&vm->vcpus[1]);
	bed_flow_send(flow, 1);
	for (i = 0; i < 3; i++)
		bed_retry(vm);
	KUNIT_EXPECT_EQ_MSG(test, 0, fake_count(FAKE_MSG_SEND), "nobody waits just then");
	bed_exit_by_hand(&vm->vcpus[1], HF_EXIT_MSG_WAIT, 0, 0, 0);
	KUNIT_EXPECT_EQ(test, 1, fake_vm(vm)->sent);
	KUNIT_EXPECT_TRUE(test, bed_requested(&vm->vcpus[1], HF_REQ_MESSAGE));
	KUNIT_EXPECT_EQ(test, 0UL, vm->vcpus[0].requests);
	hf_flow_close(flow);
}

/* What a vCPU can do that has served messages before, and whether it still does. */
static const struct {
	enum hf_exit_kind kind;
	bool computes, serves;
} pastimes[] = {
	{ HF_EXIT_INTERRUPT, false, true },
	{ HF_EXIT_INTERRUPT, true, false },
	{ HF_EXIT_INTERRUPT_OTHER, false, true },
	{ HF_EXIT_YIELD, false, false },
	{ HF_EXIT_WFI, false, false },
	{ HF_EXIT_WAKE_UP, false, true },
	{ HF_EXIT_MSG_SEND, false, true },
	{ HF_EXIT_RX_RELEASE, false, true },
	{ HF_EXIT_BUSY, false, true },
	{ HF_EXIT_OFF, false, false },
};

static void vm_that_does_something_else_than_to_serve_gets_its_message_at_once(struct kunit *test)
{
	int i;

	for (i = 0; i < ARRAY_SIZE(pastimes); i++) {
		struct hf_vcpu *vcpu = bed_vcpu(test, 2 + i);
		struct hf_flow *flow = bed_flow(test, vcpu->vm, NULL);

		serve(vcpu);
		vcpu->computes = pastimes[i].computes;
		/* Its message to another VM that there is not. */
		bed_exit_by_hand(vcpu, pastimes[i].kind, 0, 99, 0);
		bed_flow_send(flow, 1);
		KUNIT_EXPECT_EQ_MSG(test, !pastimes[i].serves, fake_vm(vcpu->vm)->sent,
				    "after %s", hf_exit_name(pastimes[i].kind));
		bed_exit_by_hand(vcpu, HF_EXIT_MSG_WAIT, 0, 0, 0);
		KUNIT_EXPECT_EQ(test, 1, fake_vm(vcpu->vm)->sent);
		hf_flow_close(flow);
	}
}

/* An exit tells what it does: one that does not come is asked for. */
static void vm_that_may_serve_is_made_to_exit_and_gets_its_message(struct kunit *test)
{
	struct hf_vcpu *vcpu = bed_vcpu(test, 2);
	struct hf_flow *flow = bed_flow(test, vcpu->vm, NULL);
	struct fake_step computes = {
		.exit = { .func = FFA_INTERRUPT, .vm = 2 },
		.hold = FAKE_HOLD_UNTIL_KICKED,
	};
	struct fake_step *step;

	fake_exit(vcpu, FFA_MSG_WAIT, 0, 0);
	bed_start();
	BED_EXPECT_BLOCKED(test, vcpu);
	fake_exit(vcpu, FFA_INTERRUPT, 0, 0);
	step = fake_step(vcpu, &computes);
	fake_step(vcpu, &computes);
	hf_vcpu_request(vcpu, HF_REQ_WAKE);
	KUNIT_ASSERT_TRUE(test, fake_entered(step));
	bed_flow_send(flow, 1);
	KUNIT_EXPECT_TRUE(test, bed_eventually(READ_ONCE(fake_vm(vcpu->vm)->sent) == 1));
	KUNIT_EXPECT_GE(test, atomic_long_read(&vcpu->kicks), 1L);
	fake_release_all();
	hf_flow_close(flow);
}

static void message_queued_while_the_guest_empties_its_mailbox_is_not_lost(struct kunit *test)
{
	struct hf_vcpu *vcpu = bed_vcpu(test, 2);
	struct hf_flow *flow = bed_flow(test, vcpu->vm, NULL);
	struct fake_step *step;

	bed_flow_send(flow, 1);
	step = fake_step(vcpu, &(struct fake_step){
		.exit = { .func = FFA_MSG_WAIT, .vm = 2 },
		.hold = FAKE_HOLD,
		.takes = true,
	});
	fake_step(vcpu, &(struct fake_step){
		.exit = { .func = FFA_MSG_WAIT, .vm = 2 },
		.takes = true,
	});
	bed_start();
	KUNIT_ASSERT_TRUE(test, fake_entered(step));
	bed_flow_send(flow, 2);
	KUNIT_EXPECT_EQ_MSG(test, 1U, vcpu->vm->txq.queued, "the mailbox is full");
	fake_release(step);
	KUNIT_EXPECT_TRUE(test, bed_eventually(READ_ONCE(fake_vm(vcpu->vm)->sent) == 2));
	KUNIT_EXPECT_TRUE(test, bed_eventually(!READ_ONCE(fake_vm(vcpu->vm)->full)));
	BED_EXPECT_BLOCKED(test, vcpu);
	hf_flow_close(flow);
}

/* By another VM, with a call that has no exit. */
static void full_mailbox_of_which_nobody_was_told_runs_a_vm_that_waits(struct kunit *test)
{
	struct hf_vcpu *vcpu = bed_vcpu(test, 2);
	struct hf_flow *flow = bed_flow(test, vcpu->vm, NULL);

	fake_exit(vcpu, FFA_MSG_WAIT, 0, 0);
	bed_start();
	BED_EXPECT_BLOCKED(test, vcpu);
	WRITE_ONCE(fake_vm(vcpu->vm)->full, true);
	fake_step(vcpu, &(struct fake_step){
		.exit = { .func = FFA_MSG_WAIT, .vm = 2 },
		.takes = true,
	});
	bed_flow_send(flow, 1);
	KUNIT_EXPECT_TRUE(test, bed_eventually(READ_ONCE(fake_vm(vcpu->vm)->sent) == 1));
	hf_flow_close(flow);
}

/* One that serves may be about to read: another is not run for luck. */
static void full_mailbox_of_a_vm_that_serves_is_left_alone(struct kunit *test)
{
	struct hf_vm *vm = bed_vm(test, 2, 2);
	struct hf_flow *flow = bed_flow(test, vm, NULL);

	bed_stop_clock(vm);
	serve(&vm->vcpus[0]);
	bed_exit_by_hand(&vm->vcpus[1], HF_EXIT_MSG_WAIT, 0, 0, 0);
	WRITE_ONCE(fake_vm(vm)->full, true);
	bed_flow_send(flow, 1);
	bed_retry(vm);
	KUNIT_EXPECT_EQ(test, 2, fake_count(FAKE_MSG_SEND));
	KUNIT_EXPECT_EQ(test, 0UL, vm->vcpus[1].requests);
	KUNIT_EXPECT_FALSE(test, vm->message_pending);
	/* It does not: so the mailbox is nobody's. */
	bed_exit_by_hand(&vm->vcpus[0], HF_EXIT_WFI, 0, 0, 0);
	KUNIT_EXPECT_TRUE(test, bed_requested(&vm->vcpus[1], HF_REQ_MESSAGE));
	hf_flow_close(flow);
}

/* Whoever is run for it does not take it: not again at each exit, but now and then. */
static void full_mailbox_that_stays_full_is_looked_at_now_and_then(struct kunit *test)
{
	struct hf_vcpu *vcpu = bed_vcpu(test, 2);
	struct hf_vm *vm = vcpu->vm;
	struct hf_flow *flow = bed_flow(test, vm, NULL);
	int i;

	bed_stop_clock(vm);
	bed_exit_by_hand(vcpu, HF_EXIT_MSG_WAIT, 0, 0, 0);
	WRITE_ONCE(fake_vm(vm)->full, true);
	bed_flow_send(flow, 1);
	for (i = 0; i < 3; i++) {
		KUNIT_EXPECT_EQ(test, i > 0, (int)vm->txq.stuck);
		KUNIT_EXPECT_TRUE(test, bed_requested(vcpu, HF_REQ_MESSAGE));
		vcpu->requests = 0;
		bed_enter_by_hand(vcpu, BIT(HF_REQ_MESSAGE));
		bed_exit_by_hand(vcpu, HF_EXIT_MSG_WAIT, 0, 0, 0);
		KUNIT_EXPECT_EQ_MSG(test, 0UL, vcpu->requests, "not at once");
		bed_retry(vm);
	}
	bed_enter_by_hand(vcpu, BIT(HF_REQ_MESSAGE));
	WRITE_ONCE(fake_vm(vm)->full, false);
	bed_exit_by_hand(vcpu, HF_EXIT_MSG_WAIT, 0, 0, 0);
	KUNIT_EXPECT_EQ(test, 1, fake_vm(vm)->sent);
	KUNIT_EXPECT_FALSE(test, vm->txq.stuck);
	hf_flow_close(flow);
}

static void request_in_the_middle(u16 vm)
{
	hf_vcpu_request(&hf_vm_find(vm)->vcpus[0], HF_REQ_WAKE);
}

static void vcpu_that_runs_in_the_middle_of_the_send_takes_the_message(struct kunit *test)
{
	struct hf_vcpu *vcpu = bed_vcpu(test, 2);
	struct hf_flow *flow = bed_flow(test, vcpu->vm, NULL);
	int i;

	fake_exit(vcpu, FFA_MSG_WAIT, 0, 0);
	bed_start();
	BED_EXPECT_BLOCKED(test, vcpu);
	/* It runs before the message is there, or after; if before, it has to run again. */
	for (i = 0; i < 3; i++)
		fake_step(vcpu, &(struct fake_step){
			.exit = { .func = FFA_MSG_WAIT },
			.takes = true,
		});
	fake->during_send = request_in_the_middle;
	bed_flow_send(flow, 1);
	KUNIT_EXPECT_TRUE(test, bed_eventually(fake_vm(vcpu->vm)->sent == 1 &&
					       !READ_ONCE(fake_vm(vcpu->vm)->full)));
	BED_EXPECT_BLOCKED(test, vcpu);
	hf_flow_close(flow);
}

static struct kunit_case flow_cases[] = {
	KUNIT_CASE(message_leaves_at_once_if_there_is_room),
	KUNIT_CASE(messages_of_a_flow_leave_in_order_one_per_exit),
	KUNIT_CASE(flows_take_turns_however_much_each_has_queued),
	KUNIT_CASE(vms_never_wait_for_one_another),
	KUNIT_CASE(nothing_is_sent_after_the_end),
	KUNIT_CASE(each_error_that_is_final_drops_one_message_and_the_next_goes_on),
	KUNIT_CASE(error_that_passes_keeps_the_message),
	KUNIT_CASE(busy_for_no_reason_is_tried_again_without_an_exit),
	KUNIT_CASE(notification_is_asked_for_where_it_is_known),
	KUNIT_CASE(vm_that_waits_gets_nothing_while_it_serves),
	KUNIT_CASE(vm_that_does_something_else_than_to_serve_gets_its_message_at_once),
	KUNIT_CASE(vm_that_may_serve_is_made_to_exit_and_gets_its_message),
	KUNIT_CASE(message_queued_while_the_guest_empties_its_mailbox_is_not_lost),
	KUNIT_CASE(full_mailbox_of_which_nobody_was_told_runs_a_vm_that_waits),
	KUNIT_CASE(full_mailbox_of_a_vm_that_serves_is_left_alone),
	KUNIT_CASE(full_mailbox_that_stays_full_is_looked_at_now_and_then),
	KUNIT_CASE(vcpu_that_runs_in_the_middle_of_the_send_takes_the_message),
	{}
};

static struct kunit_suite flow = {
	.name = "hafnium_flow",
	.init = bed_init,
	.exit = bed_exit,
	.test_cases = flow_cases,
};

kunit_test_suite(flow);
