/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A hypervisor that does what a test says: it stands in for hf_ffa.c.
 *
 * Each VM has a mailbox for one message, as at EL2. What FFA_RUN answers is a
 * queue of steps per vCPU; when that is empty the vCPU waits for an interrupt.
 * A step can hold the thread inside FFA_RUN or call a function there, so that
 * anything can happen "meanwhile". It also watches the driver: a rule that is
 * broken fails the test at its end.
 */
#ifndef HF_KUNIT_FAKE_H
#define HF_KUNIT_FAKE_H

#include <linux/completion.h>
#include <linux/list.h>

#include "../../hf_vm.h"

#define FAKE_VMS	48	/* ids below this */
#define FAKE_VCPUS	(HF_VCPUS_NAMED_MAX + 1)

/* Hafnium's releases, as far as they differ; the number is the first of its kind. */
enum fake_release {
	FAKE_V2_4,	/* FF-A 1.0: the list of VMs, and a list of waiters */
	FAKE_V2_6,	/* no lists; FFA_NOTIFICATION_SET tells which VMs exist */
	FAKE_V2_8,	/* a VM can fill the primary's mailbox by FFA_MSG_SEND2 */
	FAKE_V2_9,	/* a mailbox is free as soon as its message was taken */
	FAKE_V2_12,	/* FFA_MSG_WAIT returns when the vCPU is run; no injection */
	FAKE_V2_14,	/* a vCPU that is switched on again must not be run */
};

/* Hypercalls, to count them and to let them fail. */
enum fake_call {
	FAKE_RXTX_MAP,
	FAKE_RXTX_UNMAP,
	FAKE_PARTITION_INFO_GET,
	FAKE_RX_RELEASE,
	FAKE_VM_EXISTS,
	FAKE_RX_FULL,
	FAKE_MSG_SEND,
	FAKE_RUN,
	FAKE_WRITABLE_GET,
	FAKE_WAITER_GET,
	FAKE_INJECT,
	FAKE_CALLS,
};

enum fake_hold {
	FAKE_NO_HOLD,
	FAKE_HOLD,		/* until fake_release() */
	FAKE_HOLD_UNTIL_KICKED,	/* that, or until the driver kicks the vCPU out */
};

/**
 * struct fake_step - one stay of a vCPU in its guest
 * @exit:   What FFA_RUN answers.
 * @hold:   Whether the thread stays inside before that; interrupts are on there.
 * @inside: Called before that, interrupts off.
 * @takes:  The guest takes the message out of its mailbox, and begins to read it.
 * @reads:  The guest has read what it took when it exits. FFA_MSG_WAIT says so as well.
 * @sends:  The guest sends this to the primary: @len bytes go into the RX page.
 * @len:    Of @sends; the exit's length is separate, so that it can lie.
 * @unseen: By FFA_MSG_SEND2: it is in the RX page, and the exit does not tell.
 */
struct fake_step {
	struct hf_ffa_exit exit;
	enum fake_hold hold;
	void (*inside)(struct hf_vcpu *vcpu);
	bool takes;
	bool reads;
	const void *sends;
	u32 len;
	bool unseen;

	/* Read by tests. */
	bool interrupted;		/* a kick was pending at FFA_RUN: it would end */

	/* Of the fake. */
	struct list_head node;		/* in the vCPU's queue */
	struct list_head all;
	struct completion entered, go;
};

struct fake_vcpu {
	struct list_head steps;
	int runs;
	bool inside;
	bool on;			/* it is, and the driver was told */
	bool told;			/* that, since the last FFA_RUN began */
	bool was_on;			/* it has been in the guest */
	bool restarted;			/* it was off, and is on again */
	bool waits;			/* in FFA_MSG_WAIT */
	bool reads;			/* it took a message and has not read it */
	int stage;			/* of fake_vm.guest */
	bool takes_interrupt[3];	/* enabled in the guest, by number */
	int injected[3];
	unsigned long requests;		/* as they were at the last FFA_RUN */
	u64 pause_ns;			/* before it, since the one before it ended */
	u64 ended_ns;
};

struct fake_vm {
	struct fake_vcpu vcpus[FAKE_VCPUS];
	bool exists;			/* also if the driver does not know it */
	int nr_vcpus;			/* that it has, 0 = as the driver has it */
	bool full;			/* the mailbox */
	bool handed;			/* FFA_RUN has told a vCPU of what is in it */
	bool aborted;
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
	s64 writable[40];		/* what HF_MAILBOX_WRITABLE_GET answers, 0 = -1 */
	void *descs;			/* what FFA_PARTITION_INFO_GET writes */
	u32 descs_len, desc_count;
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

/* EL2 has told that this vCPU is on. */
void fake_switch_on(struct hf_vcpu *vcpu);

/* A VM's FFA_MSG_SEND2 to the primary, which no exit tells of. */
void fake_send_unseen(const void *page, u32 len);

/* By hand, without an FFA_RUN: a vCPU is entered, takes a message, has read it, waits. */
void fake_enter(struct hf_vcpu *vcpu);
void fake_take(struct hf_vcpu *vcpu);
void fake_read(struct hf_vcpu *vcpu);
void fake_wait(struct hf_vcpu *vcpu);

/* Queue a step; returns the fake's copy, which lives until the end of the test. */
struct fake_step *fake_step(struct hf_vcpu *vcpu, const struct fake_step *step);

/* The same for a step that is nothing but an exit. */
void fake_exit(struct hf_vcpu *vcpu, u32 func, int error, u64 timeout_ns);

/* With interrupts off: is a kick pending on this CPU? It would end the guest's run. */
bool fake_interrupted(void);

/* Wait until the thread is inside a held step. False if it does not get there. */
bool fake_entered(struct fake_step *step);
void fake_release(struct fake_step *step);
/* From now on nothing is held. */
void fake_release_all(void);

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
