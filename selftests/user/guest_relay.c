// SPDX-License-Identifier: GPL-2.0
/*
 * Messages from one secondary to another: the primary sees only exits, and has
 * to run the receiver for them.
 *
 * Needs two relay guests; with an echo guest as well, one more way.
 */
#include <sys/socket.h>

#include "hft_harness.h"

/* Relays put the target's id before the data and give back what it answers. */
static int through(int fd, uint16_t target, size_t len, uint32_t seed)
{
	uint8_t out[HF_MSG_PAYLOAD_MAX], in[HF_MSG_PAYLOAD_MAX];

	hft_fill(out, len, seed);
	memcpy(out, &target, sizeof(target));
	if (send(fd, out, len, 0) != (ssize_t)len)
		return -1;
	if (recv(fd, in, sizeof(in), 0) != (ssize_t)len)
		return -1;
	return memcmp(out, in, len) ? -1 : 0;
}

/* Where VMs may overwrite what another one reads, only who waits is sent to. */
static void until_waiting(unsigned int vm)
{
	int64_t end = hft_now_ns() + HFT_PATIENCE_MS * 1000000LL;

	while (hft_feature("rx_overwrite") == 1 && hft_vm_count(vm, "waiting") != 1 &&
	       hft_now_ns() < end)
		hft_sleep_ms(1);
}

static int round_trips(unsigned int relay, unsigned int target, int count)
{
	static const size_t sizes[] = { 2, 100, 1000, HF_MSG_PAYLOAD_MAX };
	int fd = hft_connect(relay, 10);
	int i;

	for (i = 0; i < count; i++) {
		until_waiting(relay);
		until_waiting(target);
		if (through(fd, target, sizes[i % ARRAY_SIZE(sizes)], i)) {
			fprintf(stderr, "# VM %u to VM %u failed at %d\n",
				relay, target, i);
			hft_dump_state();
			return -1;
		}
	}
	return close(fd);
}

TEST(message_goes_through_two_secondaries_and_back)
{
	HFT_NEED_GUEST(a, "relay", 0);
	HFT_NEED_GUEST(b, "relay", 1);
	EXPECT_EQ(0, round_trips(a->id, b->id, 100));
	EXPECT_EQ(0, round_trips(b->id, a->id, 100));
}

TEST(message_goes_through_a_relay_to_an_echo)
{
	HFT_NEED_GUEST(relay, "relay", 0);
	HFT_NEED_GUEST(echo, "echo", 0);
	HFT_NEED_SAFE_PAGES();
	EXPECT_EQ(0, round_trips(relay->id, echo->id, 100));
}

struct direction {
	unsigned int from;
	unsigned int to;
};

static int one_direction(void *arg)
{
	struct direction *d = arg;

	return round_trips(d->from, d->to, 200) ? 1 : 0;
}

TEST(both_directions_at_the_same_time)
{
	HFT_NEED_GUEST(a, "relay", 0);
	HFT_NEED_GUEST(b, "relay", 1);
	HFT_NEED_SAFE_PAGES();
	struct direction ab = { a->id, b->id }, ba = { b->id, a->id };
	pid_t one = hft_spawn(one_direction, &ab);
	pid_t two = hft_spawn(one_direction, &ba);

	EXPECT_EQ(0, hft_join(one, 50000));
	EXPECT_EQ(0, hft_join(two, 50000));
}

TEST(unknown_target_comes_back)
{
	HFT_NEED_GUEST(relay, "relay", 0);
	int fd = hft_connect(relay->id, 10);

	ASSERT_LE(0, fd);
	EXPECT_EQ(0, through(fd, 200, 100, 1));
	EXPECT_EQ(0, through(fd, HF_VM_ID_PRIMARY, 100, 2));
}

TEST_HARNESS_MAIN
