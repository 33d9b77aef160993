// SPDX-License-Identifier: GPL-2.0-only
/*
 * Suite: requests, kicks, sleep and timers of a vCPU's thread.
 *
 * Each interleaving is forced: the fake holds the thread inside FFA_RUN, or
 * hf_mutant.h's window holds it before its last look.
 */
#include <linux/cpumask.h>
#include <linux/kthread.h>
#include <linux/ktime.h>
#include <linux/sched.h>

#include "../mutants/hf_mutant.h"
#include "bed.h"

static const enum hf_vcpu_request run_requests[] = {
	HF_REQ_MESSAGE, HF_REQ_INTERRUPT, HF_REQ_TIMER, HF_REQ_WAKE, HF_REQ_ON,
};

/* A vCPU that is held inside its first FFA_RUN, which will end with @func. */
static struct fake_step *held_vcpu(struct kunit *test, struct hf_vcpu **vcpu, u32 func,
				   enum fake_hold hold)
{
	struct fake_step *step;

	*vcpu = bed_vcpu(test, 2);
	step = fake_step(*vcpu, &(struct fake_step){
		.exit = { .func = func, .vm = 2 },
		.hold = hold,
	});
	bed_start();
	KUNIT_ASSERT_TRUE(test, fake_entered(step));
	return step;
}

static void new_vcpu_is_outside_with_nothing_set(struct kunit *test)
{
	struct hf_vm *vm = bed_vm_booted(test, 2, 3);
	int i;

	for (i = 0; i < 3; i++) {
		KUNIT_EXPECT_EQ(test, (int)HF_VCPU_OUTSIDE, vm->vcpus[i].mode);
		KUNIT_EXPECT_EQ(test, 0UL, vm->vcpus[i].requests);
		KUNIT_EXPECT_EQ(test, (u16)i, vm->vcpus[i].index);
		KUNIT_EXPECT_PTR_EQ(test, vm, vm->vcpus[i].vm);
		KUNIT_EXPECT_FALSE(test, bed_waits(vm, i));
		KUNIT_EXPECT_EQ_MSG(test, i > 0, vm->vcpus[i].off, "the first is on from boot");
	}
}

static void vcpu_runs_once_without_a_request_and_blocks(struct kunit *test)
{
	struct hf_vcpu *vcpu = bed_vcpu(test, 2);

	bed_start();
	BED_EXPECT_BLOCKED(test, vcpu);
	KUNIT_EXPECT_EQ(test, 1, bed_runs(vcpu));
	KUNIT_EXPECT_EQ(test, 0ULL, vcpu->wakes);
}

static void request_outside_sets_its_bit_and_kicks_nobody(struct kunit *test)
{
	struct hf_vcpu *vcpu = bed_vcpu(test, 2);
	int i;

	for (i = 0; i < ARRAY_SIZE(run_requests); i++) {
		hf_vcpu_request(vcpu, run_requests[i]);
		KUNIT_EXPECT_TRUE(test, bed_requested(vcpu, run_requests[i]));
	}
	KUNIT_EXPECT_EQ(test, 0L, atomic_long_read(&vcpu->kicks));
	KUNIT_EXPECT_EQ(test, (int)HF_VCPU_OUTSIDE, vcpu->mode);
}

static void each_request_runs_a_blocked_vcpu_once(struct kunit *test)
{
	struct hf_vcpu *vcpu = bed_vcpu(test, 2);
	int i;

	bed_start();
	for (i = 0; i < ARRAY_SIZE(run_requests); i++) {
		BED_EXPECT_BLOCKED(test, vcpu);
		hf_vcpu_request(vcpu, run_requests[i]);
		KUNIT_EXPECT_TRUE_MSG(test, bed_eventually(bed_runs(vcpu) == i + 2),
				      "request %d", run_requests[i]);
	}
	BED_EXPECT_BLOCKED(test, vcpu);
	KUNIT_EXPECT_EQ(test, ARRAY_SIZE(run_requests) + 1, (size_t)bed_runs(vcpu));
	KUNIT_EXPECT_EQ(test, (u64)ARRAY_SIZE(run_requests), vcpu->wakes);
	KUNIT_EXPECT_EQ(test, 0L, atomic_long_read(&vcpu->kicks));
}

static void wake_up_without_a_request_runs_nobody(struct kunit *test)
{
	struct hf_vcpu *vcpu = bed_vcpu(test, 2);

	bed_start();
	BED_EXPECT_BLOCKED(test, vcpu);
	wake_up_process(vcpu->task);
	KUNIT_EXPECT_TRUE(test, bed_eventually(READ_ONCE(vcpu->wakes) == 1));
	BED_EXPECT_BLOCKED(test, vcpu);
	KUNIT_EXPECT_EQ(test, 1, bed_runs(vcpu));
}

static void guest_is_kicked_once_for_many_requests(struct kunit *test)
{
	struct hf_vcpu *vcpu;
	struct fake_step *step = held_vcpu(test, &vcpu, FFA_INTERRUPT, FAKE_HOLD);
	int i;

	KUNIT_EXPECT_EQ(test, (int)HF_VCPU_IN_GUEST, READ_ONCE(vcpu->mode));
	for (i = 0; i < ARRAY_SIZE(run_requests); i++)
		hf_vcpu_request(vcpu, run_requests[i]);
	KUNIT_EXPECT_EQ(test, (int)HF_VCPU_EXITING, READ_ONCE(vcpu->mode));
	KUNIT_EXPECT_EQ(test, 1L, atomic_long_read(&vcpu->kicks));

	fake_release(step);
	BED_EXPECT_BLOCKED(test, vcpu);
	KUNIT_EXPECT_EQ(test, 2, bed_runs(vcpu));
}

/* The guest is about to wait while the request is made: whatever it waits for. */
static void check_not_lost(struct kunit *test, u32 func)
{
	struct hf_vcpu *vcpu;
	struct fake_step *step = held_vcpu(test, &vcpu, func, FAKE_HOLD);

	hf_vcpu_request(vcpu, HF_REQ_INTERRUPT);
	fake_release(step);
	KUNIT_EXPECT_TRUE(test, bed_eventually(bed_runs(vcpu) == 2));
	BED_EXPECT_BLOCKED(test, vcpu);
	KUNIT_EXPECT_EQ(test, 2, bed_runs(vcpu));
}

static void request_before_an_exit_to_wait_for_a_message_is_not_lost(struct kunit *test)
{
	check_not_lost(test, FFA_MSG_WAIT);
}

static void request_before_an_exit_to_wait_for_an_interrupt_is_not_lost(struct kunit *test)
{
	check_not_lost(test, HF_RUN_WAIT_FOR_INTERRUPT);
}

/* It is switched on while the driver learns that it is off. */
static void switching_on_before_an_exit_of_a_vcpu_that_is_off_is_not_lost(struct kunit *test)
{
	struct hf_vcpu *vcpu = bed_vcpu(test, 2);
	struct fake_step *step = fake_step(vcpu, &(struct fake_step){
		.exit = { .func = FFA_ERROR, .error = HF_FFA_INVALID_PARAMETERS },
		.hold = FAKE_HOLD,
	});

	bed_start();
	KUNIT_ASSERT_TRUE(test, fake_entered(step));
	fake_switch_on(vcpu);
	hf_vcpu_request(vcpu, HF_REQ_ON);
	fake_release(step);
	KUNIT_EXPECT_TRUE(test, bed_eventually(bed_runs(vcpu) == 2));
	BED_EXPECT_BLOCKED(test, vcpu);
}

/* A thread in a window does not give up its CPU: it gets one, the test another. */
static void separate(struct kunit *test, struct hf_vcpu *vcpu)
{
	int first = cpumask_first(cpu_online_mask);
	int second = cpumask_next(first, cpu_online_mask);

	if (second >= nr_cpu_ids)
		kunit_skip(test, "needs 2 CPUs");
	KUNIT_ASSERT_EQ(test, 0, set_cpus_allowed_ptr(current, cpumask_of(first)));
	kthread_bind(vcpu->task, second);
}

static void request_before_the_last_look_keeps_the_vcpu_out(struct kunit *test)
{
	struct hf_vcpu *vcpu = bed_vcpu(test, 2);

	separate(test, vcpu);
	hf_window_vm = 2;
	WRITE_ONCE(hf_window, HF_WINDOW_BEFORE_LAST_LOOK);
	bed_start();
	KUNIT_ASSERT_TRUE(test, bed_eventually(READ_ONCE(hf_window_now)));
	KUNIT_EXPECT_EQ(test, (int)HF_VCPU_OUTSIDE, READ_ONCE(vcpu->mode));
	hf_vcpu_request(vcpu, HF_REQ_WAKE);
	WRITE_ONCE(hf_window, HF_WINDOW_NONE);

	BED_EXPECT_BLOCKED(test, vcpu);
	KUNIT_EXPECT_EQ(test, 1, bed_runs(vcpu));
	KUNIT_EXPECT_EQ_MSG(test, 0UL, fake_vcpu(vcpu)->requests,
			    "the guest was entered with a request made before the last look");
}

static void request_after_the_last_look_kicks_the_vcpu_out(struct kunit *test)
{
	struct hf_vcpu *vcpu = bed_vcpu(test, 2);
	struct fake_step *step = fake_step(vcpu, &(struct fake_step){
		.exit = { .func = FFA_INTERRUPT, .vm = 2 },
		.hold = FAKE_HOLD_UNTIL_KICKED,
	});

	separate(test, vcpu);
	hf_window_vm = 2;
	WRITE_ONCE(hf_window, HF_WINDOW_AFTER_LAST_LOOK);
	bed_start();
	KUNIT_ASSERT_TRUE(test, bed_eventually(READ_ONCE(hf_window_now)));
	hf_vcpu_request(vcpu, HF_REQ_WAKE);
	KUNIT_EXPECT_EQ(test, (int)HF_VCPU_EXITING, READ_ONCE(vcpu->mode));
	WRITE_ONCE(hf_window, HF_WINDOW_NONE);

	KUNIT_EXPECT_TRUE(test, fake_entered(step));
	KUNIT_EXPECT_TRUE_MSG(test, step->interrupted, "FFA_RUN was called with the IPI taken");
	BED_EXPECT_BLOCKED(test, vcpu);
	KUNIT_EXPECT_EQ(test, 2, bed_runs(vcpu));
}

/* How long a vCPU slept whose guest waits for @timeout_ns. */
static u64 time_of_wait(struct kunit *test, u32 func, u64 timeout_ns)
{
	struct hf_vcpu *vcpu = bed_vcpu(test, 2);
	u64 began = ktime_get_ns();

	fake_exit(vcpu, func, 0, timeout_ns);
	bed_start();
	KUNIT_EXPECT_TRUE(test, bed_eventually(bed_runs(vcpu) == 2));
	return ktime_get_ns() - began;
}

static void timeout_of_wait_for_interrupt_runs_the_vcpu(struct kunit *test)
{
	KUNIT_EXPECT_GE(test, time_of_wait(test, HF_RUN_WAIT_FOR_INTERRUPT, 20 * NSEC_PER_MSEC),
			20ULL * NSEC_PER_MSEC);
}

static void timeout_of_wait_for_message_runs_the_vcpu(struct kunit *test)
{
	KUNIT_EXPECT_GE(test, time_of_wait(test, FFA_MSG_WAIT, 20 * NSEC_PER_MSEC),
			20ULL * NSEC_PER_MSEC);
}

static void timeout_of_yield_lets_the_vcpu_rest(struct kunit *test)
{
	KUNIT_EXPECT_GE(test, time_of_wait(test, FFA_YIELD, 20 * NSEC_PER_MSEC),
			20ULL * NSEC_PER_MSEC);
}

static void request_ends_the_rest_of_a_vcpu_that_yields(struct kunit *test)
{
	struct hf_vcpu *vcpu = bed_vcpu(test, 2);

	fake_exit(vcpu, FFA_YIELD, 0, 3600ULL * NSEC_PER_SEC);
	bed_start();
	BED_EXPECT_BLOCKED(test, vcpu);
	KUNIT_EXPECT_EQ(test, 1, bed_runs(vcpu));
	hf_vcpu_request(vcpu, HF_REQ_INTERRUPT);
	KUNIT_EXPECT_TRUE(test, bed_eventually(bed_runs(vcpu) == 2));
	BED_EXPECT_BLOCKED(test, vcpu);
	KUNIT_EXPECT_FALSE(test, hrtimer_active(&vcpu->timer));
}

static void timeout_that_is_over_before_the_sleep_is_not_lost(struct kunit *test)
{
	time_of_wait(test, HF_RUN_WAIT_FOR_INTERRUPT, 1);
}

static void longest_timeouts_are_no_short_ones(struct kunit *test)
{
	static const u64 timeouts[] = { U64_MAX, U64_MAX - 1, S64_MAX, 1ULL << 63 };
	struct hf_vcpu *vcpus[ARRAY_SIZE(timeouts)];
	int i;

	for (i = 0; i < ARRAY_SIZE(timeouts); i++) {
		vcpus[i] = bed_vcpu(test, 2 + i);
		fake_exit(vcpus[i], HF_RUN_WAIT_FOR_INTERRUPT, 0, timeouts[i]);
	}
	bed_start();
	for (i = 0; i < ARRAY_SIZE(timeouts); i++) {
		BED_EXPECT_BLOCKED(test, vcpus[i]);
		KUNIT_EXPECT_EQ_MSG(test, KTIME_MAX, vcpus[i]->deadline, "timeout %llu",
				    timeouts[i]);
		KUNIT_EXPECT_FALSE(test, hrtimer_active(&vcpus[i]->timer));
	}
}

static void request_cancels_the_timeout(struct kunit *test)
{
	struct hf_vcpu *vcpu = bed_vcpu(test, 2);

	fake_exit(vcpu, HF_RUN_WAIT_FOR_INTERRUPT, 0, 3600ULL * NSEC_PER_SEC);
	bed_start();
	BED_EXPECT_BLOCKED(test, vcpu);
	KUNIT_EXPECT_TRUE(test, hrtimer_active(&vcpu->timer));
	hf_vcpu_request(vcpu, HF_REQ_WAKE);
	KUNIT_EXPECT_TRUE(test, bed_eventually(bed_runs(vcpu) == 2));
	BED_EXPECT_BLOCKED(test, vcpu);
	KUNIT_EXPECT_FALSE(test, hrtimer_active(&vcpu->timer));
}

static void stop_ends_a_vcpu_in_its_guest(struct kunit *test)
{
	struct hf_vcpu *vcpu;

	held_vcpu(test, &vcpu, FFA_INTERRUPT, FAKE_HOLD_UNTIL_KICKED);
	hf_vcpu_stop(vcpu);
	KUNIT_EXPECT_EQ(test, 1, bed_runs(vcpu));
	KUNIT_EXPECT_EQ(test, 1L, atomic_long_read(&vcpu->kicks));
}

static void stop_ends_a_blocked_vcpu_and_its_timer(struct kunit *test)
{
	struct hf_vcpu *vcpu = bed_vcpu(test, 2);

	fake_exit(vcpu, HF_RUN_WAIT_FOR_INTERRUPT, 0, 3600ULL * NSEC_PER_SEC);
	bed_start();
	BED_EXPECT_BLOCKED(test, vcpu);
	hf_vcpu_stop(vcpu);
	KUNIT_EXPECT_EQ(test, 1, bed_runs(vcpu));
	KUNIT_EXPECT_FALSE(test, hrtimer_active(&vcpu->timer));
}

static void stop_before_start_runs_nothing(struct kunit *test)
{
	struct hf_vcpu *vcpu = bed_vcpu(test, 2);

	hf_vcpu_stop(vcpu);
	hf_vcpu_stop(vcpu);
	KUNIT_EXPECT_EQ(test, 0, bed_runs(vcpu));
}

static void requests_of_a_vcpu_that_ended_do_no_harm(struct kunit *test)
{
	struct hf_vcpu *vcpu = bed_vcpu(test, 2);
	int i;

	bed_start();
	BED_EXPECT_BLOCKED(test, vcpu);
	hf_vcpu_stop(vcpu);
	for (i = 0; i < ARRAY_SIZE(run_requests); i++)
		hf_vcpu_request(vcpu, run_requests[i]);
	KUNIT_EXPECT_EQ(test, 1, bed_runs(vcpu));
}

static struct kunit_case requests_cases[] = {
	KUNIT_CASE(new_vcpu_is_outside_with_nothing_set),
	KUNIT_CASE(vcpu_runs_once_without_a_request_and_blocks),
	KUNIT_CASE(request_outside_sets_its_bit_and_kicks_nobody),
	KUNIT_CASE(each_request_runs_a_blocked_vcpu_once),
	KUNIT_CASE(wake_up_without_a_request_runs_nobody),
	KUNIT_CASE(guest_is_kicked_once_for_many_requests),
	KUNIT_CASE(request_before_an_exit_to_wait_for_a_message_is_not_lost),
	KUNIT_CASE(request_before_an_exit_to_wait_for_an_interrupt_is_not_lost),
	KUNIT_CASE(switching_on_before_an_exit_of_a_vcpu_that_is_off_is_not_lost),
	KUNIT_CASE(request_before_the_last_look_keeps_the_vcpu_out),
	KUNIT_CASE(request_after_the_last_look_kicks_the_vcpu_out),
	KUNIT_CASE(timeout_of_wait_for_interrupt_runs_the_vcpu),
	KUNIT_CASE(timeout_of_wait_for_message_runs_the_vcpu),
	KUNIT_CASE(timeout_of_yield_lets_the_vcpu_rest),
	KUNIT_CASE(request_ends_the_rest_of_a_vcpu_that_yields),
	KUNIT_CASE(timeout_that_is_over_before_the_sleep_is_not_lost),
	KUNIT_CASE(longest_timeouts_are_no_short_ones),
	KUNIT_CASE(request_cancels_the_timeout),
	KUNIT_CASE(stop_ends_a_vcpu_in_its_guest),
	KUNIT_CASE(stop_ends_a_blocked_vcpu_and_its_timer),
	KUNIT_CASE(stop_before_start_runs_nothing),
	KUNIT_CASE(requests_of_a_vcpu_that_ended_do_no_harm),
	{}
};

static struct kunit_suite requests = {
	.name = "hafnium_requests",
	.init = bed_init,
	.exit = bed_exit,
	.test_cases = requests_cases,
};

kunit_test_suite(requests);
