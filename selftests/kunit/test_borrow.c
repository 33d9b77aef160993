// SPDX-License-Identifier: GPL-2.0-only
/*
 * Suite: a sender that runs the vCPU in its thread's place, and gives it back.
 *
 * The fake notes who is inside; what happens "meanwhile" does so in there.
 */
#include <linux/cpumask.h>
#include <linux/delay.h>
#include <linux/kthread.h>
#include <linux/sched.h>
#include <linux/workqueue.h>

#include "../mutants/hf_mutant.h"
#include "bed.h"

#define PORT	10
#define KICKS	8

/* Who was in the guest, in this order, since the vCPU waits. */
static struct task_struct *inside[16];
static int stays;

static void note(struct hf_vcpu *vcpu)
{
	if (stays < ARRAY_SIZE(inside))
		inside[stays] = current;
	WRITE_ONCE(stays, stays + 1);
}

static void note_and_request(struct hf_vcpu *vcpu)
{
	note(vcpu);
	hf_vcpu_request(vcpu, HF_REQ_INTERRUPT);
}

static void stay(struct hf_vcpu *vcpu, u32 func, u64 timeout_ns)
{
	fake_step(vcpu, &(struct fake_step){
		.exit = { .func = func, .timeout_ns = timeout_ns, .vm = 2 },
		.inside = note,
		.takes = true,
	});
}

/* A connected socket, and the vCPU that waits for its message until @timeout_ns. */
static struct socket *waiting_vcpu(struct kunit *test, struct hf_vcpu **vcpu, u64 timeout_ns)
{
	struct socket *sock;

	/* A sender gives way to whoever wants its CPU: nobody may. */
	sched_set_fifo(current);
	stays = 0;
	*vcpu = bed_vcpu(test, 2);
	fake_exit(*vcpu, FFA_MSG_WAIT, 0, timeout_ns);
	bed_start();
	BED_EXPECT_BLOCKED(test, *vcpu);
	sock = bed_socket(test);
	KUNIT_ASSERT_EQ(test, 0, bed_connect(sock, 2, PORT));
	return sock;
}

static void expect_inside(struct kunit *test, struct hf_vcpu *vcpu, int mine, int threads)
{
	int i;

	KUNIT_EXPECT_TRUE(test, bed_eventually(READ_ONCE(stays) >= mine + threads));
	BED_EXPECT_BLOCKED(test, vcpu);
	KUNIT_ASSERT_EQ(test, mine + threads, stays);
	for (i = 0; i < stays; i++)
		KUNIT_EXPECT_PTR_EQ_MSG(test, i < mine ? current : vcpu->task, inside[i],
					"stay %d", i);
}

static void sender_runs_the_vcpu_whose_thread_sleeps(struct kunit *test)
{
	struct hf_vcpu *vcpu;
	struct socket *sock = waiting_vcpu(test, &vcpu, 0);

	stay(vcpu, FFA_MSG_WAIT, 0);
	stay(vcpu, FFA_MSG_WAIT, 0);
	KUNIT_EXPECT_EQ(test, 1, bed_send(sock, "x", 1, 0));
	KUNIT_EXPECT_EQ(test, 1, bed_send(sock, "x", 1, 0));
	expect_inside(test, vcpu, 2, 0);
	KUNIT_EXPECT_EQ(test, 0ULL, vcpu->wakes);
	KUNIT_EXPECT_EQ(test, 0UL, fake_vcpu(vcpu)->requests);
}

static void sender_that_may_not_wait_wakes_the_thread(struct kunit *test)
{
	struct hf_vcpu *vcpu;
	struct socket *sock = waiting_vcpu(test, &vcpu, 0);

	stay(vcpu, FFA_MSG_WAIT, 0);
	KUNIT_EXPECT_EQ(test, 1, bed_send(sock, "x", 1, MSG_DONTWAIT));
	expect_inside(test, vcpu, 0, 1);
}

static void need_two_cpus(struct kunit *test, int *first, int *second)
{
	*first = cpumask_first(cpu_online_mask);
	*second = cpumask_next(*first, cpu_online_mask);
	if (*second >= nr_cpu_ids)
		kunit_skip(test, "needs 2 CPUs");
}

/* Who chooses the CPUs of the thread chooses those of the vCPU. */
static void sender_on_a_cpu_that_is_not_the_threads_wakes_it(struct kunit *test)
{
	struct hf_vcpu *vcpu;
	struct socket *sock;
	int first, second;

	need_two_cpus(test, &first, &second);
	sock = waiting_vcpu(test, &vcpu, 0);
	KUNIT_ASSERT_EQ(test, 0, set_cpus_allowed_ptr(vcpu->task, cpumask_of(second)));
	KUNIT_ASSERT_EQ(test, 0, set_cpus_allowed_ptr(current, cpumask_of(first)));
	stay(vcpu, FFA_MSG_WAIT, 0);
	KUNIT_EXPECT_EQ(test, 1, bed_send(sock, "x", 1, 0));
	expect_inside(test, vcpu, 0, 1);

	KUNIT_ASSERT_EQ(test, 0, set_cpus_allowed_ptr(current, cpumask_of(second)));
	stay(vcpu, FFA_MSG_WAIT, 0);
	stays = 0;
	KUNIT_EXPECT_EQ(test, 1, bed_send(sock, "x", 1, 0));
	expect_inside(test, vcpu, 1, 0);
}

static void expect_to_go_on_in_its_thread(struct kunit *test, u32 after)
{
	struct hf_vcpu *vcpu;
	struct socket *sock = waiting_vcpu(test, &vcpu, 0);

	stay(vcpu, after, 0);
	stay(vcpu, FFA_MSG_WAIT, 0);
	KUNIT_EXPECT_EQ(test, 1, bed_send(sock, "x", 1, 0));
	expect_inside(test, vcpu, 1, 1);
}

static void guest_that_is_interrupted_goes_on_in_its_thread(struct kunit *test)
{
	expect_to_go_on_in_its_thread(test, FFA_INTERRUPT);
}

static void guest_that_yields_goes_on_in_its_thread(struct kunit *test)
{
	expect_to_go_on_in_its_thread(test, FFA_YIELD);
}

/* A guest that exits for ever does not keep the sender. */
static void sender_takes_care_of_four_exits(struct kunit *test)
{
	struct hf_vcpu *vcpu;
	struct socket *sock = waiting_vcpu(test, &vcpu, 0);
	int i;

	for (i = 0; i < 7; i++)
		stay(vcpu, FFA_RX_RELEASE, 0);
	KUNIT_EXPECT_EQ(test, 1, bed_send(sock, "x", 1, 0));
	expect_inside(test, vcpu, 4, 3);
}

static void request_while_the_sender_is_inside_is_not_lost(struct kunit *test)
{
	static const u32 waits[] = { FFA_MSG_WAIT, HF_RUN_WAIT_FOR_INTERRUPT };
	struct hf_vcpu *vcpu;
	struct socket *sock = waiting_vcpu(test, &vcpu, 0);
	int i;

	for (i = 0; i < ARRAY_SIZE(waits); i++) {
		stays = 0;
		fake_step(vcpu, &(struct fake_step){
			.exit = { .func = waits[i], .vm = 2 },
			.inside = note_and_request,
			.takes = true,
		});
		stay(vcpu, FFA_MSG_WAIT, 0);
		KUNIT_EXPECT_EQ(test, 1, bed_send(sock, "x", 1, 0));
		expect_inside(test, vcpu, 2, 0);
	}
}

/* Somebody on another CPU. */
static struct {
	struct work_struct work;
	struct hf_vcpu *vcpu;
	int cpu;
	bool done;
	int interrupted;
	struct task_struct *urgent;
} kicker;

static void kick_from_elsewhere(struct work_struct *work)
{
	hf_vcpu_request(kicker.vcpu, HF_REQ_WAKE);
	WRITE_ONCE(kicker.done, true);
}

static void wait_for_kick(struct hf_vcpu *vcpu)
{
	int tries = 1000000;

	WRITE_ONCE(kicker.done, false);
	queue_work_on(kicker.cpu, system_highpri_wq, &kicker.work);
	while (!READ_ONCE(kicker.done) && --tries)
		udelay(1);
	/* The IPI may take a moment. */
	for (tries = 100; !fake_interrupted() && tries; tries--)
		udelay(1);
	kicker.interrupted += fake_interrupted();
	note(vcpu);
}

static void request_while_the_sender_is_inside_ends_its_run(struct kunit *test)
{
	struct socket *sock;
	int first, i;

	need_two_cpus(test, &first, &kicker.cpu);
	sock = waiting_vcpu(test, &kicker.vcpu, 0);
	KUNIT_ASSERT_EQ(test, 0, set_cpus_allowed_ptr(current, cpumask_of(first)));
	INIT_WORK(&kicker.work, kick_from_elsewhere);
	kicker.interrupted = 0;
	for (i = 0; i < KICKS; i++) {
		stays = 0;
		fake_step(kicker.vcpu, &(struct fake_step){
			.exit = { .func = FFA_INTERRUPT, .vm = 2 },
			.inside = wait_for_kick,
			.takes = true,
		});
		stay(kicker.vcpu, FFA_MSG_WAIT, 0);
		KUNIT_EXPECT_EQ(test, 1, bed_send(sock, "x", 1, 0));
		expect_inside(test, kicker.vcpu, 1, 1);
	}
	flush_work(&kicker.work);
	KUNIT_EXPECT_EQ(test, KICKS, kicker.interrupted);
}

static int urgent_thread(void *data)
{
	for (;;) {
		set_current_state(TASK_IDLE);
		if (kthread_should_stop())
			break;
		schedule();
	}
	__set_current_state(TASK_RUNNING);
	return 0;
}

/* The sender is held before its last look, when this thread wants its CPU. */
static void want_the_cpu(struct work_struct *work)
{
	if (bed_eventually(READ_ONCE(hf_window_now)))
		wake_up_process(kicker.urgent);
	msleep(20);
	WRITE_ONCE(hf_window, HF_WINDOW_NONE);
}

static void sender_whose_cpu_is_wanted_leaves_the_vcpu_to_its_thread(struct kunit *test)
{
	struct hf_vcpu *vcpu;
	struct socket *sock;
	int first, second;

	need_two_cpus(test, &first, &second);
	sock = waiting_vcpu(test, &vcpu, 0);
	sched_set_fifo_low(current);
	KUNIT_ASSERT_EQ(test, 0, set_cpus_allowed_ptr(current, cpumask_of(first)));
	kicker.urgent = kthread_create(urgent_thread, NULL, "urgent");
	KUNIT_ASSERT_FALSE(test, IS_ERR(kicker.urgent));
	kthread_bind(kicker.urgent, first);
	sched_set_fifo(kicker.urgent);
	INIT_WORK(&kicker.work, want_the_cpu);
	stay(vcpu, FFA_MSG_WAIT, 0);
	hf_window_vm = 2;
	WRITE_ONCE(hf_window, HF_WINDOW_BEFORE_LAST_LOOK);
	queue_work_on(second, system_highpri_wq, &kicker.work);
	KUNIT_EXPECT_EQ(test, 1, bed_send(sock, "x", 1, 0));
	flush_work(&kicker.work);
	kthread_stop(kicker.urgent);
	expect_inside(test, vcpu, 0, 1);
}

static void timeout_of_a_guest_that_a_sender_ran_wakes_the_thread(struct kunit *test)
{
	struct hf_vcpu *vcpu;
	struct socket *sock = waiting_vcpu(test, &vcpu, 0);

	stay(vcpu, FFA_MSG_WAIT, 20 * NSEC_PER_MSEC);
	stay(vcpu, FFA_MSG_WAIT, 0);
	KUNIT_EXPECT_EQ(test, 1, bed_send(sock, "x", 1, 0));
	KUNIT_EXPECT_TRUE(test, hrtimer_active(&vcpu->timer));
	expect_inside(test, vcpu, 1, 1);
	KUNIT_EXPECT_GE(test, fake_vcpu(vcpu)->pause_ns, 20ULL * NSEC_PER_MSEC);
}

static void sender_cancels_the_timeout(struct kunit *test)
{
	struct hf_vcpu *vcpu;
	struct socket *sock = waiting_vcpu(test, &vcpu, 3600ULL * NSEC_PER_SEC);

	KUNIT_EXPECT_TRUE(test, hrtimer_active(&vcpu->timer));
	stay(vcpu, FFA_MSG_WAIT, 0);
	KUNIT_EXPECT_EQ(test, 1, bed_send(sock, "x", 1, 0));
	expect_inside(test, vcpu, 1, 0);
	KUNIT_EXPECT_FALSE(test, hrtimer_active(&vcpu->timer));
}

/* The fake says so if a vCPU runs after it aborted. */
static void vcpu_that_aborts_in_a_sender_is_never_run_again(struct kunit *test)
{
	struct hf_vcpu *vcpu;
	struct socket *sock = waiting_vcpu(test, &vcpu, 3600ULL * NSEC_PER_SEC);

	fake_step(vcpu, &(struct fake_step){
		.exit = { .func = FFA_ERROR, .error = HF_FFA_ABORTED, .vm = 2 },
		.inside = note,
	});
	KUNIT_EXPECT_EQ(test, 1, bed_send(sock, "x", 1, 0));
	KUNIT_EXPECT_TRUE(test, vcpu->vm->dead);
	KUNIT_EXPECT_LT(test, bed_send(sock, "x", 1, 0), 0);
	hf_vcpu_request(vcpu, HF_REQ_WAKE);
	KUNIT_EXPECT_TRUE(test, bed_eventually(READ_ONCE(vcpu->wakes) == 1));
	expect_inside(test, vcpu, 1, 0);
	KUNIT_EXPECT_FALSE(test, hrtimer_active(&vcpu->timer));
}

static void reply_is_there_when_send_returns(struct kunit *test)
{
	struct hf_vcpu *vcpu;
	struct socket *sock = waiting_vcpu(test, &vcpu, 0);
	const void *reply = bed_message(test, PORT, bed_port(sock), "reply", 5);
	char data[8];

	fake_step(vcpu, &(struct fake_step){
		.exit = {
			.func = FFA_MSG_SEND,
			.vm = 2,
			.vcpu = HF_PRIMARY_VM_ID,
			.len = sizeof(struct hf_msg_hdr) + 5,
		},
		.inside = note,
		.takes = true,
		.sends = reply,
		.len = sizeof(struct hf_msg_hdr) + 5,
	});
	stay(vcpu, FFA_MSG_WAIT, 0);
	KUNIT_EXPECT_EQ(test, 1, bed_send(sock, "x", 1, 0));
	KUNIT_EXPECT_EQ(test, 5, bed_recv(sock, data, sizeof(data), MSG_DONTWAIT, NULL));
	expect_inside(test, vcpu, 2, 0);
}

static struct kunit_case borrow_cases[] = {
	KUNIT_CASE(sender_runs_the_vcpu_whose_thread_sleeps),
	KUNIT_CASE(sender_that_may_not_wait_wakes_the_thread),
	KUNIT_CASE(sender_on_a_cpu_that_is_not_the_threads_wakes_it),
	KUNIT_CASE(guest_that_is_interrupted_goes_on_in_its_thread),
	KUNIT_CASE(guest_that_yields_goes_on_in_its_thread),
	KUNIT_CASE(sender_takes_care_of_four_exits),
	KUNIT_CASE(request_while_the_sender_is_inside_is_not_lost),
	KUNIT_CASE(request_while_the_sender_is_inside_ends_its_run),
	KUNIT_CASE(sender_whose_cpu_is_wanted_leaves_the_vcpu_to_its_thread),
	KUNIT_CASE(timeout_of_a_guest_that_a_sender_ran_wakes_the_thread),
	KUNIT_CASE(sender_cancels_the_timeout),
	KUNIT_CASE(vcpu_that_aborts_in_a_sender_is_never_run_again),
	KUNIT_CASE(reply_is_there_when_send_returns),
	{}
};

static struct kunit_suite borrow = {
	.name = "hafnium_borrow",
	.init = bed_init,
	.exit = bed_exit,
	.test_cases = borrow_cases,
};

kunit_test_suite(borrow);
