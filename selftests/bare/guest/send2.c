// SPDX-License-Identifier: GPL-2.0
/*
 * Send2: a flood by FFA_MSG_SEND2, of which the primary hears nothing unless it
 * asks.
 *
 * Request {u32 count, u32 size, u64 port}: count messages with payloads of size
 * bytes (8 to SEND2_PAYLOAD_MAX, cut to that), to port, or to the requester's
 * own port if that is 0. The payload is a sequence number (u64, from 0) and then
 * bytes that repeat its lowest byte. Each is sent until the primary takes it;
 * there is no other answer. Counts above COUNT_MAX are ignored.
 */
#include "guest_send2.h"

#define COUNT_MAX	20000

struct request {
	u32 count;
	u32 size;
	u64 port;
};

static u32 clamp_size(u32 size)
{
	if (size < sizeof(u64))
		return sizeof(u64);
	return size > SEND2_PAYLOAD_MAX ? SEND2_PAYLOAD_MAX : size;
}

static void flood(const struct request *req, u64 from, u64 to)
{
	static u8 payload[SEND2_PAYLOAD_MAX];
	u32 size = clamp_size(req->size);

	for (u64 seq = 0; seq < req->count; seq++) {
		memcpy(payload, &seq, sizeof(seq));
		memset(payload + sizeof(seq), seq, size - sizeof(seq));
		if (send2(HF_PRIMARY_ID, from, to, payload, size))
			return;
	}
}

static void serve(const struct guest_msg *msg)
{
	struct guest_wire *rx = guest_rx();
	struct request req;
	u64 from, to;

	if (guest_msg_payload_len(msg) < sizeof(req)) {
		guest_msg_release();
		return;
	}
	memcpy(&req, rx->payload, sizeof(req));
	from = rx->dst_port;
	to = req.port ? req.port : rx->src_port;
	/* Freed first: the next request may wait here while this one is served. */
	guest_msg_release();
	if (req.count <= COUNT_MAX)
		flood(&req, from, to);
}

void guest_main(void)
{
	struct guest_msg msg;

	send2_init();
	for (;;) {
		if (guest_msg_wait(&msg))
			serve(&msg);
	}
}
