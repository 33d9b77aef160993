// SPDX-License-Identifier: GPL-2.0
/*
 * Busy: counts for ever and never calls the hypervisor, so that only a
 * physical interrupt ends its run. Has no mailbox.
 */
#include "guest.h"

void guest_main(void)
{
	u64 count = 0;

	for (;;)
		asm volatile("add %0, %0, #1" : "+r" (count));
}
