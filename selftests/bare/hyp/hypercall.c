// SPDX-License-Identifier: GPL-2.0
/*
 * Calls of guests; see hypercall.h. Runs on the CPU of the caller; every branch
 * takes the locks it needs.
 *
 * FF-A calls return in x0..x7, all others in x0 alone.
 */
#include "hypercall.h"

#include "console.h"
#include "irq.h"
#include "level.h"
#include "mem.h"
#include "psci.h"
#include "testcalls.h"

#define VERSION_RESERVED	0x80000000

struct ffa_value ffa_success(void)
{
	return (struct ffa_value){ .w = { FFA_SUCCESS } };
}

struct ffa_value ffa_error(s32 error)
{
	u64 code = level->sign_extended_errors ? (u64)(s64)error : (u32)error;

	return (struct ffa_value){ .w = { FFA_ERROR, 0, code } };
}

static struct ffa_value ffa_version(struct vcpu *current, u32 asked)
{
	struct ffa_value result = { .w = { level->ffa_version } };

	if (asked & VERSION_RESERVED)
		return (struct ffa_value){ .w = { (u64)(s64)FFA_RET_NOT_SUPPORTED } };
	spin_lock(&current->vm->lock);
	current->vm->ffa_version = asked;
	spin_unlock(&current->vm->lock);
	return result;
}

static struct ffa_value ffa_features(u32 func)
{
	switch (func) {
	case FFA_ERROR:
	case FFA_SUCCESS:
	case FFA_INTERRUPT:
	case FFA_VERSION:
	case FFA_FEATURES:
	case FFA_RX_RELEASE:
	case FFA_RXTX_MAP:
	case FFA_PARTITION_INFO_GET:
	case FFA_ID_GET:
	case FFA_MSG_POLL:
	case FFA_MSG_WAIT:
	case FFA_YIELD:
	case FFA_RUN:
	case FFA_MSG_SEND:
		return ffa_success();
	case FFA_RXTX_UNMAP:
		if (level->rxtx_unmap)
			return ffa_success();
		break;
	case FFA_NOTIFICATION_GET:
		if (level->notification_ids)
			return ffa_success();
		break;
	case FFA_MSG_SEND2:
		if (level->msg_send2)
			return ffa_success();
		break;
	}
	return ffa_error(FFA_RET_NOT_SUPPORTED);
}

/* Descriptors into @recv: {u16 id, u16 vCPUs, u32 properties[, u8 uuid[16]]}. */
static void write_descriptors(u8 *recv, u32 size)
{
	for (unsigned int i = 0; i < vm_count; i++, recv += size) {
		u16 *ids = (u16 *)recv;

		memset(recv, 0, size);
		ids[0] = vms[i].id;
		ids[1] = vms[i].vcpu_count;
		*(u32 *)(recv + 4) = FFA_PARTITION_INDIRECT;
	}
}

/* x1..x4 = UUID, x5 = flags. Nobody here has a UUID, so only all can be asked for. */
static struct ffa_value partition_info_locked(struct vm *vm, const u64 *x)
{
	struct ffa_value result = { .w = { FFA_SUCCESS, 0, vm_count } };
	bool v1_1 = level->ffa_version >= FFA_VERSION_1_1 && vm->ffa_version >= FFA_VERSION_1_1;
	u32 size = v1_1 ? FFA_PARTITION_SIZE_1_1 : FFA_PARTITION_SIZE_1_0;

	if ((u32)(x[1] | x[2] | x[3] | x[4]))
		return ffa_error(FFA_RET_INVALID_PARAMETERS);
	if (v1_1 && (x[5] & FFA_PARTITION_COUNT_ONLY))
		return result;
	if (vm->mailbox.state != MAILBOX_EMPTY || !vm->mailbox.recv)
		return ffa_error(FFA_RET_BUSY);

	write_descriptors(vm->mailbox.recv, size);
	vm->mailbox.state = MAILBOX_READ;
	if (v1_1)
		result.w[3] = size;
	return result;
}

static struct ffa_value ffa_partition_info(struct vcpu *current, const u64 *x)
{
	struct ffa_value result;

	spin_lock(&current->vm->lock);
	result = partition_info_locked(current->vm, x);
	spin_unlock(&current->vm->lock);
	return result;
}

static struct ffa_value ffa_yield(struct vcpu *current, struct exit *exit)
{
	if (!vm_is_primary(current->vm))
		exit_to_primary(exit, current, FFA_YIELD, VCPU_READY);
	return ffa_success();
}

static struct ffa_value ffa_run(struct vcpu *current, u32 target)
{
	if (!vm_is_primary(current->vm))
		return ffa_error(FFA_RET_DENIED);
	return run_vcpu(current, target);
}

static struct ffa_value ffa_call(struct vcpu *current, struct exit *exit)
{
	const u64 *x = current->regs.x;

	switch ((u32)x[0]) {
	case FFA_VERSION:
		return ffa_version(current, (u32)x[1]);
	case FFA_FEATURES:
		return ffa_features((u32)x[1]);
	case FFA_RX_RELEASE:
		return mailbox_release(current, exit);
	case FFA_RXTX_MAP:
		return mailbox_map(current, x[1], x[2], (u32)x[3], exit);
	case FFA_RXTX_UNMAP:
		if (level->rxtx_unmap)
			return mailbox_unmap(current);
		break;
	case FFA_PARTITION_INFO_GET:
		return ffa_partition_info(current, x);
	case FFA_ID_GET:
		return (struct ffa_value){ .w = { FFA_SUCCESS, 0, current->vm->id } };
	case FFA_MSG_POLL:
		return mailbox_receive(current, false, exit);
	case FFA_MSG_WAIT:
		return mailbox_receive(current, true, exit);
	case FFA_YIELD:
		return ffa_yield(current, exit);
	case FFA_RUN:
		return ffa_run(current, (u32)x[1]);
	case FFA_MSG_SEND:
		return mailbox_send(current, (u32)x[1], (u32)x[3], (u32)x[4], exit);
	}
	return ffa_error(FFA_RET_NOT_SUPPORTED);
}

static void flush_log_locked(struct vm *vm)
{
	vm->log[vm->log_len] = '\0';
	log_line("VM %u: %s", vm->id, vm->log);
	vm->log_len = 0;
}

static s64 debug_log(struct vm *vm, char c)
{
	spin_lock(&vm->lock);
	if (c == '\n' || c == '\0') {
		flush_log_locked(vm);
	} else {
		vm->log[vm->log_len++] = c;
		if (vm->log_len == sizeof(vm->log) - 1)
			flush_log_locked(vm);
	}
	spin_unlock(&vm->lock);
	return 0;
}

static s64 hafnium_call(struct vcpu *current, struct exit *exit)
{
	const u64 *x = current->regs.x;

	switch (x[0]) {
	case HF_MAILBOX_WRITABLE_GET:
		return mailbox_writable_get(current);
	case HF_MAILBOX_WAITER_GET:
		return mailbox_waiter_get(current, x[1]);
	case HF_INTERRUPT_ENABLE:
		return irq_enable(current, x[1], x[2], x[3]);
	case HF_INTERRUPT_GET:
		return irq_get(current);
	case HF_INTERRUPT_INJECT:
		return irq_inject(current, x[1], x[2], x[3], exit);
	case HF_DEBUG_LOG:
		return debug_log(current->vm, (char)x[1]);
	}
	return -1;
}

static bool is_ffa(u64 func)
{
	u32 base = (u32)func & ~FFA_FN64_BIT;

	return base >= FFA_FN_MIN && base <= FFA_FN_MAX;
}

/* FFA_VERSION has no FFA_ERROR: its error is the result itself. */
static void set_failure(struct vcpu *vcpu, s32 error)
{
	struct ffa_value result = ffa_error(error);

	if (!is_ffa(vcpu->regs.x[0]))
		vcpu->regs.x[0] = (u64)-1;
	else if ((u32)vcpu->regs.x[0] == FFA_VERSION)
		vcpu->regs.x[0] = (u64)(s64)error;
	else
		memcpy(vcpu->regs.x, result.w, sizeof(result.w));
}

void hypercall(struct vcpu *vcpu, bool smc, struct exit *exit)
{
	u64 *x = vcpu->regs.x;
	s64 result;
	s32 error;

	if (psci_call(vcpu, exit))
		return;
	if (smc) {
		x[0] = (u64)-1;
		return;
	}
	if (vm_is_primary(vcpu->vm)) {
		if (testcall(x, &result)) {
			x[0] = (u64)result;
			return;
		}
		if (testcall_fails((u32)x[0], &error)) {
			set_failure(vcpu, error);
			return;
		}
		testcall_jitter();
	}
	if (is_ffa(x[0])) {
		struct ffa_value value = ffa_call(vcpu, exit);

		memcpy(x, value.w, sizeof(value.w));
	} else {
		x[0] = (u64)hafnium_call(vcpu, exit);
	}
	if (vm_is_primary(vcpu->vm))
		testcall_jitter();
}
