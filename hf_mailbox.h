/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Mailboxes: what an exit says of them, ours and those of VMs.
 */
#ifndef HF_MAILBOX_H
#define HF_MAILBOX_H

#include "hf_vm.h"

/* Prepare what is @vm's of this and of hf_flow.h. Before hf_vm_start_all(). */
void hf_mailbox_init_vm(struct hf_vm *vm);

/* Free what is still queued for any VM. After all threads ended; may sleep. */
void hf_mailbox_purge_all(void);

/*
 * EL2 holds a message for @vm that we did not send: make one of its vCPUs run.
 * Interrupts are disabled.
 */
void hf_mailbox_arrived(struct hf_vm *vm);

/*
 * What the RX page holds from before the module was loaded is gone, and VMs can send
 * to us. Module init, after the pages were mapped; may be repeated.
 */
void hf_mailbox_clear(void);

/**
 * hf_mailbox_exit() - a vCPU exited: what must not wait, and what other VMs wait
 * for
 *
 * Context: the runner of @vcpu, interrupts disabled. hf_mailbox_finish() has to
 * follow.
 */
void hf_mailbox_exit(struct hf_vcpu *vcpu, enum hf_exit_kind kind,
		     const struct hf_ffa_exit *exit);

/*
 * The rest: deliver what was taken, and send what the exit made room for. Process
 * context, may hold no lock; does not sleep.
 */
void hf_mailbox_finish(struct hf_vcpu *vcpu);

#endif
