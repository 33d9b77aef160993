// SPDX-License-Identifier: GPL-2.0-only
/*
 * Suite: doorbells into VMs: routes that are masked, unmasked and pointed elsewhere
 * while they are rung, from hard interrupts too.
 */
#include <linux/hrtimer.h>
#include <linux/kthread.h>

#include "../../hf_compat.h"
#include "../../hf_event.h"
#include "bed.h"

#define ID	10

static const struct hf_event_target to_first = { .vm = 2, .vcpu = 0, .number = ID };
static const struct hf_event_target to_second = { .vm = 2, .vcpu = 1, .number = ID + 1 };
static const struct hf_event_target first_masked = { 2, 0, ID, true };
static const struct hf_event_target second_masked = { 2, 1, ID + 1, true };

static struct hf_event event;

static int injected(const struct hf_vm *vm, int vcpu, int number)
{
	return fake_vcpu(&vm->vcpus[vcpu])->injected[number];
}

static void ring_interrupts_the_vcpu_of_its_route(struct kunit *test)
{
	struct hf_vm *vm = bed_vm(test, 2, 2);
	int runs;

	bed_start();
	BED_EXPECT_BLOCKED(test, &vm->vcpus[1]);
	runs = bed_runs(&vm->vcpus[1]);
	hf_event_init(&event, &to_second);
	hf_event_ring(&event);
	BED_EXPECT_BLOCKED(test, &vm->vcpus[1]);
	KUNIT_EXPECT_EQ(test, 1, injected(vm, 1, ID + 1));
	KUNIT_EXPECT_EQ(test, runs + 1, bed_runs(&vm->vcpus[1]));
	KUNIT_EXPECT_EQ(test, 1L, atomic_long_read(&vm->rings));
}

/* L5: what is pending already may be what cannot wake. */
static void ring_runs_a_vcpu_of_which_el2_says_nothing_is_to_be_done(struct kunit *test)
{
	struct hf_vcpu *vcpu = bed_vcpu(test, 2);
	int i;

	bed_start();
	BED_EXPECT_BLOCKED(test, vcpu);
	hf_event_init(&event, &to_first);
	for (i = 2; i < 10; i++) {
		hf_event_ring(&event);
		BED_EXPECT_BLOCKED(test, vcpu);
		KUNIT_EXPECT_EQ(test, i, bed_runs(vcpu));
	}
}

static void ring_of_any_finds_the_vcpu_that_takes_it(struct kunit *test)
{
	const struct hf_event_target any = { .vm = 2, .vcpu = HF_EVENT_ANY, .number = ID };
	struct hf_vm *vm = bed_vm(test, 2, 3);
	int i;

	fake_vcpu(&vm->vcpus[2])->takes_interrupt[ID] = true;
	bed_start();
	for (i = 0; i < 3; i++)
		BED_EXPECT_BLOCKED(test, &vm->vcpus[i]);
	hf_event_init(&event, &any);
	hf_event_ring(&event);
	hf_event_ring(&event);
	KUNIT_EXPECT_EQ(test, 1, injected(vm, 0, ID));
	KUNIT_EXPECT_EQ_MSG(test, 2, injected(vm, 2, ID), "the second goes there at once");
}

static void rings_of_a_masked_route_are_one_when_it_is_unmasked(struct kunit *test)
{
	struct hf_vm *vm = bed_vm(test, 2, 2);

	hf_event_init(&event, &first_masked);
	hf_event_set(&event, &to_first);
	KUNIT_EXPECT_EQ_MSG(test, 0, injected(vm, 0, ID), "there was no ring");
	hf_event_set(&event, &first_masked);
	hf_event_ring(&event);
	hf_event_ring(&event);
	KUNIT_EXPECT_EQ(test, 0, injected(vm, 0, ID));
	hf_event_set(&event, &to_first);
	KUNIT_EXPECT_EQ(test, 1, injected(vm, 0, ID));
	hf_event_set(&event, &to_first);
	KUNIT_EXPECT_EQ(test, 1, injected(vm, 0, ID));
}

static void kept_ring_goes_with_the_route(struct kunit *test)
{
	struct hf_vm *vm = bed_vm(test, 2, 2);

	hf_event_init(&event, &first_masked);
	hf_event_ring(&event);
	hf_event_set(&event, &second_masked);
	hf_event_set(&event, &to_second);
	KUNIT_EXPECT_EQ(test, 0, injected(vm, 0, ID));
	KUNIT_EXPECT_EQ(test, 1, injected(vm, 1, ID + 1));
}

static void rings_beyond_the_budget_are_one_at_a_later_tick(struct kunit *test)
{
	struct hf_vm *vm = bed_vm(test, 2, 1);
	uint budget = hf_event_budget;
	int i;

	hf_event_budget = 0;
	hf_event_init(&event, &to_first);
	for (i = 0; i < 100; i++)
		hf_event_ring(&event);
	KUNIT_EXPECT_TRUE(test, bed_eventually(injected(vm, 0, ID)));
	KUNIT_EXPECT_LT(test, injected(vm, 0, ID), 100);
	hf_event_end(&event);
	hf_event_budget = budget;
}

static void late_ring_of_a_masked_route_is_kept(struct kunit *test)
{
	struct hf_vm *vm = bed_vm(test, 2, 2);
	uint budget = hf_event_budget;

	hf_event_budget = 0;
	hf_event_init(&event, &to_first);
	hf_event_ring(&event);
	hf_event_set(&event, &second_masked);
	KUNIT_EXPECT_TRUE(test, bed_eventually(!delayed_work_pending(&event.late)));
	flush_delayed_work(&event.late);
	hf_event_budget = budget;
	KUNIT_EXPECT_EQ(test, 0, injected(vm, 1, ID + 1));
	hf_event_set(&event, &to_second);
	KUNIT_EXPECT_EQ(test, 1, injected(vm, 1, ID + 1));
	KUNIT_EXPECT_EQ(test, 0, injected(vm, 0, ID));
}

/* The eventfd was read: nobody else will ring. */
static void late_ring_arrives_before_its_route_ends(struct kunit *test)
{
	struct hf_vm *vm = bed_vm(test, 2, 1);
	uint budget = hf_event_budget;

	hf_event_budget = 0;
	hf_event_init(&event, &to_first);
	hf_event_ring(&event);
	hf_event_end(&event);
	KUNIT_EXPECT_EQ(test, 1, injected(vm, 0, ID));
	hf_event_budget = budget;
}

static void dead_and_unknown_vms_are_refused(struct kunit *test)
{
	struct hf_vm *vm = bed_vm(test, 2, 1);
	const struct hf_event_target unknown = { .vm = 3, .vcpu = 0, .number = ID };

	KUNIT_EXPECT_EQ(test, -ENODEV, hf_event_ring_once(&unknown));
	hf_event_init(&event, &unknown);
	hf_event_ring(&event);
	KUNIT_EXPECT_EQ(test, 0, hf_event_ring_once(&to_first));
	fake_vcpu(&vm->vcpus[0])->takes_interrupt[ID] = true;
	KUNIT_EXPECT_EQ_MSG(test, 0, hf_event_ring_once(&to_first), "EL2 says 1");
	vm->dead = true;
	KUNIT_EXPECT_EQ(test, -EPIPE, hf_event_ring_once(&to_first));
	KUNIT_EXPECT_EQ(test, 2, injected(vm, 0, ID));
}

static void numbers_of_the_hypervisor_are_not_offered(struct kunit *test)
{
	KUNIT_EXPECT_EQ(test, ~0xeULL, hf_event_numbers());
	fake_be(FAKE_V2_12);
	KUNIT_EXPECT_EQ(test, ~0ULL, hf_event_numbers());
	KUNIT_EXPECT_EQ(test, (u32)HF_EVENT_NOTIFICATION, hf_event_mechanism());
	hf_ffa_features.wait_returns = false;
	KUNIT_EXPECT_EQ(test, 0ULL, hf_event_numbers());
}

static void notification_runs_a_vcpu_that_waits(struct kunit *test)
{
	struct hf_vcpu *vcpu = bed_vcpu(test, 2);
	int runs;

	fake_be(FAKE_V2_12);
	fake_exit(vcpu, FFA_MSG_WAIT, 0, 0);
	fake_exit(vcpu, FFA_MSG_WAIT, 0, 0);
	bed_start();
	BED_EXPECT_BLOCKED(test, vcpu);
	runs = bed_runs(vcpu);
	hf_event_init(&event, &to_first);
	hf_event_ring(&event);
	KUNIT_EXPECT_EQ(test, BIT_ULL(ID), fake_vm(vcpu->vm)->notified);
	KUNIT_EXPECT_TRUE(test, bed_eventually(bed_runs(vcpu) == runs + 1));
	BED_EXPECT_BLOCKED(test, vcpu);

	fake->errors[FAKE_NOTIFY] = -EACCES;
	KUNIT_EXPECT_EQ(test, -EACCES, hf_event_ring_once(&to_first));
}

static void ring_inside(struct hf_vcpu *vcpu)
{
	hf_event_ring(&event);
}

/* It has looked at its notifications already, and EL2 does not when it begins to wait. */
static void notification_of_a_vcpu_that_is_about_to_wait_runs_it(struct kunit *test)
{
	struct hf_vcpu *vcpu = bed_vcpu(test, 2);

	fake_be(FAKE_V2_12);
	hf_event_init(&event, &to_first);
	fake_step(vcpu, &(struct fake_step){
		.exit = { .func = FFA_MSG_WAIT, .vm = 2 },
		.inside = ring_inside,
	});
	fake_exit(vcpu, FFA_MSG_WAIT, 0, 0);
	bed_start();
	KUNIT_EXPECT_TRUE(test, bed_eventually(bed_runs(vcpu) == 2));
	BED_EXPECT_BLOCKED(test, vcpu);
}

/* The same between two runs: a guest that waits then has found no message, but did not ask. */
static void notification_before_a_run_that_waits_runs_it_again(struct kunit *test)
{
	struct hf_vcpu *vcpu = bed_vcpu(test, 2);

	fake_be(FAKE_V2_12);
	hf_event_init(&event, &to_first);
	fake_step(vcpu, &(struct fake_step){
		.exit = { .func = FFA_INTERRUPT, .vm = 2 },
		.inside = ring_inside,
	});
	fake_exit(vcpu, FFA_MSG_WAIT, 0, 0);
	fake_exit(vcpu, FFA_MSG_WAIT, 0, 0);
	bed_start();
	KUNIT_EXPECT_TRUE(test, bed_eventually(bed_runs(vcpu) == 3));
	BED_EXPECT_BLOCKED(test, vcpu);
}

/* --- a VM that rings by notifications of the primary; what is signalled, boots show --- */

#define NUMBER	5

static void binding_gives_a_number_to_one_vm(struct kunit *test)
{
	struct hf_vm *vm = bed_vm(test, 2, 1), *other = bed_vm(test, 3, 1);

	fake_be(FAKE_V2_8);
	KUNIT_EXPECT_EQ(test, -EOPNOTSUPP, hf_event_listen(vm, NUMBER, NULL, true));
	hf_ffa_features.binds = true;
	KUNIT_EXPECT_EQ(test, 0, hf_event_listen(vm, NUMBER, NULL, true));
	KUNIT_EXPECT_EQ(test, 2, fake->binders[NUMBER]);
	KUNIT_EXPECT_EQ(test, -EBUSY, hf_event_listen(vm, NUMBER, NULL, false));
	KUNIT_EXPECT_EQ(test, -EBUSY, hf_event_listen(other, NUMBER, NULL, true));
	KUNIT_EXPECT_EQ(test, 0U, other->binds);
	KUNIT_EXPECT_EQ_MSG(test, 0, hf_event_listen(other, NUMBER, NULL, false), "messages");
	hf_event_unlisten(3, NUMBER);
	KUNIT_EXPECT_EQ(test, 2, fake->binders[NUMBER]);

	fake->pending = BIT_ULL(NUMBER);
	hf_event_unlisten(2, NUMBER);
	KUNIT_EXPECT_EQ(test, 0, fake->binders[NUMBER]);
	KUNIT_EXPECT_EQ(test, 0U, vm->binds);
	KUNIT_EXPECT_EQ(test, 0, hf_event_listen(other, NUMBER, NULL, true));
	hf_event_unlisten(3, NUMBER);
}

static void binding_that_el2_refuses_leaves_nothing(struct kunit *test)
{
	struct hf_vm *vm = bed_vm(test, 2, 1);

	fake_be(FAKE_V2_8);
	hf_ffa_features.binds = true;
	fake->errors[FAKE_BIND] = -EINVAL;
	KUNIT_EXPECT_EQ(test, -EINVAL, hf_event_listen(vm, NUMBER, NULL, true));
	KUNIT_EXPECT_EQ(test, 0U, vm->binds);
	KUNIT_EXPECT_EQ(test, 0, hf_event_listen(vm, NUMBER, NULL, true));
	hf_event_unlisten(2, NUMBER);
}

/* A kernel that was left by kexec has bound it to another VM, which has set it. */
static void binding_of_a_kernel_before_is_undone(struct kunit *test)
{
	struct hf_vm *vm = bed_vm(test, 2, 1);

	bed_vm(test, 3, 1);
	fake_be(FAKE_V2_8);
	hf_ffa_features.binds = true;
	fake->binders[NUMBER] = 3;
	fake->pending = BIT_ULL(NUMBER);
	KUNIT_EXPECT_EQ(test, 0, hf_event_listen(vm, NUMBER, NULL, true));
	KUNIT_EXPECT_EQ(test, 2, fake->binders[NUMBER]);
	hf_event_unlisten(2, NUMBER);
}

static void set_inside(struct hf_vcpu *vcpu)
{
	fake->pending = BIT_ULL(NUMBER);
}

static void each_run_of_a_vm_that_may_notify_is_followed_by_a_look(struct kunit *test)
{
	struct hf_vcpu *vcpu = bed_vcpu(test, 2);
	int i;

	fake_be(FAKE_V2_8);
	hf_ffa_features.binds = true;
	fake_exit(vcpu, FFA_INTERRUPT, 0, 0);
	bed_start();
	BED_EXPECT_BLOCKED(test, vcpu);
	KUNIT_EXPECT_EQ_MSG(test, 0, fake_count(FAKE_NOTIFIED), "it may not");
	KUNIT_ASSERT_EQ(test, 0, hf_event_listen(vcpu->vm, NUMBER, NULL, true));
	for (i = 0; i < 10; i++) {
		fake_step(vcpu, &(struct fake_step){
			.exit = { .func = FFA_YIELD, .vm = 2, .timeout_ns = 1000000 },
			.inside = set_inside,
		});
		hf_vcpu_request(vcpu, HF_REQ_WAKE);
		BED_EXPECT_BLOCKED(test, vcpu);
		KUNIT_ASSERT_EQ(test, 0ULL, fake->pending);
	}
	KUNIT_EXPECT_LE(test, fake_count(FAKE_NOTIFIED), bed_runs(vcpu));
	hf_event_unlisten(2, NUMBER);
}

/* --- two ringers, one of them a hard interrupt, against one who changes the route --- */

#define RINGS		100000
#define TIMER_NS	50000

static atomic_t reached[2][2];		/* by vCPU, and by number - ID */
static atomic_t strange;
static bool over;
static atomic_t rung;

static void note(u16 vcpu, u32 intid)
{
	if (vcpu < 2 && intid - ID < 2)
		atomic_inc(&reached[vcpu][intid - ID]);
	else
		atomic_inc(&strange);
}

static enum hrtimer_restart ring_from_interrupt(struct hrtimer *timer)
{
	if (READ_ONCE(over))
		return HRTIMER_NORESTART;
	hf_event_ring(&event);
	atomic_inc(&rung);
	hrtimer_forward_now(timer, TIMER_NS);
	return HRTIMER_RESTART;
}

static int ring_from_thread(void *unused)
{
	int i;

	for (i = 0; i < RINGS; i++) {
		hf_event_ring(&event);
		atomic_inc(&rung);
		if (!(i % 1000))
			cond_resched();
	}
	return 0;
}

static int reached_in_all(void)
{
	return atomic_read(&reached[0][0]) + atomic_read(&reached[1][1]);
}

/* Ring from both, and meanwhile set the route to @a and @b in turn; that many times. */
static int against_ringers(struct kunit *test, const struct hf_event_target *a,
			   const struct hf_event_target *b)
{
	uint budget = hf_event_budget;
	struct task_struct *thread;
	struct hrtimer timer;
	int sets = 0;

	/* What is beyond it becomes one ring. */
	hf_event_budget = INT_MAX;
	memset(reached, 0, sizeof(reached));
	atomic_set(&strange, 0);
	atomic_set(&rung, 0);
	WRITE_ONCE(over, false);
	fake->during_inject = note;
	hf_event_init(&event, a);
	hrtimer_setup(&timer, ring_from_interrupt, CLOCK_MONOTONIC, HRTIMER_MODE_REL_HARD);
	hrtimer_start(&timer, TIMER_NS, HRTIMER_MODE_REL_HARD);
	thread = kthread_run(ring_from_thread, NULL, "hf_ringer");
	KUNIT_ASSERT_FALSE(test, IS_ERR(thread));
	get_task_struct(thread);
	while (atomic_read(&rung) < RINGS) {
		hf_event_set(&event, sets++ % 2 ? a : b);
		if (!(sets % 64))
			cond_resched();
	}
	WRITE_ONCE(over, true);
	hrtimer_cancel(&timer);
	kthread_stop(thread);
	put_task_struct(thread);
	hf_event_budget = budget;
	return sets;
}

/* L2: neither half of one route with a half of the other. */
static void ringers_see_a_route_as_a_whole(struct kunit *test)
{
	bed_vm(test, 2, 2);
	against_ringers(test, &to_first, &to_second);
	hf_event_end(&event);
	KUNIT_EXPECT_EQ(test, 0, atomic_read(&reached[0][1]));
	KUNIT_EXPECT_EQ(test, 0, atomic_read(&reached[1][0]));
	KUNIT_EXPECT_EQ(test, 0, atomic_read(&strange));
	KUNIT_EXPECT_EQ(test, atomic_read(&rung), reached_in_all());
}

/* L3: nothing is pending, unmasked, and told to nobody. */
static void no_ring_is_lost_while_the_route_is_masked_and_unmasked(struct kunit *test)
{
	int sets, i;

	bed_vm(test, 2, 2);
	sets = against_ringers(test, &first_masked, &to_first);
	hf_event_set(&event, &to_first);
	KUNIT_EXPECT_LE(test, 1, reached_in_all());
	KUNIT_EXPECT_LE(test, reached_in_all(), atomic_read(&rung));

	/* One ring at a time: each has to arrive when the route is unmasked. */
	for (i = 0; i < 1000; i++) {
		int before = reached_in_all();

		hf_event_set(&event, i % 2 ? &first_masked : &to_first);
		hf_event_ring(&event);
		hf_event_set(&event, &to_first);
		KUNIT_ASSERT_EQ(test, before + 1, reached_in_all());
	}
	kunit_info(test, "%d rings, %d arrived, %d times masked or unmasked\n",
		   atomic_read(&rung), reached_in_all(), sets);
	hf_event_end(&event);
}

static struct kunit_case event_cases[] = {
	KUNIT_CASE(ring_interrupts_the_vcpu_of_its_route),
	KUNIT_CASE(ring_runs_a_vcpu_of_which_el2_says_nothing_is_to_be_done),
	KUNIT_CASE(ring_of_any_finds_the_vcpu_that_takes_it),
	KUNIT_CASE(rings_of_a_masked_route_are_one_when_it_is_unmasked),
	KUNIT_CASE(kept_ring_goes_with_the_route),
	KUNIT_CASE(rings_beyond_the_budget_are_one_at_a_later_tick),
	KUNIT_CASE(late_ring_of_a_masked_route_is_kept),
	KUNIT_CASE(late_ring_arrives_before_its_route_ends),
	KUNIT_CASE(dead_and_unknown_vms_are_refused),
	KUNIT_CASE(numbers_of_the_hypervisor_are_not_offered),
	KUNIT_CASE(notification_runs_a_vcpu_that_waits),
	KUNIT_CASE(notification_of_a_vcpu_that_is_about_to_wait_runs_it),
	KUNIT_CASE(notification_before_a_run_that_waits_runs_it_again),
	KUNIT_CASE(binding_gives_a_number_to_one_vm),
	KUNIT_CASE(binding_that_el2_refuses_leaves_nothing),
	KUNIT_CASE(binding_of_a_kernel_before_is_undone),
	KUNIT_CASE(each_run_of_a_vm_that_may_notify_is_followed_by_a_look),
	KUNIT_CASE(ringers_see_a_route_as_a_whole),
	KUNIT_CASE(no_ring_is_lost_while_the_route_is_masked_and_unmasked),
	{}
};

static struct kunit_suite event_suite = {
	.name = "hafnium_event",
	.init = bed_init,
	.exit = bed_exit,
	.test_cases = event_cases,
};

kunit_test_suite(event_suite);
