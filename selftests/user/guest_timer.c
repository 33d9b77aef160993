// SPDX-License-Identifier: GPL-2.0
/*
 * A secondary's timer wakes it although nobody sends anything: the exit says
 * how long to wait, and the primary runs the vCPU again when that is over.
 *
 * Needs a timer guest. Late is measured generously (an emulator on a busy
 * host); early is not forgiven.
 */
#include <sys/socket.h>

#include "hft_harness.h"

#define MS	1000000ull
#define LATE_NS	(1000 * MS)

enum mode { MSG_WAIT, WFI };

struct __attribute__((packed)) request {
	uint64_t ns;
	uint8_t mode;
};

struct answer {
	uint64_t asked;
	uint64_t measured;
};

/* 0, or -1 if there was no answer; the two measures in *a and *host_ns. */
static int ask(int fd, uint64_t ns, enum mode mode, struct answer *a,
	       uint64_t *host_ns)
{
	struct request req = { ns, mode };
	int64_t start = hft_now_ns();

	if (send(fd, &req, sizeof(req), 0) != sizeof(req))
		return -1;
	if (recv(fd, a, sizeof(*a), 0) != sizeof(*a))
		return -1;
	*host_ns = hft_now_ns() - start;
	return a->asked == ns ? 0 : -1;
}

static int fires_in_time(unsigned int vm, enum mode mode)
{
	static const uint64_t times[] = { 0, 1000, 100000, MS, 3 * MS, 10 * MS,
					  50 * MS, 300 * MS, 1500 * MS };
	int fd = hft_connect(vm, 10);
	uint64_t host;
	struct answer a;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(times); i++) {
		if (ask(fd, times[i], mode, &a, &host)) {
			fprintf(stderr, "# %llu ns: no answer\n",
				(unsigned long long)times[i]);
			hft_dump_state();
			return -1;
		}
		if (a.measured < times[i] || host < times[i] ||
		    a.measured > times[i] + LATE_NS) {
			fprintf(stderr, "# %llu ns: guest %llu, host %llu\n",
				(unsigned long long)times[i],
				(unsigned long long)a.measured,
				(unsigned long long)host);
			return -1;
		}
	}
	return close(fd);
}

TEST(timer_ends_a_wait_for_messages)
{
	HFT_NEED_GUEST(guest, "timer", 0);
	HFT_NEED_INJECTION();
	EXPECT_EQ(0, fires_in_time(guest->id, MSG_WAIT));
}

TEST(timer_ends_a_wait_for_interrupts)
{
	HFT_NEED_GUEST(guest, "timer", 0);
	HFT_NEED_INJECTION();
	EXPECT_EQ(0, fires_in_time(guest->id, WFI));
}

TEST(short_timers_are_not_lost)
{
	HFT_NEED_GUEST(guest, "timer", 0);
	HFT_NEED_INJECTION();
	int fd = hft_connect(guest->id, 10);
	struct answer a;
	uint64_t host;
	int i;

	for (i = 0; i < 300; i++)
		ASSERT_EQ(0, ask(fd, i * 7000, i % 2 ? WFI : MSG_WAIT, &a, &host));
}

TEST(message_interrupts_a_wait_with_a_timer)
{
	HFT_NEED_GUEST(guest, "timer", 0);
	HFT_NEED_INJECTION();
	struct request late = { 800 * MS, MSG_WAIT };
	int fd = hft_connect(guest->id, 10);
	struct answer a;
	uint64_t host;

	ASSERT_EQ(sizeof(late), send(fd, &late, sizeof(late), 0));
	ASSERT_EQ(0, ask(fd, 20 * MS, MSG_WAIT, &a, &host));
	EXPECT_GT(800 * MS, host);
	ASSERT_EQ(sizeof(a), recv(fd, &a, sizeof(a), 0));
	EXPECT_EQ(late.ns, a.asked);
	EXPECT_LE(late.ns, a.measured);
}

TEST_HARNESS_MAIN
