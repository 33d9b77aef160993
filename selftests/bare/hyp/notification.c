// SPDX-License-Identifier: GPL-2.0
/* Notifications; see notification.h. The state is the mailbox's, under its VM's lock. */
#include "notification.h"

#include "hypercall.h"
#include "level.h"
#include "testcalls.h"

/* INFO_GET, x2: more pending, number of lists, two bits of length for each. */
#define INFO_LISTS_SHIFT	7
#define INFO_LISTS_MAX		20

static u16 vcpus_of(const struct vm *vm)
{
	return vm_is_primary(vm) ? VCPUS_MAX : vm->vcpu_count;
}

/*
 * CPUs as Hafnium numbers them: the boot CPU is 0, the others are counted
 * backwards in the order of the device tree.
 */
static u32 cpu_index(void)
{
	u32 cpu = read_sysreg(mpidr_el1) & 0xff;

	return cpu ? vms[0].vcpu_count - cpu : 0;
}

/* Nobody here has notifications enabled, so it is existence that is told. */
static struct ffa_value set(const struct vm *vm, const u64 *x)
{
	u16 sender = x[1] >> 16;
	u16 receiver = x[1];

	if (sender != vm->id || receiver == vm->id || !((u32)x[3] | (u32)x[4]))
		return ffa_error(FFA_RET_INVALID_PARAMETERS);
	if (level->set_global && (x[2] & FFA_NOTIFICATION_PER_VCPU))
		return ffa_error(FFA_RET_INVALID_PARAMETERS);
	return ffa_error(vm_find(receiver) ? FFA_RET_DENIED : FFA_RET_INVALID_PARAMETERS);
}

static bool may_get(const struct vm *vm, const u64 *x)
{
	u16 id = level->get_is_swapped ? x[1] >> 16 : x[1];
	u16 vcpu = level->get_is_swapped ? x[1] : x[1] >> 16;

	if (level->get_mbz && ((u32)x[2] & ~0xf))
		return false;
	if (id != vm->id || vcpu >= vcpus_of(vm))
		return false;
	return !level->get_names_cpu || vcpus_of(vm) == 1 || vcpu == cpu_index();
}

static struct ffa_value get(struct vcpu *current, const u64 *x)
{
	struct ffa_value result = ffa_success();
	struct vm *vm = current->vm;

	if (vm_is_primary(vm))
		testcall_count(&vm->vcpus[0], HFT_COUNT_NOTIFICATION_GET);
	if (!may_get(vm, x))
		return ffa_error(FFA_RET_INVALID_PARAMETERS);
	if (!(x[2] & (FFA_NOTIFICATION_FROM_HYP | FFA_NOTIFICATION_FROM_SPM)))
		return result;

	spin_lock(&vm->lock);
	if (vm->mailbox.rx_full) {
		vm->mailbox.rx_full = false;
		vm->mailbox.unread = false;
		result.w[7] = FFA_NOTIFICATION_RX_FULL;
		if (level->get_reads)
			vm->mailbox.state = MAILBOX_READ;
	}
	spin_unlock(&vm->lock);
	return result;
}

/* True once for each time that the bit was set. */
static bool must_tell(struct vm *vm)
{
	bool tell;

	spin_lock(&vm->lock);
	tell = vm->mailbox.rx_full && !vm->mailbox.rx_full_told;
	vm->mailbox.rx_full_told |= tell;
	spin_unlock(&vm->lock);
	return tell;
}

/* Global notifications: a list is a VM's id alone, and its length 0. */
static struct ffa_value info_get(const struct vm *vm)
{
	struct ffa_value result = { .w = { FFA_SUCCESS_64 } };
	u64 lists = 0;

	if (!vm_is_primary(vm))
		return ffa_error(FFA_RET_NOT_SUPPORTED);
	for (unsigned int i = 0; i < vm_count && lists < INFO_LISTS_MAX; i++) {
		if (!must_tell(&vms[i]))
			continue;
		result.w[3 + lists / 4] |= (u64)vms[i].id << 16 * (lists % 4);
		lists++;
	}
	result.w[2] = lists << INFO_LISTS_SHIFT;
	return lists ? result : ffa_error(FFA_RET_NO_DATA);
}

/* w1 = sender << 16 | receiver. */
static struct ffa_value bind(const struct vm *vm, u32 ids)
{
	bool good = (u16)ids == vm->id && ids >> 16 != vm->id;

	return ffa_error(good ? FFA_RET_NOT_SUPPORTED : FFA_RET_INVALID_PARAMETERS);
}

bool notification_call(struct vcpu *current, struct ffa_value *result)
{
	const u64 *x = current->regs.x;

	if (!level->notifications)
		return false;
	switch ((u32)x[0]) {
	case FFA_NOTIFICATION_BITMAP_CREATE:
	case FFA_NOTIFICATION_BITMAP_DESTROY:
		*result = ffa_error(FFA_RET_NOT_SUPPORTED);
		return true;
	case FFA_NOTIFICATION_BIND:
	case FFA_NOTIFICATION_UNBIND:
		*result = bind(current->vm, (u32)x[1]);
		return true;
	case FFA_NOTIFICATION_SET:
		*result = set(current->vm, x);
		return true;
	case FFA_NOTIFICATION_GET:
		*result = get(current, x);
		return true;
	case FFA_NOTIFICATION_INFO_GET:
		*result = info_get(current->vm);
		return true;
	}
	return false;
}
