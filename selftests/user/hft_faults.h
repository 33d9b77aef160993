/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The kernel's fault injection: the n-th point of what this thread does next
 * at which memory is allocated, or copied from or to userspace, fails.
 */
#ifndef HFT_FAULTS_H
#define HFT_FAULTS_H

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include <hf/socket.h>

/* More points than any operation has. */
#define HFT_FAULTS_MAX	1000000

/* Turns it on, for sleeping allocations too. False if this kernel cannot. */
bool hft_fault_setup(void);
/* From here on the nth point fails. */
void hft_fault_arm(unsigned int nth);
/*
 * No more failures. True if there was one; else, how many more points there
 * had to be is written to left, unless that is NULL.
 */
bool hft_fault_disarm(unsigned int *left);

/* The same for another thread, of the kernel as well: 0 or -1. */
int hft_fault_arm_thread(pid_t pid, unsigned int nth);
int hft_fault_disarm_thread(pid_t pid, bool *failed);

/* What an operation works with. Files are closed after it unless they are -1. */
struct hft_stage {
	unsigned int vm;
	int fd;
	int other_fd;
	int control;
	char buf[HF_MSG_PAYLOAD_MAX];
};

/* An operation: what has to be there before a call, the call, what holds after it. */
struct hft_op {
	const char *name;
	/* Before the call, without failures: 0 or -1. */
	int (*prepare)(struct hft_stage *stage);
	/* The call: 0 or a negative errno. */
	int (*act)(struct hft_stage *stage);
	/* After it, whether it worked (err = 0) or not: 0, or -1 if something is wrong. */
	int (*check)(struct hft_stage *stage, int err);
	/* Which errnos it may say when something failed; EFAULT only if it copies. */
	int errors[4];
	/* It allocates and copies nothing: no point has to be found. */
	bool no_points;
};

static inline int hft_result(long ret)
{
	return ret < 0 ? -errno : 0;
}

/*
 * For n = 1, 2, ... the operation with a failure at its n-th point, each time
 * followed by one without, until it has no more points. Returns how many there
 * were, or -1 if one of them was not handled, or there were none, though there
 * should be; says so on stderr.
 */
int hft_faults_each(const struct hft_op *op, unsigned int vm);

#endif
