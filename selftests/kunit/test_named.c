// SPDX-License-Identifier: GPL-2.0-only
/*
 * Suite: a vCPU is run only if the hypervisor has named it, and created when it does.
 *
 * The fake says so if a vCPU is run that it never told of, or that is off.
 */
#include <linux/sched.h>

#include "bed.h"

/* Everything but "it is on" and "end". */
static const enum hf_vcpu_request run_requests[] = {
	HF_REQ_MESSAGE, HF_REQ_INTERRUPT, HF_REQ_TIMER, HF_REQ_WAKE,
};

/* A vCPU of another VM exits, and names that one. */
static void name_vcpu(struct hf_vcpu *from, u32 func, u16 vm, u16 index)
{
	fake_step(from, &(struct fake_step){ .exit = { .func = func, .vm = vm, .vcpu = index } });
	hf_vcpu_request(from, HF_REQ_WAKE);
}

/* Ask for it in every way; it has to look each time, and not to run. */
static void expect_not_to_run(struct kunit *test, struct hf_vcpu *vcpu)
{
	int runs = bed_runs(vcpu), i;

	for (i = 0; i < ARRAY_SIZE(run_requests); i++) {
		u64 wakes = READ_ONCE(vcpu->wakes);

		hf_vcpu_request(vcpu, run_requests[i]);
		KUNIT_ASSERT_TRUE(test, bed_eventually(READ_ONCE(vcpu->wakes) != wakes));
		KUNIT_ASSERT_TRUE(test, bed_eventually(bed_is_blocked(vcpu)));
	}
	KUNIT_EXPECT_EQ(test, runs, bed_runs(vcpu));
}

static void vcpu_that_was_never_named_is_never_run(struct kunit *test)
{
	struct hf_vm *vm = bed_vm_booted(test, 2, 4);
	int i;

	bed_start();
	BED_EXPECT_BLOCKED(test, &vm->vcpus[0]);
	for (i = 1; i < 4; i++) {
		BED_EXPECT_BLOCKED(test, &vm->vcpus[i]);
		expect_not_to_run(test, &vm->vcpus[i]);
	}
	KUNIT_EXPECT_EQ_MSG(test, 1, bed_runs(&vm->vcpus[0]), "the first is on from boot");
	KUNIT_EXPECT_EQ(test, 1, fake_count(FAKE_RUN));
}

/* The interrupt that tells of it is for those that are on; EL2 is asked of all. */
static void message_runs_no_vcpu_that_was_never_named(struct kunit *test)
{
	struct hf_vcpu *sender = bed_vcpu(test, 3);
	struct hf_vm *vm = bed_vm_booted(test, 2, 4);
	int i;

	bed_exit_by_hand(sender, HF_EXIT_MSG_SEND, 3, 2, 16);
	KUNIT_EXPECT_EQ(test, 4, fake_count(FAKE_INJECT));
	KUNIT_EXPECT_TRUE(test, bed_requested(&vm->vcpus[0], HF_REQ_INTERRUPT));
	for (i = 1; i < 4; i++)
		KUNIT_EXPECT_EQ(test, 0UL, vm->vcpus[i].requests);
	/* EL2 knows better. */
	fake_vm(vm)->vcpus[2].takes_interrupt[HF_MAILBOX_READABLE_INTID] = true;
	bed_exit_by_hand(sender, HF_EXIT_MSG_SEND, 3, 2, 16);
	KUNIT_EXPECT_TRUE(test, bed_requested(&vm->vcpus[2], HF_REQ_ON));
	bed_start();
	KUNIT_EXPECT_TRUE(test, bed_eventually(bed_runs(&vm->vcpus[2]) == 1));
	KUNIT_EXPECT_EQ(test, 0, bed_runs(&vm->vcpus[1]));
	KUNIT_EXPECT_EQ(test, 0, bed_runs(&vm->vcpus[3]));
}

static void death_runs_no_vcpu_that_was_never_named(struct kunit *test)
{
	struct hf_vm *vm = bed_vm_booted(test, 2, 2);

	fake_exit(&vm->vcpus[0], FFA_ERROR, HF_FFA_ABORTED, 0);
	bed_start();
	BED_EXPECT_BLOCKED(test, &vm->vcpus[0]);
	BED_EXPECT_BLOCKED(test, &vm->vcpus[1]);
	KUNIT_EXPECT_EQ(test, 1, fake_count(FAKE_RUN));
}

static void vcpu_that_an_exit_names_is_run(struct kunit *test)
{
	static const u32 funcs[] = { HF_RUN_WAKE_UP, FFA_INTERRUPT };
	struct hf_vm *vm = bed_vm_booted(test, 2, 3);
	int i;

	bed_start();
	for (i = 0; i < ARRAY_SIZE(funcs); i++) {
		struct hf_vcpu *vcpu = &vm->vcpus[1 + i];

		BED_EXPECT_BLOCKED(test, vcpu);
		BED_EXPECT_BLOCKED(test, &vm->vcpus[0]);
		name_vcpu(&vm->vcpus[0], funcs[i], 2, 1 + i);
		KUNIT_EXPECT_TRUE(test, bed_eventually(bed_runs(vcpu) == 1));
		BED_EXPECT_BLOCKED(test, vcpu);
		/* From now on any reason is good. */
		hf_vcpu_request(vcpu, HF_REQ_WAKE);
		KUNIT_EXPECT_TRUE(test, bed_eventually(bed_runs(vcpu) == 2));
	}
}

static void vcpu_that_was_switched_off_is_run_when_it_is_named_again(struct kunit *test)
{
	struct hf_vm *vm = bed_vm(test, 2, 2);
	struct hf_vcpu *vcpu = &vm->vcpus[1];
	int i;

	bed_start();
	for (i = 1; i <= 3; i++) {
		BED_EXPECT_BLOCKED(test, vcpu);
		/* CPU_OFF ends like WFI; the next FFA_RUN says what it was. */
		fake_exit(vcpu, HF_RUN_WAIT_FOR_INTERRUPT, 0, 0);
		fake_exit(vcpu, FFA_ERROR, HF_FFA_INVALID_PARAMETERS, 0);
		hf_vcpu_request(vcpu, HF_REQ_WAKE);
		KUNIT_EXPECT_TRUE(test, bed_eventually(READ_ONCE(vcpu->wakes)));
		BED_EXPECT_BLOCKED(test, vcpu);
		hf_vcpu_request(vcpu, HF_REQ_WAKE);
		KUNIT_EXPECT_TRUE(test, bed_eventually(READ_ONCE(vcpu->off)));
		BED_EXPECT_BLOCKED(test, vcpu);
		KUNIT_EXPECT_EQ(test, 3 * i, bed_runs(vcpu));
		expect_not_to_run(test, vcpu);

		name_vcpu(&vm->vcpus[0], FFA_INTERRUPT, 2, 1);
		KUNIT_EXPECT_TRUE(test, bed_eventually(bed_runs(vcpu) == 3 * i + 1));
	}
}

/* EL2 would begin it with the next message, which would be lost. */
static void restarted_vcpu_that_seems_to_wait_gets_no_message(struct kunit *test)
{
	struct hf_vm *vm;

	fake_be(FAKE_V2_8);
	vm = bed_vm(test, 2, 2);
	fake_exit(&vm->vcpus[1], HF_RUN_WAIT_FOR_INTERRUPT, 0, 0);
	fake_exit(&vm->vcpus[1], FFA_ERROR, HF_FFA_INVALID_PARAMETERS, 0);
	fake_exit(&vm->vcpus[1], FFA_MSG_WAIT, 0, 0);
	bed_start();
	BED_EXPECT_BLOCKED(test, &vm->vcpus[1]);
	KUNIT_EXPECT_TRUE_MSG(test, vm->vcpus[1].off, "a second look tells");
	BED_EXPECT_BLOCKED(test, &vm->vcpus[0]);
	name_vcpu(&vm->vcpus[0], FFA_INTERRUPT, 2, 1);
	KUNIT_EXPECT_TRUE(test, bed_eventually(bed_runs(&vm->vcpus[1]) == 3));
	BED_EXPECT_BLOCKED(test, &vm->vcpus[1]);
	KUNIT_EXPECT_FALSE(test, bed_waits(vm, 1));
	KUNIT_EXPECT_TRUE(test, vm->vcpus[1].off);
}

/* vms= may name a VM that there is not. */
static void vm_that_does_not_exist_is_tried_once(struct kunit *test)
{
	struct hf_vcpu *vcpu = bed_vcpu(test, 2);

	fake_exit(vcpu, FFA_ERROR, HF_FFA_INVALID_PARAMETERS, 0);
	bed_start();
	BED_EXPECT_BLOCKED(test, vcpu);
	expect_not_to_run(test, vcpu);
	KUNIT_EXPECT_EQ(test, 1, bed_runs(vcpu));
}

/* --- where one that is on again must not be run --- */

static void naming(struct hf_vcpu *vcpu)
{
	fake_vcpu(vcpu)->was_on = true;
	fake_vcpu(vcpu)->on = false;
	fake_switch_on(vcpu);
	hf_vcpu_request(vcpu, HF_REQ_ON);
}

/* It is on again before anybody noticed that it was off. */
static void vcpu_that_is_on_again_at_once_is_not_run_where_that_panics(struct kunit *test)
{
	struct hf_vm *vm;

	fake_be(FAKE_V2_14);
	vm = bed_vm(test, 2, 2);
	fake_step(&vm->vcpus[1], &(struct fake_step){
		.exit = { .func = HF_RUN_WAIT_FOR_INTERRUPT, .vm = 2, .vcpu = 1 },
		.inside = naming,
	});
	bed_start();
	KUNIT_ASSERT_TRUE_MSG(test, bed_eventually(bed_is_blocked(&vm->vcpus[1])),
			      "its thread does not sleep");
	KUNIT_EXPECT_EQ(test, 1, bed_runs(&vm->vcpus[1]));
	expect_not_to_run(test, &vm->vcpus[1]);
	hf_vcpu_request(&vm->vcpus[0], HF_REQ_WAKE);
	KUNIT_EXPECT_TRUE_MSG(test, bed_eventually(bed_runs(&vm->vcpus[0]) > 1),
			      "the VM goes on");
	KUNIT_EXPECT_FALSE(test, vm->dead);
}

static void vcpu_that_was_off_is_not_run_again_where_that_panics(struct kunit *test)
{
	struct hf_vm *vm;

	fake_be(FAKE_V2_14);
	vm = bed_vm(test, 2, 2);
	/* The second look at WFI tells that it was CPU_OFF. */
	fake_exit(&vm->vcpus[1], HF_RUN_WAIT_FOR_INTERRUPT, 0, 0);
	fake_exit(&vm->vcpus[1], FFA_ERROR, HF_FFA_INVALID_PARAMETERS, 0);
	bed_start();
	BED_EXPECT_BLOCKED(test, &vm->vcpus[1]);
	KUNIT_EXPECT_TRUE(test, vm->vcpus[1].off);
	BED_EXPECT_BLOCKED(test, &vm->vcpus[0]);
	name_vcpu(&vm->vcpus[0], FFA_INTERRUPT, 2, 1);
	KUNIT_EXPECT_TRUE(test, bed_eventually(READ_ONCE(vm->vcpus[1].wakes) == 1));
	BED_EXPECT_BLOCKED(test, &vm->vcpus[1]);
	KUNIT_EXPECT_EQ(test, 2, bed_runs(&vm->vcpus[1]));
	expect_not_to_run(test, &vm->vcpus[1]);
}

static void vcpu_that_is_switched_on_the_first_time_is_run_everywhere(struct kunit *test)
{
	struct hf_vm *vm;

	fake_be(FAKE_V2_14);
	vm = bed_vm_booted(test, 2, 2);
	bed_start();
	BED_EXPECT_BLOCKED(test, &vm->vcpus[0]);
	name_vcpu(&vm->vcpus[0], FFA_INTERRUPT, 2, 1);
	KUNIT_EXPECT_TRUE(test, bed_eventually(bed_runs(&vm->vcpus[1]) > 0));
}

/* Nobody will ever know whether it has read its message: so it has. */
static void reader_that_cannot_be_run_again_reads_no_more(struct kunit *test)
{
	struct hf_vm *vm;

	fake_be(FAKE_V2_14);
	vm = bed_vm(test, 2, 2);
	bed_exit_by_hand(&vm->vcpus[0], HF_EXIT_MSG_WAIT, 0, 0, 0);
	fake_exit(&vm->vcpus[1], FFA_MSG_WAIT, 0, 0);
	fake_step(&vm->vcpus[1], &(struct fake_step){
		.exit = { .func = HF_RUN_WAIT_FOR_INTERRUPT, .vm = 2, .vcpu = 1 },
		.inside = naming,
		.takes = true,
		.reads = true,
	});
	hf_vcpu_start(&vm->vcpus[1]);
	BED_EXPECT_BLOCKED(test, &vm->vcpus[1]);
	fake_vm(vm)->full = true;
	hf_mailbox_arrived(vm);
	hf_vcpu_request(&vm->vcpus[1], HF_REQ_MESSAGE);
	KUNIT_EXPECT_TRUE(test, bed_eventually(bed_runs(&vm->vcpus[1]) == 2));
	BED_EXPECT_BLOCKED(test, &vm->vcpus[1]);
	KUNIT_EXPECT_EQ(test, 0UL, READ_ONCE(*vm->readers));
}

/* --- vCPUs that nobody knew of --- */

static void expect_nr_vcpus(struct kunit *test, struct hf_vm *vm, int nr_vcpus)
{
	KUNIT_ASSERT_TRUE_MSG(test, bed_eventually(hf_vm_nr_vcpus(vm) == nr_vcpus),
			      "%d, expected %d", hf_vm_nr_vcpus(vm), nr_vcpus);
}

static void vcpu_that_nobody_knew_is_created_when_it_is_named(struct kunit *test)
{
	static const u32 funcs[] = { HF_RUN_WAKE_UP, FFA_INTERRUPT };
	struct hf_vm *vm = bed_vm(test, 2, 1);
	int i, index;

	bed_start();
	for (i = 0; i < ARRAY_SIZE(funcs); i++) {
		index = 3 + 4 * i;
		BED_EXPECT_BLOCKED(test, &vm->vcpus[0]);
		name_vcpu(&vm->vcpus[0], funcs[i], 2, index);
		expect_nr_vcpus(test, vm, index + 1);
		KUNIT_EXPECT_TRUE(test, bed_eventually(fake->vms[2].vcpus[index].runs == 1));
		BED_EXPECT_BLOCKED(test, &vm->vcpus[index]);
	}
	for (i = 1; i <= index; i++) {
		BED_EXPECT_BLOCKED(test, &vm->vcpus[i]);
		KUNIT_EXPECT_EQ_MSG(test, i == 3 || i == 7, bed_runs(&vm->vcpus[i]),
				    "vCPU %d", i);
	}
}

static void exit_of_another_vm_names_as_well(struct kunit *test)
{
	struct hf_vm *vm = bed_vm(test, 2, 1);
	struct hf_vcpu *other = bed_vcpu(test, 3);

	bed_start();
	BED_EXPECT_BLOCKED(test, other);
	name_vcpu(other, FFA_INTERRUPT, 2, 1);
	KUNIT_EXPECT_TRUE(test, bed_eventually(hf_vm_nr_vcpus(vm) == 2 &&
					       bed_runs(&vm->vcpus[1]) == 1));
}

static void there_is_an_end_to_what_is_created(struct kunit *test)
{
	struct hf_vm *vm = bed_vm(test, 2, 1);
	struct hf_vcpu *vcpu = &vm->vcpus[0];

	bed_start();
	BED_EXPECT_BLOCKED(test, vcpu);
	name_vcpu(vcpu, FFA_INTERRUPT, 2, HF_VCPUS_NAMED_MAX);
	KUNIT_EXPECT_TRUE(test, bed_eventually(bed_runs(vcpu) == 3));
	name_vcpu(vcpu, FFA_INTERRUPT, 2, U16_MAX);
	KUNIT_EXPECT_TRUE(test, bed_eventually(bed_runs(vcpu) == 5));
	flush_delayed_work(&vm->create_work);
	expect_nr_vcpus(test, vm, 1);
	name_vcpu(vcpu, FFA_INTERRUPT, 2, HF_VCPUS_NAMED_MAX - 1);
	expect_nr_vcpus(test, vm, HF_VCPUS_NAMED_MAX);
	KUNIT_EXPECT_TRUE(test, bed_eventually(bed_runs(&vm->vcpus[HF_VCPUS_NAMED_MAX - 1]) == 1));
}

/* All but the first serve messages. */
static void serve_late(struct hf_vcpu *vcpu, struct fake_step *step)
{
	step->takes = true;
	step->exit.func = vcpu->index ? FFA_MSG_WAIT : HF_RUN_WAIT_FOR_INTERRUPT;
}

static void vcpu_that_was_created_late_gets_messages(struct kunit *test)
{
	struct hf_vm *vm = bed_vm(test, 2, 1);

	fake_vm(vm)->guest = serve_late;
	bed_start();
	BED_EXPECT_BLOCKED(test, &vm->vcpus[0]);
	name_vcpu(&vm->vcpus[0], HF_RUN_WAKE_UP, 2, 2);
	KUNIT_ASSERT_TRUE(test, bed_eventually(hf_vm_nr_vcpus(vm) == 3 && bed_waits(vm, 2)));
	BED_EXPECT_BLOCKED(test, &vm->vcpus[2]);
	fake_vm(vm)->full = true;
	hf_mailbox_arrived(vm);
	KUNIT_EXPECT_TRUE(test, bed_eventually(READ_ONCE(fake_vm(vm)->taken) == 1));
	BED_EXPECT_BLOCKED(test, &vm->vcpus[2]);
	KUNIT_EXPECT_EQ(test, 2, bed_runs(&vm->vcpus[2]));
}

static void thread_that_cannot_be_created_is_tried_again(struct kunit *test)
{
	struct hf_vm *vm = bed_vm(test, 2, 1);
	int i;

	bed_start();
	BED_EXPECT_BLOCKED(test, &vm->vcpus[0]);
	/* Two are needed. The first one fails twice, then the second. */
	fake->no_threads = 2;
	name_vcpu(&vm->vcpus[0], FFA_INTERRUPT, 2, 2);
	for (i = 1; i >= 0; i--) {
		KUNIT_EXPECT_TRUE(test, bed_eventually(READ_ONCE(fake->no_threads) == i));
		flush_delayed_work(&vm->create_work);
		if (i)
			KUNIT_EXPECT_EQ(test, 1, (int)hf_vm_nr_vcpus(vm));
	}
	expect_nr_vcpus(test, vm, 3);
	KUNIT_EXPECT_TRUE(test, bed_eventually(bed_runs(&vm->vcpus[2]) == 1));
	KUNIT_EXPECT_EQ(test, 0, bed_runs(&vm->vcpus[1]));
}

static void vcpu_before_the_one_that_cannot_be_created_is_started(struct kunit *test)
{
	struct hf_vm *vm = bed_vm(test, 2, 1);

	bed_start();
	BED_EXPECT_BLOCKED(test, &vm->vcpus[0]);
	fake->no_threads = 1;
	name_vcpu(&vm->vcpus[0], FFA_INTERRUPT, 2, 1);
	KUNIT_EXPECT_TRUE(test, bed_eventually(!READ_ONCE(fake->no_threads)));
	BED_EXPECT_BLOCKED(test, &vm->vcpus[0]);
	/* At the next try there is memory for one of two. */
	fake->no_threads_after = 1;
	fake->no_threads = 1;
	name_vcpu(&vm->vcpus[0], FFA_INTERRUPT, 2, 2);
	KUNIT_EXPECT_TRUE(test, bed_eventually(bed_runs(&vm->vcpus[0]) == 5));
	flush_delayed_work(&vm->create_work);
	KUNIT_EXPECT_TRUE(test, bed_eventually(fake->vms[2].vcpus[1].runs == 1));
	flush_delayed_work(&vm->create_work);
	expect_nr_vcpus(test, vm, 3);
	KUNIT_EXPECT_TRUE(test, bed_eventually(fake->vms[2].vcpus[2].runs == 1));
}

static void vm_without_threads_for_its_vcpus_is_not_created(struct kunit *test)
{
	int i;

	for (i = 0; i < 3; i++) {
		fake->no_threads_after = i;
		fake->no_threads = 1;
		KUNIT_EXPECT_EQ(test, -ENOMEM, hf_vm_create(2, 3));
		KUNIT_EXPECT_NULL(test, hf_vm_find(2));
		KUNIT_EXPECT_EQ(test, 0, fake->no_threads);
	}
	KUNIT_EXPECT_EQ(test, 0, hf_vm_create(2, 3));
	fake->no_threads = 1;
	KUNIT_EXPECT_EQ(test, -ENOMEM, hf_vm_add_vcpus(hf_vm_find(2), 4, true));
	KUNIT_EXPECT_EQ(test, 3, (int)hf_vm_find(2)->nr_vcpus);
}

/* --- while the module ends --- */

/* The first names one after the other, for ever; the others sleep. */
static void name_all(struct hf_vcpu *vcpu, struct fake_step *step)
{
	int *stage = &fake_vcpu(vcpu)->stage;

	step->exit.func = HF_RUN_WAIT_FOR_INTERRUPT;
	if (vcpu->index)
		return;
	*stage = (*stage + 1) % HF_VCPUS_NAMED_MAX;
	step->exit = (struct hf_ffa_exit){
		.func = FFA_INTERRUPT, .vm = vcpu->vm->id, .vcpu = *stage,
	};
}

static void end_of_the_module_is_the_end_of_naming(struct kunit *test)
{
	int counts[] = { 1, 2, HF_VCPUS_NAMED_MAX / 2 }, i, j, runs;
	struct hf_vm *vm;

	for (i = 0; i < ARRAY_SIZE(counts); i++) {
		vm = bed_vm(test, 2, 1);
		fake_vm(vm)->guest = name_all;
		bed_start();
		KUNIT_EXPECT_TRUE(test, bed_eventually(hf_vm_nr_vcpus(vm) >= counts[i]));
		hf_vm_stop_all();
		KUNIT_EXPECT_FALSE(test, delayed_work_pending(&vm->create_work));
		for (j = 0; j < vm->nr_vcpus; j++)
			KUNIT_EXPECT_TRUE(test, vm->vcpus[j].stopped);
		/* Whatever still comes. */
		runs = fake_count(FAKE_RUN);
		hf_vm_create_vcpu(vm, HF_VCPUS_NAMED_MAX - 1);
		KUNIT_EXPECT_FALSE(test, delayed_work_pending(&vm->create_work));
		KUNIT_EXPECT_EQ(test, runs, fake_count(FAKE_RUN));
		hf_mailbox_purge_all();
		hf_vm_destroy_all();
		fake_forget(2);
	}
}

/* Less than what real-time threads may have of a second. */
#define HOG_MS	900
#define HOGS		5

/* A work item of the CPU on which it was asked for would wait for us. */
/* Created while this thread does not let go of its CPU. */
static bool is_created_beside_us(struct hf_vm *vm, u16 index)
{
	u64 end = ktime_get_mono_fast_ns() + HOG_MS * NSEC_PER_MSEC;
	bool created;

	sched_set_fifo(current);
	fake_vm(vm)->vcpus[index].on = true;
	hf_vm_create_vcpu(vm, index);
	do {
		cpu_relax();
		created = hf_vm_nr_vcpus(vm) > index;
	} while (!created && ktime_get_mono_fast_ns() < end);
	sched_set_normal(current, 0);
	return created;
}

static void vcpu_is_created_although_a_real_time_thread_has_the_cpu(struct kunit *test)
{
	struct hf_vm *vm = bed_vm(test, 2, 1);
	bool created = false;
	u16 i;

	if (num_online_cpus() < 2)
		kunit_skip(test, "needs 2 CPUs");
	bed_start();
	BED_EXPECT_BLOCKED(test, &vm->vcpus[0]);
	KUNIT_ASSERT_EQ(test, 0, set_cpus_allowed_ptr(current, cpumask_of(1)));
	/* A busy host may keep the other CPU from running all that time, but not each time. */
	for (i = 1; i <= HOGS && !created; i++) {
		created = is_created_beside_us(vm, i);
		KUNIT_ASSERT_TRUE(test, bed_eventually(hf_vm_nr_vcpus(vm) > i));
	}
	KUNIT_EXPECT_TRUE(test, created);
}

static void end_of_the_module_does_not_wait_for_memory(struct kunit *test)
{
	struct hf_vm *vm = bed_vm(test, 2, 1);

	fake->no_threads = INT_MAX;
	bed_start();
	BED_EXPECT_BLOCKED(test, &vm->vcpus[0]);
	name_vcpu(&vm->vcpus[0], FFA_INTERRUPT, 2, 1);
	KUNIT_EXPECT_TRUE(test, bed_eventually(READ_ONCE(fake->no_threads) < INT_MAX));
	hf_vm_stop_all();
	KUNIT_EXPECT_FALSE(test, delayed_work_pending(&vm->create_work));
	KUNIT_EXPECT_EQ(test, 1, (int)vm->nr_vcpus);
}

static struct kunit_case named_cases[] = {
	KUNIT_CASE(vcpu_that_was_never_named_is_never_run),
	KUNIT_CASE(message_runs_no_vcpu_that_was_never_named),
	KUNIT_CASE(death_runs_no_vcpu_that_was_never_named),
	KUNIT_CASE(vcpu_that_an_exit_names_is_run),
	KUNIT_CASE(vcpu_that_was_switched_off_is_run_when_it_is_named_again),
	KUNIT_CASE(restarted_vcpu_that_seems_to_wait_gets_no_message),
	KUNIT_CASE(vm_that_does_not_exist_is_tried_once),
	KUNIT_CASE(vcpu_that_is_on_again_at_once_is_not_run_where_that_panics),
	KUNIT_CASE(vcpu_that_was_off_is_not_run_again_where_that_panics),
	KUNIT_CASE(vcpu_that_is_switched_on_the_first_time_is_run_everywhere),
	KUNIT_CASE(reader_that_cannot_be_run_again_reads_no_more),
	KUNIT_CASE(vcpu_that_nobody_knew_is_created_when_it_is_named),
	KUNIT_CASE(exit_of_another_vm_names_as_well),
	KUNIT_CASE(there_is_an_end_to_what_is_created),
	KUNIT_CASE(vcpu_that_was_created_late_gets_messages),
	KUNIT_CASE(thread_that_cannot_be_created_is_tried_again),
	KUNIT_CASE(vcpu_before_the_one_that_cannot_be_created_is_started),
	KUNIT_CASE(vm_without_threads_for_its_vcpus_is_not_created),
	KUNIT_CASE(end_of_the_module_is_the_end_of_naming),
	KUNIT_CASE(end_of_the_module_does_not_wait_for_memory),
	KUNIT_CASE(vcpu_is_created_although_a_real_time_thread_has_the_cpu),
	{}
};

static struct kunit_suite named = {
	.name = "hafnium_named",
	.init = bed_init,
	.exit = bed_exit,
	.test_cases = named_cases,
};

kunit_test_suite(named);
