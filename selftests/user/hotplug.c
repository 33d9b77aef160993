// SPDX-License-Identifier: GPL-2.0
/*
 * CPUs go offline and come back while messages flow: threads move, the
 * hypervisor's timer interrupt follows, nothing stalls.
 *
 * Needs two CPUs or more and an echo guest; a busy guest makes it harder.
 */
#include <sys/socket.h>

#include "hft_harness.h"

#define LOOPS		30
#define CLIENTS		3

#undef TEST_TIMEOUT_DEFAULT
#define TEST_TIMEOUT_DEFAULT 240

struct traffic {
	unsigned int vm;
	volatile bool stop;
	volatile unsigned long echoed;
};

static int echo_for_ever(void *arg)
{
	struct traffic *t = arg;
	int fd = hft_connect(t->vm, 10);
	uint32_t i;

	for (i = 0; !t->stop; i++) {
		if (hft_echo(fd, 1 + i % 1000, i)) {
			hft_dump_state();
			return 1;
		}
		t->echoed++;
	}
	return 0;
}

FIXTURE(hotplug) {
	struct traffic *traffic;
	pid_t pid[CLIENTS];
	unsigned int cpus;
};

FIXTURE_SETUP(hotplug)
{
	const struct hft_guest *guest = hft_guest("echo", 0);
	int i;

	if (!guest)
		HFT_SKIP("no echo guest in this boot");
	self->cpus = hft_online_cpus();
	if (self->cpus < 2)
		HFT_SKIP("needs 2 CPUs");
	self->traffic = hft_shared(CLIENTS * sizeof(*self->traffic));
	for (i = 0; i < CLIENTS; i++) {
		self->traffic[i].vm = guest->id;
		self->pid[i] = hft_spawn(echo_for_ever, &self->traffic[i]);
	}
}

FIXTURE_TEARDOWN(hotplug)
{
	int i;

	for (i = 0; i < CLIENTS; i++)
		EXPECT_TRUE(hft_eventually(self->traffic[i].echoed > 10));
	for (i = 0; i < CLIENTS; i++)
		self->traffic[i].stop = true;
	for (i = 0; i < CLIENTS; i++)
		EXPECT_EQ(0, hft_join(self->pid[i], 2 * HFT_PATIENCE_MS));
	for (i = 1; i < self->cpus; i++)
		hft_set_online(i, true);
}

TEST_F(hotplug, cpus_come_and_go_under_traffic)
{
	unsigned int i, cpu;

	for (i = 0; i < LOOPS; i++) {
		cpu = 1 + i % (self->cpus - 1);
		ASSERT_EQ(0, hft_set_online(cpu, false));
		hft_sleep_ms(i % 5 * 10);
		ASSERT_EQ(0, hft_set_online(cpu, true));
		hft_sleep_ms(i % 3 * 10);
	}
}

TEST_F(hotplug, one_cpu_is_enough_for_a_while)
{
	unsigned long before;
	unsigned int cpu;

	for (cpu = 1; cpu < self->cpus; cpu++)
		ASSERT_EQ(0, hft_set_online(cpu, false));
	before = self->traffic[0].echoed;
	EXPECT_TRUE(hft_eventually(self->traffic[0].echoed > before));
	for (cpu = 1; cpu < self->cpus; cpu++)
		ASSERT_EQ(0, hft_set_online(cpu, true));
}

TEST_F(hotplug, first_cpu_can_go_too)
{
	unsigned long before;

	if (hft_set_online(0, false))
		HFT_SKIP("this kernel keeps CPU 0");
	before = self->traffic[0].echoed;
	EXPECT_TRUE(hft_eventually(self->traffic[0].echoed > before));
	EXPECT_EQ(0, hft_set_online(0, true));
}

TEST_HARNESS_MAIN
