// SPDX-License-Identifier: GPL-2.0
/*
 * Relay: carries requests of the primary to another secondary, and answers back.
 *
 * A request of the primary is {u16 target VM, data}; its bytes go on to the
 * target as they are, ports included. The target answers with swapped ports,
 * so that its message, while we have a request outstanding there, goes to the
 * primary as it is. Every other message of a secondary, and every one that
 * names us as the target, is echoed, which makes a relay a target, too. So is a
 * request that cannot be forwarded (no such VM, the queue is full).
 *
 * A mailbox must never stay full because we wait for another secondary, which
 * may be waiting for that mailbox. Therefore what goes to a secondary is
 * copied to a queue, and the queue is never waited for; the primary always
 * takes its messages, so those are sent straight from RX. A full queue drops
 * what it should echo to a secondary, and says so on the console.
 */
#include "guest.h"

#define RING			(512 * 1024)
#define VMS			256

struct entry {
	u16 to;
	bool request;
	u32 len;
};

static u8 ring[RING];			/* of an entry and its message each */
static u32 head, tail;			/* in bytes since the start; wrap with RING */
static u32 outstanding[VMS];		/* requests forwarded to a VM, not yet answered */

static void ring_put(const void *from, u32 len)
{
	const u8 *bytes = from;

	while (len--)
		ring[tail++ % RING] = *bytes++;
}

/* Does not take it out: the caller moves head when it is done with an entry. */
static void ring_peek(u32 at, void *to, u32 len)
{
	u8 *bytes = to;

	while (len--)
		*bytes++ = ring[at++ % RING];
}

static bool enqueue(u16 to, bool request, u32 len, const void *wire)
{
	struct entry e = { .to = to, .request = request, .len = len };

	if (RING - (tail - head) < sizeof(e) + len)
		return false;
	ring_put(&e, sizeof(e));
	ring_put(wire, len);
	return true;
}

static u16 target_of(const struct guest_msg *msg)
{
	u16 target = HF_HYPERVISOR_ID;

	if (guest_msg_payload_len(msg) >= sizeof(target))
		memcpy(&target, guest_rx()->payload, sizeof(target));
	return target;
}

static void take_request(const struct guest_msg *msg)
{
	u16 target = target_of(msg);

	if (target < HF_SECONDARY_MIN || target >= VMS || target == guest_id() ||
	    !enqueue(target, true, msg->len, guest_rx())) {
		guest_msg_echo(msg);
		return;
	}
	outstanding[target]++;
	guest_msg_release();
}

static void take_from_secondary(const struct guest_msg *msg)
{
	if (msg->from < VMS && outstanding[msg->from] && target_of(msg) != guest_id()) {
		outstanding[msg->from]--;
		memcpy(guest_tx(), guest_rx(), msg->len);
		guest_msg_send(HF_PRIMARY_ID, msg->len);
	} else {
		guest_msg_make_answer(msg);
		if (!enqueue(msg->from, false, msg->len, guest_tx()))
			guest_log("relay: queue full, message dropped\n");
	}
	guest_msg_release();
}

static void take(const struct guest_msg *msg)
{
	if (msg->len < HF_MSG_HEADER)
		guest_msg_release();
	else if (msg->from == HF_PRIMARY_ID)
		take_request(msg);
	else
		take_from_secondary(msg);
}

/* The target does not exist, or has no mailbox any more: TX goes back. */
static void return_request(const struct entry *e)
{
	struct guest_wire *tx = guest_tx();
	u64 port = tx->src_port;

	tx->src_port = tx->dst_port;
	tx->dst_port = port;
	outstanding[e->to]--;
	guest_msg_send(HF_PRIMARY_ID, e->len);
}

/* Returns false if the first entry's receiver is busy. */
static bool send_first(void)
{
	struct entry e;
	int ret;

	ring_peek(head, &e, sizeof(e));
	ring_peek(head + sizeof(e), guest_tx(), e.len);
	ret = guest_msg_try_send(e.to, e.len, 0);
	if (ret == FFA_RET_BUSY)
		return false;
	if (ret && e.request)
		return_request(&e);
	head += sizeof(e) + e.len;
	return true;
}

void guest_main(void)
{
	struct guest_msg msg;

	guest_mailbox_init();
	for (;;) {
		if (head == tail) {
			if (guest_msg_wait(&msg))
				take(&msg);
			continue;
		}
		if (guest_msg_poll(&msg))
			take(&msg);
		if (head != tail && !send_first())
			guest_yield();
	}
}
