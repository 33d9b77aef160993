/* SPDX-License-Identifier: GPL-2.0 */
/* Virtual interrupts of secondaries: 64 ids without priorities, on two lines. */
#ifndef HYP_IRQ_H
#define HYP_IRQ_H

#include "run.h"

/* The calls; results as the guest or the primary gets them. */
s64 irq_enable(struct vcpu *vcpu, u64 intid, bool enable, u64 type);
s64 irq_get(struct vcpu *vcpu);
s64 irq_inject(struct vcpu *current, u64 vm_id, u64 index, u64 intid, struct exit *exit);

/* An interrupt is enabled and pending. Takes the vCPU's lock. */
bool irq_deliverable(struct vcpu *vcpu);
bool irq_deliverable_locked(const struct vcpu *vcpu);

/* Sets the pending bit; true if the vCPU became deliverable by it. */
bool irq_pend_locked(struct vcpu *vcpu, u64 intid);

/* HCR_EL2.VI and VF as the vCPU must be entered with. */
u64 irq_lines(struct vcpu *vcpu);

#endif
