/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Random programs of socket system calls.
 *
 * A program is one to three processes that share their files, and a list of
 * calls for each. What it calls, with which arguments, depends on the seed and
 * the program's number and on nothing else, least of all on what calls return;
 * so any program can be run alone. When its calls happen is up to the kernel.
 *
 * The calls and what may stand in their arguments are tables in hft_fuzz_calls.c.
 */
#ifndef HFT_FUZZ_H
#define HFT_FUZZ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define FUZZ_TASKS	3	/* processes of a program, at most */
#define FUZZ_FDS	12	/* files that it works with */
#define FUZZ_OFTEN	4	/* of these, the ones that most calls use */
#define FUZZ_VSOCK	3	/* the one that is AF_VSOCK at first */
#define FUZZ_STEPS	48	/* each process makes fewer calls */

/* What a process of a program does now, for the watchdog. */
struct fuzz_now {
	const char *volatile call;
	volatile int64_t since_ns;	/* 0 = nothing */
	volatile pid_t pid;
};

/* Runs one program after the other; in memory that all processes share. */
struct fuzz_worker {
	pid_t pid;
	uint64_t seed;
	volatile uint64_t program;
	volatile uint64_t calls, worked;	/* how many, and how many did not fail */
	struct fuzz_now now[FUZZ_TASKS];
	volatile int fd[FUZZ_FDS];
};

/* One process of a program, in its own memory. */
struct fuzz_task {
	struct fuzz_worker *worker;
	unsigned int index;
	uint64_t random;		/* of the step */
	int unix_fd[2];			/* to pass files through */
	/* What was drawn for this call already, for arguments that depend on it. */
	unsigned int slot;
	int family, level, option;
	uint8_t *buf;			/* FUZZ_BUF bytes, then a page that is not there */
};

#define FUZZ_BUF	(4 * 4096)

/* hft_fuzz_calls.c: makes the call that the step is, from 0. True if it did not fail. */
bool fuzz_call(struct fuzz_task *t, unsigned int step);

/* hft_fuzz.c: a number below n, the next one of this step. */
uint32_t fuzz_pick(struct fuzz_task *t, uint32_t n);
uint64_t fuzz_any(struct fuzz_task *t);
/* Runs a program to its end. 0, or -1: a process of it died. */
int fuzz_program(struct fuzz_worker *w, uint64_t number);
/* The longest that any call of the worker has lasted by now, in ms. */
int64_t fuzz_longest_ms(const struct fuzz_worker *w, const struct fuzz_now **now);

#endif
