// SPDX-License-Identifier: GPL-2.0
/* Notifications; see notification.h. */
#include "notification.h"

#include "console.h"
#include "hypercall.h"
#include "level.h"
#include "mem.h"
#include "testcalls.h"

/*
 * INFO_GET, x2: more pending, number of lists, two bits for each: how many vCPUs it
 * names. x3..x7: for each list the VM's id and then those vCPUs.
 */
#define INFO_MORE_PENDING	0x1
#define INFO_LISTS_SHIFT	7
#define INFO_LENGTHS_SHIFT	12
#define INFO_VCPUS_MAX		3
#define INFO_IDS_MAX		20

struct info {
	u16 ids[INFO_IDS_MAX];
	unsigned int id_count;
	unsigned int lists;
	u64 lengths;
	unsigned int list_len;	/* of the last list */
	bool list_open;		/* it is of the VM at hand, and takes more */
	bool full;
};

/*
 * Bits that are pending in all VMs, and those that INFO_GET told. Atomic. A bit that
 * is set twice counts twice and is got once: "more pending" may then stay for good.
 */
static u32 pending_count;
static u32 told_count;

static u32 count_bits(u64 bits)
{
	u32 count = 0;

	for (; bits; bits &= bits - 1)
		count++;
	return count;
}

static void set_pending(struct notified *state, u64 bits)
{
	state->pending |= bits;
	__atomic_fetch_add(&pending_count, count_bits(bits), __ATOMIC_RELAXED);
}

static u64 take_pending(struct notified *state)
{
	u64 bits = state->pending;

	__atomic_fetch_sub(&pending_count, count_bits(bits), __ATOMIC_RELAXED);
	__atomic_fetch_sub(&told_count, count_bits(bits & state->told), __ATOMIC_RELAXED);
	*state = (struct notified){ 0 };
	return bits;
}

void notification_rx_full_locked(struct vm *vm)
{
	set_pending(&vm->notifications.framework, FFA_NOTIFICATION_RX_FULL);
}

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

/* BIND, UNBIND and SET: w1 = sender << 16 | receiver. */
static u16 sender_of(const u64 *x)
{
	return x[1] >> 16;
}

static u16 receiver_of(const u64 *x)
{
	return x[1];
}

static u64 bits_of(const u64 *x)
{
	return (u32)x[3] | x[4] << 32;
}

static bool are_bound(const struct notifications *n, u16 sender, u64 bits)
{
	for (unsigned int i = 0; i < NOTIFICATIONS_MAX; i++) {
		if (bits >> i & 1 && n->sender[i] != sender)
			return false;
	}
	return true;
}

static bool is_any_pending(const struct notifications *n, u64 bits)
{
	u64 pending = n->global.pending;

	for (unsigned int i = 0; i < VCPUS_MAX; i++)
		pending |= n->vcpus[i].pending;
	return pending & bits;
}

static void bind_locked(struct notifications *n, u16 sender, u64 bits, bool per_vcpu)
{
	for (unsigned int i = 0; i < NOTIFICATIONS_MAX; i++) {
		if (bits >> i & 1)
			n->sender[i] = sender;
	}
	n->per_vcpu &= ~bits;
	if (per_vcpu)
		n->per_vcpu |= bits;
}

static bool bind_is_good(const struct vm *vm, const u64 *x, u32 flags)
{
	if (level->set_global && flags)
		return false;
	if (level->flags_mbz && (flags & ~FFA_NOTIFICATION_PER_VCPU))
		return false;
	return receiver_of(x) == vm->id && sender_of(x) != vm->id && bits_of(x);
}

/* UNBIND has no flags. 0, or an error in the order of Hafnium's checks. */
static s32 bind_or_unbind_locked(struct vm *vm, const u64 *x, bool bind)
{
	struct notifications *n = &vm->notifications;
	u32 flags = bind ? (u32)x[2] : 0;
	u16 sender = sender_of(x);
	u64 bits = bits_of(x);

	if (!bind_is_good(vm, x, flags))
		return FFA_RET_INVALID_PARAMETERS;
	if (!vm->notifies || (level->bind_wants_1_1 && vm->ffa_version < FFA_VERSION_1_1))
		return FFA_RET_NOT_SUPPORTED;
	if (!vm_find(sender))
		return bind ? FFA_RET_INVALID_PARAMETERS : FFA_RET_DENIED;
	if (!are_bound(n, bind ? 0 : sender, bits) || is_any_pending(n, bits))
		return FFA_RET_DENIED;
	bind_locked(n, bind ? sender : 0, bits, flags & FFA_NOTIFICATION_PER_VCPU);
	return 0;
}

static s32 bind_or_unbind(struct vm *vm, const u64 *x, bool bind)
{
	s32 error;

	spin_lock(&vm->lock);
	error = bind_or_unbind_locked(vm, x, bind);
	spin_unlock(&vm->lock);
	return error;
}

static bool set_is_good(const struct vm *vm, const u64 *x)
{
	u32 flags = (u32)x[2];
	bool per_vcpu = flags & FFA_NOTIFICATION_PER_VCPU;
	u16 known = FFA_NOTIFICATION_PER_VCPU | FFA_NOTIFICATION_DELAY_SRI;

	if (level->set_global && per_vcpu)
		return false;
	if (level->set_mbz && ((u16)flags & ~known || (!per_vcpu && flags >> 16)))
		return false;
	return sender_of(x) == vm->id && receiver_of(x) != vm->id && bits_of(x);
}

/* @to exists. */
static s32 set_locked(struct vm *to, const u64 *x)
{
	struct notifications *n = &to->notifications;
	bool per_vcpu = x[2] & FFA_NOTIFICATION_PER_VCPU;
	u16 vcpu = (u32)x[2] >> 16;
	u64 bits = bits_of(x);
	u64 wrong_kind = per_vcpu ? bits & ~n->per_vcpu : bits & n->per_vcpu;

	if (!to->notifies || !are_bound(n, sender_of(x), bits))
		return FFA_RET_DENIED;
	if (wrong_kind)
		return level->set_tells_kind && wrong_kind == bits ? FFA_RET_INVALID_PARAMETERS :
								     FFA_RET_DENIED;
	if (per_vcpu && vcpu >= vcpus_of(to))
		return FFA_RET_INVALID_PARAMETERS;
	if (vcpu >= vcpus_of(to))
		panic("a global notification of vCPU %u, which VM %u does not have", vcpu, to->id);
	set_pending(per_vcpu ? &n->vcpus[vcpu] : &n->global, bits);
	return 0;
}

static s32 set(const struct vm *vm, const u64 *x)
{
	struct vm *to = vm_find(receiver_of(x));
	s32 error;

	if (!set_is_good(vm, x) || !to)
		return FFA_RET_INVALID_PARAMETERS;
	spin_lock(&to->lock);
	error = set_locked(to, x);
	spin_unlock(&to->lock);
	return error;
}

static u16 vcpu_to_get(const u64 *x)
{
	return level->get_is_swapped ? x[1] : x[1] >> 16;
}

static bool may_get(const struct vm *vm, const u64 *x)
{
	u16 id = level->get_is_swapped ? x[1] >> 16 : x[1];
	u16 vcpu = vcpu_to_get(x);

	if (level->flags_mbz && ((u32)x[2] & ~0xf))
		return false;
	if (id != vm->id || vcpu >= vcpus_of(vm))
		return false;
	return !level->get_names_cpu || vcpus_of(vm) == 1 || vcpu == cpu_index();
}

static u64 get_framework_locked(struct vm *vm)
{
	u64 bits = take_pending(&vm->notifications.framework);

	if (bits) {
		vm->mailbox.unread = false;
		if (level->get_reads)
			vm->mailbox.state = MAILBOX_READ;
	}
	return bits;
}

static struct ffa_value get(struct vcpu *current, const u64 *x)
{
	struct ffa_value result = ffa_success();
	struct vm *vm = current->vm;
	struct notifications *n = &vm->notifications;
	u64 bits;

	if (vm_is_primary(vm))
		testcall_count(&vm->vcpus[0], HFT_COUNT_NOTIFICATION_GET);
	if (!may_get(vm, x))
		return ffa_error(FFA_RET_INVALID_PARAMETERS);

	spin_lock(&vm->lock);
	if (x[2] & FFA_NOTIFICATION_FROM_VM) {
		bits = take_pending(&n->global) | take_pending(&n->vcpus[vcpu_to_get(x)]);
		result.w[4] = (u32)bits;
		result.w[5] = bits >> 32;
	}
	if (x[2] & (FFA_NOTIFICATION_FROM_HYP | FFA_NOTIFICATION_FROM_SPM))
		result.w[7] = get_framework_locked(vm);
	spin_unlock(&vm->lock);
	return result;
}

/* @vcpu: whose bits these are, -1 = of no particular one. */
static void tell(struct info *info, struct notified *state, u16 vm_id, int vcpu)
{
	u64 fresh = state->pending & ~state->told;
	unsigned int ids = !info->list_open + (vcpu >= 0);

	if (!fresh || info->full)
		return;
	info->full = info->id_count == INFO_IDS_MAX || info->id_count + ids > INFO_IDS_MAX;
	if (info->full)
		return;
	if (!info->list_open) {
		info->ids[info->id_count++] = vm_id;
		info->lists++;
		info->list_len = 0;
		info->list_open = true;
	}
	if (vcpu >= 0) {
		info->ids[info->id_count++] = (u16)vcpu;
		info->lengths += 1UL << 2 * (info->lists - 1);
		info->list_open = ++info->list_len < INFO_VCPUS_MAX;
	}
	state->told |= fresh;
	__atomic_fetch_add(&told_count, count_bits(fresh), __ATOMIC_RELAXED);
}

static void tell_vm(struct info *info, struct vm *vm)
{
	struct notifications *n = &vm->notifications;

	info->list_open = false;
	spin_lock(&vm->lock);
	tell(info, &n->framework, vm->id, -1);
	tell(info, &n->global, vm->id, -1);
	for (u16 i = 0; i < vcpus_of(vm); i++)
		tell(info, &n->vcpus[i], vm->id, i);
	spin_unlock(&vm->lock);
}

static struct ffa_value info_get(const struct vm *vm)
{
	struct ffa_value result = { .w = { FFA_SUCCESS_64 } };
	struct info info = { 0 };

	if (!vm_is_primary(vm))
		return ffa_error(FFA_RET_NOT_SUPPORTED);
	for (unsigned int i = 0; i < vm_count && !info.full; i++)
		tell_vm(&info, &vms[i]);
	if (!info.id_count)
		return ffa_error(FFA_RET_NO_DATA);

	memcpy(&result.w[3], info.ids, sizeof(info.ids));
	result.w[2] = info.lengths << INFO_LENGTHS_SHIFT | (u64)info.lists << INFO_LISTS_SHIFT;
	if (__atomic_load_n(&pending_count, __ATOMIC_RELAXED) >
	    __atomic_load_n(&told_count, __ATOMIC_RELAXED))
		result.w[2] |= INFO_MORE_PENDING;
	return result;
}

static struct ffa_value status(s32 error)
{
	return error ? ffa_error(error) : ffa_success();
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
		*result = status(bind_or_unbind(current->vm, x,
						(u32)x[0] == FFA_NOTIFICATION_BIND));
		return true;
	case FFA_NOTIFICATION_SET:
		*result = status(set(current->vm, x));
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
