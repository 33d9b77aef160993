// SPDX-License-Identifier: GPL-2.0
/*
 * Fault: commits the offence that a request's first byte names, and is an echo
 * for every other request (so an answer to an offence means that it was allowed).
 *
 *   'r'  reads the hypervisor's memory       'w'  writes it
 *   'p'  reads the primary's memory          'u'  undefined instruction
 *
 *   'k'  has the test hypervisor kill the VM
 *
 * The first three end in stage 2, and come back to the guest as a fault of its own,
 * as does the undefined instruction. Whatever comes back is printed by the library,
 * and the vCPU sleeps for good.
 */
#include "guest.h"
#include "testcall.h"

#define HYPERVISOR_MEMORY	UINT64_C(0x40000000)
#define PRIMARY_MEMORY		UINT64_C(0x48000000)

static void read_at(u64 address)
{
	u32 value;

	asm volatile("ldr %w0, [%1]" : "=r" (value) : "r" (address) : "memory");
}

static void write_at(u64 address)
{
	asm volatile("str wzr, [%0]" : : "r" (address) : "memory");
}

static void commit(u8 kind)
{
	switch (kind) {
	case 'r':
		read_at(HYPERVISOR_MEMORY);
		break;
	case 'w':
		write_at(HYPERVISOR_MEMORY);
		break;
	case 'p':
		read_at(PRIMARY_MEMORY);
		break;
	case 'k':
		guest_call(HFT_KILL, 0, 0, 0, 0);
		break;
	case 'u':
		asm volatile("udf #0");
		break;
	}
}

void guest_main(void)
{
	struct guest_msg msg;

	guest_mailbox_init();
	for (;;) {
		if (!guest_msg_wait(&msg))
			continue;
		if (guest_msg_payload_len(&msg))
			commit(guest_rx()->payload[0]);
		guest_msg_echo(&msg);
	}
}
