/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Asking kmemleak.
 */
#ifndef HFT_LEAK_H
#define HFT_LEAK_H

#include <stdbool.h>

/* Whether this kernel has it, turned on. */
bool hft_leak_detector(void);

/* Forgets what it knows of now: hft_leaks() reports only what is lost later. */
void hft_leaks_forget(void);

/*
 * Scans twice, with the pauses that kmemleak wants (8 seconds), and prints the
 * first reports. Returns how many there are, -1 without kmemleak.
 */
int hft_leaks(void);

#endif
