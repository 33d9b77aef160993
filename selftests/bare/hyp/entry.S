/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The first instructions of every CPU at EL2: Image header, stack, zeroed
 * memory, then C. The MMU is off here; boot_main() and cpu_main() turn it on.
 */
#include "arch.h"

	.section .head, "ax"
	.globl _start
_start:
	b	boot_entry
	.long	0
	.quad	0x80000			/* text offset */
	.quad	_hyp_end - _start	/* image size */
	.quad	0xa			/* little endian, 4K pages, anywhere */
	.quad	0, 0, 0
	.ascii	"ARM\x64"
	.long	0

	.text
/* x0 = QEMU's device tree, CPU 0. */
boot_entry:
	mov	x20, x0
	adrp	x1, _hyp_bss
	add	x1, x1, :lo12:_hyp_bss
	adrp	x2, _hyp_end
1:	stp	xzr, xzr, [x1], #16
	cmp	x1, x2
	b.lo	1b

	bl	cpu_setup
	mov	x0, x20
	bl	boot_main
	b	.

/* Where PSCI CPU_ON starts the other CPUs. */
	.globl cpu_entry
cpu_entry:
	bl	cpu_setup
	bl	cpu_main
	b	.

/* Stack by CPU number, and vectors, so that an early fault is seen. */
cpu_setup:
	mrs	x1, mpidr_el1
	and	x1, x1, #0xff
	cmp	x1, #CPUS_MAX
	b.hs	.
	adrp	x2, stacks
	add	x2, x2, :lo12:stacks
	add	x1, x1, #1
	add	x2, x2, x1, lsl #STACK_SHIFT
	mov	sp, x2
	adrp	x2, vectors
	add	x2, x2, :lo12:vectors
	msr	vbar_el2, x2
	isb
	ret

	.bss
	.balign	16
stacks:
	.space	CPUS_MAX << STACK_SHIFT
