// SPDX-License-Identifier: GPL-2.0-only
/*
 * Flows: sending, fairly, to VMs that read when they like.
 *
 * Owns each VM's rotation of flows (under vm->txq.lock). EL2 has room for one
 * message per VM: the flow at the head sends one and goes to the end. While
 * nothing waits for a VM a message needs neither queue nor buffer. Process
 * context.
 *
 * Invariant: a VM for which something is queued is tried again after each of
 * its exits, and its flows wait for each other, never for another VM.
 * Does not: know what is in a message.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/bitmap.h>
#include <linux/export.h>
#include <linux/slab.h>
#include <linux/uio.h>
#include <net/sock.h>

#include "hf_compat.h"
#include "hf_flow.h"
#include "hf_tx.h"
#include "hf_wait.h"

/*
 * How often a VM that could be sent to after any exit is made to exit, and how often a
 * mailbox is tried that was full, in case the exit that freed it was not its VM's.
 */
#define ASK_JIFFIES	msecs_to_jiffies(20)
#define RETRY_JIFFIES	HZ

/*
 * The kernel's default for sockets would not do: it wakes no sender while more than half of
 * SO_SNDBUF is in use, and that can be by the messages of waiting senders.
 */
void hf_flow_wake_senders(struct sock *sk)
{
	struct socket_wq *wq;

	rcu_read_lock();
	wq = rcu_dereference(sk->sk_wq);
	if (skwq_has_sleeper(wq))
		wake_up_interruptible_poll(&wq->wait, EPOLLOUT | EPOLLWRNORM | EPOLLWRBAND);
	sk_wake_async(sk, SOCK_WAKE_SPACE, POLL_OUT);
	rcu_read_unlock();
}

static void wake_sender_locked(struct hf_flow *flow)
{
	lockdep_assert_held(&flow->vm->txq.lock);
	if (!list_empty(&flow->refused)) {
		list_del_init(&flow->refused);
		wake_up_interruptible(&flow->senders);
		hf_flow_wake_senders(flow->sk);
	}
}

/*
 * Room is told to the flow whose queue got empty, and, one for each message that leaves a
 * VM's queue which is not half full, to the flow that waited longest. A sender may leave
 * its room unused: the next message wakes the next, and a flow that waits has something
 * queued, so that it hears when that is gone at the latest.
 */
static void unlink_locked(struct hf_flow *flow, struct sk_buff *skb)
{
	struct hf_vm *vm = flow->vm;

	lockdep_assert_held(&vm->txq.lock);
	__skb_unlink(skb, &flow->queue);
	WRITE_ONCE(vm->txq.queued, vm->txq.queued - 1);
	WRITE_ONCE(vm->txq.queued_bytes, vm->txq.queued_bytes - skb->truesize);
	if (flow->closed)
		vm->txq.closed_bytes -= skb->truesize;

	if (skb_queue_empty(&flow->queue))
		wake_sender_locked(flow);
	if (vm->txq.queued_bytes < HF_FLOW_VM_BYTES / 2 && !list_empty(&vm->txq.refused))
		wake_sender_locked(list_first_entry(&vm->txq.refused, struct hf_flow, refused));
}

/* Out of the rotation if nothing is left; frees it if orphaned. */
static void leave_if_empty_locked(struct hf_flow *flow)
{
	struct hf_vm *vm = flow->vm;

	lockdep_assert_held(&vm->txq.lock);
	if (!skb_queue_empty(&flow->queue))
		return;
	list_del_init(&flow->node);
	if (flow->closed) {
		vm->txq.closed_flows--;
		kfree(flow);
	}
}

/*
 * A mailbox that is full although its VM waits, and no vCPU was requested to run for
 * it, holds a message that no exit told of. If running the VM does not help, it is
 * looked at again only now and then (@retry).
 */
static bool find_unseen_locked(struct hf_vm *vm, bool retry)
{
	lockdep_assert_held(&vm->txq.lock);
	if (READ_ONCE(vm->message_pending) || bitmap_empty(vm->waiting, vm->max_vcpus) ||
	    hf_wait_is_serving(vm) || (vm->txq.unseen && !retry))
		return false;
	WRITE_ONCE(vm->txq.stuck, vm->txq.unseen);
	vm->txq.unseen = true;
	return true;
}

/* What became of a turn, for what follows after the lock was dropped. */
struct turn {
	int err;		/* -EAGAIN = nothing left the queue */
	bool full;		/* because EL2 said so */
	struct sk_buff *skb;	/* the message, if nothing is left of it */
};

/* What goes into the mailbox: @head, then @len bytes of @skb. */
struct piece {
	u64 head[HF_FLOW_HEAD_MAX / sizeof(u64)];
	size_t head_len;
	struct sk_buff *skb;
	unsigned int from, len;
};

/* How much of a message is sent, if the flow cuts them. */
static unsigned int *sent_of(struct sk_buff *skb)
{
	return (unsigned int *)&skb->cb[HF_FLOW_CB];
}

static void cut_piece(const struct hf_flow *flow, struct sk_buff *skb, struct piece *piece)
{
	const struct hf_flow_ops *ops = flow->ops;

	*piece = (struct piece){ .skb = skb, .len = skb->len };
	if (!ops)
		return;
	piece->head_len = ops->head_len;
	piece->from = *sent_of(skb);
	piece->len = min_t(size_t, skb->len - piece->from, HF_MAILBOX_SIZE - ops->head_len);
	ops->make_head(skb, piece->from, piece->len, piece->head);
}

/* Hand a message to EL2, if the VM may get one now, and see that the VM runs. */
static struct turn offer_locked(struct hf_vm *vm, const struct piece *piece, bool retry)
{
	struct turn turn = { -EAGAIN };

	lockdep_assert_held(&vm->txq.lock);
	raw_spin_lock_irq(&vm->wait_lock);
	if (hf_wait_may_send_locked(vm)) {
		turn.err = hf_tx_put(vm, piece->head, piece->head_len, piece->skb,
				     piece->from, piece->len);
		turn.full = turn.err == -EAGAIN;
	}
	/* With the lock: a sender that is preempted here would keep the guest from running. */
	if (!turn.err || (turn.full && find_unseen_locked(vm, retry))) {
		hf_wait_accepted_locked(vm);
		hf_wait_notify(vm, false);
	}
	raw_spin_unlock_irq(&vm->wait_lock);
	return turn;
}

static struct turn take_turn_locked(struct hf_flow *flow, bool retry)
{
	struct sk_buff *skb = skb_peek(&flow->queue);
	struct hf_vm *vm = flow->vm;
	struct piece piece;
	struct turn turn;

	lockdep_assert_held(&vm->txq.lock);
	cut_piece(flow, skb, &piece);
	turn = offer_locked(vm, &piece, retry);
	if (turn.err == -EAGAIN)
		return turn;

	if (!turn.err && piece.from + piece.len < skb->len) {
		*sent_of(skb) += piece.len;
	} else {
		turn.skb = skb;
		unlink_locked(flow, skb);
		if (!turn.err && flow->ops && flow->ops->sent)
			flow->ops->sent(skb);
	}
	list_move_tail(&flow->node, &vm->txq.flows);
	leave_if_empty_locked(flow);
	if (!turn.err) {
		vm->txq.unseen = false;
		WRITE_ONCE(vm->txq.stuck, false);
	}
	return turn;
}

static struct hf_flow *first_flow_locked(struct hf_vm *vm)
{
	lockdep_assert_held(&vm->txq.lock);
	return list_first_entry_or_null(&vm->txq.flows, struct hf_flow, node);
}

/*
 * Give the flow at the head its turn, if there is one and its receiver has
 * room. One is enough: the mailbox holds one, and its next state comes with an
 * exit.
 */
static struct turn send_next_locked(struct hf_vm *vm, bool retry)
{
	struct hf_flow *flow = first_flow_locked(vm);
	struct turn turn = { -EAGAIN };

	lockdep_assert_held(&vm->txq.lock);
	/*
	 * (H) The mailbox could look full to us, or no vCPU as if it waited,
	 * while the vCPU that frees it or waits finds nothing queued.
	 *
	 * Orders: flows not empty  ->  waiting, last exits, EL2's look at the mailbox
	 * Pairs:  (I) in hf_mailbox_finish(), (G) in hf_wait_begin()
	 * Proof:  litmus/SB+queue-vs-release, litmus/SB+queue-vs-last-exit,
	 *	   litmus/SB+queue-vs-announce, spin/mailbox
	 */
	smp_mb();
	if (flow && !vm->dead)
		turn = take_turn_locked(flow, retry);
	if (!list_empty(&vm->txq.flows))
		queue_delayed_work(system_dfl_wq, &vm->txq.retry_work,
				   !turn.full && hf_wait_needs_exits(vm) ? ASK_JIFFIES :
				   RETRY_JIFFIES);
	return turn;
}

/* The message can never be sent: its socket hears of it, the others go on. */
static void report_failure(struct hf_vm *vm, struct sock *sk, int err)
{
	if (err != -ENETDOWN)
		pr_warn_ratelimited("VM %u: a message cannot be sent, error %d\n", vm->id, err);
	if (sk) {
		WRITE_ONCE(sk->sk_err, -err);
		sk_error_report(sk);
	}
}

/* What follows after the lock was dropped. */
static void finish_turn(struct hf_vm *vm, struct turn turn)
{
	if (turn.err == -EAGAIN)
		return;
	if (turn.err) {
		report_failure(vm, turn.skb ? turn.skb->sk : NULL, turn.err);
		kfree_skb(turn.skb);
		return;
	}
	atomic_long_inc(&vm->sent);
	consume_skb(turn.skb);
}

void hf_flow_drain(struct hf_vm *vm, bool retry)
{
	struct turn turn;

	spin_lock(&vm->txq.lock);
	turn = send_next_locked(vm, retry);
	spin_unlock(&vm->txq.lock);
	finish_turn(vm, turn);
}

/* The clock decides when to look, never what is done: that follows from what is there. */
static void retry_flows(struct work_struct *work)
{
	struct hf_vm *vm = container_of(to_delayed_work(work), struct hf_vm, txq.retry_work);
	u16 i;

	for (i = 0; hf_wait_needs_exits(vm) && i < hf_vm_nr_vcpus(vm); i++)
		hf_vcpu_kick_out(&vm->vcpus[i]);
	hf_flow_drain(vm, true);
}

void hf_flow_init_vm(struct hf_vm *vm)
{
	spin_lock_init(&vm->txq.lock);
	INIT_LIST_HEAD(&vm->txq.flows);
	INIT_LIST_HEAD(&vm->txq.refused);
	INIT_DELAYED_WORK(&vm->txq.retry_work, retry_flows);
}

/* Whether there is room; if not, the flow's owner is woken when there is. */
static bool want_room_locked(struct hf_flow *flow)
{
	struct hf_vm *vm = flow->vm;

	lockdep_assert_held(&vm->txq.lock);
	if (vm->txq.queued_bytes < HF_FLOW_VM_BYTES || skb_queue_empty(&flow->queue))
		return true;
	if (list_empty(&flow->refused))
		list_add_tail(&flow->refused, &vm->txq.refused);
	return false;
}

bool hf_flow_want_room(struct hf_flow *flow)
{
	struct hf_vm *vm = flow->vm;
	bool has_room;

	/* The usual answer does not disturb senders. */
	if (READ_ONCE(vm->txq.queued_bytes) < HF_FLOW_VM_BYTES)
		return true;
	spin_lock(&vm->txq.lock);
	has_room = vm->dead || want_room_locked(flow);
	spin_unlock(&vm->txq.lock);
	return has_room;
}

int hf_flow_send(struct hf_flow *flow, struct sk_buff *skb)
{
	struct hf_vm *vm = flow->vm;
	struct turn turn;
	int err = 0;

	spin_lock(&vm->txq.lock);
	if (vm->dead)
		err = -EPIPE;
	else if (!flow->ops && !want_room_locked(flow))
		err = -EAGAIN;
	if (err) {
		spin_unlock(&vm->txq.lock);
		return err;
	}
	if (flow->ops)
		*sent_of(skb) = 0;
	__skb_queue_tail(&flow->queue, skb);
	WRITE_ONCE(vm->txq.queued, vm->txq.queued + 1);
	WRITE_ONCE(vm->txq.queued_bytes, vm->txq.queued_bytes + skb->truesize);
	if (list_empty(&flow->node))
		list_add_tail(&flow->node, &vm->txq.flows);
	turn = send_next_locked(vm, false);
	spin_unlock(&vm->txq.lock);

	finish_turn(vm, turn);
	return 0;
}
EXPORT_SYMBOL_NS_GPL(hf_flow_send, HF_NS);

/* Whether sock_alloc_send_skb() would neither wait nor fail. */
static bool may_buffer(const struct sock *sk)
{
	return !READ_ONCE(sk->sk_err) && !(READ_ONCE(sk->sk_shutdown) & SEND_SHUTDOWN) &&
	       sk_wmem_alloc_get(sk) < READ_ONCE(sk->sk_sndbuf);
}

int hf_flow_send_now(struct hf_flow *flow, const void *head, size_t head_len,
		     struct iov_iter *from, size_t len, bool may_sleep)
{
	struct hf_vm *vm = flow->vm;
	int err = -EAGAIN;

	if (flow->sk && !may_buffer(flow->sk))
		return -EAGAIN;
	raw_spin_lock_irq(&vm->wait_lock);
	/*
	 * The pending flag saves a copy that would most likely be in vain. Messages that
	 * are queued meanwhile may come later, as their senders have not returned.
	 * Nothing is queued here, so (H) is not needed: a sender that fails here comes
	 * to it.
	 */
	if (!READ_ONCE(vm->dead) && list_empty(&vm->txq.flows) && !READ_ONCE(vm->message_pending) &&
	    hf_wait_may_send_locked(vm))
		err = hf_tx_put_from(vm, head, head_len, from, len);
	if (!err) {
		hf_wait_accepted_locked(vm);
		/* A sender that is preempted here would keep the guest from running. */
		if (IS_ENABLED(CONFIG_PREEMPT_RT))
			hf_wait_notify(vm, false);
		else
			preempt_disable();
	}
	raw_spin_unlock_irq(&vm->wait_lock);

	if (err == -EAGAIN)
		return err;
	if (err) {
		report_failure(vm, flow->sk, err);
		return err;
	}
	atomic_long_inc(&vm->sent);
	if (!IS_ENABLED(CONFIG_PREEMPT_RT)) {
		hf_wait_notify(vm, may_sleep);
		preempt_enable();
	}
	return 0;
}
EXPORT_SYMBOL_NS_GPL(hf_flow_send_now, HF_NS);

void hf_flow_init(struct hf_flow *flow, struct hf_vm *vm, struct sock *sk)
{
	flow->vm = vm;
	flow->sk = sk;
	flow->ops = NULL;
	INIT_LIST_HEAD(&flow->node);
	INIT_LIST_HEAD(&flow->refused);
	init_waitqueue_head(&flow->senders);
	__skb_queue_head_init(&flow->queue);
	flow->closed = false;
}
EXPORT_SYMBOL_NS_GPL(hf_flow_init, HF_NS);

/* --- the end --- */

/* Take what is queued of @sk, NULL = of any, off the queue; freed without the lock. */
static void clear_locked(struct hf_flow *flow, const struct sock *sk, struct sk_buff_head *dropped)
{
	struct sk_buff *skb, *next;

	lockdep_assert_held(&flow->vm->txq.lock);
	skb_queue_walk_safe(&flow->queue, skb, next) {
		if (sk && skb->sk != sk)
			continue;
		unlink_locked(flow, skb);
		__skb_queue_tail(dropped, skb);
	}
	leave_if_empty_locked(flow);
}

void hf_flow_drop(struct hf_flow *flow, const struct sock *sk)
{
	struct sk_buff_head dropped;

	__skb_queue_head_init(&dropped);
	spin_lock(&flow->vm->txq.lock);
	clear_locked(flow, sk, &dropped);
	spin_unlock(&flow->vm->txq.lock);
	__skb_queue_purge(&dropped);
}
EXPORT_SYMBOL_NS_GPL(hf_flow_drop, HF_NS);

/* Orphan the flow: keep what is queued, as far as the VM's share of that allows. */
static void disown_locked(struct hf_flow *flow, struct sk_buff_head *dropped)
{
	struct hf_vm *vm = flow->vm;
	struct sk_buff *skb, *next;

	lockdep_assert_held(&vm->txq.lock);
	skb_queue_walk_safe(&flow->queue, skb, next) {
		if (vm->txq.closed_flows < HF_FLOW_CLOSED_MAX &&
		    vm->txq.closed_bytes < HF_FLOW_CLOSED_BYTES) {
			vm->txq.closed_bytes += skb->truesize;
			skb_orphan(skb);
		} else {
			unlink_locked(flow, skb);
			__skb_queue_tail(dropped, skb);
		}
	}
}

void hf_flow_close(struct hf_flow *flow)
{
	struct hf_vm *vm = flow->vm;
	struct sk_buff_head dropped;

	__skb_queue_head_init(&dropped);
	spin_lock(&vm->txq.lock);
	list_del_init(&flow->refused);
	disown_locked(flow, &dropped);
	flow->closed = true;
	vm->txq.closed_flows++;
	leave_if_empty_locked(flow);
	spin_unlock(&vm->txq.lock);

	atomic_long_add(skb_queue_len(&dropped), &vm->dropped_unsent);
	__skb_queue_purge(&dropped);
}

/* One at a time: there may be thousands, and as many senders to wake. */
static bool purge_one(struct hf_vm *vm)
{
	struct sk_buff *skb = NULL;
	struct hf_flow *flow;

	spin_lock(&vm->txq.lock);
	flow = first_flow_locked(vm);
	if (flow) {
		skb = skb_peek(&flow->queue);
		unlink_locked(flow, skb);
		leave_if_empty_locked(flow);
	}
	spin_unlock(&vm->txq.lock);
	if (!skb)
		return false;
	atomic_long_inc(&vm->dropped_unsent);
	kfree_skb(skb);
	return true;
}

void hf_flow_purge(struct hf_vm *vm)
{
	while (purge_one(vm))
		cond_resched();
}
