// SPDX-License-Identifier: GPL-2.0
/*
 * Timer: answers a request when the virtual timer says that its time is over.
 *
 * Request {u64 ns, u8 mode}: mode 0 blocks in FFA_MSG_WAIT, mode 1 in WFI.
 * Answer {u64 ns asked, u64 ns measured by CNTVCT}. Requests that arrive while
 * one is running are served at their own time: the timer is always armed for
 * the earliest, whose mode decides how the vCPU blocks. A guest in WFI does not
 * see new requests until it wakes up, and neither does one with all slots taken.
 */
#include "guest.h"

#define SLOTS			16
#define REQUEST_LEN		9
#define TIMER_BIT		GUEST_BIT(HF_VIRTUAL_TIMER_INTID)

struct slot {
	bool used;
	bool wfi;
	u16 from;
	u64 src_port;
	u64 dst_port;
	u64 ns;
	u64 start;		/* in ticks, as deadline */
	u64 deadline;
};

static struct slot slots[SLOTS];

static struct slot *earliest(void)
{
	struct slot *first = NULL;

	for (struct slot *s = slots; s < slots + SLOTS; s++) {
		if (s->used && (!first || s->deadline < first->deadline))
			first = s;
	}
	return first;
}

static struct slot *free_slot(void)
{
	for (struct slot *s = slots; s < slots + SLOTS; s++) {
		if (!s->used)
			return s;
	}
	return NULL;
}

/* Needs a free slot. */
static void accept(const struct guest_msg *msg)
{
	const struct guest_wire *rx = guest_rx();
	struct slot *s = free_slot();

	if (guest_msg_payload_len(msg) >= REQUEST_LEN) {
		s->from = msg->from;
		s->src_port = rx->src_port;
		s->dst_port = rx->dst_port;
		memcpy(&s->ns, rx->payload, sizeof(s->ns));
		s->wfi = rx->payload[sizeof(s->ns)];
		s->start = guest_ticks();
		s->deadline = s->start + guest_ns_to_ticks(s->ns);
		s->used = true;
	}
	guest_msg_release();
}

static void answer(struct slot *s)
{
	struct guest_wire *tx = guest_tx();
	u64 measured = guest_ticks_to_ns(guest_ticks() - s->start);

	tx->src_port = s->dst_port;
	tx->dst_port = s->src_port;
	memcpy(tx->payload, &s->ns, sizeof(s->ns));
	memcpy(tx->payload + sizeof(s->ns), &measured, sizeof(measured));
	guest_msg_send(s->from, HF_MSG_HEADER + sizeof(s->ns) + sizeof(measured));
	s->used = false;
}

/* Sleeps until the timer fires or a request comes. */
static void block(const struct slot *next)
{
	struct guest_msg msg;

	if (next && (next->wfi || !free_slot())) {
		guest_irq_wait(TIMER_BIT);
		return;
	}
	if (guest_msg_wait(&msg))
		accept(&msg);
	guest_irq_take(TIMER_BIT);
}

void guest_main(void)
{
	guest_mailbox_init();
	guest_irq_enable(HF_VIRTUAL_TIMER_INTID);
	for (;;) {
		struct slot *next = earliest();

		if (next && guest_ticks() >= next->deadline) {
			answer(next);
			continue;
		}
		if (next)
			guest_timer_arm(next->deadline);
		block(next);
	}
}
