// SPDX-License-Identifier: GPL-2.0
/*
 * Replays of other races with a vCPU that goes to sleep: a timer that is over
 * at once, and a vCPU that is switched on by its sibling.
 *
 * Needs echo, three smp guests with two vCPUs (the last two must not have run:
 * a vCPU can be switched on once in a boot), the test hypervisor, two CPUs.
 */
#include "hft_harness.h"
#include "hft_replay.h"

#define HOUR_NS	3600000000000ULL

#undef TEST_TIMEOUT_DEFAULT
#define TEST_TIMEOUT_DEFAULT 240

/*
 * The run that has to deliver the message ends, as forged, in a sleep with a
 * timeout; only that wakes the vCPU again.
 */
static enum replay_outcome short_sleep(struct replay *r)
{
	static const uint64_t times[] = { 1, 100, 1000, 3000, 10000, 30000, 100000,
					  300000, 1000000, 4000000 };
	static unsigned int attempt;
	uint64_t ns = times[attempt / 2 % ARRAY_SIZE(times)];
	uint32_t exit = attempt++ % 2 ? REPLAY_FFA_MSG_WAIT : REPLAY_HF_WFI;

	if (replay_rest(r))
		return REPLAY_LOST;
	if (replay_forge(r, exit, r->id, ns) || replay_send(r))
		return REPLAY_LOST;
	if (replay_finish(r)) {
		fprintf(stderr, "# exit %#x with %llu ns\n", exit, (unsigned long long)ns);
		return REPLAY_LOST;
	}
	return REPLAY_OK;
}

TEST(timer_that_is_over_before_its_vcpu_sleeps_wakes_it)
{
	REPLAY_NEED(guest, "echo", 1, 0);
	struct replay r;

	ASSERT_EQ(0, replay_seen(&r, guest->id, 1, 0));
	EXPECT_EQ(0, replay_attempts(&r, 40, short_sleep));
	replay_close(&r);
}

/* An smp VM that has never run, and the one that wakes its vCPUs. */
struct newborn {
	struct replay cpu[2];
	struct replay helper;
};

/* vCPU 0 is forged to sleep until replay_wake(); vCPU 1 is not run before it is named. */
static int load_newborn(struct newborn *n, unsigned int vm, unsigned int helper)
{
	struct replay first = { .vm = vm, .vcpu = 0, .id = HFT_VCPU(vm, 0) };
	char vms[24];
	int i;

	if (replay_unload())
		return -1;
	for (i = 0; i < 2; i++) {
		if (hft_call(HFT_COUNT, HFT_COUNT_ENTER, HFT_VCPU(vm, i), 0, 0, 0))
			return -1;
	}
	/* With a timeout, for else it would be asked whether it is off. */
	if (replay_forge(&first, REPLAY_HF_WFI, first.id, HOUR_NS))
		return -1;
	snprintf(vms, sizeof(vms), "%u:2,%u:1", vm, helper);
	if (replay_load(vms, "") || replay_helper(&n->helper, helper))
		return -1;
	for (i = 0; i < 2; i++)
		if (replay_open(&n->cpu[i], vm, i) || replay_settle(vm, i))
			return -1;
	return 0;
}

static int both_work(struct newborn *n)
{
	if (!replay_is(&n->cpu[1], "last", "msg_wait", REPLAY_PATIENCE_MS)) {
		hft_dump_state();
		return -1;
	}
	return replay_send(&n->cpu[0]) || replay_finish(&n->cpu[0]) ? -1 : 0;
}

/* The target is on at EL2, its sibling's exit is not yet reported: it sleeps. */
TEST(vcpu_that_was_switched_on_while_asleep_runs)
{
	REPLAY_NEED(guest, "smp", 2, 1);
	REPLAY_NEED(other, "echo", 1, 0);
	struct newborn n;

	ASSERT_EQ(0, load_newborn(&n, guest->id, other->id));
	ASSERT_EQ(0, replay_pin(guest->id, 1, REPLAY_CPU_TEST));
	ASSERT_EQ(0, replay_wake(&n.cpu[1], &n.helper));
	ASSERT_TRUE(replay_is(&n.cpu[1], "last", "off", REPLAY_PATIENCE_MS));
	ASSERT_EQ(0, replay_hold(&n.cpu[0], HFT_POINT_CPU_ON, 0));
	ASSERT_EQ(0, replay_wake(&n.cpu[0], &n.helper));
	ASSERT_EQ(0, replay_held(&n.cpu[0], HFT_POINT_CPU_ON));
	EXPECT_TRUE(replay_is(&n.cpu[1], "mode", "blocked", 0));
	EXPECT_EQ(0, replay_go(&n.cpu[0]));
	EXPECT_EQ(0, both_work(&n));
}

/*
 * The target is found off, but has not yet gone to sleep, when its sibling
 * switches it on and says so.
 */
TEST(vcpu_that_is_switched_on_before_it_sleeps_runs)
{
	REPLAY_NEED(guest, "smp", 2, 2);
	REPLAY_NEED(other, "echo", 1, 0);
	struct newborn n;

	ASSERT_EQ(0, load_newborn(&n, guest->id, other->id));
	ASSERT_EQ(0, replay_pin(guest->id, 0, REPLAY_CPU_TEST));
	ASSERT_EQ(0, replay_forge(&n.cpu[1], REPLAY_FFA_ERROR, 0, REPLAY_INVALID));
	ASSERT_EQ(0, replay_hold(&n.cpu[1], HFT_POINT_RUN, 0));
	ASSERT_EQ(0, replay_wake(&n.cpu[1], &n.helper));
	ASSERT_EQ(0, replay_held(&n.cpu[1], HFT_POINT_RUN));
	/* When it waits for messages, it has switched the other one on. */
	ASSERT_EQ(0, replay_wake(&n.cpu[0], &n.helper));
	EXPECT_TRUE(replay_is(&n.cpu[0], "last", "msg_wait", REPLAY_PATIENCE_MS));
	EXPECT_EQ(0, replay_go(&n.cpu[1]));
	EXPECT_EQ(0, both_work(&n));
	EXPECT_EQ(1, replay_count(&n.cpu[1], "off"));
}

TEST_HARNESS_MAIN
