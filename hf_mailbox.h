/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Mailboxes: sending, and who has to run because a message is there.
 */
#ifndef HF_MAILBOX_H
#define HF_MAILBOX_H

#include "hf_vm.h"

struct iov_iter;
struct sk_buff;

/**
 * hf_mailbox_put() - put a message into the mailbox of a VM
 * @head: What goes before the @len bytes of @skb that begin at @from.
 * @skb:  May be NULL if @len is 0.
 *
 * Context: under vm->wait_lock. Return: 0, and hf_wait_accepted_locked() is owed; -EAGAIN
 * if the mailbox is full, and we are told when it no longer is, where EL2 does that;
 * or another negative errno: it can never be sent.
 */
int hf_mailbox_put(struct hf_vm *vm, const void *head, size_t head_len,
		   const struct sk_buff *skb, unsigned int from, unsigned int len);

/*
 * The same, @len bytes of it straight from the sender's memory. -EAGAIN also if that
 * is not there now, and @from stays where it is; nobody is told.
 */
int hf_mailbox_put_from(struct hf_vm *vm, const void *head, size_t head_len,
			struct iov_iter *from, size_t len);

/* Free what is still queued for any VM. After all threads ended; may sleep. */
void hf_mailbox_purge_all(void);

/*
 * EL2 holds a message for @vm that we did not send: make one of its vCPUs run.
 * Interrupts are disabled.
 */
void hf_mailbox_arrived(struct hf_vm *vm);

/*
 * What the RX page holds from before the module was loaded is gone, and VMs can send
 * to us, and we to them. Module init, after the pages were mapped; may be repeated.
 */
void hf_mailbox_clear(void);

/* No message is sent any more, nor being sent: -ENETDOWN. Process context. */
void hf_mailbox_close(void);

/**
 * hf_mailbox_exit() - a vCPU exited: what must not wait, and what others wait for
 *
 * Context: whoever runs @vcpu, interrupts disabled. hf_mailbox_finish() is owed.
 */
void hf_mailbox_exit(struct hf_vcpu *vcpu, enum hf_exit_kind kind,
		     const struct hf_ffa_exit *exit);

/*
 * The rest: deliver what was taken, and send what the exit made room for. Process
 * context, may hold no lock; does not sleep.
 */
void hf_mailbox_finish(struct hf_vcpu *vcpu);

#endif
