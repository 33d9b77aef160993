// SPDX-License-Identifier: GPL-2.0
/*
 * Mailboxes; see mailbox.h.
 *
 * To v2.8 a mailbox goes EMPTY -> FULL (FFA_MSG_SEND) -> READ (its VM has learnt
 * of the message) -> EMPTY (FFA_RX_RELEASE), all under its VM's lock. The primary
 * learns of a message by the exit that brings it, so for it FULL is skipped.
 *
 * From v2.9 on there is no READ. A message that a call takes leaves the mailbox
 * EMPTY at once, while the guest reads; one that is handed over by FFA_RUN leaves
 * it FULL, and whoever waits next gets the same again; the primary's is FULL.
 *
 * As at Hafnium, looking for a message and becoming a blocked vCPU are two
 * steps: a message may arrive between them, and the primary has to know. So may
 * one between taking a message and what FFA_MSG_WAIT then releases.
 */
#include "mailbox.h"

#include "hypercall.h"
#include "irq.h"
#include "level.h"
#include "mem.h"
#include "testcalls.h"

static bool queue_push(struct id_queue *queue, u16 id)
{
	for (unsigned int i = 0; i < queue->len; i++) {
		if (queue->id[i] == id)
			return false;
	}
	queue->id[queue->len++] = id;
	return true;
}

static s64 queue_pop(struct id_queue *queue)
{
	u16 id;

	if (!queue->len)
		return -1;
	id = queue->id[0];
	queue->len--;
	memmove(&queue->id[0], &queue->id[1], queue->len * sizeof(queue->id[0]));
	return id;
}

/* A message of FFA_MSG_SEND2 is there to be looked for, it is not handed over. */
static struct ffa_value message_of(const struct vm *vm)
{
	if (vm->mailbox.send2)
		return (struct ffa_value){ .w = { FFA_RUN, vm->id } };
	return (struct ffa_value){ .w = {
		FFA_MSG_SEND,
		(u64)vm->mailbox.sender << 16 | vm->id,
		0,
		vm->mailbox.size,
	} };
}

/* The mailbox of @current's VM is free: who has to hear of it? */
static struct ffa_value writable_result(struct vcpu *current, bool waiters,
					struct exit *exit)
{
	const struct ffa_value release = { .w = { FFA_RX_RELEASE } };

	if (!waiters)
		return ffa_success();
	if (vm_is_primary(current->vm))
		return release;
	exit->leave = true;
	exit->value = release;
	exit->state = level->release_strands ? VCPU_WAIT_MESSAGE : VCPU_READY;
	return ffa_success();
}

/* Memory, not a device, and the VM's. */
static bool page_is_own(const struct vm *vm, u64 page)
{
	return page >= vm->mem_start && page < vm->mem_end;
}

static struct ffa_value map_locked(struct vm *vm, u64 tx, u64 rx, u64 pages)
{
	if (pages != 1 || tx % FFA_PAGE_SIZE || rx % FFA_PAGE_SIZE || tx == rx)
		return ffa_error(FFA_RET_INVALID_PARAMETERS);
	if (vm->mailbox.recv)
		return ffa_error(FFA_RET_DENIED);
	if (!page_is_own(vm, tx) || !page_is_own(vm, rx))
		return ffa_error(level->foreign_is_denied ? FFA_RET_DENIED :
							    FFA_RET_INVALID_PARAMETERS);

	/* The guest only reads what EL2 writes. */
	stage2_protect(&vm->stage2, rx, PROT_RO);
	vm->mailbox.recv = (u8 *)rx;
	vm->mailbox.send = (u8 *)tx;
	return ffa_success();
}

struct ffa_value mailbox_map(struct vcpu *current, u64 tx, u64 rx, u64 pages,
			     struct exit *exit)
{
	struct vm *vm = current->vm;
	struct ffa_value result;
	bool waiters;

	spin_lock(&vm->lock);
	result = map_locked(vm, tx, rx, pages);
	waiters = vm->mailbox.waiters.len;
	spin_unlock(&vm->lock);

	if (result.w[0] != FFA_SUCCESS)
		return result;
	return writable_result(current, waiters, exit);
}

/* The state of the mailbox stays: a message that was not released still counts. */
struct ffa_value mailbox_unmap(struct vcpu *current, u32 zero)
{
	struct vm *vm = current->vm;
	struct ffa_value result = ffa_error(FFA_RET_INVALID_PARAMETERS);

	if (level->unmap_id_high ? zero >> 16 : zero & 0xffff)
		return result;
	spin_lock(&vm->lock);
	if (vm->mailbox.recv) {
		stage2_protect(&vm->stage2, (u64)vm->mailbox.recv, PROT_RW);
		vm->mailbox.recv = NULL;
		vm->mailbox.send = NULL;
		result = ffa_success();
	}
	spin_unlock(&vm->lock);
	return result;
}

/* Who took the message is gone from the readers when it calls again. */
void mailbox_done_locked(struct vcpu *vcpu)
{
	vcpu->vm->mailbox.readers &= ~(1U << vcpu->index);
}

static void taken_locked(struct vcpu *vcpu)
{
	struct mailbox *mailbox = &vcpu->vm->mailbox;

	testcall_count(&vcpu->vm->vcpus[0],
		       mailbox->unread ? HFT_COUNT_RECEIVE : HFT_COUNT_TWICE);
	mailbox->unread = false;
	mailbox->readers |= 1U << vcpu->index;
}

void mailbox_own_locked(struct vm *vm)
{
	vm->mailbox.state = level->no_read_state ? MAILBOX_FULL : MAILBOX_READ;
	vm->mailbox.unread = false;
}

void mailbox_put_locked(const struct vm *from, struct vm *to, u32 size, bool send2)
{
	if (to->mailbox.readers)
		testcall_count(&to->vcpus[0], HFT_COUNT_OVERWRITE);
	memcpy(to->mailbox.recv, from->mailbox.send, size);
	to->mailbox.sender = from->id;
	to->mailbox.size = size;
	to->mailbox.send2 = send2;
	to->mailbox.state = MAILBOX_FULL;
	to->mailbox.unread = true;
	/* It knows by the exit; only a message by FFA_MSG_SEND2 it does not know of. */
	if (vm_is_primary(to) && !send2)
		mailbox_own_locked(to);
	testcall_count(&to->vcpus[0], HFT_COUNT_SEND);
}

/* Both VMs are locked. */
static struct ffa_value send_locked(struct vm *from, struct vm *to, u32 size, u32 flags)
{
	if (!from->mailbox.send)
		return ffa_error(FFA_RET_INVALID_PARAMETERS);

	if (to->mailbox.state != MAILBOX_EMPTY || !to->mailbox.recv) {
		if (level->waiter_list && (flags & FFA_MSG_SEND_NOTIFY))
			queue_push(&to->mailbox.waiters, from->id);
		return ffa_error(FFA_RET_BUSY);
	}

	mailbox_put_locked(from, to, size, false);
	return ffa_success();
}

/* What the primary is told: all of its own message, only the ids of others'. */
static void exit_sent(struct exit *exit, struct vm *from, struct vm *to, u32 size)
{
	exit->leave = true;
	exit->state = VCPU_READY;
	exit->value = (struct ffa_value){ .w = {
		FFA_MSG_SEND,
		(u64)from->id << 16 | to->id,
		0,
		vm_is_primary(to) ? size : 0,
	} };
}

struct ffa_value mailbox_send(struct vcpu *current, u32 ids, u32 size, u32 flags,
			      struct exit *exit)
{
	struct vm *from = current->vm;
	struct vm *to = vm_find(ids & 0xffff);
	struct ffa_value result;

	if (ids >> 16 != from->id || !to || to == from || size > FFA_MSG_MAX)
		return ffa_error(FFA_RET_INVALID_PARAMETERS);

	vm_lock_both(from, to);
	result = send_locked(from, to, size, flags);
	vm_unlock_both(from, to);

	if (result.w[0] == FFA_SUCCESS && !vm_is_primary(from))
		exit_sent(exit, from, to, size);
	return result;
}

bool mailbox_hand_over_locked(struct vcpu *vcpu)
{
	struct vm *vm = vcpu->vm;
	const struct ffa_value message = message_of(vm);

	if (vm->mailbox.state != MAILBOX_FULL)
		return false;
	memcpy(vcpu->regs.x, message.w, sizeof(message.w));
	if (vm->mailbox.send2)
		return true;
	if (!level->no_read_state)
		vm->mailbox.state = MAILBOX_READ;
	taken_locked(vcpu);
	return true;
}

/* A call looks for a message: true if @result is its result. */
static bool take(struct vcpu *current, struct ffa_value *result)
{
	struct vm *vm = current->vm;
	bool full;

	spin_lock(&vm->lock);
	mailbox_done_locked(current);
	full = vm->mailbox.state == MAILBOX_FULL;
	if (full) {
		*result = message_of(vm);
		if (!vm->mailbox.send2) {
			vm->mailbox.state = level->no_read_state ? MAILBOX_EMPTY : MAILBOX_READ;
			taken_locked(current);
		}
	}
	spin_unlock(&vm->lock);
	return full;
}

static bool release_locked(struct vm *vm)
{
	struct mailbox *mailbox = &vm->mailbox;

	if (level->no_read_state) {
		if (mailbox->state != MAILBOX_FULL || vm->notifications.framework.pending)
			return false;
		if (mailbox->unread)
			testcall_count(&vm->vcpus[0], HFT_COUNT_DISCARD);
	} else if (mailbox->state != MAILBOX_READ) {
		return false;
	}
	mailbox->state = MAILBOX_EMPTY;
	mailbox->unread = false;
	return true;
}

/* FFA_MSG_WAIT that got something gives RX back, whatever is in it by now. */
static void release_in_wait(struct vcpu *current)
{
	testcall_point(current, HFT_POINT_RELEASING);
	spin_lock(&current->vm->lock);
	release_locked(current->vm);
	spin_unlock(&current->vm->lock);
}

/* @retain: RX stays with the caller. */
static bool wait_args_are_good(struct vcpu *current, bool *retain)
{
	const u64 *x = current->regs.x;
	u64 others = x[1] | x[3] | x[4] | x[5] | x[6] | x[7];

	*retain = false;
	if (!level->wait_mbz)
		return true;
	if (level->wait_retains && current->vm->ffa_version >= FFA_VERSION_1_2)
		*retain = x[2] & FFA_MSG_WAIT_RETAIN_RX;
	else
		others |= x[2];
	return !others;
}

struct ffa_value mailbox_poll(struct vcpu *current)
{
	struct ffa_value result;

	/* The primary learns of its messages from exits. */
	if (vm_is_primary(current->vm))
		return ffa_error(FFA_RET_NOT_SUPPORTED);
	if (!take(current, &result))
		return ffa_error(FFA_RET_RETRY);
	testcall_point(current, HFT_POINT_TAKEN);
	return result;
}

struct ffa_value mailbox_wait(struct vcpu *current, struct exit *exit)
{
	struct ffa_value result;
	bool retain;

	if (!wait_args_are_good(current, &retain))
		return ffa_error(FFA_RET_INVALID_PARAMETERS);
	if (vm_is_primary(current->vm))
		return ffa_error(FFA_RET_NOT_SUPPORTED);

	testcall_point(current, HFT_POINT_RECEIVE);
	if (take(current, &result)) {
		if (level->wait_releases && !retain)
			release_in_wait(current);
		testcall_point(current, HFT_POINT_TAKEN);
		return result;
	}
	/* Stays the result of the call unless a message replaces it. */
	if (!irq_deliverable(current))
		exit_to_primary(exit, current, FFA_MSG_WAIT, VCPU_WAIT_MESSAGE);
	return ffa_error(FFA_RET_INTERRUPTED);
}

struct ffa_value mailbox_release(struct vcpu *current, u32 zero, struct exit *exit)
{
	struct vm *vm = current->vm;
	bool released;
	bool waiters;

	if (level->release_mbz && zero)
		return ffa_error(FFA_RET_INVALID_PARAMETERS);
	testcall_point(current, HFT_POINT_RELEASE);
	spin_lock(&vm->lock);
	mailbox_done_locked(current);
	released = release_locked(vm);
	waiters = vm->mailbox.waiters.len;
	spin_unlock(&vm->lock);

	if (!released)
		return ffa_error(FFA_RET_DENIED);
	testcall_point(current, HFT_POINT_RELEASED);
	return writable_result(current, waiters, exit);
}

s64 mailbox_writable_get(struct vcpu *current)
{
	struct vm *vm = current->vm;
	s64 id;

	spin_lock(&vm->lock);
	id = queue_pop(&vm->mailbox.writable);
	spin_unlock(&vm->lock);
	return id;
}

s64 mailbox_waiter_get(struct vcpu *current, u64 vm_id)
{
	struct vm *vm = vm_find(vm_id);
	struct vm *waiter;
	s64 id = -1;

	if (!vm_is_primary(current->vm) || !vm)
		return -1;

	spin_lock(&vm->lock);
	if (vm->mailbox.state == MAILBOX_EMPTY && vm->mailbox.recv)
		id = queue_pop(&vm->mailbox.waiters);
	spin_unlock(&vm->lock);
	if (id < 0)
		return -1;

	waiter = vm_find((u64)id);
	spin_lock(&waiter->lock);
	queue_push(&waiter->mailbox.writable, vm->id);
	spin_unlock(&waiter->lock);
	return id;
}
