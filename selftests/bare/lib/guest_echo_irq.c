// SPDX-License-Identifier: GPL-2.0
/*
 * Echo without ever blocking in a receive: sleeps in WFI until the mailbox
 * interrupts say that there is something to read, or room to write.
 *
 * Shared by the payloads that do this on vCPU 0 and on the last vCPU. The
 * pattern is "enable, then drain, then sleep": a message that came before the
 * interrupt was enabled is found by the first drain.
 */
#include "guest_echo_irq.h"

/*
 * Up to v2.7 a busy receiver can be asked to have us interrupted. Later
 * versions accept the flag and never do it; they are known by FFA_MSG_SEND2.
 */
static bool notify_works(void)
{
	return (u32)guest_call(FFA_FEATURES, FFA_MSG_SEND2, 0, 0, 0).x[0] ==
	       FFA_ERROR;
}

/* The list of mailboxes that became writable; its content is of no interest. */
static void drain_writable(void)
{
	while ((s64)guest_call(HF_MAILBOX_WRITABLE_GET, 0, 0, 0, 0).x[0] != -1)
		;
}

static void send_when_writable(u16 to, u32 len)
{
	while (guest_msg_try_send(to, len, FFA_MSG_SEND_NOTIFY) == FFA_RET_BUSY) {
		guest_irq_wait(GUEST_BIT(HF_MAILBOX_WRITABLE_INTID));
		drain_writable();
	}
}

static void answer(const struct guest_msg *msg, bool notify)
{
	if (!notify || msg->len < HF_MSG_HEADER) {
		guest_msg_echo(msg);
		return;
	}
	guest_msg_make_answer(msg);
	send_when_writable(msg->from, msg->len);
	guest_msg_release();
}

void guest_echo_irq(void)
{
	bool notify = notify_works();
	struct guest_msg msg;

	guest_irq_enable(HF_MAILBOX_READABLE_INTID);
	guest_irq_enable(HF_MAILBOX_WRITABLE_INTID);
	for (;;) {
		while (guest_msg_poll(&msg))
			answer(&msg, notify);
		guest_irq_wait(GUEST_BIT(HF_MAILBOX_READABLE_INTID));
	}
}
