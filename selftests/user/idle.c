// SPDX-License-Identifier: GPL-2.0
/*
 * Idle guests cost nothing: no FFA_RUN at all while nobody has anything to do.
 *
 * Needs the test hypervisor's counters and guests that only wait for messages
 * (echo, echo_irq, smp, smp_irq, mute...); meant for 8 VMs with 4 vCPUs.
 */
#include "hft_harness.h"

#define SETTLE_MS	1000
#define IDLE_MS		10000

static int64_t runs_of(uint32_t vcpu)
{
	return hft_call(HFT_COUNT, HFT_COUNT_RUN, vcpu, 0, 0, 0);
}

static void blame(void)
{
	fprintf(stderr, "# who ran, and why:\n");
	hft_dump_state();
}

TEST(idle_guests_are_not_run)
{
	HFT_NEED_TESTCALL();
	int64_t before;

	hft_sleep_ms(SETTLE_MS);
	before = runs_of(HFT_ALL);
	ASSERT_LT(0, before);
	hft_sleep_ms(IDLE_MS);
	EXPECT_EQ(before, runs_of(HFT_ALL)) {
		blame();
	}
}

TEST(guests_that_were_used_are_idle_again)
{
	HFT_NEED_TESTCALL();
	HFT_NEED_GUEST(guest, "smp", 0);
	int64_t before;
	int i;

	for (i = 0; i < 20; i++)
		ASSERT_EQ(0, hft_echo_once(guest->id, 100));
	hft_sleep_ms(SETTLE_MS);
	before = runs_of(HFT_ALL);
	hft_sleep_ms(2000);
	EXPECT_EQ(before, runs_of(HFT_ALL)) {
		blame();
	}
}

TEST(module_and_hypervisor_count_the_same_runs)
{
	HFT_NEED_TESTCALL();
	HFT_NEED_GUEST(guest, "smp", 0);
	int64_t el2 = runs_of(HFT_VCPU(guest->id, 0));
	int64_t ours = hft_vcpu_count(guest->id, 0, "runs");
	int i;

	for (i = 0; i < 20; i++)
		ASSERT_EQ(0, hft_echo_once(guest->id, 100));
	hft_sleep_ms(200);
	EXPECT_EQ(runs_of(HFT_VCPU(guest->id, 0)) - el2,
		  hft_vcpu_count(guest->id, 0, "runs") - ours);
}

TEST_HARNESS_MAIN
