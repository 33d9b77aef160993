// SPDX-License-Identifier: GPL-2.0
/*
 * A guest that computes for ever, or yields for ever, leaves the primary alive.
 *
 * Needs busy, yield and echo. The first test measures a 1 ms timer of ours on
 * the CPU that the busy vCPU occupies; it means most at -smp 1.
 */
#include <sys/socket.h>
#include <time.h>

#include "hft_harness.h"

#define PERIOD_NS	1000000
#define PERIODS		4000
#define LIMIT_NS	20000000

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

/* Puts the vCPU's thread and this process on one CPU; the CPU or -1. */
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

TEST(busy_guest_does_not_stop_the_primary)
{
	HFT_NEED_GUEST(guest, "busy", 0);
	static int64_t late[PERIODS];
	int64_t runs = hft_vcpu_count(guest->id, 0, "runs");

	ASSERT_EQ(0, share_a_cpu(guest->id));
	measure_lateness(late);
	qsort(late, PERIODS, sizeof(late[0]), by_value);
	fprintf(stderr, "# busy guest: 1 ms timer late by %lld us (median), %lld us (99 %%), %lld us (worst)\n",
	       (long long)late[PERIODS / 2] / 1000,
	       (long long)late[PERIODS * 99 / 100] / 1000,
	       (long long)late[PERIODS - 1] / 1000);
	EXPECT_GT(LIMIT_NS, late[PERIODS * 99 / 100]);
	/* It did run meanwhile: the figure is no use otherwise. */
	EXPECT_LT(runs + 100, hft_vcpu_count(guest->id, 0, "runs"));
}

TEST(busy_guest_is_preempted_by_interrupts)
{
	HFT_NEED_GUEST(guest, "busy", 0);
	int64_t before = hft_vcpu_count(guest->id, 0, "interrupt");

	hft_sleep_ms(1000);
	EXPECT_LT(before + 20, hft_vcpu_count(guest->id, 0, "interrupt"));
}

TEST(busy_guest_does_not_stop_other_guests)
{
	HFT_NEED_GUEST(busy, "busy", 0);
	HFT_NEED_GUEST(echo, "echo", 0);
	int i;

	ASSERT_NE(busy->id, echo->id);
	for (i = 0; i < 50; i++)
		ASSERT_EQ(0, hft_echo_once(echo->id, 1000));
}

TEST(busy_guest_takes_messages_only_into_its_mailbox)
{
	HFT_NEED_GUEST(guest, "busy", 0);
	int fd = hft_connect(guest->id, 10);

	ASSERT_LE(0, fd);
	EXPECT_EQ(3, send(fd, "abc", 3, MSG_DONTWAIT));
	EXPECT_EQ(0, close(fd));
}

TEST(guest_that_yields_answers)
{
	HFT_NEED_GUEST(guest, "yield", 0);
	int fd = hft_connect(guest->id, 10);
	int i;

	ASSERT_LE(0, fd);
	for (i = 0; i < 100; i++)
		ASSERT_EQ(0, hft_echo(fd, i * 40, i));
	EXPECT_LT(0, hft_vcpu_count(guest->id, 0, "yield"));
}

TEST(guest_that_yields_does_not_stop_the_primary)
{
	HFT_NEED_GUEST(guest, "yield", 0);
	static int64_t late[PERIODS];

	ASSERT_EQ(0, share_a_cpu(guest->id));
	measure_lateness(late);
	qsort(late, PERIODS, sizeof(late[0]), by_value);
	EXPECT_GT(LIMIT_NS, late[PERIODS * 99 / 100]);
}

TEST_HARNESS_MAIN
