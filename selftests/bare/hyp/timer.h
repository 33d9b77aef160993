/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Timers. A guest's virtual timer is the hardware's while it runs, and a copy
 * in its vCPU while it does not.
 */
#ifndef HYP_TIMER_H
#define HYP_TIMER_H

#include "vm.h"

void timer_save(struct timer *timer);
void timer_load(const struct timer *timer);

/*
 * The primary's virtual timer cannot fire while a secondary uses the hardware
 * one, so the EL2 timer (PPI 10) stands in for it and ends the run.
 */
void timer_guard_start(const struct timer *primary);
void timer_guard_stop(void);

/* On, not masked; and how long it still takes (0 = it has expired). */
bool timer_enabled(const struct timer *timer);
u64 timer_remaining_ns(const struct timer *timer);

/* If the vCPU's timer expired: its interrupt is pended and the timer masked. */
void timer_deliver_locked(struct vcpu *vcpu);

#endif
