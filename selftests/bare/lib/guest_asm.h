/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What guest_start.S and the C files of the guest library agree on.
 */
#ifndef HF_BARE_GUEST_ASM_H
#define HF_BARE_GUEST_ASM_H

/* The most vCPUs a VM of this library has; CPU_ON beyond is not tried. */
#define GUEST_CPUS		8
#define GUEST_STACK_SHIFT	12
#define GUEST_STACK_SIZE	(1 << GUEST_STACK_SHIFT)

/* What an exception pushes: x0..x30 and one word that keeps sp aligned. */
#define GUEST_FRAME_SIZE	256

#ifndef __ASSEMBLER__
#include "guest.h"

struct guest_vcpu {
	/* Written by the starting vCPU before CPU_ON, then constant. */
	void (*entry)(void);
	/* This vCPU only. */
	u64 pending;	/* interrupts acknowledged, not yet taken */
	u64 *counts;	/* of interrupts acknowledged; NULL, or one for each */
	bool handed;		/* a call that is no receive handed out a message */
	struct guest_msg early;	/* that message */
};

struct guest_vcpu *guest_this(void);

/* guest_start.S: where a vCPU other than 0 begins. */
extern const char guest_secondary_start[];

/* Called from guest_start.S. */
void guest_cpu_main(unsigned int cpu);
void guest_irq_handler(void);
void guest_exception(const u64 *regs, unsigned int vector);
#endif

#endif
