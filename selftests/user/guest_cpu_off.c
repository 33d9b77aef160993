// SPDX-License-Identifier: GPL-2.0
/*
 * A vCPU that has turned itself off is never chosen for a message, though its
 * last exit looks like sleep; and when the guest turns it on again, nothing is
 * lost, whatever the hypervisor makes of that.
 *
 * Needs a cpu_off guest with two vCPUs.
 */
#include <sys/socket.h>

#include "hft_lossless.h"
#include "hft_harness.h"

#undef TEST_TIMEOUT_DEFAULT
#define TEST_TIMEOUT_DEFAULT 300

#define ROUNDS	200

static int echo_rounds(int fd, unsigned int rounds)
{
	unsigned int i;

	for (i = 0; i < rounds; i++)
		if (hft_echo(fd, 2 + i % 4000, i)) {
			hft_dump_state();
			return -1;
		}
	return 0;
}

/* Its thread has seen that it is off, or will when it runs it next. */
static bool is_off(unsigned int vm)
{
	int64_t end = hft_now_ns() + HFT_PATIENCE_MS * 1000000LL;

	while (hft_vcpu_count(vm, 1, "wfi") < 1 && hft_now_ns() < end)
		hft_sleep_ms(10);
	return hft_vcpu_count(vm, 1, "wfi") >= 1;
}

TEST(vcpu_that_is_off_gets_no_message)
{
	HFT_NEED_GUEST(guest, "cpu_off", 0);
	int fd = hft_connect(guest->id, 10);
	int64_t before;

	ASSERT_LE(0, fd);
	ASSERT_EQ(0, echo_rounds(fd, 10));
	ASSERT_TRUE(is_off(guest->id));
	before = hft_vcpu_count(guest->id, 1, "runs");
	EXPECT_EQ(0, echo_rounds(fd, ROUNDS));
	EXPECT_EQ(before, hft_vcpu_count(guest->id, 1, "runs"));
}

TEST(many_senders_lose_nothing_to_a_vcpu_that_is_off)
{
	HFT_NEED_GUEST(guest, "cpu_off", 0);
	struct lossless_account a = lossless_run(guest->id, ROUNDS);

	EXPECT_TRUE(lossless_is_good(&a));
}

/* The answer tells whether it could be turned on; on some versions only once. */
TEST(vcpu_that_is_turned_on_again_costs_no_message)
{
	HFT_NEED_GUEST(guest, "cpu_off", 0);
	int fd = hft_connect(guest->id, 10), on = 0, i;
	char answer;

	for (i = 0; i < 20; i++) {
		ASSERT_EQ(1, send(fd, "1", 1, 0));
		ASSERT_EQ(1, recv(fd, &answer, 1, 0)) {
			hft_dump_state();
		}
		on += answer == '1';
		ASSERT_EQ(0, echo_rounds(fd, 10));
	}
	fprintf(stderr, "# vCPU 1 was turned on %d times\n", on);
}

TEST_HARNESS_MAIN
