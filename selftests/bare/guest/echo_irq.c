// SPDX-License-Identifier: GPL-2.0
/*
 * Echo driven by interrupts: sleeps in WFI, wakes up for the readable
 * interrupt, drains with FFA_MSG_POLL, and waits for the writable interrupt
 * when the receiver of an answer is busy. Never calls FFA_MSG_WAIT.
 */
#include "guest_echo_irq.h"

void guest_main(void)
{
	guest_mailbox_init();
	guest_echo_irq();
}
