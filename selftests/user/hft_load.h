/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Fast pairs: processes that echo numbered messages with `echo` or `vsock`
 * guests as fast as they can, and count. What their rate is worth while something
 * else goes on shows in turns, without it and with it, so that a machine that
 * gets slower meanwhile counts in both.
 */
#ifndef HFT_LOAD_H
#define HFT_LOAD_H

#include "hft.h"

#define HFT_PAIRS		6
#define HFT_NUMBERED_MIN	16	/* bytes of a numbered message, at least */

enum hft_phase { HFT_BETWEEN, HFT_ALONE, HFT_BESIDE, HFT_PHASES };

struct hft_load {
	volatile enum hft_phase phase;
	volatile bool stop;
	int family, type;		/* of the sockets */
	int64_t since_ns;		/* when the phase began */
	int64_t ns[HFT_PHASES];		/* how long each was on, in all */
	struct hft_pair {
		struct hft_load *load;
		unsigned int vm;
		pid_t pid;
		volatile uint64_t count[HFT_PHASES];
		char error[128];	/* empty = nothing lost, nothing wrong */
	} pair[HFT_PAIRS];
};

/*
 * Pairs of such sockets, on the first `vms` echo guests in turn, vsock guests for
 * AF_VSOCK; NULL = it cannot.
 */
struct hft_load *hft_load_start(int family, int type, unsigned int vms);
/* From now on it is that phase; HFT_BETWEEN at first. */
void hft_load_turn(struct hft_load *load, enum hft_phase phase);
/* Stops all; false if one of them saw an error, or did not stop. */
bool hft_load_stop(struct hft_load *load);
/* Round trips a second, of all pairs. */
double hft_load_rate(const struct hft_load *load, enum hft_phase phase);
/* HFT_BESIDE in percent of HFT_ALONE; says so on stderr. */
double hft_load_kept(const struct hft_load *load, const char *beside);
/* Sends a numbered message: its number, the sum of what follows, what follows. 0 or -1. */
int hft_give(int fd, uint64_t number, size_t len);
/* Receives a message and demands that it be this number: 0, or -1 with a line on stderr. */
int hft_take(int fd, uint64_t number);
/* HF_SECONDS and the like, or what it is otherwise. */
unsigned long hft_number(const char *name, unsigned long otherwise);
/* The number of a line of /proc/meminfo, in KiB. */
long hft_meminfo(const char *name);

#endif
