// SPDX-License-Identifier: GPL-2.0-only
/*
 * Suite: who runs for a message, and that nobody else does.
 *
 * Most tests run vCPUs by hand.
 */
#include "bed_wait.h"

static const enum hf_vcpu_request run_requests[] = {
	HF_REQ_MESSAGE, HF_REQ_INTERRUPT, HF_REQ_TIMER, HF_REQ_WAKE, HF_REQ_ON,
};

static void vcpu_that_waits_is_run_for_nothing_but_a_message(struct kunit *test)
{
	struct hf_vcpu *vcpu;
	struct hf_flow *flow;
	int i;

	fake_be(FAKE_V2_12);
	vcpu = bed_vcpu(test, 2);
	fake_exit(vcpu, FFA_MSG_WAIT, 0, 0);
	bed_start();
	for (i = 0; i < ARRAY_SIZE(run_requests); i++) {
		BED_EXPECT_BLOCKED(test, vcpu);
		hf_vcpu_request(vcpu, run_requests[i]);
		KUNIT_EXPECT_TRUE(test, bed_eventually(READ_ONCE(vcpu->wakes) == i + 1 ||
						       bed_runs(vcpu) > 1));
	}
	BED_EXPECT_BLOCKED(test, vcpu);
	KUNIT_EXPECT_EQ(test, 1, bed_runs(vcpu));
	KUNIT_EXPECT_EQ(test, 0ULL, vcpu->spurious);

	fake_step(vcpu, &(struct fake_step){ .exit.func = FFA_MSG_WAIT, .takes = true });
	flow = bed_flow(test, vcpu->vm, NULL);
	bed_flow_send(flow, 1);
	KUNIT_EXPECT_TRUE_MSG(test, bed_eventually(bed_runs(vcpu) == 2), "for that it is");
	hf_flow_close(flow);
}

static void message_that_another_took_runs_nobody(struct kunit *test)
{
	int r;

	for (r = 0; r < ARRAY_SIZE(bed_releases); r++) {
		struct hf_flow *flow;
		struct hf_vm *vm;

		fake_be(bed_releases[r]);
		vm = bed_waiting_vm(test, 2 + r, 2);
		flow = bed_flow(test, vm, NULL);
		bed_flow_send(flow, 1);
		hf_vcpu_request(&vm->vcpus[1], HF_REQ_MESSAGE);
		bed_take_message(test, &vm->vcpus[0]);
		KUNIT_EXPECT_FALSE(test, bed_enter_by_hand(&vm->vcpus[1],
							   xchg(&vm->vcpus[1].requests, 0)));
		KUNIT_EXPECT_TRUE_MSG(test, bed_waits(vm, 1), "it still waits");
		bed_wait_again(&vm->vcpus[0]);
		KUNIT_EXPECT_EQ_MSG(test, 0UL, vm->vcpus[1].requests, "there was no other reason");
		hf_flow_close(flow);
	}
}

static void vcpu_that_was_in_the_guest_before_the_message_proves_nothing(struct kunit *test)
{
	struct hf_flow *flow;
	struct hf_vm *vm;
	int i;

	fake_be(FAKE_V2_12);
	vm = bed_vm(test, 2, 2);
	bed_stop_clock(vm);
	bed_wait_again(&vm->vcpus[0]);
	bed_enter_by_hand(&vm->vcpus[1], 0);
	for (i = 0; i < BED_COMPUTES; i++)
		bed_compute(&vm->vcpus[1]);
	flow = bed_flow(test, vm, NULL);
	bed_flow_send(flow, 1);
	bed_wait_again(&vm->vcpus[1]);
	KUNIT_EXPECT_TRUE(test, vm->message_pending);
	KUNIT_EXPECT_TRUE_MSG(test, bed_requested(&vm->vcpus[1], HF_REQ_MESSAGE),
			      "it could have missed it");
	bed_take_message(test, &vm->vcpus[0]);
	hf_flow_close(flow);
}

/* It would have been told of the message, had there been one. */
static void vcpu_that_was_entered_after_the_message_and_waits_has_taken_it(struct kunit *test)
{
	struct hf_flow *flow;
	struct hf_vm *vm;

	fake_be(FAKE_V2_12);
	vm = bed_vm(test, 2, 2);
	bed_stop_clock(vm);
	bed_wait_again(&vm->vcpus[0]);
	flow = bed_flow(test, vm, NULL);
	bed_flow_send(flow, 1);
	bed_enter_by_hand(&vm->vcpus[1], 0);
	fake_take(&vm->vcpus[1]);
	bed_wait_again(&vm->vcpus[1]);
	KUNIT_EXPECT_FALSE(test, vm->message_pending);
	KUNIT_EXPECT_FALSE_MSG(test, bed_enter_by_hand(&vm->vcpus[0],
						       xchg(&vm->vcpus[0].requests, 0)),
			       "it would be for nothing");
	KUNIT_EXPECT_EQ(test, 0UL, vm->vcpus[1].requests);
	bed_flow_send(flow, 2);
	KUNIT_EXPECT_EQ_MSG(test, 2, fake_vm(vm)->sent, "there is room");
	hf_flow_close(flow);
}

/* What of another's is in the mailbox is not this one's: it would get it as well. */
static void vcpu_whose_timer_is_due_waits_while_another_is_handed_a_message(struct kunit *test)
{
	struct hf_flow *flow;
	struct hf_vm *vm;

	fake_be(FAKE_V2_9);
	vm = bed_waiting_vm(test, 2, 2);
	flow = bed_flow(test, vm, NULL);
	bed_flow_send(flow, 1);
	vm->vcpus[1].deadline = 1;
	KUNIT_EXPECT_FALSE_MSG(test, bed_enter_by_hand(&vm->vcpus[1], BIT(HF_REQ_TIMER)),
			       "the message is vCPU 0's");
	KUNIT_EXPECT_EQ_MSG(test, KTIME_MAX, vm->vcpus[1].deadline, "not again and again");
	bed_take_message(test, &vm->vcpus[0]);
	KUNIT_EXPECT_FALSE_MSG(test, bed_enter_by_hand(&vm->vcpus[1], BIT(HF_REQ_WAKE)),
			       "vCPU 0 reads");
	bed_exit_by_hand(&vm->vcpus[0], HF_EXIT_YIELD, 0, 0, 0);
	KUNIT_EXPECT_EQ(test, 0UL, vm->vcpus[1].requests);
	bed_enter_by_hand(&vm->vcpus[0], 0);
	bed_wait_again(&vm->vcpus[0]);
	KUNIT_EXPECT_TRUE_MSG(test, bed_requested(&vm->vcpus[1], HF_REQ_WAKE),
			      "now it is time");
	KUNIT_EXPECT_TRUE(test, bed_enter_by_hand(&vm->vcpus[1], xchg(&vm->vcpus[1].requests, 0)));
	KUNIT_EXPECT_EQ_MSG(test, 0ULL, vm->vcpus[1].spurious, "its timer was the reason");
	KUNIT_EXPECT_EQ(test, 0UL, *vm->deferred);
	hf_flow_close(flow);
}

/* However much is queued: it is the next to get a message, and its timeout with it. */
static void vcpu_whose_timer_is_due_runs_although_messages_never_end(struct kunit *test)
{
	struct hf_flow *flow;
	struct hf_vm *vm;
	int i;

	fake_be(FAKE_V2_9);
	vm = bed_waiting_vm(test, 2, 2);
	flow = bed_flow(test, vm, NULL);
	for (i = 1; i <= 10; i++)
		bed_flow_send(flow, i);
	KUNIT_EXPECT_FALSE(test, bed_enter_by_hand(&vm->vcpus[1], BIT(HF_REQ_TIMER)));
	for (i = 0; i < 10 && !bed_requested(&vm->vcpus[1], HF_REQ_MESSAGE); i++) {
		bed_take_message(test, &vm->vcpus[0]);
		bed_wait_again(&vm->vcpus[0]);
		/* What its thread does when it is told. */
		if (!bed_requested(&vm->vcpus[1], HF_REQ_MESSAGE))
			bed_enter_by_hand(&vm->vcpus[1], xchg(&vm->vcpus[1].requests, 0));
		if (!bed_waits(vm, 1))
			break;
	}
	KUNIT_EXPECT_LE_MSG(test, i, 2, "it is starved");
	hf_flow_purge(vm);
	hf_flow_close(flow);
}

static void timeout_of_a_vcpu_beside_a_reader_is_not_lost(struct kunit *test)
{
	struct fake_step *reads;
	struct hf_flow *flow;
	struct hf_vm *vm;
	int runs;

	fake_be(FAKE_V2_9);
	vm = bed_vm(test, 2, 2);
	fake_exit(&vm->vcpus[0], FFA_MSG_WAIT, 0, 0);
	reads = fake_step(&vm->vcpus[0], &(struct fake_step){
		.exit = { .func = FFA_MSG_WAIT, .vm = 2 },
		.hold = FAKE_HOLD,
		.takes = true,
	});
	bed_start();
	BED_EXPECT_BLOCKED(test, &vm->vcpus[0]);
	BED_EXPECT_BLOCKED(test, &vm->vcpus[1]);
	flow = bed_flow(test, vm, NULL);
	bed_flow_send(flow, 1);
	KUNIT_ASSERT_TRUE(test, fake_entered(reads));
	/* Its timer is over before the other one has read. */
	runs = bed_runs(&vm->vcpus[1]);
	fake_exit(&vm->vcpus[1], FFA_MSG_WAIT, 0, NSEC_PER_MSEC);
	hf_vcpu_request(&vm->vcpus[1], HF_REQ_WAKE);
	KUNIT_EXPECT_TRUE(test, bed_eventually(test_bit(1, vm->deferred)));
	BED_EXPECT_BLOCKED(test, &vm->vcpus[1]);
	KUNIT_EXPECT_EQ(test, runs + 1, bed_runs(&vm->vcpus[1]));
	fake_release(reads);
	KUNIT_EXPECT_TRUE(test, bed_eventually(bed_runs(&vm->vcpus[1]) >= runs + 2));
	hf_flow_close(flow);
}

static struct kunit_case handover_cases[] = {
	KUNIT_CASE(vcpu_that_waits_is_run_for_nothing_but_a_message),
	KUNIT_CASE(message_that_another_took_runs_nobody),
	KUNIT_CASE(vcpu_that_was_in_the_guest_before_the_message_proves_nothing),
	KUNIT_CASE(vcpu_that_was_entered_after_the_message_and_waits_has_taken_it),
	KUNIT_CASE(vcpu_whose_timer_is_due_waits_while_another_is_handed_a_message),
	KUNIT_CASE(vcpu_whose_timer_is_due_runs_although_messages_never_end),
	KUNIT_CASE(timeout_of_a_vcpu_beside_a_reader_is_not_lost),
	{}
};

static struct kunit_suite handover = {
	.name = "hafnium_handover",
	.init = bed_init,
	.exit = bed_exit,
	.test_cases = handover_cases,
};

kunit_test_suite(handover);
