// SPDX-License-Identifier: GPL-2.0-only
/*
 * Waiting for messages: which vCPUs of a VM are in FFA_MSG_WAIT, the pending flag
 * (what EL2 may hold for the VM), and the evidence that a message has been read.
 *
 * From Hafnium v2.9 on EL2 frees a mailbox while the guest still reads. There a
 * message is sent in a grace period only: a vCPU that left FFA_MSG_WAIT counts as a
 * reader until it is back. A vCPU that never waited shows by other exits and by
 * guest time that it has read; sending.rst has the rule and its limits.
 *
 * Invariant: a message that EL2 accepted makes a vCPU of its receiver run; with
 * rx_overwrite, "send" and "a waiting vCPU may run" exclude each other (wait_lock).
 * Does not: look at a clock to decide about a message.
 */
#include <linux/bitmap.h>

#include "hf_wait.h"

/*
 * Evidence of a vCPU that polls, if it was in the guest since the message was accepted:
 * FFA_YIELD after an answer; so many FFA_YIELDs without one, for a guest also yields
 * while its answer finds our mailbox full; or guest time between interrupts, of which
 * one run counts up to a tick of a slow kernel. A vCPU that has never waited may be one
 * that will, so this holds also in a VM that waits; but only once: one that does not
 * answer is taken to do something else from then on.
 */
#define POLL_YIELDS		128	/* the VM has never sent anything */
#define POLL_YIELDS_UNANSWERED	4096	/* it has */
#define POLL_GUEST_NS		(100 * NSEC_PER_MSEC)
#define POLL_RUN_NS		(10 * NSEC_PER_MSEC)

static bool is_empty(const struct hf_vm *vm, const unsigned long *bits)
{
	/* Bits come and go meanwhile: each word is read once, and barriers order it. */
	return data_race(bitmap_empty(bits, vm->max_vcpus));
}

bool hf_wait_is_serving(const struct hf_vm *vm)
{
	u16 i;

	for (i = 0; i < hf_vm_nr_vcpus(vm); i++) {
		const struct hf_vcpu *vcpu = &vm->vcpus[i];

		switch (READ_ONCE(vcpu->last_exit)) {
		case HF_EXIT_INTERRUPT:
			if (READ_ONCE(vcpu->computes))
				break;
			return true;
		case HF_EXIT_MSG_WAIT:
			if (test_bit(i, vm->waiting))
				break;
			return true;
		case HF_EXIT_INTERRUPT_OTHER:
		case HF_EXIT_WAKE_UP:
		case HF_EXIT_MSG_SEND:
		case HF_EXIT_RX_RELEASE:
		case HF_EXIT_BUSY:
			return true;
		default:
			break;
		}
	}
	return false;
}

/*
 * Where EL2 protects the page, a VM that uses FFA_MSG_WAIT gets a message while a
 * vCPU waits: earlier it would only lie in the mailbox, the vCPU would take it there
 * unseen, and be run once more for nothing. A VM that does something else than to
 * serve messages gets it at once.
 */
bool hf_wait_may_send_locked(const struct hf_vm *vm)
{
	lockdep_assert_held(&vm->wait_lock);
	if (!hf_ffa_features.rx_overwrite)
		return !vm->waits || !is_empty(vm, vm->waiting) || !hf_wait_is_serving(vm);
	if (!is_empty(vm, vm->readers))
		return false;
	/* A deferred vCPU first: it would find the next message in its way each time. */
	return !vm->waits || (!vm->message_pending && !is_empty(vm, vm->waiting) &&
			      is_empty(vm, vm->deferred));
}

bool hf_wait_needs_exits(const struct hf_vm *vm)
{
	if (!hf_ffa_features.rx_overwrite)
		return READ_ONCE(vm->waits);
	if (!READ_ONCE(vm->waits))
		return true;
	/* A hint: what it misses, the next look finds. */
	return data_race(bitmap_intersects(vm->readers, vm->pollers, vm->max_vcpus));
}

bool hf_wait_is_reader(const struct hf_vcpu *vcpu)
{
	return hf_ffa_features.rx_overwrite && test_bit(vcpu->index, vcpu->vm->readers);
}

void hf_wait_accepted_locked(struct hf_vm *vm)
{
	lockdep_assert_held(&vm->wait_lock);
	bitmap_or(vm->readers, vm->readers, vm->inside, vm->max_vcpus);
	/*
	 * (F) We could find no vCPU waiting while one that is about to sleep finds
	 * no message; or a vCPU could clear the flag of this message unread.
	 *
	 * Orders: EL2's mailbox full  ->  message_pending = true  ->  waiting, epoch
	 * Pairs:  (G) in hf_wait_begin(), (D) in vcpu_enter()
	 * Proof:  litmus/SB+mirror-vs-wait, litmus/R+mirror-vs-consume,
	 *	   litmus/MP+message-vs-epoch, spin/mailbox
	 */
	xchg(&vm->message_pending, true);
	/* Without the lock it is read by vCPUs that do not wait. */
	WRITE_ONCE(vm->epoch, vm->epoch + 1);
}

int hf_wait_interrupt_vcpu(struct hf_vm *vm, u16 index, u32 intid)
{
	int ret = hf_ffa_interrupt_inject(vm->id, index, intid);
	struct hf_vcpu *vcpu = &vm->vcpus[index];

	/* One that is not known yet finds it when it is. */
	if (index >= hf_vm_nr_vcpus(vm))
		return ret;
	if (ret == 1)
		hf_vcpu_request(vcpu, HF_REQ_ON);
	else if (!READ_ONCE(vcpu->off))
		hf_vcpu_request(vcpu, HF_REQ_INTERRUPT);
	return ret;
}

void hf_wait_interrupt(struct hf_vm *vm, u32 intid)
{
	u16 nr_vcpus = hf_vm_nr_vcpus(vm);
	u16 hint = READ_ONCE(vm->irq_vcpu[intid]);
	u16 i = hint;

	/*
	 * EL2 answers 1 if that vCPU has the interrupt enabled, and so is on; it is
	 * remembered, so that one call suffices as a rule. 0 may mean that it is pending
	 * already, or that the guest takes it on another vCPU: then all are asked.
	 */
	do {
		int ret = hf_wait_interrupt_vcpu(vm, i, intid);

		if (ret == 1) {
			WRITE_ONCE(vm->irq_vcpu[intid], i);
			return;
		}
		i = i + 1 < nr_vcpus ? i + 1 : 0;
	} while (i != hint);
}

void hf_wait_notify(struct hf_vm *vm, bool here)
{
	/* After the pending flag was set: (F). */
	unsigned long i = data_race(find_first_bit(vm->waiting, vm->max_vcpus));

	if (i >= vm->max_vcpus)
		hf_wait_interrupt(vm, HF_MAILBOX_READABLE_INTID);
	else if (here)
		hf_vcpu_request_here(&vm->vcpus[i], HF_REQ_MESSAGE);
	else
		hf_vcpu_request(&vm->vcpus[i], HF_REQ_MESSAGE);
}

/*
 * A notification is to a waiting vCPU what a message is: something that it finds when it
 * is run, and that one which is about to wait must not miss. But it can wait without
 * having asked for it.
 */
int hf_wait_notification(struct hf_vm *vm, u8 number)
{
	int err = hf_ffa_notification_set(vm->id, BIT_ULL(number));
	unsigned long flags;

	if (err)
		return err;
	raw_spin_lock_irqsave(&vm->wait_lock, flags);
	vm->notified = true;
	hf_wait_accepted_locked(vm);
	raw_spin_unlock_irqrestore(&vm->wait_lock, flags);
	hf_wait_notify(vm, false);
	return 0;
}

/*
 * The vCPU no longer reads. Those that had to wait for that may run; they stay deferred
 * until they do, and no message goes before.
 */
static void stop_reading_locked(struct hf_vcpu *vcpu)
{
	struct hf_vm *vm = vcpu->vm;
	unsigned long i;

	lockdep_assert_held(&vm->wait_lock);
	__clear_bit(vcpu->index, vm->readers);
	if (vm->message_pending || !bitmap_empty(vm->readers, vm->max_vcpus))
		return;
	for_each_set_bit(i, vm->deferred, vm->max_vcpus)
		hf_vcpu_request(&vm->vcpus[i], HF_REQ_WAKE);
}

/* A vCPU that was entered after the last message and blocks has found none. */
static void begin_locked(struct hf_vcpu *vcpu)
{
	struct hf_vm *vm = vcpu->vm;

	lockdep_assert_held(&vm->wait_lock);
	WRITE_ONCE(vm->waits, true);
	clear_bit(vcpu->index, vm->pollers);
	__clear_bit(vcpu->index, vm->inside);
	set_bit(vcpu->index, vm->waiting);
	if (vcpu->epoch == vm->epoch)
		WRITE_ONCE(vm->message_pending, vm->notified);
	stop_reading_locked(vcpu);
}

void hf_wait_begin(struct hf_vcpu *vcpu)
{
	struct hf_vm *vm = vcpu->vm;

	vcpu->waiting = true;
	if (hf_ffa_features.rx_overwrite) {
		raw_spin_lock(&vm->wait_lock);
		begin_locked(vcpu);
		raw_spin_unlock(&vm->wait_lock);
	} else {
		if (!READ_ONCE(vm->waits))
			WRITE_ONCE(vm->waits, true);
		set_bit(vcpu->index, vm->waiting);
	}
	/*
	 * (G) We could find no message, sent or queued, while its sender finds
	 * no vCPU waiting.
	 *
	 * Orders: waiting |= this vCPU  ->  message_pending, flows
	 * Pairs:  (F) in hf_wait_accepted_locked(), (H) in send_next_locked()
	 * Proof:  litmus/SB+mirror-vs-wait, litmus/SB+queue-vs-announce, spin/mailbox
	 */
	smp_mb__after_atomic();
	if (READ_ONCE(vm->message_pending))
		hf_vcpu_request(vcpu, HF_REQ_MESSAGE);
}

/*
 * Whether a waiting vCPU has a reason to run, with rx_overwrite. One that is run for
 * nothing would return to its guest; one that is run while another reads could be
 * handed the same message.
 */
static bool has_reason_locked(const struct hf_vcpu *vcpu, unsigned long requests)
{
	const struct hf_vm *vm = vcpu->vm;

	lockdep_assert_held(&vm->wait_lock);
	if (READ_ONCE(vm->dead))
		return true;
	if (hf_ffa_features.wait_returns)
		return vm->message_pending;
	if (vm->message_pending && requests & BIT(HF_REQ_MESSAGE))
		return true;
	return requests & ~BIT(HF_REQ_MESSAGE) && !vm->message_pending &&
	       bitmap_empty(vm->readers, vm->max_vcpus);
}

/* Keep what is only early: the vCPU goes before the next message. */
static void defer_locked(struct hf_vcpu *vcpu, unsigned long requests)
{
	struct hf_vm *vm = vcpu->vm;

	lockdep_assert_held(&vm->wait_lock);
	requests &= ~BIT(HF_REQ_MESSAGE);
	if (!requests || hf_ffa_features.wait_returns)
		return;
	vcpu->early |= requests;
	if (requests & BIT(HF_REQ_TIMER))
		vcpu->deadline = KTIME_MAX;
	__set_bit(vcpu->index, vm->deferred);
}

static void end_waiting(struct hf_vcpu *vcpu, unsigned long requests)
{
	struct hf_vm *vm = vcpu->vm;

	if (!READ_ONCE(vm->message_pending) && !(requests & ~BIT(HF_REQ_MESSAGE)))
		WRITE_ONCE(vcpu->spurious, vcpu->spurious + 1);
	clear_bit(vcpu->index, vm->waiting);
	vcpu->waiting = false;
	WRITE_ONCE(vm->message_pending, false);
}

/* A vCPU that polls is entered: from now on it may read. */
static void enter_polling(struct hf_vcpu *vcpu)
{
	struct hf_vm *vm = vcpu->vm;

	raw_spin_lock_irq(&vm->wait_lock);
	if (vcpu->epoch != vm->epoch)
		memset(&vcpu->polling, 0, sizeof(vcpu->polling));
	__set_bit(vcpu->index, vm->inside);
	if (!vcpu->polling.has_read)
		__set_bit(vcpu->index, vm->readers);
	vcpu->epoch = vm->epoch;
	raw_spin_unlock_irq(&vm->wait_lock);
}

bool hf_wait_end(struct hf_vcpu *vcpu, unsigned long requests)
{
	struct hf_vm *vm = vcpu->vm;
	bool run = true;

	if (!hf_ffa_features.rx_overwrite) {
		if (vcpu->waiting)
			end_waiting(vcpu, requests);
		return true;
	}
	if (!vcpu->waiting) {
		if (test_bit(vcpu->index, vm->pollers))
			enter_polling(vcpu);
		else
			vcpu->epoch = READ_ONCE(vm->epoch);
		return true;
	}

	raw_spin_lock_irq(&vm->wait_lock);
	requests |= vcpu->early;
	run = has_reason_locked(vcpu, requests);
	if (run) {
		vcpu->early = 0;
		vcpu->epoch = vm->epoch;
		__clear_bit(vcpu->index, vm->deferred);
		vm->notified = false;
		end_waiting(vcpu, requests);
		__set_bit(vcpu->index, vm->readers);
	} else {
		defer_locked(vcpu, requests);
	}
	raw_spin_unlock_irq(&vm->wait_lock);
	return run;
}

/*
 * Take note of what an exit shows of a polling vCPU. Returns whether it is done with what
 * was accepted last.
 */
static bool note_evidence_locked(struct hf_vcpu *vcpu, enum hf_exit_kind kind, bool rests)
{
	struct hf_vm *vm = vcpu->vm;
	struct hf_polling *p = &vcpu->polling;

	lockdep_assert_held(&vm->wait_lock);
	/* It may not have seen the message yet: not has_read. */
	if (rests)
		return true;
	/* It was entered before the message was accepted. */
	if (vcpu->epoch != vm->epoch)
		return false;
	switch (kind) {
	case HF_EXIT_MSG_SEND:
		vm->answers = true;
		p->answered = true;
		break;
	case HF_EXIT_YIELD:
		p->yields++;
		break;
	case HF_EXIT_INTERRUPT:
		p->guest_ns += min_t(u64, vcpu->stay_ns, POLL_RUN_NS);
		break;
	default:
		break;
	}
	if ((p->answered && kind == HF_EXIT_YIELD) || p->guest_ns >= POLL_GUEST_NS ||
	    p->yields >= (vm->answers ? POLL_YIELDS_UNANSWERED : POLL_YIELDS))
		p->has_read = true;
	if (p->has_read && vm->waits && !p->answered)
		clear_bit(vcpu->index, vm->pollers);
	return p->has_read;
}

void hf_wait_exit(struct hf_vcpu *vcpu, enum hf_exit_kind kind, bool rests)
{
	struct hf_vm *vm = vcpu->vm;
	bool gone = kind == HF_EXIT_OFF || kind == HF_EXIT_ABORTED;
	unsigned long flags;

	if (!hf_ffa_features.rx_overwrite ||
	    !(gone || test_bit(vcpu->index, vm->pollers)))
		return;
	raw_spin_lock_irqsave(&vm->wait_lock, flags);
	__clear_bit(vcpu->index, vm->inside);
	/* Switched on again it begins anew. */
	if (gone)
		set_bit(vcpu->index, vm->pollers);
	if (gone || note_evidence_locked(vcpu, kind, rests))
		stop_reading_locked(vcpu);
	raw_spin_unlock_irqrestore(&vm->wait_lock, flags);
}
