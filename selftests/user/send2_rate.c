// SPDX-License-Identifier: GPL-2.0
/*
 * What a VM that floods us by FFA_MSG_SEND2 costs eight others: a fifth of their
 * rate at most.
 *
 * Needs a send2 guest and eight that echo, and time that counts instructions
 * (QEMU's -icount), or a host with nothing else to do: it compares rates.
 */
#include "hft_load.h"
#include "hft_send2.h"
#include "hft_harness.h"

#undef TEST_TIMEOUT_DEFAULT
#define TEST_TIMEOUT_DEFAULT 1500

static unsigned long messages(void)
{
	return hft_number("HF_MESSAGES", 10000);
}

static unsigned long distinct(const struct lossless_sender *senders)
{
	unsigned long sum = 0;
	int i;

	for (i = 0; i < LOSSLESS_SENDERS; i++)
		sum += senders[i].account.distinct;
	return sum;
}

/* Echoes per second until flood messages are in, or for some time if there are none. */
static double rate(const struct lossless_sender *senders, int fd, uint32_t flood)
{
	unsigned long before = distinct(senders);
	int64_t start = hft_now_ns();

	if (!flood)
		hft_sleep_ms(2000);
	else if (send2_ask(fd, flood, 100) || send2_receive(fd, flood, 100))
		return 0;
	return (distinct(senders) - before) * 1e9 / (hft_now_ns() - start);
}

/* In turns, so that a machine that gets slower meanwhile counts in both. */
TEST(eight_vms_keep_most_of_their_rate_beside_a_flood_of_send2)
{
	HFT_NEED_GUEST(guest, "send2", 0);
	unsigned int vms[LOSSLESS_SENDERS], nr = send2_bystanders(vms), turn;
	int fd = send2_socket(guest->id);
	struct lossless_sender *senders;
	double alone = 0, beside = 0;

	NEED_SEND2();
	if (nr < LOSSLESS_SENDERS)
		HFT_SKIP("needs %d guests that echo", LOSSLESS_SENDERS);
	senders = lossless_start(vms, nr, 0);
	ASSERT_NE(NULL, senders);
	hft_sleep_ms(500);
	for (turn = 0; turn < 4; turn++) {
		alone += rate(senders, fd, 0);
		beside += rate(senders, fd, messages() / 4);
	}
	lossless_finish(senders, true);
	fprintf(stderr, "# echoes of eight VMs: %.0f/s alone, %.0f/s beside SEND2 (%.0f%%)\n",
		alone / 4, beside / 4, 100 * beside / alone);
	EXPECT_LE(0.8 * alone, beside);
}

TEST_HARNESS_MAIN
