// SPDX-License-Identifier: GPL-2.0
/*
 * The guest that tests of events use: what it counts, switches and sends. Each vCPU
 * hears of what it has to switch by an interrupt, which is how one is seen here.
 *
 * Needs an event guest with at least two vCPUs, used by nothing else meanwhile.
 */
#include <string.h>
#include <sys/socket.h>

#include "hft_harness.h"

#define COUNTS	64
#define CONTROL	8	/* the interrupt that tells a vCPU what to switch */

FIXTURE(event)
{
	const struct hft_guest *guest;
	int fd;
};

static int ask(int fd, const void *request, size_t len, void *answer, size_t size)
{
	if (send(fd, request, len, 0) != (ssize_t)len)
		return -1;
	return recv(fd, answer, size, 0);
}

static int zero(int fd)
{
	char none;

	return ask(fd, "Z", 1, &none, sizeof(none));
}

/* Bytes of the answer. */
static int get_counts(int fd, uint8_t vcpu, uint64_t counts[COUNTS])
{
	uint8_t request[] = { 'C', vcpu };

	memset(counts, 0, COUNTS * sizeof(*counts));
	return ask(fd, request, sizeof(request), counts, COUNTS * sizeof(*counts));
}

/* The guest's answer, or -100. */
static int32_t enable(int fd, uint8_t vcpu, uint8_t id, bool on)
{
	uint8_t request[] = { 'E', vcpu, id, on };
	int32_t answer;

	if (ask(fd, request, sizeof(request), &answer, sizeof(answer)) != sizeof(answer))
		return -100;
	return answer;
}

static uint64_t sum(const uint64_t counts[COUNTS])
{
	uint64_t all = 0;
	int i;

	for (i = 0; i < COUNTS; i++)
		all += counts[i];
	return all;
}

FIXTURE_SETUP(event)
{
	self->guest = hft_guest("event", 0);
	if (!self->guest)
		HFT_SKIP("no guest %s number %u in this boot", "event", 0);
	ASSERT_LE(2, self->guest->vcpus);
	self->fd = hft_connect(self->guest->id, 10);
	ASSERT_LE(0, self->fd);
	ASSERT_EQ(0, zero(self->fd));
}

FIXTURE_TEARDOWN(event)
{
	close(self->fd);
}

TEST_F(event, every_vcpu_has_counts_and_no_other)
{
	uint64_t counts[COUNTS];
	unsigned int i;

	for (i = 0; i < self->guest->vcpus; i++)
		EXPECT_EQ(sizeof(counts), get_counts(self->fd, i, counts));
	EXPECT_EQ(0, get_counts(self->fd, i, counts));
}

TEST_F(event, each_switched_interrupt_is_one_that_its_vcpu_took)
{
	uint64_t counts[COUNTS];
	unsigned int i, n;

	HFT_NEED_INJECTION();
	for (i = 1; i < self->guest->vcpus; i++)
		for (n = 0; n < 10 * i; n++)
			ASSERT_EQ(0, enable(self->fd, i, 9 + n, n % 2));
	for (i = 1; i < self->guest->vcpus; i++) {
		ASSERT_EQ(sizeof(counts), get_counts(self->fd, i, counts));
		EXPECT_EQ(10 * i, counts[CONTROL]);
		EXPECT_EQ(10 * i, sum(counts));
		for (n = 0; n < 10 * i; n++)
			EXPECT_EQ(0, enable(self->fd, i, 9 + n, true));
	}
	ASSERT_EQ(sizeof(counts), get_counts(self->fd, 0, counts));
	EXPECT_EQ(0, sum(counts));
	ASSERT_EQ(0, zero(self->fd));
	ASSERT_EQ(sizeof(counts), get_counts(self->fd, 1, counts));
	EXPECT_EQ(0, sum(counts));
}

TEST_F(event, first_vcpu_switches_its_own)
{
	EXPECT_EQ(0, enable(self->fd, 0, 9, false));
	EXPECT_EQ(0, enable(self->fd, 0, 9, true));
}

TEST_F(event, no_other_interrupt_or_vcpu_is_switched)
{
	EXPECT_EQ(-1, enable(self->fd, 0, CONTROL, false));
	EXPECT_EQ(-1, enable(self->fd, 1, COUNTS, true));
	EXPECT_EQ(-1, enable(self->fd, self->guest->vcpus, 9, true));
}

TEST_F(event, it_sends_as_many_events_as_asked_for)
{
	struct __attribute__((packed)) {
		uint8_t command;
		uint64_t bits;
		uint32_t times;
	} request = { 'D', 1, 100 };
	int64_t before = hft_vm_count(self->guest->id, "received");
	char none;

	ASSERT_LE(0, before);
	EXPECT_EQ(0, ask(self->fd, &request, sizeof(request), &none, sizeof(none)));
	EXPECT_EQ(before + 101, hft_vm_count(self->guest->id, "received"));
}

TEST_F(event, notification_that_the_primary_does_not_bind_is_refused)
{
	struct __attribute__((packed)) {
		uint8_t command;
		uint64_t bits;
	} request = { 'N', 1ull << 63 };
	int32_t answer;

	ASSERT_EQ(sizeof(answer), ask(self->fd, &request, sizeof(request), &answer,
				      sizeof(answer)));
	/* DENIED; NOT_SUPPORTED, where there are none. */
	EXPECT_EQ(hft_ffa_version() > 10 ? -6 : -1, answer);
}

TEST_F(event, anything_else_is_echoed)
{
	static const size_t sizes[] = { 1, 3, 13, 512, HF_MSG_PAYLOAD_MAX };
	char in[HF_MSG_PAYLOAD_MAX], out[HF_MSG_PAYLOAD_MAX];
	unsigned int i;

	memset(out, 'x', sizeof(out));
	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		ASSERT_EQ(sizes[i], ask(self->fd, out, sizes[i], in, sizeof(in)));
		EXPECT_EQ(0, memcmp(in, out, sizes[i]));
	}
	EXPECT_EQ(5, ask(self->fd, "Zzzzz", 5, in, sizeof(in)));
}

TEST_HARNESS_MAIN
