/* SPDX-License-Identifier: GPL-2.0 */
/*
 * From the first instruction of a secondary VM to C, and back to EL2.
 *
 * Entered at EL1 with the MMU off, at an address known only at run time. Until
 * the MMU is on nothing is written: accesses would bypass the caches through
 * which EL2 and the other vCPUs see this memory, and exclusives would not be
 * guaranteed to work. The translation table is constant, therefore part of the
 * image, and maps the lower 512 GiB to themselves as normal write-back memory.
 * Stage 2 decides what of it exists.
 */
#include "ffa.h"
#include "guest_asm.h"

#define MAIR_NORMAL		0xff		/* attribute 0: write-back, allocate */
#define TCR_T0SZ		25		/* 39 bits, walks start at level 1 */
#define TCR_WALKS		0x803500	/* no TTBR1; cached, inner shareable */
#define TCR_IPS_SHIFT		32
#define TCR_IPS_40BIT		2
#define SCTLR_ON		0x30d01805	/* RES1 bits; I, C, M */
#define BLOCK_NORMAL		0x701		/* valid, inner shareable, accessed */
#define BLOCK_SHIFT		30

	.section .text.start, "ax"
	.globl	_start
_start:
	/* A VM that is too small for .bss must not run over its end. */
	adr	x1, _start
	adrp	x2, __bss_end
	sub	x2, x2, x1
	cmp	x0, x2
	b.lo	.Lstop
	mov	x20, #0
	bl	.Lmmu_on

	/* vCPU 0 alone: the others start when this memory is in use. */
	adrp	x1, __bss_start
	adrp	x2, __bss_end
1:	stp	xzr, xzr, [x1], #16
	cmp	x1, x2
	b.lo	1b
	b	.Lenter

	.globl	guest_secondary_start
guest_secondary_start:
	/* Not from x0: from v2.12 a vCPU that was off before finds something else there. */
	mrs	x20, mpidr_el1
	and	x20, x20, #0xff
	bl	.Lmmu_on

.Lenter:
	adrp	x1, guest_stacks
	add	x1, x1, :lo12:guest_stacks
	add	x2, x20, #1
	add	x1, x1, x2, lsl #GUEST_STACK_SHIFT
	mov	sp, x1
	mov	w0, w20
	mov	x29, xzr
	bl	guest_cpu_main

.Lstop:
	wfi
	b	.Lstop

/* Changes x1 to x3 only. */
.Lmmu_on:
	adrp	x1, guest_vectors
	add	x1, x1, :lo12:guest_vectors
	msr	vbar_el1, x1
	mov	x1, #MAIR_NORMAL
	msr	mair_el1, x1
	adrp	x1, guest_table
	msr	ttbr0_el1, x1

	/* Output addresses of 40 bits are enough, and not every CPU has more. */
	mrs	x1, id_aa64mmfr0_el1
	and	x1, x1, #0xf
	mov	x2, #TCR_IPS_40BIT
	cmp	x1, x2
	csel	x1, x1, x2, lo
	mov	x2, #TCR_T0SZ
	ldr	x3, =TCR_WALKS
	orr	x2, x2, x3
	orr	x1, x2, x1, lsl #TCR_IPS_SHIFT
	msr	tcr_el1, x1
	isb

	/* What a former user of this CPU or VM id left behind. */
	tlbi	vmalle1is
	ic	iallu
	dsb	ish
	isb
	ldr	w1, =SCTLR_ON
	msr	sctlr_el1, x1
	isb
	ret
	.ltorg

	.text
	.globl	guest_hvc
guest_hvc:
	stp	x0, x30, [sp, #-16]!
	mov	x9, x0
	ldp	x0, x1, [x9]
	ldp	x2, x3, [x9, #16]
	ldp	x4, x5, [x9, #32]
	ldp	x6, x7, [x9, #48]
	hvc	#0
	ldp	x9, x30, [sp], #16
	stp	x0, x1, [x9]
	stp	x2, x3, [x9, #16]
	stp	x4, x5, [x9, #32]
	stp	x6, x7, [x9, #48]
	ret

	.macro	save_frame
	sub	sp, sp, #GUEST_FRAME_SIZE
	stp	x0, x1, [sp]
	stp	x2, x3, [sp, #16]
	stp	x4, x5, [sp, #32]
	stp	x6, x7, [sp, #48]
	stp	x8, x9, [sp, #64]
	stp	x10, x11, [sp, #80]
	stp	x12, x13, [sp, #96]
	stp	x14, x15, [sp, #112]
	stp	x16, x17, [sp, #128]
	stp	x18, x19, [sp, #144]
	stp	x20, x21, [sp, #160]
	stp	x22, x23, [sp, #176]
	stp	x24, x25, [sp, #192]
	stp	x26, x27, [sp, #208]
	stp	x28, x29, [sp, #224]
	stp	x30, xzr, [sp, #240]
	.endm

	.macro	vector number
	.balign	128
	save_frame
	mov	x0, sp
	mov	w1, #\number
	bl	guest_exception
	b	.Lstop
	.endm

	.section .text.vectors, "ax"
	.balign	2048
guest_vectors:
	.irp	number, 0, 1, 2, 3, 4
	vector	\number
	.endr
	/* 5: IRQ at EL1 with its own stack, the only one that is expected. */
	.balign	128
	save_frame
	bl	guest_irq_handler
	b	.Lresume
	.irp	number, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15
	vector	\number
	.endr
	.balign	128

/* guest_irq_handler() keeps the registers that a C function has to keep. */
.Lresume:
	ldp	x0, x1, [sp]
	ldp	x2, x3, [sp, #16]
	ldp	x4, x5, [sp, #32]
	ldp	x6, x7, [sp, #48]
	ldp	x8, x9, [sp, #64]
	ldp	x10, x11, [sp, #80]
	ldp	x12, x13, [sp, #96]
	ldp	x14, x15, [sp, #112]
	ldp	x16, x17, [sp, #128]
	ldr	x18, [sp, #144]
	ldr	x30, [sp, #240]
	add	sp, sp, #GUEST_FRAME_SIZE
	eret

	.section .rodata.guest_table, "a"
	.balign	4096
guest_table:
	.set	block, 0
	.rept	512
	.quad	(block << BLOCK_SHIFT) | BLOCK_NORMAL
	.set	block, block + 1
	.endr

	.section .bss.guest_stacks, "aw", %nobits
	.balign	4096
guest_stacks:
	.skip	GUEST_CPUS * GUEST_STACK_SIZE
