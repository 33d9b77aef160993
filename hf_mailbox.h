/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Mailboxes: receiving, and who has to run because a message is there.
 */
#ifndef HF_MAILBOX_H
#define HF_MAILBOX_H

#include <linux/skbuff.h>

#include "hf_vcpu.h"

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

/* Free what is still queued for any VM. After all threads ended; may sleep. */
void hf_mailbox_purge_all(void);

/*
 * EL2 holds a message for @vm: see that one of its vCPUs runs. Process context, may
 * hold spinlocks unless it @may_sleep: then the caller may come to run the vCPU itself.
 */
void hf_mailbox_arrived(struct hf_vm *vm, bool may_sleep);

/**
 * hf_socket_deliver() - upcall: a message for us
 * @skb: The payload, HF_SKB_CB(skb) filled in. Taken.
 *
 * Context: a vCPU's thread, under the sender's rx_lock: may not sleep. The RX
 * page has been released.
 */
void hf_socket_deliver(struct sk_buff *skb);

/* Upcall: @vm died. May sleep; called once. */
void hf_socket_vm_died(struct hf_vm *vm);

#endif
