// SPDX-License-Identifier: GPL-2.0
/*
 * Flood: sends the primary as many messages as a request asks for.
 *
 * Request {u32 count, u32 size, u64 port}: count messages with payloads of
 * size bytes (8 to 4080, cut to that), to port, or to the requester's own port
 * if that is 0. The payload is a sequence number (u64, from 0) and then bytes
 * that repeat its lowest byte. Every message is sent, a busy primary is asked
 * again; there is no other answer. Counts above COUNT_MAX are noise, of which
 * fuzz_socket sends much, and ignored: nobody else would be heard again.
 */
#include "guest.h"

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
	return size > HF_MSG_PAYLOAD_MAX ? HF_MSG_PAYLOAD_MAX : size;
}

static void flood(const struct request *req)
{
	struct guest_wire *tx = guest_tx();
	u32 size = clamp_size(req->size);

	for (u64 seq = 0; seq < req->count; seq++) {
		memcpy(tx->payload, &seq, sizeof(seq));
		memset(tx->payload + sizeof(seq), seq, size - sizeof(seq));
		guest_msg_send(HF_PRIMARY_ID, HF_MSG_HEADER + size);
	}
}

static void serve(const struct guest_msg *msg)
{
	struct guest_wire *rx = guest_rx();
	struct guest_wire *tx = guest_tx();
	struct request req;

	if (guest_msg_payload_len(msg) < sizeof(req)) {
		guest_msg_release();
		return;
	}
	memcpy(&req, rx->payload, sizeof(req));
	tx->src_port = rx->dst_port;
	tx->dst_port = req.port ? req.port : rx->src_port;
	/* Freed first: the next request may wait here while this one is served. */
	guest_msg_release();
	if (req.count <= COUNT_MAX)
		flood(&req);
}

void guest_main(void)
{
	struct guest_msg msg;

	guest_mailbox_init();
	for (;;) {
		if (guest_msg_wait(&msg))
			serve(&msg);
	}
}
