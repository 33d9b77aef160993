// SPDX-License-Identifier: GPL-2.0
/*
 * Seq: serves SEQPACKET connections, one behaviour per port, and opens some
 * itself when asked; lib/seq_service.h says which. Datagrams, too.
 *
 * One loop both sends and receives: while there is something that may be
 * sent, it asks for messages without blocking, else it waits in FFA_MSG_WAIT.
 */
#include "guest.h"
#include "seq.h"
#include "seq_queue.h"
#include "seq_service.h"
#include "testcall.h"

#define ECHO_WINDOW		8

/* Of connections that we open; few enough that the pool has them. */
#define BACK_WINDOW		1
#define BACK_FIRST_PORT		0x1000

#define BURSTS			8
#define BURST_MAX		20000	/* a count above it is noise, and would never end */

/* What belongs to a connection, at the same index. */
struct work {
	u16 service;		/* the port whose behaviour it has */
	u16 mode;		/* SEQ_PORT_BACK's, of a connection that we opened */
	bool ours;
	bool finish;		/* send no more once all is out */
	struct seq_queue queue;	/* to be sent back */
	u64 left, number, size;	/* numbered messages to be sent */
	struct seq_sum sum;
	struct seq_report report;	/* on those that it asked us to open */
	bool news;			/* the report has changed */
	struct seq_conn *asker;		/* of one that we opened; NULL = a datagram */
	bool orphan;			/* the asker is gone */
};

/* Numbered datagrams to be sent. */
struct burst {
	u64 port, left, number, size;
};

static struct work works[SEQ_CONNS];
static struct burst bursts[BURSTS];
static u64 raw_asker, back_asker;
static struct seq_report back_report;
static struct seq_frame in __attribute__((aligned(8)));
static u8 numbered[HF_MSG_PAYLOAD_MAX] __attribute__((aligned(8)));

static struct work *work_of(const struct seq_conn *c)
{
	return &works[seq_index(c)];
}

static u64 clamp_size(u64 size, u64 most)
{
	if (size < SEQ_NUMBERED_MIN)
		return SEQ_NUMBERED_MIN;
	return size > most ? most : size;
}

static struct work *begin(struct seq_conn *c, u16 service, u32 promised)
{
	struct work *w = work_of(c);

	*w = (struct work){ .service = service };
	seq_queue_init(&w->queue, promised);
	return w;
}

static void forget_work(struct work *w)
{
	seq_queue_destroy(&w->queue);
	w->left = 0;
	w->service = 0;
}

/* The counts on connections that were opened like this one; sent when there is room. */
static struct seq_report *report_of(struct work *w)
{
	if (!w->asker)
		return &back_report;
	work_of(w->asker)->news = true;
	return &work_of(w->asker)->report;
}

static void report_datagram(struct work *w)
{
	struct guest_wire *tx = guest_tx();

	if (w->asker || w->orphan || !back_asker)
		return;
	tx->src_port = SEQ_PORT_BACK_DGRAM;
	tx->dst_port = back_asker;
	memcpy(tx->payload, &back_report, sizeof(back_report));
	guest_msg_send(HF_PRIMARY_ID, HF_MSG_HEADER + sizeof(back_report));
}

/* The asker is gone: nobody is told any more, and nothing held. */
static void forget_asker(struct seq_conn *asker)
{
	for (struct work *w = works; w < works + SEQ_CONNS; w++) {
		if (w->service && w->asker == asker) {
			w->asker = NULL;
			w->orphan = true;
			w->finish = w->mode == SEQ_BACK_HOLD;
		}
	}
}

static u32 echo_window(u64 port)
{
	return port == SEQ_PORT_ECHO ? ECHO_WINDOW : port == SEQ_PORT_SLOW;
}

u32 seq_on_request(struct seq_conn *c)
{
	struct work *w = begin(c, c->port, echo_window(c->port));

	switch (c->port) {
	case SEQ_PORT_ECHO:
	case SEQ_PORT_SLOW:
		return w->queue.promised;
	case SEQ_PORT_DEAF:
		return SEQ_DEAF_WINDOW;
	case SEQ_PORT_SOURCE:
	case SEQ_PORT_CLOSE:
	case SEQ_PORT_BREAK:
	case SEQ_PORT_HALF:
	case SEQ_PORT_BACK:
		return 4;
	case SEQ_PORT_SINK:
		return 32;
	default:
		forget_work(w);
		return 0;
	}
}

void seq_on_accepted(struct seq_conn *c)
{
	if (c->port == SEQ_PORT_CLOSE)
		seq_shutdown(c, SEQ_SHUT_BOTH);
}

static void open_back(const struct seq_back *b, struct seq_conn *asker)
{
	static u64 next_port = BACK_FIRST_PORT;
	u16 service = b->mode == SEQ_BACK_ECHO ? SEQ_PORT_ECHO : SEQ_PORT_BACK;
	struct seq_conn *c = seq_connect(HF_PRIMARY_ID, next_port++, b->port, BACK_WINDOW);
	struct work *w;

	if (!c)
		return;
	w = begin(c, service, service == SEQ_PORT_ECHO ? BACK_WINDOW : 0);
	w->ours = true;
	w->mode = b->mode;
	w->asker = asker;
	w->left = b->mode == SEQ_BACK_SEND ? b->count : b->mode == SEQ_BACK_REBOOT;
	w->finish = b->mode == SEQ_BACK_SEND;
	w->size = clamp_size(b->size, SEQ_PAYLOAD_MAX);
}

static void open_mute(const struct seq_back *b)
{
	static u64 next_port = SEQ_PORT_UNSERVED;
	struct seq_conn *c = seq_connect(HF_PRIMARY_ID, next_port++, b->port, 1);

	if (c)
		seq_forget(c);
}

static void command(const void *data, u32 len, struct seq_conn *asker)
{
	struct seq_back b = { .size = 0 };
	u64 n;

	memcpy(&b, data, len < sizeof(b) ? len : sizeof(b));
	if (!b.port)
		b.port = back_asker;
	n = b.mode == SEQ_BACK_HOLD || b.mode == SEQ_BACK_MUTE ? b.count : 1;
	while (n--) {
		if (b.mode == SEQ_BACK_MUTE)
			open_mute(&b);
		else
			open_back(&b, asker);
	}
}

static void ask_source(struct work *w, const void *data, u32 len)
{
	struct seq_ask ask = { 0 };

	memcpy(&ask, data, len < sizeof(ask) ? len : sizeof(ask));
	w->left = ask.count;
	w->size = clamp_size(ask.size, SEQ_PAYLOAD_MAX);
	w->finish = true;
}

static void echo(struct seq_conn *c, const void *data, u32 len)
{
	struct work *w = work_of(c);

	if (c->peer_shut & SEQ_SHUT_RECV) {
		seq_consumed(c);
	} else if (seq_queue_is_empty(&w->queue) && seq_can_send(c)) {
		seq_consumed(c);
		seq_send(c, data, len);
	} else {
		seq_queue_add(&w->queue, data, len);
	}
}

void seq_on_data(struct seq_conn *c, const void *data, u32 len)
{
	struct work *w = work_of(c);

	switch (w->service) {
	case SEQ_PORT_ECHO:
	case SEQ_PORT_SLOW:
		echo(c, data, len);
		return;
	case SEQ_PORT_DEAF:
		return;
	case SEQ_PORT_BREAK:
		forget_work(w);
		seq_reset(c);
		return;
	case SEQ_PORT_SOURCE:
		ask_source(w, data, len);
		break;
	case SEQ_PORT_HALF:
		w->finish = true;
		break;
	case SEQ_PORT_SINK:
		w->sum.count++;
		w->sum.bytes += len;
		w->sum.sum = seq_mix(w->sum.sum, data, len);
		break;
	case SEQ_PORT_BACK:
		if (!w->ours)
			command(data, len, c);
		break;
	}
	seq_consumed(c);
	seq_tell(c);
}

static void peer_half_shut(struct seq_conn *c)
{
	struct work *w = work_of(c);

	if (c->peer_shut & SEQ_SHUT_RECV) {
		seq_queue_clear(&w->queue);
		w->left = 0;
		w->finish = true;
		return;
	}
	if (w->service == SEQ_PORT_SINK && !w->finish)
		seq_send(c, &w->sum, sizeof(w->sum));
	/* A source goes on, and so does one who never reads. */
	if (w->service != SEQ_PORT_DEAF && w->service != SEQ_PORT_SOURCE)
		w->finish = true;
}

static void opened(struct seq_conn *c)
{
	struct work *w = work_of(c);

	report_of(w)->opened++;
	report_datagram(w);
	if (w->mode == SEQ_BACK_RESET) {
		forget_work(w);
		seq_reset(c);
	}
}

static void back_is_over(struct work *w, enum seq_event event)
{
	struct seq_report *r = report_of(w);

	r->refused += event == SEQ_REFUSED;
	r->ended += event == SEQ_ENDED;
	r->broken += event == SEQ_BROKEN;
	report_datagram(w);
}

void seq_on_event(struct seq_conn *c, enum seq_event event)
{
	struct work *w = work_of(c);

	switch (event) {
	case SEQ_WRITABLE:
		return;
	case SEQ_OPENED:
		opened(c);
		return;
	case SEQ_HALF_SHUT:
		peer_half_shut(c);
		return;
	default:
		break;
	}
	if (w->ours)
		back_is_over(w, event);
	if (w->service == SEQ_PORT_BACK && !w->ours)
		forget_asker(c);
	forget_work(w);
}

/* The VM forgets the connection, as if it were started anew, and asks again. */
static void reboot(struct seq_conn *c)
{
	struct work *w = work_of(c);
	u64 port = c->port, peer_port = c->peer_port;
	struct seq_conn *asker = w->asker;

	forget_work(w);
	seq_forget(c);
	c = seq_connect(HF_PRIMARY_ID, port, peer_port, 1);
	if (!c)
		return;
	w = begin(c, SEQ_PORT_BACK, 0);
	w->ours = true;
	w->mode = SEQ_BACK_HOLD;
	w->asker = asker;
}

/* Sends a message of that connection, if it has one and may. */
static bool pump_connection(struct seq_conn *c, struct work *w)
{
	u32 len;

	if (w->news && seq_can_send(c)) {
		w->news = false;
		seq_send(c, &w->report, sizeof(w->report));
		return true;
	}
	if (!seq_queue_is_empty(&w->queue) && seq_can_send(c)) {
		const void *data = seq_queue_first(&w->queue, &len);

		seq_consumed(c);
		seq_send(c, data, len);
		seq_queue_drop(&w->queue);
		return true;
	}
	if (w->left && seq_can_send(c)) {
		seq_number(numbered, w->size, w->number++);
		w->left--;
		seq_send(c, numbered, w->size);
		if (!w->left && w->mode == SEQ_BACK_REBOOT)
			reboot(c);
		return true;
	}
	if (w->finish && !w->left && seq_queue_is_empty(&w->queue) && c->state == SEQ_OPEN &&
	    !(c->shut & SEQ_SHUT_SEND))
		seq_shutdown(c, w->mode == SEQ_BACK_HOLD ? SEQ_SHUT_BOTH : SEQ_SHUT_SEND);
	return false;
}

static bool pump_burst(struct burst *b)
{
	struct guest_wire *tx = guest_tx();

	if (!b->left)
		return false;
	tx->src_port = SEQ_PORT_BURST;
	tx->dst_port = b->port;
	seq_number(tx->payload, b->size, b->number++);
	b->left--;
	guest_msg_send(HF_PRIMARY_ID, HF_MSG_HEADER + b->size);
	return true;
}

static void start_burst(const void *data, u32 len, u64 asker_port)
{
	struct seq_back ask = { .size = 0 };

	memcpy(&ask, data, len < sizeof(ask) ? len : sizeof(ask));
	if (ask.count > BURST_MAX)
		return;
	for (struct burst *b = bursts; b < bursts + BURSTS; b++) {
		if (!b->left) {
			b->port = ask.port ? ask.port : asker_port;
			b->left = ask.count;
			b->number = 0;
			b->size = clamp_size(ask.size, HF_MSG_PAYLOAD_MAX);
			return;
		}
	}
}

/* Gives up its time, but looks at nothing. */
static void nap(const void *data, u32 len)
{
	u64 ms = 0, end;

	memcpy(&ms, data, len < sizeof(ms) ? len : sizeof(ms));
	end = guest_ticks() + guest_ns_to_ticks(ms * 1000000);
	while (guest_ticks() < end)
		guest_yield();
}

static void take_datagram(u16 from, u32 len)
{
	struct guest_wire *wire = (struct guest_wire *)&in;
	struct guest_wire *tx = guest_tx();
	u32 payload = len - HF_MSG_HEADER;

	switch (wire->dst_port) {
	case SEQ_PORT_ECHO:
		tx->src_port = wire->dst_port;
		tx->dst_port = wire->src_port;
		memcpy(tx->payload, wire->payload, payload);
		guest_msg_send(from, len);
		return;
	case SEQ_PORT_BURST:
		start_burst(wire->payload, payload, wire->src_port);
		return;
	case SEQ_PORT_BACK_DGRAM:
		back_asker = wire->src_port;
		back_report = (struct seq_report){ 0 };
		command(wire->payload, payload, NULL);
		return;
	case SEQ_PORT_RAW:
		raw_asker = wire->src_port;
		memcpy(tx, wire->payload, payload);
		guest_msg_send(from, payload);
		return;
	case SEQ_PORT_NAP:
		nap(wire->payload, payload);
		return;
	case SEQ_PORT_DIE:
		guest_call(HFT_KILL, 0, 0, 0, 0);
		return;
	}
}

/* For a port where the test plays the guest's part. */
static void pass_on(u32 len)
{
	struct guest_wire *tx = guest_tx();

	if (in.dst_port < SEQ_PORT_RAW_FIRST || !raw_asker)
		return;
	if (len > HF_MSG_PAYLOAD_MAX)
		len = HF_MSG_PAYLOAD_MAX;
	tx->src_port = SEQ_PORT_RAW;
	tx->dst_port = raw_asker;
	memcpy(tx->payload, &in, len);
	guest_msg_send(HF_PRIMARY_ID, HF_MSG_HEADER + len);
}

static void take(const struct guest_msg *msg)
{
	u32 len = msg->len;

	memcpy(&in, guest_rx(), len);
	/* Freed first: the next one can come while this one is served. */
	guest_msg_release();
	if (len < HF_MSG_HEADER || in.dst_port == SEQ_PORT_MUTE)
		return;
	if (in.dst_port >= SEQ_PORT_UNSERVED)
		pass_on(len);
	else if (!seq_input(msg->from, &in, len))
		take_datagram(msg->from, len);
}

static bool pump(void)
{
	bool sent = false;

	for (unsigned int i = 0; i < SEQ_CONNS; i++) {
		if (works[i].service)
			sent |= pump_connection(seq_at(i), &works[i]);
	}
	for (struct burst *b = bursts; b < bursts + BURSTS; b++)
		sent |= pump_burst(b);
	return sent;
}

void guest_main(void)
{
	struct guest_msg msg;

	seq_queue_init_pool();
	guest_mailbox_init();
	for (;;) {
		if (pump() ? guest_msg_poll(&msg) : guest_msg_wait(&msg))
			take(&msg);
	}
}
