/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the two files of the fake share.
 */
#ifndef HF_KUNIT_FAKE_PRIVATE_H
#define HF_KUNIT_FAKE_PRIVATE_H

#include <linux/spinlock.h>

#include "fake.h"

extern raw_spinlock_t fake_lock;

/* The driver broke a rule unless it was @kept; only the first @text counts. */
void fake_rule(bool kept, const char *text);

/* Counts a call; true if it has to answer *err instead of what it should. */
bool fake_begin(enum fake_call call, int *err);

/* What that step sends goes into the RX page. */
void fake_put_into_page(const struct fake_step *step);

/* NULL if there cannot be such a vCPU. */
struct fake_vcpu *fake_find_vcpu(u16 vm, u16 index);

/* EL2 tells the driver that a vCPU is on. */
void fake_told_on(u16 vm, u16 index);

/* Undoes fake_release_all(). */
void fake_hold_again(void);

#endif
