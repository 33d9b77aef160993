// SPDX-License-Identifier: GPL-2.0
/*
 * Replays of report L4 (KVM arm64, GICv4 doorbell): work for a vCPU appears
 * after its thread has looked for some, and before the guest runs. The vCPU is
 * held where FFA_RUN begins: the last look is over, EL2 has not yet looked.
 *
 * Needs busy, echo_irq, echo twice, the test hypervisor, two CPUs.
 */
#include "hft_harness.h"
#include "hft_replay.h"

#define WANTED	5

#undef TEST_TIMEOUT_DEFAULT
#define TEST_TIMEOUT_DEFAULT 240

/* The VM whose exits are forged to name the vCPU in question. */
static struct replay helper;

/* r's vCPU where it can be held, the helper's where the test runs. */
static int load_with_helper(struct replay *r, unsigned int vm)
{
	const struct hft_guest *other = replay_guest("echo", 1, 1);
	char vms[24];

	snprintf(vms, sizeof(vms), "%u:1,%u:1", vm, other->id);
	if (replay_load(vms, "") || replay_open(r, vm, 0) ||
	    replay_pin(vm, 0, REPLAY_CPU_VCPU))
		return -1;
	return replay_helper(&helper, other->id);
}

static int replay_with_helper(unsigned int vm,
			      enum replay_outcome (*attempt)(struct replay *r))
{
	struct replay r;
	int err;

	if (load_with_helper(&r, vm))
		return -1;
	err = replay_attempts(&r, WANTED, attempt);
	replay_close(&helper);
	replay_close(&r);
	return err;
}

#define NEED_WITH_HELPER(var, name) \
	REPLAY_NEED(var, name, 1, 0); \
	if (!replay_guest("echo", 1, 1)) \
		HFT_SKIP("needs a second echo guest")

/* The vCPU computes: without an IPI it would run on with its request unseen. */
static enum replay_outcome kick_before_the_guest(struct replay *r)
{
	enum replay_outcome outcome = REPLAY_OK;
	static unsigned int attempt;
	int64_t kicks, interrupts;

	/* The tick ends its run, or, where there is none, a kick does. */
	if (replay_hold(r, HFT_POINT_RUN, 0) ||
	    (attempt++ % 2 && replay_wake(r, &helper)))
		return REPLAY_LOST;
	if (replay_held(r, HFT_POINT_RUN))
		return REPLAY_VOID;
	if (!replay_is(r, "mode", "in_guest", 0))
		outcome = REPLAY_VOID;
	kicks = replay_count(r, "kicks");
	interrupts = replay_count(r, "interrupt");
	/* The second one finds that an IPI is on its way. */
	if (replay_wake(r, &helper) || replay_wake(r, &helper))
		return REPLAY_LOST;
	if (outcome == REPLAY_OK && replay_count(r, "kicks") != kicks + 1)
		outcome = REPLAY_LOST;
	if (replay_go(r) && outcome == REPLAY_OK)
		outcome = REPLAY_VOID;
	if (!replay_is(r, "requests", "0x0", REPLAY_PATIENCE_MS))
		return REPLAY_LOST;
	return replay_count(r, "interrupt") > interrupts ? outcome : REPLAY_LOST;
}

TEST(kick_between_the_last_look_and_the_guest_ends_the_run_with_one_ipi)
{
	NEED_WITH_HELPER(guest, "busy");

	EXPECT_EQ(0, replay_with_helper(guest->id, kick_before_the_guest));
}

/* There is a message when the vCPU, for that reason, is about to enter the guest. */
static enum replay_outcome message_while_it_enters(struct replay *r,
						   int (*reason)(struct replay *r))
{
	enum replay_outcome outcome = REPLAY_OK;

	if (replay_rest(r) || replay_hold(r, HFT_POINT_RUN, 0) || reason(r))
		return REPLAY_LOST;
	if (replay_held(r, HFT_POINT_RUN))
		outcome = REPLAY_VOID;
	if (replay_send(r))
		return REPLAY_LOST;
	if (replay_go(r))
		outcome = REPLAY_VOID;
	return replay_finish(r) ? REPLAY_LOST : outcome;
}

/* The exit of another VM names it. */
static int wake(struct replay *r)
{
	return replay_wake(r, &helper);
}

static enum replay_outcome message_before_the_guest(struct replay *r)
{
	return message_while_it_enters(r, wake);
}

TEST(message_between_the_last_look_and_the_guest_is_not_lost)
{
	NEED_WITH_HELPER(guest, "echo");

	EXPECT_EQ(0, replay_with_helper(guest->id, message_before_the_guest));
}

TEST(interrupt_between_the_last_look_and_the_guest_is_not_lost)
{
	NEED_WITH_HELPER(guest, "echo_irq");

	EXPECT_EQ(0, replay_with_helper(guest->id, message_before_the_guest));
}

static enum replay_outcome two_messages(struct replay *r)
{
	return message_while_it_enters(r, replay_send);
}

TEST(second_message_before_the_first_is_taken_is_not_lost)
{
	NEED_WITH_HELPER(guest, "echo");

	EXPECT_EQ(0, replay_with_helper(guest->id, two_messages));
}

TEST(second_message_before_the_first_interrupt_is_taken_is_not_lost)
{
	NEED_WITH_HELPER(guest, "echo_irq");

	EXPECT_EQ(0, replay_with_helper(guest->id, two_messages));
}

TEST_HARNESS_MAIN
