// SPDX-License-Identifier: GPL-2.0
/*
 * The tool hafstat where the module is not loaded, and where it goes away.
 *
 * Needs hafstat in the PATH, and any VM.
 */
#include "hft_harness.h"
#include "hft_shell.h"

TEST(module_that_is_not_loaded_is_told)
{
	EXPECT_EQ(2, hft_shell("hafstat -1"));
	EXPECT_STREQ("hafstat: hafnium.ko is not loaded; try: modprobe hafnium\n",
		     hft_text(HFT_ERRORS));
	EXPECT_STREQ("", hft_text(HFT_OUTPUT));
}

TEST(module_that_goes_away_ends_it)
{
	char line[16384];
	FILE *pipe;
	int status;

	ASSERT_EQ(0, hft_module_load(""));
	pipe = popen("hafstat -j -d 0.1 2>&1", "r");
	ASSERT_NE(NULL, pipe);
	ASSERT_NE(NULL, fgets(line, sizeof(line), pipe));
	EXPECT_EQ('{', line[0]);
	EXPECT_EQ(0, hft_module_unload_wait(HFT_PATIENCE_MS));
	while (fgets(line, sizeof(line), pipe))
		;
	/* It may look while the module is on its way. */
	EXPECT_TRUE(strstr(line, "hafnium.ko is not loaded") ||
		    strstr(line, "hafnium.ko has been unloaded")) {
		TH_LOG("hafstat printed: %s", line);
	}
	status = pclose(pipe);
	EXPECT_EQ(2, WIFEXITED(status) ? WEXITSTATUS(status) : -1);
}

TEST_HARNESS_MAIN
