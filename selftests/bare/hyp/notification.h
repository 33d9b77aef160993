/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Notifications, as far as VMs without an FF-A manifest have them: nothing can be
 * bound or set, and the framework's "RX full" is all that ever is pending.
 */
#ifndef HYP_NOTIFICATION_H
#define HYP_NOTIFICATION_H

#include "mailbox.h"

/* Serves the notification call in @current's registers; false if it is none. */
bool notification_call(struct vcpu *current, struct ffa_value *result);

#endif
