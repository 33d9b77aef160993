// SPDX-License-Identifier: GPL-2.0-only
/*
 * Flows: what becomes of the unsent when a connection, its socket or its VM ends.
 *
 * Process context, under vm->tx_lock; messages are freed after it.
 *
 * Invariant: what a VM that does not read keeps of sockets that are gone is
 * limited, and holds neither a socket nor the module.
 */
#include <linux/export.h>
#include <linux/slab.h>
#include <net/sock.h>

#include "hf_compat.h"
#include "hf_flow.h"
#include "hf_flow_locked.h"

/*
 * Move what is queued of @sk, NULL = of any, to @dropped, which the caller frees without
 * the lock; forget @owed.
 */
static void clear_locked(struct hf_flow *flow, const struct sock *sk, u32 owed,
			 struct sk_buff_head *dropped)
{
	struct sk_buff *skb, *next;

	lockdep_assert_held(&flow->vm->tx_lock);
	skb_queue_walk_safe(&flow->queue, skb, next) {
		if (sk && skb->sk != sk)
			continue;
		hf_flow_unlink_locked(flow, skb);
		__skb_queue_tail(dropped, skb);
	}
	flow->owed &= ~owed;
	if (hf_flow_is_done_locked(flow) && !list_empty(&flow->node))
		hf_flow_rotate_locked(flow);
}

static void drop(struct hf_flow *flow, const struct sock *sk, u32 owed)
{
	struct sk_buff_head dropped;

	__skb_queue_head_init(&dropped);
	spin_lock(&flow->vm->tx_lock);
	clear_locked(flow, sk, owed, &dropped);
	spin_unlock(&flow->vm->tx_lock);
	__skb_queue_purge(&dropped);
}

void hf_flow_drop(struct hf_flow *flow, const struct sock *sk)
{
	drop(flow, sk, 0);
}
EXPORT_SYMBOL_NS_GPL(hf_flow_drop, HF_NS);

void hf_flow_reset(struct hf_flow *flow, u32 owed)
{
	drop(flow, NULL, owed);
}

bool hf_flow_is_sending(struct hf_vm *vm, bool (*match)(const struct hf_flow *, const void *),
			const void *arg, bool stop)
{
	struct sk_buff_head dropped;
	struct hf_flow *flow;
	bool found = false;

	__skb_queue_head_init(&dropped);
	spin_lock(&vm->tx_lock);
	list_for_each_entry(flow, &vm->flows, node) {
		found = !skb_queue_empty(&flow->queue) && match(flow, arg);
		if (found)
			break;
	}
	if (found && stop)
		clear_locked(flow, NULL, ~0U, &dropped);
	spin_unlock(&vm->tx_lock);
	__skb_queue_purge(&dropped);
	return found;
}

bool hf_flow_is_sent(struct hf_flow *flow)
{
	bool sent;

	spin_lock(&flow->vm->tx_lock);
	sent = hf_flow_is_done_locked(flow);
	spin_unlock(&flow->vm->tx_lock);
	return sent;
}

static bool has_ended(struct hf_flow *flow)
{
	bool done;

	spin_lock(&flow->vm->tx_lock);
	done = hf_flow_is_done_locked(flow);
	flow->watched = !done;
	spin_unlock(&flow->vm->tx_lock);
	return done;
}

void hf_flow_wait_sent(struct hf_flow *flow, long timeout)
{
	wait_event_interruptible_timeout(*sk_sleep(flow->sk), has_ended(flow), timeout);
}

/* Whether disown_locked() would drop nothing. */
static bool is_kept_locked(const struct hf_flow *flow)
{
	unsigned int bytes = flow->vm->closed_bytes;
	const struct sk_buff *skb;

	lockdep_assert_held(&flow->vm->tx_lock);
	skb_queue_walk(&flow->queue, skb) {
		if (bytes >= HF_FLOW_CLOSED_BYTES)
			return false;
		bytes += skb->truesize;
	}
	return true;
}

/* Keep what is queued without the socket, as far as the VM's share of that allows. */
static void disown_locked(struct hf_flow *flow, struct sk_buff_head *dropped)
{
	struct hf_vm *vm = flow->vm;
	struct sk_buff *skb, *next;

	lockdep_assert_held(&vm->tx_lock);
	skb_queue_walk_safe(&flow->queue, skb, next) {
		if (vm->closed_bytes < HF_FLOW_CLOSED_BYTES) {
			vm->closed_bytes += skb->truesize;
			skb_orphan(skb);
		} else {
			hf_flow_unlink_locked(flow, skb);
			__skb_queue_tail(dropped, skb);
		}
	}
}

void hf_flow_close(struct hf_flow *flow)
{
	struct hf_vm *vm = flow->vm;
	struct sk_buff_head dropped;

	__skb_queue_head_init(&dropped);
	spin_lock(&vm->tx_lock);
	list_del_init(&flow->refused);
	flow->watched = false;
	if (*hf_flow_closed_count(flow) >= HF_FLOW_CLOSED_MAX) {
		clear_locked(flow, NULL, ~0U, &dropped);
	} else if (flow->if_dropped && !is_kept_locked(flow)) {
		clear_locked(flow, NULL, ~0U, &dropped);
		flow->owed = flow->if_dropped;
		hf_flow_join_locked(flow);
	} else {
		disown_locked(flow, &dropped);
	}
	if (hf_flow_is_done_locked(flow)) {
		list_del(&flow->node);
		kfree(flow);
	} else {
		flow->closed = true;
		++*hf_flow_closed_count(flow);
	}
	spin_unlock(&vm->tx_lock);

	atomic_long_add(skb_queue_len(&dropped), &vm->dropped_unsent);
	__skb_queue_purge(&dropped);
}

void hf_flow_purge(struct hf_vm *vm)
{
	struct hf_flow *flow, *next;
	struct sk_buff_head unsent;

	__skb_queue_head_init(&unsent);
	spin_lock(&vm->tx_lock);
	list_for_each_entry_safe(flow, next, &vm->flows, node)
		clear_locked(flow, NULL, ~0U, &unsent);
	spin_unlock(&vm->tx_lock);

	atomic_long_add(skb_queue_len(&unsent), &vm->dropped_unsent);
	__skb_queue_purge(&unsent);
}
