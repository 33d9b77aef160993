/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Receiving: from our RX page, which all VMs share, to the sockets.
 */
#ifndef HF_RX_H
#define HF_RX_H

#include <linux/skbuff.h>

#include "hf_vm.h"

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
 * hf_rx_refill() - have a buffer for whatever message the next exit brings
 * @gfp: GFP_KERNEL, or HF_RX_NOWAIT where sleeping is not allowed.
 *
 * Without it the vCPU may not be run. Context: whoever runs @vcpu.
 * Return: false if there is no memory.
 */
bool hf_rx_refill(struct hf_vcpu *vcpu, gfp_t gfp);

/* The reserves are not for guests: the socket would drop what comes from there. */
#define HF_RX_NOWAIT	(GFP_NOWAIT | __GFP_NOWARN | __GFP_NOMEMALLOC)

/* Free what hf_rx_refill() got. After the vCPU's thread has ended. */
void hf_rx_free(struct hf_vcpu *vcpu);

/**
 * hf_rx_take() - take a message of @vcpu's VM out of the RX page, and free the page
 * @len: As the exit said.
 *
 * Context: interrupts disabled. Counts what it has to drop. Return: whether VMs wait for
 * the page.
 */
bool hf_rx_take(struct hf_vcpu *vcpu, u32 len);

/**
 * hf_rx_take_unseen() - the same for a message that came by FFA_MSG_SEND2, if there is one
 *
 * It may be any VM's: that becomes @vcpu->unseen, or, with PREEMPT_RT, its first vCPU's
 * thread is asked to deliver it. Context: interrupts disabled.
 */
bool hf_rx_take_unseen(struct hf_vcpu *vcpu);

/**
 * hf_rx_deliver() - deliver what was taken for @vm, in the order in which it was
 *
 * Context: process, may hold no lock; does not sleep.
 */
void hf_rx_deliver(struct hf_vm *vm);

/**
 * hf_socket_deliver() - upcall: a message for us
 * @skb: The payload, HF_SKB_CB(skb) filled in. Taken.
 *
 * Context: process, under the sending VM's rx_lock: may not sleep.
 */
void hf_socket_deliver(struct sk_buff *skb);

#endif
