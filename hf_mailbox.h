/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Mailboxes: receiving, and who has to run because a message is there.
 */
#ifndef HF_MAILBOX_H
#define HF_MAILBOX_H

#include <linux/skbuff.h>

#include "hf_vm.h"

struct iov_iter;

/**
 * struct hf_skb_cb - what a received message's sk_buff knows of its sender
 * @vm:       Sender.
 * @src_port: Port of the sender.
 * @dst_port: Port that it is for.
 */
struct hf_skb_cb {
	struct hf_vm *vm;
	u64 src_port;
	u64 dst_port;
};

#define HF_SKB_CB(skb) ((struct hf_skb_cb *)(skb)->cb)

/**
 * hf_mailbox_put() - put a message into the mailbox of a VM
 *
 * Context: under vm->tx_lock. Return: 0, and hf_wait_accepted_locked() is owed; -EAGAIN
 * if the mailbox is full, and we are told when it no longer is, where EL2 does that;
 * or another negative errno: it can never be sent.
 */
int hf_mailbox_put(struct hf_vm *vm, const void *message, size_t len);

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
 * Process context, may hold spinlocks but not vm->tx_lock.
 */
void hf_mailbox_arrived(struct hf_vm *vm);

/*
 * What the RX page holds from before the module was loaded is gone, and VMs can
 * send to us. Module init, after the pages were mapped; may be repeated.
 */
void hf_mailbox_clear(void);

/**
 * hf_socket_deliver() - upcall: a message for us
 * @skb: The payload, HF_SKB_CB(skb) filled in. Taken.
 *
 * Context: whoever runs a vCPU, under the sending VM's rx_lock: may not sleep. The
 * RX page has been released.
 */
void hf_socket_deliver(struct sk_buff *skb);

/* Upcall: @vm died. Called once, by whoever runs a vCPU: may not sleep. */
void hf_socket_vm_died(struct hf_vm *vm);

#endif
