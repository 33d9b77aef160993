// SPDX-License-Identifier: GPL-2.0
/*
 * What goes through connections of AF_VSOCK: all of it, in order, with its
 * bounds, as much as there is room for, and not twice.
 *
 * Needs a vsock guest. The cases are those of tools/testing/vsock, and what
 * the cutting into the messages of a mailbox adds.
 */
#include <linux/sockios.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "hft_vsock.h"
#include "hft_harness.h"

#define PAGE			4096
#define SHORT_MS		300
#define BIG_MESSAGE		(4 * PAGE)
#define TOTAL			(1024 * 1024)
#define LOWAT			128
#define CREDIT_BUFFER		(128 * 1024)
#define PACKET_MAX		(64 * 1024)

#ifndef SO_ZEROCOPY
#define SO_ZEROCOPY		60
#endif

VSOCK_FIXTURE_OF_BOTH(vsock);
VSOCK_FIXTURE(stream)
VSOCK_FIXTURE(message)

TEST_F(vsock, every_size_comes_back)
{
	static const size_t sizes[] = { 1, 2, 15, 16, 63, 64, 1000, 4035, 4036, 4037, 4080, 4096,
					8071, 8072, 8073, 20000, 65535, 65536 };
	int fd = hft_vsock_connect(variant->type, self->cid, VSOCK_PORT_ECHO);
	int i;

	ASSERT_LE(0, fd);
	for (i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++)
		EXPECT_EQ(0, hft_vsock_echo(fd, sizes[i], i));
	close(fd);
}

/* One sends while one receives, several windows full. */
static int send_much(void *arg)
{
	static char buf[PACKET_MAX];
	int i;

	hft_fill(buf, sizeof(buf), 1);
	for (i = 0; i < TOTAL / sizeof(buf); i++) {
		if (hft_vsock_send_all(*(int *)arg, buf, sizeof(buf), 0))
			return 1;
	}
	return 0;
}

TEST_F(vsock, both_directions_at_once)
{
	static char want[PACKET_MAX], got[PACKET_MAX];
	int fd = hft_vsock_connect(variant->type, self->cid, VSOCK_PORT_ECHO), i;
	pid_t child;

	ASSERT_LE(0, fd);
	child = hft_spawn(send_much, &fd);
	hft_fill(want, sizeof(want), 1);
	for (i = 0; i < TOTAL / sizeof(want); i++) {
		ASSERT_EQ(sizeof(got), hft_vsock_recv_all(fd, got, sizeof(got)));
		ASSERT_EQ(0, memcmp(want, got, sizeof(got)));
	}
	EXPECT_EQ(0, hft_join(child, HFT_PATIENCE_MS));
	close(fd);
}

/* Sizes by chance, now and then the end of a record; both ends hash what they see. */
TEST_F(vsock, bounds_arrive_at_the_guest)
{
	int fd = hft_vsock_connect(variant->type, self->cid, VSOCK_PORT_SINK), i;
	bool messages = variant->type == SOCK_SEQPACKET;
	struct vsock_sum want = { 0 }, got;
	static char buf[BIG_MESSAGE];

	ASSERT_LE(0, fd);
	srand(1);
	for (i = 0; i < 128; i++) {
		size_t len = i & 1 ? PAGE + rand() % (BIG_MESSAGE - PAGE) : 1 + rand() % PAGE;
		bool record = messages && (i == 64 || rand() % 2);
		uint32_t flags = messages ? VSOCK_EOM | (record ? VSOCK_EOR : 0) : 0;

		hft_fill(buf, len, i);
		ASSERT_EQ(0, hft_vsock_send_all(fd, buf, len, record ? MSG_EOR : 0));
		want.bytes += len;
		want.messages += messages;
		want.records += record;
		want.hash = vsock_hash(want.hash, buf, len, flags);
	}
	ASSERT_EQ(0, shutdown(fd, SHUT_WR));
	ASSERT_EQ(sizeof(got), hft_vsock_recv_all(fd, &got, sizeof(got)));
	EXPECT_EQ(want.bytes, got.bytes);
	EXPECT_EQ(want.messages, got.messages);
	EXPECT_EQ(want.records, got.records);
	EXPECT_EQ(want.hash, got.hash);
	EXPECT_TRUE(hft_vsock_at_end(fd));
	close(fd);
}

TEST_F(vsock, bounds_arrive_from_the_guest)
{
	struct vsock_ask ask = { 300000, 7001, VSOCK_EOR };
	int fd = hft_vsock_connect(variant->type, self->cid, VSOCK_PORT_SOURCE);
	static char buf[BIG_MESSAGE];
	struct iovec iov = { buf, sizeof(buf) };
	uint64_t total = 0;
	ssize_t n, i;

	ASSERT_LE(0, fd);
	ASSERT_EQ(sizeof(ask), send(fd, &ask, sizeof(ask), 0));
	for (;;) {
		struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };

		n = recvmsg(fd, &msg, 0);
		ASSERT_LE(0, n);
		if (!n)
			break;
		for (i = 0; i < n; i++)
			ASSERT_EQ(vsock_pattern(total + i), (uint8_t)buf[i]);
		total += n;
		if (variant->type == SOCK_SEQPACKET) {
			EXPECT_EQ(total < ask.size ? ask.message : ask.size % ask.message, n);
			EXPECT_EQ(MSG_EOR, msg.msg_flags & MSG_EOR);
		}
	}
	EXPECT_EQ(ask.size, total);
	close(fd);
}

/* Written by the page, read by the byte, and the other way round. */
TEST_F(stream, has_no_bounds)
{
	struct hft_vsock v = hft_vsock_open(SOCK_STREAM, self->cid, VSOCK_PORT_PASSIVE);
	uint8_t byte;
	int i;

	ASSERT_LE(0, v.fd);
	ASSERT_EQ(0, hft_vsock_let_send(self->control, &v, 2 * PAGE, 0, 0));
	for (i = 0; i < 2 * PAGE; i++) {
		ASSERT_EQ(1, recv(v.fd, &byte, 1, 0));
		ASSERT_EQ(vsock_pattern(i), byte);
	}
	ASSERT_EQ(0, hft_vsock_let_send(self->control, &v, 500, 1, 0));
	EXPECT_EQ(0, hft_vsock_take(v.fd, 2 * PAGE, 500));
	close(v.fd);
}

/* What is appended to a packet that was read in part comes after it. */
TEST_F(stream, packet_read_in_part_is_continued)
{
	struct hft_vsock v = hft_vsock_open(SOCK_STREAM, self->cid, VSOCK_PORT_PASSIVE);
	char buf[64];

	ASSERT_EQ(0, hft_vsock_let_send(self->control, &v, 5, 0, 0));
	EXPECT_EQ(0, hft_vsock_take(v.fd, 0, 2));
	ASSERT_EQ(0, hft_vsock_let_send(self->control, &v, 5, 0, 0));
	EXPECT_EQ(0, hft_vsock_take(v.fd, 2, 8));
	EXPECT_FAIL(EAGAIN, recv(v.fd, buf, sizeof(buf), MSG_DONTWAIT));
	close(v.fd);
}

TEST_F(vsock, peek_leaves_it_there)
{
	struct hft_vsock v = hft_vsock_open(variant->type, self->cid, VSOCK_PORT_PASSIVE);
	char half[32], peek[64], read[64];
	int i;

	ASSERT_LE(0, v.fd);
	EXPECT_FAIL(EAGAIN, recv(v.fd, peek, sizeof(peek), MSG_PEEK | MSG_DONTWAIT));
	ASSERT_EQ(0, hft_vsock_let_send(self->control, &v, 64, 0, 0));
	i = recv(v.fd, half, sizeof(half), MSG_PEEK);
	if (i == -1 && errno == hft_vsock_errno(EOPNOTSUPP))
		HFT_SKIP("no MSG_PEEK of messages in this kernel");
	EXPECT_EQ(32, i);
	EXPECT_EQ(64, recv(v.fd, peek, sizeof(peek), MSG_PEEK));
	EXPECT_EQ(0, memcmp(half, peek, sizeof(half)));
	if (variant->type == SOCK_SEQPACKET) {
		EXPECT_EQ(64, recv(v.fd, half, sizeof(half), MSG_PEEK | MSG_TRUNC));
	}
	EXPECT_EQ(64, recv(v.fd, read, sizeof(read), 0));
	EXPECT_EQ(0, memcmp(read, peek, sizeof(peek)));
	for (i = 0; i < 64; i++)
		EXPECT_EQ(vsock_pattern(i), (uint8_t)read[i]);
	close(v.fd);
}

TEST_F(message, too_long_is_truncated_and_says_so)
{
	struct hft_vsock v = hft_vsock_open(SOCK_SEQPACKET, self->cid, VSOCK_PORT_PASSIVE);
	char buf[16];
	struct iovec iov = { buf, sizeof(buf) };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };

	ASSERT_EQ(0, hft_vsock_let_send(self->control, &v, 3 * 10000, 10000, 0));
	EXPECT_EQ(10000, recvmsg(v.fd, &msg, MSG_TRUNC));
	EXPECT_EQ(MSG_TRUNC, msg.msg_flags & MSG_TRUNC);
	EXPECT_EQ(16, recvmsg(v.fd, &msg, 0));
	EXPECT_EQ(MSG_TRUNC, msg.msg_flags & MSG_TRUNC);
	EXPECT_EQ(0, hft_vsock_take(v.fd, 20000, 10000));
	close(v.fd);
}

TEST_F(vsock, reading_has_its_time_limit)
{
	int fd = hft_vsock_connect(variant->type, self->cid, VSOCK_PORT_PASSIVE);
	int64_t start = hft_ticks_ns();
	char byte;

	ASSERT_EQ(0, hft_set_timeout(fd, SO_RCVTIMEO, SHORT_MS));
	EXPECT_FAIL(EAGAIN, recv(fd, &byte, 1, 0));
	EXPECT_LE(SHORT_MS - 50, (hft_ticks_ns() - start) / 1000000);
	EXPECT_FAIL(EAGAIN, recv(fd, &byte, 1, MSG_DONTWAIT));
	close(fd);
}

TEST_F(message, beyond_the_window_is_refused)
{
	static char buf[VSOCK_DEAF_WINDOW + 1];
	struct hft_vsock v = hft_vsock_open(SOCK_SEQPACKET, self->cid, VSOCK_PORT_DEAF);
	struct vsock_status s;

	ASSERT_LE(0, v.fd);
	EXPECT_FAIL(hft_vsock_errno(EMSGSIZE), send(v.fd, buf, sizeof(buf), 0));
	EXPECT_EQ(sizeof(buf) - 1, send(v.fd, buf, sizeof(buf) - 1, 0));
	s = hft_vsock_do(self->control, &v, VSOCK_CMD_WAIT, sizeof(buf) - 1, 0);
	EXPECT_EQ(1, s.sum.messages);
	close(v.fd);
}

/* A buffer with a hole takes its message with it, and only that one. */
TEST_F(message, with_bad_buffer_is_lost_alone)
{
	int prot = PROT_READ | PROT_WRITE, flags = MAP_PRIVATE | MAP_ANONYMOUS;
	struct hft_vsock v = hft_vsock_open(SOCK_SEQPACKET, self->cid, VSOCK_PORT_PASSIVE);
	char *bad = mmap(NULL, 3 * PAGE, prot, flags, -1, 0);

	ASSERT_NE(MAP_FAILED, bad);
	ASSERT_EQ(0, munmap(bad + PAGE, PAGE));
	ASSERT_EQ(0, hft_vsock_let_send(self->control, &v, 6 * PAGE, 3 * PAGE, 0));
	EXPECT_FAIL(hft_vsock_errno(EFAULT), recv(v.fd, bad, 3 * PAGE, 0));
	EXPECT_EQ(0, hft_vsock_take(v.fd, 3 * PAGE, 3 * PAGE));
	close(v.fd);
}

TEST_F(vsock, no_buffer_costs_no_byte_of_a_stream)
{
	struct hft_vsock v = hft_vsock_open(variant->type, self->cid, VSOCK_PORT_PASSIVE);
	char buf[512];

	ASSERT_EQ(0, hft_vsock_let_send(self->control, &v, sizeof(buf), 0, 0));
	EXPECT_FAIL(hft_vsock_errno(EFAULT), recv(v.fd, NULL, sizeof(buf), 0));
	if (variant->type == SOCK_STREAM) {
		EXPECT_EQ(sizeof(buf), recv(v.fd, buf, sizeof(buf), MSG_DONTWAIT));
	} else {
		EXPECT_FAIL(EAGAIN, recv(v.fd, buf, sizeof(buf), MSG_DONTWAIT));
	}
	close(v.fd);
}

TEST_F(vsock, bad_buffer_sends_nothing)
{
	struct hft_vsock v = hft_vsock_open(variant->type, self->cid, VSOCK_PORT_PASSIVE);
	struct vsock_status s;
	char byte = 'A';

	/* The common code takes it for a lack of memory, in some versions. */
	EXPECT_EQ(-1, send(v.fd, NULL, 5000, 0));
	EXPECT_TRUE(errno == EFAULT || errno == ENOMEM);
	EXPECT_EQ(1, send(v.fd, &byte, 1, 0));
	s = hft_vsock_do(self->control, &v, VSOCK_CMD_WAIT, 1, 0);
	EXPECT_EQ(1, s.sum.bytes);
	close(v.fd);
}

TEST_F(stream, poll_waits_for_enough)
{
	struct hft_vsock v = hft_vsock_open(SOCK_STREAM, self->cid, VSOCK_PORT_PASSIVE);
	int lowat = LOWAT;

	ASSERT_EQ(0, setsockopt(v.fd, SOL_SOCKET, SO_RCVLOWAT, &lowat, sizeof(lowat)));
	ASSERT_EQ(0, hft_vsock_let_send(self->control, &v, 1, 0, 0));
	EXPECT_EQ(0, hft_poll(v.fd, POLLIN | POLLRDNORM, SHORT_MS));
	ASSERT_EQ(0, hft_vsock_let_send(self->control, &v, LOWAT - 1, 1, 0));
	EXPECT_EQ(POLLIN | POLLRDNORM, hft_poll(v.fd, POLLIN | POLLRDNORM, HFT_PATIENCE_MS));
	EXPECT_EQ(0, hft_vsock_take(v.fd, 0, LOWAT));
	close(v.fd);
}

/*
 * The guest sends a byte more than our buffer, and gets rid of it when there is
 * room for more than a packet of the common code, or for as much if that is asked for.
 */
static void take_beyond_the_buffer(struct __test_metadata *_metadata, int control,
				   struct hft_vsock *v, int lowat_before, int lowat_after)
{
	struct vsock_command cmd = { .op = VSOCK_CMD_SEND, .port = v->port,
				     .peer_port = v->peer_port, .size = CREDIT_BUFFER + 1 };
	static char buf[CREDIT_BUFFER];
	struct vsock_status s;
	size_t first = lowat_before || lowat_after ? PACKET_MAX : PACKET_MAX + PAGE;
	int64_t end = hft_now_ns() + HFT_PATIENCE_MS * 1000000ll;

	ASSERT_LE(0, v->fd);
	ASSERT_EQ(0, hft_vsock_set_buffer(v->fd, CREDIT_BUFFER));
	if (lowat_before) {
		ASSERT_EQ(0, setsockopt(v->fd, SOL_SOCKET, SO_RCVLOWAT, &lowat_before,
					sizeof(lowat_before)));
	}
	ASSERT_EQ(0, hft_vsock_ask(control, &cmd));
	while (recv(v->fd, buf, sizeof(buf), MSG_PEEK) != sizeof(buf))
		ASSERT_GT(end, hft_now_ns());
	EXPECT_EQ(0, hft_vsock_take(v->fd, 0, first));
	if (lowat_after) {
		ASSERT_EQ(0, setsockopt(v->fd, SOL_SOCKET, SO_RCVLOWAT, &lowat_after,
					sizeof(lowat_after)));
	}
	EXPECT_EQ(0, hft_vsock_answer(control, &s));
	EXPECT_EQ(0, hft_vsock_take(v->fd, first, CREDIT_BUFFER + 1 - first));
}

TEST_F(stream, reading_gives_credit)
{
	struct hft_vsock v = hft_vsock_open(SOCK_STREAM, self->cid, VSOCK_PORT_PASSIVE);

	take_beyond_the_buffer(_metadata, self->control, &v, 0, 0);
	close(v.fd);
}

TEST_F(stream, setting_rcvlowat_gives_credit)
{
	struct hft_vsock v = hft_vsock_open(SOCK_STREAM, self->cid, VSOCK_PORT_PASSIVE);

	if (!hft_kernel_is(6, 8))
		HFT_SKIP("no credit by SO_RCVLOWAT in this kernel");
	take_beyond_the_buffer(_metadata, self->control, &v, 0, PACKET_MAX + 1);
	close(v.fd);
}

TEST_F(stream, few_bytes_below_rcvlowat_give_credit)
{
	struct hft_vsock v = hft_vsock_open(SOCK_STREAM, self->cid, VSOCK_PORT_PASSIVE);

	if (!hft_kernel_is(6, 8))
		HFT_SKIP("no credit by SO_RCVLOWAT in this kernel");
	take_beyond_the_buffer(_metadata, self->control, &v, PACKET_MAX + 1, 0);
	close(v.fd);
}

/* What the guest does not deal with fills its window, and no more. */
TEST_F(vsock, sender_waits_for_the_window)
{
	struct hft_vsock v = hft_vsock_open(variant->type, self->cid, VSOCK_PORT_DEAF);
	char buf[1024];
	struct vsock_status s;
	int i;

	ASSERT_LE(0, v.fd);
	memset(buf, 'A', sizeof(buf));
	for (i = 0; i < VSOCK_DEAF_WINDOW / sizeof(buf); i++)
		ASSERT_EQ(sizeof(buf), send(v.fd, buf, sizeof(buf), MSG_DONTWAIT));
	EXPECT_FAIL(EAGAIN, send(v.fd, buf, sizeof(buf), MSG_DONTWAIT));
	EXPECT_EQ(0, hft_poll(v.fd, POLLOUT, 0) & POLLOUT);
	hft_set_timeout(v.fd, SO_SNDTIMEO, SHORT_MS);
	EXPECT_FAIL(EAGAIN, send(v.fd, buf, sizeof(buf), 0));
	s = hft_vsock_do(self->control, &v, VSOCK_CMD_READ, VSOCK_DEAF_WINDOW / 2, 0);
	EXPECT_EQ(VSOCK_DEAF_WINDOW, s.sum.bytes);
	EXPECT_EQ(POLLOUT, hft_poll(v.fd, POLLOUT, HFT_PATIENCE_MS));
	EXPECT_EQ(sizeof(buf), send(v.fd, buf, sizeof(buf), MSG_DONTWAIT));
	close(v.fd);
}

static int send_page(void *arg)
{
	char buf[PAGE] = { 0 };

	return hft_vsock_send_all(*(int *)arg, buf, sizeof(buf), 0) ? 1 : 0;
}

TEST_F(vsock, sleeping_sender_wakes_for_credit)
{
	struct hft_vsock v = hft_vsock_open(variant->type, self->cid, VSOCK_PORT_DEAF);
	static char buf[VSOCK_DEAF_WINDOW];
	pid_t child;

	ASSERT_EQ(0, hft_vsock_send_all(v.fd, buf, sizeof(buf), 0));
	child = hft_spawn(send_page, &v.fd);
	hft_sleep_ms(100);
	hft_vsock_do(self->control, &v, VSOCK_CMD_READ, sizeof(buf), 0);
	EXPECT_EQ(0, hft_join(child, HFT_PATIENCE_MS));
	close(v.fd);
}

/* While one peer does not read, others are served. */
TEST_F(vsock, full_window_blocks_no_other_connection)
{
	struct hft_vsock deaf = hft_vsock_open(variant->type, self->cid, VSOCK_PORT_DEAF);
	int fd = hft_vsock_connect(variant->type, self->cid, VSOCK_PORT_ECHO), i;
	static char buf[VSOCK_DEAF_WINDOW];

	ASSERT_EQ(0, hft_vsock_send_all(deaf.fd, buf, sizeof(buf), 0));
	EXPECT_FAIL(EAGAIN, send(deaf.fd, buf, 1, MSG_DONTWAIT));
	for (i = 0; i < 20; i++)
		EXPECT_EQ(0, hft_vsock_echo(fd, 3000, i));
	close(fd);
	close(deaf.fd);
}

/* The same for us: who does not read what the guest sends holds up nobody. */
TEST_F(vsock, reader_that_does_not_read_blocks_no_other)
{
	struct hft_vsock v = hft_vsock_open(variant->type, self->cid, VSOCK_PORT_PASSIVE);
	struct vsock_command cmd = { .op = VSOCK_CMD_SEND, .port = v.port,
				     .peer_port = v.peer_port, .size = TOTAL, .message = PAGE };
	int fd = hft_vsock_connect(variant->type, self->cid, VSOCK_PORT_ECHO), i;
	struct vsock_status s;

	ASSERT_EQ(0, hft_vsock_ask(self->control, &cmd));
	for (i = 0; i < 20; i++)
		EXPECT_EQ(0, hft_vsock_echo(fd, 3000, i));
	for (i = 0; i < TOTAL; i += PAGE)
		ASSERT_EQ(0, hft_vsock_take(v.fd, i, PAGE));
	EXPECT_EQ(0, hft_vsock_answer(self->control, &s));
	close(fd);
	close(v.fd);
}

TEST_F(vsock, nothing_is_unsent_once_the_guest_has_it)
{
	struct hft_vsock v = hft_vsock_open(variant->type, self->cid, VSOCK_PORT_PASSIVE);
	char buf[64] = { 0 };
	int unsent = -1, i;

	if (ioctl(v.fd, SIOCOUTQ, &unsent))
		HFT_SKIP("no SIOCOUTQ in this kernel");
	EXPECT_EQ(0, unsent);
	ASSERT_EQ(sizeof(buf), send(v.fd, buf, sizeof(buf), 0));
	hft_vsock_do(self->control, &v, VSOCK_CMD_WAIT, sizeof(buf), 0);
	for (i = 0; i < 100; i++) {
		ASSERT_EQ(0, ioctl(v.fd, SIOCOUTQ, &unsent));
		if (!unsent)
			break;
		hft_sleep_ms(20);
	}
	EXPECT_EQ(0, unsent);
	close(v.fd);
}

/* It is refused, or nothing is copied less, but then nothing is lost either. */
TEST_F(vsock, zero_copy_is_a_wish)
{
	struct hft_vsock v = hft_vsock_open(variant->type, self->cid, VSOCK_PORT_PASSIVE);
	uint32_t flags = variant->type == SOCK_SEQPACKET ? VSOCK_EOM : 0;
	static char buf[40000];
	struct vsock_status s;
	int one = 1;

	hft_fill(buf, sizeof(buf), 1);
	setsockopt(v.fd, SOL_SOCKET, SO_ZEROCOPY, &one, sizeof(one));
	if (send(v.fd, buf, sizeof(buf), MSG_ZEROCOPY) == -1) {
		EXPECT_EQ(EOPNOTSUPP, errno);
		ASSERT_EQ(sizeof(buf), send(v.fd, buf, sizeof(buf), 0));
	}
	s = hft_vsock_do(self->control, &v, VSOCK_CMD_WAIT, sizeof(buf), 0);
	EXPECT_EQ(vsock_hash(0, buf, sizeof(buf), flags), s.sum.hash);
	/* The notification, if there is one, belongs to the error queue and to nothing else. */
	EXPECT_EQ(0, hft_vsock_error(v.fd));
	close(v.fd);
}

/* Set before connect(), when nobody can know what the transport does. */
TEST_F(vsock, zero_copy_before_connect_is_a_wish)
{
	struct hft_vsock v = { .port = VSOCK_PORT_PASSIVE };
	static char buf[40000];
	struct vsock_status s;
	int one = 1;

	v.fd = hft_vsock_socket(variant->type);
	setsockopt(v.fd, SOL_SOCKET, SO_ZEROCOPY, &one, sizeof(one));
	if (hft_vsock_connect_to(v.fd, self->cid, v.port)) {
		EXPECT_EQ(EOPNOTSUPP, errno);
		close(v.fd);
		return;
	}
	v.peer_port = hft_vsock_port(v.fd);
	ASSERT_EQ(sizeof(buf), send(v.fd, buf, sizeof(buf), MSG_ZEROCOPY));
	s = hft_vsock_do(self->control, &v, VSOCK_CMD_WAIT, sizeof(buf), 0);
	EXPECT_EQ(sizeof(buf), s.sum.bytes);
	close(v.fd);
}

/* Pieces of a mailbox: the ends of messages on the last one only, credit in all. */
TEST_F(vsock, packets_are_cut_to_the_mailbox)
{
	struct hft_vsock v = hft_vsock_open_mute(self->control, variant->type, self->cid,
						 VSOCK_PORT_MUTE + 2);
	bool messages = variant->type == SOCK_SEQPACKET;
	static char buf[10000];
	struct vsock_status s;
	uint32_t total = 0;
	int i;

	ASSERT_LE(0, v.fd);
	ASSERT_EQ(sizeof(buf), send(v.fd, buf, sizeof(buf), messages ? MSG_EOR : 0));
	hft_sleep_ms(100);
	s = hft_vsock_do(self->control, NULL, VSOCK_CMD_HEARD, 0, 0);
	EXPECT_EQ(3, s.heard_count);
	for (i = 0; i < s.heard_count && i < VSOCK_HEARD_MAX; i++) {
		EXPECT_EQ(VSOCK_RW, s.heard[i].op);
		total += s.heard[i].len;
		EXPECT_EQ(messages && total == sizeof(buf) ? VSOCK_EOM | VSOCK_EOR : 0,
			  s.heard[i].flags);
		EXPECT_LT(0, s.heard[i].buf_alloc);
	}
	EXPECT_EQ(sizeof(buf), total);
	hft_vsock_close_mute(self->control, variant->type, self->cid, &v);
}

TEST_HARNESS_MAIN
