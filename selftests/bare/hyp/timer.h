/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Timers. A guest's virtual timer is the hardware's while it runs; a snapshot
 * of it is part of the vCPU's EL1 registers while it does not.
 */
#ifndef HYP_TIMER_H
#define HYP_TIMER_H

#include "vm.h"

/*
 * The primary's virtual timer cannot fire while a secondary uses the hardware
 * one, so the EL2 timer (PPI 10) stands in for it and ends the run.
 */
void timer_guard_start(const struct el1_regs *primary);
void timer_guard_stop(void);

/* On, not masked; and how long it still takes (0 = it has expired). */
bool timer_enabled(const struct el1_regs *el1);
u64 timer_remaining_ns(const struct el1_regs *el1);

/* If the vCPU's timer expired: its interrupt is pended and the timer masked. */
void timer_deliver_locked(struct vcpu *vcpu);

#endif
