// SPDX-License-Identifier: GPL-2.0
/*
 * CPU_OFF: vCPU 0 echoes, vCPU 1 waits for messages, too, until it has answered
 * one or was woken for another reason; then it turns itself off.
 *
 * A payload that begins with '1' makes vCPU 0 turn vCPU 1 on, and is then echoed;
 * if that failed, its first byte comes back as '0'.
 */
#include "guest.h"

static void answer(const struct guest_msg *msg, bool failed)
{
	guest_lock();
	guest_msg_make_answer(msg);
	if (failed)
		guest_tx()->payload[0] = '0';
	guest_msg_send(msg->from, msg->len);
	guest_unlock();
	guest_msg_release();
}

static void serve_once(void)
{
	struct guest_msg msg;

	if (guest_msg_wait(&msg))
		answer(&msg, false);
	guest_call(PSCI_CPU_OFF, 0, 0, 0, 0);
}

static bool is_command(const struct guest_msg *msg)
{
	return guest_msg_payload_len(msg) && guest_rx()->payload[0] == '1';
}

void guest_main(void)
{
	struct guest_msg msg;

	guest_mailbox_init();
	guest_cpu_on(1, serve_once);
	for (;;) {
		if (guest_msg_wait(&msg))
			answer(&msg, is_command(&msg) && !guest_cpu_on(1, serve_once));
	}
}
