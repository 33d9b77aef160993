/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Flows: what one sender has queued for one VM. The VM's flows take turns.
 */
#ifndef HF_FLOW_H
#define HF_FLOW_H

#include <linux/skbuff.h>

#include "hf_flow_ops.h"
#include "hf_vm.h"

struct iov_iter;

/*
 * What all flows of a VM may queue, in bytes of memory. Above it a flow that
 * has something queued has to wait; so each gets its turn, however many fill
 * the queue.
 */
#define HF_FLOW_VM_BYTES	(4 * 1024 * 1024)

/* Flows of a VM without an owner: gone, or there was none; and bytes. More are dropped. */
#define HF_FLOW_CLOSED_MAX	1024
#define HF_FLOW_CLOSED_BYTES	(HF_FLOW_VM_BYTES / 4)

/* Longest head that struct hf_flow_ops.make_head writes, in bytes. */
#define HF_FLOW_HEAD_MAX	64

/**
 * struct hf_flow - the unsent messages of one sender to one VM
 * @vm:       Receiver. Constant.
 * @sk:       Owner, woken when there is room again; valid until hf_flow_close(), or NULL. Constant.
 * @ops:      NULL if each message has its head, and fits. Constant.
 * @node:     In vm->txq.flows while there is something to send. This and all below are under
 *            vm->txq.lock.
 * @queue:    Messages, in order.
 * @closed:   Orphaned: freed when there is nothing left to send.
 * @refused:  In vm->txq.refused while the owner wants room.
 * @senders:  Senders that wait for room; one is woken, and has to wake the next. No lock.
 */
struct hf_flow {
	struct hf_vm *vm;
	struct sock *sk;
	const struct hf_flow_ops *ops;
	struct list_head node;
	struct sk_buff_head queue;
	struct list_head refused;
	wait_queue_head_t senders;
	bool closed;
};

/* Prepare a flow in memory that kfree() of @flow frees; hf_flow_close() ends it. */
void hf_flow_init(struct hf_flow *flow, struct hf_vm *vm, struct sock *sk);

/**
 * hf_flow_send() - send a message to the flow's VM, or queue it until there is room
 * @skb: struct hf_msg_hdr and payload, HF_MAILBOX_SIZE bytes at most; or as struct
 *       hf_flow_ops says.
 *
 * Messages of one flow leave in the order of the calls. Context: process.
 * Return: 0, and @skb is taken and freed when EL2 has the message; -EPIPE if the
 * VM is dead, and @skb is still the caller's; -EAGAIN if too much is queued for
 * it, the same, and the owner is woken when it is worth trying again.
 */
int hf_flow_send(struct hf_flow *flow, struct sk_buff *skb);

/**
 * hf_flow_send_now() - send a message without a buffer, if nothing is in its way
 * @head: struct hf_msg_hdr, and what else goes before the payload.
 * @from: The payload, @len bytes; stays where it is unless the message was sent.
 * @may_sleep: Whether the caller may come to run the VM itself.
 *
 * In the way are messages of any sender for the VM, a VM that cannot take one now, a
 * page of @from that is not in memory, and all that sock_alloc_send_skb() would look
 * at, if the flow has an owner. Context: process, may hold no lock.
 * Return: 0 if EL2 has the message; -EAGAIN if the caller has to try hf_flow_send(),
 * which knows why; another errno if EL2 refused it for good, which the owner was told.
 */
int hf_flow_send_now(struct hf_flow *flow, const void *head, size_t head_len,
		     struct iov_iter *from, size_t len, bool may_sleep);

/**
 * hf_flow_want_room() - whether hf_flow_send() would not answer -EAGAIN
 *
 * If it would, the owner is woken when it no longer does; the caller has to stand
 * in @flow->senders or the socket's wait queue already. Context: process, may hold spinlocks.
 */
bool hf_flow_want_room(struct hf_flow *flow);

/* Wake all that poll the socket, or wait for its buffer, to send. May hold spinlocks. */
void hf_flow_wake_senders(struct sock *sk);

/**
 * hf_flow_close() - the owner goes
 *
 * What is queued is still sent, but no longer charged to the socket,
 * so that neither it nor the module stays because a VM does not read; unless
 * so much is kept for the VM already that it is dropped (vm->dropped_unsent).
 * @flow may not be used any more. Context: process, may hold spinlocks.
 */
void hf_flow_close(struct hf_flow *flow);

/* Prepare what all flows to @vm share. Before hf_vm_start_all(). */
void hf_flow_init_vm(struct hf_vm *vm);

/* Send the next message for @vm if it has room. After each exit, and (@retry) now and then. */
void hf_flow_drain(struct hf_vm *vm, bool retry);

/* The VM is dead, or the module goes: drop all that is queued. May sleep. */
void hf_flow_purge(struct hf_vm *vm);

#endif
