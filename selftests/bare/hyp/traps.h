/* SPDX-License-Identifier: GPL-2.0 */
/* Why a guest stopped, and what is done about it. */
#ifndef HYP_TRAPS_H
#define HYP_TRAPS_H

#include "run.h"

/* @kind is EXIT_* of arch.h. */
void trap_secondary(struct vcpu *vcpu, u64 kind, struct exit *exit);
void trap_primary(struct vcpu *vcpu, u64 kind);

#endif
