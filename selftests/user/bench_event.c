// SPDX-License-Identifier: GPL-2.0
/*
 * How long it takes from a write to an eventfd until the guest has taken the interrupt,
 * and from a message until its answer is there, in the same boot. The vCPU sleeps in
 * WFI, the CPU has nothing else to do.
 *
 * Needs an event guest with two vCPUs, injection, and QEMU's -icount: it compares times.
 */
#include <sys/socket.h>

#include "bench.h"
#include "hft_event.h"
#include "hft_harness.h"

#define ID	10

static int64_t samples[BENCH_ROUNDS];

static uint64_t ticks(void)
{
	uint64_t now;

	asm volatile("isb; mrs %0, cntvct_el0" : "=r" (now) : : "memory");
	return now;
}

static int64_t to_ns(uint64_t ticks)
{
	uint64_t hz;

	asm("mrs %0, cntfrq_el0" : "=r" (hz));
	return ticks * 1000000000 / hz;
}

static int echo(void *fd)
{
	char text[BENCH_SMALL] = "";

	return send(*(int *)fd, text, sizeof(text), 0) != sizeof(text) ||
	       recv(*(int *)fd, text, sizeof(text), 0) != sizeof(text);
}

TEST(interrupt_is_taken_sooner_than_a_message_is_answered)
{
	HFT_NEED_INJECTION();
	HFT_NEED_GUEST(guest, "event", 0);
	const struct bench_row ring = { "hf_event", 0, 1, 1 };
	const struct bench_row message = { "hf_dgram", BENCH_SMALL, 1, 1 };
	int dev = hft_event_open(), fd = hft_eventfd(), sock = bench_connect(guest->id, 10);
	int64_t median;
	int i;

	ASSERT_LE(0, dev);
	ASSERT_EQ(0, hft_event_call(dev, HF_EVENT_ASSIGN, fd, guest->id, 1, ID, 0));
	for (i = -BENCH_WARMUP; i < BENCH_ROUNDS; i++) {
		uint64_t began = ticks();

		ASSERT_EQ(0, hft_event_write(fd));
		hft_sleep_ms(1);
		if (i >= 0)
			samples[i] = to_ns(hft_event_woken(sock, 1) - began);
	}
	bench_report(&ring, samples, BENCH_ROUNDS);
	median = samples[BENCH_ROUNDS / 2];
	ASSERT_LT(0, samples[0]);

	ASSERT_EQ(0, bench_rounds(echo, &sock, samples, BENCH_WARMUP));
	ASSERT_EQ(0, bench_rounds(echo, &sock, samples, BENCH_ROUNDS));
	bench_report(&message, samples, BENCH_ROUNDS);
	EXPECT_LT(median, samples[BENCH_ROUNDS / 2]);
}

TEST_HARNESS_MAIN
