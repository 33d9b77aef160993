// SPDX-License-Identifier: GPL-2.0
/*
 * Whether KCSAN was watching in this boot: the last test of each boot of a
 * kernel that has it (kernel-kcsan). A run without a report proves something
 * only if there would have been one.
 *
 * KCSAN looks at one access in many, for as long as another CPU may need to
 * come along. So the test makes a race that the kernel leaves to its users,
 * reading a file while it is written, until KCSAN has seen it. That shows up
 * on the console as a race of the kernel alone, which nobody judges.
 */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/uio.h>

#include "hft_harness.h"

#define COUNTERS	"/sys/kernel/debug/kcsan"
#define RACE_FILE	"/tmp/race"

/* It is a matter of luck; a second is enough as a rule. */
#define PATIENCE_NS	(40 * 1000000000LL)

/* Read in pieces, so that hardly anything else is done that KCSAN could look at. */
#define PIECES		1024
#define PIECE		4
static char page[PIECES * PIECE];

/* One line of its statistics; -1 if there is no such line, -2 without KCSAN. */
static long counter(const char *name)
{
	char line[128], key[64];
	long value = -1, number;
	FILE *f = fopen(COUNTERS, "r");

	if (!f)
		return -2;
	while (fgets(line, sizeof(line), f))
		if (sscanf(line, "%63[^:]: %ld", key, &number) == 2 && !strcmp(key, name))
			value = number;
	fclose(f);
	return value;
}

#define NEED_KCSAN() do { \
	if (counter("enabled") == -2) \
		HFT_SKIP("no KCSAN here"); \
} while (0)

TEST(kcsan_is_on)
{
	NEED_KCSAN();
	EXPECT_EQ(1, counter("enabled"));
	EXPECT_LT(0, counter("setup_watchpoints"));
}

static int write_always(void *fd)
{
	while (pwrite(*(int *)fd, page, sizeof(page), 0) > 0)
		;
	return 1;
}

TEST(kcsan_sees_a_race)
{
	int64_t give_up = hft_now_ns() + PATIENCE_NS;
	struct iovec pieces[PIECES];
	long before;
	pid_t writer;
	int i, fd;

	NEED_KCSAN();
	HFT_NEED_CPUS(2);
	fd = open(RACE_FILE, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	ASSERT_LE(0, fd);
	ASSERT_EQ((ssize_t)sizeof(page), pwrite(fd, page, sizeof(page), 0));
	for (i = 0; i < PIECES; i++)
		pieces[i] = (struct iovec){ page + i * PIECE, PIECE };

	before = counter("data_races");
	ASSERT_LE(0, before);
	writer = hft_spawn(write_always, &fd);
	ASSERT_LT(0, writer);
	while (counter("data_races") == before && hft_now_ns() < give_up)
		ASSERT_LT(0, preadv(fd, pieces, PIECES, 0));
	kill(writer, SIGKILL);
	hft_join(writer, HFT_PATIENCE_MS);
	EXPECT_LT(before, counter("data_races"));
	close(fd);
	unlink(RACE_FILE);
}

TEST_HARNESS_MAIN
