/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Which version of Hafnium is played: everything that differs by version is a
 * field here, and nothing else asks for a version.
 */
#ifndef HYP_LEVEL_H
#define HYP_LEVEL_H

#include "types.h"

struct level {
	const char *name;
	/* What FFA_VERSION answers; from 1.1 on, descriptors by negotiation. */
	u32 ffa_version;
	/* w2 of FFA_ERROR fills 64 bits with its sign. */
	bool sign_extended_errors;
	bool rxtx_unmap;
	/* "Run that vCPU" is 0xff07 instead of FFA_INTERRUPT with another w1. */
	bool wake_up_exit;
	/* The notify flag is heard, WAITER_GET and WRITABLE_GET answer. */
	bool waiter_list;
	bool inject;
	/* Remaining nanoseconds in exits; an expired timer makes a vCPU runnable. */
	bool timeouts;
	/* FFA_FEATURES knows the notification calls, which are refused all the same. */
	bool notification_ids;
	/* FFA_FEATURES(FFA_MSG_SEND2) succeeds. */
	bool msg_send2;
	/* A message that was there before MSG_WAIT or MSG_POLL leaves RX writable. */
	bool rx_overwrite;
	/* A waiting vCPU that is run for nothing returns to its guest with FFA_RUN. */
	bool wait_returns_run;
};

/* Set once at boot, before any VM runs. */
extern const struct level *level;

/* Picks a level by name ("2.7"); false if there is none of that name. */
bool level_select(const char *name);

#endif
