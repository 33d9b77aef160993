/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The real hf_ffa.c, with another instruction in the place of HVC: it notes the
 * arguments and answers with what the test has put there.
 *
 * What hf_ffa.c defines has other names here, so that it can stand beside the fake
 * in one module. To be included before anything that includes hf_ffa.h.
 */
#ifndef HF_KUNIT_REAL_FFA_H
#define HF_KUNIT_REAL_FFA_H

#define hf_ffa_features			real_ffa_features
#define hf_ffa_probe			real_ffa_probe
#define hf_ffa_rxtx_map			real_ffa_rxtx_map
#define hf_ffa_rxtx_unmap		real_ffa_rxtx_unmap
#define hf_ffa_vm_exists		real_ffa_vm_exists
#define hf_ffa_notification_set		real_ffa_notification_set
#define hf_ffa_notification_bind	real_ffa_notification_bind
#define hf_ffa_notification_unbind	real_ffa_notification_unbind
#define hf_ffa_notification_get		real_ffa_notification_get
#define hf_ffa_rx_full			real_ffa_rx_full
#define hf_ffa_rx_release		real_ffa_rx_release
#define hf_ffa_msg_send			real_ffa_msg_send
#define hf_ffa_run			real_ffa_run
#define hf_ffa_mailbox_writable_get	real_ffa_mailbox_writable_get
#define hf_ffa_mailbox_waiter_get	real_ffa_mailbox_waiter_get
#define hf_ffa_interrupt_inject		real_ffa_interrupt_inject

#include <kunit/test.h>
#include <linux/arm-smccc.h>

#include "../../hf_ffa.h"

struct real_cpu {
	/* Set by tests. */
	u64 pfr0;
	bool in_hyp_mode;
	struct arm_smccc_1_2_regs answer;
	u32 features[6];		/* functions that FFA_FEATURES knows */
	u32 version;			/* what FFA_VERSION answers, if probed */
	u32 refuses_below;		/* it answers -1 to older versions, and to newer */
	u64 id[3];			/* x0..x2 of FFA_ID_GET, if probed */
	bool probing;
	bool binds;			/* the primary has support for notifications, if probed */
	void (*decide)(struct arm_smccc_1_2_regs *res);
	/* Read by tests. */
	struct arm_smccc_1_2_regs args;
	int calls;
	u32 asked[4];			/* FFA_VERSION was asked for this */
	int versions_asked;
	bool asked_before;		/* something else was asked before the version */
};

extern struct real_cpu cpu;

/* The forms in which 32 bits may come in a register. */
#define REAL_FORMS	3

extern const char * const real_forms[REAL_FORMS];
u64 real_form(int i, u32 value);

/* The codes of the specification, and some that are none. */
#define REAL_CODES	14

extern const int real_codes[REAL_CODES];

/* In bed.c, whose header is for what stands on the fake. */
void bed_read_mutant_early(void);

/* The init of suites. */
int real_ffa_init(struct kunit *test);

#endif
