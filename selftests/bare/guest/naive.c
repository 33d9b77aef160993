// SPDX-License-Identifier: GPL-2.0
/*
 * Naive: echo on every vCPU, by the book (lib/guest_naive.h). vCPU 0 starts all
 * others; each of them waits for messages of the one mailbox, and whatever
 * FFA_MSG_WAIT returns instead of a message, FFA_RUN too, makes it wait again.
 */
#include "guest_naive.h"

void guest_main(void)
{
	unsigned int cpu = 1;

	naive_init();
	while (guest_cpu_on(cpu, naive_serve))
		cpu++;
	naive_serve();
}
