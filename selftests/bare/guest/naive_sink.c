// SPDX-License-Identifier: GPL-2.0
/*
 * Naive sink: takes messages by the book and answers none, so that nothing but
 * its next FFA_MSG_WAIT tells that it has read one.
 *
 * A payload that begins with eight bytes 0xff asks for {u64 count, u64 sum} of
 * all other messages since boot; sum is that of their payloads, in words of 8
 * bytes (a rest is left out), read as late as an echo would.
 */
#include "guest_naive.h"

static u64 count, sum;

static u64 sum_payload(u32 len)
{
	const u8 *p = naive_payload();
	u64 total = 0, word;

	for (; len >= sizeof(word); len -= sizeof(word), p += sizeof(word)) {
		memcpy(&word, p, sizeof(word));
		total += word;
	}
	return total;
}

static void answer(const struct naive_msg *msg)
{
	struct guest_wire *tx = naive_tx();

	tx->src_port = msg->dst_port;
	tx->dst_port = msg->src_port;
	memcpy(tx->payload, &count, sizeof(count));
	memcpy(tx->payload + sizeof(count), &sum, sizeof(sum));
	naive_send(msg->from, HF_MSG_HEADER + sizeof(count) + sizeof(sum));
}

static void serve(const struct naive_msg *msg)
{
	u32 len = msg->len - HF_MSG_HEADER;
	u64 word = 0;

	if (len >= sizeof(word))
		memcpy(&word, naive_payload(), sizeof(word));
	if (word == UINT64_MAX) {
		answer(msg);
	} else {
		naive_work();
		count++;
		sum += sum_payload(len);
	}
	naive_release();
}

void guest_main(void)
{
	struct naive_msg msg;

	naive_init();
	for (;;) {
		if (naive_receive(FFA_MSG_WAIT, &msg))
			serve(&msg);
	}
}
