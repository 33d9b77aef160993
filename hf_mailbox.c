// SPDX-License-Identifier: GPL-2.0-only
/*
 * Mailboxes: what an exit says of them, ours and those of VMs.
 *
 * Owns the VMs that wait for a mailbox, and the death of a VM. hf_mailbox_exit() runs
 * with interrupts disabled, the rest in process context.
 *
 * Invariant: a message that EL2 accepted makes a vCPU of its receiver run.
 * Does not: decide which flow sends next (hf_flow.c), or touch the pages (hf_tx.c,
 * hf_rx.c).
 */
#include <linux/tick.h>

#include "hf_compat.h"
#include "hf_flow.h"
#include "hf_mailbox.h"
#include "hf_rx.h"
#include "hf_socket.h"
#include "hf_vm.h"
#include "hf_wait.h"

/* How many waiters are told at a time; the next exit goes on. */
#define WAITERS_MAX	16

void hf_mailbox_arrived(struct hf_vm *vm)
{
	raw_spin_lock(&vm->wait_lock);
	hf_wait_accepted_locked(vm);
	raw_spin_unlock(&vm->wait_lock);
	hf_wait_notify(vm, false);
}

/* VMs that wait for our mailbox were left over by notify_some(). */
static bool own_waiters_left;

/* Mailboxes of others became free for us, and their flows have to be told. */
static bool flows_to_resume;

static void resume_flows(void)
{
	struct hf_vm *vm;
	int i;
	s64 id;

	WRITE_ONCE(flows_to_resume, false);
	for (i = 0; i < WAITERS_MAX; i++) {
		id = hf_ffa_mailbox_writable_get();
		if (id < 0)
			return;
		vm = hf_vm_find(id);
		if (vm)
			hf_flow_drain(vm, false);
	}
	WRITE_ONCE(flows_to_resume, true);
}

/*
 * Tell the VMs that wait for the mailbox of @vm_id that it is free. Guests that ask
 * as fast as they are told must not keep us here: then the next exit, which is due
 * at once, goes on with what is @left.
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
			WRITE_ONCE(flows_to_resume, true);
		else if (vm)
			hf_wait_interrupt(vm, HF_MAILBOX_WRITABLE_INTID);
	}
	WRITE_ONCE(*left, true);
}

/* A message went from one VM to another: our part is to run the receiver. */
static void forward_message(struct hf_vcpu *vcpu, u16 receiver)
{
	struct hf_vm *vm = hf_vm_find(receiver);

	if (vm)
		hf_mailbox_arrived(vm);
	else
		atomic_long_inc(&vcpu->vm->dropped_sender);
}

/*
 * The same for a message that came by FFA_MSG_SEND2, if there is one. It may be any VM's:
 * then the runner of @vcpu delivers it.
 */
static bool take_unseen(struct hf_vcpu *vcpu)
{
	struct hf_msg2_hdr hdr;
	struct hf_vm *vm;
	bool wanted;

	if (!hf_rx_find_unseen(&hdr))
		return false;
	vm = hf_vm_find(le16_to_cpu(hdr.sender));
	if (!vm || le32_to_cpu(hdr.offset) < sizeof(hdr)) {
		atomic_long_inc(vm ? &vm->dropped_size : &vcpu->vm->dropped_sender);
		return hf_rx_release();
	}
	wanted = hf_rx_take(vm, le32_to_cpu(hdr.offset), le32_to_cpu(hdr.size));
	/* A thread that is preempted would keep it: its own VM's delivers it. */
	if (IS_ENABLED(CONFIG_PREEMPT_RT))
		hf_vcpu_request(&vm->vcpus[0], HF_REQ_WAKE);
	else
		vcpu->unseen = vm;
	return wanted;
}

void hf_mailbox_exit(struct hf_vcpu *vcpu, enum hf_exit_kind kind, const struct hf_ffa_exit *exit)
{
	struct hf_vm *vm = vcpu->vm;
	bool wanted = false;

	/* First, because all VMs wait for our RX page. */
	if (kind == HF_EXIT_MSG_SEND && exit->vcpu == HF_PRIMARY_VM_ID)
		wanted = hf_rx_take(vm, 0, exit->len);
	if (hf_ffa_features.send2)
		wanted |= take_unseen(vcpu);

	if (kind == HF_EXIT_MSG_SEND && exit->vcpu != HF_PRIMARY_VM_ID)
		forward_message(vcpu, exit->vcpu);
	if (kind == HF_EXIT_RX_RELEASE || READ_ONCE(vm->waiters_left))
		notify_some(vm->id, &vm->waiters_left);
	if (wanted || READ_ONCE(own_waiters_left))
		notify_some(HF_PRIMARY_VM_ID, &own_waiters_left);

	if (kind == HF_EXIT_MSG_WAIT)
		hf_wait_begin(vcpu);
	else
		hf_wait_exit(vcpu, kind, kind == HF_EXIT_WFI ||
			     (kind == HF_EXIT_YIELD && exit->timeout_ns));
}

/* Thousands of sockets may hear of it: not here, where preemption may be off. */
static void vm_died(struct hf_vm *vm)
{
	bool first;

	spin_lock(&vm->txq.lock);
	first = !vm->dead;
	WRITE_ONCE(vm->dead, true);
	spin_unlock(&vm->txq.lock);
	if (first)
		queue_work(system_dfl_wq, &vm->death_work);
}

static void bury_vm(struct work_struct *work)
{
	struct hf_vm *vm = container_of(work, struct hf_vm, death_work);

	hf_socket_vm_died(vm);
	hf_flow_purge(vm);
}

/*
 * Now and then a guest that answered gets to wait for the next message before the
 * receiver hears of the answer; else each message would find the thread awake, and
 * never be run by its sender. A guest that computes instead would make it wait, until
 * the tick.
 */
static bool comes_to_wait(const struct hf_vcpu *vcpu)
{
	return !IS_ENABLED(CONFIG_PREEMPT_RT) && vcpu->last_exit == HF_EXIT_MSG_SEND &&
	       vcpu->exits[HF_EXIT_MSG_SEND] % 8 == 7 && !vcpu->lingers &&
	       !tick_nohz_full_cpu(smp_processor_id());
}

void hf_mailbox_finish(struct hf_vcpu *vcpu)
{
	struct hf_vm *vm = vcpu->vm;

	if (!comes_to_wait(vcpu))
		hf_rx_deliver(vm, hf_socket_deliver);
	if (vcpu->unseen) {
		hf_rx_deliver(vcpu->unseen, hf_socket_deliver);
		vcpu->unseen = NULL;
	}
	if (vcpu->last_exit == HF_EXIT_ABORTED)
		vm_died(vm);
	if (READ_ONCE(flows_to_resume))
		resume_flows();
	/*
	 * (I) The vCPU could have freed its mailbox while a sender that finds
	 * it full has not yet made its message visible in the queue.
	 *
	 * Orders: EL2's mailbox freed, what the exit shows  ->  flows empty?
	 * Pairs:  (H) in send_next_locked()
	 * Proof:  litmus/SB+queue-vs-release, litmus/SB+queue-vs-last-exit, spin/mailbox
	 */
	smp_mb();
	if (!list_empty(&vm->txq.flows))
		hf_flow_drain(vm, false);
}

void hf_mailbox_clear(void)
{
	if (hf_ffa_features.send2)
		hf_ffa_rx_full();
	/* There may be nothing to release, which is not worth a line. */
	if (hf_ffa_rx_release() == 1)
		own_waiters_left = true;
}

void hf_mailbox_init_vm(struct hf_vm *vm)
{
	INIT_WORK(&vm->death_work, bury_vm);
	hf_flow_init_vm(vm);
}

void hf_mailbox_purge_all(void)
{
	struct hf_vm *vm;
	unsigned long id;

	hf_for_each_vm(vm, id) {
		cancel_delayed_work_sync(&vm->txq.retry_work);
		cancel_work_sync(&vm->death_work);
		hf_flow_purge(vm);
	}
}
