// SPDX-License-Identifier: GPL-2.0
/*
 * Messages that a VM sends by FFA_MSG_SEND2: all arrive, in order, though EL2
 * tells nobody of them, and other VMs hardly notice.
 *
 * Needs a send2 and a send2_echo guest and up to eight that echo, best one each for
 * the eight senders. Hafnium has the call from v2.8 on.
 */
#include <poll.h>
#include <sys/socket.h>

#include "hft_load.h"
#include "hft_send2.h"
#include "hft_harness.h"

#undef TEST_TIMEOUT_DEFAULT
#define TEST_TIMEOUT_DEFAULT 1500

static unsigned long messages(void)
{
	return hft_number("HF_MESSAGES", 10000);
}

TEST(every_size_arrives_complete_and_in_order)
{
	HFT_NEED_GUEST(guest, "send2", 0);
	static const uint32_t sizes[] = { 8, 64, 1000, SEND2_PAYLOAD_MAX };
	int fd = send2_socket(guest->id);
	size_t i;

	NEED_SEND2();
	ASSERT_LE(0, fd);
	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		ASSERT_EQ(0, send2_ask(fd, 300, sizes[i]));
		ASSERT_EQ(0, send2_receive(fd, 300, sizes[i]));
	}
	EXPECT_EQ(0, hft_poll(fd, POLLIN, 100));
}

/* Two of them, so that each finds the page occupied by the other. */
TEST(two_vms_that_send2_disturb_each_other_only_in_time)
{
	HFT_NEED_GUEST(guest, "send2", 0);
	HFT_NEED_GUEST(echo, "send2_echo", 0);
	int fd = send2_socket(guest->id), i;
	struct lossless_sender *senders;
	struct lossless_account a;

	NEED_SEND2();
	senders = lossless_start(&echo->id, 1, 0);
	ASSERT_NE(NULL, senders);
	for (i = 0; i < 5; i++) {
		EXPECT_EQ(0, send2_ask(fd, 200, 500));
		EXPECT_EQ(0, send2_receive(fd, 200, 500));
	}
	a = lossless_finish(senders, true);
	lossless_print(&a);
	EXPECT_TRUE(lossless_is_good(&a));
}

TEST(flood_of_send2_arrives_and_eight_vms_lose_nothing)
{
	HFT_NEED_GUEST(guest, "send2", 0);
	unsigned int vms[LOSSLESS_SENDERS], nr = send2_bystanders(vms);
	int fd = send2_socket(guest->id);
	struct lossless_sender *senders;
	struct lossless_account a;
	int64_t start;

	NEED_SEND2();
	ASSERT_LT(0, nr);
	senders = lossless_start(vms, nr, 0);
	ASSERT_NE(NULL, senders);
	hft_sleep_ms(500);
	start = hft_now_ns();
	EXPECT_EQ(0, send2_ask(fd, messages(), 100));
	EXPECT_EQ(0, send2_receive(fd, messages(), 100));
	fprintf(stderr, "# %lu messages by FFA_MSG_SEND2 in %lld ms beside %u VMs\n", messages(),
		(long long)(hft_now_ns() - start) / 1000000, nr);
	a = lossless_finish(senders, true);
	lossless_print(&a);
	EXPECT_TRUE(lossless_is_good(&a));
}

TEST(echo_by_send2_returns_each_message_once)
{
	HFT_NEED_GUEST(guest, "send2_echo", 0);
	struct lossless_account a;

	NEED_SEND2();
	a = lossless_run(guest->id, messages() / 10);
	EXPECT_EQ(LOSSLESS_SENDERS * (messages() / 10), a.sent);
	EXPECT_TRUE(lossless_is_good(&a));
}

TEST_HARNESS_MAIN
