// SPDX-License-Identifier: GPL-2.0
/*
 * Send2 echo: answers by FFA_MSG_SEND2, but for payloads that are too long for
 * it, which go back by FFA_MSG_SEND.
 */
#include "guest_send2.h"

static void answer(const struct guest_msg *msg)
{
	struct guest_wire *rx = guest_rx();
	u32 len = guest_msg_payload_len(msg);

	if (msg->len < HF_MSG_HEADER)
		return;
	if (len <= SEND2_PAYLOAD_MAX)
		send2(msg->from, rx->dst_port, rx->src_port, rx->payload, len);
	else
		guest_msg_answer(msg);
}

void guest_main(void)
{
	struct guest_msg msg;

	send2_init();
	for (;;) {
		if (!guest_msg_wait(&msg))
			continue;
		answer(&msg);
		guest_msg_release();
	}
}
