// SPDX-License-Identifier: GPL-2.0
/*
 * Virtual interrupts and the virtual timer of a secondary VM.
 *
 * Owns PSTATE.I: it is set except inside open_window(), so that an interrupt
 * cannot arrive between a look at the pending word and WFI. WFI wakes up for an
 * interrupt that is pending but masked; the window then takes it through the
 * vector, which is what shows that the hypervisor really delivers it.
 */
#include "guest_asm.h"

#define NS_PER_S		UINT64_C(1000000000)

static void timer_off(void)
{
	asm volatile("msr cntv_ctl_el0, xzr; isb" : : : "memory");
}

/* Called from the vector; acknowledges one interrupt, the next one comes again. */
void guest_irq_handler(void)
{
	uint32_t intid = guest_call(HF_INTERRUPT_GET, 0, 0, 0, 0).x[0];

	if (intid >= HF_INTERRUPT_COUNT)
		return;
	/* An expired timer that stays on would fire again at once. */
	if (intid == HF_VIRTUAL_TIMER_INTID)
		timer_off();
	guest_this()->pending |= GUEST_BIT(intid);
}

static void open_window(void)
{
	asm volatile("msr daifclr, #2; isb; msr daifset, #2" : : : "memory");
}

void guest_irq_enable(uint32_t intid)
{
	guest_call(HF_INTERRUPT_ENABLE, intid, true, HF_INTERRUPT_TYPE_IRQ, 0);
}

uint64_t guest_irq_take(uint64_t mask)
{
	struct guest_vcpu *vcpu = guest_this();
	uint64_t taken;

	open_window();
	taken = vcpu->pending & mask;
	vcpu->pending &= ~mask;
	return taken;
}

uint64_t guest_irq_wait(uint64_t mask)
{
	uint64_t taken;

	while (!(taken = guest_irq_take(mask)))
		guest_wfi();
	return taken;
}

uint64_t guest_ticks(void)
{
	uint64_t ticks;

	asm volatile("isb; mrs %0, cntvct_el0" : "=r" (ticks) : : "memory");
	return ticks;
}

static uint64_t frequency(void)
{
	uint64_t hz;

	asm("mrs %0, cntfrq_el0" : "=r" (hz));
	return hz;
}

/* Split, so that the product does not overflow for years. */
uint64_t guest_ticks_to_ns(uint64_t ticks)
{
	uint64_t hz = frequency();

	return ticks / hz * NS_PER_S + ticks % hz * NS_PER_S / hz;
}

uint64_t guest_ns_to_ticks(uint64_t ns)
{
	uint64_t hz = frequency();

	return ns / NS_PER_S * hz + ns % NS_PER_S * hz / NS_PER_S;
}

void guest_timer_arm(uint64_t deadline)
{
	asm volatile("msr cntv_cval_el0, %0; msr cntv_ctl_el0, %1; isb"
		     : : "r" (deadline), "r" (UINT64_C(1)) : "memory");
}
