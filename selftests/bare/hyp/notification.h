/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Notifications: a VM with support for them binds bits to senders, which set them,
 * and gets those that are set. Nobody is interrupted or woken by one. A VM without
 * has the framework's "RX full" alone.
 */
#ifndef HYP_NOTIFICATION_H
#define HYP_NOTIFICATION_H

#include "mailbox.h"

#define NOTIFICATIONS_MAX	64

/* Bits that are set; those of them that INFO_GET told the primary. */
struct notified {
	u64 pending;
	u64 told;
};

/* All under the VM's lock. */
struct notifications {
	u16 sender[NOTIFICATIONS_MAX];	/* 0 = not bound */
	u64 per_vcpu;			/* bound as such */
	struct notified framework;
	struct notified global;
	struct notified vcpus[VCPUS_MAX];
};

/* Serves the notification call in @current's registers; false if it is none. */
bool notification_call(struct vcpu *current, struct ffa_value *result);

/* A message of FFA_MSG_SEND2 is in the VM's RX page. Under its lock. */
void notification_rx_full_locked(struct vm *vm);

#endif
