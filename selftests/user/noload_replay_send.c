// SPDX-License-Identifier: GPL-2.0
/*
 * Replays of a release against senders: a guest is about to free its mailbox,
 * or has just done so, while somebody finds it full and queues or blocks.
 *
 * Needs echo, echo_irq, the test hypervisor, two CPUs. Hardest where the
 * hypervisor keeps no list of waiters (level 2.8): there only the exit tells.
 */
#include <sys/socket.h>

#include "hft_harness.h"
#include "hft_replay.h"

#define WANTED		5
#define BIG		4000

#undef TEST_TIMEOUT_DEFAULT
#define TEST_TIMEOUT_DEFAULT 240

/* One message is answered, its mailbox still full, or just free. */
static enum replay_outcome hold_at_release(struct replay *r, uint32_t point)
{
	if (replay_rest(r))
		return REPLAY_LOST;
	if (replay_hold(r, point, 0) || replay_send(r) || replay_reply(r))
		return REPLAY_LOST;
	return replay_held(r, point) ? REPLAY_VOID : REPLAY_OK;
}

static enum replay_outcome queue_at(struct replay *r, uint32_t point)
{
	enum replay_outcome outcome = hold_at_release(r, point);

	if (outcome == REPLAY_LOST || replay_send(r) || replay_send(r))
		return REPLAY_LOST;
	if (replay_go(r))
		outcome = REPLAY_VOID;
	return replay_finish(r) ? REPLAY_LOST : outcome;
}

static enum replay_outcome queue_before_release(struct replay *r)
{
	return queue_at(r, HFT_POINT_RELEASE);
}

static enum replay_outcome queue_after_release(struct replay *r)
{
	return queue_at(r, HFT_POINT_RELEASED);
}

/* The full mailbox first, then a new hold where it is free: one queued at each. */
static enum replay_outcome queue_on_both_sides(struct replay *r)
{
	enum replay_outcome outcome = hold_at_release(r, HFT_POINT_RELEASE);

	if (outcome == REPLAY_LOST || replay_send(r))
		return REPLAY_LOST;
	if (replay_hold(r, HFT_POINT_RELEASED, 0))
		return REPLAY_LOST;
	if (replay_go(r) || replay_held(r, HFT_POINT_RELEASED))
		outcome = REPLAY_VOID;
	if (replay_send(r))
		return REPLAY_LOST;
	if (replay_go(r))
		outcome = REPLAY_VOID;
	return replay_finish(r) ? REPLAY_LOST : outcome;
}

static int each_side(unsigned int vm)
{
	struct replay r;
	int err;

	if (replay_seen(&r, vm, 1, 0))
		return -1;
	err = replay_attempts(&r, WANTED, queue_before_release) ||
	      replay_attempts(&r, WANTED, queue_after_release) ||
	      replay_attempts(&r, WANTED, queue_on_both_sides) ? -1 : 0;
	replay_close(&r);
	return err;
}

TEST(message_queued_while_a_waiting_guest_frees_its_mailbox_is_sent)
{
	REPLAY_NEED(guest, "echo", 1, 0);

	EXPECT_EQ(0, each_side(guest->id));
}

TEST(message_queued_while_an_interrupted_guest_frees_its_mailbox_is_sent)
{
	REPLAY_NEED(guest, "echo_irq", 1, 0);

	EXPECT_EQ(0, each_side(guest->id));
}

struct blocked {
	int fd;
	volatile bool started;
	volatile bool done;
};

static int send_blocking(void *arg)
{
	struct blocked *b = arg;
	char buf[BIG] = "";
	ssize_t n;

	b->started = true;
	n = send(b->fd, buf, sizeof(buf), 0);
	b->done = n == sizeof(buf);
	return b->done ? 0 : 1;
}

/* The queue is full and a process sleeps in send() when the guest goes on. */
static int blocked_sender_wakes(struct replay *r)
{
	struct blocked *b = hft_shared(sizeof(*b));
	int queued, size = 1;
	char buf[BIG];
	pid_t pid;

	if (hold_at_release(r, HFT_POINT_RELEASE) != REPLAY_OK)
		return 1;
	setsockopt(r->fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
	queued = hft_fill_queue(r->fd, BIG);
	b->fd = r->fd;
	pid = hft_spawn(send_blocking, b);
	while (!b->started)
		hft_sleep_ms(1);
	hft_sleep_ms(50);
	if (queued < 1 || b->done) {
		fprintf(stderr, "# %d queued, sender %s\n", queued,
			b->done ? "did not block" : "blocked");
		return -1;
	}
	if (replay_go(r))
		fprintf(stderr, "# the hold was over too early\n");
	if (hft_join(pid, REPLAY_PATIENCE_MS))
		return -1;
	while (queued-- >= 0)
		if (recv(r->fd, buf, sizeof(buf), 0) != sizeof(buf))
			return -1;
	return replay_stalls(r) ? -1 : 0;
}

TEST(process_that_blocks_in_send_wakes_when_a_waiting_guest_frees_its_mailbox)
{
	REPLAY_NEED(guest, "echo", 1, 0);
	struct replay r;
	int i;

	ASSERT_EQ(0, replay_seen(&r, guest->id, 1, 0));
	for (i = 0; i < WANTED; i++)
		ASSERT_LE(0, blocked_sender_wakes(&r));
	replay_close(&r);
}

TEST(process_that_blocks_in_send_wakes_when_an_interrupted_guest_frees_its_mailbox)
{
	REPLAY_NEED(guest, "echo_irq", 1, 0);
	struct replay r;
	int i;

	ASSERT_EQ(0, replay_seen(&r, guest->id, 1, 0));
	for (i = 0; i < WANTED; i++)
		ASSERT_LE(0, blocked_sender_wakes(&r));
	replay_close(&r);
}

TEST_HARNESS_MAIN
