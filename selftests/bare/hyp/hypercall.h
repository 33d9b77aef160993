/* SPDX-License-Identifier: GPL-2.0 */
/* Calls of guests: who answers which function, and FF-A's general ones. */
#ifndef HYP_HYPERCALL_H
#define HYP_HYPERCALL_H

#include "run.h"

/*
 * Serves the call in @vcpu's registers and leaves the result there. @smc: it
 * came by SMC, by which only PSCI answers.
 */
void hypercall(struct vcpu *vcpu, bool smc, struct exit *exit);

struct ffa_value ffa_success(void);
struct ffa_value ffa_error(s32 error);

#endif
