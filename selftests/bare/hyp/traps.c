// SPDX-License-Identifier: GPL-2.0
/*
 * Exceptions that reach EL2; see traps.h. On the CPU that took them, no lock
 * held, the guest's system registers still in place.
 *
 * A secondary that does what it must not gets an exception of its own, as from
 * Hafnium at every version, and a line in the log. The primary gets an external abort for memory that is not its own, as from a bus
 * without a device; anything else from it, and any exception of EL2 itself, is
 * a defect of the test bed: HYP PANIC with a register dump.
 */
#include "traps.h"

#include "console.h"
#include "hypercall.h"
#include "level.h"
#include "timer.h"

#define ESR_EC_SHIFT		26
#define ESR_EC(esr)		((esr) >> ESR_EC_SHIFT & 0x3f)
#define EC_WFX			0x01
#define EC_HVC64		0x16
#define EC_SMC64		0x17
#define EC_SYSREG		0x18
#define EC_INSTR_ABORT		0x20
#define EC_INSTR_ABORT_SAME	0x21
#define EC_DATA_ABORT		0x24
#define EC_DATA_ABORT_SAME	0x25

#define ESR_WFE			0x1
#define ESR_IL			(1UL << 25)
#define ESR_ISS			(ESR_IL - 1)
#define ESR_WRITE		(1UL << 6)
#define ESR_S1PTW		(1UL << 7)
#define ESR_CM			(1UL << 8)
#define ESR_FSC(esr)		((esr) & 0x3c)	/* without the level */
#define FSC_TRANSLATION		0x04
#define FSC_PERMISSION		0x0c
#define FSC_EXTERNAL		0x10

/* A trapped MRS or MSR: op0, op1, CRn and CRm of CNTP_*_EL0 are 3, 3, 14, 2. */
#define ESR_SYS_READ		0x1
#define ESR_SYS_RT(esr)		((esr) >> 5 & 0x1f)
#define ESR_SYS_OP2(esr)	((esr) >> 17 & 0x7)
#define ESR_SYS_MASK		0x31fc1eUL
#define ESR_SYS_CNTP		(3UL << 20 | 3UL << 14 | 14UL << 10 | 2UL << 1)

/* Of a VM. */
#define FAULTS_LOGGED		8

/* Offsets from VBAR_EL1. */
#define VECTOR_EL1T		0x000
#define VECTOR_EL1H		0x200
#define VECTOR_EL0_64		0x400
#define VECTOR_EL0_32		0x600

static u64 fault_ipa(void)
{
	return (read_sysreg(hpfar_el2) & ~0xfUL) << 8 | (read_sysreg(far_el2) & (PAGE_SIZE - 1));
}

static void dump(const struct regs *regs)
{
	for (int i = 0; i < 30; i += 3)
		log_line("x%02d %016lx  x%02d %016lx  x%02d %016lx", i, regs->x[i],
			 i + 1, regs->x[i + 1], i + 2, regs->x[i + 2]);
	log_line("x30 %016lx  pc  %016lx  psr %016lx", regs->x[30], regs->pc, regs->pstate);
	log_line("esr %016lx  far %016lx  ipa %016lx", read_sysreg(esr_el2),
		 read_sysreg(far_el2), fault_ipa());
}

/* Called by the vectors with x0..x30 of EL2 itself in @regs. */
void __attribute__((noreturn)) el2_panic(struct regs *regs, u64 vector);

void el2_panic(struct regs *regs, u64 vector)
{
	panic("exception %lu at EL2, cpu %lu, pc %lx lr %lx x0 %lx x1 %lx sp %p esr %lx far %lx",
	      vector, read_sysreg(mpidr_el1) & 0xff, read_sysreg(elr_el2), regs->x[30],
	      regs->x[0], regs->x[1], (void *)(regs + 1), read_sysreg(esr_el2),
	      read_sysreg(far_el2));
}

/*
 * Another CPU splits or protects pages by taking the entry away for a moment.
 * An access that would be allowed once the VM's lock is free is simply retried.
 */
static bool is_stale_fault(struct vm *vm, u64 esr)
{
	bool write = ESR_EC(esr) == EC_DATA_ABORT && (esr & ESR_WRITE) &&
		     !(esr & (ESR_CM | ESR_S1PTW));
	bool stale;

	if (ESR_FSC(esr) != FSC_TRANSLATION && ESR_FSC(esr) != FSC_PERMISSION)
		return false;
	spin_lock(&vm->lock);
	stale = stage2_allows(&vm->stage2, fault_ipa(), write);
	spin_unlock(&vm->lock);
	return stale;
}

static bool is_from_el1(const struct vcpu *vcpu)
{
	u64 mode = vcpu->regs.pstate & (PSTATE_AARCH32 | PSTATE_MODE_MASK);

	return mode == PSTATE_MODE_EL1H || mode == PSTATE_MODE_EL1H - 1;
}

/* An exception with @esr, taken at EL1 from wherever the guest was. */
static void inject(struct vcpu *vcpu, u64 esr, u64 far)
{
	u64 mode = vcpu->regs.pstate & (PSTATE_AARCH32 | PSTATE_MODE_MASK);
	u64 vector = VECTOR_EL0_64;

	if (mode & PSTATE_AARCH32)
		vector = VECTOR_EL0_32;
	else if (is_from_el1(vcpu))
		vector = mode == PSTATE_MODE_EL1H ? VECTOR_EL1H : VECTOR_EL1T;

	write_sysreg(esr_el1, esr);
	write_sysreg(far_el1, far);
	write_sysreg(elr_el1, vcpu->regs.pc);
	write_sysreg(spsr_el1, vcpu->regs.pstate);
	vcpu->regs.pc = read_sysreg(vbar_el1) + vector;
	vcpu->regs.pstate = PSTATE_EL1H_MASKED;
}

/* A guest without vectors faults for ever; a few lines of it say all. */
static void log_fault(struct vcpu *vcpu, u64 esr)
{
	if (__atomic_fetch_add(&vcpu->vm->faults, 1, __ATOMIC_RELAXED) < FAULTS_LOGGED)
		log_line("HYP VM %u fault: vcpu %u esr %08lx pc %lx far %lx ipa %lx",
			 vcpu->vm->id, vcpu->index, esr, vcpu->regs.pc,
			 read_sysreg(far_el2), fault_ipa());
}

/* As Hafnium: the syndrome of stage 2, and it came from EL1 itself. */
static void fault_secondary(struct vcpu *vcpu, u64 esr)
{
	u64 ec = ESR_EC(esr) == EC_DATA_ABORT ? EC_DATA_ABORT_SAME : EC_INSTR_ABORT_SAME;

	log_fault(vcpu, esr);
	inject(vcpu, ec << ESR_EC_SHIFT | (esr & (ESR_IL | ESR_ISS)), read_sysreg(far_el2));
}

/* An instruction that there is not: "unknown reason". */
static void undefined_secondary(struct vcpu *vcpu, u64 esr)
{
	log_fault(vcpu, esr);
	inject(vcpu, esr & ESR_IL, 0);
}

/* CNTP_*_EL0, where it is played; everything else is undefined. */
static void trap_sysreg(struct vcpu *vcpu, u64 esr)
{
	unsigned int rt = ESR_SYS_RT(esr);
	u64 value = rt < 31 ? vcpu->regs.x[rt] : 0;
	bool done = (esr & ESR_SYS_MASK) == ESR_SYS_CNTP;

	if (done && (esr & ESR_SYS_READ)) {
		done = timer_read(ESR_SYS_OP2(esr), &value);
		if (done && rt < 31)
			vcpu->regs.x[rt] = value;
	} else if (done) {
		done = timer_write(ESR_SYS_OP2(esr), value);
	}
	if (done)
		vcpu->regs.pc += 4;
	else
		undefined_secondary(vcpu, esr);
}

static void trap_wfx(struct vcpu *vcpu, u64 esr, struct exit *exit)
{
	vcpu->regs.pc += 4;
	if (esr & ESR_WFE)
		exit_to_primary(exit, vcpu, FFA_YIELD, VCPU_READY);
	else
		exit_to_primary(exit, vcpu, HF_EXIT_WAIT_FOR_INTERRUPT, VCPU_WAIT_INTERRUPT);
}

static void trap_secondary_sync(struct vcpu *vcpu, struct exit *exit)
{
	u64 esr = read_sysreg(esr_el2);

	switch (ESR_EC(esr)) {
	case EC_WFX:
		trap_wfx(vcpu, esr, exit);
		break;
	case EC_HVC64:
		hypercall(vcpu, false, exit);
		break;
	case EC_SMC64:
		/* Trapped before it executed, so it is still to be stepped over. */
		vcpu->regs.pc += 4;
		hypercall(vcpu, true, exit);
		break;
	case EC_INSTR_ABORT:
	case EC_DATA_ABORT:
		if (!is_stale_fault(vcpu->vm, esr))
			fault_secondary(vcpu, esr);
		break;
	case EC_SYSREG:
		trap_sysreg(vcpu, esr);
		break;
	default:
		undefined_secondary(vcpu, esr);
		break;
	}
}

void trap_secondary(struct vcpu *vcpu, u64 kind, struct exit *exit)
{
	switch (kind) {
	case EXIT_SYNC:
		trap_secondary_sync(vcpu, exit);
		break;
	case EXIT_IRQ:
	case EXIT_FIQ:
		exit_to_primary(exit, vcpu, FFA_INTERRUPT, VCPU_READY);
		if (level->preempted_w1_zero)
			exit->value.w[1] = 0;
		break;
	default:
		dump(&vcpu->regs);
		panic("SError in VM %u", vcpu->vm->id);
	}
}

/* A synchronous external abort. */
static void inject_external(struct vcpu *vcpu, u64 esr)
{
	u64 same = is_from_el1(vcpu) ? EC_DATA_ABORT_SAME - EC_DATA_ABORT : 0;

	inject(vcpu, (ESR_EC(esr) + same) << ESR_EC_SHIFT | ESR_IL | (esr & ESR_WRITE) |
	       FSC_EXTERNAL, read_sysreg(far_el2));
}

static void trap_primary_abort(struct vcpu *vcpu, u64 esr)
{
	if (is_stale_fault(vcpu->vm, esr))
		return;
	log_line("HYP primary denied: cpu %u esr %08lx pc %lx far %lx ipa %lx", vcpu->index,
		 esr, vcpu->regs.pc, read_sysreg(far_el2), fault_ipa());
	inject_external(vcpu, esr);
}

void trap_primary(struct vcpu *vcpu, u64 kind)
{
	u64 esr = read_sysreg(esr_el2);
	/* The primary never leaves; the functions shared with secondaries ask. */
	struct exit exit = { 0 };

	if (kind != EXIT_SYNC) {
		dump(&vcpu->regs);
		panic("exception %lu from the primary", kind);
	}

	switch (ESR_EC(esr)) {
	case EC_HVC64:
		hypercall(vcpu, false, &exit);
		break;
	case EC_SMC64:
		vcpu->regs.pc += 4;
		hypercall(vcpu, true, &exit);
		break;
	case EC_INSTR_ABORT:
	case EC_DATA_ABORT:
		trap_primary_abort(vcpu, esr);
		break;
	default:
		dump(&vcpu->regs);
		panic("unexpected trap from the primary, esr %08lx", esr);
	}
}
