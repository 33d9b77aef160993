// SPDX-License-Identifier: GPL-2.0
/*
 * Guests that learn of a message by the readable interrupt instead of waiting
 * for it: nothing but an injected interrupt and a wake-up reaches them.
 *
 * Needs echo_irq; for the second half smp_irq, whose *last* vCPU listens.
 */
#include <sys/socket.h>

#include "hft_harness.h"

static int many_at_once(unsigned int vm)
{
	uint32_t out, in;
	int fd = hft_connect(vm, 10);

	for (out = 0; out < 60; out++)
		if (send(fd, &out, sizeof(out), 0) != sizeof(out))
			return -1;
	for (out = 0; out < 60; out++)
		if (recv(fd, &in, sizeof(in), 0) != sizeof(in) || in != out)
			return -1;
	return close(fd);
}

static int one_by_one(unsigned int vm)
{
	static const size_t sizes[] = { 1, 5, 1000, HF_MSG_PAYLOAD_MAX };
	int fd = hft_connect(vm, 10);
	unsigned int i;

	for (i = 0; i < 200; i++)
		if (hft_echo(fd, sizes[i % ARRAY_SIZE(sizes)], i))
			return -1;
	return close(fd);
}

/* Long enough that the guest has gone to sleep between two messages. */
static int with_pauses(unsigned int vm)
{
	int i;

	for (i = 0; i < 20; i++) {
		hft_sleep_ms(i * 5);
		if (hft_echo_once(vm, 100 + i))
			return -1;
	}
	return 0;
}

TEST(interrupt_wakes_a_guest_for_each_message)
{
	HFT_NEED_INJECTION();
	HFT_NEED_GUEST(guest, "echo_irq", 0);
	EXPECT_EQ(0, one_by_one(guest->id));
}

TEST(guest_that_polls_drains_a_queue)
{
	HFT_NEED_INJECTION();
	HFT_NEED_GUEST(guest, "echo_irq", 0);
	EXPECT_EQ(0, many_at_once(guest->id));
}

TEST(interrupt_wakes_a_guest_that_slept)
{
	HFT_NEED_INJECTION();
	HFT_NEED_GUEST(guest, "echo_irq", 0);
	EXPECT_EQ(0, with_pauses(guest->id));
}

TEST(guest_really_waits_for_interrupts)
{
	HFT_NEED_INJECTION();
	HFT_NEED_GUEST(guest, "echo_irq", 0);
	int64_t wfi = hft_vcpus_count(guest->id, "wfi");

	ASSERT_LE(0, wfi);
	EXPECT_EQ(0, with_pauses(guest->id));
	EXPECT_LT(wfi, hft_vcpus_count(guest->id, "wfi"));
}

TEST(interrupt_reaches_a_vcpu_that_is_not_the_first)
{
	HFT_NEED_INJECTION();
	HFT_NEED_GUEST(guest, "smp_irq", 0);
	EXPECT_EQ(0, one_by_one(guest->id));
}

TEST(last_vcpu_drains_a_queue)
{
	HFT_NEED_INJECTION();
	HFT_NEED_GUEST(guest, "smp_irq", 0);
	EXPECT_EQ(0, many_at_once(guest->id));
}

TEST(last_vcpu_wakes_after_it_slept)
{
	HFT_NEED_INJECTION();
	HFT_NEED_GUEST(guest, "smp_irq", 0);
	EXPECT_EQ(0, with_pauses(guest->id));
}

TEST_HARNESS_MAIN
