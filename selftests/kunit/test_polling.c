// SPDX-License-Identifier: GPL-2.0-only
/*
 * Suite: VMs that never wait for messages, on releases that free a mailbox while its
 * message is read: what shows that they have read it.
 *
 * Numbers are those of Documentation/sending.rst. vCPUs are run by hand.
 */
#include "bed_flow.h"

/* FFA_YIELDs of a VM that has never sent anything, and of one that has. */
#define YIELDS			128
#define YIELDS_UNANSWERED	4096

/* Guest time, and how much of it one run counts for. */
#define GUEST_MS		100
#define RUN_MS			10

struct polling {
	struct hf_vm *vm;
	struct hf_vcpu *vcpu;
	struct hf_flow *flow;
};

static void leave(struct hf_vcpu *vcpu, enum hf_exit_kind kind, u64 stay_ms)
{
	vcpu->stay_ns = stay_ms * NSEC_PER_MSEC;
	bed_exit_by_hand(vcpu, kind, 0, 99, 0);
}

/* From one exit to the next. */
static void stay(struct hf_vcpu *vcpu, enum hf_exit_kind kind, u64 stay_ms)
{
	bed_enter_by_hand(vcpu, 0);
	leave(vcpu, kind, stay_ms);
}

/* A VM that has taken one message, and for which another is queued. */
static struct polling reading_vm(struct kunit *test, u16 id, u16 nr_vcpus)
{
	struct polling p;

	p.vm = bed_vm(test, id, nr_vcpus);
	bed_stop_clock(p.vm);
	p.vcpu = &p.vm->vcpus[0];
	p.flow = bed_flow(test, p.vm, NULL);
	stay(p.vcpu, HF_EXIT_WFI, 0);
	bed_flow_send(p.flow, 1);
	KUNIT_EXPECT_EQ(test, 1, fake_vm(p.vm)->sent);
	KUNIT_EXPECT_TRUE(test, bed_enter_by_hand(p.vcpu, xchg(&p.vcpu->requests, 0)));
	fake_take(p.vcpu);
	bed_flow_send(p.flow, 2);
	KUNIT_EXPECT_EQ(test, 1, fake_vm(p.vm)->sent);
	return p;
}

static void end(struct polling p)
{
	hf_flow_purge(p.vm);
	hf_flow_close(p.flow);
}

/* It is done with what it took. What the fake knows, the driver has to find out. */
static void has_read(struct polling p)
{
	fake_read(p.vcpu);
}

/* A VM in the guest of which nothing is to be read. */
static struct polling idle_vm(struct kunit *test, u16 id, u16 nr_vcpus)
{
	struct polling p;
	int i, j;

	p.vm = bed_vm(test, id, nr_vcpus);
	bed_stop_clock(p.vm);
	p.vcpu = &p.vm->vcpus[0];
	p.flow = bed_flow(test, p.vm, NULL);
	for (i = 0; i < nr_vcpus; i++) {
		for (j = 0; j < YIELDS; j++)
			stay(&p.vm->vcpus[i], HF_EXIT_YIELD, 0);
	}
	return p;
}

/* Nobody knows what an earlier load of the driver had sent. */
static void first_message_needs_evidence_as_well(struct kunit *test)
{
	struct polling p;
	int i;

	fake_be(FAKE_V2_9);
	p.vm = bed_vm(test, 2, 1);
	bed_stop_clock(p.vm);
	p.vcpu = &p.vm->vcpus[0];
	p.flow = bed_flow(test, p.vm, NULL);
	bed_enter_by_hand(p.vcpu, 0);
	bed_flow_send(p.flow, 1);
	for (i = 0; i < GUEST_MS / RUN_MS; i++) {
		KUNIT_EXPECT_EQ(test, 0, fake_vm(p.vm)->sent);
		leave(p.vcpu, HF_EXIT_INTERRUPT, RUN_MS);
		bed_enter_by_hand(p.vcpu, 0);
	}
	KUNIT_EXPECT_EQ(test, 1, fake_vm(p.vm)->sent);
	end(p);
}

static void yields_until_the_last_are_no_evidence(struct kunit *test)
{
	struct polling p;
	int i;

	fake_be(FAKE_V2_9);
	p = reading_vm(test, 2, 1);
	leave(p.vcpu, HF_EXIT_YIELD, 0);
	for (i = 1; i < YIELDS - 1; i++)
		stay(p.vcpu, HF_EXIT_YIELD, 0);
	KUNIT_EXPECT_EQ(test, 1, fake_vm(p.vm)->sent);
	has_read(p);
	stay(p.vcpu, HF_EXIT_YIELD, 0);
	KUNIT_EXPECT_EQ(test, 2, fake_vm(p.vm)->sent);
	end(p);
}

static void yield_after_an_answer_is_evidence(struct kunit *test)
{
	struct polling p;

	fake_be(FAKE_V2_9);
	p = reading_vm(test, 2, 1);
	leave(p.vcpu, HF_EXIT_YIELD, 0);
	stay(p.vcpu, HF_EXIT_MSG_SEND, 0);
	KUNIT_EXPECT_EQ_MSG(test, 1, fake_vm(p.vm)->sent, "there may be a second answer");
	stay(p.vcpu, HF_EXIT_INTERRUPT, 0);
	stay(p.vcpu, HF_EXIT_MSG_SEND, 0);
	KUNIT_EXPECT_EQ(test, 1, fake_vm(p.vm)->sent);
	has_read(p);
	stay(p.vcpu, HF_EXIT_YIELD, 0);
	KUNIT_EXPECT_EQ(test, 2, fake_vm(p.vm)->sent);
	end(p);
}

/* Its answer may find our mailbox full: then it yields as well. */
static void vm_that_answers_yields_often_without_evidence(struct kunit *test)
{
	struct polling p;
	int i;

	fake_be(FAKE_V2_9);
	p = reading_vm(test, 2, 1);
	leave(p.vcpu, HF_EXIT_MSG_SEND, 0);
	has_read(p);
	stay(p.vcpu, HF_EXIT_YIELD, 0);
	KUNIT_ASSERT_EQ(test, 2, fake_vm(p.vm)->sent);

	/* The answer to the second message does not come. */
	bed_flow_send(p.flow, 3);
	bed_enter_by_hand(p.vcpu, 0);
	fake_take(p.vcpu);
	leave(p.vcpu, HF_EXIT_YIELD, 0);
	for (i = 1; i < YIELDS_UNANSWERED - 1; i++)
		stay(p.vcpu, HF_EXIT_YIELD, 0);
	KUNIT_EXPECT_EQ(test, 2, fake_vm(p.vm)->sent);
	has_read(p);
	stay(p.vcpu, HF_EXIT_YIELD, 0);
	KUNIT_EXPECT_EQ(test, 3, fake_vm(p.vm)->sent);
	end(p);
}

/* As asleep, for it says how long it rests; without a time it may spin. */
static void yield_that_rests_is_evidence(struct kunit *test)
{
	struct hf_ffa_exit rest = { .timeout_ns = NSEC_PER_MSEC };
	struct polling p;

	fake_be(FAKE_V2_9);
	p = reading_vm(test, 2, 1);
	leave(p.vcpu, HF_EXIT_YIELD, 0);
	KUNIT_EXPECT_EQ(test, 1, fake_vm(p.vm)->sent);
	bed_enter_by_hand(p.vcpu, 0);
	has_read(p);
	bed_hear(p.vcpu, HF_EXIT_YIELD, &rest);
	KUNIT_EXPECT_EQ(test, 2, fake_vm(p.vm)->sent);
	end(p);
}

/* What an earlier load sent is in its mailbox, or was taken just now. */
static void first_vcpu_may_be_reading_when_the_module_is_loaded(struct kunit *test)
{
	struct hf_flow *flow;
	struct hf_vm *vm;

	fake_be(FAKE_V2_9);
	vm = bed_vm(test, 2, 2);
	bed_stop_clock(vm);
	flow = bed_flow(test, vm, NULL);
	fake_vcpu(&vm->vcpus[0])->reads = true;
	bed_flow_send(flow, 1);
	bed_retry(vm);
	KUNIT_EXPECT_EQ(test, 0, fake_vm(vm)->sent);
	bed_enter_by_hand(&vm->vcpus[0], 0);
	fake_read(&vm->vcpus[0]);
	leave(&vm->vcpus[0], HF_EXIT_WFI, 0);
	KUNIT_EXPECT_EQ(test, 1, fake_vm(vm)->sent);
	hf_flow_close(flow);
}

static void sleep_is_evidence_until_it_ends(struct kunit *test)
{
	struct polling p;

	fake_be(FAKE_V2_9);
	p = reading_vm(test, 2, 1);
	has_read(p);
	leave(p.vcpu, HF_EXIT_WFI, 0);
	KUNIT_EXPECT_EQ(test, 2, fake_vm(p.vm)->sent);

	/* Awake again it may take the second one. */
	bed_flow_send(p.flow, 3);
	bed_enter_by_hand(p.vcpu, 0);
	fake_take(p.vcpu);
	leave(p.vcpu, HF_EXIT_INTERRUPT, 0);
	bed_retry(p.vm);
	KUNIT_EXPECT_EQ(test, 2, fake_vm(p.vm)->sent);
	bed_enter_by_hand(p.vcpu, 0);
	has_read(p);
	leave(p.vcpu, HF_EXIT_WFI, 0);
	KUNIT_EXPECT_EQ(test, 3, fake_vm(p.vm)->sent);
	end(p);
}

/* How many interrupts it takes until the next message is sent, runs being that long. */
static int runs_until_sent(struct kunit *test, u16 id, u64 run_ms)
{
	struct polling p = reading_vm(test, id, 1);
	int runs;

	/* What it did before the first exit was not all after the message. */
	has_read(p);
	leave(p.vcpu, HF_EXIT_BUSY, 0);
	for (runs = 0; fake_vm(p.vm)->sent == 1 && runs < 1000; runs++)
		stay(p.vcpu, HF_EXIT_INTERRUPT, run_ms);
	end(p);
	return runs;
}

static void guest_time_is_evidence_and_a_run_counts_as_a_tick_at_most(struct kunit *test)
{
	fake_be(FAKE_V2_9);
	KUNIT_EXPECT_EQ(test, GUEST_MS, runs_until_sent(test, 2, 1));
	KUNIT_EXPECT_EQ(test, GUEST_MS / RUN_MS, runs_until_sent(test, 3, RUN_MS));
	KUNIT_EXPECT_EQ(test, GUEST_MS / RUN_MS, runs_until_sent(test, 4, RUN_MS + 1));
	KUNIT_EXPECT_EQ_MSG(test, GUEST_MS / RUN_MS, runs_until_sent(test, 5, 3600000),
			    "EL2 may have let it wait");
	KUNIT_EXPECT_EQ_MSG(test, 1000, runs_until_sent(test, 6, 0), "without any, there is none");
}

static void time_of_a_stay_that_began_before_the_message_counts_nothing(struct kunit *test)
{
	struct polling p;
	int i;

	fake_be(FAKE_V2_9);
	p = idle_vm(test, 2, 1);
	bed_enter_by_hand(p.vcpu, 0);
	bed_flow_send(p.flow, 1);
	fake_take(p.vcpu);
	bed_flow_send(p.flow, 2);
	leave(p.vcpu, HF_EXIT_INTERRUPT, GUEST_MS);
	for (i = 1; i < GUEST_MS / RUN_MS; i++)
		stay(p.vcpu, HF_EXIT_INTERRUPT, GUEST_MS);
	KUNIT_EXPECT_EQ(test, 1, fake_vm(p.vm)->sent);
	has_read(p);
	stay(p.vcpu, HF_EXIT_INTERRUPT, GUEST_MS);
	KUNIT_EXPECT_EQ(test, 2, fake_vm(p.vm)->sent);
	end(p);
}

static void evidence_is_used_up_by_the_next_message(struct kunit *test)
{
	struct polling p;
	int i;

	fake_be(FAKE_V2_9);
	p = reading_vm(test, 2, 1);
	bed_flow_send(p.flow, 3);
	has_read(p);
	leave(p.vcpu, HF_EXIT_MSG_SEND, 0);
	stay(p.vcpu, HF_EXIT_YIELD, 0);
	KUNIT_EXPECT_EQ(test, 2, fake_vm(p.vm)->sent);
	bed_enter_by_hand(p.vcpu, 0);
	fake_take(p.vcpu);
	leave(p.vcpu, HF_EXIT_YIELD, 0);
	for (i = 0; i < 20; i++) {
		stay(p.vcpu, HF_EXIT_YIELD, 0);
		bed_retry(p.vm);
	}
	KUNIT_EXPECT_EQ(test, 2, fake_vm(p.vm)->sent);
	end(p);
}

/* --- more than one vCPU --- */

static void each_vcpu_that_was_in_the_guest_has_to_give_evidence(struct kunit *test)
{
	struct polling p;
	int i;

	fake_be(FAKE_V2_9);
	p = reading_vm(test, 2, 3);
	/* The second was entered after the message; the third sleeps. */
	bed_enter_by_hand(&p.vm->vcpus[1], 0);
	has_read(p);
	leave(p.vcpu, HF_EXIT_MSG_SEND, 0);
	stay(p.vcpu, HF_EXIT_YIELD, 0);
	KUNIT_EXPECT_EQ_MSG(test, 1, fake_vm(p.vm)->sent, "vCPU 1 may read it");
	leave(&p.vm->vcpus[1], HF_EXIT_INTERRUPT, RUN_MS);
	for (i = 1; i < GUEST_MS / RUN_MS; i++) {
		KUNIT_EXPECT_EQ(test, 1, fake_vm(p.vm)->sent);
		stay(&p.vm->vcpus[1], HF_EXIT_INTERRUPT, RUN_MS);
	}
	KUNIT_EXPECT_EQ(test, 2, fake_vm(p.vm)->sent);
	end(p);
}

/* A message may be sent to a sibling that is in the guest, and stays there. */
static void vcpu_that_was_inside_when_the_message_came_has_to_give_evidence(struct kunit *test)
{
	struct polling p;

	fake_be(FAKE_V2_9);
	p = idle_vm(test, 2, 2);
	bed_enter_by_hand(&p.vm->vcpus[1], 0);
	bed_flow_send(p.flow, 1);
	KUNIT_EXPECT_EQ(test, 1, fake_vm(p.vm)->sent);
	bed_enter_by_hand(p.vcpu, 0);
	fake_take(&p.vm->vcpus[1]);
	bed_flow_send(p.flow, 2);
	leave(p.vcpu, HF_EXIT_WFI, 0);
	bed_retry(p.vm);
	KUNIT_EXPECT_EQ(test, 1, fake_vm(p.vm)->sent);
	fake_read(&p.vm->vcpus[1]);
	leave(&p.vm->vcpus[1], HF_EXIT_WFI, 0);
	KUNIT_EXPECT_EQ(test, 2, fake_vm(p.vm)->sent);
	end(p);
}

static void vcpu_that_is_off_or_aborted_has_read(struct kunit *test)
{
	struct polling p;

	fake_be(FAKE_V2_9);
	p = reading_vm(test, 2, 2);
	has_read(p);
	leave(p.vcpu, HF_EXIT_OFF, 0);
	KUNIT_EXPECT_EQ(test, 2, fake_vm(p.vm)->sent);
	end(p);
	p = reading_vm(test, 3, 1);
	leave(p.vcpu, HF_EXIT_ABORTED, 0);
	KUNIT_EXPECT_EQ(test, 0UL, *p.vm->readers);
	end(p);
}

/* It computes, and exits only if it has to; then it sleeps. */
static void compute(struct hf_vcpu *vcpu, struct fake_step *step)
{
	step->takes = true;
	step->reads = true;
	step->exit.func = HF_RUN_WAIT_FOR_INTERRUPT;
}

/* A guest that never exits is made to. */
static void vcpu_that_stays_inside_is_made_to_exit(struct kunit *test)
{
	struct fake_step computes = {
		.exit = { .func = FFA_INTERRUPT, .vm = 2 },
		.hold = FAKE_HOLD_UNTIL_KICKED,
	};
	struct hf_vcpu *vcpu;
	struct fake_step *step;
	struct hf_flow *flow;
	int i;

	fake_be(FAKE_V2_9);
	vcpu = bed_vcpu(test, 2);
	flow = bed_flow(test, vcpu->vm, NULL);
	fake_vm(vcpu->vm)->guest = compute;
	step = fake_step(vcpu, &computes);
	for (i = 0; i < 3; i++)
		fake_step(vcpu, &computes);
	bed_start();
	KUNIT_ASSERT_TRUE(test, fake_entered(step));
	bed_flow_send(flow, 1);
	KUNIT_EXPECT_EQ(test, 0, fake_vm(vcpu->vm)->sent);
	KUNIT_EXPECT_TRUE_MSG(test, bed_eventually(bed_runs(vcpu) > 4), "nobody asks for exits");
	KUNIT_EXPECT_TRUE(test, bed_eventually(READ_ONCE(fake_vm(vcpu->vm)->taken) == 1));
	KUNIT_EXPECT_GE(test, atomic_long_read(&vcpu->kicks), 4L);
	hf_flow_close(flow);
}

/* --- a VM that begins to wait --- */

static void vm_that_waits_for_the_first_time_needs_no_more_evidence(struct kunit *test)
{
	struct polling p;

	fake_be(FAKE_V2_9);
	p = reading_vm(test, 2, 1);
	leave(p.vcpu, HF_EXIT_MSG_WAIT, 0);
	KUNIT_EXPECT_EQ(test, 2, fake_vm(p.vm)->sent);
	KUNIT_EXPECT_TRUE(test, bed_requested(p.vcpu, HF_REQ_MESSAGE));
	end(p);
}

static void sibling_that_reads_is_not_forgotten_when_another_begins_to_wait(struct kunit *test)
{
	struct polling p;

	fake_be(FAKE_V2_9);
	p = reading_vm(test, 2, 2);
	bed_enter_by_hand(&p.vm->vcpus[1], 0);
	bed_exit_by_hand(&p.vm->vcpus[1], HF_EXIT_MSG_WAIT, 0, 0, 0);
	bed_retry(p.vm);
	KUNIT_EXPECT_EQ_MSG(test, 1, fake_vm(p.vm)->sent, "vCPU 0 reads");
	has_read(p);
	leave(p.vcpu, HF_EXIT_MSG_SEND, 0);
	stay(p.vcpu, HF_EXIT_YIELD, 0);
	KUNIT_EXPECT_EQ(test, 2, fake_vm(p.vm)->sent);
	end(p);
}

static void vm_that_waits_once_polls_no_more(struct kunit *test)
{
	struct polling p;
	int i;

	fake_be(FAKE_V2_9);
	p = reading_vm(test, 2, 1);
	leave(p.vcpu, HF_EXIT_MSG_WAIT, 0);
	bed_enter_by_hand(p.vcpu, xchg(&p.vcpu->requests, 0));
	fake_take(p.vcpu);
	bed_flow_send(p.flow, 3);
	leave(p.vcpu, HF_EXIT_MSG_SEND, 0);
	for (i = 0; i < YIELDS_UNANSWERED; i++)
		stay(p.vcpu, HF_EXIT_YIELD, GUEST_MS);
	stay(p.vcpu, HF_EXIT_WFI, GUEST_MS);
	KUNIT_EXPECT_EQ(test, 2, fake_vm(p.vm)->sent);
	end(p);
}

static struct kunit_case polling_cases[] = {
	KUNIT_CASE(first_message_needs_evidence_as_well),
	KUNIT_CASE(yields_until_the_last_are_no_evidence),
	KUNIT_CASE(yield_after_an_answer_is_evidence),
	KUNIT_CASE(vm_that_answers_yields_often_without_evidence),
	KUNIT_CASE(yield_that_rests_is_evidence),
	KUNIT_CASE(first_vcpu_may_be_reading_when_the_module_is_loaded),
	KUNIT_CASE(sleep_is_evidence_until_it_ends),
	KUNIT_CASE(guest_time_is_evidence_and_a_run_counts_as_a_tick_at_most),
	KUNIT_CASE(time_of_a_stay_that_began_before_the_message_counts_nothing),
	KUNIT_CASE(evidence_is_used_up_by_the_next_message),
	KUNIT_CASE(each_vcpu_that_was_in_the_guest_has_to_give_evidence),
	KUNIT_CASE(vcpu_that_was_inside_when_the_message_came_has_to_give_evidence),
	KUNIT_CASE(vcpu_that_is_off_or_aborted_has_read),
	KUNIT_CASE(vcpu_that_stays_inside_is_made_to_exit),
	KUNIT_CASE(vm_that_waits_for_the_first_time_needs_no_more_evidence),
	KUNIT_CASE(sibling_that_reads_is_not_forgotten_when_another_begins_to_wait),
	KUNIT_CASE(vm_that_waits_once_polls_no_more),
	{}
};

static struct kunit_suite polling = {
	.name = "hafnium_polling",
	.init = bed_init,
	.exit = bed_exit,
	.test_cases = polling_cases,
};

kunit_test_suite(polling);
