/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Waiting for messages: which vCPUs of a VM are in FFA_MSG_WAIT, and whether the
 * VM can take another message.
 */
#ifndef HF_WAIT_H
#define HF_WAIT_H

#include "hf_vm.h"

/**
 * hf_wait_may_send_locked() - whether a message should go to EL2 now
 *
 * Context: under vm->wait_lock. If not, a later exit of one of the VM's vCPUs changes that.
 */
bool hf_wait_may_send_locked(const struct hf_vm *vm);

/**
 * hf_wait_needs_exits() - whether any exit, also an enforced one, may change that
 *
 * Context: any.
 */
bool hf_wait_needs_exits(const struct hf_vm *vm);

/* Whether a vCPU is between two stays in FFA_MSG_WAIT, as far as its exits tell. Any context. */
bool hf_wait_is_serving(const struct hf_vm *vm);

/* EL2 has accepted a message for @vm; hf_wait_notify() is owed. Under vm->wait_lock. */
void hf_wait_accepted_locked(struct hf_vm *vm);

/*
 * EL2 holds a message for @vm: make one of its vCPUs run. Any context, may hold raw
 * spinlocks; unless @here, for then the caller may come to run the vCPU itself, as
 * hf_vcpu_request_here() says.
 */
void hf_wait_notify(struct hf_vm *vm, bool here);

/* Pend @intid in the VM, and run whichever vCPU may take it. Any context. */
void hf_wait_interrupt(struct hf_vm *vm, u32 intid);

/* The same on one vCPU, below vm->max_vcpus; as hf_ffa_interrupt_inject(). Any context. */
int hf_wait_interrupt_vcpu(struct hf_vm *vm, u16 index, u32 intid);

/* Set a notification and run a vCPU that waits; as hf_ffa_notification_set(). Any context. */
int hf_wait_notification(struct hf_vm *vm, u8 number);

/*
 * The following are called by the runner of @vcpu. hf_wait_begin(): it exited with
 * FFA_MSG_WAIT. If there may be a message already, HF_REQ_MESSAGE is requested of it.
 */
void hf_wait_begin(struct hf_vcpu *vcpu);

/**
 * hf_wait_end() - @vcpu is to be run because of @requests
 *
 * Return: false if it may not be run now: it waits, and there is no reason, or it would
 * get a message that is another vCPU's. A reason that is only early is kept, and
 * HF_REQ_WAKE comes when it is time.
 */
bool hf_wait_end(struct hf_vcpu *vcpu, unsigned long requests);

/* Whether hf_wait_exit() wants to know hf_vcpu.stay_ns. */
static inline bool hf_wait_wants_stay(const struct hf_vcpu *vcpu)
{
	return hf_ffa_features.rx_overwrite && test_bit(vcpu->index, vcpu->vm->pollers);
}

/* Whether messages wait until @vcpu is back in FFA_MSG_WAIT, or off. By its runner. */
bool hf_wait_is_reader(const struct hf_vcpu *vcpu);

/* @vcpu exited with anything but FFA_MSG_WAIT; @rests: it sleeps by its own will. */
void hf_wait_exit(struct hf_vcpu *vcpu, enum hf_exit_kind kind, bool rests);

#endif
