// SPDX-License-Identifier: GPL-2.0-only
/*
 * Exits: what FFA_RUN's answers mean, and what each asks for.
 *
 * Runs in the context of the vCPU's runner: its thread, or a sender. What other VMs
 * wait for is done at once, with interrupts disabled (hf_exit_take()); what may take
 * its time, or print, comes after that. hf_vcpu.c calls up here, the only call that
 * goes up: what an exit asks for reaches from the RX page to the sockets.
 *
 * Does not: run a vCPU, or put a thread to sleep.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/ktime.h>
#include <linux/printk.h>

#include "hf_event.h"
#include "hf_exit.h"
#include "hf_mailbox.h"
#include "hf_rx.h"
#include "hf_socket.h"
#include "hf_vcpu.h"
#include "hf_vm.h"
#include "hf_wait.h"

#define TIMER_LOOKS	4
#define OFF_LOOKS	2
#define BUSY_LOOKS	100

static u64 until_timeout(const struct hf_ffa_exit *exit)
{
	return exit->timeout_ns ?: HF_UNTIL_REQUEST;
}

/* A vCPU that the hypervisor names exists; its thread may not yet. */
static void wake_other(const struct hf_ffa_exit *exit)
{
	struct hf_vm *vm = hf_vm_find(exit->vm);

	if (vm && exit->vcpu < hf_vm_nr_vcpus(vm))
		hf_vcpu_request(&vm->vcpus[exit->vcpu], HF_REQ_ON);
	else if (vm && exit->vcpu < vm->max_vcpus)
		hf_vm_create_vcpu(vm, exit->vcpu);
}

/*
 * Exit handlers. Each returns for how many nanoseconds the vCPU has nothing to
 * do unless there is a request.
 */
static u64 exit_run_again(struct hf_vcpu *vcpu, const struct hf_ffa_exit *exit)
{
	return HF_RUN_AGAIN;
}

static u64 exit_yield(struct hf_vcpu *vcpu, const struct hf_ffa_exit *exit)
{
	return exit->timeout_ns;
}

static u64 exit_msg_wait(struct hf_vcpu *vcpu, const struct hf_ffa_exit *exit)
{
	return until_timeout(exit);
}

/*
 * How often FFA_RUN is called for a vCPU that sleeps. Where no timeout comes with the
 * exit, FFA_RUN tells it while the timer is not due, and enters the guest when it is; 0
 * is also what it says if the guest was entered and sleeps again. A timer that is due
 * at each of so many looks is taken for none. A vCPU that was switched off exits in the
 * same way, and the next FFA_RUN says so: a reader will never be back in FFA_MSG_WAIT
 * then, and one of several may be restarted.
 */
static u8 looks_at_wfi(const struct hf_vcpu *vcpu, const struct hf_ffa_exit *exit)
{
	if (exit->timeout_ns)
		return 1;
	if (hf_ffa_features.wait_returns)
		return TIMER_LOOKS;
	return hf_wait_is_reader(vcpu) ||
	       (hf_ffa_features.restart_waits && hf_vm_nr_vcpus(vcpu->vm) > 1) ? OFF_LOOKS : 1;
}

static u64 exit_wfi(struct hf_vcpu *vcpu, const struct hf_ffa_exit *exit)
{
	if (++vcpu->looks < looks_at_wfi(vcpu, exit))
		return HF_RUN_AGAIN;
	vcpu->looks = 0;
	return until_timeout(exit);
}

static u64 exit_wake_other(struct hf_vcpu *vcpu, const struct hf_ffa_exit *exit)
{
	const struct hf_vm *vm = hf_vm_find(exit->vm);

	if (!vm || exit->vcpu >= vm->max_vcpus)
		pr_warn_ratelimited("hypervisor names VM %u vCPU %u, which is not known\n",
				    exit->vm, exit->vcpu);
	return HF_RUN_AGAIN;
}

static u64 exit_off(struct hf_vcpu *vcpu, const struct hf_ffa_exit *exit)
{
	WRITE_ONCE(vcpu->off, true);
	if (vcpu->index == 0 && !READ_ONCE(vcpu->vm->dead))
		pr_warn_once("VM %u: its first vCPU cannot be run; does the VM exist?\n",
			     vcpu->vm->id);
	return HF_UNTIL_REQUEST;
}

/* The VM is dying: its other vCPUs have to run once more to find out. */
static u64 exit_aborted(struct hf_vcpu *vcpu, const struct hf_ffa_exit *exit)
{
	struct hf_vm *vm = vcpu->vm;
	u16 i;

	pr_warn_ratelimited("VM %u aborted on vCPU %u\n", vm->id, vcpu->index);
	for (i = 0; i < hf_vm_nr_vcpus(vm); i++) {
		if (i != vcpu->index)
			hf_vcpu_request(&vm->vcpus[i], HF_REQ_WAKE);
	}
	return HF_UNTIL_REQUEST;
}

static u64 back_off(struct hf_vcpu *vcpu)
{
	u64 pause_ns = vcpu->backoff_ns;

	vcpu->backoff_ns = min(2 * pause_ns, HF_BACKOFF_MAX_NS);
	return pause_ns;
}

/* Another CPU is still leaving it: a matter of a moment. */
static u64 exit_busy(struct hf_vcpu *vcpu, const struct hf_ffa_exit *exit)
{
	if (vcpu->looks == BUSY_LOOKS)
		return back_off(vcpu);
	if (++vcpu->looks == BUSY_LOOKS)
		pr_warn_ratelimited("VM %u vCPU %u stays busy: the hypervisor runs it elsewhere\n",
				    vcpu->vm->id, vcpu->index);
	return HF_RUN_AGAIN;
}

static u64 exit_error(struct hf_vcpu *vcpu, const struct hf_ffa_exit *exit)
{
	pr_warn_ratelimited("VM %u vCPU %u: unexpected exit %#x, error %d\n",
			    vcpu->vm->id, vcpu->index, exit->func, exit->error);
	return back_off(vcpu);
}

static const struct {
	const char *name;
	u64 (*handle)(struct hf_vcpu *vcpu, const struct hf_ffa_exit *exit);
} exits[HF_EXIT_COUNT] = {
	[HF_EXIT_NONE]			= { "none" },
	[HF_EXIT_INTERRUPT]		= { "interrupt",	exit_run_again },
	[HF_EXIT_INTERRUPT_OTHER]	= { "interrupt_other",	exit_wake_other },
	[HF_EXIT_YIELD]			= { "yield",		exit_yield },
	[HF_EXIT_MSG_WAIT]		= { "msg_wait",		exit_msg_wait },
	[HF_EXIT_WFI]			= { "wfi",		exit_wfi },
	[HF_EXIT_WAKE_UP]		= { "wake_up",		exit_wake_other },
	[HF_EXIT_MSG_SEND]		= { "msg_send",		exit_run_again },
	[HF_EXIT_RX_RELEASE]		= { "rx_release",	exit_run_again },
	[HF_EXIT_ABORTED]		= { "aborted",		exit_aborted },
	[HF_EXIT_BUSY]			= { "busy",		exit_busy },
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
		/* Some releases name no vCPU instead of the one that ran. */
		return !exit->vm || (exit->vm == vcpu->vm->id && exit->vcpu == vcpu->index) ?
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

void hf_exit_take(struct hf_vcpu *vcpu, const struct hf_ffa_exit *exit)
{
	enum hf_exit_kind kind = exit_kind(vcpu, exit);

	/* It would take a message that is meant for another vCPU. */
	if (vcpu->restarted && kind == HF_EXIT_MSG_WAIT && hf_ffa_features.restart_waits)
		kind = HF_EXIT_OFF;
	vcpu->restarted &= kind == HF_EXIT_INTERRUPT;

	vcpu->exited = exit->timeout_ns ? ktime_get() : 0;
	if (kind != vcpu->last_exit)
		vcpu->looks = 0;
	WRITE_ONCE(vcpu->computes, kind == HF_EXIT_INTERRUPT && vcpu->last_exit == kind);
	if (vcpu->last_exit == HF_EXIT_MSG_SEND)
		vcpu->lingers = kind == HF_EXIT_INTERRUPT;
	WRITE_ONCE(vcpu->last_exit, kind);
	WRITE_ONCE(vcpu->runs, vcpu->runs + 1);
	WRITE_ONCE(vcpu->exits[kind], vcpu->exits[kind] + 1);

	if (kind != HF_EXIT_ERROR && kind != HF_EXIT_UNKNOWN && kind != HF_EXIT_BUSY)
		vcpu->backoff_ns = HF_BACKOFF_MIN_NS;

	hf_mailbox_exit(vcpu, kind, exit);
	if (kind == HF_EXIT_WAKE_UP || kind == HF_EXIT_INTERRUPT_OTHER)
		wake_other(exit);
}

static ktime_t deadline_of(ktime_t exited, u64 idle_ns)
{
	if (idle_ns == HF_RUN_AGAIN)
		return 0;
	return idle_ns < KTIME_MAX / 2 ? ktime_add_ns(exited ?: ktime_get(), idle_ns) : KTIME_MAX;
}

void hf_exit_finish(struct hf_vcpu *vcpu, const struct hf_ffa_exit *exit)
{
	if (READ_ONCE(vcpu->vm->binds))
		hf_event_collect();
	hf_mailbox_finish(vcpu);
	vcpu->deadline = deadline_of(vcpu->exited, exits[vcpu->last_exit].handle(vcpu, exit));
}

/*
 * A vCPU is run only if EL2 is known to have it: the first of a VM is on from boot,
 * the others are once EL2 has named them. Some hypervisors die if they are made to
 * run one that was never started, or that was switched off and on again.
 */
static bool switch_on(struct hf_vcpu *vcpu, unsigned long requests)
{
	bool restarted = vcpu->last_exit == HF_EXIT_WFI || vcpu->last_exit == HF_EXIT_OFF;

	if (vcpu->last_exit == HF_EXIT_ABORTED)
		return false;
	if (!(requests & BIT(HF_REQ_ON)))
		return !vcpu->off;
	if (restarted && hf_ffa_features.restart_panics) {
		pr_warn_ratelimited("VM %u vCPU %u was switched off and on again: this hypervisor cannot run it any more\n",
				    vcpu->vm->id, vcpu->index);
		WRITE_ONCE(vcpu->last_exit, HF_EXIT_ABORTED);
		vcpu->deadline = KTIME_MAX;
		hf_wait_exit(vcpu, HF_EXIT_ABORTED, false);
		return false;
	}
	vcpu->restarted = vcpu->last_exit == HF_EXIT_OFF && vcpu->runs > vcpu->exits[HF_EXIT_OFF];
	WRITE_ONCE(vcpu->off, false);
	return true;
}

bool hf_exit_resume(struct hf_vcpu *vcpu, unsigned long requests)
{
	return switch_on(vcpu, requests) && hf_wait_end(vcpu, requests);
}

void hf_exit_deliver(struct hf_vcpu *vcpu)
{
	hf_rx_deliver(vcpu->vm, hf_socket_deliver);
}
