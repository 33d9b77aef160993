// SPDX-License-Identifier: GPL-2.0
/*
 * Mailboxes; see mailbox.h.
 *
 * A mailbox goes EMPTY -> RECEIVED (FFA_MSG_SEND) -> READ (its VM has learnt of
 * the message) -> EMPTY (FFA_RX_RELEASE), all under its VM's lock. The primary
 * learns of a message by the exit that brings it, so for it RECEIVED is skipped.
 *
 * As at Hafnium, looking for a message and becoming a blocked vCPU are two
 * steps: a message may arrive between them, and the primary has to know.
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

static struct ffa_value message_of(const struct vm *vm)
{
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
	exit->state = VCPU_READY;
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
	if (vm->mailbox.recv || !page_is_own(vm, tx) || !page_is_own(vm, rx))
		return ffa_error(FFA_RET_DENIED);

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
struct ffa_value mailbox_unmap(struct vcpu *current)
{
	struct vm *vm = current->vm;
	struct ffa_value result = ffa_error(FFA_RET_INVALID_PARAMETERS);

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

/* Both VMs are locked, and both have their pages. */
static struct ffa_value send_locked(struct vm *from, struct vm *to, u32 size, u32 flags)
{
	if (!from->mailbox.send)
		return ffa_error(FFA_RET_INVALID_PARAMETERS);

	if (to->mailbox.state != MAILBOX_EMPTY || !to->mailbox.recv) {
		if (level->waiter_list && (flags & FFA_MSG_SEND_NOTIFY))
			queue_push(&to->mailbox.waiters, from->id);
		return ffa_error(FFA_RET_BUSY);
	}

	memcpy(to->mailbox.recv, from->mailbox.send, size);
	to->mailbox.sender = from->id;
	to->mailbox.size = size;
	to->mailbox.state = vm_is_primary(to) ? MAILBOX_READ : MAILBOX_RECEIVED;
	testcall_count(&to->vcpus[0], HFT_COUNT_SEND);
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

	if (vm->mailbox.state != MAILBOX_RECEIVED)
		return false;
	vm->mailbox.state = MAILBOX_READ;
	memcpy(vcpu->regs.x, message.w, sizeof(message.w));
	testcall_count(&vm->vcpus[0], HFT_COUNT_RECEIVE);
	return true;
}

struct ffa_value mailbox_receive(struct vcpu *current, bool block, struct exit *exit)
{
	struct vm *vm = current->vm;
	struct ffa_value result;
	bool received;

	/* The primary learns of its messages from exits. */
	if (vm_is_primary(vm))
		return ffa_error(FFA_RET_NOT_SUPPORTED);
	if (block)
		testcall_point(current, HFT_POINT_RECEIVE);

	spin_lock(&vm->lock);
	received = vm->mailbox.state == MAILBOX_RECEIVED;
	if (received) {
		vm->mailbox.state = level->rx_overwrite ? MAILBOX_EMPTY : MAILBOX_READ;
		result = message_of(vm);
		testcall_count(&vm->vcpus[0], HFT_COUNT_RECEIVE);
	}
	spin_unlock(&vm->lock);

	if (received)
		return result;
	if (!block)
		return ffa_error(FFA_RET_RETRY);
	/* Stays the result of the call unless a message replaces it. */
	if (!irq_deliverable(current))
		exit_to_primary(exit, current, FFA_MSG_WAIT, VCPU_WAIT_MESSAGE);
	return ffa_error(FFA_RET_INTERRUPTED);
}

struct ffa_value mailbox_release(struct vcpu *current, struct exit *exit)
{
	struct vm *vm = current->vm;
	bool released;
	bool waiters;

	testcall_point(current, HFT_POINT_RELEASE);
	spin_lock(&vm->lock);
	released = vm->mailbox.state == MAILBOX_READ;
	if (released)
		vm->mailbox.state = MAILBOX_EMPTY;
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
