// SPDX-License-Identifier: GPL-2.0
/*
 * The mailbox of a secondary VM.
 *
 * Owns the RX and TX page. RX belongs to the guest from the moment a message
 * is handed out until guest_msg_release(). Nothing is lost here: a busy
 * receiver is asked again, an interrupted wait says so, and a message that
 * arrives as the result of a call which is not a receive is kept for the next
 * one. On an SMP guest the payload keeps the vCPUs apart (guest_lock()).
 */
#include "guest_asm.h"

static struct guest_wire rx __attribute__((aligned(FFA_PAGE_SIZE)));
static struct guest_wire tx __attribute__((aligned(FFA_PAGE_SIZE)));
static u16 own_id;

struct guest_wire *guest_rx(void)
{
	return &rx;
}

struct guest_wire *guest_tx(void)
{
	return &tx;
}

u16 guest_id(void)
{
	return own_id;
}

static bool is_message(const struct guest_regs *r, struct guest_msg *msg)
{
	if ((u32)r->x[0] != FFA_MSG_SEND)
		return false;
	msg->from = r->x[1] >> 16;
	msg->len = r->x[3];
	/* More than the page cannot have been copied. */
	if (msg->len > FFA_MSG_MAX)
		msg->len = FFA_MSG_MAX;
	return true;
}

/*
 * Hafnium v2.6 leaves a vCPU whose call made its mailbox writable for waiting
 * VMs in the state of a blocked receiver: the call returns with the next message.
 */
static void keep_early_message(const struct guest_regs *r)
{
	struct guest_vcpu *vcpu = guest_this();

	if (is_message(r, &vcpu->early))
		vcpu->handed = true;
}

void guest_mailbox_init(void)
{
	struct guest_regs r;

	own_id = guest_call(FFA_ID_GET, 0, 0, 0, 0).x[2];
	r = guest_call(FFA_RXTX_MAP, (u64)&tx, (u64)&rx, 1, 0);
	if ((u32)r.x[0] == FFA_ERROR) {
		guest_log_hex("guest: no mailbox, error ", r.x[2]);
		guest_log("\n");
		guest_idle();
	}
	keep_early_message(&r);
}

static bool take_early_message(struct guest_msg *msg)
{
	struct guest_vcpu *vcpu = guest_this();

	if (!vcpu->handed)
		return false;
	vcpu->handed = false;
	*msg = vcpu->early;
	return true;
}

static bool receive(u64 fn, struct guest_msg *msg)
{
	struct guest_regs r;

	if (take_early_message(msg))
		return true;
	do {
		r = guest_call(fn, 0, 0, 0, 0);
		/* From v2.12 a wait returns FFA_RUN when there is nothing to receive. */
	} while ((u32)r.x[0] == FFA_RUN);
	return is_message(&r, msg);
}

bool guest_msg_wait(struct guest_msg *msg)
{
	return receive(FFA_MSG_WAIT, msg);
}

bool guest_msg_wait_once(struct guest_msg *msg)
{
	struct guest_regs r;

	if (take_early_message(msg))
		return true;
	r = guest_call(FFA_MSG_WAIT, 0, 0, 0, 0);
	if ((u32)r.x[0] == FFA_RUN)
		return guest_msg_poll(msg);
	return is_message(&r, msg);
}

bool guest_msg_poll(struct guest_msg *msg)
{
	return receive(FFA_MSG_POLL, msg);
}

/* Later versions free RX earlier and answer DENIED, which changes nothing. */
void guest_msg_release(void)
{
	struct guest_regs r = guest_call(FFA_RX_RELEASE, 0, 0, 0, 0);

	keep_early_message(&r);
}

int guest_msg_try_send(u16 to, u32 len, u32 flags)
{
	struct guest_regs r = guest_call(FFA_MSG_SEND, (u32)own_id << 16 | to,
					 0, len, flags);

	return (u32)r.x[0] == FFA_ERROR ? (s32)r.x[2] : 0;
}

int guest_msg_send(u16 to, u32 len)
{
	int ret;

	while ((ret = guest_msg_try_send(to, len, 0)) == FFA_RET_BUSY)
		guest_yield();
	return ret;
}

u32 guest_msg_payload_len(const struct guest_msg *msg)
{
	return msg->len < HF_MSG_HEADER ? 0 : msg->len - HF_MSG_HEADER;
}

void guest_msg_make_answer(const struct guest_msg *msg)
{
	tx.src_port = rx.dst_port;
	tx.dst_port = rx.src_port;
	memcpy(tx.payload, rx.payload, guest_msg_payload_len(msg));
}

void guest_msg_answer(const struct guest_msg *msg)
{
	/* Without ports there is nobody to answer. */
	if (msg->len < HF_MSG_HEADER)
		return;
	guest_msg_make_answer(msg);
	guest_msg_send(msg->from, msg->len);
}

void guest_msg_echo(const struct guest_msg *msg)
{
	guest_msg_answer(msg);
	guest_msg_release();
}
