// SPDX-License-Identifier: GPL-2.0
/*
 * Vsock_hostile: breaks the rules of virtio-vsock in every way that chance finds.
 *
 * A datagram (struct vsock_hostile_ask of lib/vsock_service.h) starts it. Then it
 * sends so many packets: noise, and packets that are nearly right, with forged
 * CIDs, ports, types, operations, lengths and credit, on connections that exist,
 * existed or never did; it asks for connections and leaves them half open, and
 * floods those that it has. It accepts requests as a rule, and reads while it
 * sends. The same seed makes the same choices as long as the primary does.
 */
#include "guest.h"
#include "vsock.h"
#include "vsock_service.h"

#define CONNS			32
#define FLOOD			48

/* A connection as we believe it to be; the primary may not agree. */
struct conn {
	u32 port, peer_port;
	u16 type;
	bool open;		/* it was accepted, by either */
	u32 window, consumed;
};

static struct conn conns[CONNS];
static struct vsock_hostile_ask ask;
static struct vsock_hostile_done done;
static u64 asker_port, asked_port;
static u32 next_port = 0x1000;
static u64 state = 1;

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

/* One that was accepted, as a rule, if chance finds one: others are soon without effect. */
static struct conn *any_conn(void)
{
	struct conn *c = &conns[pick(CONNS)];

	for (u32 i = 0; i < CONNS && !c->open && pick(8); i++)
		c = &conns[pick(CONNS)];
	return c;
}

static struct conn *find(u32 port)
{
	for (struct conn *c = conns; c < conns + CONNS; c++) {
		if (c->port == port)
			return c;
	}
	return NULL;
}

static struct conn *remember(u32 port, u32 peer_port, u16 type)
{
	struct conn *c = &conns[pick(CONNS)];

	*c = (struct conn){ .port = port, .peer_port = peer_port, .type = type };
	c->window = pick(4) ? VSOCK_WINDOW : chance();
	return c;
}

/* A port of the primary: one we were told of, one of a connection, or any. */
static u32 victim(void)
{
	u32 n = pick(VSOCK_HOSTILE_PORTS + 2);

	if (n < VSOCK_HOSTILE_PORTS && ask.ports[n])
		return ask.ports[n];
	return n == VSOCK_HOSTILE_PORTS ? chance() : any_conn()->peer_port;
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

static u64 odd_cid(u64 right)
{
	static const u64 edges[] = { 0, 1, 2, 3, 4, UINT32_MAX, UINT64_MAX, 1ull << 32 };

	switch (pick(3)) {
	case 0:
		return edges[pick(ARRAY_SIZE(edges))];
	case 1:
		return right | (u64)pick(8) << 32;
	default:
		return chance();
	}
}

static void send(u32 len)
{
	guest_msg_send(HF_PRIMARY_ID, len);
	done.sent++;
}

/* A packet that would be right; what to spoil is the caller's choice. */
static struct vsock_packet *packet(const struct conn *c, u16 op, u32 len)
{
	struct vsock_packet *tx = (struct vsock_packet *)guest_tx();

	tx->hf_src = VSOCK_HF_PORT;
	tx->hf_dst = VSOCK_HF_PORT;
	tx->src_cid = vsock_cid();
	tx->dst_cid = VSOCK_CID_HOST;
	tx->src_port = c->port;
	tx->dst_port = c->peer_port;
	tx->len = len;
	tx->type = c->type;
	tx->op = op;
	tx->flags = 0;
	tx->buf_alloc = c->window;
	tx->fwd_cnt = c->consumed;
	return tx;
}

static void put(const struct conn *c, u16 op, u32 len)
{
	packet(c, op, len);
	send(VSOCK_HEADER + len);
}

static void send_noise(void)
{
	u64 *word = (u64 *)guest_tx();

	for (u32 i = 0; i < 12; i++)
		word[i] = chance();
	if (pick(2)) {
		word[0] = VSOCK_HF_PORT;
		word[1] = VSOCK_HF_PORT;
	}
	send(pick(2) ? pick(96) : pick(FFA_MSG_MAX + 1));
}

/* One or a few fields are wrong. */
static void send_nearly_right(void)
{
	u32 len = pick(2) ? 0 : pick(VSOCK_PAYLOAD_MAX + 1);
	struct vsock_packet *tx = packet(any_conn(), pick(9), len);

	if (!pick(6))
		tx->src_cid = odd_cid(tx->src_cid);
	if (!pick(6))
		tx->dst_cid = odd_cid(tx->dst_cid);
	if (!pick(4))
		tx->src_port = pick(2) ? chance() : any_conn()->port;
	if (!pick(4))
		tx->dst_port = victim();
	if (!pick(6))
		tx->type = pick(2) ? pick(4) : chance();
	if (!pick(12))
		tx->op = chance();
	if (!pick(4))
		tx->flags = pick(2) ? pick(8) : chance();
	if (!pick(4))
		tx->len = odd_number(tx->len);
	if (!pick(8))
		tx->hf_src = chance();
	tx->buf_alloc = odd_number(tx->buf_alloc);
	tx->fwd_cnt = odd_number(tx->fwd_cnt);
	send(VSOCK_HEADER + len);
}

static void send_truncated(void)
{
	packet(any_conn(), 1 + pick(7), pick(2) ? 0 : pick(64));
	send(pick(VSOCK_HEADER));
}

/* Whether it is accepted is of no interest: many stay half open. */
static void send_request(void)
{
	u32 n = pick(2);

	if (pick(2))
		put(remember(next_port++, ask.ports[n], 1 + n), VSOCK_REQUEST, 0);
	else
		put(remember(next_port++, victim(), 1 + pick(2)), VSOCK_REQUEST, 0);
}

/* A request that is sent again, from the port of a connection there is. */
static void send_request_again(void)
{
	put(any_conn(), VSOCK_REQUEST, 0);
}

/* More than a window, in small and large packets, with ends of messages or without. */
static void send_flood(void)
{
	struct conn *c = any_conn();
	u32 most = pick(2) ? VSOCK_PAYLOAD_MAX : 16;
	u32 ends = pick(3);

	for (u32 n = pick(FLOOD); n; n--) {
		u32 len = pick(most + 1);

		packet(c, VSOCK_RW, len)->flags = ends == 0 ? 0 : ends == 1 ? pick(4) : VSOCK_EOM;
		send(VSOCK_HEADER + len);
	}
}

static void send_data(void)
{
	struct conn *c = any_conn();

	packet(c, VSOCK_RW, 64)->flags = VSOCK_EOM;
	send(VSOCK_HEADER + 64);
}

/* Claims to have dealt with what was never sent, or takes its room back. */
static void send_credit(void)
{
	struct conn *c = any_conn();

	c->window = odd_number(c->window);
	c->consumed = odd_number(c->consumed);
	put(c, pick(2) ? VSOCK_CREDIT_UPDATE : VSOCK_CREDIT_REQUEST, 0);
}

static void send_credit_requests(void)
{
	struct conn *c = any_conn();

	for (u32 n = pick(FLOOD); n; n--)
		put(c, VSOCK_CREDIT_REQUEST, 0);
}

static void send_shutdown(void)
{
	packet(any_conn(), VSOCK_SHUTDOWN, 0)->flags = pick(2) ? pick(4) : chance();
	send(VSOCK_HEADER);
}

static void send_reset(void)
{
	struct vsock_packet *tx = packet(any_conn(), VSOCK_RST, 0);

	if (pick(2))
		tx->dst_port = victim();
	send(VSOCK_HEADER);
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
	switch (pick(16)) {
	case 0:
		send_noise();
		break;
	case 1:
	case 2:
	case 3:
		send_nearly_right();
		break;
	case 4:
		send_truncated();
		break;
	case 5:
	case 6:
		send_request();
		break;
	case 7:
		send_request_again();
		break;
	case 8:
		send_credit();
		break;
	case 9:
		send_shutdown();
		break;
	case 10:
		send_reset();
		break;
	case 11:
		send_datagram();
		break;
	case 12:
		send_flood();
		break;
	case 13:
		send_credit_requests();
		break;
	default:
		send_data();
	}
}

static void start(const struct guest_wire *wire, u32 len)
{
	if (len < HF_MSG_HEADER + sizeof(ask))
		return;
	memcpy(&ask, wire->payload, sizeof(ask));
	asker_port = wire->src_port;
	asked_port = wire->dst_port;
	state = ask.seed * 2 + 1;
	done = (struct vsock_hostile_done){ .magic = VSOCK_HOSTILE_DONE };
}

/* Mostly gives room again, so that connections live for some time. */
static void take_data(struct conn *c, u32 len)
{
	c->consumed += len;
	if (pick(4)) {
		packet(c, VSOCK_CREDIT_UPDATE, 0);
		guest_msg_send(HF_PRIMARY_ID, VSOCK_HEADER);
	}
}

static void take(u32 len)
{
	const struct vsock_packet *p = (const struct vsock_packet *)guest_rx();
	struct conn *c;

	if (p->hf_dst != VSOCK_HF_PORT) {
		start(guest_rx(), len);
		return;
	}
	if (len < VSOCK_HEADER)
		return;
	c = find(p->dst_port);
	if (p->op == VSOCK_REQUEST) {
		c = remember(p->dst_port, p->src_port, p->type);
		c->open = pick(8);
		packet(c, c->open ? VSOCK_RESPONSE : VSOCK_RST, 0);
		guest_msg_send(HF_PRIMARY_ID, VSOCK_HEADER);
	} else if (p->op == VSOCK_RST) {
		done.reset++;
		if (c)
			c->open = false;
	} else if (c && p->op == VSOCK_RESPONSE) {
		done.accepted++;
		c->open = true;
	} else if (c && p->op == VSOCK_RW) {
		take_data(c, p->len);
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
		if (ask.count ? guest_msg_poll(&msg) : guest_msg_wait(&msg)) {
			take(msg.len);
			guest_msg_release();
		}
		if (!ask.count)
			continue;
		misbehave();
		if (done.sent >= ask.count)
			finish();
	}
}
