// SPDX-License-Identifier: GPL-2.0-only
/*
 * Mailboxes: sending, receiving, and the mirror of what EL2 holds for a VM.
 *
 * Owns the TX page (under tx_page_lock, from the copy to the end of
 * FFA_MSG_SEND), the RX page (of the thread that was told of a message, until
 * it releases the page), the send queue of each VM (under vm->tx_lock, which
 * is taken before tx_page_lock), and vm->message_pending. Process context.
 *
 * Invariant: a message that EL2 accepted makes a vCPU of its receiver run,
 * and a message that is queued is tried again after each exit of its receiver.
 * Does not: know of sockets beyond two upcalls, or map pages (hf_pages.c).
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/bitmap.h>
#include <net/sock.h>

#include "hf_mailbox.h"
#include "hf_mutant.h"
#include "hf_pages.h"
#include "hf_vm.h"

/*
 * How long a message waits for a vCPU of a VM to call FFA_MSG_WAIT before it
 * is sent all the same; see may_send(). Then it is tried after each exit, and
 * once a second in case EL2 was busy for another reason than a full mailbox.
 */
#define HOLD_JIFFIES	msecs_to_jiffies(20)

static DEFINE_SPINLOCK(tx_page_lock);

/*
 * Make a virtual interrupt pending where the guest takes it. EL2 answers 1 if
 * that vCPU has the interrupt enabled; it is remembered, so that one call
 * suffices as a rule. 0 may mean that it is pending already, or that the guest
 * takes it on another vCPU: then all are asked. Whoever was asked runs.
 */
static void interrupt_vm(struct hf_vm *vm, u32 intid)
{
	u16 hint = READ_ONCE(vm->irq_vcpu[intid]);
	u16 i = hint;

	do {
		int ret = hf_ffa_interrupt_inject(vm->id, i, intid);

		if (ret == 0 && hf_mutant(EL2_DECIDES))
			return;
		if (ret == 1 || !(hf_mutant(WAITING_DECIDES) || hf_mutant(MIRROR_UNCHECKED)))
			hf_vcpu_request(&vm->vcpus[i], HF_REQ_INTERRUPT);
		if (ret == 1) {
			WRITE_ONCE(vm->irq_vcpu[intid], i);
			return;
		}
		i = i + 1 < vm->nr_vcpus ? i + 1 : 0;
	} while (i != hint);
}

/* EL2 holds a message for @vm: see that one of its vCPUs runs. */
static void message_arrived(struct hf_vm *vm)
{
	unsigned long i;

	if (hf_mutant(PENDING_SKIPS_KICK) && READ_ONCE(vm->message_pending))
		return;
	/*
	 * (F) We could find nobody waiting while a vCPU that is about to sleep
	 * finds no message; or a vCPU could forget this message unread.
	 *
	 * Orders: EL2's mailbox full  ->  message_pending = true  ->  waiting
	 * Pairs:  (G) in announce_waiting(), (D) in vcpu_enter()
	 * Proof:  litmus/SB+mirror-vs-wait, litmus/R+mirror-vs-consume, spin/mailbox
	 */
	(void)xchg(&vm->message_pending, !hf_mutant(WAITING_DECIDES));

	i = find_first_bit(vm->waiting, vm->nr_vcpus);
	if (i < vm->nr_vcpus)
		hf_vcpu_request(&vm->vcpus[i], HF_REQ_MESSAGE);
	else
		interrupt_vm(vm, HF_MAILBOX_READABLE_INTID);
}

/* @vcpu waits for a message. Returns true if there may be one already. */
static bool announce_waiting(struct hf_vcpu *vcpu)
{
	struct hf_vm *vm = vcpu->vm;

	vcpu->waiting = true;
	set_bit(vcpu->index, vm->waiting);
	/*
	 * (G) We could find no message, sent or queued, while its sender finds
	 * nobody waiting.
	 *
	 * Orders: waiting |= this vCPU  ->  message_pending, send_queue
	 * Pairs:  (F) in message_arrived(), (H) in send_oldest_locked()
	 * Proof:  litmus/SB+mirror-vs-wait, litmus/SB+queue-vs-announce, spin/mailbox
	 */
	smp_mb__after_atomic();
	return READ_ONCE(vm->message_pending) && !hf_mutant(MIRROR_UNCHECKED);
}

/*
 * Whether a message should go to EL2 now. A VM that uses FFA_MSG_WAIT gets it
 * while a vCPU waits: earlier it would only lie in the mailbox, the vCPU would
 * take it there without our seeing it, and be run once more for nothing.
 * vm->hold_work sends it in the end to a guest that does not wait now.
 *
 * On some hypervisors a message taken without waiting can be overwritten while
 * it is read. There every VM counts as one that waits, and a guest that only
 * polls gets a message per HOLD_JIFFIES, in the hope that it has read the last.
 */
static bool may_send(struct hf_vm *vm)
{
	return !READ_ONCE(vm->waits) || !bitmap_empty(vm->waiting, vm->nr_vcpus);
}

static int transmit(struct hf_vm *vm, const struct sk_buff *skb)
{
	int err;

	spin_lock(&tx_page_lock);
	memcpy(hf_pages_tx(), skb->data, skb->len);
	err = hf_ffa_msg_send(vm->id, skb->len, hf_ffa_features.waiter_list);
	spin_unlock(&tx_page_lock);
	return err;
}

/* The message can never be sent: its socket hears of it, the others go on. */
static void send_failed(struct hf_vm *vm, struct sk_buff *skb, int err)
{
	pr_warn_ratelimited("VM %u: a message cannot be sent, error %d\n", vm->id, err);
	if (skb->sk) {
		WRITE_ONCE(skb->sk->sk_err, -err);
		sk_error_report(skb->sk);
	}
	kfree_skb(skb);
}

/*
 * Send the oldest queued message, if there is one and its receiver has room.
 * One is enough: the mailbox holds one, and its next state comes with an exit.
 * Returns the message if it left the queue, and how that went in *err.
 */
static struct sk_buff *send_oldest_locked(struct hf_vm *vm, bool hold_is_over, int *err)
{
	struct sk_buff *skb = skb_peek(&vm->send_queue);

	lockdep_assert_held(&vm->tx_lock);
	/*
	 * (H) The mailbox could look full to us, or nobody look as if waiting,
	 * while the vCPU that frees it or waits finds nothing queued.
	 *
	 * Orders: send_queue not empty  ->  waiting, EL2's look at the mailbox
	 * Pairs:  (I) in hf_mailbox_exit(), (G) in announce_waiting()
	 * Proof:  litmus/SB+queue-vs-release, litmus/SB+queue-vs-announce, spin/mailbox
	 */
	smp_mb();
	*err = -EAGAIN;
	if (skb && (hold_is_over || may_send(vm)))
		*err = transmit(vm, skb);

	if (*err != -EAGAIN) {
		__skb_unlink(skb, &vm->send_queue);
		vm->oldest_since = jiffies;
		vm->orphans -= !skb->sk;
	} else {
		skb = NULL;
	}

	/* It does not wait now. If it did not read either, its next exits tell. */
	if (hold_is_over && !hf_ffa_features.rx_overwrite)
		WRITE_ONCE(vm->waits, false);

	if (!skb_queue_empty(&vm->send_queue))
		schedule_delayed_work(&vm->hold_work, READ_ONCE(vm->waits) ? HOLD_JIFFIES : HZ);
	return skb;
}

/* What follows after the lock was dropped. */
static void sent(struct hf_vm *vm, struct sk_buff *skb, int err)
{
	if (!skb)
		return;
	if (err) {
		send_failed(vm, skb, err);
		return;
	}
	atomic_long_inc(&vm->sent);
	message_arrived(vm);
	consume_skb(skb);
}

static void drain(struct hf_vm *vm)
{
	struct sk_buff *skb;
	int err;

	spin_lock(&vm->tx_lock);
	skb = send_oldest_locked(vm, false, &err);
	spin_unlock(&vm->tx_lock);
	sent(vm, skb, err);
}

void hf_mailbox_hold_expired(struct work_struct *work)
{
	struct hf_vm *vm = container_of(to_delayed_work(work), struct hf_vm, hold_work);
	struct sk_buff *skb;
	bool is_over;
	int err;

	spin_lock(&vm->tx_lock);
	is_over = !skb_queue_empty(&vm->send_queue) &&
		  time_after_eq(jiffies, vm->oldest_since + HOLD_JIFFIES);
	skb = send_oldest_locked(vm, is_over, &err);
	spin_unlock(&vm->tx_lock);
	sent(vm, skb, err);
}

int hf_mailbox_send(struct hf_vm *vm, struct sk_buff *skb)
{
	int err;

	spin_lock(&vm->tx_lock);
	if (vm->dead) {
		spin_unlock(&vm->tx_lock);
		return -EPIPE;
	}
	if (skb_queue_empty(&vm->send_queue))
		vm->oldest_since = jiffies;
	__skb_queue_tail(&vm->send_queue, skb);
	skb = send_oldest_locked(vm, false, &err);
	spin_unlock(&vm->tx_lock);

	sent(vm, skb, err);
	return 0;
}

void hf_mailbox_orphan(struct hf_vm *vm, struct sock *sk)
{
	struct sk_buff_head dropped;
	struct sk_buff *skb, *next;

	__skb_queue_head_init(&dropped);
	spin_lock(&vm->tx_lock);
	skb_queue_walk_safe(&vm->send_queue, skb, next) {
		if (skb->sk != sk)
			continue;
		if (vm->orphans < HF_ORPHANS_MAX) {
			skb_orphan(skb);
			vm->orphans++;
		} else {
			__skb_unlink(skb, &vm->send_queue);
			__skb_queue_tail(&dropped, skb);
		}
	}
	spin_unlock(&vm->tx_lock);

	atomic_long_add(skb_queue_len(&dropped), &vm->dropped_unsent);
	__skb_queue_purge(&dropped);
}

/* Tell everybody who waits for the mailbox of @vm_id that it is free. */
static void notify_waiters(u16 vm_id)
{
	struct hf_vm *vm;
	s64 id;

	while ((id = hf_ffa_mailbox_waiter_get(vm_id)) >= 0) {
		if (id != HF_PRIMARY_VM_ID) {
			vm = hf_vm_find(id);
			if (vm)
				interrupt_vm(vm, HF_MAILBOX_WRITABLE_INTID);
			continue;
		}
		while ((id = hf_ffa_mailbox_writable_get()) >= 0) {
			vm = hf_vm_find(id);
			if (vm)
				drain(vm);
		}
	}
}

/*
 * The RX page holds @len bytes: copy them. Counts what it has to drop. As long
 * as we have the page no VM can send to us, so this does not wait for memory,
 * or let others run, unless there is no other way.
 */
static struct sk_buff *copy_message(struct hf_vm *vm, u32 len)
{
	struct hf_msg_hdr hdr;
	struct sk_buff *skb;

	if (len > HF_MAILBOX_SIZE) {
		atomic_long_inc(&vm->dropped_size);
		return NULL;
	}
	if (len < sizeof(hdr)) {
		atomic_long_inc(&vm->dropped_short);
		return NULL;
	}

	len -= sizeof(hdr);
	skb = alloc_skb(len, GFP_NOWAIT | __GFP_NOWARN) ?: alloc_skb(len, GFP_KERNEL);
	if (!skb) {
		atomic_long_inc(&vm->dropped_nomem);
		return NULL;
	}

	/* The page is EL2's to write: one copy, then the copy is used. */
	memcpy(&hdr, hf_pages_rx(), sizeof(hdr));
	skb_put_data(skb, hf_pages_rx() + sizeof(hdr), len);
	HF_SKB_CB(skb)->vm = vm;
	HF_SKB_CB(skb)->src_port = le64_to_cpu(hdr.src_port);
	HF_SKB_CB(skb)->dst_port = le64_to_cpu(hdr.dst_port);
	return skb;
}

/* EL2 has put a message for us into the RX page; we own the page until we release it. */
static void receive(struct hf_vcpu *vcpu, const struct hf_ffa_exit *exit)
{
	struct hf_vm *vm = hf_vm_find(exit->vm);
	struct sk_buff *skb = NULL;

	if (vm)
		skb = copy_message(vm, exit->len);
	else
		atomic_long_inc(&vcpu->vm->dropped_sender);

	if (hf_ffa_rx_release() == 1)
		notify_waiters(HF_PRIMARY_VM_ID);

	if (skb) {
		atomic_long_inc(&vm->received);
		hf_socket_deliver(skb);
	}
}

/* A message went from one VM to another: our part is to run the receiver. */
static void forward(struct hf_vcpu *vcpu, const struct hf_ffa_exit *exit)
{
	struct hf_vm *receiver = hf_vm_find(exit->vcpu);

	if (receiver)
		message_arrived(receiver);
	else
		atomic_long_inc(&vcpu->vm->dropped_sender);
}

static void vm_died(struct hf_vm *vm)
{
	struct sk_buff_head unsent;
	bool first;

	__skb_queue_head_init(&unsent);
	spin_lock(&vm->tx_lock);
	first = !vm->dead;
	WRITE_ONCE(vm->dead, true);
	skb_queue_splice_init(&vm->send_queue, &unsent);
	spin_unlock(&vm->tx_lock);

	if (first)
		hf_socket_vm_died(vm);
	__skb_queue_purge(&unsent);
}

bool hf_mailbox_exit(struct hf_vcpu *vcpu, enum hf_exit_kind kind,
		     const struct hf_ffa_exit *exit)
{
	struct hf_vm *vm = vcpu->vm;
	bool run_again = false;

	switch (kind) {
	case HF_EXIT_MSG_WAIT:
		if (!READ_ONCE(vm->waits))
			WRITE_ONCE(vm->waits, true);
		run_again = announce_waiting(vcpu);
		break;
	case HF_EXIT_MSG_SEND:
		if (exit->vcpu == HF_PRIMARY_VM_ID)
			receive(vcpu, exit);
		else
			forward(vcpu, exit);
		break;
	case HF_EXIT_RX_RELEASE:
		notify_waiters(vm->id);
		break;
	case HF_EXIT_ABORTED:
		vm_died(vm);
		break;
	default:
		break;
	}

	/*
	 * (I) The vCPU could have freed its mailbox while a sender that finds
	 * it full has not yet made its message visible in the queue.
	 *
	 * Orders: EL2's mailbox freed  ->  send_queue empty?
	 * Pairs:  (H) in send_oldest_locked()
	 * Proof:  litmus/SB+queue-vs-release, spin/mailbox
	 */
	smp_mb();
	if (!skb_queue_empty_lockless(&vm->send_queue) && !hf_mutant(QUEUE_FORGOTTEN))
		drain(vm);

	return run_again;
}

void hf_mailbox_purge_all(void)
{
	struct hf_vm *vm;
	unsigned long id;

	hf_for_each_vm(vm, id) {
		cancel_delayed_work_sync(&vm->hold_work);
		skb_queue_purge(&vm->send_queue);
	}
}
