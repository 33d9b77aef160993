// SPDX-License-Identifier: GPL-2.0
/*
 * Relay: carries requests of the primary to another secondary, and answers back.
 *
 * A request of the primary is {u16 target VM, data}; its bytes go on to the
 * target as they are, ports included. The target answers with swapped ports,
 * so that its message, when we have a request outstanding there, goes to the
 * primary as it is. Any other message of a secondary is answered like an echo
 * does, which makes a relay a target, too. A request that cannot be forwarded
 * (no such VM, ourselves, the primary) is echoed to the primary.
 *
 * Messages are copied out of RX at once and sent from a queue: two relays that
 * send to each other would otherwise both hold the mailbox the other waits
 * for. When the queue is full nothing more is received.
 */
#include "guest.h"

#define QUEUE			64
#define VMS			256

struct entry {
	uint16_t to;
	bool request;
	uint32_t len;
	struct guest_wire wire;
};

static struct entry queue[QUEUE];
static uint32_t head, tail;		/* tail - head entries, from head on */
static uint32_t outstanding[VMS];	/* requests forwarded to a VM, not yet answered */

static void swap_ports(struct guest_wire *wire)
{
	uint64_t port = wire->src_port;

	wire->src_port = wire->dst_port;
	wire->dst_port = port;
}

static void route_request(struct entry *e)
{
	uint16_t target = HF_PRIMARY_ID;

	if (e->len >= HF_MSG_HEADER + sizeof(target))
		memcpy(&target, e->wire.payload, sizeof(target));
	if (target <= HF_PRIMARY_ID || target >= VMS || target == guest_id()) {
		e->to = HF_PRIMARY_ID;
		swap_ports(&e->wire);
		return;
	}
	e->to = target;
	e->request = true;
	outstanding[target]++;
}

static void route_answer(struct entry *e, uint16_t from)
{
	if (from < VMS && outstanding[from]) {
		outstanding[from]--;
		e->to = HF_PRIMARY_ID;
		return;
	}
	e->to = from;
	swap_ports(&e->wire);
}

/* Needs room in the queue. */
static void take(const struct guest_msg *msg)
{
	struct entry *e = &queue[tail % QUEUE];

	if (msg->len >= HF_MSG_HEADER) {
		memcpy(&e->wire, guest_rx(), msg->len);
		e->len = msg->len;
		e->request = false;
		if (msg->from == HF_PRIMARY_ID)
			route_request(e);
		else
			route_answer(e, msg->from);
		tail++;
	}
	guest_msg_release();
}

static void refused(struct entry *e)
{
	outstanding[e->to]--;
	e->request = false;
	e->to = HF_PRIMARY_ID;
	swap_ports(&e->wire);
}

/* Returns false if the first entry's receiver is busy. */
static bool send_first(void)
{
	struct entry *e = &queue[head % QUEUE];
	int ret;

	memcpy(guest_tx(), &e->wire, e->len);
	ret = guest_msg_try_send(e->to, e->len, 0);
	if (ret == FFA_RET_BUSY)
		return false;
	if (ret && e->request)
		refused(e);
	else
		head++;
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
		if (tail - head < QUEUE && guest_msg_poll(&msg))
			take(&msg);
		if (!send_first())
			guest_yield();
	}
}
