// SPDX-License-Identifier: GPL-2.0
/*
 * Naive, polling: an echo that never waits. Asks for a message, and gives its
 * time away when there is none.
 */
#include "guest_naive.h"

void guest_main(void)
{
	struct naive_msg msg;

	naive_init();
	for (;;) {
		if (naive_receive(FFA_MSG_POLL, &msg))
			naive_echo(&msg);
		else
			guest_yield();
	}
}
