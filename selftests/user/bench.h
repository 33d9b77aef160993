/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the benchmarks share: rounds, senders that start together, and the line
 * that selftests/bench reads. Nothing here judges a figure; that is the host's.
 */
#ifndef HFT_BENCH_H
#define HFT_BENCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define BENCH_ROUNDS	4000
#define BENCH_WARMUP	400
#define BENCH_SMALL	32	/* bytes, where only one size is measured */

/*
 * An instruction that does nothing, for selftests/profile: between the mark of
 * a window and BENCH_NOTHING it counts what is executed where. The numbers are
 * beyond those of HINT that mean something on any CPU of ours.
 */
#define BENCH_NOTHING	112
#define BENCH_HF	113
#define BENCH_UNIX	114
#define BENCH_PIPE	115
#define BENCH_VSOCK	116
#define BENCH_MARK(n)	asm volatile("hint %0" : : "i" (n) : "memory")

struct bench_row {
	const char *what;
	size_t size;
	unsigned int senders;
	unsigned int vms;
};

/* A line from the times of count rounds, which are sorted for it. */
void bench_report(const struct bench_row *row, int64_t *samples, size_t count);
/* The same for something of which only the whole was timed; samples may be NULL. */
void bench_report_rate(const struct bench_row *row, int64_t *samples, size_t count,
		       int64_t took_ns);

/* The time of each of count rounds. A round that does not return 0 ends it: -1. */
typedef int (*bench_round)(void *arg);
int bench_rounds(bench_round round, void *arg, int64_t *samples, size_t count);

/* A message to a descriptor and the answer from another, or the same. */
struct bench_pair {
	int to;
	int from;
	size_t size;
};
/* send() and recv(). */
int bench_pair_round(void *arg);
/* The other end: answers until it gets nothing. */
int bench_pair_answer(void *arg);
/* The same for pipes, with write() and read(). */
int bench_pipe_round(void *arg);
int bench_pipe_answer(void *arg);

/* Connected, and without the time limits of hft_connect(), which take time. */
int bench_connect(unsigned int vm, uint64_t port);

/* A process among several; prepare and work are its own, the rest results. */
struct bench_sender {
	unsigned int index;
	size_t size;
	unsigned int vms;
	size_t rounds;
	int fds[16];
	/* Before and after all start at once. 0, or it failed. */
	int (*prepare)(struct bench_sender *sender);
	int (*work)(struct bench_sender *sender);
	volatile bool ready;
	int64_t end_ns;
	int gate[2];
	int64_t samples[BENCH_ROUNDS];
};
/* Memory for that many, shared with the children. */
struct bench_sender *bench_senders(unsigned int count);
/* Runs them; nanoseconds from the start to the end of the last, -1 = one failed. */
int64_t bench_run(struct bench_sender *senders, unsigned int count);

#endif
