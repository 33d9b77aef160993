/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * VMs that wait for messages, on releases that free a mailbox while its message is
 * read. The fake says so if a message goes over one that is being read, if two vCPUs
 * are handed the same one, and if a vCPU that waits is run for nothing.
 */
#ifndef HF_KUNIT_BED_WAIT_H
#define HF_KUNIT_BED_WAIT_H

#include "bed_flow.h"

static const enum fake_release bed_releases[] = { FAKE_V2_9, FAKE_V2_12, FAKE_V2_14 };

/* A VM whose vCPUs all wait, on that release; nothing happens but by the test. */
static inline struct hf_vm *bed_waiting_vm(struct kunit *test, u16 id, u16 nr_vcpus)
{
	struct hf_vm *vm = bed_vm(test, id, nr_vcpus);
	int i;

	bed_stop_clock(vm);
	for (i = 0; i < nr_vcpus; i++) {
		KUNIT_EXPECT_TRUE(test, bed_enter_by_hand(&vm->vcpus[i], 0));
		bed_exit_by_hand(&vm->vcpus[i], HF_EXIT_MSG_WAIT, 0, 0, 0);
	}
	return vm;
}

/* The vCPU runs for the message that was sent last, and takes it. */
static inline void bed_take_message(struct kunit *test, struct hf_vcpu *vcpu)
{
	KUNIT_EXPECT_TRUE(test, bed_requested(vcpu, HF_REQ_MESSAGE));
	KUNIT_EXPECT_TRUE(test, bed_enter_by_hand(vcpu, xchg(&vcpu->requests, 0)));
	fake_take(vcpu);
}

static inline void bed_wait_again(struct hf_vcpu *vcpu)
{
	bed_exit_by_hand(vcpu, HF_EXIT_MSG_WAIT, 0, 0, 0);
}

/* Runs of a tick each that show once and for all that a vCPU does something else. */
#define BED_COMPUTES	10

static inline void bed_compute(struct hf_vcpu *vcpu)
{
	vcpu->stay_ns = 10 * NSEC_PER_MSEC;
	bed_exit_by_hand(vcpu, HF_EXIT_INTERRUPT, 0, 0, 0);
	bed_enter_by_hand(vcpu, 0);
}

#endif
