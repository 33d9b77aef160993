// SPDX-License-Identifier: GPL-2.0
/*
 * A thread of SCHED_FIFO that sleeps 1 ms at a time is never late for long, as
 * cyclictest has it, while a guest floods this CPU with messages.
 *
 * Needs flood, one CPU, a kernel with PREEMPT_RT, and time that counts
 * instructions (QEMU's -icount): on a shared host it measures the host.
 */
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/socket.h>

#include "hft_harness.h"

#define PRIORITY	80
#define PERIODS		3000
#define LIMIT_NS	300000

#undef TEST_TIMEOUT_DEFAULT
#define TEST_TIMEOUT_DEFAULT 240

struct request {
	uint32_t count;
	uint32_t size;
	uint64_t port;
};

struct flood {
	unsigned int vm;
	struct request request;
};

/* Reads what comes, and asks for more when nothing does: until it is killed. */
static int read_flood(void *arg)
{
	const struct flood *flood = arg;
	int fd = hft_connect(flood->vm, 10);
	char buf[HF_MSG_PAYLOAD_MAX];

	if (fd < 0 || hft_set_timeout(fd, SO_RCVTIMEO, 2))
		return 1;
	for (;;)
		if (recv(fd, buf, sizeof(buf), 0) < 0)
			send(fd, &flood->request, sizeof(flood->request), MSG_DONTWAIT);
}

static int become_fifo(void)
{
	struct sched_param param = { .sched_priority = PRIORITY };

	return mlockall(MCL_CURRENT | MCL_FUTURE) ||
	       sched_setscheduler(0, SCHED_FIFO, &param);
}

/* The worst while messages of that size come, -1 = could not be had. */
static int64_t worst_beside_flood(unsigned int vm, uint32_t size)
{
	static int64_t late[PERIODS];
	struct flood flood = { vm, { .count = 2000, .size = size } };
	pid_t reader = hft_spawn(read_flood, &flood);
	int64_t received;
	char name[32];

	hft_sleep_ms(500);
	received = hft_vm_count(vm, "received");
	if (reader < 0 || become_fifo())
		return -1;
	snprintf(name, sizeof(name), "flood of %u bytes", size);
	hft_lateness(name, late, PERIODS);
	received = hft_vm_count(vm, "received") - received;
	fprintf(stderr, "# %lld messages meanwhile\n", (long long)received);
	kill(reader, SIGKILL);
	hft_join(reader, HFT_PATIENCE_MS);
	/* It did flood meanwhile: the figure is no use otherwise. */
	return received < PERIODS ? -1 : late[PERIODS - 1];
}

TEST(flood_of_small_messages_does_not_delay_a_fifo_thread)
{
	HFT_NEED_GUEST(guest, "flood", 0);
	int64_t worst = worst_beside_flood(guest->id, 8);

	ASSERT_LE(0, worst);
	EXPECT_GT(LIMIT_NS, worst);
}

TEST(flood_of_large_messages_does_not_delay_a_fifo_thread)
{
	HFT_NEED_GUEST(guest, "flood", 0);
	int64_t worst = worst_beside_flood(guest->id, HF_MSG_PAYLOAD_MAX);

	ASSERT_LE(0, worst);
	EXPECT_GT(LIMIT_NS, worst);
}

TEST_HARNESS_MAIN
