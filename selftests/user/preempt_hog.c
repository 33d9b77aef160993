// SPDX-License-Identifier: GPL-2.0
/*
 * A thread that is preempted keeps nothing that other VMs need: two VMs flood us,
 * and a process of nice -20 takes the CPU for long stretches, wherever their threads
 * are then. The worst round trip with a third VM is at most twice as long as without.
 *
 * There is one CPU, because an emulator that counts instructions shares time between
 * CPUs in a way of its own. Who measures and the third VM have a real-time priority:
 * they wait for no CPU, only for what another thread may have kept. The guest sleeps
 * until our mailbox is free, as one that asks over and over would keep the CPU.
 *
 * Needs echo_irq, flood twice, one CPU and QEMU's -icount; a kernel that preempts.
 * HF_SECONDS (10) is how long each half takes.
 */
#include <sched.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include "hft_load.h"
#include "hft_harness.h"

#define TURNS		2
#define FACTOR		2
#define PAUSE_US	1500
#define FLOOD_COUNT	20000
#define FLOOD_SIZE	64
#define PORT_NOBODY	(1ull << 60)

#undef TEST_TIMEOUT_DEFAULT
#define TEST_TIMEOUT_DEFAULT 300

static int flood(void *arg)
{
	struct { uint32_t count, size; uint64_t port; } req = {
		FLOOD_COUNT, FLOOD_SIZE, PORT_NOBODY
	};
	int fd = hft_connect(*(unsigned int *)arg, 10), one = 1;

	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &one, sizeof(one)))
		return 1;
	/* Each waits until the one before is begun; behind the hog that takes long. */
	for (;;)
		send(fd, &req, sizeof(req), 0);
}

static int hog(void *unused)
{
	if (setpriority(PRIO_PROCESS, 0, -20))
		return 1;
	sched_setscheduler(0, SCHED_OTHER, &(struct sched_param){ 0 });
	for (;;)
		asm volatile("");
}

static void stop(pid_t pid)
{
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}

static int make_first(pid_t pid)
{
	struct sched_param first = { .sched_priority = 1 };

	return pid < 0 ? -1 : sched_setscheduler(pid, SCHED_FIFO, &first);
}

static pid_t thread_of(unsigned int vm)
{
	char name[32];

	snprintf(name, sizeof(name), "hf/%u.0", vm);
	return hft_find_thread(name);
}

struct times {
	int64_t worst_ns, sum_ns;
	unsigned int count;
};

/* False if an answer was missing. */
static bool echo_for(int fd, unsigned int ms, struct times *t)
{
	int64_t end = hft_now_ns() + ms * 1000000LL, begin, took;

	while ((begin = hft_now_ns()) < end) {
		if (hft_echo(fd, 64, t->count))
			return false;
		took = hft_now_ns() - begin;
		t->worst_ns = took > t->worst_ns ? took : t->worst_ns;
		t->sum_ns += took;
		t->count++;
		/* Whatever the others do in turn, we meet all of it. */
		usleep(PAUSE_US + t->count % 16 * PAUSE_US / 16);
	}
	return true;
}

static void report(const char *what, const struct times *t)
{
	fprintf(stderr, "# %s: %u round trips, mean %lld us, worst %lld us\n", what, t->count,
		(long long)t->sum_ns / (t->count + 1) / 1000, (long long)t->worst_ns / 1000);
}

FIXTURE(preempt) {
	int fd;
	unsigned int ms, vm[2];
	pid_t flooder[2];
};

FIXTURE_SETUP(preempt)
{
	HFT_NEED_GUEST(echo, "echo_irq", 0);
	int i;

	self->ms = hft_number("HF_SECONDS", 10) * 1000 / TURNS;
	self->fd = hft_connect(echo->id, 10);
	ASSERT_LE(0, self->fd);
	/* To see how long it is, not only that it is too long. */
	ASSERT_EQ(0, hft_set_timeout(self->fd, SO_RCVTIMEO, 30000));
	for (i = 0; i < 2; i++) {
		HFT_NEED_GUEST(guest, "flood", i);
		self->vm[i] = guest->id;
		self->flooder[i] = hft_spawn(flood, &self->vm[i]);
	}
	ASSERT_EQ(0, make_first(thread_of(echo->id)));
	ASSERT_EQ(0, make_first(0));
}

FIXTURE_TEARDOWN(preempt)
{
	int i;

	for (i = 0; i < 2; i++)
		stop(self->flooder[i]);
	close(self->fd);
}

TEST_F(preempt, hog_beside_a_thread_makes_no_other_vm_wait)
{
	struct times alone = { 0 }, beside = { 0 };
	int64_t before, flooded = 0;
	pid_t pid;
	int i;

	hft_sleep_ms(200);
	for (i = 0; i < TURNS; i++) {
		ASSERT_TRUE(echo_for(self->fd, self->ms, &alone));
		before = hft_vm_count(self->vm[0], "received");
		pid = hft_spawn(hog, NULL);
		EXPECT_TRUE(echo_for(self->fd, self->ms, &beside));
		stop(pid);
		flooded += hft_vm_count(self->vm[0], "received") - before;
	}
	report("without a hog", &alone);
	report("with a hog", &beside);
	fprintf(stderr, "# messages of a flood meanwhile: %lld\n",
		(long long)flooded);
	EXPECT_GE(FACTOR * alone.worst_ns, beside.worst_ns);
	/* Else nothing was tried. */
	EXPECT_LT(0, flooded);
}

TEST_HARNESS_MAIN
