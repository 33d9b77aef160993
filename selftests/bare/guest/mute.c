// SPDX-License-Identifier: GPL-2.0
/*
 * Mute: has a mailbox and never reads it. The first message sent to it is
 * accepted, every later one finds the mailbox busy.
 */
#include "guest.h"

void guest_main(void)
{
	guest_mailbox_init();
	guest_idle();
}
