// SPDX-License-Identifier: GPL-2.0
/*
 * Random values of module parameters: whatever is accepted is of the documented
 * form, and nothing else happens. They are parsed where they always are, in the
 * kernel, so that nothing has to stand in for its functions.
 *
 * HF_SEED (1) says which.
 */
#include <errno.h>
#include <regex.h>
#include <stdio.h>
#include <string.h>

#include "hft_fuzz.h"
#include "hft_load.h"
#include "hft_harness.h"

/* Hundreds of loads. */
#undef TEST_TIMEOUT_DEFAULT
#define TEST_TIMEOUT_DEFAULT 600

#define NUMBER		"(0[xX][0-9a-fA-F]+|[0-9]+)"
#define VM		NUMBER ":" NUMBER
#define OWNER		NUMBER ":(-|" NUMBER "):(-|" NUMBER ")"

static const struct {
	const char *name, *form;
} params[] = {
	{ "vms=", "^" VM "(," VM ")*$" },
	{ "owners=", "^" OWNER "(," OWNER ")*$" },
};

static const char *const pieces[] = {
	"2", "3", "1", "2:1", "3:1", ",2:1", "2:0:-", "3:-:1000", ":", ":", ",", ",", "-", "+1", "0", "00",
	"0x2", "0x", "4294967295", "4294967296", "65535", "65536", "18446744073709551618", "x",
	"\\", "=", ";", "%s%n", "\xff", "9", "1000",
};

/*
 * Starts well as often as not: what is wrong at its first byte stays unread. No
 * blanks, at which the kernel ends a value.
 */
static void make_value(struct fuzz_task *t, char *value, size_t size, unsigned int which)
{
	unsigned int i, n = fuzz_pick(t, 5);

	value[0] = 0;
	if (fuzz_pick(t, 2))
		strcat(value, which ? "2:0:-" : "2:1");
	for (i = 0; i < n; i++)
		strncat(value, pieces[fuzz_pick(t, ARRAY_SIZE(pieces))],
			size - strlen(value) - 1);
}

static bool is_documented(const char *form, const char *value)
{
	regex_t re;
	bool match;

	if (regcomp(&re, form, REG_EXTENDED | REG_NOSUB))
		return false;
	match = !regexec(&re, value, 0, NULL, 0);
	regfree(&re);
	return match;
}

TEST(random_parameters_are_refused_or_of_the_documented_form)
{
	HFT_NEED_GUEST(guest, "echo", 0);
	unsigned long seed = hft_number("HF_SEED", 1), loads = 200, i;
	unsigned long accepted = 0;
	struct fuzz_task task = { .random = seed };
	char all[256], *value;
	unsigned int which;
	int err;

	for (i = 0; i < loads; i++) {
		which = fuzz_pick(&task, 2);
		value = stpcpy(all, params[which].name);
		make_value(&task, value, sizeof(all) - 16, which);
		err = hft_module_load(all);
		EXPECT_TRUE(err == 0 || err == -EINVAL || err == -ENODEV)
			fprintf(stderr, "# load %lu: %s: %s\n", i, all, strerror(-err));
		if (err)
			continue;
		accepted++;
		EXPECT_TRUE(is_documented(params[which].form, value))
			fprintf(stderr, "# load %lu: accepted: %s\n", i, all);
		ASSERT_EQ(0, hft_module_unload_wait(HFT_PATIENCE_MS));
	}
	fprintf(stderr, "# seed %lu: %lu loads, %lu accepted\n", seed, loads, accepted);
	/* Else nothing but refusal was tried; and the other way around. */
	EXPECT_LT(0, accepted);
	EXPECT_GT(loads, accepted);
	EXPECT_EQ(0, hft_module_load(""));
	EXPECT_EQ(0, hft_echo_once(guest->id, 100));
	EXPECT_EQ(0, hft_module_unload_wait(HFT_PATIENCE_MS));
}

TEST_HARNESS_MAIN
