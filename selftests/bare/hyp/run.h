/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Running guests: the primary for ever, a secondary from FFA_RUN to its exit.
 */
#ifndef HYP_RUN_H
#define HYP_RUN_H

#include "vm.h"

/*
 * How a secondary's exit travels from whoever decides on it to FFA_RUN. The
 * guest's own registers hold what its call returns when it runs again.
 */
struct exit {
	bool leave;
	struct ffa_value value;
	enum vcpu_state state;
};

/* Leave with w0 = @func, w1 = the vCPU itself. */
void exit_to_primary(struct exit *exit, const struct vcpu *vcpu, u64 func,
		     enum vcpu_state state);

/* Leave because @target has something to do; @vcpu stays ready. */
void exit_wake(struct exit *exit, const struct vcpu *target);

/* The VM is finished: no vCPU of it is entered again. */
void exit_abort(struct exit *exit, struct vcpu *vcpu);

/* FFA_RUN by the primary's vCPU @primary, which is the CPU's. */
struct ffa_value run_vcpu(struct vcpu *primary, u64 target);

/* Makes this CPU the primary's vCPU @primary and never returns. */
void run_primary(struct vcpu *primary) __attribute__((noreturn));

#endif
