// SPDX-License-Identifier: GPL-2.0
/*
 * Hang after a fault: an echo, until a payload begins with 'f'. It then reads
 * the hypervisor's memory, and the handler of the exception that Hafnium makes
 * of that (from v2.8; before, and at those levels, the VM is aborted) is a loop
 * without an end. The message stays unread, and the mailbox occupied.
 */
#include "guest.h"

#define HYPERVISOR_MEMORY	UINT64_C(0x40000000)

/* Every vector. */
asm(".section .text.hang, \"ax\"\n"
    ".balign 2048\n"
    "hang_vectors:\n"
    ".rept 16\n"
    ".balign 128\n"
    "b .\n"
    ".endr\n"
    ".balign 128\n"
    ".text");

static void hang(void)
{
	u64 vectors, value;

	asm("adrp %0, hang_vectors\n"
	    "add %0, %0, :lo12:hang_vectors" : "=r" (vectors));
	asm volatile("msr vbar_el1, %0; isb" : : "r" (vectors));
	asm volatile("ldr %0, [%1]" : "=r" (value) : "r" (HYPERVISOR_MEMORY) : "memory");
}

void guest_main(void)
{
	struct guest_msg msg;

	guest_mailbox_init();
	for (;;) {
		if (!guest_msg_wait(&msg))
			continue;
		if (guest_msg_payload_len(&msg) && guest_rx()->payload[0] == 'f')
			hang();
		guest_msg_echo(&msg);
	}
}
