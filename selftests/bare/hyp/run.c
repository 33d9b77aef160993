// SPDX-License-Identifier: GPL-2.0
/*
 * Running guests; see run.h.
 *
 * A vCPU is VCPU_RUNNING from the decision to run it until the last of its
 * registers is saved; both ends are made under its lock, so a CPU that finds it
 * in any other state finds its registers complete, and one that finds it
 * running answers BUSY. Nothing is held while the guest runs.
 *
 * Physical interrupts are never taken at EL2: one that is routed here ends the
 * run and stays pending, and the primary takes it once it can.
 */
#include "run.h"

#include "console.h"
#include "hypercall.h"
#include "irq.h"
#include "level.h"
#include "mem.h"
#include "testcalls.h"
#include "timer.h"
#include "traps.h"

/* vectors.S */
u64 guest_enter(struct regs *regs);
void fp_save(struct fp *fp);
void fp_load(const struct fp *fp);

void exit_to_primary(struct exit *exit, const struct vcpu *vcpu, u64 func,
		     enum vcpu_state state)
{
	exit->leave = true;
	exit->value = (struct ffa_value){ .w = { func, vcpu_id(vcpu) } };
	exit->state = state;
}

void exit_wake(struct exit *exit, const struct vcpu *target)
{
	exit_to_primary(exit, target, level->wake_up_exit ? HF_EXIT_WAKE_UP : FFA_INTERRUPT,
			VCPU_READY);
}

void exit_abort(struct exit *exit, struct vcpu *vcpu)
{
	__atomic_store_n(&vcpu->vm->aborting, true, __ATOMIC_RELAXED);
	exit->leave = true;
	exit->value = ffa_error(FFA_RET_ABORTED);
	exit->state = VCPU_ABORTED;
}

static bool is_killed(const struct vm *vm)
{
	return __atomic_load_n(&vm->killed, __ATOMIC_ACQUIRE);
}

static unsigned int cpu_number(void)
{
	return read_sysreg(mpidr_el1) & 0xff;
}

/* The TLB knows VMs, not vCPUs: what another vCPU left on this CPU must go. */
static void flush_if_new(struct vcpu *vcpu)
{
	const struct vcpu **last = &vcpu->vm->last_vcpu[cpu_number()];

	if (*last == vcpu)
		return;
	*last = vcpu;
	tlbi(vmalle1);
	asm volatile("ic iallu" : : : "memory");
	dsb(nsh);
	isb();
}

/* Virtual interrupts as they are now; the write is not cheap under QEMU. */
static void load_hcr(struct vcpu *vcpu)
{
	u64 hcr = vcpu->hcr | irq_lines(vcpu);

	if (read_sysreg(hcr_el2) != hcr)
		write_sysreg(hcr_el2, hcr);
	isb();
}

/* Everything but the general registers. */
static void load(struct vcpu *vcpu)
{
	bool primary = vm_is_primary(vcpu->vm);
	u64 mdcr = read_sysreg(mdcr_el2) & MDCR_HPMN_MASK;

	write_sysreg(vttbr_el2, stage2_vttbr(&vcpu->vm->stage2, vcpu->vm->id));
	write_sysreg(vmpidr_el2, primary ? read_sysreg(mpidr_el1) : 0x80000000 | vcpu->index);
	write_sysreg(cnthctl_el2, CNTHCTL_EL1PCTEN | (primary ? CNTHCTL_EL1PCEN : 0));
	if (!primary)
		mdcr |= MDCR_TPMCR | MDCR_TPM | MDCR_TDA | MDCR_TDOSA | MDCR_TDRA;
	write_sysreg(mdcr_el2, mdcr);
	write_sysreg(ICH_HCR_EL2, primary ? 0 : ICH_HCR_TRAP_ALL);
	write_sysreg(ICC_SRE_EL2, ICC_SRE_SRE | (primary ? ICC_SRE_ENABLE : 0));
	el1_load(&vcpu->el1);
	timer_load(vcpu);
	fp_load(&vcpu->fp);
	load_hcr(vcpu);
	flush_if_new(vcpu);
}

static void save(struct vcpu *vcpu)
{
	el1_save(&vcpu->el1);
	timer_save(vcpu);
	fp_save(&vcpu->fp);
}

/* Enters the guest until something has to be told to the primary. */
static void run_until_exit(struct vcpu *vcpu, struct exit *exit)
{
	for (;;) {
		u64 kind = guest_enter(&vcpu->regs);

		trap_secondary(vcpu, kind, exit);
		if (is_killed(vcpu->vm))
			exit_abort(exit, vcpu);
		if (exit->leave)
			return;
		load_hcr(vcpu);
	}
}

/* A blocked vCPU tells when it wants to run again; at once means not blocked. */
static void add_timeout(struct exit *exit, struct vcpu *vcpu)
{
	u64 ns;

	if (exit->value.w[0] != FFA_MSG_WAIT && exit->value.w[0] != HF_EXIT_WAIT_FOR_INTERRUPT)
		return;
	if (!level->timeouts || !timer_enabled(&vcpu->timer))
		return;
	ns = timer_remaining_ns(&vcpu->timer);
	if (ns) {
		exit->value.w[2] = ns;
		return;
	}
	exit->value.w[0] = FFA_INTERRUPT;
	if (level->due_w1_zero)
		exit->value.w[1] = 0;
}

static struct ffa_value run(struct vcpu *primary, struct vcpu *vcpu)
{
	struct exit exit = { 0 };

	save(primary);
	timer_guard_start(&primary->timer);
	load(vcpu);
	run_until_exit(vcpu, &exit);
	save(vcpu);
	timer_guard_stop();
	load(primary);

	add_timeout(&exit, vcpu);
	spin_lock(&vcpu->lock);
	vcpu->state = exit.state;
	spin_unlock(&vcpu->lock);

	testcall_point(vcpu, HFT_POINT_EXIT);
	return exit.value;
}

/* FFA_MSG_WAIT returns FFA_RUN, whatever there is: the guest has to ask again. */
static bool end_wait_locked(struct vcpu *vcpu)
{
	bool due = timer_enabled(&vcpu->timer) && !timer_remaining_ns(&vcpu->timer);

	if (!due && !vcpu->restarted && vcpu->vm->mailbox.state != MAILBOX_FULL)
		testcall_count(vcpu, HFT_COUNT_RUN_EMPTY);
	memset(vcpu->regs.x, 0, sizeof(u64) * 8);
	vcpu->regs.x[0] = FFA_RUN;
	return true;
}

/* A waiting vCPU: has anything happened that it waits for? */
static bool is_woken_locked(struct vcpu *vcpu, struct ffa_value *result)
{
	bool message = vcpu->state == VCPU_WAIT_MESSAGE;
	u64 ns = 0;

	if (message && level->wait_returns_run)
		return end_wait_locked(vcpu);
	vcpu->handed = message && mailbox_hand_over_locked(vcpu);
	if (vcpu->handed)
		return true;
	if (irq_deliverable_locked(vcpu))
		return true;
	if (timer_enabled(&vcpu->timer)) {
		ns = timer_remaining_ns(&vcpu->timer);
		if (!ns)
			return true;
	}
	*result = (struct ffa_value){ .w = {
		message ? FFA_MSG_WAIT : HF_EXIT_WAIT_FOR_INTERRUPT,
		vcpu_id(vcpu),
		ns,
	} };
	return false;
}

/* It never started: there are no registers to run it with. */
static void note_off(struct vcpu *vcpu)
{
	if (vcpu->ran)
		return;
	testcall_count(vcpu, HFT_COUNT_RUN_OFF);
	if (level->off_runs)
		panic("FFA_RUN of VM %u vCPU %u, which never started: the CPU is lost",
		      vcpu->vm->id, vcpu->index);
}

/* A VM that was aborted; by HFT_KILL while the vCPU did not run: it is news. */
static struct ffa_value aborted_locked(struct vcpu *vcpu)
{
	bool news = is_killed(vcpu->vm) && vcpu->state != VCPU_ABORTED;

	__atomic_store_n(&vcpu->vm->aborting, true, __ATOMIC_RELAXED);
	vcpu->state = VCPU_ABORTED;
	return ffa_error(news || level->says_aborted ? FFA_RET_ABORTED :
						       FFA_RET_INVALID_PARAMETERS);
}

/* True: the vCPU is the caller's to run. False: @result is FFA_RUN's. */
static bool prepare_locked(struct vcpu *vcpu, struct ffa_value *result)
{
	if (vcpu->state == VCPU_RUNNING) {
		*result = ffa_error(FFA_RET_BUSY);
		return false;
	}
	if (__atomic_load_n(&vcpu->vm->aborting, __ATOMIC_RELAXED) || is_killed(vcpu->vm)) {
		*result = aborted_locked(vcpu);
		return false;
	}
	if (vcpu->restarted && level->restart_dies)
		panic("FFA_RUN of VM %u vCPU %u, which was off and is on again", vcpu->vm->id,
		      vcpu->index);

	vcpu->handed = false;
	*result = ffa_error(FFA_RET_INVALID_PARAMETERS);
	switch (vcpu->state) {
	case VCPU_READY:
		break;
	case VCPU_WAIT_MESSAGE:
	case VCPU_WAIT_INTERRUPT:
		if (!is_woken_locked(vcpu, result))
			return false;
		break;
	case VCPU_OFF:
		note_off(vcpu);
		return false;
	default:
		return false;
	}

	vcpu->state = VCPU_RUNNING;
	vcpu->ran = true;
	vcpu->restarted = false;
	timer_deliver_locked(vcpu);
	return true;
}

struct ffa_value run_vcpu(struct vcpu *primary, u64 target)
{
	struct vcpu *vcpu = vcpu_find(target >> 16 & 0xffff, target & 0xffff);
	struct ffa_value result;
	bool ready;

	if (!vcpu || vm_is_primary(vcpu->vm))
		return ffa_error(FFA_RET_INVALID_PARAMETERS);

	testcall_count(vcpu, HFT_COUNT_RUN);
	testcall_point(vcpu, HFT_POINT_RUN);
	if (testcall_forged_exit(vcpu, &result))
		return result;

	spin_lock(&vcpu->vm->lock);
	spin_lock(&vcpu->lock);
	ready = prepare_locked(vcpu, &result);
	spin_unlock(&vcpu->lock);
	spin_unlock(&vcpu->vm->lock);
	if (!ready)
		return result;

	testcall_count(vcpu, HFT_COUNT_ENTER);
	if (vcpu->handed)
		testcall_point(vcpu, HFT_POINT_TAKEN);
	else
		testcall_jitter();
	return run(primary, vcpu);
}

void run_primary(struct vcpu *primary)
{
	load(primary);
	for (;;) {
		u64 kind = guest_enter(&primary->regs);

		trap_primary(primary, kind);
	}
}
