// SPDX-License-Identifier: GPL-2.0
/*
 * A secondary VM's words on the console: HF_DEBUG_LOG, a character a call.
 *
 * Also the end of a vCPU that took an exception nobody expected. It says what
 * happened and sleeps for good: the VM stays silent instead of answering
 * wrongly, and the console tells why.
 */
#include "guest_asm.h"

#define LINK_REGISTER		30

void guest_log(const char *text)
{
	while (*text)
		guest_call(HF_DEBUG_LOG, (u8)*text++, 0, 0, 0);
}

void guest_log_hex(const char *label, u64 value)
{
	guest_log(label);
	guest_log("0x");
	for (int shift = 60; shift >= 0; shift -= 4) {
		unsigned int digit = value >> shift & 0xf;

		guest_call(HF_DEBUG_LOG, digit < 10 ? '0' + digit : 'a' + digit - 10,
			   0, 0, 0);
	}
}

void guest_exception(const u64 *regs, unsigned int vector)
{
	u64 esr, elr, far, spsr;

	asm volatile("mrs %0, esr_el1" : "=r" (esr));
	asm volatile("mrs %0, elr_el1" : "=r" (elr));
	asm volatile("mrs %0, far_el1" : "=r" (far));
	asm volatile("mrs %0, spsr_el1" : "=r" (spsr));
	guest_log_hex("guest: unexpected exception, vcpu=", guest_cpu());
	guest_log_hex(" vector=", vector);
	guest_log_hex("\nguest: esr=", esr);
	guest_log_hex(" elr=", elr);
	guest_log_hex("\nguest: far=", far);
	guest_log_hex(" spsr=", spsr);
	guest_log_hex("\nguest: x0=", regs[0]);
	guest_log_hex(" x30=", regs[LINK_REGISTER]);
	guest_log("\n");
	guest_idle();
}
