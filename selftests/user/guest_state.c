// SPDX-License-Identifier: GPL-2.0
/*
 * Registers belong to whoever runs: two guests with different patterns in
 * their SIMD, floating-point and thread registers, and this process with a
 * third, run by turns on the same CPUs, and none sees another's.
 *
 * Needs two state guests. The guest looks after each FFA_YIELD and each spin,
 * in which the primary's tick interrupts it; this process after each loop.
 */
#include <poll.h>
#include <string.h>
#include <sys/socket.h>

#include "hft_harness.h"

#define ROUNDS		200
#define SPIN_US		500
#define VECTORS		32
#define LOOPS		200000

struct request {
	uint64_t seed;
	uint32_t rounds;
	uint32_t spin_us;
};

struct answer {
	uint64_t seed;
	uint32_t rounds;
	uint32_t damaged;
};

/* Loads every SIMD register, lets time pass, and stores what is there then. */
static void hold(uint64_t in[VECTORS][2], uint64_t out[VECTORS][2])
{
	uint64_t loops = LOOPS;

	asm volatile("ld1 {v0.2d-v3.2d}, [%0], #64; ld1 {v4.2d-v7.2d}, [%0], #64\n"
		     "ld1 {v8.2d-v11.2d}, [%0], #64; ld1 {v12.2d-v15.2d}, [%0], #64\n"
		     "ld1 {v16.2d-v19.2d}, [%0], #64; ld1 {v20.2d-v23.2d}, [%0], #64\n"
		     "ld1 {v24.2d-v27.2d}, [%0], #64; ld1 {v28.2d-v31.2d}, [%0]\n"
		     "1: subs %2, %2, #1; b.ne 1b\n"
		     "st1 {v0.2d-v3.2d}, [%1], #64; st1 {v4.2d-v7.2d}, [%1], #64\n"
		     "st1 {v8.2d-v11.2d}, [%1], #64; st1 {v12.2d-v15.2d}, [%1], #64\n"
		     "st1 {v16.2d-v19.2d}, [%1], #64; st1 {v20.2d-v23.2d}, [%1], #64\n"
		     "st1 {v24.2d-v27.2d}, [%1], #64; st1 {v28.2d-v31.2d}, [%1]"
		     : "+r" (in), "+r" (out), "+r" (loops)
		     : : "cc", "memory", "v0", "v1", "v2", "v3", "v4", "v5", "v6", "v7",
		       "v8", "v9", "v10", "v11", "v12", "v13", "v14", "v15", "v16",
		       "v17", "v18", "v19", "v20", "v21", "v22", "v23", "v24", "v25",
		       "v26", "v27", "v28", "v29", "v30", "v31");
}

static int start(int fd, uint64_t seed)
{
	struct request req = { seed, ROUNDS, SPIN_US };

	return send(fd, &req, sizeof(req), 0) == sizeof(req) ? 0 : -1;
}

/* Rounds in which something differed, or -1 if there was no answer. */
static int64_t finish(int fd, uint64_t seed)
{
	struct answer a;

	if (recv(fd, &a, sizeof(a), 0) != sizeof(a) || a.seed != seed ||
	    a.rounds != ROUNDS)
		return -1;
	return a.damaged;
}

TEST(registers_survive_other_guests_and_the_primary)
{
	const uint64_t seeds[] = { 0x123456789abcdef1, 0xfedcba9876543217 };
	uint64_t want[VECTORS][2], got[VECTORS][2];
	int fds[2], i;

	HFT_NEED_GUEST(first, "state", 0);
	HFT_NEED_GUEST(second, "state", 1);
	fds[0] = hft_connect(first->id, 10);
	fds[1] = hft_connect(second->id, 10);
	hft_fill(want, sizeof(want), 1);
	for (i = 0; i < 2; i++)
		ASSERT_EQ(0, start(fds[i], seeds[i]));
	do {
		hold(want, got);
		ASSERT_EQ(0, memcmp(want, got, sizeof(want)));
	} while (hft_poll(fds[0], POLLIN, 0) == 0);
	for (i = 0; i < 2; i++)
		EXPECT_EQ(0, finish(fds[i], seeds[i]));
}

TEST_HARNESS_MAIN
