// SPDX-License-Identifier: GPL-2.0-only
/*
 * vCPUs: the run loop, what each exit asks for, requests, sleep and wake-up.
 *
 * One kernel thread per vCPU calls FFA_RUN for as long as the vCPU has
 * something to do and sleeps otherwise. The only file that puts a thread to
 * sleep or wakes one. Threads run in process context; hf_vcpu_request() is
 * called from anywhere.
 *
 * Invariant: a request that was made is seen by the thread before it sleeps
 * and before it enters the guest; Documentation/wake-up.rst has the proof.
 * Does not: look into messages (hf_mailbox.c), or decide which vCPU of a VM
 * gets one.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/kcsan-checks.h>
#include <linux/kthread.h>
#include <linux/printk.h>
#include <linux/sched.h>
#include <linux/sched/task.h>
#include <linux/vtime.h>

#include "hf_mutant.h"
#include "hf_vcpu.h"
#include "hf_vm.h"

/* What an exit handler returns: run again at once, or not before a request. */
#define RUN_AGAIN	0ULL
#define UNTIL_REQUEST	U64_MAX

/* Pause after an exit that makes no sense: doubles from the first to the last. */
#define BACKOFF_MIN_NS	(1ULL * NSEC_PER_MSEC)
#define BACKOFF_MAX_NS	(1ULL * NSEC_PER_SEC)

static const char * const mode_names[] = {
	[HF_VCPU_OUTSIDE]	= "outside",
	[HF_VCPU_IN_GUEST]	= "in_guest",
	[HF_VCPU_EXITING]	= "exiting",
	[HF_VCPU_BLOCKED]	= "blocked",
};

const char *hf_vcpu_mode_name(int mode)
{
	return mode_names[mode];
}

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

static void kick(struct hf_vcpu *vcpu)
{
	/*
	 * (B) The thread could enter the guest or fall asleep without the
	 * request while we read the mode that it had before.
	 *
	 * Orders: requests |= request  ->  read of mode
	 * Pairs:  (D) in vcpu_enter(), (E) in vcpu_block()
	 * Proof:  litmus/SB+request-vs-enter, litmus/SB+request-vs-sleep, spin/vcpu_sleep
	 */
	smp_mb__after_atomic();
	switch (READ_ONCE(vcpu->mode)) {
	case HF_VCPU_IN_GUEST:
		preempt_disable();
		/*
		 * (L) Of several kickers one sends the IPI, soon, for the others
		 * rely on it; it finds the thread on the CPU that entered the
		 * guest. kick_process() elides the IPI if that is this CPU: then
		 * the thread is not in the guest.
		 *
		 * Orders: read of mode  ->  read of the thread's CPU
		 * Pairs:  the kernel's __switch_to()
		 * Proof:  litmus/MP+curr-vs-kick
		 */
		if (cmpxchg(&vcpu->mode, HF_VCPU_IN_GUEST, HF_VCPU_EXITING) ==
		    HF_VCPU_IN_GUEST) {
			atomic_long_inc(&vcpu->kicks);
			kick_process(vcpu->task);
		}
		preempt_enable();
		break;
	case HF_VCPU_BLOCKED:
		wake_up_process(vcpu->task);
		break;
	default:
		/* It looks at its requests before it enters or sleeps. */
		break;
	}
}

void hf_vcpu_request(struct hf_vcpu *vcpu, enum hf_vcpu_request request)
{
	if (!hf_mutant(KICK_WITHOUT_REQUEST) || request == HF_REQ_STOP)
		make_request(vcpu, request);
	kick(vcpu);
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

/* To be called before a vCPU runs: it no longer waits, and gets what is there. */
static void stop_waiting(struct hf_vcpu *vcpu, unsigned long requests)
{
	struct hf_vm *vm = vcpu->vm;

	if (!vcpu->waiting)
		return;

	if (!READ_ONCE(vm->message_pending) && !(requests & ~BIT(HF_REQ_MESSAGE)))
		WRITE_ONCE(vcpu->spurious, vcpu->spurious + 1);

	if (hf_ffa_features.rx_overwrite) {
		/* A sender counts on this vCPU waiting while it holds the lock. */
		spin_lock(&vm->tx_lock);
		clear_bit(vcpu->index, vm->waiting);
		spin_unlock(&vm->tx_lock);
	} else {
		clear_bit(vcpu->index, vm->waiting);
	}
	vcpu->waiting = false;
	WRITE_ONCE(vm->message_pending, false);
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
	guest_time_begins();
	hf_ffa_run(vcpu->vm->id, vcpu->index, exit);
	WRITE_ONCE(vcpu->mode, HF_VCPU_OUTSIDE);

	/* Take the interrupt that ended the run here: a tick is the guest's time. */
	local_irq_enable();
	isb();
	local_irq_disable();
	guest_time_ends();
}

/* Run the vCPU until it exits. Returns false if a request came first. */
static bool vcpu_enter(struct hf_vcpu *vcpu, struct hf_ffa_exit *exit)
{
	bool entered = false;

	hf_mutant_window(vcpu->vm->id, HF_WINDOW_BEFORE_LAST_LOOK, true);
	local_irq_disable();
	WRITE_ONCE(vcpu->mode, HF_VCPU_IN_GUEST);
	/*
	 * (D) A kick could find us outside and send no IPI while we do not see
	 * its request; a message could arrive while we forget the last one.
	 *
	 * Orders: mode = IN_GUEST, message_pending = false  ->  requests, EL2's look
	 * Pairs:  (A) in make_request(), (B) in kick(), (F) in hf_mailbox_arrived()
	 * Proof:  litmus/SB+request-vs-enter, litmus/R+mirror-vs-consume, spin/vcpu_sleep
	 */
	smp_mb();
	if (!READ_ONCE(vcpu->requests) || hf_mutant(NO_LAST_LOOK)) {
		hf_mutant_window(vcpu->vm->id, HF_WINDOW_AFTER_LAST_LOOK,
				 hf_mutant(INTERRUPTS_ON));
		run_guest(vcpu, exit);
		entered = true;
	} else {
		WRITE_ONCE(vcpu->mode, HF_VCPU_OUTSIDE);
	}
	local_irq_enable();
	return entered;
}

/* Sleep until there is a request, or @timeout_ns are over, which makes one. */
static void vcpu_block(struct hf_vcpu *vcpu, u64 timeout_ns)
{
	bool timed = timeout_ns != UNTIL_REQUEST;
	int i;

	for (i = 0; hf_mutant(PLANTED_PLAIN_ACCESS) && i < 1000 && !vcpu->requests; i++)
		cpu_relax();
	if (timed)
		hrtimer_start(&vcpu->timer, min_t(u64, timeout_ns, KTIME_MAX),
			      HRTIMER_MODE_REL);

	WRITE_ONCE(vcpu->mode, HF_VCPU_BLOCKED);
	for (;;) {
		/*
		 * (E) A kick could find us outside, or our task not yet asleep,
		 * while we do not see its request.
		 *
		 * Orders: mode = BLOCKED, task state  ->  requests
		 * Pairs:  (B) in kick()
		 * Proof:  litmus/SB+request-vs-sleep, litmus/SB+wake-vs-sleep, spin/vcpu_sleep
		 */
		set_current_state(TASK_IDLE);
		if (READ_ONCE(vcpu->requests) && !hf_mutant(SLEEP_WITHOUT_LOOK))
			break;
		schedule();
		WRITE_ONCE(vcpu->wakes, vcpu->wakes + 1);
		if (hf_mutant(SLEEP_WITHOUT_LOOK) || hf_mutant(KICK_WITHOUT_REQUEST))
			break;
	}
	__set_current_state(TASK_RUNNING);
	WRITE_ONCE(vcpu->mode, HF_VCPU_OUTSIDE);

	if (timed)
		hrtimer_cancel(&vcpu->timer);
}

static enum hrtimer_restart timer_expired(struct hrtimer *timer)
{
	might_sleep_if(hf_mutant(PLANTED_TIMER_SLEEPS));
	hf_vcpu_request(container_of(timer, struct hf_vcpu, timer), HF_REQ_TIMER);
	return HRTIMER_NORESTART;
}

static u64 until_timeout(const struct hf_ffa_exit *exit)
{
	return exit->timeout_ns ?: UNTIL_REQUEST;
}

static void wake_other(u16 vm_id, u16 index)
{
	struct hf_vm *vm = hf_vm_find(vm_id);

	if (vm && index < vm->nr_vcpus)
		hf_vcpu_request(&vm->vcpus[index], HF_REQ_WAKE);
	else
		pr_warn_ratelimited("hypervisor names VM %u vCPU %u, which is not known\n",
				    vm_id, index);
}

/*
 * Exit handlers. Context: the vCPU's thread, may sleep. Each returns for how
 * many nanoseconds the vCPU has nothing to do unless there is a request.
 */
static u64 exit_run_again(struct hf_vcpu *vcpu, const struct hf_ffa_exit *exit)
{
	cond_resched();
	return RUN_AGAIN;
}

static u64 exit_yield(struct hf_vcpu *vcpu, const struct hf_ffa_exit *exit)
{
	schedule();
	return RUN_AGAIN;
}

static u64 exit_wait(struct hf_vcpu *vcpu, const struct hf_ffa_exit *exit)
{
	return until_timeout(exit);
}

static u64 exit_wake_other(struct hf_vcpu *vcpu, const struct hf_ffa_exit *exit)
{
	wake_other(exit->vm, exit->vcpu);
	cond_resched();
	return RUN_AGAIN;
}

static u64 exit_off(struct hf_vcpu *vcpu, const struct hf_ffa_exit *exit)
{
	if (vcpu->index == 0 && !READ_ONCE(vcpu->vm->dead))
		pr_warn_once("VM %u: its first vCPU cannot be run; does the VM exist?\n",
			     vcpu->vm->id);
	return UNTIL_REQUEST;
}

/* The VM is dying: its other vCPUs have to run once more to find out. */
static u64 exit_aborted(struct hf_vcpu *vcpu, const struct hf_ffa_exit *exit)
{
	struct hf_vm *vm = vcpu->vm;
	u16 i;

	pr_warn_ratelimited("VM %u aborted on vCPU %u\n", vm->id, vcpu->index);
	for (i = 0; i < vm->nr_vcpus; i++) {
		if (i != vcpu->index)
			hf_vcpu_request(&vm->vcpus[i], HF_REQ_WAKE);
	}
	return UNTIL_REQUEST;
}

static u64 exit_error(struct hf_vcpu *vcpu, const struct hf_ffa_exit *exit)
{
	u64 pause_ns = vcpu->backoff_ns;

	pr_warn_ratelimited("VM %u vCPU %u: unexpected exit %#x, error %d\n",
			    vcpu->vm->id, vcpu->index, exit->func, exit->error);
	vcpu->backoff_ns = min(2 * pause_ns, BACKOFF_MAX_NS);
	return pause_ns;
}

static const struct {
	const char *name;
	u64 (*handle)(struct hf_vcpu *vcpu, const struct hf_ffa_exit *exit);
} exits[HF_EXIT_COUNT] = {
	[HF_EXIT_NONE]			= { "none" },
	[HF_EXIT_INTERRUPT]		= { "interrupt",	exit_run_again },
	[HF_EXIT_INTERRUPT_OTHER]	= { "interrupt_other",	exit_wake_other },
	[HF_EXIT_YIELD]			= { "yield",		exit_yield },
	[HF_EXIT_MSG_WAIT]		= { "msg_wait",		exit_wait },
	[HF_EXIT_WFI]			= { "wfi",		exit_wait },
	[HF_EXIT_WAKE_UP]		= { "wake_up",		exit_wake_other },
	[HF_EXIT_MSG_SEND]		= { "msg_send",		exit_run_again },
	[HF_EXIT_RX_RELEASE]		= { "rx_release",	exit_run_again },
	[HF_EXIT_ABORTED]		= { "aborted",		exit_aborted },
	[HF_EXIT_BUSY]			= { "busy",		exit_run_again },
	[HF_EXIT_OFF]			= { "off",		exit_off },
	[HF_EXIT_ERROR]			= { "error",		exit_error },
	[HF_EXIT_UNKNOWN]		= { "unknown",		exit_error },
};

const char *hf_exit_name(enum hf_exit_kind kind)
{
	return exits[kind].name;
}

static enum hf_exit_kind error_kind(int error)
{
	switch (error) {
	case HF_FFA_ABORTED:
		return HF_EXIT_ABORTED;
	case HF_FFA_BUSY:
		return HF_EXIT_BUSY;
	case HF_FFA_INVALID_PARAMETERS:
		return HF_EXIT_OFF;
	default:
		return HF_EXIT_ERROR;
	}
}

static enum hf_exit_kind exit_kind(const struct hf_vcpu *vcpu,
				   const struct hf_ffa_exit *exit)
{
	switch (exit->func) {
	case FFA_INTERRUPT:
		return exit->vm == vcpu->vm->id && exit->vcpu == vcpu->index ?
			HF_EXIT_INTERRUPT : HF_EXIT_INTERRUPT_OTHER;
	case FFA_YIELD:
		return HF_EXIT_YIELD;
	case FFA_MSG_WAIT:
		return HF_EXIT_MSG_WAIT;
	case HF_RUN_WAIT_FOR_INTERRUPT:
		return HF_EXIT_WFI;
	case HF_RUN_WAKE_UP:
		return HF_EXIT_WAKE_UP;
	case FFA_MSG_SEND:
		return HF_EXIT_MSG_SEND;
	case FFA_RX_RELEASE:
		return HF_EXIT_RX_RELEASE;
	case FFA_ERROR:
		return error_kind(exit->error);
	default:
		return HF_EXIT_UNKNOWN;
	}
}

static u64 handle_exit(struct hf_vcpu *vcpu, const struct hf_ffa_exit *exit)
{
	enum hf_exit_kind kind = exit_kind(vcpu, exit);
	bool run_again;
	u64 idle_ns;

	WRITE_ONCE(vcpu->last_exit, kind);
	WRITE_ONCE(vcpu->runs, vcpu->runs + 1);
	WRITE_ONCE(vcpu->exits[kind], vcpu->exits[kind] + 1);

	if (kind != HF_EXIT_ERROR && kind != HF_EXIT_UNKNOWN)
		vcpu->backoff_ns = BACKOFF_MIN_NS;

	/* First, because handlers reschedule, and all VMs wait for our RX page. */
	run_again = hf_mailbox_exit(vcpu, kind, exit);
	idle_ns = exits[kind].handle(vcpu, exit);
	return run_again ? RUN_AGAIN : idle_ns;
}

static int vcpu_thread(void *data)
{
	struct hf_vcpu *vcpu = data;
	struct hf_ffa_exit exit;
	unsigned long requests;
	u64 idle_ns = RUN_AGAIN;

	for (;;) {
		requests = check_requests(vcpu);
		if (requests & BIT(HF_REQ_STOP))
			break;

		/* A vCPU that aborted is never run again. */
		if (vcpu->last_exit != HF_EXIT_ABORTED) {
			stop_waiting(vcpu, requests);
			if (!vcpu_enter(vcpu, &exit))
				continue;
			idle_ns = handle_exit(vcpu, &exit);
		}
		if (hf_mutant(CLEAR_AFTER_RUN))
			vcpu->requests &= BIT(HF_REQ_STOP);
		if (idle_ns != RUN_AGAIN)
			vcpu_block(vcpu, idle_ns);
	}
	return 0;
}

int hf_vcpu_create(struct hf_vcpu *vcpu, struct hf_vm *vm, u16 index)
{
	struct task_struct *task;

	vcpu->vm = vm;
	vcpu->index = index;
	vcpu->mode = HF_VCPU_OUTSIDE;
	vcpu->backoff_ns = BACKOFF_MIN_NS;
	hrtimer_init(&vcpu->timer, CLOCK_MONOTONIC, HRTIMER_MODE_REL);
	vcpu->timer.function = timer_expired;
	if (hf_mutant(WAITING_UNINITIALISED) && index)
		set_bit(index, vm->waiting);

	task = kthread_create(vcpu_thread, vcpu, "hf/%u.%u", vm->id, index);
	if (IS_ERR(task))
		return PTR_ERR(task);

	/* The thread may end before hf_vcpu_stop() waits for that. */
	vcpu->task = get_task_struct(task);
	return 0;
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
