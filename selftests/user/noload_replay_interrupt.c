// SPDX-License-Identifier: GPL-2.0
/*
 * Replays of reports L3 (Xen PVHv2: an event between the scan and the clear of
 * the summary is lost) and L5 (bhyve OS-6829: what is pending already cannot
 * wake the vCPU, what comes later is not notified), with guests that sleep in
 * WFI and learn of messages by interrupts.
 *
 * Needs echo_irq, smp_irq with two vCPUs, timer, echo, the test hypervisor,
 * two CPUs.
 */
#include <sys/socket.h>

#include "hft_harness.h"
#include "hft_replay.h"

#define WANTED		3
#define OTHER_INTID	40	/* that no guest enables */
#define READABLE_INTID	1
#define MS_NS		1000000ull

#undef TEST_TIMEOUT_DEFAULT
#define TEST_TIMEOUT_DEFAULT 240

static int inject(unsigned int vm, unsigned int vcpu, unsigned int intid)
{
	return hft_call(REPLAY_HF_INJECT, vm, vcpu, intid, 0, 0);
}

/*
 * Holds the vCPU at the exit of its WFI: it has echoed, drained its mailbox and
 * gone to sleep, but the driver does not know it yet. A tick that was due while
 * the vCPU was held before ends the first run without a WFI, so `skip` exits
 * are let pass. Which exit it was shows afterwards: see send_at_wfi().
 */
static enum replay_outcome hold_at_wfi(struct replay *r, unsigned int skip)
{
	if (replay_hold(r, HFT_POINT_RELEASE, 0))
		return REPLAY_LOST;
	if (replay_send(r) || replay_reply(r))
		return REPLAY_LOST;
	if (replay_held(r, HFT_POINT_RELEASE))
		return REPLAY_VOID;
	if (replay_hold(r, HFT_POINT_EXIT, skip) || replay_go(r))
		return REPLAY_VOID;
	return replay_held(r, HFT_POINT_EXIT) ? REPLAY_VOID : REPLAY_OK;
}

/*
 * A message is sent while the exit is handled. If that was a WFI, the vCPU
 * leaves WFI for the message and comes to a second one; otherwise there is
 * only the one after the message.
 */
static enum replay_outcome send_at_wfi(struct replay *r)
{
	static unsigned int attempt;
	int64_t before = replay_count(r, "wfi");
	enum replay_outcome outcome = hold_at_wfi(r, attempt++ % 2);

	if (outcome == REPLAY_LOST || replay_send(r))
		return REPLAY_LOST;
	if (replay_go(r))
		outcome = REPLAY_VOID;
	if (replay_finish(r) || replay_rest(r))
		return REPLAY_LOST;
	return replay_count(r, "wfi") < before + 2 ? REPLAY_VOID : outcome;
}

TEST(message_sent_while_the_exit_of_wfi_is_handled_is_not_lost)
{
	REPLAY_NEED(guest, "echo_irq", 1, 0);
	struct replay r;

	ASSERT_EQ(0, replay_seen(&r, guest->id, 1, 0));
	EXPECT_EQ(0, replay_attempts(&r, WANTED, send_at_wfi));
	replay_close(&r);
}

TEST(each_message_interrupts_a_guest_that_never_waits)
{
	REPLAY_NEED(guest, "echo_irq", 1, 0);
	struct replay r;
	int i;

	ASSERT_EQ(0, replay_seen(&r, guest->id, 1, 0));
	for (i = 0; i < 10; i++) {
		ASSERT_EQ(0, replay_rest(&r));
		ASSERT_EQ(0, replay_send(&r));
		ASSERT_EQ(0, replay_finish(&r));
	}
	replay_close(&r);
}

/* Disabled and pending: it cannot wake the guest, and must not hide a message. */
TEST(message_wakes_a_vcpu_that_sleeps_with_a_disabled_interrupt_pending)
{
	REPLAY_NEED(guest, "echo_irq", 1, 0);
	struct replay r;
	int i;

	ASSERT_EQ(0, replay_seen(&r, guest->id, 1, 0));
	for (i = 0; i < 10; i++) {
		ASSERT_EQ(0, replay_rest(&r));
		ASSERT_EQ(0, inject(guest->id, 0, OTHER_INTID + i));
		ASSERT_EQ(0, replay_send(&r));
		ASSERT_EQ(0, replay_finish(&r));
	}
	replay_close(&r);
}

/*
 * vCPU 0 sleeps with the message's own interrupt pending and disabled. After a
 * fresh load the driver does not know who takes it, and EL2 answers 0 for it.
 */
TEST(message_wakes_the_vcpu_that_enabled_its_interrupt_not_the_first)
{
	REPLAY_NEED(guest, "smp_irq", 2, 0);
	struct replay r;
	int i;

	hft_call(REPLAY_HF_INJECT, guest->id, 0, READABLE_INTID, 0, 0);
	for (i = 0; i < WANTED; i++) {
		ASSERT_EQ(0, replay_seen(&r, guest->id, 2, 0));
		ASSERT_EQ(0, replay_send(&r));
		ASSERT_EQ(0, replay_finish(&r));
		replay_close(&r);
	}
}

struct __attribute__((packed)) request {
	uint64_t ns;
	uint8_t wfi;
};

struct answer {
	uint64_t asked;
	uint64_t measured;
};

/*
 * The guest sleeps in WFI until its timer fires, with the readable interrupt
 * disabled. A second message in between must not cost it the timer.
 */
TEST(timer_wakes_a_vcpu_that_sleeps_with_a_message_it_cannot_see)
{
	REPLAY_NEED(guest, "timer", 1, 0);
	struct request first = { 400 * MS_NS, 1 }, second = { 1, 1 };
	struct answer a;
	struct replay r;
	int i;

	for (i = 0; i < WANTED; i++) {
		char vms[16];

		snprintf(vms, sizeof(vms), "%u:1", guest->id);
		ASSERT_EQ(0, replay_load(vms, ""));
		ASSERT_EQ(0, replay_open(&r, guest->id, 0));
		ASSERT_EQ(sizeof(first), send(r.fd, &first, sizeof(first), 0));
		ASSERT_TRUE(replay_is(&r, "last", "wfi", REPLAY_PATIENCE_MS));
		ASSERT_EQ(sizeof(second), send(r.fd, &second, sizeof(second), 0));
		ASSERT_EQ(sizeof(a), recv(r.fd, &a, sizeof(a), 0));
		EXPECT_EQ(first.ns, a.asked);
		EXPECT_LE(first.ns, a.measured);
		EXPECT_GT(REPLAY_PATIENCE_MS * MS_NS, a.measured);
		ASSERT_EQ(sizeof(a), recv(r.fd, &a, sizeof(a), 0));
		EXPECT_EQ(second.ns, a.asked);
		EXPECT_EQ(0, replay_stalls(&r));
		replay_close(&r);
	}
}

TEST_HARNESS_MAIN
