// SPDX-License-Identifier: GPL-2.0
/*
 * Idle yield: an echo that polls and, when there is nothing, yields with the
 * second after which it wants to run again, in w2 and w3. From Hafnium v2.10 on
 * the primary sees the time; before, it sees an ordinary yield.
 */
#include "guest.h"

#define TIMEOUT_NS	UINT64_C(1000000000)

void guest_main(void)
{
	struct guest_msg msg;

	guest_mailbox_init();
	for (;;) {
		if (guest_msg_poll(&msg))
			guest_msg_echo(&msg);
		else
			guest_call(FFA_YIELD, 0, (u32)TIMEOUT_NS, TIMEOUT_NS >> 32, 0);
	}
}
