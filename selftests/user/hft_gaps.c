// SPDX-License-Identifier: GPL-2.0
/*
 * What makes gaps long: lossless_load_start() of hft_lossless.h.
 *
 * Linux is kept busy, so that a thread that is preempted stays so for many
 * milliseconds; EL2 delays now and then; and a vCPU is held for up to 100 ms at
 * one of the points between a message and the next FFA_MSG_WAIT. Who holds it
 * never sleeps meanwhile, and cannot be preempted, or it might be held itself.
 */
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>

#include "hft_lossless.h"

#define BUSY		4
#define GAP_NS		100000000
#define JITTER_ONE_IN	4000

struct holder {
	unsigned int vm, vcpus;
	volatile unsigned int tried, held;
};

static pid_t busy[BUSY], holder;
static struct holder *holding;

static int spin(void *unused)
{
	for (;;)
		asm volatile("");
	return 0;
}

/* True if there was a vCPU to be held. */
static bool hold_once(uint32_t vcpu)
{
	static const uint32_t points[] = { HFT_POINT_TAKEN, HFT_POINT_TAKEN, HFT_POINT_RELEASING,
					   HFT_POINT_RECEIVE, HFT_POINT_EXIT, HFT_POINT_RELEASE };
	uint32_t point = points[random() % (sizeof(points) / sizeof(points[0]))];
	int64_t end = hft_now_ns() + random() % GAP_NS;

	hft_call(HFT_HOLD, vcpu, point, random() % 4, 0, 0);
	while (hft_now_ns() < end)
		;
	hft_call(HFT_HOLD, vcpu, HFT_POINT_NONE, 0, 0, 0);
	return hft_call(HFT_RELEASE, vcpu, 0, 0, 0, 0) == 0;
}

static int hold(void *arg)
{
	struct sched_param first = { .sched_priority = 1 };
	struct holder *h = arg;

	if (sched_setscheduler(0, SCHED_FIFO, &first))
		return 1;
	for (;;) {
		hft_sleep_ms(20 + random() % 400);
		h->held += hold_once(HFT_VCPU(h->vm, random() % h->vcpus));
		h->tried++;
	}
	return 0;
}

void lossless_load_start(unsigned int vm, unsigned int vcpus)
{
	unsigned int i;

	for (i = 0; i < BUSY; i++)
		busy[i] = hft_spawn(spin, NULL);
	if (!hft_have_testcall())
		return;
	hft_call(HFT_JITTER, vm + 1, JITTER_ONE_IN, GAP_NS, 0, 0);
	holding = vm && hft_online_cpus() > 1 ? hft_shared(sizeof(*holding)) : NULL;
	if (!holding)
		return;
	holding->vm = vm;
	holding->vcpus = vcpus;
	holder = hft_spawn(hold, holding);
}

static void end(pid_t *pid)
{
	if (*pid <= 0)
		return;
	kill(*pid, SIGKILL);
	waitpid(*pid, NULL, 0);
	*pid = 0;
}

void lossless_load_stop(void)
{
	unsigned int i;

	end(&holder);
	for (i = 0; i < BUSY; i++)
		end(&busy[i]);
	if (hft_have_testcall())
		hft_call(HFT_JITTER, 0, 1, 0, 0, 0);
	if (holding)
		fprintf(stderr, "# held %u times of %u\n", holding->held, holding->tried);
	holding = NULL;
}
