// SPDX-License-Identifier: GPL-2.0
/*
 * Event: counts the interrupts that each vCPU takes, and the notifications from the
 * primary. vCPU 0 sleeps in FFA_MSG_WAIT and serves messages, the others in WFI. When
 * the former ends without a message, each notification that is set counts as one
 * interrupt of that number of vCPU 0.
 *
 * A request is a byte and fields, little endian and without gaps. Any other message,
 * of another length, too, is echoed:
 *
 *   'C' u8 vcpu                u64 counts[64] of that vCPU; nothing if there is none
 *   'Z'                        all counts = 0; empty answer
 *   'E' u8 vcpu, u8 id, u8 on  interrupt id, 9 to 63, of that vCPU on or off; s32 0, or
 *                              -1 = the hypervisor refuses. Others than vCPU 0 are told
 *                              by interrupt 8, which vCPU 0 injects and they count
 *   'D' u64 bits, u32 times    sends so many messages {u64 bits} from the request's port
 *                              to HF_PORT_EVENT of the primary, then an empty answer
 *   'T' u8 vcpu                u64, the time at which that vCPU, not vCPU 0, last woke up,
 *                              in ticks of the counter
 *   'N' u64 bits, u32 times    FFA_NOTIFICATION_SET to the primary; s32 0 or its last error
 *
 * At first 8 to 63 are on.
 */
#include "guest.h"

#define VCPUS_MAX		8
#define CONTROL_INTID		8
#define ALL			(~UINT64_C(0))

struct request {
	u16 from;
	u64 src_port;
	u64 dst_port;
	u8 bytes[13];		/* what the longest one has */
};

/* What vCPU 0 has another one do; it waits until that is done. */
struct order {
	u32 intid;
	bool on;
	bool good;
	bool open;
};

static u64 woken[VCPUS_MAX];

static u64 counts[VCPUS_MAX][HF_INTERRUPT_COUNT];
static struct order orders[VCPUS_MAX];
static unsigned int vcpu_count = 1;

static void switch_all_on(void)
{
	guest_irq_count(counts[guest_cpu()]);
	for (u32 intid = CONTROL_INTID; intid < HF_INTERRUPT_COUNT; intid++)
		guest_irq_enable(intid);
}

static void obey(void)
{
	struct order *order = &orders[guest_cpu()];

	switch_all_on();
	for (;;) {
		guest_irq_wait(ALL);
		__atomic_store_n(&woken[guest_cpu()], guest_ticks(), __ATOMIC_RELAXED);
		if (!__atomic_load_n(&order->open, __ATOMIC_ACQUIRE))
			continue;
		order->good = guest_irq_switch(order->intid, order->on);
		__atomic_store_n(&order->open, false, __ATOMIC_RELEASE);
	}
}

static bool have_done(unsigned int vcpu, u32 intid, bool on)
{
	struct order *order = &orders[vcpu];
	u64 refused;

	order->intid = intid;
	order->on = on;
	__atomic_store_n(&order->open, true, __ATOMIC_RELEASE);
	refused = guest_call(HF_INTERRUPT_INJECT, guest_id(), vcpu, CONTROL_INTID, 0).x[0];
	if (refused) {
		__atomic_store_n(&order->open, false, __ATOMIC_RELAXED);
		return false;
	}
	while (__atomic_load_n(&order->open, __ATOMIC_ACQUIRE))
		guest_yield();
	return order->good;
}

static s32 switch_irq(unsigned int vcpu, u32 intid, bool on)
{
	if (vcpu >= vcpu_count || intid <= CONTROL_INTID || intid >= HF_INTERRUPT_COUNT)
		return -1;
	return (vcpu ? have_done(vcpu, intid, on) : guest_irq_switch(intid, on)) ? 0 : -1;
}

static void zero_counts(void)
{
	for (unsigned int i = 0; i < VCPUS_MAX * HF_INTERRUPT_COUNT; i++)
		__atomic_store_n(&counts[0][i], 0, __ATOMIC_RELAXED);
}

static void send(u16 to, u64 src_port, u64 dst_port, const void *payload, u32 len)
{
	struct guest_wire *tx = guest_tx();

	tx->src_port = src_port;
	tx->dst_port = dst_port;
	memcpy(tx->payload, payload, len);
	guest_msg_send(to, HF_MSG_HEADER + len);
}

static void answer(const struct request *req, const void *payload, u32 len)
{
	send(req->from, req->dst_port, req->src_port, payload, len);
}

static u64 bits_of(const struct request *req)
{
	u64 bits;

	memcpy(&bits, req->bytes + 1, sizeof(bits));
	return bits;
}

static u32 times_of(const struct request *req)
{
	u32 times;

	memcpy(&times, req->bytes + 1 + sizeof(u64), sizeof(times));
	return times;
}

static void send_events(const struct request *req)
{
	u64 bits = bits_of(req);

	for (u32 i = times_of(req); i; i--)
		send(HF_PRIMARY_ID, req->dst_port, HF_PORT_EVENT, &bits, sizeof(bits));
}

static s32 set_notifications(const struct request *req)
{
	u64 bits = bits_of(req);
	s32 status = 0;

	for (u32 i = times_of(req); i; i--)
		status = guest_notification_set(HF_PRIMARY_ID, bits);
	return status;
}

static u32 length_of(u8 command)
{
	switch (command) {
	case 'C':
	case 'T':
		return 2;
	case 'Z':
		return 1;
	case 'E':
		return 4;
	case 'D':
	case 'N':
		return 13;
	}
	return 0;
}

static void serve_request(const struct request *req)
{
	const u8 *arg = req->bytes + 1;
	s32 status;

	switch (req->bytes[0]) {
	case 'C':
		if (arg[0] >= vcpu_count)
			break;
		answer(req, counts[arg[0]], sizeof(counts[0]));
		return;
	case 'T':
		if (arg[0] >= vcpu_count)
			break;
		answer(req, &woken[arg[0]], sizeof(woken[0]));
		return;
	case 'Z':
		zero_counts();
		break;
	case 'E':
		status = switch_irq(arg[0], arg[1], arg[2]);
		answer(req, &status, sizeof(status));
		return;
	case 'D':
		send_events(req);
		break;
	case 'N':
		status = set_notifications(req);
		answer(req, &status, sizeof(status));
		return;
	}
	answer(req, NULL, 0);
}

static void serve(const struct guest_msg *msg)
{
	const struct guest_wire *rx = guest_rx();
	u32 len = guest_msg_payload_len(msg);
	struct request req = { .from = msg->from };

	if (!len || length_of(rx->payload[0]) != len) {
		guest_msg_echo(msg);
		return;
	}
	req.src_port = rx->src_port;
	req.dst_port = rx->dst_port;
	memcpy(req.bytes, rx->payload, len);
	serve_request(&req);
	guest_msg_release();
}

static void count_notifications(void)
{
	u64 bits = guest_notification_get();

	for (unsigned int i = 0; i < HF_INTERRUPT_COUNT; i++)
		__atomic_fetch_add(&counts[0][i], bits >> i & 1, __ATOMIC_RELAXED);
}

void guest_main(void)
{
	struct guest_msg msg;
	bool got;

	guest_call(FFA_VERSION, FFA_VERSION_1_1, 0, 0, 0);
	guest_mailbox_init();
	guest_notification_bind(HF_PRIMARY_ID, ALL);
	switch_all_on();
	while (guest_cpu_on(vcpu_count, obey))
		vcpu_count++;
	for (;;) {
		got = guest_msg_wait_once(&msg);
		guest_irq_take(ALL);
		if (got)
			serve(&msg);
		else
			count_notifications();
	}
}
