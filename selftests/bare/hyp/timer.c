// SPDX-License-Identifier: GPL-2.0
/*
 * Timers; see timer.h. Runs on the CPU that owns the registers in question.
 * CNTVOFF_EL2 is zero for everybody, so all counters agree; the primary's
 * physical timer needs no help, since no secondary reaches the hardware's.
 */
#include "timer.h"

#include "irq.h"
#include "level.h"

/* op2 of CNTP_*_EL0. */
#define CNTP_TVAL	0
#define CNTP_CTL	1
#define CNTP_CVAL	2

#define NS_PER_SECOND	1000000000UL

#define CNT_CTL_MASK	(CNT_CTL_ENABLE | CNT_CTL_IMASK)

static void save_virtual(struct timer *timer)
{
	timer->ctl = read_sysreg(cntv_ctl_el0) & CNT_CTL_MASK;
	timer->cval = read_sysreg(cntv_cval_el0);
}

/*
 * Off while the deadline changes, so that a mixture of two timers never fires.
 * Each write is expensive under QEMU, hence none that changes nothing.
 */
static void load_virtual(const struct timer *timer)
{
	u64 ctl = read_sysreg(cntv_ctl_el0) & CNT_CTL_MASK;

	if (ctl & CNT_CTL_ENABLE) {
		ctl = 0;
		write_sysreg(cntv_ctl_el0, ctl);
		isb();
	}
	write_sysreg(cntv_cval_el0, timer->cval);
	if (ctl != timer->ctl)
		write_sysreg(cntv_ctl_el0, timer->ctl);
}

static void save_physical(struct timer *timer)
{
	timer->ctl = read_sysreg(cnthp_ctl_el2) & CNT_CTL_MASK;
	timer->cval = read_sysreg(cnthp_cval_el2);
	if (timer->ctl)
		write_sysreg(cnthp_ctl_el2, 0);
}

/* One that is due stays off: no interrupt comes of it, and CNTP_CTL reads 0. */
static void load_physical(const struct timer *timer)
{
	if (!timer_enabled(timer) || !timer_remaining_ns(timer))
		return;
	write_sysreg(cnthp_cval_el2, timer->cval);
	write_sysreg(cnthp_ctl_el2, timer->ctl);
}

void timer_save(struct vcpu *vcpu)
{
	if (!level->physical_timer)
		save_virtual(&vcpu->timer);
	else if (!vm_is_primary(vcpu->vm))
		save_physical(&vcpu->timer);
}

void timer_load(const struct vcpu *vcpu)
{
	if (!level->physical_timer)
		load_virtual(&vcpu->timer);
	else if (!vm_is_primary(vcpu->vm))
		load_physical(&vcpu->timer);
}

bool timer_read(unsigned int reg, u64 *value)
{
	if (!level->physical_timer)
		return false;
	switch (reg) {
	case CNTP_TVAL:
		*value = read_sysreg(cnthp_tval_el2);
		return true;
	case CNTP_CTL:
		*value = read_sysreg(cnthp_ctl_el2);
		return true;
	case CNTP_CVAL:
		*value = read_sysreg(cnthp_cval_el2);
		return true;
	}
	return false;
}

bool timer_write(unsigned int reg, u64 value)
{
	if (!level->physical_timer)
		return false;
	switch (reg) {
	case CNTP_TVAL:
		write_sysreg(cnthp_tval_el2, value);
		return true;
	case CNTP_CTL:
		write_sysreg(cnthp_ctl_el2, value);
		return true;
	case CNTP_CVAL:
		write_sysreg(cnthp_cval_el2, value);
		return true;
	}
	return false;
}

void timer_guard_start(const struct timer *primary)
{
	if (level->physical_timer || !timer_enabled(primary))
		return;
	write_sysreg(cnthp_cval_el2, primary->cval);
	write_sysreg(cnthp_ctl_el2, CNT_CTL_ENABLE);
}

void timer_guard_stop(void)
{
	if (read_sysreg(cnthp_ctl_el2) & CNT_CTL_ENABLE)
		write_sysreg(cnthp_ctl_el2, 0);
}

bool timer_enabled(const struct timer *timer)
{
	return (timer->ctl & CNT_CTL_MASK) == CNT_CTL_ENABLE;
}

u64 timer_remaining_ns(const struct timer *timer)
{
	u64 hz = counter_hz();
	u64 now = counter();
	u64 ticks;

	if (now >= timer->cval)
		return 0;
	ticks = timer->cval - now;
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
	if (!level->timeouts || !timer_enabled(&vcpu->timer) ||
	    timer_remaining_ns(&vcpu->timer))
		return;
	irq_pend_locked(vcpu, HF_VIRTUAL_TIMER_INTID);
	vcpu->timer.ctl |= CNT_CTL_IMASK;
}
