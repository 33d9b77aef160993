// SPDX-License-Identifier: GPL-2.0
/*
 * Guests that compute for ever, or yield for ever, leave the primary and the
 * other guests alive. How late the primary gets is measured in latency.c.
 *
 * Needs busy, yield and echo.
 */
#include <sys/socket.h>

#include "hft_harness.h"

TEST(busy_guest_is_preempted_by_interrupts)
{
	HFT_NEED_GUEST(guest, "busy", 0);
	int64_t before = hft_vcpu_count(guest->id, 0, "interrupt");

	EXPECT_TRUE(hft_eventually(hft_vcpu_count(guest->id, 0, "interrupt") > before + 20));
}

TEST(busy_guest_does_not_stop_other_guests)
{
	HFT_NEED_GUEST(busy, "busy", 0);
	HFT_NEED_GUEST(echo, "echo", 0);
	int i;

	ASSERT_NE(busy->id, echo->id);
	for (i = 0; i < 50; i++)
		ASSERT_EQ(0, hft_echo_once(echo->id, 1000));
}

TEST(busy_guest_takes_messages_only_into_its_mailbox)
{
	HFT_NEED_GUEST(guest, "busy", 0);
	int fd = hft_connect(guest->id, 10);

	ASSERT_LE(0, fd);
	EXPECT_EQ(3, send(fd, "abc", 3, MSG_DONTWAIT));
	EXPECT_EQ(0, close(fd));
}

TEST(guest_that_yields_answers)
{
	HFT_NEED_GUEST(guest, "yield", 0);
	int fd = hft_connect(guest->id, 10);
	int i;

	ASSERT_LE(0, fd);
	for (i = 0; i < 100; i++)
		ASSERT_EQ(0, hft_echo(fd, i * 40, i));
	EXPECT_LT(0, hft_vcpu_count(guest->id, 0, "yield"));
}

TEST_HARNESS_MAIN
