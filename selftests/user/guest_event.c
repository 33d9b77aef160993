// SPDX-License-Identifier: GPL-2.0
/*
 * The guest that tests of events use: what it counts, switches and sends. Each vCPU
 * hears of what it has to switch by an interrupt, which is how one is seen here.
 *
 * Needs an event guest with at least two vCPUs, used by nothing else meanwhile, and
 * hf_testcall.ko for what no driver does; notify=yes of runs.conf for the last test.
 */
#include <string.h>
#include <sys/socket.h>

#include "hft_harness.h"

#define COUNTS	64
#define CONTROL	8	/* the interrupt that tells a vCPU what to switch */

/* Calls by hf_testcall.ko, of which it says x0. */
#define HF_INTERRUPT_INJECT		0xff05
#define FFA_SUCCESS			0x84000061
#define FFA_SUCCESS_64			0xc4000061
#define FFA_NOTIFICATION_BIND		0x8400007f
#define FFA_NOTIFICATION_UNBIND		0x84000080
#define FFA_NOTIFICATION_SET		0x84000081
#define FFA_NOTIFICATION_GET		0x84000082
#define FFA_NOTIFICATION_INFO_GET	0xc4000083
#define FROM_VMS			2

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

static int32_t notify(int fd, uint64_t bits)
{
	struct __attribute__((packed)) {
		uint8_t command;
		uint64_t bits;
		uint32_t times;
	} request = { 'N', bits, 1 };
	int32_t answer;

	if (ask(fd, &request, sizeof(request), &answer, sizeof(answer)) != sizeof(answer))
		return -100;
	return answer;
}

/* @ids: sender << 16 | receiver. */
static bool succeeds(uint32_t fn, uint32_t ids, uint64_t bits)
{
	return (uint32_t)hft_call(fn, ids, 0, (uint32_t)bits, bits >> 32, 0) == FFA_SUCCESS;
}

/* As the primary, on its vCPU 0, which was pinned to the boot CPU. */
static bool get_notifications(void)
{
	uint32_t self = hft_level() == 26 ? HF_VM_ID_PRIMARY << 16 : HF_VM_ID_PRIMARY;

	return (uint32_t)hft_call(FFA_NOTIFICATION_GET, self, FROM_VMS, 0, 0, 0) == FFA_SUCCESS;
}

static bool are_told(void)
{
	return (uint32_t)hft_call(FFA_NOTIFICATION_INFO_GET, 0, 0, 0, 0, 0) == FFA_SUCCESS_64;
}

/*
 * The guest's wait ends without a message, unless one comes that soon: interrupt id is
 * pending, and then switched on.
 */
static int end_wait(const struct hft_guest *guest, int fd, uint8_t id)
{
	if (enable(fd, 0, id, false) ||
	    hft_call(HF_INTERRUPT_INJECT, guest->id, 0, id, 0, 0) < 0 || enable(fd, 0, id, true))
		return -1;
	hft_sleep_ms(20);
	return 0;
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
	/* DENIED; NOT_SUPPORTED, where there are none. */
	EXPECT_EQ(hft_ffa_version() > 10 ? -6 : -1, notify(self->fd, 1ull << 63));
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

TEST_F(event, interrupt_that_is_off_is_taken_when_it_is_on)
{
	uint64_t counts[COUNTS];
	int i;

	HFT_NEED_TESTCALL();
	HFT_NEED_INJECTION();
	ASSERT_EQ(0, enable(self->fd, 0, 20, false));
	for (i = 0; i < 5; i++)
		ASSERT_LE(0, hft_call(HF_INTERRUPT_INJECT, self->guest->id, 0, 20, 0, 0));
	ASSERT_EQ(sizeof(counts), get_counts(self->fd, 0, counts));
	EXPECT_EQ(0, sum(counts));
	ASSERT_EQ(0, enable(self->fd, 0, 20, true));
	ASSERT_EQ(sizeof(counts), get_counts(self->fd, 0, counts));
	EXPECT_EQ(1, counts[20]);
	EXPECT_EQ(1, sum(counts));
}

TEST_F(event, notification_is_got_once_when_a_wait_ends)
{
	uint64_t counts[COUNTS] = { 0 };
	int i;

	HFT_NEED_TESTCALL();
	HFT_NEED_INJECTION();
	if (hft_ffa_version() <= 10)
		HFT_SKIP("this hypervisor has no notifications");
	for (i = 0; i < 2; i++)
		ASSERT_TRUE(succeeds(FFA_NOTIFICATION_SET,
				     HF_VM_ID_PRIMARY << 16 | self->guest->id, 1ull << 40 | 1));
	for (i = 0; i < 100 && !counts[40]; i++) {
		ASSERT_EQ(0, end_wait(self->guest, self->fd, 20));
		ASSERT_EQ(sizeof(counts), get_counts(self->fd, 0, counts));
	}
	ASSERT_EQ(0, end_wait(self->guest, self->fd, 20));
	ASSERT_EQ(sizeof(counts), get_counts(self->fd, 0, counts));
	EXPECT_EQ(1, counts[40]);
	EXPECT_EQ(1, counts[0]);
}

TEST_F(event, notification_of_the_primary_is_told_once_and_got)
{
	uint32_t ids = self->guest->id << 16 | HF_VM_ID_PRIMARY;

	HFT_NEED_TESTCALL();
	if (!succeeds(FFA_NOTIFICATION_BIND, ids, 3ull << 40))
		HFT_SKIP("the primary has no notifications");
	ASSERT_EQ(0, hft_pin(0, 0));
	EXPECT_FALSE(succeeds(FFA_NOTIFICATION_BIND, ids, 1ull << 41));
	EXPECT_FALSE(are_told());
	EXPECT_EQ(0, notify(self->fd, 1ull << 40));
	EXPECT_EQ(0, notify(self->fd, 1ull << 40));
	EXPECT_EQ(-6, notify(self->fd, 1ull << 42));
	EXPECT_TRUE(are_told());
	EXPECT_FALSE(are_told());
	EXPECT_EQ(0, notify(self->fd, 1ull << 41));
	EXPECT_TRUE(are_told());
	EXPECT_FALSE(succeeds(FFA_NOTIFICATION_UNBIND, ids, 1ull << 40));
	EXPECT_TRUE(get_notifications());
	EXPECT_TRUE(succeeds(FFA_NOTIFICATION_UNBIND, ids, 3ull << 40));
	EXPECT_EQ(-6, notify(self->fd, 1ull << 40));
}

TEST_HARNESS_MAIN
