// SPDX-License-Identifier: GPL-2.0
/*
 * From Hafnium v2.12 on a guest that waits is shown every FFA_RUN: one without
 * a message is a bug there, and EL2 counts them. Echo at full speed, from one
 * client and from eight.
 *
 * Needs an echo, a naive and an smp guest and a level of 2.12 or later.
 */
#include "hft_lossless.h"
#include "hft_load.h"
#include "hft_harness.h"

#undef TEST_TIMEOUT_DEFAULT
#define TEST_TIMEOUT_DEFAULT 600

#define NEED_LEVEL() do { \
	HFT_NEED_TESTCALL(); \
	if (hft_level() < 32) \
		HFT_SKIP("this level does not show runs to guests"); \
} while (0)

/* FFA_RUN that entered a guest which waits, without a message for it. */
static int64_t empty_runs(unsigned int vm)
{
	return hft_call(HFT_COUNT, HFT_COUNT_RUN_EMPTY, HFT_VCPU(vm, 0), 0, 0, 0);
}

TEST(one_client_causes_no_run_for_nothing)
{
	NEED_LEVEL();
	HFT_NEED_GUEST(guest, "echo", 0);
	int fd = hft_connect(guest->id, 10), i;
	int64_t before = empty_runs(guest->id);

	ASSERT_LE(0, before);
	for (i = 0; i < 2000; i++)
		ASSERT_EQ(0, hft_echo(fd, 32, i));
	EXPECT_EQ(before, empty_runs(guest->id));
}

static int64_t empty_runs_of_senders(const struct hft_guest *guest, struct lossless_account *a)
{
	int64_t before = empty_runs(guest->id);

	*a = lossless_run(guest->id, hft_number("HF_MESSAGES", 1000));
	hft_sleep_ms(100);
	return empty_runs(guest->id) - before;
}

TEST(eight_clients_cause_no_run_for_nothing)
{
	NEED_LEVEL();
	static const char *const names[] = { "echo", "naive", "smp" };
	const struct hft_guest *guest;
	struct lossless_account a;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(names); i++) {
		guest = hft_guest(names[i], 0);
		ASSERT_NE(NULL, guest);
		EXPECT_EQ(0, empty_runs_of_senders(guest, &a));
		EXPECT_TRUE(lossless_is_good(&a));
	}
}

TEST_HARNESS_MAIN
