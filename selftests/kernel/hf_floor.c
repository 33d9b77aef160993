// SPDX-License-Identifier: GPL-2.0
/*
 * hf_floor: the least that a round trip to a VM that echoes can take.
 *
 * Owns the RX/TX pages while it loads, so hafnium.ko must not be loaded: it
 * maps its own, sends a message, runs the VM's vCPU 0 until the answer is
 * there, releases RX and runs the vCPU on until it waits again, which it must
 * do before it can get the next message. No socket, thread, lock or copy.
 *
 * All happens in insmod's own context; the parameters median_ns, p99_ns and
 * mean_ns tell how it went. The VM must be one whose vCPU 0 echoes by
 * FFA_MSG_WAIT. Does not work where FFA_RXTX_UNMAP does not (v2.4).
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/arm-smccc.h>
#include <linux/gfp.h>
#include <linux/ktime.h>
#include <linux/module.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <linux/sort.h>
#include <asm/cputype.h>
#include <asm/sysreg.h>
#include <asm/virt.h>

/* DEN0077A; this module shares no source with the one that it is measured against. */
#define FFA_SUCCESS		0x84000061
#define FFA_INTERRUPT		0x84000062
#define FFA_VERSION		0x84000063
#define FFA_RX_RELEASE		0x84000065
#define FFA_RXTX_MAP		0xc4000066
#define FFA_RXTX_UNMAP		0x84000067
#define FFA_MSG_WAIT		0x8400006b
#define FFA_RUN			0x8400006d
#define FFA_MSG_SEND		0x8400006e
#define FFA_VERSION_1_0		0x10000
#define PRIMARY			1
#define HEADER			16

/* As in selftests/user/bench.h: selftests/profile counts between these. */
#define MARK_NOTHING		112
#define MARK_FLOOR		117

static ushort vm = 2;
module_param(vm, ushort, 0444);
static uint size = 32;
module_param(size, uint, 0444);
static uint rounds = 4000;
module_param(rounds, uint, 0444);

/* Results. */
static ulong median_ns, p99_ns, mean_ns;
module_param(median_ns, ulong, 0444);
module_param(p99_ns, ulong, 0444);
module_param(mean_ns, ulong, 0444);

static __always_inline void mark(int n)
{
	asm volatile("hint %0" : : "i" (n) : "memory");
}

static u64 call(struct arm_smccc_1_2_regs *regs)
{
	arm_smccc_1_2_hvc(regs, regs);
	return (u32)regs->a0;
}

static u64 simple_call(u64 func, u64 a1, u64 a2, u64 a3)
{
	struct arm_smccc_1_2_regs regs = { .a0 = func, .a1 = a1, .a2 = a2, .a3 = a3 };

	return call(&regs);
}

/* Runs vCPU 0 until it leaves for another reason than an interrupt of ours. */
static u64 run_vcpu(void)
{
	u64 func;

	do {
		local_irq_disable();
		func = simple_call(FFA_RUN, (u32)vm << 16, 0, 0);
		local_irq_enable();
	} while (func == FFA_INTERRUPT);
	return func;
}

static int round_trip(void)
{
	if (simple_call(FFA_MSG_SEND, PRIMARY << 16 | vm, 0, HEADER + size) != FFA_SUCCESS)
		return -EIO;
	if (run_vcpu() != FFA_MSG_SEND)
		return -EPROTO;
	if (simple_call(FFA_RX_RELEASE, 0, 0, 0) != FFA_SUCCESS)
		return -EIO;
	return run_vcpu() == FFA_MSG_WAIT ? 0 : -EPROTO;
}

static int by_value(const void *a, const void *b)
{
	u64 x = *(const u64 *)a, y = *(const u64 *)b;

	return (x > y) - (x < y);
}

static int measure(u64 *sample)
{
	u64 start, before, now;
	uint i;
	int err;

	if (size == 32)
		mark(MARK_FLOOR);
	start = ktime_get_ns();
	before = start;
	for (i = 0; i < rounds; i++) {
		err = round_trip();
		if (err)
			return err;
		now = ktime_get_ns();
		sample[i] = now - before;
		before = now;
		/* Once a round, as everybody who comes from userspace does. */
		cond_resched();
	}
	mark(MARK_NOTHING);
	mean_ns = (before - start) / rounds;
	sort(sample, rounds, sizeof(*sample), by_value, NULL);
	median_ns = sample[rounds / 2];
	p99_ns = sample[rounds * 99 / 100];
	return 0;
}

static int warm_up_and_measure(u64 *sample)
{
	int err, i;

	if (run_vcpu() != FFA_MSG_WAIT)
		return -EPROTO;
	for (i = 0; i < 400; i++) {
		err = round_trip();
		if (err)
			return err;
	}
	return measure(sample);
}

/* HVC is undefined without EL2, and loops back into a kernel that lives there. */
static bool hvc_is_safe(void)
{
	u64 pfr0 = read_cpuid(ID_AA64PFR0_EL1);

	return (pfr0 >> ID_AA64PFR0_EL1_EL2_SHIFT) & 0xf && !is_kernel_in_hyp_mode();
}

static int __init floor_init(void)
{
	void *tx, *rx;
	u64 *sample;
	int err = -ENOMEM;

	if (!rounds || size > PAGE_SIZE - HEADER)
		return -EINVAL;
	if (!hvc_is_safe() || (s32)simple_call(FFA_VERSION, FFA_VERSION_1_0, 0, 0) < 0)
		return -ENODEV;

	tx = (void *)get_zeroed_page(GFP_KERNEL);
	rx = (void *)get_zeroed_page(GFP_KERNEL);
	sample = kvmalloc_array(rounds, sizeof(*sample), GFP_KERNEL);
	if (!tx || !rx || !sample)
		goto out;

	err = -EBUSY;
	if (simple_call(FFA_RXTX_MAP, virt_to_phys(tx), virt_to_phys(rx), 1) != FFA_SUCCESS)
		goto out;
	err = warm_up_and_measure(sample);
	if (simple_call(FFA_RXTX_UNMAP, 0, 0, 0) != FFA_SUCCESS) {
		pr_err("the hypervisor keeps the pages: they are lost\n");
		tx = NULL;
		rx = NULL;
	}
out:
	kvfree(sample);
	free_page((unsigned long)rx);
	free_page((unsigned long)tx);
	if (err)
		pr_err("VM %u does not echo, error %d\n", vm, err);
	return err;
}

static void __exit floor_exit(void)
{
}

module_init(floor_init);
module_exit(floor_exit);

MODULE_DESCRIPTION("The floor under the benchmarks (tests only)");
MODULE_LICENSE("GPL");
