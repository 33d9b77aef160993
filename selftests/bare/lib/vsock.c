// SPDX-License-Identifier: GPL-2.0
/*
 * virtio-vsock for a guest, over the mailbox; see vsock.h.
 *
 * Owns the table of connections. The peer is always the primary VM, so that a
 * connection is {our port, its port}. Invariant: no byte is sent beyond the
 * peer's credit, and a peer that sends beyond ours is reset. Does not queue,
 * and has no clock: a peer that never confirms a close keeps its slot until
 * it connects again from the same port.
 */
#include "guest.h"
#include "vsock.h"

static struct vsock_conn conns[VSOCK_CONNS];
/* Where the last packet went, and where the next connection goes. */
static unsigned int last_found, next_slot;
static u64 own_cid;

unsigned int vsock_index(const struct vsock_conn *c)
{
	return c - conns;
}

struct vsock_conn *vsock_at(unsigned int index)
{
	return &conns[index];
}

u64 vsock_cid(void)
{
	return own_cid ? own_cid : (u64)guest_id() + VSOCK_CID_BASE;
}

static bool is_between(const struct vsock_conn *c, u32 port, u32 peer_port)
{
	return c->state != VSOCK_FREE && c->peer_port == peer_port && c->port == port;
}

static struct vsock_conn *find(u32 port, u32 peer_port)
{
	if (is_between(&conns[last_found], port, peer_port))
		return &conns[last_found];
	for (struct vsock_conn *c = conns; c < conns + VSOCK_CONNS; c++) {
		if (is_between(c, port, peer_port)) {
			last_found = vsock_index(c);
			return c;
		}
	}
	return NULL;
}

/* In turn, so that what the payload keeps of an old connection lives for some time. */
static struct vsock_conn *create(u16 type, u32 port, u32 peer_port)
{
	for (unsigned int i = 0; i < VSOCK_CONNS; i++) {
		struct vsock_conn *c = &conns[next_slot];

		next_slot = (next_slot + 1) % VSOCK_CONNS;
		if (c->state == VSOCK_FREE) {
			*c = (struct vsock_conn){ .type = type, .port = port,
						  .peer_port = peer_port };
			return c;
		}
	}
	return NULL;
}

static void put(struct vsock_conn *c, enum vsock_op op, u32 flags, const void *data, u32 len)
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
	tx->flags = flags;
	tx->buf_alloc = c->window;
	tx->fwd_cnt = c->consumed;
	c->told = c->consumed;
	memcpy(tx->payload, data, len);
	guest_msg_send(HF_PRIMARY_ID, VSOCK_HEADER + len);
}

static void put_control(struct vsock_conn *c, enum vsock_op op)
{
	put(c, op, 0, NULL, 0);
}

static void end(struct vsock_conn *c, enum vsock_event event)
{
	vsock_on_event(c, event);
	c->state = VSOCK_FREE;
}

static void breach(struct vsock_conn *c)
{
	put_control(c, VSOCK_RST);
	end(c, c->state == VSOCK_CONNECTING ? VSOCK_REFUSED : VSOCK_BROKEN);
}

static void take_credit(struct vsock_conn *c, const struct vsock_packet *p)
{
	c->peer_window = p->buf_alloc;
	c->peer_consumed = p->fwd_cnt;
}

/* A packet for no connection: a request is answered, all others are turned away. */
static void stranger(const struct vsock_packet *p)
{
	struct vsock_conn none = { .type = p->type, .port = p->dst_port,
				   .peer_port = p->src_port };
	struct vsock_conn *c = NULL;

	if (p->op == VSOCK_RST)
		return;
	if (p->op == VSOCK_REQUEST && (p->type == VSOCK_STREAM || p->type == VSOCK_SEQPACKET))
		c = create(p->type, p->dst_port, p->src_port);
	if (c) {
		take_credit(c, p);
		c->window = vsock_on_request(c);
	}
	if (!c || !c->window) {
		put_control(&none, VSOCK_RST);
		return;
	}
	c->state = VSOCK_OPEN;
	put_control(c, VSOCK_RESPONSE);
	vsock_on_event(c, VSOCK_OPENED);
}

static void take_data(struct vsock_conn *c, const struct vsock_packet *p)
{
	if (p->len > c->window - (c->received - c->consumed) || c->peer_shut & VSOCK_SHUT_SEND) {
		breach(c);
		return;
	}
	c->received += p->len;
	if (c->shut & VSOCK_SHUT_RECV)
		vsock_consumed(c, p->len);
	else
		vsock_on_data(c, p->payload, p->len, p->flags);
	vsock_tell(c);
}

static void take_shutdown(struct vsock_conn *c, u32 flags)
{
	c->peer_shut |= flags & VSOCK_SHUT_BOTH;
	if (c->peer_shut == VSOCK_SHUT_BOTH) {
		put_control(c, VSOCK_RST);
		end(c, VSOCK_ENDED);
	} else if (c->state == VSOCK_OPEN) {
		vsock_on_event(c, VSOCK_HALF_SHUT);
	}
}

/* The peer's answer to our request, or to our close. */
static bool take_answer(struct vsock_conn *c, const struct vsock_packet *p)
{
	if (p->op == VSOCK_RST) {
		end(c, c->state == VSOCK_CONNECTING ? VSOCK_REFUSED :
		    c->state == VSOCK_CLOSING ? VSOCK_ENDED : VSOCK_BROKEN);
		return true;
	}
	if (c->state == VSOCK_CONNECTING && p->op == VSOCK_RESPONSE) {
		c->state = VSOCK_OPEN;
		take_credit(c, p);
		vsock_on_event(c, VSOCK_OPENED);
		return true;
	}
	return false;
}

static void take(struct vsock_conn *c, const struct vsock_packet *p)
{
	u32 room = vsock_room(c);

	take_credit(c, p);
	switch (p->op) {
	case VSOCK_REQUEST:
		/* The peer was started anew and knows nothing of this one. */
		end(c, VSOCK_BROKEN);
		stranger(p);
		return;
	case VSOCK_RW:
		take_data(c, p);
		break;
	case VSOCK_SHUTDOWN:
		take_shutdown(c, p->flags);
		break;
	case VSOCK_CREDIT_REQUEST:
		put_control(c, VSOCK_CREDIT_UPDATE);
		break;
	case VSOCK_CREDIT_UPDATE:
		break;
	default:
		breach(c);
	}
	if (c->state == VSOCK_OPEN && vsock_room(c) > room)
		vsock_on_event(c, VSOCK_WRITABLE);
}

bool vsock_input(u16 vm, u32 len)
{
	const struct vsock_packet *p = (const struct vsock_packet *)guest_rx();
	struct vsock_conn *c;

	if (len < HF_MSG_HEADER || p->hf_src != VSOCK_HF_PORT || p->hf_dst != VSOCK_HF_PORT)
		return false;
	if (vm != HF_PRIMARY_ID || len < VSOCK_HEADER || p->len != len - VSOCK_HEADER ||
	    p->src_cid != VSOCK_CID_HOST)
		return true;
	own_cid = p->dst_cid;
	c = find(p->dst_port, p->src_port);
	if (!c)
		stranger(p);
	else if (p->type != c->type && p->op != VSOCK_REQUEST)
		breach(c);
	else if (take_answer(c, p))
		;
	else if (c->state == VSOCK_CONNECTING && p->op != VSOCK_REQUEST)
		breach(c);
	else
		take(c, p);
	return true;
}

struct vsock_conn *vsock_connect(enum vsock_type type, u32 port, u32 peer_port, u32 window)
{
	struct vsock_conn *c = find(port, peer_port) ? NULL : create(type, port, peer_port);

	if (!c)
		return NULL;
	c->state = VSOCK_CONNECTING;
	c->window = window;
	put_control(c, VSOCK_REQUEST);
	return c;
}

u32 vsock_room(const struct vsock_conn *c)
{
	u32 used = c->sent - c->peer_consumed;

	if (c->state != VSOCK_OPEN || c->shut & VSOCK_SHUT_SEND ||
	    c->peer_shut & VSOCK_SHUT_RECV || used >= c->peer_window)
		return 0;
	return c->peer_window - used;
}

u32 vsock_send(struct vsock_conn *c, const void *data, u32 len, u32 flags)
{
	u32 room = vsock_room(c);
	u32 todo = len < room ? len : room;
	u32 done, n;

	/* A stream has no ends; the flags would be an error. */
	if (c->type == VSOCK_STREAM)
		flags = 0;
	for (done = 0; done < todo; done += n) {
		n = todo - done;
		if (n > VSOCK_PAYLOAD_MAX)
			n = VSOCK_PAYLOAD_MAX;
		put(c, VSOCK_RW, done + n == len ? flags : 0, (const u8 *)data + done, n);
		c->sent += n;
	}
	return done;
}

void vsock_consumed(struct vsock_conn *c, u32 len)
{
	c->consumed += len;
}

/* A packet for each of the peer's would double the traffic. */
void vsock_tell(struct vsock_conn *c)
{
	if (c->state == VSOCK_OPEN && c->consumed != c->told &&
	    2 * (c->consumed - c->told) >= c->window)
		put_control(c, VSOCK_CREDIT_UPDATE);
}

void vsock_shutdown(struct vsock_conn *c, u32 flags)
{
	if (c->state != VSOCK_OPEN)
		return;
	c->shut |= flags & VSOCK_SHUT_BOTH;
	if (c->shut == VSOCK_SHUT_BOTH)
		c->state = VSOCK_CLOSING;
	put(c, VSOCK_SHUTDOWN, c->shut, NULL, 0);
}

void vsock_close(struct vsock_conn *c)
{
	vsock_shutdown(c, VSOCK_SHUT_BOTH);
}

void vsock_reset(struct vsock_conn *c)
{
	put_control(c, VSOCK_RST);
	vsock_forget(c);
}

void vsock_forget(struct vsock_conn *c)
{
	c->state = VSOCK_FREE;
}
