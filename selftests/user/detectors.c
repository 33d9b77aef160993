// SPDX-License-Identifier: GPL-2.0
/*
 * What the kernel's detectors saw in this boot: the last test of each boot of
 * a kernel that has them (kernel-kasan). KASAN, lockdep and the others write
 * to the console themselves; kmemleak has to be asked, and a lockdep that
 * turned itself off would have seen nothing.
 *
 * kmemleak wants memory to be unreferenced in two scans, with the same content,
 * and five seconds old. First with the module in place, so that a report names
 * its functions; then without, because what the module leaves behind is only
 * lost when its variables are gone.
 */
#include "hft_harness.h"
#include "hft_leak.h"

#undef TEST_TIMEOUT_DEFAULT
#define TEST_TIMEOUT_DEFAULT 300

#define NEED_KMEMLEAK() do { \
	if (!hft_leak_detector()) \
		HFT_SKIP("no kmemleak here"); \
} while (0)

TEST(lockdep_is_still_alive)
{
	char line[128] = "";
	int alive = -1;
	FILE *f = fopen("/proc/lockdep_stats", "r");

	if (!f)
		HFT_SKIP("no lockdep here");
	while (fgets(line, sizeof(line), f))
		if (sscanf(line, " debug_locks: %d", &alive) == 1)
			break;
	fclose(f);
	EXPECT_EQ(1, alive);
}

TEST(nothing_leaked_while_the_module_is_loaded)
{
	NEED_KMEMLEAK();
	EXPECT_EQ(0, hft_leaks());
}

TEST(nothing_leaked_once_the_module_is_gone)
{
	NEED_KMEMLEAK();
	if (hft_module_loaded())
		ASSERT_EQ(0, hft_module_unload_wait(HFT_PATIENCE_MS));
	EXPECT_EQ(0, hft_leaks());
}

TEST_HARNESS_MAIN
