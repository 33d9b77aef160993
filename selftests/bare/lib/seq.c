// SPDX-License-Identifier: GPL-2.0
/*
 * SEQPACKET connections for a guest, over the mailbox.
 *
 * Owns the table of connections. A connection is {VM, our port, its port}.
 * Invariant: we never send beyond the peer's credit, and a peer that sends
 * beyond ours, or out of order, is reset. Does not queue: what to do with a
 * message, and when to send one, is the payload's business.
 */
#include "guest.h"
#include "seq.h"

static struct seq_conn conns[SEQ_CONNS];

unsigned int seq_index(const struct seq_conn *c)
{
	return c - conns;
}

struct seq_conn *seq_at(unsigned int index)
{
	return &conns[index];
}

static struct seq_conn *find(u16 vm, u64 port, u64 peer_port)
{
	for (struct seq_conn *c = conns; c < conns + SEQ_CONNS; c++) {
		if (c->state != SEQ_FREE && c->peer_port == peer_port && c->port == port &&
		    c->vm == vm)
			return c;
	}
	return NULL;
}

static struct seq_conn *create(u16 vm, u64 port, u64 peer_port)
{
	for (struct seq_conn *c = conns; c < conns + SEQ_CONNS; c++) {
		if (c->state == SEQ_FREE) {
			*c = (struct seq_conn){ .vm = vm, .port = port, .peer_port = peer_port };
			return c;
		}
	}
	return NULL;
}

static void put(const struct seq_conn *c, u8 type, u16 flags, const void *data, u32 len)
{
	struct seq_frame *tx = (struct seq_frame *)guest_tx();

	tx->src_port = c->port;
	tx->dst_port = c->peer_port;
	tx->magic = SEQ_MAGIC;
	tx->version = SEQ_VERSION;
	tx->type = type;
	tx->flags = flags;
	tx->seq = type == SEQ_DATA ? c->sent : 0;
	tx->credit = c->credit;
	memcpy(tx->payload, data, len);
	guest_msg_send(c->vm, SEQ_HEADER + len);
}

static void put_control(struct seq_conn *c, u8 type, u16 flags)
{
	c->told = c->credit;
	put(c, type, flags, NULL, 0);
}

static void end(struct seq_conn *c, enum seq_event event)
{
	seq_on_event(c, event);
	c->state = SEQ_FREE;
}

static void breach(struct seq_conn *c)
{
	put_control(c, SEQ_RESET, 0);
	end(c, SEQ_BROKEN);
}

static bool is_over(const struct seq_conn *c)
{
	bool out = c->shut & SEQ_SHUT_SEND || c->peer_shut & SEQ_SHUT_RECV;
	bool in = c->shut & SEQ_SHUT_RECV || c->peer_shut & SEQ_SHUT_SEND;

	return out && in;
}

/* A frame for no connection: a request is answered, a stray is turned away. */
static void stranger(u16 vm, const struct seq_frame *f)
{
	struct seq_conn none = { .vm = vm, .port = f->dst_port, .peer_port = f->src_port };
	struct seq_conn *c;

	if (f->type == SEQ_CREDIT || f->type == SEQ_SHUTDOWN || f->type == SEQ_RESET)
		return;
	c = NULL;
	if (f->type == SEQ_REQUEST && f->version == SEQ_VERSION)
		c = create(vm, f->dst_port, f->src_port);
	if (c) {
		c->may_send = f->credit;
		c->window = seq_on_request(c);
		c->credit = c->window;
	}
	if (!c || !c->window) {
		put_control(&none, SEQ_RESET, 0);
		return;
	}
	c->state = SEQ_OPEN;
	put_control(c, SEQ_ACCEPT, 0);
	seq_on_accepted(c);
}

static void take_data(struct seq_conn *c, const struct seq_frame *f, u32 len)
{
	if (f->seq != c->received || (s32)(c->credit - f->seq) <= 0 ||
	    c->peer_shut & SEQ_SHUT_SEND) {
		breach(c);
		return;
	}
	c->received++;
	if (c->shut & SEQ_SHUT_RECV)
		seq_consumed(c);
	else
		seq_on_data(c, f->payload, len - SEQ_HEADER);
}

static void take_credit(struct seq_conn *c, u32 credit)
{
	if ((s32)(credit - c->may_send) <= 0)
		return;
	c->may_send = credit;
	if (c->state == SEQ_OPEN)
		seq_on_event(c, SEQ_WRITABLE);
}

static void take(struct seq_conn *c, const struct seq_frame *f, u32 len)
{
	take_credit(c, f->credit);
	switch (f->type) {
	case SEQ_ACCEPT:
		if (c->state == SEQ_CONNECTING) {
			c->state = SEQ_OPEN;
			seq_on_event(c, SEQ_OPENED);
		}
		return;
	case SEQ_DATA:
		take_data(c, f, len);
		return;
	case SEQ_CREDIT:
		return;
	case SEQ_SHUTDOWN:
		c->peer_shut |= f->flags & SEQ_SHUT_BOTH;
		if (is_over(c))
			end(c, SEQ_ENDED);
		else
			seq_on_event(c, SEQ_HALF_SHUT);
		return;
	case SEQ_REQUEST:
		/* The peer was started anew and knows nothing of this one. */
		end(c, SEQ_BROKEN);
		stranger(c->vm, f);
		return;
	default:
		breach(c);
	}
}

bool seq_input(u16 vm, const struct seq_frame *f, u32 len)
{
	struct seq_conn *c;

	if (len < SEQ_HEADER || f->magic != SEQ_MAGIC)
		return false;
	c = find(vm, f->dst_port, f->src_port);
	if (!c)
		stranger(vm, f);
	else if (f->type == SEQ_RESET)
		end(c, c->state == SEQ_CONNECTING ? SEQ_REFUSED : SEQ_BROKEN);
	else if (f->version != SEQ_VERSION || (c->state != SEQ_OPEN && f->type != SEQ_ACCEPT))
		breach(c);
	else
		take(c, f, len);
	return true;
}

struct seq_conn *seq_connect(u16 vm, u64 port, u64 peer_port, u32 window)
{
	struct seq_conn *c = find(vm, port, peer_port) ? NULL : create(vm, port, peer_port);

	if (!c)
		return NULL;
	c->state = SEQ_CONNECTING;
	c->window = window;
	c->credit = window;
	put_control(c, SEQ_REQUEST, 0);
	return c;
}

bool seq_can_send(const struct seq_conn *c)
{
	return c->state == SEQ_OPEN && !(c->shut & SEQ_SHUT_SEND) &&
	       !(c->peer_shut & SEQ_SHUT_RECV) && (s32)(c->may_send - c->sent) > 0;
}

bool seq_send(struct seq_conn *c, const void *data, u32 len)
{
	if (!seq_can_send(c) || len > SEQ_PAYLOAD_MAX)
		return false;
	c->told = c->credit;
	put(c, SEQ_DATA, 0, data, len);
	c->sent++;
	return true;
}

void seq_consumed(struct seq_conn *c)
{
	c->credit++;
}

/* A frame for each message would double the traffic. */
void seq_tell(struct seq_conn *c)
{
	if (c->state == SEQ_OPEN && c->credit != c->told &&
	    2 * (c->credit - c->told) >= c->window)
		put_control(c, SEQ_CREDIT, 0);
}

void seq_shutdown(struct seq_conn *c, u16 flags)
{
	c->shut |= flags;
	put_control(c, SEQ_SHUTDOWN, c->shut);
	if (is_over(c))
		end(c, SEQ_ENDED);
}

void seq_reset(struct seq_conn *c)
{
	put_control(c, SEQ_RESET, 0);
	seq_forget(c);
}

void seq_forget(struct seq_conn *c)
{
	c->state = SEQ_FREE;
}
