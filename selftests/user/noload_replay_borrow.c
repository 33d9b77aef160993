// SPDX-License-Identifier: GPL-2.0
/*
 * Replays of races with a sender that runs the vCPU in its thread's place, and
 * gives it back: nobody may think that the other one goes on.
 *
 * The test is SCHED_FIFO, on a CPU that it shares with the vCPU's thread: what
 * the vCPU did by the time send() returned was done by the sender.
 *
 * Needs two echo guests, the test hypervisor, two CPUs, a tick on the first.
 */
#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "hft_harness.h"
#include "hft_replay.h"

#define WANTED		10
#define MESSAGES	20
#define TIMEOUT_NS	1000000ull
#define SETTLE_US	2000	/* from mode=blocked to a thread that sleeps */

#undef TEST_TIMEOUT_DEFAULT
#define TEST_TIMEOUT_DEFAULT 240

static int be_first(void)
{
	struct sched_param first = { .sched_priority = 1 };

	return sched_setscheduler(0, SCHED_FIFO, &first);
}

/* A vCPU that was seen waiting, whose thread runs on that CPU. */
static int load_borrowed(struct replay *r, unsigned int vm, unsigned int cpu)
{
	if (replay_seen(r, vm, 1, 0) || replay_pin(vm, 0, cpu))
		return -1;
	return be_first();
}

/* Sends to a thread that sleeps. Did the sender come to that exit? */
static enum replay_outcome send_to_sleeper(struct replay *r, const char *exit)
{
	int64_t before;

	if (replay_rest(r))
		return REPLAY_LOST;
	usleep(SETTLE_US);
	before = replay_count(r, exit);
	if (replay_send_and_wait(r))
		return REPLAY_LOST;
	return replay_count(r, exit) > before ? REPLAY_OK : REPLAY_VOID;
}

/* The run that has to deliver the message ends as forged, which counts as @counted. */
static enum replay_outcome send_to_forged(struct replay *r, uint64_t exit, uint64_t ns,
					  const char *counted)
{
	enum replay_outcome outcome;

	if (replay_forge(r, exit, r->id, ns))
		return REPLAY_LOST;
	outcome = send_to_sleeper(r, counted);
	return replay_finish(r) ? REPLAY_LOST : outcome;
}

static enum replay_outcome interrupted(struct replay *r)
{
	return send_to_forged(r, REPLAY_FFA_INTERRUPT, 0, "interrupt");
}

TEST(guest_that_is_interrupted_under_its_sender_goes_on_in_its_thread)
{
	REPLAY_NEED(guest, "echo", 1, 0);
	struct replay r;

	ASSERT_EQ(0, load_borrowed(&r, guest->id, REPLAY_CPU_TEST));
	EXPECT_EQ(0, replay_attempts(&r, WANTED, interrupted));
	replay_close(&r);
}

/* Only the timeout of this sleep wakes the vCPU again. */
static enum replay_outcome short_sleep(struct replay *r)
{
	return send_to_forged(r, REPLAY_HF_WFI, TIMEOUT_NS, "wfi");
}

TEST(timeout_of_a_guest_that_its_sender_ran_wakes_it)
{
	REPLAY_NEED(guest, "echo", 1, 0);
	struct replay r;

	ASSERT_EQ(0, load_borrowed(&r, guest->id, REPLAY_CPU_TEST));
	EXPECT_EQ(0, replay_attempts(&r, WANTED, short_sleep));
	replay_close(&r);
}

static struct replay helper;

/* IPIs of the scheduler that CPU 0 has taken; the first column of the first row. */
static int64_t scheduler_ipis(void)
{
	FILE *f = fopen("/proc/interrupts", "r");
	long long count = -1;
	char line[512];

	while (f && fgets(line, sizeof(line), f))
		sscanf(line, " IPI0: %lld", &count);
	if (f)
		fclose(f);
	return count;
}

/* A sender on the first CPU; the test goes to the second, for EL2 holds the first. */
static pid_t sender_elsewhere(struct replay *r)
{
	pid_t pid;

	r->sent++;
	fflush(stderr);
	pid = fork();
	if (pid)
		return pid;
	r->sent--;
	_exit(hft_pin(0, REPLAY_CPU_TEST) || replay_send_and_wait(r));
}

/*
 * The sender is at EL2 when somebody needs the vCPU to run: there is an IPI for
 * the sender's CPU. Its run then ends, as forged, in a sleep without a timeout.
 */
static enum replay_outcome request_under_sender(struct replay *r)
{
	enum replay_outcome outcome = REPLAY_OK;
	int64_t before, ipis;
	int status = -1;
	pid_t pid;

	if (replay_rest(r))
		return REPLAY_LOST;
	before = replay_count(r, "wakes");
	if (replay_forge(r, REPLAY_HF_WFI, r->id, 0) || replay_hold(r, HFT_POINT_RUN, 0))
		return REPLAY_LOST;
	pid = sender_elsewhere(r);
	if (replay_held(r, HFT_POINT_RUN) || replay_count(r, "wakes") != before)
		outcome = REPLAY_VOID;
	ipis = scheduler_ipis();
	if (replay_wake(r, &helper))
		return REPLAY_LOST;
	if (replay_go(r))
		outcome = REPLAY_VOID;
	if (waitpid(pid, &status, 0) != pid || status)
		return REPLAY_LOST;
	if (outcome == REPLAY_OK && scheduler_ipis() == ipis) {
		fprintf(stderr, "# no IPI for the CPU of the sender\n");
		return REPLAY_LOST;
	}
	return replay_finish(r) ? REPLAY_LOST : outcome;
}

TEST(request_while_a_sender_runs_the_vcpu_is_not_lost)
{
	REPLAY_NEED(guest, "echo", 1, 0);
	REPLAY_NEED(other, "echo", 1, 1);
	char vms[24];
	struct replay r;

	snprintf(vms, sizeof(vms), "%u:1,%u:1", guest->id, other->id);
	ASSERT_EQ(0, replay_load(vms, ""));
	ASSERT_EQ(0, replay_open(&r, guest->id, 0));
	ASSERT_EQ(0, replay_helper(&helper, other->id));
	ASSERT_EQ(0, replay_send(&r) || replay_reply(&r));
	ASSERT_EQ(0, replay_pin(guest->id, 0, REPLAY_CPU_TEST));
	ASSERT_EQ(0, replay_pin(other->id, 0, REPLAY_CPU_VCPU));
	ASSERT_EQ(0, hft_pin(0, REPLAY_CPU_VCPU));
	replay_stay_awake(true);
	EXPECT_EQ(0, replay_attempts(&r, WANTED, request_under_sender));
	replay_stay_awake(false);
	replay_close(&helper);
	replay_close(&r);
}

/* How often the thread had to wake up for a message; -1 = one was lost. */
static int64_t wakes(struct replay *r)
{
	int64_t before = replay_count(r, "wakes");
	int i;

	for (i = 0; i < MESSAGES; i++)
		if (send_to_sleeper(r, "runs") == REPLAY_LOST || replay_finish(r))
			return -1;
	return replay_count(r, "wakes") - before;
}

TEST(sender_on_a_cpu_of_the_thread_does_not_wake_it)
{
	REPLAY_NEED(guest, "echo", 1, 0);
	struct replay r;
	int64_t woke;

	ASSERT_EQ(0, load_borrowed(&r, guest->id, REPLAY_CPU_TEST));
	woke = wakes(&r);
	EXPECT_LE(0, woke);
	EXPECT_GE(MESSAGES / 2, woke);
	replay_close(&r);
}

TEST(sender_on_a_cpu_that_is_not_the_threads_wakes_it)
{
	REPLAY_NEED(guest, "echo", 1, 0);
	struct replay r;

	ASSERT_EQ(0, load_borrowed(&r, guest->id, REPLAY_CPU_VCPU));
	EXPECT_LE(MESSAGES / 2, wakes(&r));
	replay_close(&r);
}

TEST_HARNESS_MAIN
