// SPDX-License-Identifier: GPL-2.0
/*
 * Messages nobody asked for, one after the other: all arrive, in order, once.
 * What does not fit into a receive buffer is dropped and counted.
 *
 * Needs a flood guest, and an echo guest for the test beside it.
 */
#include <poll.h>
#include <sys/socket.h>

#include "hft_harness.h"

struct request {
	uint32_t count;
	uint32_t size;
	uint64_t port;
};

static int ask(int fd, uint32_t count, uint32_t size, uint64_t port)
{
	struct request req = { count, size, port };

	return send(fd, &req, sizeof(req), 0) == sizeof(req) ? 0 : -1;
}

/* The next message: its sequence number, or -1 if there is none or it is bad. */
static int64_t next_message(int fd, uint32_t size)
{
	uint8_t buf[HF_MSG_PAYLOAD_MAX];
	uint64_t seq;
	uint32_t i;

	if (recv(fd, buf, sizeof(buf), 0) != (ssize_t)size)
		return -1;
	memcpy(&seq, buf, sizeof(seq));
	for (i = sizeof(seq); i < size; i++)
		if (buf[i] != (uint8_t)seq)
			return -1;
	return seq;
}

/* A receive buffer that holds everything, whatever the reader's pace. */
static int roomy_socket(unsigned int vm)
{
	int fd = hft_connect(vm, 10), room = 64 << 20;

	if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &room, sizeof(room)))
		return -1;
	return fd;
}

static int receive_all(int fd, uint32_t count, uint32_t size)
{
	uint32_t i;

	for (i = 0; i < count; i++) {
		int64_t seq = next_message(fd, size);

		if (seq != i) {
			fprintf(stderr, "# message %u of %u bytes: got %lld\n",
				i, size, (long long)seq);
			hft_dump_state();
			return -1;
		}
	}
	return 0;
}

TEST(flood_arrives_complete_and_in_order)
{
	HFT_NEED_GUEST(guest, "flood", 0);
	static const uint32_t sizes[] = { 8, 64, 1000, HF_MSG_PAYLOAD_MAX };
	int fd = roomy_socket(guest->id);
	size_t i;

	ASSERT_LE(0, fd);
	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		ASSERT_EQ(0, ask(fd, 3000, sizes[i], 0));
		ASSERT_EQ(0, receive_all(fd, 3000, sizes[i]));
	}
	EXPECT_EQ(0, hft_poll(fd, POLLIN, 100));
}

TEST(flood_reaches_the_port_it_names)
{
	HFT_NEED_GUEST(guest, "flood", 0);
	int asker = hft_connect(guest->id, 10), reader = roomy_socket(guest->id);
	struct hf_sockaddr me;
	socklen_t len = sizeof(me);

	ASSERT_EQ(0, getsockname(reader, (void *)&me, &len));
	ASSERT_EQ(0, ask(asker, 100, 16, me.port));
	EXPECT_EQ(0, receive_all(reader, 100, 16));
	EXPECT_EQ(0, hft_poll(asker, POLLIN, 100));
}

TEST(flood_to_a_full_socket_is_dropped_and_counted)
{
	HFT_NEED_GUEST(guest, "flood", 0);
	enum { COUNT = 5000 };
	int64_t before = hft_vm_count(guest->id, "dropped_full");
	int fd = hft_connect(guest->id, 10), room = 1, got = 0;
	int64_t last = -1, seq, dropped;

	ASSERT_LE(0, before);
	ASSERT_EQ(0, setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &room, sizeof(room)));
	ASSERT_EQ(0, ask(fd, COUNT, 1000, 0));
	hft_sleep_ms(2000);
	while ((hft_poll(fd, POLLIN, 1000) & POLLIN)) {
		seq = next_message(fd, 1000);
		ASSERT_LT(last, seq);
		last = seq;
		got++;
	}
	dropped = hft_vm_count(guest->id, "dropped_full") - before;
	EXPECT_LT(0, dropped);
	EXPECT_EQ(COUNT, got + dropped);
}

TEST(flood_to_nobody_is_dropped_and_counted)
{
	HFT_NEED_GUEST(guest, "flood", 0);
	int64_t before = hft_vm_count(guest->id, "dropped_port");
	int fd = hft_connect(guest->id, 10);

	ASSERT_EQ(0, ask(fd, 500, 100, 1ull << 60));
	/* The guest serves requests one after the other. */
	ASSERT_EQ(0, ask(fd, 1, 100, 0));
	EXPECT_EQ(0, next_message(fd, 100));
	EXPECT_EQ(before + 500, hft_vm_count(guest->id, "dropped_port"));
}

static uint64_t local_port(int fd)
{
	struct hf_sockaddr me = { 0 };
	socklen_t len = sizeof(me);

	getsockname(fd, (void *)&me, &len);
	return me.port;
}

/* The port is right, but the message is not from where that socket is connected to. */
TEST(message_of_another_vm_or_port_is_dropped)
{
	HFT_NEED_GUEST(flood, "flood", 0);
	HFT_NEED_GUEST(echo, "echo", 0);
	int asker = hft_connect(flood->id, 10);
	int other_port = hft_connect(flood->id, 11);
	int other_vm = hft_connect(echo->id, 10);
	int64_t before = hft_vm_count(flood->id, "dropped_port");

	ASSERT_EQ(0, ask(asker, 5, 16, local_port(other_port)));
	ASSERT_EQ(0, ask(asker, 5, 16, local_port(other_vm)));
	ASSERT_EQ(0, ask(asker, 1, 16, 0));
	EXPECT_EQ(0, next_message(asker, 16));
	EXPECT_EQ(before + 10, hft_vm_count(flood->id, "dropped_port"));
	EXPECT_EQ(0, hft_poll(other_port, POLLIN, 0));
	EXPECT_EQ(0, hft_poll(other_vm, POLLIN, 0));
}

TEST(flood_does_not_starve_another_guest)
{
	HFT_NEED_GUEST(flood, "flood", 0);
	HFT_NEED_GUEST(echo, "echo", 0);
	int fd = hft_connect(flood->id, 10);
	int i;

	ASSERT_EQ(0, ask(fd, 20000, 100, 1ull << 60));
	for (i = 0; i < 100; i++)
		ASSERT_EQ(0, hft_echo_once(echo->id, 500));
	ASSERT_EQ(0, ask(fd, 1, 100, 0));
	ASSERT_EQ(0, hft_set_timeout(fd, SO_RCVTIMEO, 40000));
	EXPECT_EQ(0, next_message(fd, 100));
}

TEST_HARNESS_MAIN
