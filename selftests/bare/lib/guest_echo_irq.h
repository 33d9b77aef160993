/* SPDX-License-Identifier: GPL-2.0 */
/* Echo driven by the mailbox interrupts, for the vCPU that calls it. */
#ifndef HF_BARE_GUEST_ECHO_IRQ_H
#define HF_BARE_GUEST_ECHO_IRQ_H

#include "guest.h"

void guest_echo_irq(void) __attribute__((noreturn));

#endif
