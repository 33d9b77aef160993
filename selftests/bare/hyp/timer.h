/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Timers. A guest's timer is the hardware's while it runs, and a copy in its vCPU
 * while it does not.
 *
 * To v2.11 it is the virtual one, which primary and secondaries take turns in. From
 * v2.12 on it is the physical one: accesses trap, and the EL2 timer (PPI 10) does
 * the work. The virtual one is the primary's, and nobody keeps a guest from it.
 */
#ifndef HYP_TIMER_H
#define HYP_TIMER_H

#include "vm.h"

void timer_save(struct vcpu *vcpu);
void timer_load(const struct vcpu *vcpu);

/* A trapped access to CNTP_*_EL0 by a secondary, @reg = op2. False: there is none. */
bool timer_read(unsigned int reg, u64 *value);
bool timer_write(unsigned int reg, u64 value);

/*
 * The primary's virtual timer cannot fire while a secondary uses the hardware
 * one, so the EL2 timer stands in for it and ends the run.
 */
void timer_guard_start(const struct timer *primary);
void timer_guard_stop(void);

/* On, not masked; and how long it still takes (0 = it has expired). */
bool timer_enabled(const struct timer *timer);
u64 timer_remaining_ns(const struct timer *timer);

/* If the vCPU's virtual timer expired: its interrupt is pended and the timer masked. */
void timer_deliver_locked(struct vcpu *vcpu);

#endif
