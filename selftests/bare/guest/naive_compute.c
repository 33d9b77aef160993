// SPDX-License-Identifier: GPL-2.0
/*
 * Naive with a job: vCPU 0 echoes by the book, all others compute for ever, and
 * have never been seen in FFA_MSG_WAIT.
 */
#include "guest_naive.h"

static void compute(void)
{
	u64 count = 0;

	for (;;)
		asm volatile("add %0, %0, #1" : "+r" (count));
}

void guest_main(void)
{
	unsigned int cpu = 1;

	naive_init();
	while (guest_cpu_on(cpu, compute))
		cpu++;
	naive_serve();
}
