/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Mailboxes: one page each way per VM, who owns it, and who waits for it. The
 * functions are FF-A calls by @current; a call of a secondary may end its run
 * through @exit.
 */
#ifndef HYP_MAILBOX_H
#define HYP_MAILBOX_H

#include "ffa.h"
#include "types.h"

#define VMS_MAX		16	/* ids 1..16 */
#define VCPUS_MAX	8

struct exit;
struct vcpu;
struct vm;

/* Results of an FF-A call, x0..x7. */
struct ffa_value {
	u64 w[8];
};

/* FIFO of VM ids, each in it once. */
struct id_queue {
	u16 id[VMS_MAX];
	unsigned int len;
};

enum mailbox_state {
	MAILBOX_EMPTY,
	MAILBOX_FULL,		/* a vCPU that waits gets what is there */
	MAILBOX_READ,		/* the VM reads it until FFA_RX_RELEASE; to v2.8 */
};

/* All under the VM's lock. */
struct mailbox {
	enum mailbox_state state;
	u8 *recv;			/* NULL before FFA_RXTX_MAP */
	u8 *send;
	u16 sender;
	u32 size;
	bool send2;			/* by FFA_MSG_SEND2, no FFA_MSG_SEND is returned for it */

	/* For the counters: no vCPU took it yet; which may still read (a bit each). */
	bool unread;
	u32 readers;

	struct id_queue waiters;	/* want to send to this VM */
	struct id_queue writable;	/* VMs that this VM may send to again */
};

struct ffa_value mailbox_map(struct vcpu *current, u64 tx, u64 rx, u64 pages,
			     struct exit *exit);
struct ffa_value mailbox_unmap(struct vcpu *current, u32 zero);
struct ffa_value mailbox_send(struct vcpu *current, u32 ids, u32 size, u32 flags,
			      struct exit *exit);
struct ffa_value mailbox_wait(struct vcpu *current, struct exit *exit);
struct ffa_value mailbox_poll(struct vcpu *current);
struct ffa_value mailbox_release(struct vcpu *current, u32 zero, struct exit *exit);

/* send2.c: FFA_MSG_SEND2 with w1 = @zero. */
struct ffa_value mailbox_send2(struct vcpu *current, u32 zero, u32 flags);

/*
 * The mailbox of @to has room: @size bytes of @from's TX page become its message.
 * Under both locks.
 */
void mailbox_put_locked(const struct vm *from, struct vm *to, u32 size, bool send2);

/* EL2 wrote into the caller's own RX page. Under its lock. */
void mailbox_own_locked(struct vm *vm);

/* The vCPU reads no message any more. Under the VM's lock. */
void mailbox_done_locked(struct vcpu *vcpu);

/* Hafnium's calls: an id or -1. */
s64 mailbox_writable_get(struct vcpu *current);
s64 mailbox_waiter_get(struct vcpu *current, u64 vm_id);

/*
 * If a message waits for @vcpu's VM it becomes the result of the FFA_MSG_WAIT
 * in which the vCPU is blocked. Under the VM's lock.
 */
bool mailbox_hand_over_locked(struct vcpu *vcpu);

#endif
