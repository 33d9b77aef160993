// SPDX-License-Identifier: GPL-2.0
/*
 * Virtual interrupts; see irq.h.
 *
 * All state is under the vCPU's lock. Raising a line of a vCPU that runs on
 * another CPU takes effect at its next entry: the answer 1 obliges the primary
 * to kick it.
 */
#include "irq.h"

#include "level.h"
#include "testcalls.h"

bool irq_deliverable_locked(const struct vcpu *vcpu)
{
	return vcpu->irq_enabled & vcpu->irq_pending;
}

bool irq_deliverable(struct vcpu *vcpu)
{
	bool result;

	spin_lock(&vcpu->lock);
	result = irq_deliverable_locked(vcpu);
	spin_unlock(&vcpu->lock);
	return result;
}

u64 irq_lines(struct vcpu *vcpu)
{
	u64 active;
	u64 lines = 0;

	spin_lock(&vcpu->lock);
	active = vcpu->irq_enabled & vcpu->irq_pending;
	if (active & ~vcpu->irq_fiq)
		lines |= HCR_VI;
	if (active & vcpu->irq_fiq)
		lines |= HCR_VF;
	spin_unlock(&vcpu->lock);
	return lines;
}

bool irq_pend_locked(struct vcpu *vcpu, u64 intid)
{
	bool before = irq_deliverable_locked(vcpu);

	vcpu->irq_pending |= 1UL << intid;
	return !before && irq_deliverable_locked(vcpu);
}

/* The timer's, two of notifications and one more: what exists where nothing is injected. */
static bool may_enable(u64 intid)
{
	return level->enables_any || intid == HF_VIRTUAL_TIMER_INTID || intid == 4 ||
	       intid == HF_NPI_INTID || intid == 9;
}

s64 irq_enable(struct vcpu *vcpu, u64 intid, bool enable, u64 type)
{
	u64 bit = 1UL << (intid % HF_INTERRUPT_COUNT);

	if (intid >= HF_INTERRUPT_COUNT || !may_enable(intid))
		return -1;

	spin_lock(&vcpu->lock);
	if (enable)
		vcpu->irq_enabled |= bit;
	else
		vcpu->irq_enabled &= ~bit;
	if (enable && type == HF_INTERRUPT_TYPE_FIQ)
		vcpu->irq_fiq |= bit;
	else
		vcpu->irq_fiq &= ~bit;
	spin_unlock(&vcpu->lock);
	return 0;
}

s64 irq_get(struct vcpu *vcpu)
{
	s64 intid = level->irq_none;

	spin_lock(&vcpu->lock);
	if (irq_deliverable_locked(vcpu)) {
		intid = __builtin_ctzl(vcpu->irq_enabled & vcpu->irq_pending);
		vcpu->irq_pending &= ~(1UL << intid);
	}
	spin_unlock(&vcpu->lock);
	return intid;
}

/*
 * The primary may inject into any secondary, a secondary into its own VM. The
 * primary itself has no virtual interrupts.
 */
s64 irq_inject(struct vcpu *current, u64 vm_id, u64 index, u64 intid, struct exit *exit)
{
	struct vcpu *target = vcpu_find(vm_id, index);
	bool wake;

	if (!target || vm_is_primary(target->vm) || intid >= HF_INTERRUPT_COUNT)
		return -1;
	if (!vm_is_primary(current->vm) && current->vm != target->vm)
		return -1;

	testcall_count(target, HFT_COUNT_INJECT);
	spin_lock(&target->lock);
	wake = irq_pend_locked(target, intid);
	spin_unlock(&target->lock);

	if (!wake)
		return 0;
	if (vm_is_primary(current->vm))
		return 1;
	if (target != current)
		exit_wake(exit, target);
	return 0;
}
