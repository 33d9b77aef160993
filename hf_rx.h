/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Receiving: out of our RX page, which all VMs share.
 */
#ifndef HF_RX_H
#define HF_RX_H

#include <linux/percpu-defs.h>
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

/* Sizes of buffers for received messages. */
#define HF_RX_SPARES		5
#define HF_RX_ALL_SPARES	GENMASK(HF_RX_SPARES - 1, 0)

/*
 * A CPU's buffers, for what the next exit brings. Of the CPU and not of the vCPU: those
 * that were freed last, which the allocator has at hand, are used next.
 */
struct hf_rx_spares {
	unsigned long missing;		/* one bit each */
	struct sk_buff *skb[HF_RX_SPARES];
};

/* Under disabled preemption; may be looked at without. */
DECLARE_PER_CPU(struct hf_rx_spares, hf_rx_spares);

/* Whether this CPU has a buffer for whatever message the next exit brings. */
static inline bool hf_rx_is_ready(void)
{
	return !raw_cpu_read(hf_rx_spares.missing);
}

/**
 * hf_rx_refill() - have a buffer for whatever message the next exit brings
 * @gfp: GFP_KERNEL, or HF_RX_NOWAIT where sleeping is not allowed.
 *
 * Without it no vCPU may be run on this CPU. Context: process.
 * Return: false if there is no memory.
 */
bool hf_rx_refill(gfp_t gfp);

/* The reserves are not for guests: the socket would drop what comes from there. */
#define HF_RX_NOWAIT	(GFP_NOWAIT | __GFP_NOWARN | __GFP_NOMEMALLOC)

/**
 * hf_rx_hold() - run no vCPU of @vm any more, or go on
 *
 * For a client that has too many messages of it; each vCPU that runs may bring one
 * more. Context: process, may hold spinlocks.
 */
void hf_rx_hold(struct hf_vm *vm, bool hold);

/* Free what hf_rx_refill() got. After the threads of all vCPUs have ended. */
void hf_rx_free(void);

/**
 * hf_rx_take() - take a message of @vm out of the RX page, and free the page
 * @offset: Where it begins, @len bytes; both may be anything.
 *
 * Context: interrupts disabled, hf_rx_is_ready(). Counts what it has to drop.
 * Return: as hf_rx_release().
 */
bool hf_rx_take(struct hf_vm *vm, u32 offset, u32 len);

/* Free the RX page. Return: whether VMs wait for it. Context: interrupts disabled. */
bool hf_rx_release(void);

/**
 * hf_rx_find_unseen() - look for a message that came by FFA_MSG_SEND2
 * @hdr: What the page says of it, if there is one.
 *
 * Context: interrupts disabled. Return: whether there is one: hf_rx_take() or
 * hf_rx_release() is owed.
 */
bool hf_rx_find_unseen(struct hf_msg2_hdr *hdr);

/**
 * hf_rx_deliver() - hand on what was taken for @vm, in the order in which it was
 * @deliver: Takes each, under vm->rx_lock.
 *
 * Context: process, may hold no lock; does not sleep.
 */
void hf_rx_deliver(struct hf_vm *vm, void (*deliver)(struct sk_buff *skb));

#endif
