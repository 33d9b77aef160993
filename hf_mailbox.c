// SPDX-License-Identifier: GPL-2.0-only
/*
 * Mailboxes: what goes through the two pages, and the mirror of what EL2 holds
 * for a VM.
 *
 * Owns the TX page (under tx_page_lock, from the copy to the end of
 * FFA_MSG_SEND), the RX page (of the thread that was told of a message, until it
 * releases the page) and vm->message_pending. Process context.
 *
 * Invariant: a message that EL2 accepted makes a vCPU of its receiver run, and
 * the RX page waits for nothing but memory.
 * Does not: decide who sends next (hf_flow.c), know of sockets beyond two
 * upcalls, or map pages (hf_pages.c).
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/bitmap.h>
#include <linux/uaccess.h>
#include <linux/uio.h>

#include "hf_flow.h"
#include "hf_mailbox.h"
#include "hf_mutant.h"
#include "hf_pages.h"
#include "hf_vm.h"

/* Inside vm->tx_lock. */
static DEFINE_SPINLOCK(tx_page_lock);

int hf_mailbox_put(struct hf_vm *vm, const void *message, size_t len)
{
	int err;

	lockdep_assert_held(&vm->tx_lock);
	spin_lock(&tx_page_lock);
	memcpy(hf_pages_tx(), message, len);
	err = hf_ffa_msg_send(vm->id, len, hf_ffa_features.waiter_list);
	spin_unlock(&tx_page_lock);
	return err;
}

int hf_mailbox_put_from(struct hf_vm *vm, const void *head, size_t head_len,
			struct iov_iter *from, size_t len)
{
	size_t copied;
	int err = -EAGAIN;

	lockdep_assert_held(&vm->tx_lock);
	spin_lock(&tx_page_lock);
	memcpy(hf_pages_tx(), head, head_len);
	/* Page faults must wait: we spin. */
	pagefault_disable();
	copied = copy_from_iter(hf_pages_tx() + head_len, len, from);
	pagefault_enable();
	/* Who finds the mailbox full asks to be told when it comes back with a buffer. */
	if (copied == len)
		err = hf_ffa_msg_send(vm->id, head_len + len, false);
	spin_unlock(&tx_page_lock);
	if (err == -EAGAIN)
		iov_iter_revert(from, copied);
	return err;
}

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

void hf_mailbox_arrived(struct hf_vm *vm, bool here)
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

	/* Bits come and go meanwhile: each word is read once, and (F) and (G) order it. */
	i = data_race(find_first_bit(vm->waiting, vm->nr_vcpus));
	if (i >= vm->nr_vcpus)
		interrupt_vm(vm, HF_MAILBOX_READABLE_INTID);
	else if (here)
		hf_vcpu_request_here(&vm->vcpus[i], HF_REQ_MESSAGE);
	else
		hf_vcpu_request(&vm->vcpus[i], HF_REQ_MESSAGE);
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
	 * Orders: waiting |= this vCPU  ->  message_pending, flows
	 * Pairs:  (F) in hf_mailbox_arrived(), (H) in send_next_locked()
	 * Proof:  litmus/SB+mirror-vs-wait, litmus/SB+queue-vs-announce, spin/mailbox
	 */
	smp_mb__after_atomic();
	return READ_ONCE(vm->message_pending) && !hf_mutant(MIRROR_UNCHECKED);
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
				hf_flow_drain(vm);
		}
	}
}

/*
 * The RX page holds @len bytes: copy them. Counts what it has to drop. As long
 * as we have the page no VM can send to us, so this does not wait for memory,
 * or let others run, unless there is no other way: the sender was told that we
 * have its message. The reserves are not for guests: the socket would drop what
 * comes from there.
 */
static struct sk_buff *copy_message(struct hf_vcpu *vcpu, struct hf_vm *vm, u32 len)
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
	skb = alloc_skb(len, GFP_NOWAIT | __GFP_NOWARN | __GFP_NOMEMALLOC);
	if (!skb) {
		hf_vcpu_sleep_begin(vcpu);
		skb = alloc_skb(len, GFP_KERNEL | __GFP_NOFAIL);
		hf_vcpu_sleep_end(vcpu);
	}

	/* The page is EL2's to write: one copy, then the copy is used. */
	memcpy(&hdr, hf_pages_rx(), sizeof(hdr));
	skb_put_data(skb, hf_pages_rx() + sizeof(hdr), len);
	HF_SKB_CB(skb)->vm = vm;
	HF_SKB_CB(skb)->src_port = le64_to_cpu(hdr.src_port);
	HF_SKB_CB(skb)->dst_port = le64_to_cpu(hdr.dst_port);
	return skb;
}

/*
 * While we hold the page no VM can send to us. EL2 has no reason to refuse
 * it; should it do so, one more attempt may save all of them.
 */
static void release_page(void)
{
	int ret = hf_ffa_rx_release();

	if (ret < 0) {
		pr_warn_ratelimited("the RX page was not released, error %d; trying again\n", ret);
		ret = hf_ffa_rx_release();
	}
	if (ret == 1)
		notify_waiters(HF_PRIMARY_VM_ID);
}

/* EL2 has put a message for us into the RX page; we own the page until we release it. */
static void receive(struct hf_vcpu *vcpu, const struct hf_ffa_exit *exit)
{
	struct hf_vm *vm = hf_vm_find(exit->vm);
	struct sk_buff *skb = NULL;

	if (vm)
		skb = copy_message(vcpu, vm, exit->len);
	else
		atomic_long_inc(&vcpu->vm->dropped_sender);
	if (!skb) {
		release_page();
		return;
	}

	/* Once the page is free, another vCPU of the VM can bring the next message. */
	spin_lock(&vm->rx_lock);
	release_page();
	atomic_long_inc(&vm->received);
	hf_socket_deliver(skb);
	spin_unlock(&vm->rx_lock);
}

/* A message went from one VM to another: our part is to run the receiver. */
static void forward(struct hf_vcpu *vcpu, const struct hf_ffa_exit *exit)
{
	struct hf_vm *receiver = hf_vm_find(exit->vcpu);

	if (receiver)
		hf_mailbox_arrived(receiver, false);
	else
		atomic_long_inc(&vcpu->vm->dropped_sender);
}

static void vm_died(struct hf_vm *vm)
{
	bool first;

	spin_lock(&vm->tx_lock);
	first = !vm->dead;
	WRITE_ONCE(vm->dead, true);
	spin_unlock(&vm->tx_lock);

	if (first)
		hf_socket_vm_died(vm);
	hf_flow_purge(vm);
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
	 * Orders: EL2's mailbox freed  ->  flows empty?
	 * Pairs:  (H) in send_next_locked()
	 * Proof:  litmus/SB+queue-vs-release, spin/mailbox
	 */
	smp_mb();
	if (!list_empty(&vm->flows) && !hf_mutant(QUEUE_FORGOTTEN))
		hf_flow_drain(vm);

	return run_again;
}

void hf_mailbox_purge_all(void)
{
	struct hf_vm *vm;
	unsigned long id;

	hf_for_each_vm(vm, id) {
		cancel_delayed_work_sync(&vm->hold_work);
		hf_flow_purge(vm);
	}
}
