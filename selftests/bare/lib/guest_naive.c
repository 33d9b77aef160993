// SPDX-License-Identifier: GPL-2.0
/*
 * See guest_naive.h. Keep it as it is: what goes wrong here goes wrong with
 * the guests that people have, and is the driver's to prevent.
 */
#include "guest_naive.h"

#define WORK_LOOPS	5000

static struct guest_wire rx __attribute__((aligned(FFA_PAGE_SIZE)));
static struct guest_wire tx __attribute__((aligned(FFA_PAGE_SIZE)));
static u16 own_id;

void naive_init(void)
{
	own_id = guest_call(FFA_ID_GET, 0, 0, 0, 0).x[2];
	guest_call(FFA_RXTX_MAP, (u64)&tx, (u64)&rx, 1, 0);
}

bool naive_receive(u64 fn, struct naive_msg *msg)
{
	struct guest_regs r = guest_call(fn, 0, 0, 0, 0);

	if ((u32)r.x[0] != FFA_MSG_SEND)
		return false;
	msg->from = r.x[1] >> 16;
	msg->len = r.x[3];
	msg->src_port = rx.src_port;
	msg->dst_port = rx.dst_port;
	return msg->len >= HF_MSG_HEADER && msg->len <= FFA_MSG_MAX;
}

void naive_work(void)
{
	for (int i = 0; i < WORK_LOOPS; i++)
		asm volatile("" : : : "memory");
}

const u8 *naive_payload(void)
{
	return rx.payload;
}

struct guest_wire *naive_tx(void)
{
	return &tx;
}

void naive_send(u16 to, u32 len)
{
	struct guest_regs r;

	for (;;) {
		r = guest_call(FFA_MSG_SEND, (u32)own_id << 16 | to, 0, len, 0);
		if ((u32)r.x[0] != FFA_ERROR || (s32)r.x[2] != FFA_RET_BUSY)
			return;
		guest_yield();
	}
}

void naive_release(void)
{
	guest_call(FFA_RX_RELEASE, 0, 0, 0, 0);
}

void naive_echo(const struct naive_msg *msg)
{
	naive_work();
	/* TX is one for all vCPUs. */
	guest_lock();
	tx.src_port = msg->dst_port;
	tx.dst_port = msg->src_port;
	memcpy(tx.payload, rx.payload, msg->len - HF_MSG_HEADER);
	naive_send(msg->from, msg->len);
	guest_unlock();
	naive_release();
}

void naive_serve(void)
{
	struct naive_msg msg;

	for (;;) {
		if (naive_receive(FFA_MSG_WAIT, &msg))
			naive_echo(&msg);
	}
}
