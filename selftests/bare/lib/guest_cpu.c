// SPDX-License-Identifier: GPL-2.0
/*
 * The vCPUs of a secondary VM: calls to EL2, start-up, sleep, a lock.
 *
 * Owns the per-vCPU state (TPIDR_EL1 points to it). The lock is the only thing
 * that the vCPUs of a VM contend for; it is a ticket lock, so that no vCPU
 * starves, and its waiters yield to the primary, because the holder may be a
 * vCPU that is not running.
 */
#include "guest_asm.h"

static struct guest_vcpu vcpus[GUEST_CPUS];
static u32 lock_ticket;
static u32 lock_owner;

struct guest_regs guest_call(u64 fn, u64 x1, u64 x2, u64 x3,
			     u64 x4)
{
	/* Later versions refuse calls whose unused arguments are not zero. */
	struct guest_regs r = { { fn, x1, x2, x3, x4, 0, 0, 0 } };

	guest_hvc(&r);
	return r;
}

struct guest_vcpu *guest_this(void)
{
	struct guest_vcpu *vcpu;

	asm("mrs %0, tpidr_el1" : "=r" (vcpu));
	return vcpu;
}

unsigned int guest_cpu(void)
{
	return guest_this() - vcpus;
}

void guest_cpu_main(unsigned int cpu)
{
	struct guest_vcpu *vcpu = &vcpus[cpu];

	asm volatile("msr tpidr_el1, %0" : : "r" (vcpu));
	if (cpu == 0) {
		/*
		 * Before any other FF-A call, or later versions refuse it. 1.0 is
		 * what every version speaks and all that the guests need.
		 */
		guest_call(FFA_VERSION, FFA_VERSION_1_0, 0, 0, 0);
		vcpu->entry = guest_main;
	}
	vcpu->entry();
	guest_idle();
}

bool guest_cpu_on(unsigned int cpu, void (*entry)(void))
{
	struct guest_regs r;

	if (cpu >= GUEST_CPUS)
		return false;
	vcpus[cpu].entry = entry;
	/* The other vCPU reads entry when EL2 has seen this call, not before. */
	asm volatile("dsb ish" : : : "memory");
	r = guest_call(PSCI_CPU_ON, cpu, (u64)guest_secondary_start, cpu, 0);
	return (s32)r.x[0] == PSCI_SUCCESS;
}

void guest_yield(void)
{
	guest_call(FFA_YIELD, 0, 0, 0, 0);
}

void guest_wfi(void)
{
	asm volatile("dsb sy; wfi" : : : "memory");
}

void guest_idle(void)
{
	for (;;)
		guest_wfi();
}

void guest_lock(void)
{
	u32 mine = __atomic_fetch_add(&lock_ticket, 1, __ATOMIC_RELAXED);

	while (__atomic_load_n(&lock_owner, __ATOMIC_ACQUIRE) != mine)
		guest_yield();
}

void guest_unlock(void)
{
	__atomic_store_n(&lock_owner, lock_owner + 1, __ATOMIC_RELEASE);
}
