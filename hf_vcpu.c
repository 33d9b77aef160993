// SPDX-License-Identifier: GPL-2.0-only
/*
 * vCPUs: the run loop, requests, sleep and wake-up.
 *
 * One kernel thread per vCPU calls FFA_RUN for as long as the vCPU has something to
 * do and sleeps otherwise. While it does not run the vCPU, the sender of a message
 * may, in its place (inline run). The runner has preemption disabled; from the last
 * look at the requests until the exit is recorded, interrupts as well. The only file
 * that puts a thread to sleep or wakes one. Threads and senders are in process
 * context; hf_vcpu_request() is called from anywhere.
 *
 * Invariant: a request that was made is seen by the runner before it enters the
 * guest, and by the thread before it sleeps; wake-up.rst has the proof.
 * Does not: know what an exit means (hf_exit.c), or decide which vCPU of a VM gets a
 * message (hf_wait.c).
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/freezer.h>
#include <linux/kcsan-checks.h>
#include <linux/kthread.h>
#include <linux/ktime.h>
#include <linux/printk.h>
#include <linux/sched.h>
#include <linux/sched/task.h>
#include <linux/tick.h>
#include <linux/vtime.h>

#include "hf_compat.h"
#include "hf_exit.h"
#include "hf_rx.h"
#include "hf_vcpu.h"
#include "hf_vm.h"
#include "hf_wait.h"

/* Exits of an inline run, after which the vCPU's thread takes over. */
#define INLINE_EXITS	4

static void make_request(struct hf_vcpu *vcpu, enum hf_vcpu_request request)
{
	/*
	 * (A) The thread could take the request and not see what it is about,
	 * in the driver's memory or at EL2.
	 *
	 * Orders: payload  ->  requests |= request
	 * Pairs:  (C) in check_requests(), (D) in vcpu_enter()
	 * Proof:  litmus/MP+payload-vs-request, litmus/R+payload-vs-clear
	 */
	smp_mb__before_atomic();
	set_bit(request, &vcpu->requests);
}

static void kick_runner(struct hf_vcpu *vcpu)
{
	/*
	 * (B) The thread could enter the guest or fall asleep without the
	 * request while we read the mode that it had before.
	 *
	 * Orders: requests |= request  ->  read of mode
	 * Pairs:  (D) in vcpu_enter(), (E) in vcpu_block(), (P) in run_inline()
	 * Proof:  litmus/SB+request-vs-enter, litmus/SB+request-vs-sleep, spin/vcpu_sleep
	 */
	smp_mb__after_atomic();
	switch (READ_ONCE(vcpu->mode)) {
	case HF_VCPU_IN_GUEST:
		preempt_disable();
		/*
		 * (L) Of several kickers one sends the IPI, soon, for the others
		 * rely on it; it finds the runner, on the CPU that entered the
		 * guest. kick_process() elides the IPI if that is this CPU: then
		 * the runner is not in the guest. If it has left meanwhile, and
		 * ends, its memory is RCU's, which waits for us.
		 *
		 * Orders: read of mode  ->  read of runner and its CPU
		 * Pairs:  (M) in vcpu_enter(), the kernel's __switch_to()
		 * Proof:  litmus/MP+curr-vs-kick, litmus/MP+runner-vs-kick
		 */
		if (cmpxchg(&vcpu->mode, HF_VCPU_IN_GUEST, HF_VCPU_EXITING) ==
		    HF_VCPU_IN_GUEST) {
			atomic_long_inc(&vcpu->kicks);
			kick_process(READ_ONCE(vcpu->runner));
		}
		preempt_enable();
		break;
	case HF_VCPU_BLOCKED:
		wake_up_process(vcpu->task);
		break;
	default:
		/* The runner reads the requests before it enters or sleeps. */
		break;
	}
}

void hf_vcpu_request(struct hf_vcpu *vcpu, enum hf_vcpu_request request)
{
	make_request(vcpu, request);
	kick_runner(vcpu);
}

void hf_vcpu_kick_out(struct hf_vcpu *vcpu)
{
	if (READ_ONCE(vcpu->mode) == HF_VCPU_IN_GUEST)
		hf_vcpu_request(vcpu, HF_REQ_WAKE);
}

static unsigned long check_requests(struct hf_vcpu *vcpu)
{
	if (!READ_ONCE(vcpu->requests))
		return 0;
	/*
	 * (C) A request that is made while the guest runs must stay for the
	 * next look, and what a taken one is about must be visible to EL2.
	 *
	 * Orders: requests = 0  ->  payload, EL2's look in FFA_RUN
	 * Pairs:  (A) in make_request()
	 * Proof:  litmus/MP+payload-vs-request, litmus/R+payload-vs-clear, spin/vcpu_sleep
	 */
	return xchg(&vcpu->requests, 0);
}

/* Both write current->flags: this thread alone may, and the scheduler reads it as it is. */
static void guest_time_begins(void)
{
	kcsan_disable_current();
	vtime_account_guest_enter();
	kcsan_enable_current();
}

static void guest_time_ends(void)
{
	kcsan_disable_current();
	vtime_account_guest_exit();
	kcsan_enable_current();
}

static void run_guest(struct hf_vcpu *vcpu, struct hf_ffa_exit *exit)
{
	bool timed = hf_wait_wants_stay(vcpu);

	guest_time_begins();
	if (timed)
		vcpu->stay_ns = -ktime_get_mono_fast_ns();
	hf_ffa_run(vcpu->vm->id, vcpu->index, exit);
	if (timed)
		vcpu->stay_ns += ktime_get_mono_fast_ns();
	WRITE_ONCE(vcpu->mode, HF_VCPU_OUTSIDE);
	hf_exit_take(vcpu, exit);

	/* Take the interrupt that ended the run here: a tick is the guest's time. */
	local_irq_enable();
	isb();
	local_irq_disable();
	guest_time_ends();
}

/* Where preemption is not disabled this may be another CPU than the one that was refilled. */
static bool has_moved_unready(void)
{
	return IS_ENABLED(CONFIG_PREEMPT_RT) && !hf_rx_is_ready();
}

/*
 * Run the vCPU until it exits. Returns false if a request came first, or this CPU is
 * wanted or has no buffer.
 */
static bool vcpu_enter(struct hf_vcpu *vcpu, struct hf_ffa_exit *exit)
{
	bool entered = false;

	local_irq_disable();
	WRITE_ONCE(vcpu->runner, current);
	/*
	 * (M) A kicker could find us in the guest, and send its IPI to the
	 * runner of before.
	 *
	 * Orders: runner  ->  mode = IN_GUEST
	 * Pairs:  (L) in kick_runner()
	 * Proof:  litmus/MP+runner-vs-kick
	 */
	smp_store_release(&vcpu->mode, HF_VCPU_IN_GUEST);
	/*
	 * (D) A kick could find us outside and send no IPI while we do not see its request; a
	 * message could arrive while the pending flag is cleared for the last one.
	 *
	 * Orders: mode = IN_GUEST, message_pending = false, epoch  ->  requests, EL2's look
	 * Pairs:  (A) in make_request(), (B) in kick_runner(), (F) in hf_wait_accepted_locked()
	 * Proof:  litmus/SB+request-vs-enter, litmus/R+mirror-vs-consume, spin/vcpu_sleep
	 */
	smp_mb();
	if (!READ_ONCE(vcpu->requests) && !hf_need_resched() && !has_moved_unready()) {
		run_guest(vcpu, exit);
		entered = true;
	} else {
		WRITE_ONCE(vcpu->mode, HF_VCPU_OUTSIDE);
	}
	local_irq_enable();
	return entered;
}

static void start_timer(struct hf_vcpu *vcpu)
{
	vcpu->timed = vcpu->deadline != KTIME_MAX;
	if (vcpu->timed)
		hrtimer_start(&vcpu->timer, vcpu->deadline, HRTIMER_MODE_ABS_HARD);
}

static void stop_timer(struct hf_vcpu *vcpu)
{
	if (vcpu->timed)
		hrtimer_cancel(&vcpu->timer);
	vcpu->timed = false;
}

static enum hrtimer_restart timer_expired(struct hrtimer *timer)
{
	hf_vcpu_request(container_of(timer, struct hf_vcpu, timer), HF_REQ_TIMER);
	return HRTIMER_NORESTART;
}

/*
 * While its runner is preempted a vCPU stands still, although another task could
 * run it. Where spinlocks sleep, preemption cannot be disabled around what takes
 * them.
 */
static void runner_begin(void)
{
	if (!IS_ENABLED(CONFIG_PREEMPT_RT))
		preempt_disable();
}

static void runner_end(void)
{
	if (!IS_ENABLED(CONFIG_PREEMPT_RT))
		preempt_enable();
}

/*
 * The task that takes a vCPU from the mode BLOCKED is its runner, and gives it back
 * afterwards. Returns false if the vCPU has another runner. The request may have been
 * served by then: after this the requests have to be read again.
 */
static bool take_vcpu(struct hf_vcpu *vcpu)
{
	runner_begin();
	/*
	 * (N) We could go on from what the vCPU's fields said before the last
	 * runner wrote them.
	 *
	 * Orders: read of mode  ->  all that belongs to the runner
	 * Pairs:  (O) in give_back()
	 * Proof:  litmus/MP+state-vs-take
	 */
	if (cmpxchg(&vcpu->mode, HF_VCPU_BLOCKED, HF_VCPU_OUTSIDE) == HF_VCPU_BLOCKED)
		return true;
	runner_end();
	return false;
}

static void give_back(struct hf_vcpu *vcpu)
{
	/*
	 * (O) The next runner could see the vCPU's fields as they were before.
	 *
	 * Orders: all that belongs to the runner  ->  mode = BLOCKED
	 * Pairs:  (N) in take_vcpu()
	 * Proof:  litmus/MP+state-vs-take
	 */
	smp_store_release(&vcpu->mode, HF_VCPU_BLOCKED);
	runner_end();
}

/*
 * Run a vCPU that was taken until it has nothing to do, another task wants this CPU,
 * it has exited so many times, or its thread is to be frozen: then it is not run.
 */
static void run_vcpu(struct hf_vcpu *vcpu, int exits)
{
	struct hf_ffa_exit exit;
	unsigned long requests;

	while (exits-- && !hf_need_resched() && !freezing(vcpu->task) &&
	       !READ_ONCE(vcpu->vm->rx_held) &&
	       (hf_rx_is_ready() || hf_rx_refill(HF_RX_NOWAIT))) {
		requests = check_requests(vcpu);
		if (requests & BIT(HF_REQ_STOP)) {
			make_request(vcpu, HF_REQ_STOP);
			return;
		}
		if (!hf_exit_resume(vcpu, requests))
			return;
		vcpu->deadline = 0;
		if (!vcpu_enter(vcpu, &exit))
			continue;
		hf_exit_finish(vcpu, &exit);
		if (vcpu->last_exit == HF_EXIT_INTERRUPT || vcpu->last_exit == HF_EXIT_YIELD)
			return;
		if (vcpu->deadline && !READ_ONCE(vcpu->requests))
			return;
	}
}

/* The same, and hand on what remains to be done: by a request, or the timer. */
static void serve_vcpu(struct hf_vcpu *vcpu, int exits)
{
	stop_timer(vcpu);
	run_vcpu(vcpu, exits);
	hf_exit_deliver(vcpu);
	if (!vcpu->deadline) {
		make_request(vcpu, HF_REQ_WAKE);
		vcpu->deadline = KTIME_MAX;
	}
	start_timer(vcpu);
}

/*
 * Inline run: run the vCPU in its thread's place, unless it has a runner. Saves two
 * switches of tasks. Preemption is disabled: a sender whose control group has used up
 * its time would keep the vCPU from running. An interrupt ends the guest's run all the
 * same, and the vCPU is given back if this CPU is wanted.
 */
static bool run_inline(struct hf_vcpu *vcpu)
{
	if (!take_vcpu(vcpu))
		return false;
	if (READ_ONCE(vcpu->requests))
		serve_vcpu(vcpu, INLINE_EXITS);
	give_back(vcpu);
	/*
	 * (P) A kick could have found us outside while we do not see its
	 * request; or the thread could have found the vCPU taken.
	 *
	 * Orders: mode = BLOCKED  ->  requests, task state
	 * Pairs:  (B) in kick_runner(), (E) in vcpu_block()
	 * Proof:  litmus/SB+request-vs-give-back, litmus/SB+take-vs-give-back, spin/vcpu_sleep
	 */
	smp_mb();
	if (READ_ONCE(vcpu->requests))
		wake_up_process(vcpu->task);
	return true;
}

/*
 * On this CPU: the thread's CPU mask holds for its vCPU. Without a tick nothing
 * would end the guest's run; and where spinlocks sleep, preemption cannot be
 * disabled around what takes them.
 */
static bool may_run_inline(const struct hf_vcpu *vcpu)
{
	int cpu;

	if (IS_ENABLED(CONFIG_PREEMPT_RT))
		return false;
	cpu = smp_processor_id();
	return !tick_nohz_full_cpu(cpu) &&
	       cpumask_test_cpu(cpu, vcpu->task->cpus_ptr);
}

void hf_vcpu_request_here(struct hf_vcpu *vcpu, enum hf_vcpu_request request)
{
	make_request(vcpu, request);
	if (!may_run_inline(vcpu) || !run_inline(vcpu))
		kick_runner(vcpu);
}

/* Sleep until there is a request that no sender takes care of; the vCPU is then taken. */
static void vcpu_block(struct hf_vcpu *vcpu)
{
	for (;;) {
		/*
		 * (E) A kick could find us outside, or our task not yet asleep, while we do
		 * not see its request; or we could find the vCPU taken while the sender that
		 * gives it back finds us awake.
		 *
		 * Orders: mode = BLOCKED, task state  ->  requests, mode
		 * Pairs:  (B) in kick_runner(), (P) in run_inline()
		 * Proof:  litmus/SB+request-vs-sleep, litmus/SB+wake-vs-sleep, spin/vcpu_sleep
		 */
		set_current_state(TASK_IDLE | TASK_FREEZABLE);
		if (freezing(current)) {
			__set_current_state(TASK_RUNNING);
			try_to_freeze();
			continue;
		}
		if (READ_ONCE(vcpu->requests) && take_vcpu(vcpu)) {
			if (READ_ONCE(vcpu->requests))
				break;
			give_back(vcpu);
			continue;
		}
		schedule();
		WRITE_ONCE(vcpu->wakes, vcpu->wakes + 1);
	}
	__set_current_state(TASK_RUNNING);
}

static bool has_to_stop(const struct hf_vcpu *vcpu)
{
	return READ_ONCE(vcpu->requests) & BIT(HF_REQ_STOP);
}

/*
 * Wait for a buffer for what the next exit brings, and until the VM is not held. Until
 * then no sender runs the vCPU either.
 */
static void wait_for_memory(struct hf_vcpu *vcpu)
{
	struct hf_vm *vm = vcpu->vm;

	runner_end();
	while ((READ_ONCE(vm->rx_held) || !hf_rx_refill(GFP_KERNEL)) && !has_to_stop(vcpu)) {
		try_to_freeze();
		if (READ_ONCE(vm->rx_held))
			wait_event_freezable(vm->rx_wait,
					     !READ_ONCE(vm->rx_held) || has_to_stop(vcpu));
		else
			schedule_timeout_idle(1);
	}
	runner_begin();
}

static int vcpu_thread(void *data)
{
	struct hf_vcpu *vcpu = data;
	bool yields;

	set_freezable();
	make_request(vcpu, HF_REQ_WAKE);
	WRITE_ONCE(vcpu->mode, HF_VCPU_BLOCKED);
	for (;;) {
		vcpu_block(vcpu);
		if (has_to_stop(vcpu))
			break;
		if (READ_ONCE(vcpu->vm->rx_held) || !hf_rx_refill(HF_RX_NOWAIT))
			wait_for_memory(vcpu);
		serve_vcpu(vcpu, INT_MAX);
		yields = vcpu->last_exit == HF_EXIT_YIELD;
		give_back(vcpu);
		/*
		 * After a yield of the guest other tasks go first, as when this CPU is
		 * wanted. RCU of any kind hears of it: a guest that computes exits at each
		 * tick.
		 */
		if (yields || hf_need_resched())
			schedule();
		else
			cond_resched_tasks_rcu_qs();
	}
	runner_end();
	return 0;
}

int hf_vcpu_create(struct hf_vcpu *vcpu, struct hf_vm *vm, u16 index)
{
	struct task_struct *task;

	vcpu->vm = vm;
	vcpu->index = index;
	vcpu->mode = HF_VCPU_OUTSIDE;
	vcpu->off = index;
	vcpu->deadline = KTIME_MAX;
	vcpu->backoff_ns = HF_BACKOFF_MIN_NS;
	hrtimer_setup(&vcpu->timer, timer_expired, CLOCK_MONOTONIC, HRTIMER_MODE_ABS_HARD);

	task = kthread_create(vcpu_thread, vcpu, "hf/%u.%u", vm->id, index);
	if (IS_ERR(task))
		return PTR_ERR(task);

	/* The thread may end before hf_vcpu_stop() waits for that. */
	vcpu->task = get_task_struct(task);
	return 0;
}

void hf_vcpu_destroy(struct hf_vcpu *vcpu)
{
	put_task_struct(vcpu->task);
}

void hf_vcpu_start(struct hf_vcpu *vcpu)
{
	wake_up_process(vcpu->task);
}

void hf_vcpu_stop(struct hf_vcpu *vcpu)
{
	if (vcpu->stopped)
		return;
	vcpu->stopped = true;
	hf_vcpu_request(vcpu, HF_REQ_STOP);
	kthread_stop(vcpu->task);
	hrtimer_cancel(&vcpu->timer);
}
