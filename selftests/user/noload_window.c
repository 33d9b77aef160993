// SPDX-License-Identifier: GPL-2.0
/*
 * Races inside the driver: a module with the mutants in lets a test
 * hold a thread before the last look at its requests, and between that look and
 * FFA_RUN. And the end of a thread that is about to sleep: init that fails at
 * its last step stops threads without waiting for anything else before.
 *
 * Needs busy, echo twice, such a module, the test hypervisor, and a CPU 1
 * without a tick (nohz_full=1): there a lost kick is not made good by the next
 * tick, and a new thread starts on CPU 0.
 */
#include <sched.h>

#include "hft_harness.h"
#include "hft_replay.h"

#define WANTED		3
#define SEEN_MS		500
#define STEPS_MAX	40

/* enum hf_window in selftests/mutants/hf_mutant.h. */
#define WINDOW_NONE		"0"
#define WINDOW_BEFORE_LAST_LOOK	"1"
#define WINDOW_AFTER_LAST_LOOK	"2"
#define WINDOW_INIT_FAILS	"3"

#define PARAMETERS	"/sys/module/hafnium/parameters/"
#define RCU		"/sys/module/rcutree/parameters/"

#undef TEST_TIMEOUT_DEFAULT
#define TEST_TIMEOUT_DEFAULT 240

static struct replay helper;

static bool no_tick_on_cpu_1(void)
{
	FILE *f = fopen("/sys/devices/system/cpu/nohz_full", "r");
	char text[32] = "";

	if (f) {
		if (!fgets(text, sizeof(text), f))
			text[0] = '\0';
		fclose(f);
	}
	return !strcmp(text, "1\n");
}

#define NEED_WINDOW(var, name) \
	REPLAY_NEED(var, name, 1, 0); \
	if (!no_tick_on_cpu_1()) \
		HFT_SKIP("this kernel was not booted with nohz_full=1")

static int write_file(const char *path, const char *text)
{
	FILE *f = fopen(path, "w");
	int err;

	if (!f)
		return -1;
	err = fputs(text, f) < 0;
	return fclose(f) || err ? -1 : 0;
}

static bool window_now_is(const char *window)
{
	int64_t end = hft_now_ns() + REPLAY_PATIENCE_MS * 1000000LL;
	char text[8];
	FILE *f;

	do {
		f = fopen(PARAMETERS "window_now", "r");
		text[0] = '\0';
		if (f) {
			if (!fgets(text, sizeof(text), f))
				text[0] = '\0';
			fclose(f);
		}
		if (text[0] == window[0])
			return true;
		sched_yield();
	} while (hft_now_ns() < end);
	return false;
}

/*
 * RCU ends a long run on a CPU without a tick, perhaps before we can see that
 * nothing else does. Its patience is set to seconds, which makes unloading slow.
 */
static void set_rcu_patience(const char *jiffies)
{
	write_file(RCU "jiffies_till_first_fqs", jiffies);
	write_file(RCU "jiffies_till_next_fqs", jiffies);
}

/* The busy guest sleeps, as forged, until replay_wake(); then it only computes. */
static int load_busy(struct replay *r, unsigned int vm)
{
	const struct hft_guest *other = replay_guest("echo", 1, 1);
	struct replay forged = { .id = HFT_VCPU(vm, 0) };
	char vms[24], more[24];

	if (!other || replay_unload() ||
	    replay_forge(&forged, REPLAY_HF_WFI, forged.id, 0))
		return -1;
	snprintf(vms, sizeof(vms), "%u:1,%u:1", vm, other->id);
	snprintf(more, sizeof(more), "window_vm=%u", vm);
	if (replay_load(vms, more) || replay_open(r, vm, 0) || replay_settle(vm, 0))
		return -1;
	return replay_helper(&helper, other->id);
}

/*
 * Makes a request while the thread is held in that window on its way into the
 * guest, and sees whether it is noticed although the guest never exits.
 */
static enum replay_outcome request_in_window(struct replay *r, const char *window)
{
	enum replay_outcome outcome = REPLAY_OK;

	/* It goes around once; before, it slept, or computed. */
	if (write_file(PARAMETERS "window", window) || replay_wake(r, &helper) ||
	    !window_now_is(window))
		return REPLAY_LOST;
	if (replay_wake(r, &helper))
		return REPLAY_LOST;
	if (!window_now_is(window))
		outcome = REPLAY_VOID;
	write_file(PARAMETERS "window", WINDOW_NONE);
	if (!replay_is(r, "requests", "0x0", SEEN_MS)) {
		fprintf(stderr, "# the guest runs, and the request is not seen\n");
		return REPLAY_LOST;
	}
	/* For the next attempt: inside, with nothing left to do. */
	return replay_is(r, "mode", "in_guest", REPLAY_PATIENCE_MS) ? outcome : REPLAY_LOST;
}

static enum replay_outcome before_the_last_look(struct replay *r)
{
	return request_in_window(r, WINDOW_BEFORE_LAST_LOOK);
}

static enum replay_outcome after_the_last_look(struct replay *r)
{
	return request_in_window(r, WINDOW_AFTER_LAST_LOOK);
}

static int attempts_in_window(unsigned int vm,
			      enum replay_outcome (*attempt)(struct replay *r))
{
	struct replay r;
	int err;

	if (load_busy(&r, vm))
		return -1;
	set_rcu_patience("250");
	err = replay_attempts(&r, WANTED, attempt);
	set_rcu_patience("1");
	replay_close(&r);
	replay_close(&helper);
	return err;
}

TEST(request_between_the_first_and_the_last_look_is_seen_before_the_guest_runs)
{
	NEED_WINDOW(guest, "busy");

	EXPECT_EQ(0, attempts_in_window(guest->id, before_the_last_look));
}

TEST(kick_between_the_last_look_and_ffa_run_ends_the_run_at_once)
{
	NEED_WINDOW(guest, "busy");

	EXPECT_EQ(0, attempts_in_window(guest->id, after_the_last_look));
}

/* Loading that fails after the threads were started; the argument is the parameters. */
static int failing_load(void *params)
{
	return -hft_module_load(params);
}

/* The last step that can fail, by trying; -1 if there is no such parameter. */
static int last_step(unsigned int vm)
{
	char params[64];
	int step;

	for (step = 0; step < STEPS_MAX; step++) {
		snprintf(params, sizeof(params), "vms=%u:1 mutant=INIT_FAILS fail_step=%d",
			 vm, step);
		if (hft_module_load(params) != -ENOMEM)
			return replay_unload() ? -1 : step - 1;
	}
	return -1;
}

/*
 * The thread is past its last look when it is told to stop; FFA_RUN then says
 * that the vCPU sleeps. Nothing but that request can end the thread.
 */
TEST(stop_before_the_sleep_is_reported_is_not_lost)
{
	NEED_WINDOW(guest, "echo");
	struct replay r = { .vm = guest->id, .id = HFT_VCPU(guest->id, 0) };
	char params[80], vms[16];
	int i, step;
	pid_t pid;

	snprintf(vms, sizeof(vms), "%u:1", guest->id);
	ASSERT_EQ(0, replay_load(vms, ""));
	ASSERT_EQ(0, hft_echo_once(guest->id, 10));
	ASSERT_EQ(0, replay_unload());
	step = last_step(guest->id);
	ASSERT_LT(0, step);
	snprintf(params, sizeof(params), "vms=%s mutant=INIT_FAILS fail_step=%d window=%s",
		 vms, step, WINDOW_INIT_FAILS);

	/* New threads start on CPU 0 here. */
	ASSERT_EQ(0, hft_pin(0, 1));
	for (i = 0; i < WANTED; i++) {
		ASSERT_EQ(0, replay_hold(&r, HFT_POINT_RUN, 0));
		pid = hft_spawn(failing_load, params);
		replay_stay_awake(true);
		ASSERT_TRUE(window_now_is(WINDOW_INIT_FAILS));
		ASSERT_EQ(0, replay_held(&r, HFT_POINT_RUN));
		ASSERT_EQ(0, write_file(PARAMETERS "window", WINDOW_NONE));
		EXPECT_TRUE(replay_is(&r, "requests", "0x10", REPLAY_PATIENCE_MS));
		EXPECT_EQ(0, replay_go(&r));
		replay_stay_awake(false);
		EXPECT_EQ(ENOMEM, hft_join(pid, REPLAY_PATIENCE_MS));
	}
}

TEST_HARNESS_MAIN
