// SPDX-License-Identifier: GPL-2.0
/*
 * The guest's end of a SEQPACKET connection, played by the test: see hft_frames.h.
 */
#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>

#include "hft_frames.h"

#define SILENCE_MS	150

int end_open(struct end *e, unsigned int vm)
{
	memset(e, 0, sizeof(*e));
	e->credit = 8;
	e->raw = hft_connect(vm, SEQ_PORT_RAW);
	/* No two tests use the same one, however late the last one's frames are. */
	e->port = SEQ_PORT_RAW_FIRST + hft_port(e->raw);
	/* Tells the guest whom to pass frames on to. */
	return e->raw < 0 ? -1 : send(e->raw, "", 0, 0);
}

struct seq_frame end_frame(const struct end *e, uint8_t type)
{
	struct seq_frame f = {
		.src_port = e->port,
		.dst_port = e->peer_port,
		.magic = SEQ_MAGIC,
		.version = SEQ_VERSION,
		.type = type,
		.seq = type == SEQ_DATA ? e->sent : 0,
		.credit = e->credit,
	};

	return f;
}

int end_put_frame(struct end *e, const struct seq_frame *f, size_t payload)
{
	size_t len = SEQ_HEADER + payload;

	return send(e->raw, f, len, 0) == (ssize_t)len ? 0 : -1;
}

int end_put(struct end *e, uint8_t type)
{
	struct seq_frame f = end_frame(e, type);

	return end_put_frame(e, &f, 0);
}

int end_put_data(struct end *e, const void *data, size_t len)
{
	struct seq_frame f = end_frame(e, SEQ_DATA);

	memcpy(f.payload, data, len);
	e->sent++;
	return end_put_frame(e, &f, len);
}

int end_put_shutdown(struct end *e, uint16_t flags)
{
	struct seq_frame f = end_frame(e, SEQ_SHUTDOWN);

	f.flags = flags;
	return end_put_frame(e, &f, 0);
}

int end_get(struct end *e)
{
	ssize_t n;

	/* The last words to an end that another test had are not for us. */
	do {
		n = recv(e->raw, &e->in, sizeof(e->in), 0);
		if (n < 0)
			return -1;
	} while (n >= SEQ_HEADER && e->in.dst_port != e->port);
	if (n < SEQ_HEADER || e->in.magic != SEQ_MAGIC || e->in.version != SEQ_VERSION ||
	    e->in.src_port != e->peer_port)
		return -2;
	e->len = n - SEQ_HEADER;
	if (e->in.type != SEQ_DATA && (e->in.seq || e->len))
		return -2;
	return e->in.flags && e->in.type != SEQ_SHUTDOWN ? -2 : e->in.type;
}

/* As end_get(), but credit, which may come at any time, is only remembered. */
int end_get_next(struct end *e)
{
	int type;

	do {
		type = end_get(e);
	} while (type == SEQ_CREDIT);
	return type;
}

bool end_is_silent(struct end *e)
{
	int type = SEQ_CREDIT;

	while (type == SEQ_CREDIT && hft_poll(e->raw, POLLIN, SILENCE_MS))
		type = end_get(e);
	/* -1: it was for another end. */
	return type == SEQ_CREDIT || type == -1;
}

int end_accept(struct end *e, int listener)
{
	if (end_put(e, SEQ_REQUEST) || end_get(e) != SEQ_ACCEPT)
		return -1;
	return hft_accept(listener);
}

int end_connect(struct end *e, unsigned int vm)
{
	int fd = hft_seq_socket();

	hft_set_nonblocking(fd);
	if (!hft_seq_connect_to(fd, vm, e->port) || errno != EINPROGRESS)
		return -1;
	e->peer_port = hft_port(fd);
	return end_get(e) == SEQ_REQUEST ? fd : -1;
}
