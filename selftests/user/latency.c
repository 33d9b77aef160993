// SPDX-License-Identifier: GPL-2.0
/*
 * A guest that takes all it gets does not stop the primary: a 1 ms timer of
 * ours, on the CPU that the guest's vCPU occupies, is rarely late.
 *
 * Needs busy and yield, one CPU, and time that does not depend on how busy the
 * host is (QEMU's -icount): on a shared host it measures the host.
 */
#include <time.h>

#include "hft_harness.h"

#define PERIOD_NS	1000000
#define PERIODS		500
#define LIMIT_NS	20000000

#undef TEST_TIMEOUT_DEFAULT
#define TEST_TIMEOUT_DEFAULT 120

static int by_value(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

	return (x > y) - (x < y);
}

static void measure_lateness(int64_t late[PERIODS])
{
	int64_t next = hft_now_ns() + PERIOD_NS;
	int i;

	for (i = 0; i < PERIODS; i++) {
		struct timespec ts = { next / 1000000000, next % 1000000000 };

		clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &ts, NULL);
		late[i] = hft_now_ns() - next;
		/* Periods that passed meanwhile are one late one, not many. */
		next += PERIOD_NS * (1 + late[i] / PERIOD_NS);
	}
}

static void report(const char *who, const int64_t late[PERIODS])
{
	fprintf(stderr, "# %s: 1 ms timer late by %lld us (median), %lld us (99 %%), %lld us (worst)\n",
		who, (long long)late[PERIODS / 2] / 1000,
		(long long)late[PERIODS * 99 / 100] / 1000,
		(long long)late[PERIODS - 1] / 1000);
}

/* Puts the vCPU's thread and this process on one CPU. */
static int share_a_cpu(unsigned int vm)
{
	char name[32];
	pid_t thread;

	snprintf(name, sizeof(name), "hf/%u.0", vm);
	thread = hft_find_thread(name);
	if (thread < 0 || hft_pin(thread, 0) || hft_pin(0, 0))
		return -1;
	return 0;
}

/* The 99th percentile while that guest runs on this CPU, -1 = could not be had. */
static int64_t lateness_beside(const struct hft_guest *guest)
{
	static int64_t late[PERIODS];
	int64_t runs = hft_vcpu_count(guest->id, 0, "runs");

	if (share_a_cpu(guest->id))
		return -1;
	measure_lateness(late);
	qsort(late, PERIODS, sizeof(late[0]), by_value);
	report(guest->name, late);
	/* It did run meanwhile: the figure is no use otherwise. */
	if (hft_vcpu_count(guest->id, 0, "runs") < runs + 100)
		return -1;
	return late[PERIODS * 99 / 100];
}

TEST(busy_guest_does_not_stop_the_primary)
{
	HFT_NEED_GUEST(guest, "busy", 0);
	int64_t late = lateness_beside(guest);

	ASSERT_LE(0, late);
	EXPECT_GT(LIMIT_NS, late);
}

TEST(guest_that_yields_does_not_stop_the_primary)
{
	HFT_NEED_GUEST(guest, "yield", 0);
	int64_t late = lateness_beside(guest);

	ASSERT_LE(0, late);
	EXPECT_GT(LIMIT_NS, late);
}

TEST_HARNESS_MAIN
