/* SPDX-License-Identifier: GPL-2.0 */
/* The test calls of lib/testcall.h and the places in the code they act on. */
#ifndef HYP_TESTCALLS_H
#define HYP_TESTCALLS_H

#include "run.h"

/* A call by the primary. False: not a test call. */
bool testcall(const u64 *x, s64 *result);

void testcall_count(struct vcpu *vcpu, unsigned int counter);

/* @vcpu passes @point. No lock may be held. */
void testcall_point(struct vcpu *vcpu, u32 point);

/* Anywhere without a lock: time may pass here, as HFT_JITTER says. */
void testcall_jitter(void);

/* HFT_KILL by a secondary. */
void testcall_kill(struct vcpu *vcpu, struct exit *exit);
/* HFT_SIGNAL by a secondary. */
u64 testcall_signal(const struct vm *vm);

/* The primary calls @func: true if it has to fail, with @error. */
bool testcall_fails(u32 func, s32 *error);

/* The primary runs @vcpu: true if it has to see @value instead. */
bool testcall_forged_exit(struct vcpu *vcpu, struct ffa_value *value);

#endif
