// SPDX-License-Identifier: GPL-2.0
/*
 * Vsock_example: sends back each byte of a stream on port 7, to one client at
 * a time. The smallest whole user of lib/vsock.h, to begin a guest of one's own
 * with; the guest vsock serves many connections, messages, and opens some.
 *
 * What the client has no room for is kept. A byte counts as dealt with, so that
 * the client may send another, when it goes back: what is kept always fits.
 */
#include "guest.h"
#include "vsock.h"

#define PORT	7
#define WINDOW	4096

static struct vsock_conn *client;
static u8 kept[WINDOW];
static u32 kept_len;

static void send_back(void)
{
	u32 room = vsock_room(client);
	u32 len = kept_len < room ? kept_len : room;

	if (len) {
		/* First: the packet then says so, and saves one. */
		vsock_consumed(client, len);
		vsock_send(client, kept, len, 0);
		kept_len -= len;
		for (u32 i = 0; i < kept_len; i++)
			kept[i] = kept[len + i];
	}
	if (!kept_len && client->peer_shut & VSOCK_SHUT_SEND)
		vsock_close(client);
}

u32 vsock_on_request(struct vsock_conn *c)
{
	return c->port == PORT && c->type == VSOCK_STREAM && !client ? WINDOW : 0;
}

void vsock_on_data(struct vsock_conn *c, const void *data, u32 len, u32 flags)
{
	(void)c;
	(void)flags;
	memcpy(kept + kept_len, data, len);
	kept_len += len;
	send_back();
}

void vsock_on_event(struct vsock_conn *c, enum vsock_event event)
{
	switch (event) {
	case VSOCK_OPENED:
		client = c;
		kept_len = 0;
		break;
	case VSOCK_WRITABLE:
	case VSOCK_HALF_SHUT:
		send_back();
		break;
	case VSOCK_REFUSED:
	case VSOCK_ENDED:
	case VSOCK_BROKEN:
		client = NULL;
		break;
	}
}

void guest_main(void)
{
	struct guest_msg msg;

	guest_mailbox_init();
	for (;;) {
		if (guest_msg_wait(&msg)) {
			vsock_input(msg.from, msg.len);
			guest_msg_release();
		}
	}
}
