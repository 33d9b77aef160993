// SPDX-License-Identifier: GPL-2.0
/*
 * Unloading while guests spin, flood, or leave their messages unread.
 *
 * Needs echo, busy, flood and mute.
 */
#include <sys/socket.h>

#include "hft_harness.h"

/* The spinning guest takes its share of every load and unload. */
#undef TEST_TIMEOUT_DEFAULT
#define TEST_TIMEOUT_DEFAULT 300

TEST(unload_while_a_guest_spins)
{
	HFT_NEED_GUEST(busy, "busy", 0);
	HFT_NEED_GUEST(echo, "echo", 0);
	int i;

	for (i = 0; i < 10; i++) {
		ASSERT_EQ(0, hft_module_load(""));
		ASSERT_EQ(0, hft_echo_once(echo->id, 100));
		ASSERT_EQ(0, hft_module_unload_wait(HFT_PATIENCE_MS));
	}
}

TEST(unload_while_a_guest_floods)
{
	HFT_NEED_GUEST(flood, "flood", 0);
	HFT_NEED_GUEST(echo, "echo", 0);
	struct { uint32_t count, size; uint64_t port; } req = { 2000, 500, 1ull << 60 };
	int i, fd;

	for (i = 0; i < 10; i++) {
		ASSERT_EQ(0, hft_module_load(""));
		fd = hft_connect(flood->id, 10);
		ASSERT_EQ(sizeof(req), send(fd, &req, sizeof(req), 0));
		close(fd);
		hft_sleep_ms(i * 3);
		ASSERT_EQ(0, hft_module_unload_wait(HFT_PATIENCE_MS));
	}
	/* The flood goes on where it was stopped and hinders nobody. */
	ASSERT_EQ(0, hft_module_load(""));
	EXPECT_EQ(0, hft_echo_once(echo->id, 100));
	EXPECT_EQ(0, hft_module_unload_wait(HFT_PATIENCE_MS));
}

TEST(unload_with_messages_queued_for_a_guest_that_never_reads)
{
	HFT_NEED_GUEST(mute, "mute", 0);
	int fd;

	ASSERT_EQ(0, hft_module_load(""));
	fd = hft_connect(mute->id, 10);
	ASSERT_LT(0, hft_fill_queue(fd, 1000));
	close(fd);
	EXPECT_EQ(0, hft_module_unload_wait(HFT_PATIENCE_MS));
	ASSERT_EQ(0, hft_module_load(""));
	EXPECT_EQ(0, hft_module_unload_wait(HFT_PATIENCE_MS));
}

TEST_HARNESS_MAIN
