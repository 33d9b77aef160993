// SPDX-License-Identifier: GPL-2.0
/*
 * rmmod right after the last close() works the first time, always: close() has
 * freed what the socket held of the module when it returns.
 *
 * Needs an echo and a mute guest; Hafnium's own test does as much.
 */
#include <sys/socket.h>

#include "hft_harness.h"

#undef TEST_TIMEOUT_DEFAULT
#define TEST_TIMEOUT_DEFAULT 600

#define ROUNDS	200

/* Leaves a socket with that much behind it; closed by the caller. */
static int used_socket(unsigned int vm, int round)
{
	int fd = hft_connect(vm, 10), i;
	char buf[1000] = { 0 };

	if (fd < 0 || hft_echo(fd, 100, round)) {
		fprintf(stderr, "# round %d\n", round);
		hft_dump_state();
		return -1;
	}
	/* Now and then answers are under way, or unread, when it is closed. */
	for (i = 0; i < round % 4; i++)
		if (send(fd, buf, sizeof(buf), MSG_DONTWAIT) < 0)
			return -1;
	return fd;
}

static int close_and_unload(int fd)
{
	close(fd);
	return hft_module_unload();
}

TEST(first_attempt_after_close_succeeds)
{
	HFT_NEED_GUEST(guest, "echo", 0);
	int i, fd, refused = 0;

	for (i = 0; i < ROUNDS; i++) {
		ASSERT_EQ(0, hft_module_load(""));
		fd = used_socket(guest->id, i);
		ASSERT_LE(0, fd);
		if (close_and_unload(fd)) {
			refused++;
			ASSERT_EQ(0, hft_module_unload_wait(HFT_PATIENCE_MS));
		}
	}
	fprintf(stderr, "# refused %d of %d times\n", refused, ROUNDS);
	EXPECT_EQ(0, refused);
}

TEST(first_attempt_after_close_with_messages_for_a_vm_that_never_reads)
{
	HFT_NEED_GUEST(mute, "mute", 0);
	int i, fd, refused = 0;

	for (i = 0; i < ROUNDS / 10; i++) {
		ASSERT_EQ(0, hft_module_load(""));
		fd = hft_connect(mute->id, 10);
		ASSERT_LT(0, hft_fill_queue(fd, 1000));
		if (close_and_unload(fd)) {
			refused++;
			ASSERT_EQ(0, hft_module_unload_wait(HFT_PATIENCE_MS));
		}
	}
	EXPECT_EQ(0, refused);
}

/* The last close() is exit(): nothing is left when the parent knows. */
static int echo_and_exit(void *vm)
{
	int fd = hft_connect(*(unsigned int *)vm, 11);

	return hft_echo(fd, 100, 1) ? 1 : 0;
}

TEST(first_attempt_after_exit_succeeds)
{
	HFT_NEED_GUEST(guest, "echo", 0);
	unsigned int vm = guest->id;
	int i, refused = 0;

	for (i = 0; i < ROUNDS / 4; i++) {
		ASSERT_EQ(0, hft_module_load(""));
		ASSERT_EQ(0, hft_join(hft_spawn(echo_and_exit, &vm), HFT_PATIENCE_MS));
		if (hft_module_unload()) {
			refused++;
			ASSERT_EQ(0, hft_module_unload_wait(HFT_PATIENCE_MS));
		}
	}
	EXPECT_EQ(0, refused);
}

TEST_HARNESS_MAIN
