// SPDX-License-Identifier: GPL-2.0
/*
 * Echo: answers every message with its own payload, up to 4080 bytes, to
 * whoever sent it. Waits in FFA_MSG_WAIT; answers first, frees RX afterwards,
 * so that a sender which is told "writable" finds the answer already there.
 */
#include "guest.h"

void guest_main(void)
{
	struct guest_msg msg;

	guest_mailbox_init();
	for (;;) {
		if (guest_msg_wait(&msg))
			guest_msg_echo(&msg);
	}
}
