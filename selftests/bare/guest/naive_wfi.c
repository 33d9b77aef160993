// SPDX-License-Identifier: GPL-2.0
/*
 * Naive, by interrupt: an echo that takes what there is and sleeps in WFI until
 * the mailbox interrupt comes. There is none from Hafnium v2.12 on.
 */
#include "guest_naive.h"

void guest_main(void)
{
	struct naive_msg msg;

	naive_init();
	guest_irq_enable(HF_MAILBOX_READABLE_INTID);
	for (;;) {
		while (naive_receive(FFA_MSG_POLL, &msg))
			naive_echo(&msg);
		guest_irq_wait(GUEST_BIT(HF_MAILBOX_READABLE_INTID));
	}
}
