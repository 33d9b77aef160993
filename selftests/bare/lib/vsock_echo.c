// SPDX-License-Identifier: GPL-2.0
/*
 * Rings for echoes; see vsock_echo.h.
 *
 * Owns their memory: a few big ones, so that long messages can come back, and
 * small ones for many connections. A bit for each byte and kind of end instead
 * of a list of messages: those of one byte then take no more room than others.
 */
#include "mem.h"
#include "vsock.h"
#include "vsock_echo.h"
#include "vsock_service.h"

#define BIG			2
#define SMALL			96
#define ECHOES			(BIG + SMALL)
#define BYTES			(BIG * VSOCK_ECHO_WINDOW_BIG + SMALL * VSOCK_ECHO_WINDOW)

struct vsock_echo {
	bool taken;
	u8 *data;
	u8 *ends;		/* two bits a byte, VSOCK_EOM and VSOCK_EOR */
	u32 size, first, used;
};

static struct vsock_echo echoes[ECHOES];
static u8 data_of_all[BYTES] __attribute__((aligned(8)));
static u8 ends_of_all[BYTES / 4];

void vsock_echo_init(void)
{
	u32 at = 0;

	for (unsigned int i = 0; i < ECHOES; i++) {
		struct vsock_echo *e = &echoes[i];

		e->data = data_of_all + at;
		e->ends = ends_of_all + at / 4;
		e->size = i < BIG ? VSOCK_ECHO_WINDOW_BIG : VSOCK_ECHO_WINDOW;
		at += e->size;
	}
}

struct vsock_echo *vsock_echo_alloc(void)
{
	for (struct vsock_echo *e = echoes; e < echoes + ECHOES; e++) {
		if (!e->taken) {
			e->taken = true;
			e->first = 0;
			e->used = 0;
			return e;
		}
	}
	return NULL;
}

void vsock_echo_free(struct vsock_echo *e)
{
	if (e)
		e->taken = false;
}

u32 vsock_echo_window(const struct vsock_echo *e)
{
	return e->size;
}

bool vsock_echo_is_empty(const struct vsock_echo *e)
{
	return !e->used;
}

static u32 ends_at(const struct vsock_echo *e, u32 at)
{
	return e->ends[at / 4] >> 2 * (at % 4) & 3;
}

static void set_ends(struct vsock_echo *e, u32 at, u32 flags)
{
	u8 *bits = &e->ends[at / 4];

	*bits = (*bits & ~(3 << 2 * (at % 4))) | (flags & 3) << 2 * (at % 4);
}

static void keep(struct vsock_echo *e, const u8 *data, u32 len, u32 flags)
{
	for (u32 i = 0; i < len; i++) {
		u32 at = (e->first + e->used++) % e->size;

		e->data[at] = data[i];
		set_ends(e, at, i + 1 == len ? flags : 0);
	}
}

bool vsock_echo(struct vsock_echo *e, struct vsock_conn *c, const void *data, u32 len, u32 flags)
{
	u32 sent = 0;

	if (c->peer_shut & VSOCK_SHUT_RECV) {
		vsock_consumed(c, len);
		return true;
	}
	if (vsock_echo_is_empty(e) && vsock_room(c) >= len) {
		vsock_consumed(c, len);
		sent = vsock_send(c, data, len, flags);
	}
	keep(e, (const u8 *)data + sent, len - sent, flags);
	return vsock_echo_is_empty(e);
}

bool vsock_echo_pump(struct vsock_echo *e, struct vsock_conn *c)
{
	u32 most = vsock_room(c);
	u32 len = 0, flags = 0;

	if (most > e->used)
		most = e->used;
	if (most > e->size - e->first)
		most = e->size - e->first;
	if (most > VSOCK_PAYLOAD_MAX)
		most = VSOCK_PAYLOAD_MAX;
	while (len < most && !flags)
		flags = ends_at(e, e->first + len++);
	if (!len)
		return false;
	vsock_consumed(c, len);
	vsock_send(c, e->data + e->first, len, flags);
	e->first = (e->first + len) % e->size;
	e->used -= len;
	return true;
}
