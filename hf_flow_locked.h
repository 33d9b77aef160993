/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Flows: what hf_flow.c and hf_flow_end.c have in common. All under vm->tx_lock.
 */
#ifndef HF_FLOW_LOCKED_H
#define HF_FLOW_LOCKED_H

#include "hf_flow.h"

/* Whether nothing is queued or owed. */
bool hf_flow_is_done_locked(const struct hf_flow *flow);

/* Take a message that was sent, or never can be, off its queue. */
void hf_flow_unlink_locked(struct hf_flow *flow, struct sk_buff *skb);

/* The flow had its turn: to the end, or out if it has nothing more to send; frees it if closed. */
void hf_flow_rotate_locked(struct hf_flow *flow);

/* There is something to send: from now on it gets its turns. */
void hf_flow_join_locked(struct hf_flow *flow);

/* How many of its kind are kept: those that a socket left, or answers to strays. */
static inline unsigned int *hf_flow_closed_count(const struct hf_flow *flow)
{
	return flow->sk ? &flow->vm->closed_flows : &flow->vm->stray_flows;
}

#endif
