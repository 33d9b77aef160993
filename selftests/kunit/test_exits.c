// SPDX-License-Identifier: GPL-2.0-only
/*
 * Suite: what each exit is taken for, and what the vCPU does next.
 *
 * The first table has every exit that the specification and Hafnium know, and
 * many that nobody does.
 */
#include "bed.h"

/* What comes after an exit. */
enum next {
	RUNS,		/* again, at once */
	BLOCKS,		/* until a request */
	PAUSES,		/* for a short time */
};

static const struct {
	u32 func;
	int error;
	u16 vm, vcpu;		/* high and low half of w1 */
	enum hf_exit_kind kind;
	enum next next;
} table[] = {
	{ FFA_INTERRUPT, 0, 2, 0, HF_EXIT_INTERRUPT, RUNS },
	{ FFA_INTERRUPT, 0, 0, 0, HF_EXIT_INTERRUPT, RUNS },
	{ FFA_INTERRUPT, 0, 0, 3, HF_EXIT_INTERRUPT, RUNS },
	{ FFA_INTERRUPT, 0, 2, 1, HF_EXIT_INTERRUPT_OTHER, RUNS },
	{ FFA_INTERRUPT, 0, 1, 0, HF_EXIT_INTERRUPT_OTHER, RUNS },
	{ FFA_INTERRUPT, 0, 0xffff, 0xffff, HF_EXIT_INTERRUPT_OTHER, RUNS },
	{ FFA_YIELD, 0, 0, 0, HF_EXIT_YIELD, RUNS },
	{ FFA_MSG_WAIT, 0, 0, 0, HF_EXIT_MSG_WAIT, BLOCKS },
	{ HF_RUN_WAIT_FOR_INTERRUPT, 0, 0, 0, HF_EXIT_WFI, BLOCKS },
	{ HF_RUN_WAKE_UP, 0, 2, 0, HF_EXIT_WAKE_UP, RUNS },
	{ HF_RUN_WAKE_UP, 0, 0, 0, HF_EXIT_WAKE_UP, RUNS },
	{ HF_RUN_WAKE_UP, 0, 2, 0xffff, HF_EXIT_WAKE_UP, RUNS },
	{ FFA_MSG_SEND, 0, 2, 2, HF_EXIT_MSG_SEND, RUNS },
	{ FFA_MSG_SEND, 0, 0xffff, 0xffff, HF_EXIT_MSG_SEND, RUNS },
	{ FFA_RX_RELEASE, 0, 2, 0, HF_EXIT_RX_RELEASE, RUNS },
	{ FFA_RX_RELEASE, 0, 0, 0, HF_EXIT_RX_RELEASE, RUNS },
	{ FFA_ERROR, HF_FFA_ABORTED, 0, 0, HF_EXIT_ABORTED, BLOCKS },
	{ FFA_ERROR, HF_FFA_BUSY, 0, 0, HF_EXIT_BUSY, RUNS },
	{ FFA_ERROR, HF_FFA_INVALID_PARAMETERS, 0, 0, HF_EXIT_OFF, BLOCKS },
	/* From here on nobody knows what is meant. */
	{ FFA_ERROR, HF_FFA_NOT_SUPPORTED, 0, 0, HF_EXIT_ERROR, PAUSES },
	{ FFA_ERROR, HF_FFA_NO_MEMORY, 0, 0, HF_EXIT_ERROR, PAUSES },
	{ FFA_ERROR, HF_FFA_INTERRUPTED, 0, 0, HF_EXIT_ERROR, PAUSES },
	{ FFA_ERROR, HF_FFA_DENIED, 0, 0, HF_EXIT_ERROR, PAUSES },
	{ FFA_ERROR, HF_FFA_RETRY, 0, 0, HF_EXIT_ERROR, PAUSES },
	{ FFA_ERROR, HF_FFA_NO_DATA, 0, 0, HF_EXIT_ERROR, PAUSES },
	{ FFA_ERROR, 0, 0, 0, HF_EXIT_ERROR, PAUSES },
	{ FFA_ERROR, 1, 0, 0, HF_EXIT_ERROR, PAUSES },
	{ FFA_ERROR, -10, 0, 0, HF_EXIT_ERROR, PAUSES },
	{ FFA_ERROR, INT_MIN, 0, 0, HF_EXIT_ERROR, PAUSES },
	{ FFA_ERROR, INT_MAX, 0, 0, HF_EXIT_ERROR, PAUSES },
	{ FFA_SUCCESS, 0, 0, 0, HF_EXIT_UNKNOWN, PAUSES },
	{ FFA_RUN, 0, 2, 0, HF_EXIT_UNKNOWN, PAUSES },
	{ FFA_VERSION, 0, 0, 0, HF_EXIT_UNKNOWN, PAUSES },
	{ FFA_MSG_SEND2, 0, 0, 0, HF_EXIT_UNKNOWN, PAUSES },
	{ FFA_FN64_RXTX_MAP, 0, 0, 0, HF_EXIT_UNKNOWN, PAUSES },
	{ HF_INTERRUPT_INJECT, 0, 0, 0, HF_EXIT_UNKNOWN, PAUSES },
	{ HF_RUN_WAKE_UP + 1, 0, 0, 0, HF_EXIT_UNKNOWN, PAUSES },
	{ 0, 0, 0, 0, HF_EXIT_UNKNOWN, PAUSES },
	{ 1, 0, 0, 0, HF_EXIT_UNKNOWN, PAUSES },
	{ U32_MAX, 0, 0, 0, HF_EXIT_UNKNOWN, PAUSES },
	{ 0x80000000, 0, 0, 0, HF_EXIT_UNKNOWN, PAUSES },
};

static void each_exit_is_taken_for_what_it_is(struct kunit *test)
{
	int i;

	BUILD_BUG_ON(ARRAY_SIZE(table) + 2 > FAKE_VMS);
	for (i = 0; i < ARRAY_SIZE(table); i++) {
		struct hf_vcpu *vcpu = bed_vcpu(test, 2 + i);
		struct fake_step step = { .exit = {
			.func = table[i].func,
			.error = table[i].error,
			.vm = table[i].vm == 2 ? 2 + i : table[i].vm,
			.vcpu = table[i].vcpu,
		} };

		if (step.exit.func == FFA_MSG_SEND && step.exit.vcpu == 2)
			step.exit.vcpu = 2 + i;
		fake_step(vcpu, &step);
	}
	bed_start();
	for (i = 0; i < ARRAY_SIZE(table); i++) {
		struct hf_vcpu *vcpu = &hf_vm_find(2 + i)->vcpus[0];

		BED_EXPECT_BLOCKED(test, vcpu);
		KUNIT_EXPECT_EQ_MSG(test, 1ULL, vcpu->exits[table[i].kind],
				    "func %#x, error %d", table[i].func, table[i].error);
		KUNIT_EXPECT_EQ_MSG(test, (u64)bed_runs(vcpu), vcpu->runs,
				    "func %#x, error %d", table[i].func, table[i].error);
	}
}

static void exits_that_wait_block_and_all_others_run_again(struct kunit *test)
{
	int i;

	for (i = 0; i < ARRAY_SIZE(table); i++) {
		struct hf_vcpu *vcpu = bed_vcpu(test, 2 + i);

		fake_exit(vcpu, table[i].func, table[i].error, 0);
	}
	bed_start();
	for (i = 0; i < ARRAY_SIZE(table); i++) {
		struct hf_vcpu *vcpu = &hf_vm_find(2 + i)->vcpus[0];
		int runs = table[i].next == BLOCKS ? 1 : 2;

		KUNIT_EXPECT_TRUE_MSG(test, bed_eventually(bed_runs(vcpu) == runs),
				      "func %#x, error %d: %d runs, expected %d",
				      table[i].func, table[i].error, bed_runs(vcpu), runs);
		BED_EXPECT_BLOCKED(test, vcpu);
		if (table[i].next == PAUSES)
			KUNIT_EXPECT_GE_MSG(test, fake_vcpu(vcpu)->pause_ns, 1ULL * NSEC_PER_MSEC,
					    "func %#x, error %d", table[i].func, table[i].error);
		else
			KUNIT_EXPECT_EQ_MSG(test, 0ULL, vcpu->wakes, "func %#x, error %d",
					    table[i].func, table[i].error);
	}
}

static u64 pauses[12];
static int looks;		/* runs before the first pause */

static void note_pause(struct hf_vcpu *vcpu)
{
	int pause = bed_runs(vcpu) - looks;

	if (pause >= 0 && pause < ARRAY_SIZE(pauses))
		pauses[pause] = vcpu->backoff_ns;
}

static void check_pauses(struct kunit *test, struct hf_ffa_exit exit)
{
	struct fake_step step = { .exit = exit, .inside = note_pause };
	struct hf_vcpu *vcpu = bed_vcpu(test, 2);
	int i;

	memset(pauses, 0, sizeof(pauses));
	for (i = 0; i < looks + ARRAY_SIZE(pauses); i++)
		fake_step(vcpu, &step);
	bed_start();
	for (i = 1; i <= ARRAY_SIZE(pauses); i++) {
		/* Nobody needs to wait for the whole pause. */
		KUNIT_EXPECT_TRUE(test, bed_eventually(bed_runs(vcpu) >= looks + i));
		hf_vcpu_request(vcpu, HF_REQ_WAKE);
	}
	KUNIT_EXPECT_TRUE(test, bed_eventually(bed_runs(vcpu) > looks + ARRAY_SIZE(pauses)));
	BED_EXPECT_BLOCKED(test, vcpu);
	for (i = 0; i < ARRAY_SIZE(pauses); i++)
		KUNIT_EXPECT_EQ(test, min_t(u64, NSEC_PER_MSEC << i, NSEC_PER_SEC), pauses[i]);
	KUNIT_EXPECT_EQ_MSG(test, (u64)NSEC_PER_MSEC, vcpu->backoff_ns,
			    "an exit that makes sense ends it");
}

static void pauses_after_nonsense_double_up_to_a_second(struct kunit *test)
{
	looks = 0;
	check_pauses(test, (struct hf_ffa_exit){ .func = 0xdead });
}

/* For a moment that is to be expected; for ever, it is somebody's mistake. */
static void pauses_of_a_vcpu_that_stays_busy_do_so_too(struct kunit *test)
{
	looks = 100;
	check_pauses(test, (struct hf_ffa_exit){ .func = FFA_ERROR, .error = HF_FFA_BUSY });
}

/* VM 3 blocks; then VM 2 exits with @func and names VM 3's second vCPU. */
static void check_wakes_other(struct kunit *test, u32 func)
{
	struct hf_vcpu *vcpu = bed_vcpu(test, 2);
	struct hf_vm *other = bed_vm(test, 3, 2);

	bed_start();
	BED_EXPECT_BLOCKED(test, vcpu);
	BED_EXPECT_BLOCKED(test, &other->vcpus[0]);
	BED_EXPECT_BLOCKED(test, &other->vcpus[1]);
	fake_step(vcpu, &(struct fake_step){ .exit = { .func = func, .vm = 3, .vcpu = 1 } });
	hf_vcpu_request(vcpu, HF_REQ_WAKE);

	KUNIT_EXPECT_TRUE(test, bed_eventually(bed_runs(&other->vcpus[1]) == 2));
	BED_EXPECT_BLOCKED(test, vcpu);
	KUNIT_EXPECT_EQ_MSG(test, 3, bed_runs(vcpu), "it runs on itself");
	KUNIT_EXPECT_EQ(test, 1, bed_runs(&other->vcpus[0]));
}

static void wake_up_exit_runs_the_vcpu_that_it_names(struct kunit *test)
{
	check_wakes_other(test, HF_RUN_WAKE_UP);
}

static void interrupt_exit_for_another_runs_the_vcpu_that_it_names(struct kunit *test)
{
	check_wakes_other(test, FFA_INTERRUPT);
}

static void vcpu_that_aborted_never_runs_again(struct kunit *test)
{
	struct hf_vcpu *vcpu = bed_vcpu(test, 2);
	int i;

	fake_exit(vcpu, FFA_ERROR, HF_FFA_ABORTED, 0);
	bed_start();
	for (i = 0; i < 5; i++) {
		BED_EXPECT_BLOCKED(test, vcpu);
		hf_vcpu_request(vcpu, HF_REQ_WAKE);
	}
	BED_EXPECT_BLOCKED(test, vcpu);
	KUNIT_EXPECT_EQ(test, 1, bed_runs(vcpu));
	KUNIT_EXPECT_TRUE(test, vcpu->vm->dead);
}

static void abort_of_one_vcpu_runs_the_others_once(struct kunit *test)
{
	struct hf_vm *vm = bed_vm(test, 2, 3);
	int i;

	bed_start();
	for (i = 0; i < 3; i++) {
		BED_EXPECT_BLOCKED(test, &vm->vcpus[i]);
		/* That is what EL2 answers for a VM that is being aborted. */
		fake_exit(&vm->vcpus[i], FFA_ERROR,
			  i == 1 ? HF_FFA_ABORTED : HF_FFA_INVALID_PARAMETERS, 0);
	}
	hf_vcpu_request(&vm->vcpus[1], HF_REQ_WAKE);
	for (i = 0; i < 3; i++) {
		KUNIT_EXPECT_TRUE(test, bed_eventually(bed_runs(&vm->vcpus[i]) == 2));
		BED_EXPECT_BLOCKED(test, &vm->vcpus[i]);
	}
	KUNIT_EXPECT_TRUE(test, vm->dead);
}

/* --- a sleep whose timeout does not come with the exit --- */

/* So often a vCPU is run for the time that is left. */
#define LOOKS	4

static void vcpu_that_sleeps_is_asked_for_its_timer_where_the_exit_does_not_tell(struct kunit *test)
{
	struct hf_vcpu *vcpu;

	fake_be(FAKE_V2_12);
	vcpu = bed_vcpu(test, 2);
	fake_exit(vcpu, HF_RUN_WAIT_FOR_INTERRUPT, 0, 0);
	/* Long enough that a busy host lets the thread get to sleep before. */
	fake_exit(vcpu, HF_RUN_WAIT_FOR_INTERRUPT, 0, 500 * NSEC_PER_MSEC);
	bed_start();
	KUNIT_EXPECT_TRUE(test, bed_eventually(bed_runs(vcpu) >= 3));
	KUNIT_EXPECT_GE_MSG(test, READ_ONCE(vcpu->wakes), 1ULL, "it did not sleep");
	BED_EXPECT_BLOCKED(test, vcpu);
	KUNIT_EXPECT_EQ(test, 2 + LOOKS, bed_runs(vcpu));
}

static void vcpu_that_sleeps_without_a_timer_is_asked_a_few_times(struct kunit *test)
{
	struct hf_vcpu *vcpu;
	int i;

	fake_be(FAKE_V2_12);
	vcpu = bed_vcpu(test, 2);
	bed_start();
	for (i = 1; i <= 3; i++) {
		BED_EXPECT_BLOCKED(test, vcpu);
		KUNIT_EXPECT_EQ(test, LOOKS * i, bed_runs(vcpu));
		KUNIT_EXPECT_FALSE(test, hrtimer_active(&vcpu->timer));
		hf_vcpu_request(vcpu, HF_REQ_INTERRUPT);
		KUNIT_EXPECT_TRUE(test, bed_eventually(bed_runs(vcpu) > LOOKS * i));
	}
	BED_EXPECT_BLOCKED(test, vcpu);
}

/* A timer that was due ran the guest, which did something. */
static void what_the_guest_does_between_begins_the_looks_anew(struct kunit *test)
{
	struct hf_vcpu *vcpu;
	int i;

	fake_be(FAKE_V2_12);
	vcpu = bed_vcpu(test, 2);
	for (i = 0; i < 5; i++) {
		fake_exit(vcpu, HF_RUN_WAIT_FOR_INTERRUPT, 0, 0);
		fake_exit(vcpu, HF_RUN_WAIT_FOR_INTERRUPT, 0, 0);
		fake_exit(vcpu, FFA_YIELD, 0, 0);
	}
	bed_start();
	BED_EXPECT_BLOCKED(test, vcpu);
	KUNIT_EXPECT_EQ(test, 5 * 3 + LOOKS, bed_runs(vcpu));
	KUNIT_EXPECT_EQ(test, 0ULL, vcpu->wakes);
}

static void vcpu_that_sleeps_is_not_asked_where_the_exit_tells(struct kunit *test)
{
	struct hf_vcpu *vcpu;

	fake_be(FAKE_V2_9);
	vcpu = bed_vcpu(test, 2);
	bed_start();
	BED_EXPECT_BLOCKED(test, vcpu);
	KUNIT_EXPECT_EQ(test, 1, bed_runs(vcpu));
}

static void names_exist_for_every_exit(struct kunit *test)
{
	int i, j;

	for (i = 0; i < HF_EXIT_COUNT; i++) {
		KUNIT_ASSERT_NOT_NULL(test, hf_exit_name(i));
		for (j = 0; j < i; j++)
			KUNIT_EXPECT_STRNEQ(test, hf_exit_name(i), hf_exit_name(j));
	}
}

static struct kunit_case exits_cases[] = {
	KUNIT_CASE(each_exit_is_taken_for_what_it_is),
	KUNIT_CASE(exits_that_wait_block_and_all_others_run_again),
	KUNIT_CASE(pauses_after_nonsense_double_up_to_a_second),
	KUNIT_CASE(pauses_of_a_vcpu_that_stays_busy_do_so_too),
	KUNIT_CASE(wake_up_exit_runs_the_vcpu_that_it_names),
	KUNIT_CASE(interrupt_exit_for_another_runs_the_vcpu_that_it_names),
	KUNIT_CASE(vcpu_that_aborted_never_runs_again),
	KUNIT_CASE(abort_of_one_vcpu_runs_the_others_once),
	KUNIT_CASE(vcpu_that_sleeps_is_asked_for_its_timer_where_the_exit_does_not_tell),
	KUNIT_CASE(vcpu_that_sleeps_without_a_timer_is_asked_a_few_times),
	KUNIT_CASE(what_the_guest_does_between_begins_the_looks_anew),
	KUNIT_CASE(vcpu_that_sleeps_is_not_asked_where_the_exit_tells),
	KUNIT_CASE(names_exist_for_every_exit),
	{}
};

static struct kunit_suite exits = {
	.name = "hafnium_exits",
	.init = bed_init,
	.exit = bed_exit,
	.test_cases = exits_cases,
};

kunit_test_suite(exits);
