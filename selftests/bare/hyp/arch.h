/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The Armv8-A machine as EL2 sees it: system registers, barriers, TLB and
 * cache maintenance, the call into the firmware. No policy.
 */
#ifndef HYP_ARCH_H
#define HYP_ARCH_H

#define PAGE_SHIFT		12
#define PAGE_SIZE		4096
#define CPUS_MAX		8
#define STACK_SHIFT		14

/* Why guest_enter() returned; the order of the vectors. */
#define EXIT_SYNC		0
#define EXIT_IRQ		1
#define EXIT_FIQ		2
#define EXIT_SERROR		3

/* struct regs, for assembly. */
#define REGS_PC			(31 * 8)
#define REGS_PSTATE		(32 * 8)

#define PSTATE_EL1H_MASKED	0x3c5
#define PSTATE_MODE_MASK	0xf
#define PSTATE_MODE_EL1H	0x5
#define PSTATE_AARCH32		0x10

#define HCR_VM			(1UL << 0)
#define HCR_SWIO		(1UL << 1)
#define HCR_FMO			(1UL << 3)
#define HCR_IMO			(1UL << 4)
#define HCR_AMO			(1UL << 5)
#define HCR_VF			(1UL << 6)
#define HCR_VI			(1UL << 7)
#define HCR_FB			(1UL << 9)
#define HCR_BSU_INNER		(1UL << 10)
#define HCR_TWI			(1UL << 13)
#define HCR_TWE			(1UL << 14)
#define HCR_TSC			(1UL << 19)
#define HCR_TIDCP		(1UL << 20)
#define HCR_TACR		(1UL << 21)
#define HCR_RW			(1UL << 31)
#define HCR_APK			(1UL << 40)
#define HCR_API			(1UL << 41)

#define MDCR_HPMN_MASK		0x1f
#define MDCR_TPMCR		(1UL << 5)
#define MDCR_TPM		(1UL << 6)
#define MDCR_TDA		(1UL << 9)
#define MDCR_TDOSA		(1UL << 10)
#define MDCR_TDRA		(1UL << 11)

#define CNTHCTL_EL1PCTEN	(1UL << 0)
#define CNTHCTL_EL1PCEN		(1UL << 1)

#define CPTR_RES1		0x33ff
#define SCTLR_EL1_RESET		0x30d00800
#define SCTLR_EL2_RES1		0x30c50830
#define SCTLR_EL2_ON		(SCTLR_EL2_RES1 | 0x100d)	/* I, SA, C, M */

#define ICC_SRE_EL2		S3_4_C12_C9_5
#define ICH_HCR_EL2		S3_4_C12_C11_0
#define ICC_SRE_SRE		0x7		/* SRE, no bypass */
#define ICC_SRE_ENABLE		0x8		/* EL1 may use ICC_SRE_EL1 */
#define ICH_HCR_TRAP_ALL	0x7c00		/* TC, TALL0, TALL1, TSEI, TDIR */

#define CNT_CTL_ENABLE		0x1
#define CNT_CTL_IMASK		0x2

#ifndef __ASSEMBLER__
#include "types.h"

#define ARCH_STR2(x)		#x
#define ARCH_STR(x)		ARCH_STR2(x)
#define read_sysreg(reg) ({						\
	u64 value_;							\
	asm volatile("mrs %0, " ARCH_STR(reg) : "=r" (value_));	\
	value_;								\
})
#define write_sysreg(reg, value)					\
	asm volatile("msr " ARCH_STR(reg) ", %0" : : "r" ((u64)(value)) : "memory")

#define isb()			asm volatile("isb" : : : "memory")
#define dsb(kind)		asm volatile("dsb " #kind : : : "memory")
#define tlbi(kind)		asm volatile("tlbi " #kind : : : "memory")
#define cpu_relax()		asm volatile("yield" : : : "memory")

/* Counts up at counter_hz(), the same on every CPU. */
static inline u64 counter(void)
{
	isb();
	return read_sysreg(cntpct_el0);
}

static inline u64 counter_hz(void)
{
	return read_sysreg(cntfrq_el0);
}

/* Makes what was written visible to a guest that runs with its MMU off. */
static inline void cache_clean(const void *start, size_t len)
{
	for (uintptr_t p = (uintptr_t)start & ~63UL; p < (uintptr_t)start + len; p += 64)
		asm volatile("dc civac, %0" : : "r" (p) : "memory");
	dsb(sy);
}

static inline u64 smc(u64 x0, u64 x1, u64 x2, u64 x3)
{
	register u64 r0 asm("x0") = x0;
	register u64 r1 asm("x1") = x1;
	register u64 r2 asm("x2") = x2;
	register u64 r3 asm("x3") = x3;

	asm volatile("smc #0"
		     : "+r" (r0), "+r" (r1), "+r" (r2), "+r" (r3)
		     : : "x4", "x5", "x6", "x7", "x8", "x9", "x10", "x11", "x12",
			 "x13", "x14", "x15", "x16", "x17", "memory");
	return r0;
}
#endif
#endif
