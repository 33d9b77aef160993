/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Processes that account for each message they send to a VM that echoes, and a
 * load beside them that makes every gap between two steps of the driver long.
 *
 * As in hft.h: helpers decide no verdict. A sender gives up when nothing comes
 * back for LOSSLESS_PATIENCE_MS, several times, so a loss is counted, too.
 */
#ifndef HFT_LOSSLESS_H
#define HFT_LOSSLESS_H

#include "hft.h"

#define LOSSLESS_SENDERS	8
#define LOSSLESS_WINDOW		4	/* messages of a sender under way */
#define LOSSLESS_PATIENCE_MS	20000

struct lossless_account {
	unsigned long sent, received;
	unsigned long distinct;		/* received for the first time */
	unsigned long twice;
	unsigned long foreign;		/* not what this sender sent, or changed */
	unsigned long stalls;		/* nothing came for LOSSLESS_PATIENCE_MS */
	unsigned long dropped;		/* for which there was no socket, or bad ones */
	unsigned long unsafe;		/* at EL2: overwritten, discarded or handed over twice */
};

struct lossless_sender {
	unsigned int index, vm;
	unsigned long messages;		/* to be sent; 0 = until stopped */
	volatile bool stop;
	pid_t pid;
	uint32_t random;
	volatile struct lossless_account account;
	char error[160];
};

/*
 * LOSSLESS_SENDERS processes, each with so many messages, to the VMs in turn.
 * In memory shared with the test; NULL = no memory.
 */
struct lossless_sender *lossless_start(const unsigned int *vms, unsigned int nr_vms,
				       unsigned long messages);
/* Waits for all to end, after telling them to if @stop; the sums of all accounts. */
struct lossless_account lossless_finish(struct lossless_sender *senders, bool stop);
/* Sent = received = distinct, and nothing else. */
bool lossless_is_good(const struct lossless_account *account);
/* A line on stderr. */
void lossless_print(const struct lossless_account *account);
/* start, finish, and what the VM's counters of dropped messages say. */
struct lossless_account lossless_run(unsigned int vm, unsigned long messages);
/* Messages that one VM sent and the driver dropped, -1 = unknown. */
int64_t lossless_dropped(unsigned int vm);
/* What EL2 counts as danger for messages to the VM, whether or not it did harm. */
int64_t lossless_unsafe(unsigned int vm);

/*
 * Four busy processes and, on the test hypervisor, random delays up to 100 ms
 * and vCPUs of @vm (0 = none) held where they have just taken a message.
 */
void lossless_load_start(unsigned int vm, unsigned int vcpus);
void lossless_load_stop(void);

/* One message as senders send it: its length; is it one of theirs? */
size_t lossless_fill(uint8_t *buf, unsigned int index, uint64_t number, size_t len);
bool lossless_is(const uint8_t *buf, size_t len, unsigned int index, uint64_t *number);

#endif
