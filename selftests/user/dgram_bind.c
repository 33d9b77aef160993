// SPDX-License-Identifier: GPL-2.0
/*
 * Ports: who gets one, which one, and whose messages come with it.
 *
 * Needs two flood guests, which send to any port, and an echo guest.
 */
#include <linux/capability.h>
#include <poll.h>

#include "hft_harness.h"
#include "hft_dgram.h"

#define PORT	5000
#define BURST	200

FIXTURE(bind) {
	int fd;			/* no port yet */
	unsigned int vm, other;	/* flood guests */
};

FIXTURE_SETUP(bind)
{
	const struct hft_guest *a = hft_guest("flood", 0);
	const struct hft_guest *b = hft_guest("flood", 1);

	self->fd = -1;
	if (!a || !b)
		HFT_SKIP("no two flood guests in this boot");
	self->vm = a->id;
	self->other = b->id;
	self->fd = hft_socket();
	ASSERT_LE(0, self->fd);
}

FIXTURE_TEARDOWN(bind)
{
	close(self->fd);
}

/* Is there a message, from that VM and that port? */
static bool hears(int fd, unsigned int vm, uint64_t port)
{
	struct hf_sockaddr from;
	uint64_t seq;

	return hft_poll(fd, POLLIN, 0) == POLLIN &&
	       hft_recv_from(fd, &seq, sizeof(seq), &from) == sizeof(seq) &&
	       from.family == AF_HF && from.vm_id == vm && from.port == port;
}

static bool is_silent(int fd)
{
	return hft_poll(fd, POLLIN, 0) == 0;
}

TEST_F(bind, names_the_port)
{
	struct hf_sockaddr me = { 0 };
	socklen_t len = sizeof(me);

	EXPECT_EQ(0, hft_port(self->fd));
	ASSERT_EQ(0, hft_bind_to(self->fd, HF_VM_ID_ANY, PORT));
	ASSERT_EQ(0, getsockname(self->fd, (void *)&me, &len));
	EXPECT_EQ(sizeof(me), len);
	EXPECT_EQ(AF_HF, me.family);
	EXPECT_EQ(HF_VM_ID_PRIMARY, me.vm_id);
	EXPECT_EQ(PORT, me.port);
	len = sizeof(me);
	EXPECT_FAIL(ENOTCONN, getpeername(self->fd, (void *)&me, &len));
}

TEST_F(bind, vm_that_speaks_first_is_heard)
{
	ASSERT_EQ(0, hft_bind_to(self->fd, HF_VM_ID_ANY, PORT));
	ASSERT_EQ(0, hft_flood(self->vm, 77, PORT, 1, 8));
	EXPECT_TRUE(hears(self->fd, self->vm, 77));
	EXPECT_TRUE(is_silent(self->fd));
}

TEST_F(bind, any_vm_is_heard_behind_the_wildcard)
{
	ASSERT_EQ(0, hft_bind_to(self->fd, HF_VM_ID_ANY, PORT));
	ASSERT_EQ(0, hft_flood(self->vm, 1, PORT, 1, 8));
	ASSERT_EQ(0, hft_flood(self->other, 2, PORT, 1, 8));
	EXPECT_TRUE(hears(self->fd, self->vm, 1));
	EXPECT_TRUE(hears(self->fd, self->other, 2));
}

TEST_F(bind, primary_as_address_means_any_vm)
{
	ASSERT_EQ(0, hft_bind_to(self->fd, HF_VM_ID_PRIMARY, PORT));
	ASSERT_EQ(0, hft_flood(self->vm, 1, PORT, 1, 8));
	ASSERT_EQ(0, hft_flood(self->other, 2, PORT, 1, 8));
	EXPECT_TRUE(hears(self->fd, self->vm, 1));
	EXPECT_TRUE(hears(self->fd, self->other, 2));
}

TEST_F(bind, one_vm_as_address_keeps_others_out)
{
	ASSERT_EQ(0, hft_bind_to(self->fd, self->vm, PORT));
	ASSERT_EQ(0, hft_flood(self->other, 1, PORT, 3, 8));
	EXPECT_TRUE(is_silent(self->fd));
	ASSERT_EQ(0, hft_flood(self->vm, 2, PORT, 1, 8));
	EXPECT_TRUE(hears(self->fd, self->vm, 2));
}

TEST_F(bind, message_to_another_port_is_not_heard)
{
	ASSERT_EQ(0, hft_bind_to(self->fd, HF_VM_ID_ANY, PORT));
	ASSERT_EQ(0, hft_flood(self->vm, 1, PORT + 1, 3, 8));
	ASSERT_EQ(0, hft_flood(self->vm, 1, PORT + (1ull << 32), 3, 8));
	EXPECT_TRUE(is_silent(self->fd));
}

TEST_F(bind, message_to_a_port_that_nobody_has_is_counted)
{
	int64_t before = hft_vm_count(self->vm, "dropped_port");

	ASSERT_EQ(0, hft_flood(self->vm, 1, PORT, 7, 8));
	EXPECT_EQ(before + 7, hft_vm_count(self->vm, "dropped_port"));
}

TEST_F(bind, port_0_stands_for_a_free_port)
{
	int again = hft_bound(HF_VM_ID_ANY, HF_PORT_ANY);

	ASSERT_LE(0, again);
	ASSERT_EQ(0, hft_bind_to(self->fd, HF_VM_ID_ANY, HF_PORT_ANY));
	EXPECT_LE(0x10000, hft_port(self->fd));
	EXPECT_LE(0x10000, hft_port(again));
	EXPECT_NE(hft_port(self->fd), hft_port(again));
	ASSERT_EQ(0, hft_flood(self->vm, 1, hft_port(self->fd), 1, 8));
	EXPECT_TRUE(hears(self->fd, self->vm, 1));
	close(again);
}

TEST_F(bind, ports_have_64_bits)
{
	static const uint64_t ports[] = {
		HF_PORT_RESERVED, 0xffff, 1ull << 32, 0xfedcba9876543210, UINT64_MAX,
	};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(ports); i++) {
		int fd = hft_bound(HF_VM_ID_ANY, ports[i]);

		ASSERT_LE(0, fd);
		EXPECT_EQ(ports[i], hft_port(fd));
		ASSERT_EQ(0, hft_flood(self->vm, ~ports[i], ports[i], 1, 8));
		EXPECT_TRUE(hears(fd, self->vm, ~ports[i]));
		close(fd);
	}
}

TEST_F(bind, taken_port_says_eaddrinuse)
{
	int fd = hft_bound(HF_VM_ID_ANY, PORT);

	ASSERT_LE(0, fd);
	EXPECT_FAIL(EADDRINUSE, hft_bind_to(self->fd, HF_VM_ID_ANY, PORT));
	EXPECT_FAIL(EADDRINUSE, hft_bind_to(self->fd, HF_VM_ID_PRIMARY, PORT));
	EXPECT_FAIL(EADDRINUSE, hft_bind_to(self->fd, self->vm, PORT));
	EXPECT_EQ(0, hft_port(self->fd));
	EXPECT_EQ(0, hft_bind_to(self->fd, HF_VM_ID_ANY, PORT + 1));
	close(fd);
}

TEST_F(bind, two_vms_have_a_port_each)
{
	int fd = hft_bound(self->vm, PORT);

	ASSERT_LE(0, fd);
	EXPECT_FAIL(EADDRINUSE, hft_bind_to(self->fd, self->vm, PORT));
	EXPECT_FAIL(EADDRINUSE, hft_bind_to(self->fd, HF_VM_ID_ANY, PORT));
	ASSERT_EQ(0, hft_bind_to(self->fd, self->other, PORT));
	ASSERT_EQ(0, hft_flood(self->vm, 1, PORT, 1, 8));
	ASSERT_EQ(0, hft_flood(self->other, 2, PORT, 1, 8));
	EXPECT_TRUE(hears(fd, self->vm, 1));
	EXPECT_TRUE(hears(self->fd, self->other, 2));
	close(fd);
}

TEST_F(bind, reuseaddr_does_not_share_a_port)
{
	int fd = hft_socket();

	ASSERT_EQ(0, hft_set_option(fd, SO_REUSEADDR, 1));
	ASSERT_EQ(0, hft_set_option(self->fd, SO_REUSEADDR, 1));
	ASSERT_EQ(0, hft_bind_to(fd, HF_VM_ID_ANY, PORT));
	EXPECT_FAIL(EADDRINUSE, hft_bind_to(self->fd, HF_VM_ID_ANY, PORT));
	close(fd);
}

TEST_F(bind, chosen_ports_avoid_those_that_are_taken)
{
	enum { AHEAD = 20 };
	int fd[AHEAD], chosen[AHEAD], i, j;
	uint64_t first;

	ASSERT_EQ(0, hft_bind_to(self->fd, HF_VM_ID_ANY, HF_PORT_ANY));
	first = hft_port(self->fd);
	for (i = 0; i < AHEAD; i++) {
		fd[i] = hft_bound(HF_VM_ID_ANY, first + 1 + 2 * i);
		ASSERT_LE(0, fd[i]);
	}
	for (i = 0; i < AHEAD; i++) {
		chosen[i] = hft_bound(HF_VM_ID_ANY, HF_PORT_ANY);
		ASSERT_LE(0, chosen[i]);
		EXPECT_NE(first, hft_port(chosen[i]));
		for (j = 0; j < AHEAD; j++)
			EXPECT_NE(hft_port(fd[j]), hft_port(chosen[i]));
	}
	for (i = 0; i < AHEAD; i++) {
		close(fd[i]);
		close(chosen[i]);
	}
}

TEST_F(bind, second_bind_says_einval)
{
	ASSERT_EQ(0, hft_bind_to(self->fd, HF_VM_ID_ANY, PORT));
	EXPECT_FAIL(EINVAL, hft_bind_to(self->fd, HF_VM_ID_ANY, PORT + 1));
	EXPECT_FAIL(EINVAL, hft_bind_to(self->fd, HF_VM_ID_ANY, PORT));
	EXPECT_FAIL(EINVAL, hft_bind_to(self->fd, HF_VM_ID_ANY, HF_PORT_ANY));
	EXPECT_EQ(PORT, hft_port(self->fd));
	ASSERT_EQ(0, hft_flood(self->vm, 1, PORT, 1, 8));
	EXPECT_TRUE(hears(self->fd, self->vm, 1));
}

TEST_F(bind, socket_that_has_a_port_already_says_einval)
{
	int sender = hft_socket();

	ASSERT_EQ(0, hft_connect_to(self->fd, self->vm, 1));
	EXPECT_FAIL(EINVAL, hft_bind_to(self->fd, HF_VM_ID_ANY, PORT));
	ASSERT_EQ(1, hft_send_to(sender, "x", 1, self->vm, 1));
	EXPECT_FAIL(EINVAL, hft_bind_to(sender, HF_VM_ID_ANY, PORT));
	close(sender);
}

TEST_F(bind, unknown_vm_says_eaddrnotavail)
{
	EXPECT_FAIL(EADDRNOTAVAIL, hft_bind_to(self->fd, HFT_NO_VM, PORT));
	EXPECT_FAIL(EADDRNOTAVAIL, hft_bind_to(self->fd, 0, PORT));
	EXPECT_EQ(0, hft_port(self->fd));
	EXPECT_EQ(0, hft_bind_to(self->fd, HF_VM_ID_ANY, PORT));
}

TEST_F(bind, bad_address_says_einval)
{
	struct hf_sockaddr addr = hft_address(HF_VM_ID_ANY, PORT);
	static const int lengths[] = { 0, 1, 2, 4, 8, 15 };
	size_t i;

	for (i = 0; i < ARRAY_SIZE(lengths); i++)
		EXPECT_FAIL(EINVAL, bind(self->fd, (void *)&addr, lengths[i]));
	addr.family = AF_INET;
	EXPECT_FAIL(EINVAL, bind(self->fd, (void *)&addr, sizeof(addr)));
	addr.family = AF_UNSPEC;
	EXPECT_FAIL(EINVAL, bind(self->fd, (void *)&addr, sizeof(addr)));
	EXPECT_FAIL(EFAULT, bind(self->fd, (void *)8, sizeof(addr)));
	EXPECT_EQ(0, hft_port(self->fd));
}

TEST_F(bind, reserved_port_needs_its_capability)
{
	EXPECT_EQ(0, hft_bind_to(self->fd, HF_VM_ID_ANY, 1));
	close(self->fd);
	hft_keep_capability(CAP_SYS_ADMIN);
	self->fd = hft_socket();
	ASSERT_LE(0, self->fd);
	EXPECT_FAIL(EACCES, hft_bind_to(self->fd, HF_VM_ID_ANY, 1));
	EXPECT_FAIL(EACCES, hft_bind_to(self->fd, HF_VM_ID_ANY, HF_PORT_RESERVED - 1));
	EXPECT_FAIL(EACCES, hft_bind_to(self->fd, self->vm, 1));
	EXPECT_EQ(0, hft_bind_to(self->fd, HF_VM_ID_ANY, HF_PORT_RESERVED));
}

TEST_F(bind, closing_gives_the_port_back)
{
	int i;

	for (i = 0; i < 200; i++) {
		int fd = hft_bound(HF_VM_ID_ANY, PORT);

		ASSERT_LE(0, fd);
		close(fd);
	}
}

struct race {
	int ready, go, won;
};

static int bind_at_the_same_time(void *arg)
{
	struct race *race = arg;
	int fd = hft_socket();

	__atomic_fetch_add(&race->ready, 1, __ATOMIC_SEQ_CST);
	while (!__atomic_load_n(&race->go, __ATOMIC_SEQ_CST))
		;
	if (!hft_bind_to(fd, HF_VM_ID_ANY, PORT))
		__atomic_fetch_add(&race->won, 1, __ATOMIC_SEQ_CST);
	else if (errno != EADDRINUSE)
		return 1;
	/* Not given back before everybody has tried. */
	__atomic_fetch_sub(&race->ready, 1, __ATOMIC_SEQ_CST);
	while (__atomic_load_n(&race->ready, __ATOMIC_SEQ_CST))
		hft_sleep_ms(1);
	return 0;
}

TEST_F(bind, of_several_at_the_same_time_one_gets_the_port)
{
	enum { MANY = 4, ROUNDS = 10 };
	struct race *race = hft_shared(sizeof(*race));
	pid_t child[MANY];
	int i, round;

	for (round = 0; round < ROUNDS; round++) {
		memset(race, 0, sizeof(*race));
		for (i = 0; i < MANY; i++)
			child[i] = hft_spawn(bind_at_the_same_time, race);
		while (__atomic_load_n(&race->ready, __ATOMIC_SEQ_CST) < MANY)
			hft_sleep_ms(1);
		__atomic_store_n(&race->go, 1, __ATOMIC_SEQ_CST);
		for (i = 0; i < MANY; i++)
			ASSERT_EQ(0, hft_join(child[i], 2 * HFT_PATIENCE_MS));
		ASSERT_EQ(1, race->won);
	}
}

TEST_F(bind, burst_of_a_guest_arrives_in_order)
{
	static uint64_t data[HF_MSG_PAYLOAD_MAX / 8];
	int i;

	ASSERT_EQ(0, hft_bind_to(self->fd, self->vm, PORT));
	ASSERT_EQ(0, hft_flood_start(self->vm, 1, PORT, BURST, 100));
	for (i = 0; i < BURST; i++) {
		ASSERT_EQ(100, recv(self->fd, data, sizeof(data), 0));
		ASSERT_EQ(i, data[0]);
		ASSERT_EQ((uint8_t)i, data[8] & 0xff);
	}
}

TEST_F(bind, server_answers_whoever_asks)
{
	struct hf_sockaddr from;
	uint64_t seq;
	int i;
	HFT_NEED_GUEST(echo, "echo", 0);

	ASSERT_EQ(0, hft_bind_to(self->fd, HF_VM_ID_ANY, PORT));
	ASSERT_EQ(0, hft_flood(self->vm, 7, PORT, 10, 8));
	for (i = 0; i < 10; i++) {
		ASSERT_EQ(8, hft_recv_from(self->fd, &seq, sizeof(seq), &from));
		EXPECT_EQ(i, seq);
		EXPECT_EQ(8, hft_send_to(self->fd, &seq, 8, from.vm_id, from.port));
	}
	/* From the port that it is bound to: the answer finds it. */
	ASSERT_EQ(8, hft_send_to(self->fd, &seq, 8, echo->id, 3));
	ASSERT_EQ(8, hft_recv_from(self->fd, &seq, sizeof(seq), &from));
	EXPECT_EQ(echo->id, from.vm_id);
	EXPECT_EQ(3, from.port);
}

TEST_HARNESS_MAIN
