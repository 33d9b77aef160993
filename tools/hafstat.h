/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Samples of the driver's statistics, for hafstat.
 */
#ifndef HAFSTAT_H
#define HAFSTAT_H

#include <stdbool.h>
#include <time.h>

/* Of the driver's file. */
#define STATS_VERSION	1

#define WORDS_MAX	64

/* A VM, or a vCPU of one. */
struct line {
	struct word {
		const char *name, *text;
	} words[WORDS_MAX];
	int count;
	unsigned long vm;
	long vcpu;			/* -1 = the line of the VM itself */
	char guest_ms[24];
};

struct sample {
	char *text;			/* what the words point to */
	struct line *lines;
	int count;
	double seconds;			/* when, by CLOCK_MONOTONIC */
};

/* Ends the program if there is nothing to read. */
struct sample sample_take(void);
void sample_free(struct sample *s);
/* The same VM or vCPU in another sample, most likely at that index; NULL = it has none. */
const struct line *sample_find(const struct sample *s, const struct line *line, int index);

/* The text of a word, NULL if there is none. */
const char *line_word(const struct line *line, const char *name);
/* How much a number grew. One that was not there, or has begun anew, was 0. */
double line_growth(const struct line *line, const struct line *before, const char *name);
bool to_number(const char *text, unsigned long long *value);

double now(clockid_t clock);
/* Says why, and ends the program. */
__attribute__((format(printf, 1, 2), noreturn)) void fail(const char *format, ...);
/* The same if it is NULL. */
void *or_fail(void *memory);

#endif
