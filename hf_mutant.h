/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Historic mistakes, compiled in by the tests only.
 *
 * hf_mutant(NAME) is the constant false in the product. Built with
 * HF_MUTANTS=y it is true while the module parameter "mutant" names it, and
 * the code around it then does what some hypervisor's driver once did wrong.
 * selftests/mutants.conf says which test has to catch which mutant.
 */
#ifndef HF_MUTANT_H
#define HF_MUTANT_H

#ifdef HF_MUTANTS
#include <linux/delay.h>
#include <linux/errno.h>
#include <linux/irqflags.h>
#include <linux/sched.h>
#endif

enum hf_mutant {
	HF_MUTANT_NONE,
	/* L1 A: without a vCPU seen waiting, only EL2's answer 1 wakes one. */
	HF_MUTANT_WAITING_DECIDES,
	/* L1 A, L5: EL2's answer 0 is taken for "nobody needs to be woken". */
	HF_MUTANT_EL2_DECIDES,
	/* L1 B: every vCPU but the first looks as if it waited for a message. */
	HF_MUTANT_WAITING_UNINITIALISED,
	/* L3: the requests are cleared after the guest was run, not before. */
	HF_MUTANT_CLEAR_AFTER_RUN,
	/* L4: somebody is kicked, but no request says why. */
	HF_MUTANT_KICK_WITHOUT_REQUEST,
	/* L4, L5: a message that is pending already skips the wake-up for the next. */
	HF_MUTANT_PENDING_SKIPS_KICK,
	/* L4: no look at the requests between "in guest" and FFA_RUN. */
	HF_MUTANT_NO_LAST_LOOK,
	/* L4: interrupts are taken between the last look and FFA_RUN. */
	HF_MUTANT_INTERRUPTS_ON,
	/* L1 A: as WAITING_DECIDES with a mirror that is kept, but not looked at. */
	HF_MUTANT_MIRROR_UNCHECKED,
	/* A vCPU goes to sleep without looking at its requests. */
	HF_MUTANT_SLEEP_WITHOUT_LOOK,
	/* A sender gives the vCPU back without looking at its requests. */
	HF_MUTANT_BACK_WITHOUT_LOOK,
	/* A sender gives the vCPU back, and the guest's timeout is forgotten. */
	HF_MUTANT_BACK_WITHOUT_TIMER,
	/* A sender runs the vCPU on a CPU that its thread may not use. */
	HF_MUTANT_BORROW_ANYWHERE,
	/* The IPI goes to the vCPU's thread while a sender runs the vCPU. */
	HF_MUTANT_KICK_THE_THREAD,
	/* The send queue is not looked at after an exit. */
	HF_MUTANT_QUEUE_FORGOTTEN,
	/* L2: a route is replaced by two stores. */
	HF_MUTANT_ROUTE_TORN,
	/* L2: a kept ring does not go along with a new target. */
	HF_MUTANT_RING_LEFT_BEHIND,
	/* L3: a route is unmasked without a look at what was kept. */
	HF_MUTANT_UNMASKED_BLIND,
	/* L6: after 20 ms a message counts as read. */
	HF_MUTANT_CLOCK_DECIDES,
	/* L6: a message is sent while a vCPU reads the one before. */
	HF_MUTANT_READERS_FORGOTTEN,
	/* Others may run between FFA_RUN and FFA_RX_RELEASE. */
	HF_MUTANT_RX_HELD,
	/* Of several messages that were taken, the last one is delivered first. */
	HF_MUTANT_OUT_OF_ORDER,
	/* While the guest runs, the priority mask keeps interrupts from EL2. */
	HF_MUTANT_PMR_MASKED,
	/*
	 * Nobody's mistakes: one for each detector, which has to see it
	 * (selftests/planted.conf).
	 */
	/* A closed socket stays in the table of ports. */
	HF_MUTANT_PLANTED_STALE_PORT,
	/* Flows are worked on without the lock. */
	HF_MUTANT_PLANTED_NO_LOCK,
	/* The callback of the guest's timer does what may sleep. */
	HF_MUTANT_PLANTED_TIMER_SLEEPS,
	/* Requests are waited for as if nobody wrote them meanwhile. */
	HF_MUTANT_PLANTED_PLAIN_ACCESS,
	/* A message that does not fit is forgotten. */
	HF_MUTANT_PLANTED_LEAKED_SKB,
	/* A flow is used although there was no memory for it. */
	HF_MUTANT_PLANTED_UNCHECKED,
	/* Module init fails at step fail_step. */
	HF_MUTANT_INIT_FAILS,
	HF_MUTANT_COUNT,
};

/* Places where a test can hold a thread inside the driver; HF_WINDOW_MS at most. */
enum hf_window {
	HF_WINDOW_NONE,
	HF_WINDOW_BEFORE_LAST_LOOK,
	HF_WINDOW_AFTER_LAST_LOOK,
	HF_WINDOW_INIT_FAILS,
};

#ifdef HF_MUTANTS
#define HF_WINDOW_MS 2000

extern int hf_mutant_active;
extern int hf_window, hf_window_vm, hf_window_now;
#define hf_mutant(name) (READ_ONCE(hf_mutant_active) == HF_MUTANT_##name)

/*
 * Parameter window names the place, window_vm whose thread is held there until
 * window is another number, window_now says that it is. With interrupts on if
 * @open, as the caller has them otherwise.
 */
static inline void hf_mutant_window(u16 vm_id, enum hf_window place, bool open)
{
	unsigned long flags;
	int i;

	if (READ_ONCE(hf_window) != place || vm_id != hf_window_vm)
		return;
	local_save_flags(flags);
	if (open)
		local_irq_enable();
	WRITE_ONCE(hf_window_now, place);
	for (i = 0; i < HF_WINDOW_MS && READ_ONCE(hf_window) == place; i++) {
		mdelay(1);
		if (place == HF_WINDOW_INIT_FAILS)
			cond_resched();
	}
	WRITE_ONCE(hf_window_now, HF_WINDOW_NONE);
	local_irq_restore(flags);
}

/* What a step of init returns that fails; threads get to run before, if held. */
static inline int hf_mutant_failure(void)
{
	hf_mutant_window(hf_window_vm, HF_WINDOW_INIT_FAILS, true);
	return -ENOMEM;
}
#else
#define hf_mutant(name) false
#define hf_mutant_window(vm_id, place, open) do { } while (0)
#define hf_mutant_failure() 0
#endif

#endif
