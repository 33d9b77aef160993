// SPDX-License-Identifier: GPL-2.0
/*
 * A thread that is preempted keeps nothing that other VMs need: two VMs flood us,
 * and a process of nice -20 takes the CPU for long stretches, wherever their threads
 * are then. The worst round trip with a third VM is at most twice as long as without.
 *
 * There is one CPU, because an emulator that counts instructions shares time between
 * CPUs in a way of its own.
 *
 * Needs echo_irq, flood twice, one CPU and QEMU's -icount; a kernel that preempts.
 * HF_SECONDS (10) is how long each half takes.
 */
#include <sched.h>
#include <signal.h>
#include <sys/resource.h>

#include "hft_load.h"
#include "hft_worst.h"
#include "hft_harness.h"

#define TURNS		2
#define FACTOR		2

#undef TEST_TIMEOUT_DEFAULT
#define TEST_TIMEOUT_DEFAULT 300

static int hog(void *unused)
{
	struct sched_param none = { 0 };

	if (sched_setscheduler(0, SCHED_OTHER, &none) || setpriority(PRIO_PROCESS, 0, -20))
		return 1;
	for (;;)
		asm volatile("");
}

TEST(hog_beside_a_thread_makes_no_other_vm_wait)
{
	unsigned int ms = hft_number("HF_SECONDS", 10) * 1000 / TURNS;
	struct hft_times alone = { 0 }, beside = { 0 };
	int64_t before, flooded = 0;
	struct hft_worst w = { 0 };
	pid_t pid;
	int i;

	HFT_NEED_INJECTION();
	ASSERT_EQ(0, hft_worst_start(&w));
	for (i = 0; i < TURNS; i++) {
		ASSERT_TRUE(hft_worst_for(&w, ms, &alone));
		before = hft_vm_count(w.vm[0], "received");
		pid = hft_spawn(hog, NULL);
		/* It is no hog before it is rid of our priority. */
		hft_sleep_ms(50);
		EXPECT_TRUE(hft_worst_for(&w, ms, &beside));
		kill(pid, SIGKILL);
		waitpid(pid, NULL, 0);
		flooded += hft_vm_count(w.vm[0], "received") - before;
	}
	hft_worst_report("without a hog", &alone);
	hft_worst_report("with a hog", &beside);
	fprintf(stderr, "# messages of a flood beside it: %lld\n", (long long)flooded);
	EXPECT_GE(FACTOR * alone.worst_ns, beside.worst_ns);
	/* Else nothing was tried. */
	EXPECT_LT(0, flooded);
	hft_worst_stop(&w);
}

TEST_HARNESS_MAIN
