// SPDX-License-Identifier: GPL-2.0
/*
 * Replays of report L1 (Hafnium and Trusty, "Secondary vm waiting for a message
 * failed to run"): a message arrives while the guest has called FFA_MSG_WAIT,
 * and the driver has not yet seen it waiting (A), or has to choose between
 * vCPUs of which only some wait (B).
 *
 * Needs echo, a two-vCPU echo and a two-vCPU echo_irq (their second vCPU is
 * never switched on), smp with two vCPUs, the test hypervisor, two CPUs.
 */
#include "hft_harness.h"
#include "hft_replay.h"

#define WANTED		5
#define FRESH_WANTED	2

/* The driver keeps a message at most this long for a vCPU that is to wait. */
#define HOLD_NS		20000000LL

#undef TEST_TIMEOUT_DEFAULT
#define TEST_TIMEOUT_DEFAULT 240

/*
 * Brings the vCPU, which handles one message, into FFA_MSG_WAIT: it is held
 * before EL2 looks into the mailbox. Nothing runs in between: no noise.
 */
static enum replay_outcome hold_at_receive(struct replay *r)
{
	/* A message that had to wait itself would leave the driver without patience. */
	if (replay_rest(r) || replay_hold(r, HFT_POINT_RECEIVE, 0))
		return REPLAY_LOST;
	if (replay_send(r) || replay_reply(r))
		return REPLAY_LOST;
	return replay_held(r, HFT_POINT_RECEIVE) ? REPLAY_VOID : REPLAY_OK;
}

/* One step further: EL2 found nothing, the exit is not yet reported. */
static enum replay_outcome hold_at_exit(struct replay *r)
{
	enum replay_outcome outcome = hold_at_receive(r);

	if (outcome != REPLAY_OK)
		return outcome;
	if (replay_hold(r, HFT_POINT_EXIT, 0) || replay_go(r))
		return REPLAY_VOID;
	return replay_held(r, HFT_POINT_EXIT) ? REPLAY_VOID : REPLAY_OK;
}

/* A message is sent at that point; it has to be answered in any case. */
static enum replay_outcome send_there(struct replay *r, enum replay_outcome outcome)
{
	if (outcome == REPLAY_LOST || replay_send(r))
		return REPLAY_LOST;
	if (replay_go(r))
		outcome = REPLAY_VOID;
	return replay_finish(r) ? REPLAY_LOST : outcome;
}

static enum replay_outcome send_before_exit_is_reported(struct replay *r)
{
	enum replay_outcome outcome = hold_at_exit(r);

	/* Fresh: no exit of this kind has been reported since the load. */
	if (outcome == REPLAY_OK && replay_count(r, "msg_wait"))
		outcome = REPLAY_VOID;
	return send_there(r, outcome);
}

/* A fresh load for each attempt; the VM is warm, it echoed before. */
static enum replay_outcome fresh_attempt(unsigned int vm, unsigned int vcpus)
{
	struct replay fresh;
	enum replay_outcome outcome;

	if (replay_fresh(&fresh, vm, vcpus, 0))
		return REPLAY_LOST;
	outcome = send_before_exit_is_reported(&fresh);
	replay_close(&fresh);
	return outcome;
}

static enum replay_outcome fresh_one_vcpu(struct replay *r)
{
	return fresh_attempt(r->vm, 1);
}

static enum replay_outcome fresh_two_vcpus(struct replay *r)
{
	return fresh_attempt(r->vm, 2);
}

static int fresh_replays(unsigned int vm, unsigned int vcpus)
{
	struct replay r;

	if (replay_seen(&r, vm, vcpus, 0))
		return -1;
	replay_close(&r);
	return replay_attempts(&r, FRESH_WANTED,
			       vcpus > 1 ? fresh_two_vcpus : fresh_one_vcpu);
}

TEST(message_before_the_first_wait_is_reported_is_not_lost)
{
	REPLAY_NEED(guest, "echo", 1, 0);

	EXPECT_EQ(0, fresh_replays(guest->id, 1));
}

static enum replay_outcome send_at_exit(struct replay *r)
{
	return send_there(r, hold_at_exit(r));
}

static enum replay_outcome send_at_receive(struct replay *r)
{
	return send_there(r, hold_at_receive(r));
}

TEST(message_before_a_later_wait_is_reported_is_not_lost)
{
	REPLAY_NEED(guest, "echo", 1, 0);
	struct replay r;

	ASSERT_EQ(0, replay_seen(&r, guest->id, 1, 0));
	EXPECT_EQ(0, replay_attempts(&r, WANTED, send_at_exit));
	/* And the wait itself lets it go, not the patience with guests that poll. */
	EXPECT_GT(HOLD_NS / 2, r.fastest_ns);
	replay_close(&r);
}

TEST(message_before_the_receive_looks_is_not_lost)
{
	REPLAY_NEED(guest, "echo", 1, 0);
	struct replay r;

	ASSERT_EQ(0, replay_seen(&r, guest->id, 1, 0));
	EXPECT_EQ(0, replay_attempts(&r, WANTED, send_at_receive));
	replay_close(&r);
}

/* L1 B: the second vCPU is off, so the first is the only one that ever waits. */
TEST(message_wakes_the_vcpu_that_waits_not_one_that_never_ran)
{
	REPLAY_NEED(guest, "echo", 2, 0);

	EXPECT_EQ(0, fresh_replays(guest->id, 2));
	EXPECT_EQ(0, hft_vcpu_count(guest->id, 1, "msg_wait"));
}

/* And here nobody waits: the first vCPU has to be interrupted. */
TEST(message_interrupts_a_vcpu_if_none_waits)
{
	REPLAY_NEED(guest, "echo_irq", 2, 0);
	struct replay r;
	int i;

	ASSERT_EQ(0, replay_seen(&r, guest->id, 2, 0));
	for (i = 0; i < WANTED; i++) {
		ASSERT_EQ(0, replay_send(&r));
		ASSERT_EQ(0, replay_finish(&r));
	}
	EXPECT_EQ(0, replay_count(&r, "msg_wait"));
	replay_close(&r);
}

/* Whichever vCPU is about to wait, one of them answers. */
TEST(message_for_an_smp_guest_is_not_lost_while_a_vcpu_is_about_to_wait)
{
	REPLAY_NEED(guest, "smp", 2, 0);
	struct replay r;

	ASSERT_EQ(0, replay_seen(&r, guest->id, 2, 0));
	ASSERT_EQ(0, replay_pin(guest->id, 1, REPLAY_CPU_TEST));
	EXPECT_EQ(0, replay_attempts(&r, WANTED, send_at_exit));
	replay_close(&r);
}

TEST_HARNESS_MAIN
