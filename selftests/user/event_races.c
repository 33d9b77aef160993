// SPDX-License-Identifier: GPL-2.0
/*
 * Doorbells that are rung while somebody points them elsewhere, masks and unmasks them;
 * and rings of a vCPU that holds what cannot wake it.
 *
 * Needs an event guest with two vCPUs, and injection. HF_ROUNDS times (20000).
 */
#include <pthread.h>

#include "hft_event.h"
#include "hft_load.h"
#include "hft_harness.h"

#undef TEST_TIMEOUT_DEFAULT
#define TEST_TIMEOUT_DEFAULT 900

#define ID		10
#define RINGERS		2

FIXTURE(races) {
	unsigned int vm, rounds;
	int dev, sock, fd;
};

FIXTURE_SETUP(races)
{
	HFT_NEED_INJECTION();
	if (!hft_guest("event", 0))
		HFT_SKIP("no guest %s number %u in this boot", "event", 0);
	self->vm = hft_guest("event", 0)->id;
	self->rounds = hft_number("HF_ROUNDS", 20000);
	self->dev = hft_event_open();
	self->sock = hft_connect(self->vm, 10);
	self->fd = hft_eventfd();
	ASSERT_LE(0, self->dev);
	ASSERT_LE(0, self->sock);
	ASSERT_LE(0, self->fd);
	ASSERT_EQ(0, hft_event_zero(self->sock));
}

FIXTURE_TEARDOWN(races)
{
	close(self->dev);
	close(self->sock);
	close(self->fd);
}

#define CALL(cmd, vcpu, number, flags) \
	hft_event_call(self->dev, HF_EVENT_##cmd, self->fd, self->vm, vcpu, number, flags)
#define COUNT(vcpu, number)	hft_event_count(self->sock, vcpu, number)

struct ringer {
	pthread_t thread;
	int fd;
	unsigned int rings;
	volatile bool over;
};

static void *ring(void *arg)
{
	struct ringer *r = arg;
	unsigned int i;

	for (i = 0; i < r->rings; i++)
		hft_event_write(r->fd);
	r->over = true;
	return NULL;
}

static void start(struct ringer *r, int fd, unsigned int rings)
{
	*r = (struct ringer){ .fd = fd, .rings = rings };
	pthread_create(&r->thread, NULL, ring, r);
}

/* L2: an interrupt of one route never on the vCPU of the other. */
TEST_F(races, route_is_one_or_the_other)
{
	struct ringer ringers[RINGERS];
	unsigned int i, flips = 0;
	int64_t first, second;

	ASSERT_EQ(0, CALL(ASSIGN, 0, ID, 0));
	for (i = 0; i < RINGERS; i++)
		start(&ringers[i], self->fd, self->rounds / RINGERS);
	for (i = 0; i < RINGERS;) {
		flips++;
		ASSERT_EQ(0, CALL(UPDATE, flips % 2, ID + flips % 2, 0));
		i += ringers[i].over;
	}
	for (i = 0; i < RINGERS; i++)
		pthread_join(ringers[i].thread, NULL);

	/* The last ring of all is seen, on either. */
	for (i = 0; i < 2; i++) {
		int64_t before = COUNT(i, ID + i);

		ASSERT_EQ(0, CALL(UPDATE, i, ID + i, 0));
		ASSERT_EQ(0, hft_event_write(self->fd));
		EXPECT_TRUE(hft_eventually(COUNT(i, ID + i) > before));
	}
	first = COUNT(0, ID);
	second = COUNT(1, ID + 1);
	EXPECT_EQ(0, hft_event_others(self->sock, 0, ID));
	EXPECT_EQ(0, hft_event_others(self->sock, 1, ID + 1));
	EXPECT_GE(self->rounds + 2, first + second);
	fprintf(stderr, "# %u rings, %u times pointed elsewhere: %lld and %lld interrupts\n",
		self->rounds, flips, (long long)first, (long long)second);
}

/* L3: never pending, unmasked, and told to nobody. */
TEST_F(races, ring_beside_mask_and_unmask_arrives)
{
	unsigned int i, rounds = self->rounds / 10;
	struct ringer ringer;

	ASSERT_EQ(0, CALL(ASSIGN, 1, ID, 0));
	for (i = 0; i < rounds; i++) {
		int64_t before = COUNT(1, ID);

		start(&ringer, self->fd, 1);
		do {
			ASSERT_EQ(0, CALL(UPDATE, 1, ID, HF_EVENT_MASKED));
			ASSERT_EQ(0, CALL(UPDATE, 1, ID, 0));
		} while (!ringer.over);
		pthread_join(ringer.thread, NULL);
		ASSERT_TRUE(hft_eventually(COUNT(1, ID) == before + 1));
	}
}

/* The same with as many rings as there come. */
TEST_F(races, last_of_many_rings_beside_mask_and_unmask_arrives)
{
	struct ringer ringers[RINGERS];
	unsigned int i, masks = 0;
	int64_t before;

	ASSERT_EQ(0, CALL(ASSIGN, 1, ID, 0));
	for (i = 0; i < RINGERS; i++)
		start(&ringers[i], self->fd, self->rounds / RINGERS);
	for (i = 0; i < RINGERS; masks++) {
		ASSERT_EQ(0, CALL(UPDATE, 1, ID, HF_EVENT_MASKED));
		ASSERT_EQ(0, CALL(UPDATE, 1, ID, 0));
		i += ringers[i].over;
	}
	for (i = 0; i < RINGERS; i++)
		pthread_join(ringers[i].thread, NULL);
	ASSERT_EQ(0, CALL(UPDATE, 1, ID, HF_EVENT_MASKED));
	hft_sleep_ms(100);
	before = COUNT(1, ID);
	ASSERT_EQ(0, hft_event_write(self->fd));
	ASSERT_EQ(0, CALL(UPDATE, 1, ID, 0));
	EXPECT_TRUE(hft_eventually(COUNT(1, ID) == before + 1));
	fprintf(stderr, "# %u rings, %u times masked: %lld interrupts\n",
		self->rounds, masks, (long long)before);
}

/* L5: it sleeps in WFI with one that is pending and off; another, which is on, wakes it. */
TEST_F(races, interrupt_that_is_on_wakes_beside_one_that_is_off)
{
	unsigned int i, rounds = self->rounds / 10;

	ASSERT_EQ(0, hft_event_enable(self->sock, 1, ID + 1, false));
	ASSERT_EQ(0, CALL(ASSIGN, 1, ID, 0));
	for (i = 1; i <= rounds; i++) {
		ASSERT_EQ(0, hft_event_call(self->dev, HF_EVENT_RING, -1, self->vm, 1, ID + 1, 0));
		ASSERT_EQ(0, hft_event_write(self->fd));
		ASSERT_TRUE(hft_eventually(COUNT(1, ID) == i));
	}
	EXPECT_EQ(0, COUNT(1, ID + 1));
	ASSERT_EQ(0, hft_event_enable(self->sock, 1, ID + 1, true));
	EXPECT_TRUE(hft_eventually(COUNT(1, ID + 1) == 1));
}

TEST_HARNESS_MAIN
