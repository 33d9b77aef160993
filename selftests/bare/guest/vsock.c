// SPDX-License-Identifier: GPL-2.0
/*
 * Vsock: serves virtio-vsock, one behaviour per port, and does on connections
 * whatever a test commands; lib/vsock_service.h says what.
 *
 * One loop both sends and receives: while there is something that may be
 * sent, it asks for messages without blocking, else it waits in FFA_MSG_WAIT.
 */
#include "guest.h"
#include "testcall.h"
#include "vsock.h"
#include "vsock_echo.h"
#include "vsock_service.h"

#define FIRST_OWN_PORT		0x1000

/* What belongs to a connection, at the same index; outlives it as a record. */
struct work {
	u32 port, peer_port;
	u32 service;		/* VSOCK_PORT_* whose behaviour it has; 0 = never used */
	u32 life;		/* of a connection that is gone, else VSOCK_LIFE_NONE */
	bool busy;		/* something is to be sent */
	bool finish;		/* no more after that */
	bool close;		/* and nothing is wanted either */
	u8 peer_shut;
	struct vsock_sum sum;
	u64 sent, left;		/* bytes of the pattern */
	u32 message, in_message;	/* size, and bytes of it that are out */
	u32 flags;
	struct vsock_echo *echo;
	/* A stream of questions: what came of the next one, and which one is not answered. */
	u8 text[sizeof(struct vsock_command)] __attribute__((aligned(8)));
	u32 text_len;
	bool waiting;
	struct vsock_command command;
};

static struct work works[VSOCK_CONNS];
static unsigned int busy_count, waiting_count;
static u32 pattern[(VSOCK_PATTERN_PERIOD + VSOCK_PAYLOAD_MAX) / 4];
static struct vsock_heard heard[VSOCK_HEARD_MAX];
static u32 heard_count;

static struct work *work_of(const struct vsock_conn *c)
{
	return &works[vsock_index(c)];
}

static struct vsock_conn *conn_of(const struct work *w)
{
	return vsock_at(w - works);
}

static bool is_live(const struct work *w)
{
	return w->service && w->life == VSOCK_LIFE_NONE;
}

static void set_busy(struct work *w, bool busy)
{
	busy_count += busy - w->busy;
	w->busy = busy;
}

static void set_waiting(struct work *w, bool waiting)
{
	waiting_count += waiting - w->waiting;
	w->waiting = waiting;
}

static struct work *begin(struct vsock_conn *c, u32 service)
{
	struct work *w = work_of(c);

	*w = (struct work){ .port = c->port, .peer_port = c->peer_port, .service = service };
	return w;
}

static void leave(struct work *w, enum vsock_life life)
{
	w->life = life;
	w->peer_shut = conn_of(w)->peer_shut;
	set_busy(w, false);
	set_waiting(w, false);
	vsock_echo_free(w->echo);
	w->echo = NULL;
}

u32 vsock_on_request(struct vsock_conn *c)
{
	struct work *w = begin(c, c->port);

	switch (c->port) {
	case VSOCK_PORT_ECHO:
		w->echo = vsock_echo_alloc();
		if (w->echo)
			return vsock_echo_window(w->echo);
		break;
	case VSOCK_PORT_DEAF:
		return VSOCK_DEAF_WINDOW;
	case VSOCK_PORT_DISCARD:
	case VSOCK_PORT_SINK:
	case VSOCK_PORT_SOURCE:
	case VSOCK_PORT_PASSIVE:
	case VSOCK_PORT_CONTROL:
		return VSOCK_WINDOW;
	}
	w->service = 0;
	return 0;
}

static void start_sending(struct work *w, const struct vsock_ask *ask)
{
	w->left = ask->size;
	w->message = ask->message ? ask->message : UINT32_MAX;
	w->in_message = 0;
	w->flags = ask->flags;
	set_busy(w, true);
}

/* Gathers len bytes of a stream; true once they are there, of which *data has lost the part. */
static bool gather(struct work *w, u32 len, const u8 **data, u32 *data_len)
{
	u32 n = len - w->text_len;

	if (n > *data_len)
		n = *data_len;
	memcpy(w->text + w->text_len, *data, n);
	*data += n;
	*data_len -= n;
	w->text_len += n;
	if (w->text_len < len)
		return false;
	w->text_len = 0;
	return true;
}

static struct work *find(u32 port, u32 peer_port)
{
	struct work *gone = NULL;

	for (struct work *w = works; w < works + VSOCK_CONNS; w++) {
		if (!w->service || w->port != port || w->peer_port != peer_port)
			continue;
		if (is_live(w))
			return w;
		gone = w;
	}
	return gone;
}

static u32 life_of(const struct work *w)
{
	static const u8 lives[] = { VSOCK_LIFE_NONE, VSOCK_LIFE_ASKED, VSOCK_LIFE_OPEN,
				    VSOCK_LIFE_CLOSING };

	return is_live(w) ? lives[conn_of(w)->state] : w->life;
}

static u32 count_conns(void)
{
	u32 n = 0;

	for (unsigned int i = 0; i < VSOCK_CONNS; i++)
		n += vsock_at(i)->state != VSOCK_FREE;
	return n;
}

static void answer(struct work *asker, const struct work *w)
{
	static struct vsock_status s;

	s = (struct vsock_status){ .conns = count_conns() };
	if (w) {
		s.port = w->port;
		s.peer_port = w->peer_port;
		s.life = life_of(w);
		s.peer_shut = is_live(w) ? conn_of(w)->peer_shut : w->peer_shut;
		s.sent = w->sent;
		s.sum = w->sum;
	}
	if (asker->command.op == VSOCK_CMD_HEARD) {
		s.heard_count = heard_count;
		memcpy(s.heard, heard, sizeof(heard));
		heard_count = 0;
	}
	set_waiting(asker, false);
	vsock_send(conn_of(asker), &s, sizeof(s), VSOCK_EOM);
}

static bool has_come(const struct vsock_command *cmd, const struct work *w)
{
	if (!w || !is_live(w))
		return true;
	switch (cmd->op) {
	case VSOCK_CMD_CONNECT:
		return conn_of(w)->state != VSOCK_CONNECTING;
	case VSOCK_CMD_SEND:
		return !w->left;
	case VSOCK_CMD_WAIT:
		return w->sum.bytes >= cmd->size &&
		       (conn_of(w)->peer_shut & cmd->flags) == cmd->flags;
	case VSOCK_CMD_WAIT_END:
		return false;
	}
	return true;
}

static void answer_those_that_can_be(void)
{
	for (struct work *w = works; waiting_count && w < works + VSOCK_CONNS; w++) {
		if (w->waiting) {
			const struct work *about = find(w->command.port, w->command.peer_port);

			if (has_come(&w->command, about))
				answer(w, about);
		}
	}
}

static void nap(u64 signal)
{
	while (guest_call(HFT_SIGNAL, 0, 0, 0, 0).x[0] < signal)
		guest_yield();
}

static void send_raw(const struct vsock_command *cmd)
{
	struct vsock_packet *tx = (struct vsock_packet *)guest_tx();
	u32 len = cmd->size < HF_MSG_PAYLOAD_MAX ? cmd->size : HF_MSG_PAYLOAD_MAX;
	u32 n = 0;

	do {
		tx->hf_src = VSOCK_HF_PORT;
		tx->hf_dst = VSOCK_HF_PORT;
		memset(&tx->src_cid, 0, len);
		memcpy(&tx->src_cid, cmd->raw, len < sizeof(cmd->raw) ? len : sizeof(cmd->raw));
		tx->dst_port += n * cmd->flags;
		guest_msg_send(HF_PRIMARY_ID, HF_MSG_HEADER + len);
	} while (++n < cmd->message);
}

static void open_own(struct vsock_command *cmd)
{
	static u32 next_port = FIRST_OWN_PORT;
	struct vsock_echo *echo = NULL;
	struct vsock_conn *c;
	struct work *w;

	if (!cmd->port)
		cmd->port = next_port++;
	if (cmd->service == VSOCK_PORT_ECHO)
		echo = vsock_echo_alloc();
	c = vsock_connect(cmd->flags, cmd->port, cmd->peer_port,
			  echo ? vsock_echo_window(echo) :
			  cmd->service == VSOCK_PORT_DEAF ? VSOCK_DEAF_WINDOW : VSOCK_WINDOW);
	if (!c) {
		vsock_echo_free(echo);
		return;
	}
	w = begin(c, cmd->service ? cmd->service : VSOCK_PORT_PASSIVE);
	w->echo = echo;
}

static void end_here(struct work *w, enum vsock_command_op op)
{
	if (op == VSOCK_CMD_RESET)
		vsock_reset(conn_of(w));
	else
		vsock_forget(conn_of(w));
	leave(w, VSOCK_LIFE_LEFT);
}

static void command_on(struct work *w, const struct vsock_command *cmd)
{
	switch (cmd->op) {
	case VSOCK_CMD_SEND:
		start_sending(w, &(struct vsock_ask){ cmd->size, cmd->message, cmd->flags });
		break;
	case VSOCK_CMD_SHUTDOWN:
		vsock_shutdown(conn_of(w), cmd->flags);
		break;
	case VSOCK_CMD_RESET:
	case VSOCK_CMD_FORGET:
		end_here(w, cmd->op);
		break;
	case VSOCK_CMD_READ:
		vsock_consumed(conn_of(w), cmd->size);
		vsock_tell(conn_of(w));
		break;
	}
}

static void command(struct work *asker)
{
	struct vsock_command *cmd = &asker->command;
	struct work *w;

	memcpy(cmd, asker->text, sizeof(*cmd));
	switch (cmd->op) {
	case VSOCK_CMD_CONNECT:
		open_own(cmd);
		break;
	case VSOCK_CMD_RAW:
		send_raw(cmd);
		break;
	case VSOCK_CMD_NAP:
		nap(cmd->size);
		break;
	case VSOCK_CMD_DIE:
		guest_call(HFT_KILL, 0, 0, 0, 0);
		break;
	default:
		w = find(cmd->port, cmd->peer_port);
		if (w && is_live(w))
			command_on(w, cmd);
	}
	set_waiting(asker, true);
}

static void count(struct work *w, const void *data, u32 len, u32 flags, bool hash)
{
	w->sum.bytes += len;
	w->sum.messages += !!(flags & VSOCK_EOM);
	w->sum.records += !!(flags & VSOCK_EOR);
	if (hash)
		w->sum.hash = vsock_hash(w->sum.hash, data, len, flags);
}

void vsock_on_data(struct vsock_conn *c, const void *data, u32 len, u32 flags)
{
	struct work *w = work_of(c);
	const u8 *text = data;

	if (c->type == VSOCK_STREAM)
		flags = 0;
	switch (w->service) {
	case VSOCK_PORT_ECHO:
		if (!vsock_echo(w->echo, c, data, len, flags))
			set_busy(w, true);
		return;
	case VSOCK_PORT_DEAF:
		count(w, data, len, flags, true);
		return;
	case VSOCK_PORT_SOURCE:
		if (gather(w, sizeof(struct vsock_ask), &text, &len)) {
			w->finish = true;
			start_sending(w, (const struct vsock_ask *)w->text);
		}
		vsock_consumed(c, c->received - c->consumed);
		return;
	case VSOCK_PORT_CONTROL:
		/* First, for what is commanded may end this very connection. */
		vsock_consumed(c, len);
		while (is_live(w) && gather(w, sizeof(struct vsock_command), &text, &len))
			command(w);
		return;
	default:
		count(w, data, len, flags, w->service != VSOCK_PORT_DISCARD);
		vsock_consumed(c, len);
	}
}

/* The answer of a sink, and its end. */
static void peer_sends_no_more(struct vsock_conn *c, struct work *w)
{
	switch (w->service) {
	case VSOCK_PORT_DISCARD:
	case VSOCK_PORT_SINK:
		vsock_send(c, &w->sum, sizeof(w->sum), VSOCK_EOM);
		vsock_close(c);
		break;
	case VSOCK_PORT_ECHO:
	case VSOCK_PORT_CONTROL:
	case VSOCK_PORT_SOURCE:
		w->close = true;
		set_busy(w, true);
		break;
	}
}

void vsock_on_event(struct vsock_conn *c, enum vsock_event event)
{
	struct work *w = work_of(c);

	switch (event) {
	case VSOCK_OPENED:
	case VSOCK_WRITABLE:
		return;
	case VSOCK_HALF_SHUT:
		if (c->peer_shut & VSOCK_SHUT_SEND)
			peer_sends_no_more(c, w);
		return;
	case VSOCK_REFUSED:
		leave(w, VSOCK_LIFE_REFUSED);
		return;
	case VSOCK_ENDED:
		leave(w, VSOCK_LIFE_ENDED);
		return;
	case VSOCK_BROKEN:
		leave(w, VSOCK_LIFE_BROKEN);
		return;
	}
}

/* One packet of the pattern. */
static u32 send_pattern(struct vsock_conn *c, struct work *w)
{
	u64 n = w->message - w->in_message;
	u32 flags = w->flags | VSOCK_EOM;
	u32 sent;

	if (n > w->left)
		n = w->left;
	if (n > VSOCK_PAYLOAD_MAX) {
		n = VSOCK_PAYLOAD_MAX;
		flags = 0;
	}
	sent = vsock_send(c, (u8 *)pattern + w->sent % VSOCK_PATTERN_PERIOD, n, flags);
	w->sent += sent;
	w->left -= sent;
	w->in_message += sent;
	if (w->in_message == w->message)
		w->in_message = 0;
	return sent;
}

/* Sends a packet of that connection, if it has one and may. */
static bool pump_connection(struct vsock_conn *c, struct work *w)
{
	if (c->state == VSOCK_CONNECTING)
		return false;
	if (c->peer_shut & VSOCK_SHUT_RECV || c->shut & VSOCK_SHUT_SEND)
		w->left = 0;
	else if (w->left)
		return send_pattern(c, w) > 0;
	else if (w->echo && !vsock_echo_is_empty(w->echo))
		return vsock_echo_pump(w->echo, c);
	set_busy(w, false);
	if (w->close)
		vsock_close(c);
	else if (w->finish)
		vsock_shutdown(c, VSOCK_SHUT_SEND);
	return false;
}

static bool pump(void)
{
	bool sent = false;

	for (struct work *w = works; busy_count && w < works + VSOCK_CONNS; w++) {
		if (w->busy)
			sent |= pump_connection(conn_of(w), w);
	}
	answer_those_that_can_be();
	return sent;
}

/* A message to a mute port is for no connection. */
static bool hear(u32 len)
{
	const struct vsock_packet *p = (const struct vsock_packet *)guest_rx();

	if (len < VSOCK_HEADER || p->hf_dst != VSOCK_HF_PORT || p->dst_port < VSOCK_PORT_MUTE)
		return false;
	if (heard_count < VSOCK_HEARD_MAX)
		heard[heard_count] = (struct vsock_heard){
			p->dst_port, p->src_port, p->type, p->op, p->len, p->flags,
			p->buf_alloc, p->fwd_cnt };
	heard_count++;
	return true;
}

void guest_main(void)
{
	struct guest_msg msg;

	for (u64 i = 0; i < sizeof(pattern); i++)
		((u8 *)pattern)[i] = vsock_pattern(i);
	vsock_echo_init();
	guest_mailbox_init();
	for (;;) {
		if (pump() ? guest_msg_poll(&msg) : guest_msg_wait(&msg)) {
			if (!hear(msg.len))
				vsock_input(msg.from, msg.len);
			guest_msg_release();
		}
	}
}
