/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Ticket locks. EL2 runs with interrupts masked, so there is one kind only.
 *
 * Order, outermost first: VM locks by ascending id, vCPU lock, then the leaves
 * (page pool, PSCI, console, rules of the test calls), never two leaves.
 */
#ifndef HYP_SPINLOCK_H
#define HYP_SPINLOCK_H

#include "arch.h"

struct spinlock {
	u32 next;
	u32 owner;
};

static inline void spin_lock(struct spinlock *lock)
{
	u32 ticket = __atomic_fetch_add(&lock->next, 1, __ATOMIC_RELAXED);

	while (__atomic_load_n(&lock->owner, __ATOMIC_ACQUIRE) != ticket)
		cpu_relax();
}

static inline void spin_unlock(struct spinlock *lock)
{
	__atomic_store_n(&lock->owner, lock->owner + 1, __ATOMIC_RELEASE);
}

#endif
