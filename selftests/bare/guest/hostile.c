// SPDX-License-Identifier: GPL-2.0
/*
 * Hostile: breaks the SEQPACKET protocol in every way that chance finds.
 *
 * A datagram (struct hostile_ask of lib/seq_service.h) starts it. Then it sends
 * so many frames: noise, and frames that are nearly right, with forged ports,
 * types, versions, lengths, sequence numbers and credits, for connections that
 * exist, existed or never did; it asks for connections and leaves them half
 * open. It accepts requests as a rule, and reads while it sends. The same seed
 * makes the same choices as long as the primary does.
 */
#include "guest.h"
#include "seq.h"
#include "seq_service.h"

#define CONNS			16

/* A connection as we believe it to be; the primary may not agree. */
struct conn {
	u64 port, peer_port;
	u32 sent, credit;
};

static struct conn conns[CONNS];
static struct hostile_ask ask;
static struct hostile_done done;
static u64 asker_port, asked_port;
static u64 next_port = 0x1000;
static u64 state = 1;
static struct seq_frame in __attribute__((aligned(8)));

static u64 chance(void)
{
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return state;
}

static u32 pick(u32 n)
{
	return (chance() >> 16) % n;
}

static struct conn *find(u64 port)
{
	for (struct conn *c = conns; c < conns + CONNS; c++) {
		if (c->port == port)
			return c;
	}
	return NULL;
}

static struct conn *remember(u64 port, u64 peer_port)
{
	struct conn *c = &conns[pick(CONNS)];

	*c = (struct conn){ .port = port, .peer_port = peer_port };
	return c;
}

/* A port of the primary: one we were told of, one of a connection, or any. */
static u64 victim(void)
{
	u32 n = pick(HOSTILE_PORTS + 2);

	if (n < HOSTILE_PORTS && ask.ports[n])
		return ask.ports[n];
	return n == HOSTILE_PORTS ? chance() : conns[pick(CONNS)].peer_port;
}

static u32 odd_number(u32 right)
{
	static const u32 edges[] = { 0, 1, 0x7fffffff, 0x80000000, 0xffffffff };

	switch (pick(4)) {
	case 0:
		return right + pick(3) - 1;
	case 1:
		return edges[pick(ARRAY_SIZE(edges))];
	case 2:
		return chance();
	default:
		return right;
	}
}

static void send(u32 len)
{
	guest_msg_send(HF_PRIMARY_ID, len);
	done.sent++;
}

/* A frame that would be right; what to spoil is the caller's choice. */
static struct seq_frame *frame(const struct conn *c, u8 type)
{
	struct seq_frame *tx = (struct seq_frame *)guest_tx();

	*tx = (struct seq_frame){ .seq = 0 };
	tx->src_port = c->port;
	tx->dst_port = c->peer_port;
	tx->magic = SEQ_MAGIC;
	tx->version = SEQ_VERSION;
	tx->type = type;
	tx->seq = type == SEQ_DATA ? c->sent : 0;
	tx->credit = c->credit;
	return tx;
}

static void send_noise(void)
{
	u64 *word = (u64 *)guest_tx();

	for (u32 i = 0; i < 8; i++)
		word[i] = chance();
	if (pick(2))
		word[1] = victim();
	send(pick(2) ? pick(64) : pick(FFA_MSG_MAX + 1));
}

/* The right magic, and the rest by chance. */
static void send_nearly_right(void)
{
	struct conn *c = &conns[pick(CONNS)];
	struct seq_frame *tx = frame(c, pick(8));

	if (!pick(4))
		tx->src_port = pick(2) ? chance() : conns[pick(CONNS)].port;
	if (!pick(4))
		tx->dst_port = victim();
	if (!pick(8))
		tx->version = pick(4);
	if (!pick(8))
		tx->magic ^= 1u << pick(32);
	if (!pick(4))
		tx->flags = chance();
	tx->seq = odd_number(tx->seq);
	tx->credit = odd_number(tx->credit);
	send(SEQ_HEADER + (pick(2) ? 0 : pick(SEQ_PAYLOAD_MAX + 1)));
}

static void send_truncated(void)
{
	frame(&conns[pick(CONNS)], 1 + pick(6));
	send(pick(SEQ_HEADER));
}

static void send_request(void)
{
	struct conn *c = remember(next_port++, victim());

	c->credit = pick(2) ? 4 : chance();
	frame(c, SEQ_REQUEST);
	send(SEQ_HEADER);
}

/* As many as go, within what the protocol allows, or slightly beyond. */
static void send_data(void)
{
	struct conn *c = &conns[pick(CONNS)];
	u32 n = 1 + pick(4);

	while (n--) {
		frame(c, SEQ_DATA);
		c->sent++;
		send(SEQ_HEADER + pick(64));
	}
}

static void send_credit(void)
{
	struct conn *c = &conns[pick(CONNS)];

	c->credit = odd_number(c->credit + 1);
	frame(c, SEQ_CREDIT);
	send(SEQ_HEADER);
}

static void send_shutdown(void)
{
	frame(&conns[pick(CONNS)], SEQ_SHUTDOWN)->flags = chance();
	send(SEQ_HEADER);
}

static void send_reset(void)
{
	struct seq_frame *tx = frame(&conns[pick(CONNS)], SEQ_RESET);

	if (pick(2))
		tx->dst_port = victim();
	send(SEQ_HEADER);
}

static void send_datagram(void)
{
	struct guest_wire *tx = guest_tx();

	tx->src_port = pick(2) ? asked_port : chance();
	tx->dst_port = victim();
	send(HF_MSG_HEADER + pick(128));
}

static void misbehave(void)
{
	switch (pick(12)) {
	case 0:
		send_noise();
		break;
	case 1:
	case 2:
		send_nearly_right();
		break;
	case 3:
		send_truncated();
		break;
	case 4:
	case 5:
		send_request();
		break;
	case 6:
		send_credit();
		break;
	case 7:
		send_shutdown();
		break;
	case 8:
		send_reset();
		break;
	case 9:
		send_datagram();
		break;
	default:
		send_data();
	}
}

static void accept_request(void)
{
	struct conn *c = remember(in.dst_port, in.src_port);

	c->credit = pick(4) ? 8 : chance();
	frame(c, pick(8) ? SEQ_ACCEPT : SEQ_RESET);
	guest_msg_send(HF_PRIMARY_ID, SEQ_HEADER);
}

static void start(u32 len)
{
	struct guest_wire *wire = (struct guest_wire *)&in;

	if (len < HF_MSG_HEADER + sizeof(ask))
		return;
	memcpy(&ask, wire->payload, sizeof(ask));
	asker_port = wire->src_port;
	asked_port = wire->dst_port;
	state = ask.seed | 1;
	done = (struct hostile_done){ .magic = HOSTILE_DONE };
}

static void take(const struct guest_msg *msg)
{
	u32 len = msg->len;
	struct conn *c;

	memcpy(&in, guest_rx(), len);
	guest_msg_release();
	if (len < SEQ_HEADER || in.magic != SEQ_MAGIC) {
		start(len);
		return;
	}
	if (in.type == SEQ_REQUEST) {
		accept_request();
		return;
	}
	c = find(in.dst_port);
	if (!c)
		return;
	if (in.type == SEQ_ACCEPT)
		done.accepted++;
	/* Mostly gives room again, so that connections live for some time. */
	if (in.type == SEQ_DATA && pick(4)) {
		c->credit++;
		frame(c, SEQ_CREDIT);
		guest_msg_send(HF_PRIMARY_ID, SEQ_HEADER);
	}
}

static void finish(void)
{
	struct guest_wire *tx = guest_tx();

	tx->src_port = asked_port;
	tx->dst_port = asker_port;
	memcpy(tx->payload, &done, sizeof(done));
	guest_msg_send(HF_PRIMARY_ID, HF_MSG_HEADER + sizeof(done));
	ask.count = 0;
}

void guest_main(void)
{
	struct guest_msg msg;

	guest_mailbox_init();
	for (;;) {
		if (!ask.count) {
			if (guest_msg_wait(&msg))
				take(&msg);
			continue;
		}
		while (guest_msg_poll(&msg))
			take(&msg);
		misbehave();
		if (done.sent >= ask.count)
			finish();
	}
}
