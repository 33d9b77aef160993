// SPDX-License-Identifier: GPL-2.0
/*
 * Only the last vCPU listens: each vCPU starts the next one and sleeps in WFI
 * with no interrupt enabled; the one that has no next echoes on the readable
 * interrupt. An interrupt injected into vCPU 0 wakes nobody here.
 */
#include "guest_echo_irq.h"

static void start_next(void)
{
	if (!guest_cpu_on(guest_cpu() + 1, start_next))
		guest_echo_irq();
}

void guest_main(void)
{
	guest_mailbox_init();
	start_next();
}
