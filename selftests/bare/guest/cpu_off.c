// SPDX-License-Identifier: GPL-2.0
/*
 * CPU_OFF: vCPU 0 echoes; vCPU 1 turns itself off as soon as it runs, so that its
 * last exit looks like WFI.
 *
 * The payload "1" makes vCPU 0 turn vCPU 1 on; the answer is "1", or "0" if that
 * failed.
 */
#include "guest.h"

static void turn_off(void)
{
	guest_call(PSCI_CPU_OFF, 0, 0, 0, 0);
}

static bool is_command(const struct guest_msg *msg)
{
	return guest_msg_payload_len(msg) == 1 && guest_rx()->payload[0] == '1';
}

static void serve(const struct guest_msg *msg)
{
	bool failed = is_command(msg) && !guest_cpu_on(1, turn_off);

	guest_msg_make_answer(msg);
	if (failed)
		guest_tx()->payload[0] = '0';
	guest_msg_send(msg->from, msg->len);
	guest_msg_release();
}

void guest_main(void)
{
	struct guest_msg msg;

	guest_mailbox_init();
	guest_cpu_on(1, turn_off);
	for (;;) {
		if (guest_msg_wait(&msg) && msg.len >= HF_MSG_HEADER)
			serve(&msg);
	}
}
