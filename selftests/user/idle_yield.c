// SPDX-License-Identifier: GPL-2.0
/*
 * A guest that yields for a second is left alone that long, but for a message.
 *
 * Needs an idle_yield guest, on Hafnium v2.10 or later: before, the time that a
 * guest asks for does not reach us.
 */
#include <sys/socket.h>

#include "hft_harness.h"

#define SECONDS		5
#define RUNS_A_SECOND	3
#define QUESTIONS	20
#define LATE_NS		300000000

/* v2.9 and v2.10 have the same features, and no test runs on the latter. */
static bool has_timeouts(void)
{
	return hft_level() ? hft_level() >= 30 : hft_ffa_version() >= 12;
}

static int64_t runs(const struct hft_guest *guest)
{
	return hft_vcpus_count(guest->id, "runs");
}

TEST(vm_that_yields_for_a_second_is_left_alone)
{
	HFT_NEED_GUEST(guest, "idle_yield", 0);
	int64_t before;

	if (!has_timeouts())
		HFT_SKIP("this hypervisor does not pass on the time of a yield");
	ASSERT_EQ(0, hft_echo_once(guest->id, 100));
	hft_sleep_ms(100);
	before = runs(guest);
	hft_sleep_ms(SECONDS * 1000);
	fprintf(stderr, "# %lld runs in %d s\n", (long long)(runs(guest) - before), SECONDS);
	EXPECT_GE(SECONDS * RUNS_A_SECOND, runs(guest) - before);
	EXPECT_LT(0, runs(guest) - before);
}

/* A host that is busy may keep an answer; one that waits for the yield to end is late as a rule. */
TEST(vm_that_yields_for_a_second_answers_at_once)
{
	HFT_NEED_GUEST(guest, "idle_yield", 0);
	int fd = hft_connect(guest->id, 10), late = 0, i;
	int64_t start, slowest = 0, took;

	ASSERT_LE(0, fd);
	for (i = 0; i < QUESTIONS; i++) {
		hft_sleep_ms(20);
		start = hft_now_ns();
		ASSERT_EQ(0, hft_echo(fd, 100, i));
		took = hft_now_ns() - start;
		late += took > LATE_NS;
		slowest = took > slowest ? took : slowest;
	}
	fprintf(stderr, "# slowest answer after %lld us\n", (long long)slowest / 1000);
	EXPECT_GT(QUESTIONS / 2, late);
}

TEST_HARNESS_MAIN
