// SPDX-License-Identifier: GPL-2.0
/*
 * Rogue: sends the primary messages that no well-behaved VM sends.
 *
 * Request {u8 kind, u32 n}, packed: n messages of that kind, then the answer
 * "done" in four bytes, from which the requester knows that all are out.
 *
 *   's'  3 bytes in all      'z'  none at all      'h'  15 bytes, one short of a header
 *   'p'  well-formed, to a port that nobody has
 *   'b'  header only, to the requester's port: unusual, but well-formed
 */
#include "guest.h"

#define REQUEST_LEN		5

/* Xorshift; the top bit is set because sockets get small port numbers. */
static u64 random_port(void)
{
	static u64 state = 0x9e3779b97f4a7c15;

	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return state | GUEST_BIT(63);
}

static u32 length_of(u8 kind)
{
	switch (kind) {
	case 's':
		return 3;
	case 'z':
		return 0;
	case 'h':
		return HF_MSG_HEADER - 1;
	default:
		return HF_MSG_HEADER;
	}
}

static void misbehave(u8 kind, u32 count)
{
	static const char letters[] = "szhpb";
	u64 port = guest_tx()->dst_port;
	bool known = false;

	for (const char *c = letters; *c; c++)
		known |= *c == kind;
	if (!known)
		return;
	while (count--) {
		if (kind == 'p')
			guest_tx()->dst_port = random_port();
		guest_msg_send(HF_PRIMARY_ID, length_of(kind));
	}
	guest_tx()->dst_port = port;
}

static void serve(const struct guest_msg *msg)
{
	static const char done[] = "done";
	struct guest_wire *rx = guest_rx();
	struct guest_wire *tx = guest_tx();
	u32 count;
	u8 kind;

	if (guest_msg_payload_len(msg) < REQUEST_LEN) {
		guest_msg_release();
		return;
	}
	kind = rx->payload[0];
	memcpy(&count, rx->payload + 1, sizeof(count));
	tx->src_port = rx->dst_port;
	tx->dst_port = rx->src_port;
	guest_msg_release();
	misbehave(kind, count);
	memcpy(tx->payload, done, sizeof(done) - 1);
	guest_msg_send(HF_PRIMARY_ID, HF_MSG_HEADER + sizeof(done) - 1);
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
