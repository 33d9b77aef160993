// SPDX-License-Identifier: GPL-2.0
/*
 * Messages that a VM sends by FFA_MSG_SEND2: all arrive, in order, though EL2
 * tells nobody of them, and other VMs hardly notice.
 *
 * Needs a send2 and a send2_echo guest and up to eight that echo, best one each for
 * the eight senders. Hafnium has the call from v2.8 on.
 */
#include <poll.h>
#include <string.h>
#include <sys/socket.h>

#include "hft_lossless.h"
#include "hft_load.h"
#include "hft_harness.h"

/* The longest payload behind the header and the ports, with every version. */
#define PAYLOAD_MAX	4040

#undef TEST_TIMEOUT_DEFAULT
#define TEST_TIMEOUT_DEFAULT 1500

#define NEED_SEND2() do { \
	if (hft_feature("send2") != 1) \
		HFT_SKIP("this hypervisor has no FFA_MSG_SEND2"); \
} while (0)

static unsigned long messages(void)
{
	return hft_number("HF_MESSAGES", 10000);
}

/* Connected, with room for everything that comes, whatever the reader's pace. */
static int roomy_socket(unsigned int vm)
{
	int fd = hft_connect(vm, 10), room = 64 << 20;

	if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &room, sizeof(room)) ||
	    hft_set_timeout(fd, SO_RCVTIMEO, LOSSLESS_PATIENCE_MS))
		return -1;
	return fd;
}

static int ask(int fd, uint32_t count, uint32_t size)
{
	struct { uint32_t count, size; uint64_t port; } req = { count, size, 0 };

	return send(fd, &req, sizeof(req), 0) == sizeof(req) ? 0 : -1;
}

/* Is this the message with that number? */
static bool is_number(const uint8_t *buf, ssize_t len, uint64_t number)
{
	uint64_t got;
	ssize_t i;

	if (len < (ssize_t)sizeof(got))
		return false;
	memcpy(&got, buf, sizeof(got));
	for (i = sizeof(got); i < len; i++)
		if (buf[i] != (uint8_t)number)
			return false;
	return got == number;
}

static int receive_all(int fd, uint32_t count, uint32_t size)
{
	uint8_t buf[HF_MSG_PAYLOAD_MAX];
	uint32_t i;
	ssize_t n;

	for (i = 0; i < count; i++) {
		n = recv(fd, buf, sizeof(buf), 0);
		if (n == (ssize_t)size && is_number(buf, n, i))
			continue;
		fprintf(stderr, "# message %u of %u: %zd bytes%s\n", i, count, n,
			n < 0 ? strerror(errno) : ", another number or changed");
		hft_dump_state();
		return -1;
	}
	return 0;
}

/* The VMs that echo, one for each sender, or fewer. */
static unsigned int echoing_vms(unsigned int *vms)
{
	unsigned int n = 0;

	for (; n < LOSSLESS_SENDERS && hft_guest("echo", n); n++)
		vms[n] = hft_guest("echo", n)->id;
	return n;
}

TEST(every_size_arrives_complete_and_in_order)
{
	HFT_NEED_GUEST(guest, "send2", 0);
	static const uint32_t sizes[] = { 8, 64, 1000, PAYLOAD_MAX };
	int fd = roomy_socket(guest->id);
	size_t i;

	NEED_SEND2();
	ASSERT_LE(0, fd);
	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		ASSERT_EQ(0, ask(fd, 300, sizes[i]));
		ASSERT_EQ(0, receive_all(fd, 300, sizes[i]));
	}
	EXPECT_EQ(0, hft_poll(fd, POLLIN, 100));
}

/* Two of them, so that each finds the page occupied by the other. */
TEST(two_vms_that_send2_disturb_each_other_only_in_time)
{
	HFT_NEED_GUEST(guest, "send2", 0);
	HFT_NEED_GUEST(echo, "send2_echo", 0);
	int fd = roomy_socket(guest->id), i;
	struct lossless_sender *senders;
	struct lossless_account a;

	NEED_SEND2();
	senders = lossless_start(&echo->id, 1, 0);
	ASSERT_NE(NULL, senders);
	for (i = 0; i < 5; i++) {
		EXPECT_EQ(0, ask(fd, 200, 500));
		EXPECT_EQ(0, receive_all(fd, 200, 500));
	}
	a = lossless_finish(senders, true);
	EXPECT_EQ(a.sent, a.distinct);
	EXPECT_EQ(a.received, a.distinct);
}

TEST(flood_of_send2_arrives_and_eight_vms_lose_nothing)
{
	HFT_NEED_GUEST(guest, "send2", 0);
	unsigned int vms[LOSSLESS_SENDERS], nr = echoing_vms(vms);
	int fd = roomy_socket(guest->id);
	struct lossless_sender *senders;
	struct lossless_account a;
	int64_t start;

	NEED_SEND2();
	ASSERT_LT(0, nr);
	senders = lossless_start(vms, nr, 0);
	ASSERT_NE(NULL, senders);
	hft_sleep_ms(500);
	start = hft_now_ns();
	EXPECT_EQ(0, ask(fd, messages(), 100));
	EXPECT_EQ(0, receive_all(fd, messages(), 100));
	fprintf(stderr, "# %lu messages by FFA_MSG_SEND2 in %lld ms beside %u VMs\n", messages(),
		(long long)(hft_now_ns() - start) / 1000000, nr);
	a = lossless_finish(senders, true);
	EXPECT_EQ(a.sent, a.distinct);
	EXPECT_EQ(a.received, a.distinct);
	EXPECT_EQ(0, a.foreign);
}

static unsigned long distinct(const struct lossless_sender *senders)
{
	unsigned long sum = 0;
	int i;

	for (i = 0; i < LOSSLESS_SENDERS; i++)
		sum += senders[i].account.distinct;
	return sum;
}

/* Echoes per second until flood messages are in, or for some time if there are none. */
static double rate(const struct lossless_sender *senders, int fd, uint32_t flood)
{
	unsigned long before = distinct(senders);
	int64_t start = hft_now_ns();

	if (!flood)
		hft_sleep_ms(2000);
	else if (ask(fd, flood, 100) || receive_all(fd, flood, 100))
		return 0;
	return (distinct(senders) - before) * 1e9 / (hft_now_ns() - start);
}

/* In turns, so that a machine that gets slower meanwhile counts in both. */
TEST(eight_vms_keep_most_of_their_rate_beside_a_flood_of_send2)
{
	HFT_NEED_GUEST(guest, "send2", 0);
	unsigned int vms[LOSSLESS_SENDERS], nr = echoing_vms(vms), turn;
	int fd = roomy_socket(guest->id);
	struct lossless_sender *senders;
	double alone = 0, beside = 0;

	NEED_SEND2();
	if (nr < LOSSLESS_SENDERS)
		HFT_SKIP("needs %d guests that echo", LOSSLESS_SENDERS);
	senders = lossless_start(vms, nr, 0);
	ASSERT_NE(NULL, senders);
	hft_sleep_ms(500);
	for (turn = 0; turn < 4; turn++) {
		alone += rate(senders, fd, 0);
		beside += rate(senders, fd, messages() / 4);
	}
	lossless_finish(senders, true);
	fprintf(stderr, "# echoes of eight VMs: %.0f/s alone, %.0f/s beside SEND2 (%.0f%%)\n",
		alone / 4, beside / 4, 100 * beside / alone);
	EXPECT_LE(0.8 * alone, beside);
}

TEST(echo_by_send2_returns_each_message_once)
{
	HFT_NEED_GUEST(guest, "send2_echo", 0);
	struct lossless_account a;

	NEED_SEND2();
	a = lossless_run(guest->id, messages() / 10);
	EXPECT_EQ(LOSSLESS_SENDERS * (messages() / 10), a.sent);
	EXPECT_EQ(a.sent, a.distinct);
	EXPECT_EQ(a.received, a.distinct);
	EXPECT_EQ(0, a.foreign);
	EXPECT_EQ(0, a.dropped);
}

TEST_HARNESS_MAIN
