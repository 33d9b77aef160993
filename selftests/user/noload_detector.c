// SPDX-License-Identifier: GPL-2.0
/*
 * The stall detector: with a mistake that loses wake-ups compiled in, the
 * module notices within seconds that a VM has work and sleeps, says so once,
 * with the state of the VM and its vCPUs, and runs them: the reply comes late.
 *
 * Needs echo, the test hypervisor, two CPUs, a module with the mutants in.
 */
#include <poll.h>
#include <sys/socket.h>

#include "hft_harness.h"
#include "hft_replay.h"

/* Two looks a second apart, and a second before the first; on a slow host, more. */
#define RECOVERED_MS	9000
/* Between two looks: earlier it cannot have been the detector. */
#define NOT_BEFORE_MS	600
#define QUIET_MS	4000
#define LEVEL_ERR	3

#undef TEST_TIMEOUT_DEFAULT
#define TEST_TIMEOUT_DEFAULT 240

static int use_mutant(const char *name)
{
	FILE *f = fopen("/sys/module/hafnium/parameters/mutant", "w");

	if (!f)
		return -1;
	fputs(name, f);
	return fclose(f);
}

#define NEED_DETECTOR(var, name) \
	REPLAY_NEED(var, name, 1, 0); \
	ASSERT_EQ(0, load_and_echo(var->id)); \
	if (access("/sys/module/hafnium/parameters/mutant", F_OK)) \
		HFT_SKIP("this module is built without mutants")

static int load_and_echo(unsigned int vm)
{
	struct replay r;

	if (replay_seen(&r, vm, 1, 0))
		return -1;
	replay_close(&r);
	return 0;
}

/* Milliseconds until the reply to the message that was sent last, -1 = never. */
static int reply_after(struct replay *r)
{
	int64_t start = hft_now_ns();
	uint32_t in[2];

	if (!(hft_poll(r->fd, POLLIN, RECOVERED_MS) & POLLIN) ||
	    recv(r->fd, in, sizeof(in), 0) != sizeof(in) || in[0] != r->sent)
		return -1;
	r->received = r->sent;
	return (hft_now_ns() - start) / 1000000;
}

/* L1 A: the message arrives before the first wait is reported. */
static int lose_message(struct replay *r)
{
	if (replay_hold(r, HFT_POINT_RECEIVE, 0) || replay_send(r) || replay_reply(r) ||
	    replay_held(r, HFT_POINT_RECEIVE) || replay_hold(r, HFT_POINT_EXIT, 0) ||
	    replay_go(r) || replay_held(r, HFT_POINT_EXIT) || replay_send(r))
		return -1;
	return replay_go(r);
}

TEST(lost_message_is_noticed_and_made_good)
{
	NEED_DETECTOR(guest, "echo");
	char last[512];
	struct replay r;
	int log, ms;

	ASSERT_EQ(0, replay_fresh(&r, guest->id, 1, 0));
	ASSERT_EQ(0, use_mutant("MIRROR_UNCHECKED"));
	log = hft_log_open();
	ASSERT_EQ(0, lose_message(&r));
	ms = reply_after(&r);
	fprintf(stderr, "# the reply came after %d ms\n", ms);
	EXPECT_LT(NOT_BEFORE_MS, ms);
	/* What happened, the VM's state, the vCPU's state; the last is the vCPU's. */
	EXPECT_EQ(1, replay_stalls(&r));
	EXPECT_EQ(3, hft_log_lines(log, LEVEL_ERR, last, sizeof(last)));
	EXPECT_NE(NULL, strstr(last, "mode=blocked"));
	EXPECT_NE(NULL, strstr(last, "last=msg_wait"));
	close(log);
	replay_close(&r);
}

/*
 * A request is made while the vCPU's thread is on its way to sleep, and it does
 * not look again.
 */
static int lose_request(struct replay *r, struct replay *helper)
{
	if (replay_rest(r) || replay_hold(r, HFT_POINT_RUN, 0) ||
	    replay_forge(r, REPLAY_HF_WFI, r->id, 0) || replay_send(r) ||
	    replay_held(r, HFT_POINT_RUN) || replay_wake(r, helper))
		return -1;
	return replay_go(r);
}

TEST(second_stall_of_a_vm_is_made_good_without_a_word)
{
	NEED_DETECTOR(guest, "echo");
	REPLAY_NEED(other, "echo", 1, 1);
	struct replay r, helper;
	char vms[24];
	int i, ms;

	snprintf(vms, sizeof(vms), "%u:1,%u:1", guest->id, other->id);
	ASSERT_EQ(0, replay_load(vms, ""));
	ASSERT_EQ(0, replay_open(&r, guest->id, 0));
	ASSERT_EQ(0, replay_settle(guest->id, 0));
	ASSERT_EQ(0, replay_helper(&helper, other->id));
	ASSERT_EQ(0, use_mutant("SLEEP_WITHOUT_LOOK"));
	for (i = 0; i < 3; i++) {
		ASSERT_EQ(0, lose_request(&r, &helper));
		ms = reply_after(&r);
		fprintf(stderr, "# the reply came after %d ms\n", ms);
		EXPECT_LT(NOT_BEFORE_MS, ms);
		EXPECT_EQ(i == 0, replay_stalls(&r));
	}
	ASSERT_EQ(0, use_mutant("NONE"));
	replay_close(&helper);
	replay_close(&r);
}

/* Idle, held at EL2 for long, and with a message that a guest does not read. */
TEST(detector_is_silent_without_a_mistake)
{
	NEED_DETECTOR(guest, "echo");
	REPLAY_NEED(mute, "mute", 1, 0);
	struct replay r;
	char vms[24];

	snprintf(vms, sizeof(vms), "%u:1,%u:1", guest->id, mute->id);
	ASSERT_EQ(0, replay_load(vms, ""));
	ASSERT_EQ(0, replay_open(&r, mute->id, 0));
	ASSERT_EQ(0, replay_send(&r));
	ASSERT_EQ(0, replay_send(&r));
	replay_close(&r);

	ASSERT_EQ(0, replay_open(&r, guest->id, 0));
	ASSERT_EQ(0, replay_settle(guest->id, 0));
	ASSERT_EQ(0, replay_hold(&r, HFT_POINT_RUN, 0));
	ASSERT_EQ(0, replay_send(&r));
	ASSERT_EQ(0, replay_held(&r, HFT_POINT_RUN));
	hft_sleep_ms(QUIET_MS);
	ASSERT_EQ(0, replay_reply(&r));
	EXPECT_EQ(0, replay_stalls(&r));
	replay_close(&r);
}

TEST_HARNESS_MAIN
