/* SPDX-License-Identifier: GPL-2.0 */
/* What of a guest is in registers while it runs, and in memory while it does not. */
#ifndef HYP_REGS_H
#define HYP_REGS_H

#include "types.h"

struct regs {
	u64 x[31];
	u64 pc;
	u64 pstate;
};

struct fp {
	u64 q[64];
	u64 fpsr;
	u64 fpcr;
} __attribute__((aligned(16)));

/* Every EL1 and EL0 register that a guest can change, timers apart. */
#define EL1_REGISTERS(X)						\
	X(sctlr_el1) X(actlr_el1) X(cpacr_el1) X(ttbr0_el1) X(ttbr1_el1)	\
	X(tcr_el1) X(esr_el1) X(far_el1) X(afsr0_el1) X(afsr1_el1)	\
	X(mair_el1) X(amair_el1) X(vbar_el1) X(contextidr_el1)		\
	X(tpidr_el0) X(tpidrro_el0) X(tpidr_el1) X(sp_el0) X(sp_el1)	\
	X(elr_el1) X(spsr_el1) X(par_el1) X(csselr_el1) X(cntkctl_el1)	\
	X(mdscr_el1)

struct el1_regs {
#define X(reg) u64 reg;
	EL1_REGISTERS(X)
#undef X
};

/* The EL1 virtual timer, or the physical one (struct level): CTL and CVAL. */
struct timer {
	u64 ctl;
	u64 cval;
};

void el1_save(struct el1_regs *regs);
void el1_load(const struct el1_regs *regs);

#endif
