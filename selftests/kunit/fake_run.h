/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * vCPUs of the hypervisor that does what a test says.
 *
 * What FFA_RUN answers is a queue of steps per vCPU; when that is empty the VM's
 * guest function is asked or, without one, the vCPU waits for an interrupt. A step
 * can hold the thread inside FFA_RUN or call a function there, so that anything can
 * happen "meanwhile".
 */
#ifndef HF_KUNIT_FAKE_RUN_H
#define HF_KUNIT_FAKE_RUN_H

#include <linux/completion.h>
#include <linux/list.h>

#include "../../hf_vm.h"

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
	bool takes_interrupt[HF_INTIDS]; /* enabled in the guest, by number */
	int injected[HF_INTIDS];
	unsigned long requests;		/* as they were at the last FFA_RUN */
	u64 pause_ns;			/* before it, since the one before it ended */
	u64 ended_ns;
};

/* EL2 has told that this vCPU is on. */
void fake_switch_on(struct hf_vcpu *vcpu);

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

#endif
