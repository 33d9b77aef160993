/* SPDX-License-Identifier: GPL-2.0 */
/* Discovery: which VMs there are, by two calls. */
#ifndef HYP_PARTITION_H
#define HYP_PARTITION_H

#include "mailbox.h"

/* FFA_PARTITION_INFO_GET with the arguments in @current's registers. */
struct ffa_value partition_info(struct vcpu *current);

/* FFA_PARTITION_INFO_GET_REGS; results go to x0..x17. */
void partition_info_regs(struct vcpu *current);

#endif
