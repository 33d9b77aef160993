// SPDX-License-Identifier: GPL-2.0
/*
 * Sink: takes messages and answers none, but for a question: a payload that
 * begins with eight bytes 0xff is answered by the number (u64) of other
 * messages since the last question.
 */
#include "guest.h"

static bool is_question(const struct guest_msg *msg)
{
	u64 word = 0;

	if (guest_msg_payload_len(msg) >= sizeof(word))
		memcpy(&word, guest_rx()->payload, sizeof(word));
	return word == UINT64_MAX;
}

static void answer(const struct guest_msg *msg, u64 count)
{
	struct guest_wire *rx = guest_rx();
	struct guest_wire *tx = guest_tx();

	tx->src_port = rx->dst_port;
	tx->dst_port = rx->src_port;
	memcpy(tx->payload, &count, sizeof(count));
	guest_msg_send(msg->from, HF_MSG_HEADER + sizeof(count));
}

void guest_main(void)
{
	struct guest_msg msg;
	u64 count = 0;

	guest_mailbox_init();
	for (;;) {
		if (!guest_msg_wait(&msg))
			continue;
		if (is_question(&msg)) {
			answer(&msg, count);
			count = 0;
		} else {
			count++;
		}
		guest_msg_release();
	}
}
