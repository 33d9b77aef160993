// SPDX-License-Identifier: GPL-2.0-only
/*
 * Doorbells: routes into VMs, and listeners to rings of VMs.
 *
 * A route is one word: target, mask, and what is kept. To ring, mask or point it
 * elsewhere is one atomic operation on the word, in any context, without a second copy
 * that could get stale. Listeners are in a table under RCU.
 *
 * Invariant: a ring that found its route masked is kept in the word; the operation that
 * takes it out is followed by a ring.
 * Does not: know of files (hf_event_dev.c), or how a vCPU is woken (hf_wait.c).
 */
#include <linux/jiffies.h>
#include <linux/minmax.h>
#include <linux/mutex.h>
#include <linux/xarray.h>

#include "hf_compat.h"
#include "hf_event.h"
#include "hf_wait.h"

/* The word: a target, and these. */
#define VM_SHIFT	0
#define VCPU_SHIFT	16
#define NUMBER_SHIFT	32
#define VCPU_MASK	GENMASK_ULL(31, 16)
#define MASKED		BIT_ULL(40)
#define PENDING		BIT_ULL(41)	/* a ring is kept */
#define LATE		BIT_ULL(42)	/* it is, and the work item will ring */

uint hf_event_budget = 10000;

/* eventfd_ctx by VM and number. */
static DEFINE_XARRAY(listeners);

/* Which VM may set that notification of the primary, 0 = none; written under the lock. */
static DEFINE_MUTEX(binders_lock);
static u16 binders[HF_EVENT_NUMBERS];

#define UNBIND_TRIES	100

u32 hf_event_mechanism(void)
{
	if (READ_ONCE(hf_ffa_features.injection))
		return HF_EVENT_INTERRUPT;
	/* Elsewhere a notification does not wake a vCPU that waits. */
	return hf_ffa_features.wait_returns ? HF_EVENT_NOTIFICATION : 0;
}

u64 hf_event_numbers(void)
{
	switch (hf_event_mechanism()) {
	case HF_EVENT_INTERRUPT:
		return ~(BIT_ULL(HF_MAILBOX_READABLE_INTID) |
			 BIT_ULL(HF_MAILBOX_WRITABLE_INTID) | BIT_ULL(HF_VIRTUAL_TIMER_INTID));
	case HF_EVENT_NOTIFICATION:
		return ~0ULL;
	default:
		return 0;
	}
}

static u64 pack(const struct hf_event_target *target)
{
	return (u64)target->vm << VM_SHIFT | (u64)target->vcpu << VCPU_SHIFT |
	       (u64)target->number << NUMBER_SHIFT | (target->masked ? MASKED : 0);
}

static struct hf_vm *vm_of(u64 word)
{
	return hf_vm_find((u16)(word >> VM_SHIFT));
}

static int reach(u64 word)
{
	struct hf_vm *vm = vm_of(word);
	u16 vcpu = word >> VCPU_SHIFT;
	u8 number = word >> NUMBER_SHIFT;
	int err = 0;

	if (!vm)
		return -ENODEV;
	if (READ_ONCE(vm->dead))
		return -EPIPE;
	atomic_long_inc(&vm->rings);
	if (hf_event_mechanism() == HF_EVENT_NOTIFICATION)
		err = hf_wait_notification(vm, number);
	else if (vcpu != HF_EVENT_ANY)
		err = min(hf_wait_interrupt_vcpu(vm, vcpu, number), 0);
	else
		hf_wait_interrupt(vm, number);
	if (err)
		atomic_long_inc(&vm->rings_refused);
	return err;
}

/* A VM's share of a tick; a few more do no harm. */
static bool is_within_budget(struct hf_vm *vm)
{
	unsigned long now = jiffies;

	if (READ_ONCE(vm->rings_tick) != now) {
		WRITE_ONCE(vm->rings_tick, now);
		atomic_set(&vm->rings_left, READ_ONCE(hf_event_budget));
	}
	return atomic_dec_return_relaxed(&vm->rings_left) >= 0;
}

/* Whether the ring is to be kept in the word, and how. */
static u64 keep(u64 word)
{
	struct hf_vm *vm = vm_of(word);

	if (word & (MASKED | LATE))
		return PENDING;
	return vm && !is_within_budget(vm) ? PENDING | LATE : 0;
}

void hf_event_ring(struct hf_event *event)
{
	u64 word = atomic64_read(&event->word);
	u64 kept;

	for (;;) {
		kept = keep(word);
		if (!kept) {
			reach(word);
			return;
		}
		/*
		 * (S) The route could be unmasked before the ring is kept, and after we found
		 * it masked. A word that has PENDING already is written all the same, or the
		 * ring that is kept could be taken out without seeing what this one is about.
		 *
		 * Orders: what the ring is about  ->  word, read and changed as one
		 * Pairs:  (T) in hf_event_set(), (U) in ring_late()
		 * Proof:  litmus/RMW+ring-vs-unmask, litmus/MP+payload-vs-unmask,
		 *	   litmus/SB+second-ring-vs-unmask, litmus/SB+second-ring-vs-late,
		 *	   spin/event
		 */
		if (atomic64_try_cmpxchg(&event->word, &word, word | kept))
			break;
	}
	if (kept & LATE)
		queue_delayed_work(system_dfl_wq, &event->late, 1);
}

void hf_event_set(struct hf_event *event, const struct hf_event_target *target)
{
	u64 word = atomic64_read(&event->word);
	u64 new;

	for (;;) {
		new = pack(target) | (word & (PENDING | LATE));
		if (!(new & (MASKED | LATE)))
			new &= ~PENDING;
		/*
		 * (T) A ring could be kept after we found none.
		 *
		 * Orders: word, read and changed as one  ->  the ring
		 * Pairs:  (S) in hf_event_ring(), (U) in ring_late()
		 * Proof:  litmus/RMW+ring-vs-unmask, litmus/MP+payload-vs-unmask,
		 *	   litmus/SB+second-ring-vs-unmask, litmus/RMW+unmask-vs-late,
		 *	   litmus/MP+target-vs-ring, spin/event
		 */
		if (atomic64_try_cmpxchg(&event->word, &word, new))
			break;
	}
	if (word & PENDING && !(new & (PENDING | MASKED)))
		reach(new);
}

static void ring_late(struct work_struct *work)
{
	struct hf_event *event = container_of(to_delayed_work(work), struct hf_event, late);
	u64 word = atomic64_read(&event->word);
	u64 new;

	for (;;) {
		new = word & ~LATE;
		if (!(word & MASKED))
			new &= ~PENDING;
		/*
		 * (U) The route could be unmasked at this moment, and each of the two would
		 * leave the ring to the other.
		 *
		 * Orders: word, read and changed as one  ->  the ring
		 * Pairs:  (S) in hf_event_ring(), (T) in hf_event_set()
		 * Proof:  litmus/RMW+unmask-vs-late, litmus/SB+second-ring-vs-late, spin/event
		 */
		if (atomic64_try_cmpxchg(&event->word, &word, new))
			break;
	}
	if (word & PENDING && !(new & PENDING))
		reach(new);
}

void hf_event_init(struct hf_event *event, const struct hf_event_target *target)
{
	atomic64_set(&event->word, pack(target));
	INIT_DELAYED_WORK(&event->late, ring_late);
}

void hf_event_end(struct hf_event *event)
{
	/* What was rung beyond the budget arrives; what is masked is dropped. */
	flush_delayed_work(&event->late);
}

int hf_event_ring_once(const struct hf_event_target *target)
{
	return reach(pack(target));
}

static unsigned long listener_key(u16 vm, u8 number)
{
	return (unsigned long)vm * HF_EVENT_NUMBERS + number;
}

/* Ring by @number of @vm; false if it has no listener. */
static bool signal_listener(u16 vm, u8 number)
{
	struct eventfd_ctx *ctx = xa_load(&listeners, listener_key(vm, number));

	if (ctx)
		eventfd_signal(ctx);
	return ctx;
}

void hf_event_collect(void)
{
	u64 bits = hf_ffa_notification_get();
	int i;

	rcu_read_lock();
	for (; bits; bits &= bits - 1) {
		i = __ffs64(bits);
		signal_listener(READ_ONCE(binders[i]), i);
	}
	rcu_read_unlock();
}

/* A VM may set it as fast as it is taken; what stays bound is taken by the next to bind. */
static int unbind(u16 vm, u8 number)
{
	int tries = UNBIND_TRIES;
	int err;

	do {
		hf_event_collect();
		err = hf_ffa_notification_unbind(vm, BIT_ULL(number));
	} while (err == -EACCES && --tries);
	return err;
}

/* None of ours has it: a kernel before this one did, or a VM would not let go of it. */
static int bind_again(u16 vm_id, u8 number)
{
	struct hf_vm *vm;
	unsigned long id;

	hf_for_each_vm(vm, id) {
		if (!unbind(vm->id, number))
			break;
	}
	return hf_ffa_notification_bind(vm_id, BIT_ULL(number));
}

/* hf_event_collect() follows the VM's runs from before the first ring is possible. */
static void set_binder_locked(struct hf_vm *vm, u8 number, bool binds)
{
	lockdep_assert_held(&binders_lock);
	WRITE_ONCE(binders[number], binds ? vm->id : 0);
	WRITE_ONCE(vm->binds, vm->binds + (binds ? 1 : -1));
}

static int bind_locked(struct hf_vm *vm, u8 number)
{
	int err;

	lockdep_assert_held(&binders_lock);
	if (!hf_ffa_features.binds)
		return -EOPNOTSUPP;
	if (binders[number])
		return -EBUSY;
	set_binder_locked(vm, number, true);
	err = hf_ffa_notification_bind(vm->id, BIT_ULL(number));
	if (err == -EACCES)
		err = bind_again(vm->id, number);
	if (err)
		set_binder_locked(vm, number, false);
	return err;
}

int hf_event_listen(struct hf_vm *vm, u8 number, struct eventfd_ctx *ctx, bool binds)
{
	int err = xa_insert(&listeners, listener_key(vm->id, number), ctx, GFP_KERNEL_ACCOUNT);

	if (err || !binds)
		return err;
	mutex_lock(&binders_lock);
	err = bind_locked(vm, number);
	mutex_unlock(&binders_lock);
	if (err)
		xa_erase(&listeners, listener_key(vm->id, number));
	return err;
}

void hf_event_unlisten(u16 vm_id, u8 number)
{
	struct hf_vm *vm = hf_vm_find(vm_id);

	mutex_lock(&binders_lock);
	if (binders[number] == vm_id) {
		unbind(vm_id, number);
		set_binder_locked(vm, number, false);
	}
	mutex_unlock(&binders_lock);
	xa_erase(&listeners, listener_key(vm_id, number));
}

bool hf_event_deliver(struct sk_buff *skb)
{
	u16 vm = HF_SKB_CB(skb)->vm->id;
	bool heard = false;
	u64 bits;

	if (skb->len != sizeof(bits))
		return false;
	rcu_read_lock();
	for (bits = le64_to_cpup((__le64 *)skb->data); bits; bits &= bits - 1)
		heard |= signal_listener(vm, __ffs64(bits));
	rcu_read_unlock();
	if (heard)
		consume_skb(skb);
	return heard;
}
