/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * vCPUs of secondary VMs: one kernel thread per vCPU that runs it.
 *
 * The wake-up protocol, its states and its proofs: Documentation/wake-up.rst.
 */
#ifndef HF_VCPU_H
#define HF_VCPU_H

#include <linux/cache.h>
#include <linux/hrtimer.h>

#include "hf_exit.h"

/* Run state of a vCPU; Documentation/wake-up.rst draws the transitions. */
enum hf_vcpu_mode {
	HF_VCPU_OUTSIDE,	/* in the kernel, will look at its requests */
	HF_VCPU_IN_GUEST,	/* past the last look, in FFA_RUN or about to be */
	HF_VCPU_EXITING,	/* as IN_GUEST, and an IPI is on its way */
	HF_VCPU_BLOCKED,	/* not run: its thread sleeps, or will look again */
};

/* Why a vCPU's thread has to look up. Any request makes it run the vCPU. */
enum hf_vcpu_request {
	HF_REQ_MESSAGE,		/* its VM got a message while it waited for one */
	HF_REQ_INTERRUPT,	/* a virtual interrupt was injected */
	HF_REQ_TIMER,		/* the timeout of its last exit is over */
	HF_REQ_WAKE,		/* the driver says so */
	HF_REQ_STOP,		/* the thread has to end */
	HF_REQ_ON,		/* EL2 named it: it is on, and has to run */
};

struct hf_vm;

/* What a vCPU that polls did since a message was accepted; hf_wait.c. */
struct hf_polling {
	u32 yields;
	u64 guest_ns;			/* between interrupts */
	bool answered;
	bool has_read;
};

struct hf_vcpu {
	/* Set before the thread starts, then constant. */
	struct hf_vm *vm;
	struct task_struct *task;
	u16 index;

	/* Module init and exit only. */
	bool stopped;

	/* Any CPU; Documentation/wake-up.rst names the writers. */
	unsigned long requests;		/* bits of enum hf_vcpu_request */
	int mode;			/* enum hf_vcpu_mode; BLOCKED can be taken */
	struct task_struct *runner;	/* task that entered the guest last */
	atomic_long_t kicks;		/* IPIs sent */

	/* The runner only; counters are read for display. */
	bool off;			/* EL2 has not named it, or says that it is off */
	bool restarted;			/* was off, is on, and was not seen to run since */
	bool waiting;			/* its bit in vm->waiting is set */
	bool computes;			/* interrupted twice with nothing between */
	bool lingers;			/* interrupted after its last answer */
	u8 looks;			/* in WFI, or of exits in a row that said busy */
	unsigned long early;		/* requests that wait for hf_vm.readers */
	u64 backoff_ns;			/* next pause after an error */
	ktime_t deadline;		/* when to run it again without a request */
	struct hrtimer timer;
	bool timed;			/* the timer was started */
	struct hf_vm *unseen;		/* the last exit brought a message of it by FFA_MSG_SEND2 */
	ktime_t exited;			/* when, if the exit came with a timeout */
	enum hf_exit_kind last_exit;
	u32 epoch;			/* of its VM, when it was last entered */
	struct hf_polling polling;	/* since that epoch began */
	u64 stay_ns;			/* pollers: in the guest, the last time */
	u64 runs;
	u64 wakes;			/* returns from sleep */
	u64 spurious;			/* runs of a waiting vCPU without a reason */
	u64 exits[HF_EXIT_COUNT];
} ____cacheline_aligned_in_smp;

/* Prepare a zeroed vCPU and create its thread, stopped. 0 or a negative errno. */
int hf_vcpu_create(struct hf_vcpu *vcpu, struct hf_vm *vm, u16 index);
void hf_vcpu_start(struct hf_vcpu *vcpu);
void hf_vcpu_stop(struct hf_vcpu *vcpu);
/* After hf_vcpu_stop(); frees what the vCPU owns, not @vcpu. */
void hf_vcpu_destroy(struct hf_vcpu *vcpu);

/**
 * hf_vcpu_request() - make a request of a vCPU and see that its thread looks at it
 *
 * What the request is about (driver state or EL2's) must be stored before.
 * Context: any, hard interrupt included. Callable until
 * hf_vm_destroy_all(): a thread that has ended takes no harm.
 */
void hf_vcpu_request(struct hf_vcpu *vcpu, enum hf_vcpu_request request);

/*
 * The same from a process that holds no lock, with preemption disabled (not so with
 * PREEMPT_RT): runs the vCPU here if it has no runner, and this CPU may.
 */
void hf_vcpu_request_here(struct hf_vcpu *vcpu, enum hf_vcpu_request request);

/**
 * hf_vcpu_kick_out() - end the vCPU's stay in the guest, if it is there
 *
 * For what its next exit tells. Context: any.
 */
void hf_vcpu_kick_out(struct hf_vcpu *vcpu);

#endif
