/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Flows whose messages are longer than a mailbox: what cuts them.
 */
#ifndef HF_FLOW_OPS_H
#define HF_FLOW_OPS_H

#include <linux/types.h>

struct hf_flow;
struct sk_buff;
struct sock;

/**
 * struct hf_flow_ops - what a flow needs whose messages are longer than a mailbox
 * @head_len:  Bytes of the head that each piece of a message has.
 * @make_head: Writes that of the piece of @skb with @len bytes that begins at @from.
 * @sent:      EL2 has all of @skb. May be NULL.
 *
 * Such a flow takes whatever it is given: its owner limits that. @skb need not be
 * linear, and its cb is the flow's from byte HF_FLOW_CB on. Called under
 * vm->txq.lock; may not sleep.
 */
struct hf_flow_ops {
	size_t head_len;
	void (*make_head)(struct sk_buff *skb, unsigned int from, unsigned int len, void *head);
	void (*sent)(struct sk_buff *skb);
};

#define HF_FLOW_CB	24

/* Drop what is queued of @sk, NULL = of any. Context: process, may hold spinlocks. */
void hf_flow_drop(struct hf_flow *flow, const struct sock *sk);

#endif
