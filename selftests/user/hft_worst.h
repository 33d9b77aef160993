/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The worst round trip with one VM while two others flood us, on one CPU.
 *
 * Who measures and that VM have a real-time priority: they wait for no CPU, only for
 * what another thread may have kept. The guest sleeps until our mailbox is free, as
 * one that asks over and over would keep the CPU.
 */
#ifndef HFT_WORST_H
#define HFT_WORST_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct hft_worst {
	unsigned int vm[2];		/* those that flood */
	pid_t flooder[2];
	int fd;				/* to the third one */
};

struct hft_times {
	int64_t worst_ns, sum_ns;
	unsigned int count;
};

/* Needs echo_irq and flood twice; -1 if one of them is missing, or something failed. */
int hft_worst_start(struct hft_worst *w);
void hft_worst_stop(struct hft_worst *w);
/* Round trips for so long, added to *t; false if an answer was missing. */
bool hft_worst_for(struct hft_worst *w, unsigned int ms, struct hft_times *t);
/* A line on stderr. */
void hft_worst_report(const char *what, const struct hft_times *t);
/* The thread of that VM's first vCPU, -1 if there is none. */
pid_t hft_vcpu_thread(unsigned int vm);

#endif
