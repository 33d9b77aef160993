// SPDX-License-Identifier: GPL-2.0
/*
 * The commands of Documentation/getting-started.rst, taken from there by the
 * Makefile: each succeeds and prints what the page says, but for the numbers.
 *
 * Needs an echo guest as VM 2, a busy guest as VM 3, control groups of version 2,
 * and no other VM. A limit of a control group holds before Linux 6.18.
 */
#include <ctype.h>
#include <sys/mount.h>

#include "hft_harness.h"
#include "hft_shell.h"

static const struct {
	const char *command, *output;
} steps[] = {
#include "getting_started_steps.h"
};

/* One N for each number but 0: times and counts are those of another machine. */
static void drop_numbers(char *text)
{
	char *to = text;

	while (*text) {
		size_t len = isdigit(*text) ? strspn(text, "0123456789.") : 0;

		*to++ = len > 1 || (len && *text != '0') ? 'N' : *text;
		text += len ?: 1;
	}
	*to = '\0';
}

/* All commands in one shell, which goes where they go. What step i prints is in file i. */
static int run_all(void)
{
	FILE *shell = popen("sh -e", "w");
	size_t i;

	if (!shell)
		return -1;
	for (i = 0; i < ARRAY_SIZE(steps); i++)
		fprintf(shell, "{ %s\n} >/tmp/step.%zu 2>&1\n", steps[i].command, i);
	return pclose(shell);
}

TEST(commands_of_the_first_hour_print_what_they_should)
{
	HFT_NEED_GUEST(echo, "echo", 0);
	HFT_NEED_GUEST(busy, "busy", 0);
	char path[32], told[1000], real[1000];
	size_t i;

	if (echo->id != 2 || busy->id != 3)
		HFT_SKIP("VM 2 is not an echo or VM 3 not a busy guest in this boot");
	ASSERT_EQ(0, mount("cgroup2", "/sys/fs/cgroup", "cgroup2", 0, NULL));
	EXPECT_EQ(0, run_all());
	for (i = 0; i < ARRAY_SIZE(steps); i++) {
		snprintf(path, sizeof(path), "/tmp/step.%zu", i);
		snprintf(real, sizeof(real), "%s", hft_text(path));
		snprintf(told, sizeof(told), "%s", steps[i].output);
		fprintf(stderr, "# %s\n%s", steps[i].command, real);
		drop_numbers(real);
		drop_numbers(told);
		EXPECT_STREQ(told, real);
	}
}

TEST_HARNESS_MAIN
