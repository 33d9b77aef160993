// SPDX-License-Identifier: GPL-2.0-only
/*
 * Suite: a message is sent when the one before was read.
 *
 * Most tests run vCPUs by hand.
 */
#include "bed_wait.h"

/* Exits that do not show that a message was read. */
static const enum hf_exit_kind no_evidence[] = {
	HF_EXIT_INTERRUPT, HF_EXIT_INTERRUPT_OTHER, HF_EXIT_YIELD, HF_EXIT_WFI, HF_EXIT_WAKE_UP,
	HF_EXIT_MSG_SEND, HF_EXIT_RX_RELEASE, HF_EXIT_BUSY, HF_EXIT_ERROR, HF_EXIT_UNKNOWN,
};

static void nothing_but_waiting_shows_that_a_message_was_read(struct kunit *test)
{
	int r, i;

	for (r = 0; r < ARRAY_SIZE(bed_releases); r++) {
		struct hf_vm *vm;
		struct hf_flow *flow;

		fake_be(bed_releases[r]);
		vm = bed_waiting_vm(test, 2 + r, 1);
		flow = bed_flow(test, vm, NULL);
		bed_flow_send(flow, 1);
		bed_take_message(test, &vm->vcpus[0]);
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
		bed_wait_again(&vm->vcpus[0]);
		KUNIT_EXPECT_EQ(test, 2, fake_vm(vm)->sent);
		bed_take_message(test, &vm->vcpus[0]);
		bed_wait_again(&vm->vcpus[0]);
		KUNIT_EXPECT_EQ(test, 0ULL, vm->vcpus[0].spurious);
		hf_flow_close(flow);
	}
}

static void message_that_nobody_took_yet_keeps_the_next_one(struct kunit *test)
{
	int r;

	for (r = 0; r < ARRAY_SIZE(bed_releases); r++) {
		struct hf_flow *flow;
		struct hf_vm *vm;

		fake_be(bed_releases[r]);
		vm = bed_waiting_vm(test, 2 + r, 4);
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

	for (r = 0; r < ARRAY_SIZE(bed_releases); r++) {
		struct hf_flow *flow;
		struct hf_vm *vm;

		fake_be(bed_releases[r]);
		vm = bed_waiting_vm(test, 2 + r, 4);
		flow = bed_flow(test, vm, NULL);
		bed_flow_send(flow, 1);
		for (round = 1; round <= 3; round++) {
			bed_take_message(test, &vm->vcpus[0]);
			bed_flow_send(flow, round + 1);
			bed_retry(vm);
			bed_exit_by_hand(&vm->vcpus[0], HF_EXIT_INTERRUPT, 0, 0, 0);
			KUNIT_EXPECT_EQ_MSG(test, round, fake_vm(vm)->sent, "vCPU 0 reads");
			KUNIT_EXPECT_TRUE(test, bed_enter_by_hand(&vm->vcpus[0], 0));
			for (i = 1; i < 4; i++)
				KUNIT_EXPECT_EQ_MSG(test, 0UL, vm->vcpus[i].requests,
						    "vCPU %d is not run for nothing", i);
			bed_wait_again(&vm->vcpus[0]);
			KUNIT_EXPECT_EQ(test, round + 1, fake_vm(vm)->sent);
		}
		bed_take_message(test, &vm->vcpus[0]);
		hf_flow_close(flow);
	}
}

static void computing_vcpus_keep_nothing_from_the_one_that_serves(struct kunit *test)
{
	int r, i, round;

	for (r = 0; r < ARRAY_SIZE(bed_releases); r++) {
		struct hf_flow *flow;
		struct hf_vm *vm;

		fake_be(bed_releases[r]);
		vm = bed_vm(test, 2 + r, 4);
		bed_stop_clock(vm);
		for (i = 1; i < 4; i++)
			bed_enter_by_hand(&vm->vcpus[i], 0);
		bed_wait_again(&vm->vcpus[0]);
		flow = bed_flow(test, vm, NULL);
		bed_flow_send(flow, 1);
		for (i = 0; i < 3 * BED_COMPUTES; i++) {
			KUNIT_EXPECT_EQ_MSG(test, 0, fake_vm(vm)->sent, "they may be pollers");
			bed_compute(&vm->vcpus[1 + i % 3]);
		}
		for (round = 1; round <= 5; round++) {
			KUNIT_EXPECT_EQ(test, round, fake_vm(vm)->sent);
			bed_take_message(test, &vm->vcpus[0]);
			bed_flow_send(flow, round + 1);
			for (i = 1; i < 4; i++)
				bed_compute(&vm->vcpus[i]);
			KUNIT_EXPECT_EQ(test, round, fake_vm(vm)->sent);
			bed_wait_again(&vm->vcpus[0]);
		}
		hf_flow_close(flow);
	}
}

/* It may be about to: then it takes the message without having waited. */
static void vcpu_that_never_waited_may_read_as_well(struct kunit *test)
{
	int r, i;

	for (r = 0; r < ARRAY_SIZE(bed_releases); r++) {
		struct hf_flow *flow;
		struct hf_vm *vm;

		fake_be(bed_releases[r]);
		vm = bed_vm(test, 2 + r, 2);
		bed_stop_clock(vm);
		bed_wait_again(&vm->vcpus[0]);
		flow = bed_flow(test, vm, NULL);
		bed_flow_send(flow, 1);
		KUNIT_EXPECT_EQ(test, 1, fake_vm(vm)->sent);
		bed_enter_by_hand(&vm->vcpus[1], 0);
		fake_take(&vm->vcpus[1]);
		bed_flow_send(flow, 2);
		for (i = 1; i < BED_COMPUTES; i++)
			bed_compute(&vm->vcpus[1]);
		KUNIT_EXPECT_EQ(test, 1, fake_vm(vm)->sent);
		fake_read(&vm->vcpus[1]);
		/* That it waits says so at once. */
		bed_wait_again(&vm->vcpus[1]);
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
	vm = bed_waiting_vm(test, 2, 2);
	flow = bed_flow(test, vm, NULL);
	bed_flow_send(flow, 1);
	bed_take_message(test, &vm->vcpus[0]);
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

	for (r = 0; r < ARRAY_SIZE(bed_releases); r++) {
		struct hf_flow *flow;
		struct hf_vm *vm;

		fake_be(bed_releases[r]);
		vm = bed_waiting_vm(test, 2 + r, 2);
		flow = bed_flow(test, vm, NULL);
		bed_flow_send(flow, 1);
		bed_take_message(test, &vm->vcpus[0]);
		bed_flow_send(flow, 2);
		fake_read(&vm->vcpus[0]);
		bed_exit_by_hand(&vm->vcpus[0], HF_EXIT_WFI, 0, 0, 0);
		KUNIT_EXPECT_EQ_MSG(test, 1, fake_vm(vm)->sent, "this may be CPU_OFF, or not");
		bed_exit_by_hand(&vm->vcpus[0], HF_EXIT_OFF, 0, 0, 0);
		KUNIT_EXPECT_EQ(test, 2, fake_vm(vm)->sent);
		bed_take_message(test, &vm->vcpus[1]);
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
		fake_be(bed_releases[r]);
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

	for (r = 0; r < ARRAY_SIZE(bed_releases); r++) {
		struct hf_flow *flow;
		struct hf_vm *vm;

		fake_be(bed_releases[r]);
		vm = bed_waiting_vm(test, 2 + r, 2);
		flow = bed_flow(test, vm, NULL);
		bed_flow_send(flow, 1);
		bed_take_message(test, &vm->vcpus[0]);
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

/* --- all of it, by threads --- */

#define MESSAGES	20

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

/* A vCPU that waits for the first time may take what another one is run for. */
static void expect_each_message_once(struct kunit *test, u16 id, int nr_vcpus, int waiters,
				     void (*guest)(struct hf_vcpu *vcpu, struct fake_step *step))
{
	struct hf_vm *vm = bed_vm(test, id, nr_vcpus);
	struct fake_vm *mine = fake_vm(vm);
	struct hf_flow *flow = bed_flow(test, vm, NULL);
	u64 spurious = 0;
	int i;

	mine->guest = guest;
	bed_start();
	KUNIT_EXPECT_TRUE(test, bed_eventually(hweight_long(READ_ONCE(*vm->waiting)) == waiters));
	for (i = 1; i <= MESSAGES; i++)
		bed_flow_send(flow, i);
	/* Nor wait as long eight times more, which a busy host has no time for. */
	KUNIT_ASSERT_TRUE(test, bed_eventually(READ_ONCE(mine->taken) >= MESSAGES));
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

	for (r = 0; r < ARRAY_SIZE(bed_releases); r++) {
		fake_be(bed_releases[r]);
		expect_each_message_once(test, 2, 1, 1, serve);
		expect_each_message_once(test, 3, 4, 4, serve);
		expect_each_message_once(test, 4, 3, 1, serve_beside_computing);
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
