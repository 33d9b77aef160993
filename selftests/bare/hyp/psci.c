// SPDX-License-Identifier: GPL-2.0
/*
 * PSCI; see psci.h.
 *
 * The primary's calls go to QEMU by SMC. CPU_ON makes a detour: the CPU starts
 * at cpu_entry at EL2, and from there at the primary's entry point. Which CPUs
 * are on is kept under psci_lock, so that the entry point of a CPU on its way
 * up is not overwritten.
 *
 * Secondaries get CPU_ON, CPU_OFF, AFFINITY_INFO and what belongs to them, but no
 * SYSTEM_OFF; a vCPU that is switched on is reported to the primary by a wake-up
 * exit.
 */
#include "psci.h"

#include "level.h"
#include "testcalls.h"

#define MPIDR_AFFINITY		0xff00ffffffUL
#define PSCI_EXTENDED_STATE_ID	2

void cpu_entry(void);

static struct spinlock psci_lock;
static bool cpu_is_on[CPUS_MAX];

void psci_init(void)
{
	cpu_is_on[0] = true;
}

static s64 forward(const u64 *x)
{
	return (s64)smc(x[0], x[1], x[2], x[3]);
}

static s64 primary_cpu_on(const u64 *x)
{
	u64 cpu = x[1] & MPIDR_AFFINITY;
	struct vcpu *vcpu = vcpu_find(HF_PRIMARY_ID, cpu);
	s64 result = PSCI_ALREADY_ON;

	if (!vcpu)
		return PSCI_INVALID_PARAMETERS;

	spin_lock(&psci_lock);
	if (!cpu_is_on[cpu]) {
		vcpu_reset(vcpu, x[2], x[3]);
		cpu_is_on[cpu] = true;
		/* The new CPU reads with its caches on, but fetches without. */
		dsb(sy);
		result = (s64)smc(PSCI_CPU_ON, x[1], (u64)cpu_entry, 0);
		if (result != PSCI_SUCCESS)
			cpu_is_on[cpu] = false;
	}
	spin_unlock(&psci_lock);
	return result;
}

/* Between the flag and the firmware's power-off a CPU_ON is told "already on". */
static s64 primary_cpu_off(const struct vcpu *vcpu)
{
	spin_lock(&psci_lock);
	cpu_is_on[vcpu->index] = false;
	spin_unlock(&psci_lock);
	return (s64)smc(PSCI_CPU_OFF, 0, 0, 0);
}

static s64 primary_call(struct vcpu *vcpu)
{
	const u64 *x = vcpu->regs.x;

	switch ((u32)x[0]) {
	case PSCI_CPU_ON:
	case PSCI_CPU_ON_32:
		return primary_cpu_on(x);
	case PSCI_CPU_OFF:
		return primary_cpu_off(vcpu);
	case PSCI_VERSION:
	case PSCI_CPU_SUSPEND:
	case PSCI_CPU_SUSPEND_32:
	case PSCI_AFFINITY_INFO:
	case PSCI_AFFINITY_INFO_32:
	case PSCI_MIGRATE_INFO_TYPE:
	case PSCI_SYSTEM_OFF:
	case PSCI_SYSTEM_RESET:
	case PSCI_FEATURES:
		return forward(x);
	}
	return PSCI_NOT_SUPPORTED;
}

static bool is_off_locked(const struct vcpu *vcpu)
{
	return vcpu->state == VCPU_OFF ||
	       (level->off_until_run && vcpu->state == VCPU_READY && !vcpu->ran);
}

static s64 secondary_cpu_on(struct vcpu *current, const u64 *x, struct exit *exit)
{
	struct vcpu *target = vcpu_find(current->vm->id, x[1] & MPIDR_AFFINITY);
	s64 result = PSCI_ALREADY_ON;

	if (!target)
		return PSCI_INVALID_PARAMETERS;

	spin_lock(&target->lock);
	if (is_off_locked(target)) {
		vcpu_reset(target, x[2], x[3]);
		/* What started once waits for a message before it starts again. */
		target->restarted = target->ran;
		target->state = target->ran && level->restart_waits ? VCPU_WAIT_MESSAGE :
								      VCPU_READY;
		result = PSCI_SUCCESS;
	}
	spin_unlock(&target->lock);

	if (result == PSCI_SUCCESS) {
		testcall_point(current, HFT_POINT_CPU_ON);
		exit_wake(exit, target);
	}
	return result;
}

static s64 secondary_affinity_info(struct vcpu *current, u64 mpidr, u64 lowest)
{
	struct vcpu *target = vcpu_find(current->vm->id, mpidr & MPIDR_AFFINITY);
	s64 result;

	if (!target || lowest)
		return PSCI_INVALID_PARAMETERS;
	spin_lock(&target->lock);
	result = is_off_locked(target) ? PSCI_AFFINITY_OFF : PSCI_AFFINITY_ON;
	spin_unlock(&target->lock);
	return result;
}

/* It looks like WFI; only the next FFA_RUN tells. */
static s64 secondary_cpu_off(struct vcpu *current, struct exit *exit)
{
	spin_lock(&current->vm->lock);
	mailbox_done_locked(current);
	spin_unlock(&current->vm->lock);
	exit_to_primary(exit, current, HF_EXIT_WAIT_FOR_INTERRUPT, VCPU_OFF);
	return PSCI_DENIED;
}

static s64 secondary_features(u32 func)
{
	switch (func) {
	case PSCI_VERSION:
	case PSCI_FEATURES:
	case PSCI_CPU_ON:
	case PSCI_CPU_ON_32:
	case PSCI_CPU_OFF:
	case PSCI_AFFINITY_INFO:
	case PSCI_AFFINITY_INFO_32:
		return PSCI_SUCCESS;
	case PSCI_CPU_SUSPEND:
	case PSCI_CPU_SUSPEND_32:
		return PSCI_EXTENDED_STATE_ID;
	}
	return PSCI_NOT_SUPPORTED;
}

static s64 secondary_call(struct vcpu *vcpu, struct exit *exit)
{
	const u64 *x = vcpu->regs.x;

	switch ((u32)x[0]) {
	case PSCI_VERSION:
		return PSCI_VERSION_1_1;
	case PSCI_FEATURES:
		return secondary_features((u32)x[1]);
	case PSCI_CPU_ON:
	case PSCI_CPU_ON_32:
		return secondary_cpu_on(vcpu, x, exit);
	case PSCI_CPU_OFF:
		return secondary_cpu_off(vcpu, exit);
	case PSCI_CPU_SUSPEND:
	case PSCI_CPU_SUSPEND_32:
		exit_to_primary(exit, vcpu, HF_EXIT_WAIT_FOR_INTERRUPT, VCPU_WAIT_INTERRUPT);
		return PSCI_SUCCESS;
	case PSCI_AFFINITY_INFO:
	case PSCI_AFFINITY_INFO_32:
		return secondary_affinity_info(vcpu, x[1], x[2]);
	}
	return PSCI_NOT_SUPPORTED;
}

bool psci_call(struct vcpu *vcpu, struct exit *exit)
{
	u32 base = (u32)vcpu->regs.x[0] & ~FFA_FN64_BIT;
	s64 result;

	/* PSCI_FN_MIN to _MAX, the 32-bit ids; the 64-bit ones differ in one bit. */
	if (base < PSCI_FN_MIN || base > PSCI_FN_MAX)
		return false;
	if (vm_is_primary(vcpu->vm)) {
		vcpu->regs.x[0] = (u64)primary_call(vcpu);
		return true;
	}
	result = secondary_call(vcpu, exit);
	vcpu->regs.x[0] = level->psci_32 ? (u32)result : (u64)result;
	return true;
}
