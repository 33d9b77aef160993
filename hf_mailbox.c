// SPDX-License-Identifier: GPL-2.0-only
/*
 * Mailboxes: what goes through the two pages.
 *
 * Owns the TX page (under tx_page_lock, from the copy to the end of
 * FFA_MSG_SEND) and the RX page (of the thread that was told of a message, until
 * it releases the page). Process context.
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
#include "hf_wait.h"

/* How many waiters are told at a time; the next exit goes on. */
#define WAITERS_MAX	16

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

void hf_mailbox_arrived(struct hf_vm *vm)
{
	spin_lock(&vm->tx_lock);
	hf_wait_accepted_locked(vm);
	spin_unlock(&vm->tx_lock);
	hf_wait_notify(vm, false);
}

/* VMs that wait for our mailbox were left over by notify_some(). */
static bool own_waiters_left;

/* The mailboxes of others that became free for us. */
static void resume_flows(void)
{
	struct hf_vm *vm;
	int i;
	s64 id;

	for (i = 0; i < WAITERS_MAX && (id = hf_ffa_mailbox_writable_get()) >= 0; i++) {
		vm = hf_vm_find(id);
		if (vm)
			hf_flow_drain(vm);
	}
}

/*
 * Tell those who wait for the mailbox of @vm_id that it is free. Guests that ask as
 * fast as they are told must not keep us here: then the next exit, which is due at
 * once, goes on with what is @left.
 */
static void notify_some(u16 vm_id, bool *left)
{
	struct hf_vm *vm;
	int i;
	s64 id;

	WRITE_ONCE(*left, false);
	for (i = 0; i < WAITERS_MAX; i++) {
		id = hf_ffa_mailbox_waiter_get(vm_id);
		if (id < 0)
			return;
		vm = hf_vm_find(id);
		if (id == HF_PRIMARY_VM_ID)
			resume_flows();
		else if (vm)
			hf_wait_interrupt(vm, HF_MAILBOX_WRITABLE_INTID);
	}
	WRITE_ONCE(*left, true);
}

/*
 * The RX page holds @len bytes from @offset on: copy them. Counts what it has to drop.
 * As long as we have the page no VM can send to us, so this does not wait for memory,
 * or let others run, unless there is no other way: the sender was told that we
 * have its message. The reserves are not for guests: the socket would drop what
 * comes from there.
 */
static struct sk_buff *copy_message(struct hf_vcpu *vcpu, struct hf_vm *vm, u32 offset, u32 len)
{
	const void *message = hf_pages_rx() + offset;
	struct hf_msg_hdr hdr;
	struct sk_buff *skb;

	if (offset > HF_MAILBOX_SIZE || len > HF_MAILBOX_SIZE - offset) {
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
	memcpy(&hdr, message, sizeof(hdr));
	skb_put_data(skb, message + sizeof(hdr), len);
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
		notify_some(HF_PRIMARY_VM_ID, &own_waiters_left);
}

/* The RX page is ours, and holds a message of @vm, until it is released. */
static void receive(struct hf_vcpu *vcpu, struct hf_vm *vm, u32 offset, u32 len)
{
	struct sk_buff *skb = copy_message(vcpu, vm, offset, len);

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

/*
 * FFA_MSG_SEND2 fills our RX page without an exit. EL2 lets nothing but a header with
 * the right ids through, so that a page which does not begin with one holds no such
 * message; one that does may hold an old one, and EL2 knows. Sender and receiver are
 * what EL2 checked, offset and size may be anything.
 */
static void receive_unseen(struct hf_vcpu *vcpu)
{
	const struct hf_msg2_hdr *page = hf_pages_rx();
	struct hf_msg2_hdr hdr;
	struct hf_vm *vm;

	if (le16_to_cpu(READ_ONCE(page->receiver)) != HF_PRIMARY_VM_ID || !hf_ffa_rx_full())
		return;

	hdr = *page;
	vm = hf_vm_find(le16_to_cpu(hdr.sender));
	if (vm && le32_to_cpu(hdr.offset) >= sizeof(hdr)) {
		receive(vcpu, vm, le32_to_cpu(hdr.offset), le32_to_cpu(hdr.size));
		return;
	}
	atomic_long_inc(vm ? &vm->dropped_size : &vcpu->vm->dropped_sender);
	release_page();
}

/* A message went from one VM to another: our part is to run the receiver. */
static void forward(struct hf_vcpu *vcpu, u16 receiver)
{
	struct hf_vm *vm = hf_vm_find(receiver);

	if (vm)
		hf_mailbox_arrived(vm);
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

void hf_mailbox_exit(struct hf_vcpu *vcpu, enum hf_exit_kind kind, const struct hf_ffa_exit *exit)
{
	struct hf_vm *vm = vcpu->vm;

	switch (kind) {
	case HF_EXIT_MSG_SEND:
		if (exit->vcpu == HF_PRIMARY_VM_ID)
			receive(vcpu, vm, 0, exit->len);
		else
			forward(vcpu, exit->vcpu);
		break;
	case HF_EXIT_ABORTED:
		vm_died(vm);
		break;
	default:
		break;
	}
	if (hf_ffa_features.send2)
		receive_unseen(vcpu);
	if (kind == HF_EXIT_RX_RELEASE || READ_ONCE(vm->waiters_left))
		notify_some(vm->id, &vm->waiters_left);
	if (READ_ONCE(own_waiters_left))
		notify_some(HF_PRIMARY_VM_ID, &own_waiters_left);

	if (kind == HF_EXIT_MSG_WAIT)
		hf_wait_begin(vcpu);
	else
		hf_wait_exit(vcpu, kind, kind == HF_EXIT_WFI ||
			     (kind == HF_EXIT_YIELD && exit->timeout_ns));
	/*
	 * (I) The vCPU could have freed its mailbox while a sender that finds
	 * it full has not yet made its message visible in the queue.
	 *
	 * Orders: EL2's mailbox freed, what the exit shows  ->  flows empty?
	 * Pairs:  (H) in send_next_locked()
	 * Proof:  litmus/SB+queue-vs-release, litmus/SB+queue-vs-last-exit, spin/mailbox
	 */
	smp_mb();
	if (!list_empty(&vm->flows) && !hf_mutant(QUEUE_FORGOTTEN))
		hf_flow_drain(vm);
}

void hf_mailbox_clear(void)
{
	if (hf_ffa_features.send2)
		hf_ffa_rx_full();
	if (hf_ffa_rx_release() == 1)
		own_waiters_left = true;
}

void hf_mailbox_purge_all(void)
{
	struct hf_vm *vm;
	unsigned long id;

	hf_for_each_vm(vm, id) {
		cancel_delayed_work_sync(&vm->retry_work);
		hf_flow_purge(vm);
	}
}
