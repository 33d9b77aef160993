/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The way into a guest and back, the exception vectors of EL2, and what C is
 * not allowed to touch: the FP/SIMD registers.
 *
 * guest_enter() is an ordinary call that returns at the next exception of the
 * guest. What it needs to come back lies on the EL2 stack below the pointer to
 * the guest's registers, so calls nest: the primary's FFA_RUN is handled inside
 * the primary's exit and enters the secondary with the same function.
 */
#include "arch.h"

	.text

/* All general registers but x0, x1 and x30, to or from the block at x0. */
.macro	move_regs op
	.irp	pair, "2,3", "4,5", "6,7", "8,9", "10,11", "12,13", "14,15", "16,17", "18,19", "20,21", "22,23", "24,25", "26,27", "28,29"
	move_pair \op, \pair
	.endr
.endm

.macro	move_pair op, a, b
	\op	x\a, x\b, [x0, #8 * \a]
.endm

.macro	move_fp op
	.irp	pair, "0,1", "2,3", "4,5", "6,7", "8,9", "10,11", "12,13", "14,15", "16,17", "18,19", "20,21", "22,23", "24,25", "26,27", "28,29", "30,31"
	move_fp_pair \op, \pair
	.endr
.endm

.macro	move_fp_pair op, a, b
	\op	q\a, q\b, [x0, #16 * \a]
.endm

/* Slot for the guest's register block, then x19..x30. */
#define FRAME_SIZE	112

/* u64 guest_enter(struct regs *regs): returns EXIT_*. */
	.globl guest_enter
guest_enter:
	sub	sp, sp, #FRAME_SIZE
	str	x0, [sp]
	stp	x19, x20, [sp, #16]
	stp	x21, x22, [sp, #32]
	stp	x23, x24, [sp, #48]
	stp	x25, x26, [sp, #64]
	stp	x27, x28, [sp, #80]
	stp	x29, x30, [sp, #96]

	ldp	x1, x2, [x0, #REGS_PC]
	msr	elr_el2, x1
	msr	spsr_el2, x2
	move_regs ldp
	ldr	x30, [x0, #240]
	ldp	x0, x1, [x0]
	eret

/* x1 = EXIT_*; the guest's x0 and x1 are on the stack. */
guest_exit:
	ldr	x0, [sp, #16]
	move_regs stp
	str	x30, [x0, #240]
	ldp	x2, x3, [sp], #16
	stp	x2, x3, [x0]
	mrs	x2, elr_el2
	mrs	x3, spsr_el2
	stp	x2, x3, [x0, #REGS_PC]

	mov	x0, x1
	ldp	x19, x20, [sp, #16]
	ldp	x21, x22, [sp, #32]
	ldp	x23, x24, [sp, #48]
	ldp	x25, x26, [sp, #64]
	ldp	x27, x28, [sp, #80]
	ldp	x29, x30, [sp, #96]
	add	sp, sp, #FRAME_SIZE
	ret

/* An exception of EL2 itself: never returns. x1 = number of the vector. */
el2_exception:
	sub	sp, sp, #256
	mov	x0, sp
	move_regs stp
	str	x30, [x0, #240]
	ldp	x2, x3, [sp, #256]
	stp	x2, x3, [x0]
	bl	el2_panic
	b	.

.macro	from_guest kind
	.balign	128
	stp	x0, x1, [sp, #-16]!
	mov	x1, #\kind
	b	guest_exit
.endm

.macro	from_el2 number
	.balign	128
	stp	x0, x1, [sp, #-16]!
	mov	x1, #\number
	b	el2_exception
.endm

	.balign	2048
	.globl vectors
vectors:
	from_el2	0
	from_el2	1
	from_el2	2
	from_el2	3

	.balign	128
	stp	x0, x1, [sp, #-16]!
	mrs	x0, elr_el2
	adr	x1, semihosting_hlt
	cmp	x0, x1
	mov	x1, #4
	b.ne	el2_exception
	add	x0, x0, #4
	msr	elr_el2, x0
	ldp	x0, x1, [sp], #16
	eret

	from_el2	5
	from_el2	6
	from_el2	7
	from_guest	EXIT_SYNC
	from_guest	EXIT_IRQ
	from_guest	EXIT_FIQ
	from_guest	EXIT_SERROR
	from_el2	12
	from_el2	13
	from_el2	14
	from_el2	15

/* void semihosting_exit(u64 op, const u64 *block): returns where there is none. */
	.globl semihosting_exit
semihosting_exit:
semihosting_hlt:
	hlt	#0xf000
	ret

	.arch_extension fp
	.arch_extension simd

/* void fp_save(struct fp *fp) */
	.globl fp_save
fp_save:
	move_fp stp
	mrs	x1, fpsr
	mrs	x2, fpcr
	str	x1, [x0, #512]
	str	x2, [x0, #520]
	ret

/* void fp_load(const struct fp *fp) */
	.globl fp_load
fp_load:
	move_fp ldp
	ldr	x1, [x0, #512]
	ldr	x2, [x0, #520]
	msr	fpsr, x1
	msr	fpcr, x2
	ret
