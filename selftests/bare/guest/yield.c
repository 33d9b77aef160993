// SPDX-License-Identifier: GPL-2.0
/*
 * Yield: an echo that never blocks. Polls, and gives its time away when there
 * is nothing to read.
 */
#include "guest.h"

void guest_main(void)
{
	struct guest_msg msg;

	guest_mailbox_init();
	for (;;) {
		if (guest_msg_poll(&msg))
			guest_msg_echo(&msg);
		else
			guest_yield();
	}
}
