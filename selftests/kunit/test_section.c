// SPDX-License-Identifier: GPL-2.0-only
/*
 * Suite: what an exit asks for is done before anything can come between.
 *
 * An interrupt is made pending while the guest runs. It is taken where the driver
 * first allows that after FFA_RUN, and looks at what has been done by then: a tick
 * there can take the thread's CPU away for long. A kernel whose interrupts come late
 * makes a test pass, never fail.
 */
#include <linux/irq_work.h>
#include <linux/rcupdate.h>
#include <linux/sched.h>
#include <net/sock.h>

#include "bed.h"

#define PEER	10
#define PORT	5000

/* Far more than anything takes on a busy machine, and no soft lockup yet. */
#define LONG	(5 * HZ)

/* What the first interrupt after a run found. */
static struct first_interrupt {
	struct irq_work work;
	unsigned int delay_ms;
	int taken;
	bool rx_full, waits;
	bool asked, told;		/* the vCPU in other */
	struct hf_vcpu *other;
	int other_runs;
} first;

static void first_interrupt(struct irq_work *work)
{
	mdelay(first.delay_ms);
	first.rx_full = fake->rx_full;
	first.waits = bed_waits(hf_vm_find(2), 0);
	if (first.other) {
		first.asked = READ_ONCE(first.other->requests) ||
			      bed_runs(first.other) > first.other_runs;
		first.told = fake_vcpu(first.other)->injected[HF_MAILBOX_WRITABLE_INTID];
	}
	WRITE_ONCE(first.taken, first.taken + 1);
}

static void make_pending(struct hf_vcpu *vcpu)
{
	irq_work_queue(&first.work);
}

/* From here on, what becomes of @other is watched, too. */
static void watch(struct hf_vcpu *other)
{
	first = (struct first_interrupt){
		.work = IRQ_WORK_INIT_HARD(first_interrupt),
		.other = other,
		.other_runs = other ? bed_runs(other) : 0,
	};
}

/* Run @vcpu once, with that exit, and wait until the interrupt has been taken. */
static void run_once(struct kunit *test, struct hf_vcpu *vcpu, struct fake_step step)
{
	int taken = first.taken;

	step.inside = make_pending;
	fake_step(vcpu, &step);
	hf_vcpu_request(vcpu, HF_REQ_WAKE);
	/* What it found is ours to read once it is over. */
	KUNIT_EXPECT_TRUE(test, bed_eventually(READ_ONCE(first.taken) == taken + 1));
	irq_work_sync(&first.work);
}

static struct fake_step sends(struct kunit *test, u64 port, char c)
{
	return (struct fake_step){
		.exit = { .func = FFA_MSG_SEND, .vm = 2, .vcpu = HF_PRIMARY_VM_ID,
			  .len = sizeof(struct hf_msg_hdr) + 1 },
		.sends = bed_message(test, PEER, port, &c, 1),
		.len = sizeof(struct hf_msg_hdr) + 1,
	};
}

static void page_is_released_before_an_interrupt(struct kunit *test)
{
	struct hf_vcpu *vcpu = bed_vcpu(test, 2);

	bed_start();
	BED_EXPECT_BLOCKED(test, vcpu);
	watch(NULL);
	run_once(test, vcpu, sends(test, PORT, 'x'));
	KUNIT_EXPECT_FALSE(test, first.rx_full);
	KUNIT_EXPECT_TRUE(test, bed_eventually(atomic_long_read(&vcpu->vm->received) == 1));
}

static void page_with_a_message_that_is_dropped_is_released_before_an_interrupt(struct kunit *test)
{
	struct hf_vcpu *vcpu = bed_vcpu(test, 2);
	struct fake_step step = sends(test, PORT, 'x');

	bed_start();
	BED_EXPECT_BLOCKED(test, vcpu);
	watch(NULL);
	step.exit.len = U32_MAX;
	run_once(test, vcpu, step);
	KUNIT_EXPECT_FALSE(test, first.rx_full);
}

static void unseen_message_is_released_before_an_interrupt(struct kunit *test)
{
	struct hf_vcpu *vcpu = bed_vcpu(test, 2);
	struct hf_msg2_hdr *page = kunit_kzalloc(test, sizeof(*page) + 64, GFP_KERNEL);

	fake_be(FAKE_V2_8);
	page->sender = cpu_to_le16(2);
	page->receiver = cpu_to_le16(HF_PRIMARY_VM_ID);
	page->offset = cpu_to_le32(sizeof(*page));
	page->size = cpu_to_le32(sizeof(struct hf_msg_hdr) + 1);
	bed_start();
	BED_EXPECT_BLOCKED(test, vcpu);
	watch(NULL);
	run_once(test, vcpu, (struct fake_step){
		.exit = { .func = FFA_YIELD, .vm = 2 },
		.sends = page, .len = sizeof(*page) + 64, .unseen = true,
	});
	KUNIT_EXPECT_FALSE(test, first.rx_full);
}

static void receiver_of_another_vm_is_asked_before_an_interrupt(struct kunit *test)
{
	struct hf_vcpu *vcpu = bed_vcpu(test, 2), *other = bed_vcpu(test, 3);

	fake_exit(other, FFA_MSG_WAIT, 0, 0);
	bed_start();
	BED_EXPECT_BLOCKED(test, vcpu);
	BED_EXPECT_BLOCKED(test, other);
	watch(other);
	run_once(test, vcpu, (struct fake_step){
		.exit = { .func = FFA_MSG_SEND, .vm = 2, .vcpu = 3, .len = 16 },
	});
	KUNIT_EXPECT_TRUE(test, first.asked);
}

static void vcpu_that_an_exit_names_is_asked_before_an_interrupt(struct kunit *test)
{
	struct hf_vm *vm = bed_vm(test, 2, 2);

	bed_start();
	BED_EXPECT_BLOCKED(test, &vm->vcpus[0]);
	BED_EXPECT_BLOCKED(test, &vm->vcpus[1]);
	watch(&vm->vcpus[1]);
	run_once(test, &vm->vcpus[0], (struct fake_step){
		.exit = { .func = HF_RUN_WAKE_UP, .vm = 2, .vcpu = 1 },
	});
	KUNIT_EXPECT_TRUE(test, first.asked);
}

static void waiter_for_our_page_is_told_before_an_interrupt(struct kunit *test)
{
	struct hf_vcpu *vcpu = bed_vcpu(test, 2), *other = bed_vcpu(test, 3);

	bed_start();
	BED_EXPECT_BLOCKED(test, vcpu);
	BED_EXPECT_BLOCKED(test, other);
	fake->vms[HF_PRIMARY_VM_ID].waiters[0] = 3;
	fake->errors[FAKE_RX_RELEASE] = 1;
	watch(other);
	run_once(test, vcpu, sends(test, PORT, 'x'));
	KUNIT_EXPECT_TRUE(test, first.told);
}

static void waiter_for_a_vm_is_told_before_an_interrupt(struct kunit *test)
{
	struct hf_vcpu *vcpu = bed_vcpu(test, 2), *other = bed_vcpu(test, 3);

	bed_start();
	BED_EXPECT_BLOCKED(test, vcpu);
	BED_EXPECT_BLOCKED(test, other);
	fake_vm(vcpu->vm)->waiters[0] = 3;
	watch(other);
	run_once(test, vcpu, (struct fake_step){ .exit = { .func = FFA_RX_RELEASE, .vm = 2 } });
	KUNIT_EXPECT_TRUE(test, first.told);
}

static void vcpu_that_waits_says_so_before_an_interrupt(struct kunit *test)
{
	enum fake_release releases[] = { FAKE_V2_4, FAKE_V2_9, FAKE_V2_12 };
	int i;

	for (i = 0; i < ARRAY_SIZE(releases); i++) {
		struct hf_vcpu *vcpu = i ? &hf_vm_find(2)->vcpus[0] : bed_vcpu(test, 2);

		fake_be(releases[i]);
		if (!i)
			bed_start();
		BED_EXPECT_BLOCKED(test, vcpu);
		watch(NULL);
		if (i)
			fake_vm(vcpu->vm)->full = true;
		hf_mailbox_arrived(vcpu->vm);
		run_once(test, vcpu, (struct fake_step){
			.exit = { .func = FFA_MSG_WAIT, .vm = 2 }, .takes = true,
		});
		KUNIT_EXPECT_TRUE_MSG(test, first.waits, "release %d", i);
	}
}

/* The interrupt takes as long as the guest wants to sleep. */
static void timeout_of_a_guest_counts_from_the_exit(struct kunit *test)
{
	struct hf_vcpu *vcpu = bed_vcpu(test, 2);
	s64 late_ns = S64_MAX, ns;
	int i;

	bed_start();
	/* A host that stops us after the exit says nothing: the best of some. */
	for (i = 0; i < 5; i++) {
		BED_EXPECT_BLOCKED(test, vcpu);
		watch(NULL);
		first.delay_ms = 50;
		run_once(test, vcpu, (struct fake_step){
			.exit = { .func = FFA_MSG_WAIT, .vm = 2,
				  .timeout_ns = 2000 * NSEC_PER_MSEC },
		});
		BED_EXPECT_BLOCKED(test, vcpu);
		ns = vcpu->deadline - fake_vcpu(vcpu)->ended_ns - 2000 * NSEC_PER_MSEC;
		late_ns = min(late_ns, ns);
	}
	KUNIT_EXPECT_LE(test, 0LL, late_ns);
	KUNIT_EXPECT_GT(test, 50LL * NSEC_PER_MSEC, late_ns);
}

/* Whoever delivers may have to wait; the page need not. */
static void page_is_released_while_a_delivery_waits(struct kunit *test)
{
	struct hf_vm *vm = bed_vm(test, 2, 2);
	struct socket *sock = bed_socket(test);
	int cpu = raw_smp_processor_id(), i;
	unsigned long end;
	struct fake_step step;
	char got;

	if (num_online_cpus() < 4)
		kunit_skip(test, "needs 4 CPUs");
	KUNIT_ASSERT_EQ(test, 0, bed_bind(sock, HF_VM_ID_ANY, PORT));
	bed_start();
	KUNIT_ASSERT_EQ(test, 0, set_cpus_allowed_ptr(current, cpumask_of(cpu)));
	for (i = 0; i < 2; i++) {
		BED_EXPECT_BLOCKED(test, &vm->vcpus[i]);
		KUNIT_ASSERT_EQ(test, 0, set_cpus_allowed_ptr(vm->vcpus[i].task,
							      cpumask_of((cpu + 1 + i) % 4)));
		step = sends(test, PORT, 'a' + i);
		fake_step(&vm->vcpus[i], &step);
	}
	spin_lock(&vm->rx_lock);
	for (i = 0; i < 2; i++) {
		hf_vcpu_request(&vm->vcpus[i], HF_REQ_WAKE);
		end = jiffies + LONG;
		while (fake_count(FAKE_RX_RELEASE) < i + 1 && time_before(jiffies, end))
			cpu_relax();
	}
	i = fake_count(FAKE_RX_RELEASE);
	spin_unlock(&vm->rx_lock);
	KUNIT_EXPECT_EQ(test, 2, i);
	/* In the order in which they left the page. */
	for (i = 0; i < 2; i++) {
		KUNIT_EXPECT_EQ(test, 1, bed_recv(sock, &got, 1, 0, NULL));
		KUNIT_EXPECT_EQ(test, 'a' + i, got);
	}
	set_cpus_allowed_ptr(current, cpu_possible_mask);
}

static void compute(struct hf_vcpu *vcpu, struct fake_step *step)
{
	udelay(9);
	step->exit = (struct hf_ffa_exit){ .func = FFA_INTERRUPT, .vm = 2 };
}

static struct rcu_head passed;
static bool all_passed;

static void tasks_have_passed(struct rcu_head *head)
{
	WRITE_ONCE(all_passed, true);
}

/* As an ftrace instance has to that goes away. The limit is what the guest computes. */
static void thread_whose_guest_computes_passes_rcu_tasks(struct kunit *test)
{
	struct hf_vcpu *vcpu = bed_vcpu(test, 2);
	u64 begin;

	fake_vm(vcpu->vm)->guest = compute;
	bed_start();
	KUNIT_EXPECT_TRUE(test, bed_eventually(bed_runs(vcpu) > 10));
	begin = READ_ONCE(vcpu->task->se.sum_exec_runtime);
	all_passed = false;
	call_rcu_tasks(&passed, tasks_have_passed);
	while (!READ_ONCE(all_passed) &&
	       READ_ONCE(vcpu->task->se.sum_exec_runtime) - begin < 5 * NSEC_PER_SEC)
		usleep_range(1000, 2000);
	KUNIT_EXPECT_TRUE(test, READ_ONCE(all_passed));
	hf_vcpu_stop(vcpu);
	rcu_barrier_tasks();
}

static struct kunit_case section_cases[] = {
	KUNIT_CASE(page_is_released_before_an_interrupt),
	KUNIT_CASE(page_with_a_message_that_is_dropped_is_released_before_an_interrupt),
	KUNIT_CASE(unseen_message_is_released_before_an_interrupt),
	KUNIT_CASE(receiver_of_another_vm_is_asked_before_an_interrupt),
	KUNIT_CASE(vcpu_that_an_exit_names_is_asked_before_an_interrupt),
	KUNIT_CASE(waiter_for_our_page_is_told_before_an_interrupt),
	KUNIT_CASE(waiter_for_a_vm_is_told_before_an_interrupt),
	KUNIT_CASE(vcpu_that_waits_says_so_before_an_interrupt),
	KUNIT_CASE(timeout_of_a_guest_counts_from_the_exit),
	KUNIT_CASE(page_is_released_while_a_delivery_waits),
	KUNIT_CASE(thread_whose_guest_computes_passes_rcu_tasks),
	{}
};

static struct kunit_suite section = {
	.name = "hafnium_section",
	.init = bed_init,
	.exit = bed_exit,
	.test_cases = section_cases,
};

kunit_test_suite(section);
