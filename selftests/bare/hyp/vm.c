// SPDX-License-Identifier: GPL-2.0
/*
 * The VMs and their vCPUs: creation, look-up, state of the registers; see vm.h.
 *
 * The table is filled at boot by one CPU and does not change afterwards, so
 * finding somebody in it needs no lock.
 */
#include "vm.h"

#include "console.h"
#include "mem.h"

#define HCR_COMMON	(HCR_VM | HCR_RW | HCR_TSC | HCR_APK | HCR_API)
/* Interrupts, timers and the GIC are the primary's own. */
#define HCR_PRIMARY	HCR_COMMON
/*
 * Physical interrupts end the run, idling is seen, no registers beyond the
 * architected ones; maintenance is broadcast because vCPUs change CPUs.
 */
#define HCR_SECONDARY	(HCR_COMMON | HCR_SWIO | HCR_FMO | HCR_IMO | HCR_AMO | HCR_FB | \
			 HCR_BSU_INNER | HCR_TWI | HCR_TWE | HCR_TIDCP | HCR_TACR)

struct vm vms[VMS_MAX];
unsigned int vm_count;

struct vm *vm_find(u64 id)
{
	if (id < HF_PRIMARY_ID || id >= HF_PRIMARY_ID + vm_count)
		return NULL;
	return &vms[id - HF_PRIMARY_ID];
}

struct vcpu *vcpu_find(u64 vm_id, u64 index)
{
	struct vm *vm = vm_find(vm_id);

	if (!vm || index >= vm->vcpu_count)
		return NULL;
	return &vm->vcpus[index];
}

struct vm *vm_create(u16 vcpu_count, const char *name)
{
	struct vm *vm = &vms[vm_count];

	if (vm_count == VMS_MAX || !vcpu_count || vcpu_count > VCPUS_MAX)
		panic("VM %s: at most %u VMs with the primary, of 1 to %u vCPUs", name,
		      VMS_MAX, VCPUS_MAX);

	vm->id = (u16)(HF_PRIMARY_ID + vm_count++);
	vm->vcpu_count = vcpu_count;
	vm->name = name;
	page_table_init(&vm->stage2, true);

	for (u16 i = 0; i < vcpu_count; i++) {
		vm->vcpus[i].vm = vm;
		vm->vcpus[i].index = i;
		vm->vcpus[i].hcr = vm_is_primary(vm) ? HCR_PRIMARY : HCR_SECONDARY;
	}
	return vm;
}

void vcpu_reset(struct vcpu *vcpu, u64 entry, u64 x0)
{
	memset(&vcpu->regs, 0, sizeof(vcpu->regs));
	memset(&vcpu->el1, 0, sizeof(vcpu->el1));
	memset(&vcpu->timer, 0, sizeof(vcpu->timer));
	memset(&vcpu->fp, 0, sizeof(vcpu->fp));
	vcpu->regs.x[0] = x0;
	vcpu->regs.pc = entry;
	vcpu->regs.pstate = PSTATE_EL1H_MASKED;
	vcpu->el1.sctlr_el1 = SCTLR_EL1_RESET;
}

void vm_lock_both(struct vm *a, struct vm *b)
{
	struct vm *first = a->id < b->id ? a : b;

	spin_lock(&first->lock);
	spin_lock(first == a ? &b->lock : &a->lock);
}

void vm_unlock_both(struct vm *a, struct vm *b)
{
	spin_unlock(&a->lock);
	spin_unlock(&b->lock);
}

void el1_save(struct el1_regs *regs)
{
#define X(reg) regs->reg = read_sysreg(reg);
	EL1_REGISTERS(X)
#undef X
}

void el1_load(const struct el1_regs *regs)
{
#define X(reg) write_sysreg(reg, regs->reg);
	EL1_REGISTERS(X)
#undef X
}
