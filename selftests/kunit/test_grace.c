// SPDX-License-Identifier: GPL-2.0-only
/*
 * Suite: a message is sent when the one before was read, and who runs for it.
 *
 * For releases that free a mailbox while its message is read. The fake says so if a
 * message goes over one that is being read, if two vCPUs are handed the same one, and
 * if a vCPU that waits is run for nothing. Most tests run vCPUs by hand.
 */
#include "bed_flow.h"

static const enum fake_release releases[] = { FAKE_V2_9, FAKE_V2_12, FAKE_V2_14 };

/* A VM whose vCPUs all wait, on that release; nothing happens but by the test. */
static struct hf_vm *waiting_vm(struct kunit *test, u16 id, u16 nr_vcpus)
{
	struct hf_vm *vm = bed_vm(test, id, nr_vcpus);
	int i;

	bed_stop_clock(vm);
	for (i = 0; i < nr_vcpus; i++) {
		KUNIT_EXPECT_TRUE(test, bed_enter_by_hand(&vm->vcpus[i], 0));
		bed_exit_by_hand(&vm->vcpus[i], HF_EXIT_MSG_WAIT, 0, 0, 0);
	}
	return vm;
}

/* The vCPU runs for the message that was sent last, and takes it. */
static void take_message(struct kunit *test, struct hf_vcpu *vcpu)
{
	KUNIT_EXPECT_TRUE(test, bed_requested(vcpu, HF_REQ_MESSAGE));
	KUNIT_EXPECT_TRUE(test, bed_enter_by_hand(vcpu, xchg(&vcpu->requests, 0)));
	fake_take(vcpu);
}

static void wait_again(struct hf_vcpu *vcpu)
{
	bed_exit_by_hand(vcpu, HF_EXIT_MSG_WAIT, 0, 0, 0);
}

/* --- when to send --- */

/* Exits that do not show that a message was read. */
static const enum hf_exit_kind no_evidence[] = {
	HF_EXIT_INTERRUPT, HF_EXIT_INTERRUPT_OTHER, HF_EXIT_YIELD, HF_EXIT_WFI, HF_EXIT_WAKE_UP,
	HF_EXIT_MSG_SEND, HF_EXIT_RX_RELEASE, HF_EXIT_BUSY, HF_EXIT_ERROR, HF_EXIT_UNKNOWN,
};

static void nothing_but_waiting_shows_that_a_message_was_read(struct kunit *test)
{
	int r, i;

	for (r = 0; r < ARRAY_SIZE(releases); r++) {
		struct hf_vm *vm;
		struct hf_flow *flow;

		fake_be(releases[r]);
		vm = waiting_vm(test, 2 + r, 1);
		flow = bed_flow(test, vm, NULL);
		bed_flow_send(flow, 1);
		take_message(test, &vm->vcpus[0]);
		bed_flow_send(flow, 2);
		/* Long ago, if a clock decides. */
		vm->oldest_since = jiffies - HZ;
		for (i = 0; i < ARRAY_SIZE(no_evidence); i++) {
			bed_exit_by_hand(&vm->vcpus[0], no_evidence[i], 0, 99, 0);
			bed_retry(vm);
			KUNIT_EXPECT_EQ_MSG(test, 1, fake_vm(vm)->sent, "after %s",
					    hf_exit_name(no_evidence[i]));
			KUNIT_EXPECT_TRUE(test, bed_enter_by_hand(&vm->vcpus[0], 0));
		}
		wait_again(&vm->vcpus[0]);
		KUNIT_EXPECT_EQ(test, 2, fake_vm(vm)->sent);
		take_message(test, &vm->vcpus[0]);
		wait_again(&vm->vcpus[0]);
		KUNIT_EXPECT_EQ(test, 0ULL, vm->vcpus[0].spurious);
		hf_flow_close(flow);
	}
}

static void message_that_nobody_took_yet_keeps_the_next_one(struct kunit *test)
{
	int r;

	for (r = 0; r < ARRAY_SIZE(releases); r++) {
		struct hf_flow *flow;
		struct hf_vm *vm;

		fake_be(releases[r]);
		vm = waiting_vm(test, 2 + r, 4);
		flow = bed_flow(test, vm, NULL);
		bed_flow_send(flow, 1);
		bed_flow_send(flow, 2);
		bed_retry(vm);
		KUNIT_EXPECT_EQ_MSG(test, r + 1, fake_count(FAKE_MSG_SEND), "it is not even tried");
		hf_flow_purge(vm);
		hf_flow_close(flow);
	}
}

/* All four serve: one of them reads, so three that wait prove nothing. */
static void vcpus_that_wait_beside_one_that_reads_get_nothing(struct kunit *test)
{
	int r, i, round;

	for (r = 0; r < ARRAY_SIZE(releases); r++) {
		struct hf_flow *flow;
		struct hf_vm *vm;

		fake_be(releases[r]);
		vm = waiting_vm(test, 2 + r, 4);
		flow = bed_flow(test, vm, NULL);
		bed_flow_send(flow, 1);
		for (round = 1; round <= 3; round++) {
			take_message(test, &vm->vcpus[0]);
			bed_flow_send(flow, round + 1);
			bed_retry(vm);
			bed_exit_by_hand(&vm->vcpus[0], HF_EXIT_INTERRUPT, 0, 0, 0);
			KUNIT_EXPECT_EQ_MSG(test, round, fake_vm(vm)->sent, "vCPU 0 reads");
			KUNIT_EXPECT_TRUE(test, bed_enter_by_hand(&vm->vcpus[0], 0));
			for (i = 1; i < 4; i++)
				KUNIT_EXPECT_EQ_MSG(test, 0UL, vm->vcpus[i].requests,
						    "vCPU %d is not run for nothing", i);
			wait_again(&vm->vcpus[0]);
			KUNIT_EXPECT_EQ(test, round + 1, fake_vm(vm)->sent);
		}
		take_message(test, &vm->vcpus[0]);
		hf_flow_close(flow);
	}
}

/* Runs of a tick each that show once and for all that a vCPU does something else. */
#define COMPUTES	10

static void compute(struct hf_vcpu *vcpu)
{
	vcpu->stay_ns = 10 * NSEC_PER_MSEC;
	bed_exit_by_hand(vcpu, HF_EXIT_INTERRUPT, 0, 0, 0);
	bed_enter_by_hand(vcpu, 0);
}

static void computing_vcpus_keep_nothing_from_the_one_that_serves(struct kunit *test)
{
	int r, i, round;

	for (r = 0; r < ARRAY_SIZE(releases); r++) {
		struct hf_flow *flow;
		struct hf_vm *vm;

		fake_be(releases[r]);
		vm = bed_vm(test, 2 + r, 4);
		bed_stop_clock(vm);
		for (i = 1; i < 4; i++)
			bed_enter_by_hand(&vm->vcpus[i], 0);
		wait_again(&vm->vcpus[0]);
		flow = bed_flow(test, vm, NULL);
		bed_flow_send(flow, 1);
		for (i = 0; i < 3 * COMPUTES; i++) {
			KUNIT_EXPECT_EQ_MSG(test, 0, fake_vm(vm)->sent, "they may be pollers");
			compute(&vm->vcpus[1 + i % 3]);
		}
		for (round = 1; round <= 5; round++) {
			KUNIT_EXPECT_EQ(test, round, fake_vm(vm)->sent);
			take_message(test, &vm->vcpus[0]);
			bed_flow_send(flow, round + 1);
			for (i = 1; i < 4; i++)
				compute(&vm->vcpus[i]);
			KUNIT_EXPECT_EQ(test, round, fake_vm(vm)->sent);
			wait_again(&vm->vcpus[0]);
		}
		hf_flow_close(flow);
	}
}

/* It may be about to: then it takes the message without having waited. */
static void vcpu_that_never_waited_may_read_as_well(struct kunit *test)
{
	int r, i;

	for (r = 0; r < ARRAY_SIZE(releases); r++) {
		struct hf_flow *flow;
		struct hf_vm *vm;

		fake_be(releases[r]);
		vm = bed_vm(test, 2 + r, 2);
		bed_stop_clock(vm);
		wait_again(&vm->vcpus[0]);
		flow = bed_flow(test, vm, NULL);
		bed_flow_send(flow, 1);
		KUNIT_EXPECT_EQ(test, 1, fake_vm(vm)->sent);
		bed_enter_by_hand(&vm->vcpus[1], 0);
		fake_take(&vm->vcpus[1]);
		bed_flow_send(flow, 2);
		for (i = 1; i < COMPUTES; i++)
			compute(&vm->vcpus[1]);
		KUNIT_EXPECT_EQ(test, 1, fake_vm(vm)->sent);
		fake_read(&vm->vcpus[1]);
		/* That it waits says so at once. */
		wait_again(&vm->vcpus[1]);
		KUNIT_EXPECT_EQ(test, 2, fake_vm(vm)->sent);
		hf_flow_close(flow);
	}
}

/* It has taken a message and computes: nobody can know whether it has read it. */
static void vcpu_that_served_and_computes_keeps_all_messages(struct kunit *test)
{
	struct hf_flow *flow;
	struct hf_vm *vm;
	int i;

	fake_be(FAKE_V2_12);
	vm = waiting_vm(test, 2, 2);
	flow = bed_flow(test, vm, NULL);
	bed_flow_send(flow, 1);
	take_message(test, &vm->vcpus[0]);
	bed_flow_send(flow, 2);
	vm->oldest_since = jiffies - HZ;
	for (i = 0; i < 1000; i++) {
		bed_exit_by_hand(&vm->vcpus[0], HF_EXIT_INTERRUPT, 0, 0, 0);
		bed_retry(vm);
		bed_enter_by_hand(&vm->vcpus[0], 0);
	}
	KUNIT_EXPECT_EQ(test, 1, fake_vm(vm)->sent);
	hf_flow_purge(vm);
	hf_flow_close(flow);
}

static void reader_that_is_switched_off_reads_no_more(struct kunit *test)
{
	int r;

	for (r = 0; r < ARRAY_SIZE(releases); r++) {
		struct hf_flow *flow;
		struct hf_vm *vm;

		fake_be(releases[r]);
		vm = waiting_vm(test, 2 + r, 2);
		flow = bed_flow(test, vm, NULL);
		bed_flow_send(flow, 1);
		take_message(test, &vm->vcpus[0]);
		bed_flow_send(flow, 2);
		fake_read(&vm->vcpus[0]);
		bed_exit_by_hand(&vm->vcpus[0], HF_EXIT_WFI, 0, 0, 0);
		KUNIT_EXPECT_EQ_MSG(test, 1, fake_vm(vm)->sent, "this may be CPU_OFF, or not");
		bed_exit_by_hand(&vm->vcpus[0], HF_EXIT_OFF, 0, 0, 0);
		KUNIT_EXPECT_EQ(test, 2, fake_vm(vm)->sent);
		take_message(test, &vm->vcpus[1]);
		hf_flow_close(flow);
	}
}

/* A sleep may be CPU_OFF: FFA_RUN tells, if it is asked once more. */
static void reader_that_sleeps_is_asked_whether_it_is_off(struct kunit *test)
{
	struct hf_vcpu *vcpu;
	struct hf_flow *flow;
	int r;

	for (r = 0; r < 2; r++) {
		fake_be(releases[r]);
		vcpu = bed_vcpu(test, 2 + r);
		fake_exit(vcpu, FFA_MSG_WAIT, 0, 0);
		fake_step(vcpu, &(struct fake_step){
			.exit = { .func = HF_RUN_WAIT_FOR_INTERRUPT },
			.takes = true,
		});
		fake_exit(vcpu, FFA_ERROR, HF_FFA_INVALID_PARAMETERS, 0);
		hf_vcpu_start(vcpu);
		BED_EXPECT_BLOCKED(test, vcpu);
		flow = bed_flow(test, vcpu->vm, NULL);
		bed_flow_send(flow, 1);
		KUNIT_EXPECT_TRUE(test, bed_eventually(READ_ONCE(vcpu->off)));
		BED_EXPECT_BLOCKED(test, vcpu);
		KUNIT_EXPECT_EQ(test, 0UL, *vcpu->vm->readers);
		hf_flow_close(flow);
	}
}

static void reader_that_aborts_takes_its_vm_along(struct kunit *test)
{
	int r;

	for (r = 0; r < ARRAY_SIZE(releases); r++) {
		struct hf_flow *flow;
		struct hf_vm *vm;

		fake_be(releases[r]);
		vm = waiting_vm(test, 2 + r, 2);
		flow = bed_flow(test, vm, NULL);
		bed_flow_send(flow, 1);
		take_message(test, &vm->vcpus[0]);
		bed_flow_send(flow, 2);
		fake_vm(vm)->aborted = true;
		bed_exit_by_hand(&vm->vcpus[0], HF_EXIT_ABORTED, 0, 0, 0);
		KUNIT_EXPECT_EQ(test, 1, fake_vm(vm)->sent);
		KUNIT_EXPECT_EQ(test, 1L, atomic_long_read(&vm->dropped_unsent));
		KUNIT_EXPECT_EQ(test, 0UL, *vm->readers);
		KUNIT_EXPECT_TRUE_MSG(test, bed_enter_by_hand(&vm->vcpus[1], BIT(HF_REQ_WAKE)),
				      "the others find out");
		hf_flow_close(flow);
	}
}

/* --- who runs --- */

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

	for (r = 0; r < ARRAY_SIZE(releases); r++) {
		struct hf_flow *flow;
		struct hf_vm *vm;

		fake_be(releases[r]);
		vm = waiting_vm(test, 2 + r, 2);
		flow = bed_flow(test, vm, NULL);
		bed_flow_send(flow, 1);
		hf_vcpu_request(&vm->vcpus[1], HF_REQ_MESSAGE);
		take_message(test, &vm->vcpus[0]);
		KUNIT_EXPECT_FALSE(test, bed_enter_by_hand(&vm->vcpus[1],
							   xchg(&vm->vcpus[1].requests, 0)));
		KUNIT_EXPECT_TRUE_MSG(test, bed_waits(vm, 1), "it still waits");
		wait_again(&vm->vcpus[0]);
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
	wait_again(&vm->vcpus[0]);
	bed_enter_by_hand(&vm->vcpus[1], 0);
	for (i = 0; i < COMPUTES; i++)
		compute(&vm->vcpus[1]);
	flow = bed_flow(test, vm, NULL);
	bed_flow_send(flow, 1);
	wait_again(&vm->vcpus[1]);
	KUNIT_EXPECT_TRUE(test, vm->message_pending);
	KUNIT_EXPECT_TRUE_MSG(test, bed_requested(&vm->vcpus[1], HF_REQ_MESSAGE),
			      "it could have missed it");
	take_message(test, &vm->vcpus[0]);
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
	wait_again(&vm->vcpus[0]);
	flow = bed_flow(test, vm, NULL);
	bed_flow_send(flow, 1);
	bed_enter_by_hand(&vm->vcpus[1], 0);
	fake_take(&vm->vcpus[1]);
	wait_again(&vm->vcpus[1]);
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
	vm = waiting_vm(test, 2, 2);
	flow = bed_flow(test, vm, NULL);
	bed_flow_send(flow, 1);
	vm->vcpus[1].deadline = 1;
	KUNIT_EXPECT_FALSE_MSG(test, bed_enter_by_hand(&vm->vcpus[1], BIT(HF_REQ_TIMER)),
			       "the message is vCPU 0's");
	KUNIT_EXPECT_EQ_MSG(test, KTIME_MAX, vm->vcpus[1].deadline, "not again and again");
	take_message(test, &vm->vcpus[0]);
	KUNIT_EXPECT_FALSE_MSG(test, bed_enter_by_hand(&vm->vcpus[1], BIT(HF_REQ_WAKE)),
			       "vCPU 0 reads");
	bed_exit_by_hand(&vm->vcpus[0], HF_EXIT_YIELD, 0, 0, 0);
	KUNIT_EXPECT_EQ(test, 0UL, vm->vcpus[1].requests);
	bed_enter_by_hand(&vm->vcpus[0], 0);
	wait_again(&vm->vcpus[0]);
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
	vm = waiting_vm(test, 2, 2);
	flow = bed_flow(test, vm, NULL);
	for (i = 1; i <= 10; i++)
		bed_flow_send(flow, i);
	KUNIT_EXPECT_FALSE(test, bed_enter_by_hand(&vm->vcpus[1], BIT(HF_REQ_TIMER)));
	for (i = 0; i < 10 && !bed_requested(&vm->vcpus[1], HF_REQ_MESSAGE); i++) {
		take_message(test, &vm->vcpus[0]);
		wait_again(&vm->vcpus[0]);
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
	fake_exit(&vm->vcpus[1], FFA_MSG_WAIT, 0, NSEC_PER_MSEC);
	hf_vcpu_request(&vm->vcpus[1], HF_REQ_WAKE);
	KUNIT_EXPECT_TRUE(test, bed_eventually(test_bit(1, vm->deferred)));
	BED_EXPECT_BLOCKED(test, &vm->vcpus[1]);
	KUNIT_EXPECT_EQ(test, 2, bed_runs(&vm->vcpus[1]));
	fake_release(reads);
	KUNIT_EXPECT_TRUE(test, bed_eventually(bed_runs(&vm->vcpus[1]) >= 3));
	hf_flow_close(flow);
}

/* --- all of it, by threads --- */

#define MESSAGES	50

/* Waits, takes what comes, is interrupted and yields before it has read it. */
static void serve(struct hf_vcpu *vcpu, struct fake_step *step)
{
	struct fake_vcpu *mine = fake_vcpu(vcpu);
	int stage = mine->stage;

	mine->stage = fake_vm(vcpu->vm)->full || stage ? (stage + 1) % 4 : 0;
	step->exit.vm = vcpu->vm->id;
	step->exit.vcpu = vcpu->index;
	switch (mine->stage) {
	case 1:
		step->takes = true;
		step->exit.func = FFA_INTERRUPT;
		break;
	case 2:
		step->exit.func = FFA_YIELD;
		break;
	case 3:
		step->exit.func = FFA_INTERRUPT;
		break;
	default:
		step->exit.func = FFA_MSG_WAIT;
		break;
	}
}

/* It is interrupted all the time. */
static void serve_beside_computing(struct hf_vcpu *vcpu, struct fake_step *step)
{
	if (vcpu->index == 0)
		serve(vcpu, step);
	else
		step->exit.func = FFA_INTERRUPT;
}

static void expect_each_message_once(struct kunit *test, u16 id, int nr_vcpus,
				     void (*guest)(struct hf_vcpu *vcpu, struct fake_step *step))
{
	struct hf_vm *vm = bed_vm(test, id, nr_vcpus);
	struct fake_vm *mine = fake_vm(vm);
	struct hf_flow *flow = bed_flow(test, vm, NULL);
	u64 spurious = 0;
	int i;

	mine->guest = guest;
	bed_start();
	KUNIT_EXPECT_TRUE(test, bed_eventually(READ_ONCE(vm->waits)));
	for (i = 1; i <= MESSAGES; i++)
		bed_flow_send(flow, i);
	KUNIT_EXPECT_TRUE(test, bed_eventually(READ_ONCE(mine->taken) >= MESSAGES));
	KUNIT_EXPECT_EQ(test, MESSAGES, mine->taken);
	for (i = 0; i < MESSAGES; i++)
		KUNIT_EXPECT_EQ(test, (u64)i + 1, mine->names[i]);
	for (i = 0; i < nr_vcpus; i++)
		spurious += vm->vcpus[i].spurious;
	KUNIT_EXPECT_EQ(test, 0ULL, spurious);
	hf_flow_close(flow);
	hf_vm_stop_all();
}

static void each_message_is_read_once_and_in_order(struct kunit *test)
{
	int r, i;

	for (r = 0; r < ARRAY_SIZE(releases); r++) {
		fake_be(releases[r]);
		expect_each_message_once(test, 2, 1, serve);
		expect_each_message_once(test, 3, 4, serve);
		expect_each_message_once(test, 4, 3, serve_beside_computing);
		hf_mailbox_purge_all();
		hf_vm_destroy_all();
		for (i = 2; i <= 4; i++)
			fake_forget(i);
	}
}

static struct kunit_case grace_cases[] = {
	KUNIT_CASE(nothing_but_waiting_shows_that_a_message_was_read),
	KUNIT_CASE(message_that_nobody_took_yet_keeps_the_next_one),
	KUNIT_CASE(vcpus_that_wait_beside_one_that_reads_get_nothing),
	KUNIT_CASE(computing_vcpus_keep_nothing_from_the_one_that_serves),
	KUNIT_CASE(vcpu_that_never_waited_may_read_as_well),
	KUNIT_CASE(vcpu_that_served_and_computes_keeps_all_messages),
	KUNIT_CASE(reader_that_is_switched_off_reads_no_more),
	KUNIT_CASE(reader_that_sleeps_is_asked_whether_it_is_off),
	KUNIT_CASE(reader_that_aborts_takes_its_vm_along),
	KUNIT_CASE(vcpu_that_waits_is_run_for_nothing_but_a_message),
	KUNIT_CASE(message_that_another_took_runs_nobody),
	KUNIT_CASE(vcpu_that_was_in_the_guest_before_the_message_proves_nothing),
	KUNIT_CASE(vcpu_that_was_entered_after_the_message_and_waits_has_taken_it),
	KUNIT_CASE(vcpu_whose_timer_is_due_waits_while_another_is_handed_a_message),
	KUNIT_CASE(vcpu_whose_timer_is_due_runs_although_messages_never_end),
	KUNIT_CASE(timeout_of_a_vcpu_beside_a_reader_is_not_lost),
	KUNIT_CASE(each_message_is_read_once_and_in_order),
	{}
};

static struct kunit_suite grace = {
	.name = "hafnium_grace",
	.init = bed_init,
	.exit = bed_exit,
	.test_cases = grace_cases,
};

kunit_test_suite(grace);
