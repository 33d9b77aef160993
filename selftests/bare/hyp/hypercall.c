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
#include "notification.h"
#include "partition.h"
#include "psci.h"
#include "testcalls.h"

#define VERSION_RESERVED	0x80000000

struct ffa_value ffa_success(void)
{
	return (struct ffa_value){ .w = { FFA_SUCCESS } };
}

struct ffa_value ffa_error(s32 error)
{
	u64 code = level->sign_extended ? (u64)(s64)error : (u32)error;

	return (struct ffa_value){ .w = { FFA_ERROR, 0, code } };
}

/* FFA_VERSION has no FFA_ERROR: its error is the result itself. */
static u64 version_error(void)
{
	return level->sign_extended ? (u64)-1 : (u32)-1;
}

static bool is_refused(u32 asked)
{
	if (asked & VERSION_RESERVED)
		return true;
	return level->version_refuses &&
	       (asked > level->ffa_version ||
		FFA_VERSION_MAJOR(asked) != FFA_VERSION_MAJOR(level->ffa_version));
}

static bool store_locked(struct vm *vm, u32 asked)
{
	if (vm->ffa_version_locked && asked != vm->ffa_version)
		return false;
	if (level->version_stored)
		vm->ffa_version = asked;
	return true;
}

static struct ffa_value ffa_version(struct vm *vm, u32 asked)
{
	struct ffa_value result = { .w = { level->ffa_version } };
	bool stored = false;

	if (!is_refused(asked)) {
		spin_lock(&vm->lock);
		stored = store_locked(vm, asked);
		spin_unlock(&vm->lock);
	}
	if (!stored)
		result.w[0] = version_error();
	return result;
}

/* Calls that are advertised everywhere, played or not. */
static bool is_basic(u32 func)
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
	case FFA_MSG_WAIT:
	case FFA_YIELD:
	case FFA_RUN:
	case FFA_MSG_SEND_DIRECT_REQ:
	case FFA_MSG_SEND_DIRECT_RESP:
		return true;
	}
	return func >= FFA_MEM_DONATE && func <= FFA_MEM_RECLAIM;
}

static bool has_feature(u32 func)
{
	switch (func) {
	case FFA_MSG_POLL:
	case FFA_MSG_SEND:
		return !level->hides_msg_send;
	case FFA_RXTX_UNMAP:
		return level->rxtx_unmap;
	case FFA_NOTIFICATION_BITMAP_CREATE ... FFA_NOTIFICATION_GET:
	case FFA_NOTIFICATION_INFO_GET:
	case FFA_SPM_ID_GET:
		return level->notifications;
	case FFA_MEM_PERM_GET:
	case FFA_MEM_PERM_SET:
		return level->mem_perm;
	case FFA_MSG_SEND2:
	case FFA_MEM_FRAG_RX:
	case FFA_MEM_FRAG_TX:
		return level->send2;
	case FFA_CONSOLE_LOG:
	case FFA_CONSOLE_LOG | FFA_FN64_BIT:
		return level->tells_console;
	case FFA_PARTITION_INFO_GET_REGS:
		return level->info_regs;
	}
	return is_basic(func);
}

static struct ffa_value ffa_features(u32 func, u32 zero)
{
	struct ffa_value result = ffa_success();

	if (level->features_mbz && zero)
		return ffa_error(FFA_RET_INVALID_PARAMETERS);
	/* Interrupts that announce notifications, though none is ever raised. */
	if (level->notifications && func == FFA_FEATURE_NPI)
		result.w[2] = HF_NPI_INTID;
	else if (level->notifications && func == FFA_FEATURE_SRI)
		result.w[2] = HF_SRI_INTID;
	if (result.w[2])
		return result;
	return has_feature(func) ? ffa_success() : ffa_error(FFA_RET_NOT_SUPPORTED);
}

static struct ffa_value ffa_yield(struct vcpu *current, struct exit *exit)
{
	const u64 *x = current->regs.x;

	if (vm_is_primary(current->vm))
		return ffa_success();
	exit_to_primary(exit, current, FFA_YIELD, VCPU_READY);
	if (level->yield_timeout) {
		exit->value.w[2] = (u32)x[2];
		exit->value.w[3] = (u32)x[3];
	}
	return ffa_success();
}

static struct ffa_value ffa_run(struct vcpu *current, u32 target)
{
	if (!vm_is_primary(current->vm))
		return ffa_error(FFA_RET_DENIED);
	return run_vcpu(current, target);
}

static void flush_log_locked(struct vm *vm)
{
	vm->log[vm->log_len] = '\0';
	log_line("VM %u: %s", vm->id, vm->log);
	vm->log_len = 0;
}

static void log_char_locked(struct vm *vm, char c)
{
	if (c == '\n' || c == '\0') {
		flush_log_locked(vm);
		return;
	}
	vm->log[vm->log_len++] = c;
	if (vm->log_len == sizeof(vm->log) - 1)
		flush_log_locked(vm);
}

static s64 debug_log(struct vm *vm, char c)
{
	spin_lock(&vm->lock);
	log_char_locked(vm, c);
	spin_unlock(&vm->lock);
	return 0;
}

/* w1 = number of characters in w2..w7, or x2..x7. */
static struct ffa_value console_log(struct vm *vm, const u64 *x)
{
	size_t width = x[0] & FFA_FN64_BIT ? sizeof(u64) : sizeof(u32);

	if (!x[1] || x[1] > 6 * width)
		return ffa_error(FFA_RET_INVALID_PARAMETERS);
	spin_lock(&vm->lock);
	for (size_t i = 0; i < x[1]; i++)
		log_char_locked(vm, (char)(x[2 + i / width] >> 8 * (i % width)));
	spin_unlock(&vm->lock);
	return ffa_success();
}

/* Calls that have nothing to do with messages. */
static bool general_call(struct vcpu *current, struct ffa_value *result, struct exit *exit)
{
	const u64 *x = current->regs.x;

	switch ((u32)x[0]) {
	case FFA_VERSION:
		*result = ffa_version(current->vm, (u32)x[1]);
		return true;
	case FFA_FEATURES:
		*result = ffa_features((u32)x[1], (u32)x[2]);
		return true;
	case FFA_PARTITION_INFO_GET:
		*result = partition_info(current);
		return true;
	case FFA_ID_GET:
		*result = (struct ffa_value){ .w = { FFA_SUCCESS, 0, current->vm->id } };
		return true;
	case FFA_YIELD:
		*result = ffa_yield(current, exit);
		return true;
	case FFA_RUN:
		*result = ffa_run(current, (u32)x[1]);
		return true;
	case FFA_CONSOLE_LOG:
	case FFA_CONSOLE_LOG | FFA_FN64_BIT:
		if (!level->console_log)
			return false;
		*result = console_log(current->vm, x);
		return true;
	}
	return false;
}

static bool mailbox_call(struct vcpu *current, struct ffa_value *result, struct exit *exit)
{
	const u64 *x = current->regs.x;

	switch ((u32)x[0]) {
	case FFA_RX_RELEASE:
		*result = mailbox_release(current, (u32)x[1], exit);
		return true;
	case FFA_RXTX_MAP:
		*result = mailbox_map(current, x[1], x[2], (u32)x[3], exit);
		return true;
	case FFA_RXTX_UNMAP:
		if (level->rxtx_unmap)
			*result = mailbox_unmap(current, (u32)x[1]);
		return level->rxtx_unmap;
	case FFA_MSG_POLL:
		*result = mailbox_poll(current);
		return true;
	case FFA_MSG_WAIT:
		*result = mailbox_wait(current, exit);
		return true;
	case FFA_MSG_SEND:
		*result = mailbox_send(current, (u32)x[1], (u32)x[3], (u32)x[4], exit);
		return true;
	case FFA_MSG_SEND2:
		if (level->send2)
			*result = mailbox_send2(current, (u32)x[1], (u32)x[2]);
		return level->send2;
	}
	return false;
}

/* What exists, and is not played. */
static bool other_call(u32 func, struct ffa_value *result)
{
	*result = ffa_error(FFA_RET_NOT_SUPPORTED);
	return has_feature(func & ~FFA_FN64_BIT);
}

/* False: no such call. */
static bool ffa_call(struct vcpu *current, struct exit *exit)
{
	struct ffa_value result;
	u32 func = (u32)current->regs.x[0];
	bool locks = level->version_locks && func != FFA_VERSION;

	if (func == FFA_PARTITION_INFO_GET_REGS && level->info_regs) {
		partition_info_regs(current);
	} else {
		if (!general_call(current, &result, exit) &&
		    !mailbox_call(current, &result, exit) &&
		    !notification_call(current, &result) && !other_call(func, &result))
			return false;
		memcpy(current->regs.x, result.w, sizeof(result.w));
	}
	if (locks && !__atomic_load_n(&current->vm->ffa_version_locked, __ATOMIC_RELAXED))
		__atomic_store_n(&current->vm->ffa_version_locked, true, __ATOMIC_RELAXED);
	return true;
}

/* False: no such call. */
static bool hafnium_call(struct vcpu *current, s64 *result, struct exit *exit)
{
	const u64 *x = current->regs.x;

	switch (x[0]) {
	case HF_MAILBOX_WRITABLE_GET:
		*result = mailbox_writable_get(current);
		return level->waiter_calls;
	case HF_MAILBOX_WAITER_GET:
		*result = mailbox_waiter_get(current, x[1]);
		return level->waiter_calls;
	case HF_INTERRUPT_ENABLE:
		*result = irq_enable(current, x[1], x[2], x[3]);
		return true;
	case HF_INTERRUPT_GET:
		*result = irq_get(current);
		return true;
	case HF_INTERRUPT_INJECT:
		if (level->inject)
			*result = irq_inject(current, x[1], x[2], x[3], exit);
		return level->inject;
	case HF_DEBUG_LOG:
		if (level->debug_log)
			*result = debug_log(current->vm, (char)x[1]);
		return level->debug_log;
	}
	return false;
}

static bool is_ffa(u64 func)
{
	u32 base = (u32)func & ~FFA_FN64_BIT;

	return base >= FFA_FN_MIN && base <= FFA_FN_MAX;
}

/* A call that was told to fail. */
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

static void serve(struct vcpu *vcpu, struct exit *exit)
{
	u64 *x = vcpu->regs.x;
	bool known;
	s64 result;

	if (is_ffa(x[0])) {
		known = ffa_call(vcpu, exit);
	} else {
		known = hafnium_call(vcpu, &result, exit);
		if (known)
			x[0] = (u64)result;
	}
	if (!known && !level->unknown_keeps_id)
		x[0] = (u64)-1;
}

/* True: the call was one of the test bed's, or fails because of it. */
static bool serve_test(struct vcpu *vcpu)
{
	u64 *x = vcpu->regs.x;
	s64 result;
	s32 error;

	if (testcall(x, &result)) {
		x[0] = (u64)result;
		return true;
	}
	if (testcall_fails((u32)x[0], &error)) {
		set_failure(vcpu, error);
		return true;
	}
	return false;
}

void hypercall(struct vcpu *vcpu, bool smc, struct exit *exit)
{
	if (psci_call(vcpu, exit))
		return;
	if (smc) {
		vcpu->regs.x[0] = (u64)-1;
		return;
	}
	if (!vm_is_primary(vcpu->vm)) {
		if (vcpu->regs.x[0] == HFT_KILL)
			testcall_kill(vcpu, exit);
		else if (vcpu->regs.x[0] == HFT_SIGNAL)
			vcpu->regs.x[0] = testcall_signal(vcpu->vm);
		else
			serve(vcpu, exit);
		return;
	}
	if (serve_test(vcpu))
		return;
	testcall_jitter();
	serve(vcpu, exit);
	testcall_jitter();
}
