// SPDX-License-Identifier: GPL-2.0
/*
 * A hypervisor that never gives the RX/TX pages back (v2.4): the module says so
 * when it is loaded, and stays. Elsewhere it goes, and says nothing.
 *
 * Needs an echo guest; this must be the first test of the boot that loads the module.
 */
#include "hft_harness.h"

TEST(module_that_cannot_unmap_its_pages_says_so_and_stays)
{
	HFT_NEED_GUEST(guest, "echo", 0);
	int log = hft_log_open();
	char line[256];

	ASSERT_EQ(0, hft_module_load(""));
	hft_log_lines(log, HFT_LOG_NOTICE, line, sizeof(line));
	close(log);
	if (hft_feature("rxtx_unmap")) {
		EXPECT_STREQ("", line);
		EXPECT_EQ(0, hft_module_unload());
		return;
	}
	EXPECT_NE(NULL, strstr(line, "the module stays loaded"));
	EXPECT_EQ(0, hft_echo_once(guest->id, 1000));
	EXPECT_EQ(-EWOULDBLOCK, hft_module_unload());
	EXPECT_EQ(-EEXIST, hft_module_load(""));
	EXPECT_EQ(0, hft_echo_once(guest->id, 1000));
}

TEST_HARNESS_MAIN
