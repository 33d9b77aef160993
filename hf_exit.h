/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Exits: what FFA_RUN's answers mean, and what each asks for.
 */
#ifndef HF_EXIT_H
#define HF_EXIT_H

#include <linux/limits.h>
#include <linux/time64.h>

#include "hf_ffa.h"

/* What FFA_RUN's answers mean; hf_exit.c turns one into the other. */
enum hf_exit_kind {
	HF_EXIT_NONE,
	HF_EXIT_INTERRUPT,
	HF_EXIT_INTERRUPT_OTHER,
	HF_EXIT_YIELD,
	HF_EXIT_MSG_WAIT,
	HF_EXIT_WFI,
	HF_EXIT_WAKE_UP,
	HF_EXIT_MSG_SEND,
	HF_EXIT_RX_RELEASE,
	HF_EXIT_ABORTED,
	HF_EXIT_BUSY,
	HF_EXIT_OFF,
	HF_EXIT_ERROR,
	HF_EXIT_UNKNOWN,
	HF_EXIT_COUNT,
};

/* What an exit's handler returns: run again at once, or not before a request. */
#define HF_RUN_AGAIN		0ULL
#define HF_UNTIL_REQUEST	U64_MAX

/* Pause after an exit that makes no sense: doubles from the first to the last. */
#define HF_BACKOFF_MIN_NS	(1ULL * NSEC_PER_MSEC)
#define HF_BACKOFF_MAX_NS	(1ULL * NSEC_PER_SEC)

struct hf_vcpu;

/*
 * Record an exit, and do what other VMs wait for. By the vCPU's runner, with
 * interrupts disabled; hf_exit_finish() has to follow.
 */
void hf_exit_take(struct hf_vcpu *vcpu, const struct hf_ffa_exit *exit);

/**
 * hf_exit_finish() - do the rest of what an exit asks for
 *
 * Sets hf_vcpu.deadline: when the vCPU has something to do again unless there is a
 * request; 0 = now, KTIME_MAX = never.
 * Context: the vCPU's runner, may hold no lock; does not sleep.
 */
void hf_exit_finish(struct hf_vcpu *vcpu, const struct hf_ffa_exit *exit);

/**
 * hf_exit_resume() - the vCPU is to be entered again because of @requests
 *
 * It no longer waits then, and gets what is there. Context: as hf_exit_finish().
 * Return: false if it may not be entered now: it is off, or has no reason to run.
 */
bool hf_exit_resume(struct hf_vcpu *vcpu, unsigned long requests);

/* The runner leaves the vCPU: deliver what hf_exit_finish() left for the next exit. */
void hf_exit_deliver(struct hf_vcpu *vcpu);

const char *hf_exit_name(enum hf_exit_kind kind);

#endif
