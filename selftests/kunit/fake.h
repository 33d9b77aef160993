/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A hypervisor that does what a test says: it stands in for hf_ffa.c.
 *
 * Each VM has a mailbox for one message, as at EL2; fake_run.h has the vCPUs. The
 * fake also watches the driver: a rule that is broken fails the test at its end.
 */
#ifndef HF_KUNIT_FAKE_H
#define HF_KUNIT_FAKE_H

#include <linux/list.h>

#include "fake_run.h"

#define FAKE_VMS	48	/* ids below this */
#define FAKE_VCPUS	(HF_VCPUS_NAMED_MAX + 1)

/* Hafnium's releases, as far as they differ; the number is the first of its kind. */
enum fake_release {
	FAKE_V2_4,	/* FF-A 1.0: a list of waiters, no notifications */
	FAKE_V2_6,	/* no list; FFA_NOTIFICATION_SET tells which VMs exist */
	FAKE_V2_8,	/* a VM can fill the primary's mailbox by FFA_MSG_SEND2 */
	FAKE_V2_9,	/* a mailbox is free as soon as its message was taken */
	FAKE_V2_12,	/* FFA_MSG_WAIT returns when the vCPU is run; no injection */
	FAKE_V2_14,	/* a vCPU that is switched on again must not be run */
};

/* Hypercalls, to count them and to let them fail. */
enum fake_call {
	FAKE_RXTX_MAP,
	FAKE_RXTX_UNMAP,
	FAKE_RX_RELEASE,
	FAKE_VM_EXISTS,
	FAKE_RX_FULL,
	FAKE_MSG_SEND,
	FAKE_RUN,
	FAKE_WRITABLE_GET,
	FAKE_WAITER_GET,
	FAKE_INJECT,
	FAKE_NOTIFY,
	FAKE_BIND,
	FAKE_UNBIND,
	FAKE_NOTIFIED,
	FAKE_CALLS,
};

struct fake_vm {
	struct fake_vcpu vcpus[FAKE_VCPUS];
	bool exists;			/* also if the driver does not know it */
	int nr_vcpus;			/* that it has, 0 = as the driver has it */
	bool full;			/* the mailbox */
	bool handed;			/* FFA_RUN has told a vCPU of what is in it */
	bool aborted;
	u64 notified;			/* bits of its notifications */
	bool tells;			/* one was set since a vCPU that waits was run */
	int sent;			/* messages put into the mailbox */
	int taken;			/* and taken out of it */
	u64 names[64];			/* the first words of those */
	/* What its vCPUs do that have no step left; NULL = wait for an interrupt. */
	void (*guest)(struct hf_vcpu *vcpu, struct fake_step *step);
	u32 len;			/* of the last message */
	u8 mailbox[HF_MAILBOX_SIZE];
	s64 waiters[40];		/* what HF_MAILBOX_WAITER_GET answers, 0 = -1 */
	s64 endless_waiter;		/* or always this, if not 0 */
};

struct fake {
	/* Set by tests. */
	int errors[FAKE_CALLS];		/* answer of the next call, once; 0 = as it should be */
	bool fail_for_good;		/* that answer stays */
	void (*during_send)(u16 vm);	/* called inside FFA_MSG_SEND */
	void (*during_inject)(u16 vcpu, u32 intid); /* the same, in place of its effect */
	s64 writable[40];		/* what HF_MAILBOX_WRITABLE_GET answers, 0 = -1 */
	bool lenient;			/* FFA_RX_RELEASE without a message is no mistake */
	int no_threads;			/* so many kthread_create() fail */
	int no_threads_after;		/* but before that, so many do not */
	bool keeps_page;		/* FFA_RX_RELEASE leaves the RX page as it is */

	/* Read by tests. */
	int calls[FAKE_CALLS];
	bool mapped;
	bool rx_full;
	bool rx_unseen;			/* by FFA_MSG_SEND2, and nobody has asked yet */
	phys_addr_t tx, rx;
	bool notify;			/* of the last FFA_MSG_SEND */
	u16 binders[64];		/* who may set that notification of the primary */
	u64 pending;			/* what they have set */
	const char *broken;		/* the first rule that was broken */
	struct list_head steps;
	struct fake_vm vms[FAKE_VMS];
};

extern struct fake *fake;

/* Before and after each test. 0 or -ENOMEM. */
int fake_create(void);
void fake_destroy(void);

/* From now on be like that release; a new fake is like v2.4. */
void fake_be(enum fake_release release);

/* The VM is as it was at boot; there is none in the driver. */
void fake_forget(u16 vm);

/* A VM's FFA_MSG_SEND2 to the primary, which no exit tells of. */
void fake_send_unseen(const void *page, u32 len);

static inline struct fake_vm *fake_vm(const struct hf_vm *vm)
{
	return &fake->vms[vm->id];
}

static inline struct fake_vcpu *fake_vcpu(const struct hf_vcpu *vcpu)
{
	return &fake_vm(vcpu->vm)->vcpus[vcpu->index];
}

/* Hypercalls of one kind so far. */
static inline int fake_count(enum fake_call call)
{
	return READ_ONCE(fake->calls[call]);
}

#endif
