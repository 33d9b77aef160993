/* SPDX-License-Identifier: GPL-2.0 */
/* PSCI: forwarded for the primary, played for secondaries. */
#ifndef HYP_PSCI_H
#define HYP_PSCI_H

#include "run.h"

/* Serves the call in @vcpu's registers if it is one of PSCI's. */
bool psci_call(struct vcpu *vcpu, struct exit *exit);

/* Boot only: marks the boot CPU as on. */
void psci_init(void);

#endif
