// SPDX-License-Identifier: GPL-2.0
/*
 * A VM that hangs in its own fault handler with a message in its mailbox: what
 * users meet, since Hafnium hands a fault to the guest. Its senders wait or are
 * told EAGAIN, nobody else notices, and the module can be unloaded.
 *
 * Needs a hang_fault and an echo guest. The first stays as it is until the next
 * boot, so this is the last test of one.
 */
#include <sys/socket.h>

#include "hft_harness.h"

#undef TEST_TIMEOUT_DEFAULT
#define TEST_TIMEOUT_DEFAULT 300

static bool is_dead(unsigned int vm)
{
	char state[16];

	hft_vm_word(vm, "state", state, sizeof(state));
	return !strcmp(state, "dead");
}

/* A sender without a time limit of its own, which a signal ends. */
static int block_in_send(void *vm)
{
	int fd = hft_connect(*(unsigned int *)vm, 12);
	char buf[4000] = { 0 };

	hft_set_timeout(fd, SO_SNDTIMEO, 0);
	for (;;)
		if (send(fd, buf, sizeof(buf), 0) < 0)
			return 1;
}

TEST(vm_that_hangs_in_its_fault_handler_harms_only_its_senders)
{
	HFT_NEED_GUEST(guest, "hang_fault", 0);
	HFT_NEED_GUEST(echo, "echo", 0);
	unsigned int vm = guest->id, i;
	int fd, queued;
	pid_t child;

	ASSERT_EQ(0, hft_module_load(""));
	fd = hft_connect(vm, 10);
	ASSERT_EQ(0, hft_echo(fd, 100, 1));
	ASSERT_EQ(1, send(fd, "f", 1, 0));
	hft_sleep_ms(500);
	if (is_dead(vm)) {
		close(fd);
		ASSERT_EQ(0, hft_module_unload_wait(HFT_PATIENCE_MS));
		HFT_SKIP("this level ends a VM that faults");
	}

	queued = hft_fill_queue(fd, 1000);
	EXPECT_LT(0, queued);
	EXPECT_EQ(-1, send(fd, "x", 1, MSG_DONTWAIT));
	EXPECT_EQ(EAGAIN, errno);
	hft_set_timeout(fd, SO_SNDTIMEO, 200);
	EXPECT_EQ(-1, send(fd, "x", 1, 0));
	EXPECT_EQ(EAGAIN, errno);

	child = hft_spawn(block_in_send, &vm);
	for (i = 0; i < 50; i++)
		ASSERT_EQ(0, hft_echo_once(echo->id, 1000));
	EXPECT_EQ(0, waitpid(child, NULL, WNOHANG));
	kill(child, SIGKILL);
	EXPECT_EQ(child, waitpid(child, NULL, 0));
	close(fd);
	EXPECT_EQ(0, hft_module_unload_wait(HFT_PATIENCE_MS));
}

TEST(module_loads_beside_a_vm_that_hangs)
{
	HFT_NEED_GUEST(guest, "hang_fault", 0);
	HFT_NEED_GUEST(echo, "echo", 0);
	int i;

	for (i = 0; i < 5; i++) {
		ASSERT_EQ(0, hft_module_load(""));
		EXPECT_EQ(0, hft_echo_once(echo->id, 1000));
		ASSERT_EQ(0, hft_module_unload_wait(HFT_PATIENCE_MS));
	}
}

TEST_HARNESS_MAIN
