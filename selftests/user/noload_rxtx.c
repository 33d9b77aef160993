// SPDX-License-Identifier: GPL-2.0
/*
 * A hypervisor that cannot unmap the RX/TX pages (v2.4) keeps them: unloading
 * says by which parameter the next load adopts them, and nothing else will do.
 *
 * Needs a boot at level 2.4 and an echo guest; this must be the first test of
 * the boot that loads the module.
 */
#include "hft_harness.h"

#define NEED_LEVEL_24() do { \
	if (!hft_level()) \
		HFT_SKIP("this level is not known"); \
	if (hft_level() >= 26) \
		HFT_SKIP("this level can unmap the pages"); \
} while (0)

static int load_echo_unload(const char *params)
{
	const struct hft_guest *guest = hft_guest("echo", 0);
	int err = hft_module_load_plain(params);

	if (err)
		return err;
	if (guest && hft_echo_once(guest->id, 1000))
		err = -EIO;
	return hft_module_unload_wait(HFT_PATIENCE_MS) ?: err;
}

/* 0 if that load fails and says why in one line. */
static int refused(const char *params, const char *hint)
{
	int log = hft_log_open(), err = hft_module_load_plain(params), lines;
	char line[256];

	lines = hft_log_lines(log, HFT_LOG_WARNING, line, sizeof(line));
	close(log);
	fprintf(stderr, "# '%s': %s; %s\n", params, strerror(-err), line);
	if (!err)
		hft_module_unload_wait(HFT_PATIENCE_MS);
	return err && lines == 1 && strstr(line, hint) ? 0 : -1;
}

static int pages(unsigned long long *a, unsigned long long *b)
{
	return sscanf(hft_module_rxtx(), "rxtx=%llx,%llx", a, b) == 2 ? 0 : -1;
}

TEST(unloading_names_the_parameter_in_one_line)
{
	NEED_LEVEL_24();
	int log = hft_log_open();
	char line[256];

	ASSERT_EQ(0, load_echo_unload(hft_module_rxtx()));
	EXPECT_EQ(1, hft_log_lines(log, HFT_LOG_WARNING, line, sizeof(line)));
	EXPECT_NE(NULL, strstr(line, "rxtx="));
}

TEST(next_load_adopts_the_pages)
{
	NEED_LEVEL_24();
	char first[80];
	int i;

	snprintf(first, sizeof(first), "%s", hft_module_rxtx());
	ASSERT_NE('\0', first[0]);
	for (i = 0; i < 5; i++) {
		ASSERT_EQ(0, load_echo_unload(hft_module_rxtx()));
		EXPECT_STREQ(first, hft_module_rxtx());
	}
}

TEST(load_without_the_parameter_is_refused)
{
	NEED_LEVEL_24();
	ASSERT_NE('\0', hft_module_rxtx()[0]);
	EXPECT_EQ(0, refused("", "rxtx="));
}

TEST(wrong_addresses_are_refused)
{
	NEED_LEVEL_24();
	unsigned long long a, b;
	char params[80];

	ASSERT_EQ(0, pages(&a, &b));
	snprintf(params, sizeof(params), "rxtx=%#llx,%#llx", b, a);
	EXPECT_EQ(0, refused(params, "rxtx"));
	snprintf(params, sizeof(params), "rxtx=%#llx,%#llx", a + 4096, b + 4096);
	EXPECT_EQ(0, refused(params, "rxtx"));
	snprintf(params, sizeof(params), "rxtx=%#llx,%#llx", a, b + 4096);
	EXPECT_EQ(0, refused(params, "rxtx"));
	EXPECT_EQ(0, refused("rxtx=0x48000000,0x48001000", "rxtx"));
	EXPECT_EQ(0, refused("rxtx=0x40000000,0x40001000", "rxtx"));
}

TEST(right_addresses_still_work_after_all_this)
{
	NEED_LEVEL_24();
	EXPECT_EQ(0, load_echo_unload(hft_module_rxtx()));
}

TEST_HARNESS_MAIN
