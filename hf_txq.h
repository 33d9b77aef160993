/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What all flows to one VM share: its transmit queue. Owned by hf_flow.c.
 */
#ifndef HF_TXQ_H
#define HF_TXQ_H

#include <linux/list.h>
#include <linux/spinlock.h>
#include <linux/workqueue.h>

struct hf_txq {
	spinlock_t lock;		/* outside hf_vm.wait_lock */

	/* Under lock; others read with READ_ONCE(). */
	bool unseen;			/* run for a full mailbox that no exit explains */
	bool stuck;			/* and that did not help */
	struct list_head flows;		/* those with something to send, in turn */
	struct delayed_work retry_work;	/* tries again, and asks for exits */
	struct list_head refused;	/* flows that wait for room */
	unsigned int queued;		/* messages in all flows */
	unsigned int queued_bytes;	/* their memory */
	unsigned int closed_flows;	/* orphaned: closed, not yet empty */
	unsigned int closed_bytes;	/* what those have queued */
};

#endif
