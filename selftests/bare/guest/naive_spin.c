// SPDX-License-Identifier: GPL-2.0
/*
 * Naive, spinning: an echo that asks for messages and does nothing else. No
 * exit tells when it has read one; only its answers and physical interrupts
 * end a run.
 */
#include "guest_naive.h"

void guest_main(void)
{
	struct naive_msg msg;

	naive_init();
	for (;;) {
		if (naive_receive(FFA_MSG_POLL, &msg))
			naive_echo(&msg);
	}
}
