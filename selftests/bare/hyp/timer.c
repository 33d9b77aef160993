// SPDX-License-Identifier: GPL-2.0
/*
 * Timers; see timer.h. Runs on the CPU that owns the registers in question.
 * CNTVOFF_EL2 is zero for everybody, so all counters agree; the primary's
 * physical timer needs no help, since no secondary can reach it.
 */
#include "timer.h"

#include "irq.h"

#define NS_PER_SECOND	1000000000UL

void timer_guard_start(const struct el1_regs *primary)
{
	write_sysreg(cnthp_ctl_el2, 0);
	write_sysreg(cnthp_cval_el2, primary->cntv_cval_el0);
	write_sysreg(cnthp_ctl_el2, primary->cntv_ctl_el0 & (CNT_CTL_ENABLE | CNT_CTL_IMASK));
}

void timer_guard_stop(void)
{
	write_sysreg(cnthp_ctl_el2, 0);
}

bool timer_enabled(const struct el1_regs *el1)
{
	return (el1->cntv_ctl_el0 & (CNT_CTL_ENABLE | CNT_CTL_IMASK)) == CNT_CTL_ENABLE;
}

u64 timer_remaining_ns(const struct el1_regs *el1)
{
	u64 hz = counter_hz();
	u64 now = counter();
	u64 ticks;

	if (now >= el1->cntv_cval_el0)
		return 0;
	ticks = el1->cntv_cval_el0 - now;
	if (ticks / hz >= INT64_MAX / NS_PER_SECOND)
		return INT64_MAX;
	return ticks / hz * NS_PER_SECOND + ticks % hz * NS_PER_SECOND / hz;
}

/*
 * Without the mask the level-triggered hardware interrupt would end every run
 * before the guest's first instruction.
 */
void timer_deliver_locked(struct vcpu *vcpu)
{
	if (!timer_enabled(&vcpu->el1) || timer_remaining_ns(&vcpu->el1))
		return;
	irq_pend_locked(vcpu, HF_VIRTUAL_TIMER_INTID);
	vcpu->el1.cntv_ctl_el0 |= CNT_CTL_IMASK;
}
