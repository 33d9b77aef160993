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
	struct guest_vcpu *vcpu = guest_this();
	u32 intid = guest_call(HF_INTERRUPT_GET, 0, 0, 0, 0).x[0];

	if (intid >= HF_INTERRUPT_COUNT)
		return;
	/* An expired timer that stays on would fire again at once. */
	if (intid == HF_VIRTUAL_TIMER_INTID)
		timer_off();
	vcpu->pending |= GUEST_BIT(intid);
	/* Other vCPUs may write there. */
	if (vcpu->counts)
		__atomic_fetch_add(&vcpu->counts[intid], 1, __ATOMIC_RELAXED);
}

static void open_window(void)
{
	asm volatile("msr daifclr, #2; isb; msr daifset, #2" : : : "memory");
}

bool guest_irq_switch(u32 intid, bool on)
{
	return !guest_call(HF_INTERRUPT_ENABLE, intid, on, HF_INTERRUPT_TYPE_IRQ, 0).x[0];
}

void guest_irq_enable(u32 intid)
{
	guest_irq_switch(intid, true);
}

void guest_irq_count(u64 counts[HF_INTERRUPT_COUNT])
{
	guest_this()->counts = counts;
}

u64 guest_irq_take(u64 mask)
{
	struct guest_vcpu *vcpu = guest_this();
	u64 taken;

	open_window();
	taken = vcpu->pending & mask;
	vcpu->pending &= ~mask;
	return taken;
}

u64 guest_irq_wait(u64 mask)
{
	u64 taken;

	while (!(taken = guest_irq_take(mask)))
		guest_wfi();
	return taken;
}

u64 guest_ticks(void)
{
	u64 ticks;

	asm volatile("isb; mrs %0, cntvct_el0" : "=r" (ticks) : : "memory");
	return ticks;
}

static u64 frequency(void)
{
	u64 hz;

	asm("mrs %0, cntfrq_el0" : "=r" (hz));
	return hz;
}

/* Split, so that the product does not overflow for years. */
u64 guest_ticks_to_ns(u64 ticks)
{
	u64 hz = frequency();

	return ticks / hz * NS_PER_S + ticks % hz * NS_PER_S / hz;
}

u64 guest_ns_to_ticks(u64 ns)
{
	u64 hz = frequency();

	return ns / NS_PER_S * hz + ns % NS_PER_S * hz / NS_PER_S;
}

void guest_timer_arm(u64 deadline)
{
	asm volatile("msr cntv_cval_el0, %0; msr cntv_ctl_el0, %1; isb"
		     : : "r" (deadline), "r" (UINT64_C(1)) : "memory");
}
