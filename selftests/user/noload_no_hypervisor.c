// SPDX-License-Identifier: GPL-2.0
/*
 * Where nothing answers at EL2, loading says so and does no harm.
 *
 * Needs a boot without a hypervisor, whatever the CPU and wherever the kernel
 * was entered (EL1, EL2, VHE).
 */
#include "hft_harness.h"

TEST(loading_says_that_there_is_no_hypervisor)
{
	char line[256];
	int log = hft_log_open();

	if (hft_guest(NULL, 0))
		HFT_SKIP("there is a hypervisor");
	EXPECT_EQ(-ENODEV, hft_module_load(""));
	EXPECT_FALSE(hft_module_loaded());
	EXPECT_EQ(1, hft_log_lines(log, HFT_LOG_INFO, line, sizeof(line)));
	EXPECT_NE(NULL, strcasestr(line, "hypervisor"));
}

TEST(loading_again_says_it_again)
{
	int i;

	if (hft_guest(NULL, 0))
		HFT_SKIP("there is a hypervisor");
	for (i = 0; i < 20; i++)
		ASSERT_EQ(-ENODEV, hft_module_load(""));
	EXPECT_EQ(-ENODEV, hft_module_load("vms=2:1"));
}

TEST_HARNESS_MAIN
