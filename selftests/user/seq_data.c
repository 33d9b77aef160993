// SPDX-License-Identifier: GPL-2.0
/*
 * Messages of SEQPACKET: bounds, order, buffers, credit, waiting.
 *
 * Needs a seq guest.
 */
#include <linux/sock_diag.h>
#include <linux/sockios.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include "hft_seq.h"
#include "hft_harness.h"

SEQ_FIXTURE()

static uint64_t buf[HF_MSG_PAYLOAD_MAX / 8 + 1];

static int inq(int fd)
{
	int n = -1;

	return ioctl(fd, FIONREAD, &n) ? -1 : n;
}

static int outq(int fd)
{
	int n = -1;

	return ioctl(fd, SIOCOUTQ, &n) ? -1 : n;
}

static bool drains(int fd)
{
	int64_t start = hft_now_ns();

	while (outq(fd) && hft_ms_since(start) < HFT_PATIENCE_MS)
		hft_sleep_ms(5);
	return outq(fd) == 0;
}

/* Waits until what the guest sends without being asked is there. */
static bool fills_up(int fd, int bytes)
{
	int64_t start = hft_now_ns();

	while (inq(fd) < bytes && hft_ms_since(start) < HFT_PATIENCE_MS)
		hft_sleep_ms(5);
	return inq(fd) >= bytes;
}

static uint32_t some(uint32_t *state, uint32_t n)
{
	*state = *state * 1664525u + 1013904223u;
	return (*state >> 8) % n;
}

TEST_F(seq, sizes_up_to_the_largest_come_back)
{
	static const size_t sizes[] = { 1, 2, 7, 8, 100, 1000, 2048, 4000, 4063, SEQ_PAYLOAD_MAX };
	int fd = hft_seq_connect(self->vm, SEQ_PORT_ECHO);
	size_t i;

	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		ASSERT_EQ(0, hft_seq_echo(fd, sizes[i], i));
	}
}

/* Both sides hash each message with its length: merged or split ones change the sum. */
TEST_F(seq, bounds_are_kept_as_the_hash_shows)
{
	int fd = hft_seq_connect(self->vm, SEQ_PORT_SINK);
	uint64_t mix = 0, bytes = 0, i;
	struct seq_sum sum;
	uint32_t random = 7;

	for (i = 0; i < 2000; i++) {
		size_t len = some(&random, i % 8 ? 200 : SEQ_PAYLOAD_MAX + 1);

		hft_fill(buf, len, random);
		ASSERT_EQ(len, send(fd, buf, len, 0));
		mix = seq_mix(mix, buf, len);
		bytes += len;
	}
	ASSERT_EQ(0, shutdown(fd, SHUT_WR));
	ASSERT_EQ(sizeof(sum), recv(fd, &sum, sizeof(sum), 0));
	EXPECT_EQ(2000, sum.count);
	EXPECT_EQ(bytes, sum.bytes);
	EXPECT_EQ(mix, sum.sum);
	EXPECT_TRUE(hft_seq_at_end(fd));
}

TEST_F(seq, guest_messages_arrive_complete_and_in_order)
{
	static const size_t sizes[] = { 16, 100, 1001, SEQ_PAYLOAD_MAX };
	size_t i, n;

	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		int fd = hft_seq_connect(self->vm, SEQ_PORT_SOURCE);

		ASSERT_EQ(0, hft_seq_source(fd, 500, sizes[i]));
		for (n = 0; n < 500; n++) {
			ASSERT_EQ(0, hft_seq_take(fd, n));
		}
		EXPECT_TRUE(hft_seq_at_end(fd));
		close(fd);
	}
}

TEST_F(seq, empty_message_is_a_message)
{
	int fd = hft_seq_connect(self->vm, SEQ_PORT_ECHO);

	ASSERT_EQ(0, send(fd, "", 0, 0));
	ASSERT_EQ(1, send(fd, "x", 1, 0));
	ASSERT_EQ(0, send(fd, "", 0, 0));
	EXPECT_EQ(0, recv(fd, buf, sizeof(buf), 0));
	EXPECT_EQ(1, recv(fd, buf, sizeof(buf), 0));
	EXPECT_EQ(0, recv(fd, buf, sizeof(buf), 0));
	/* Not the end. */
	EXPECT_EQ(0, hft_seq_echo(fd, 10, 1));
}

TEST_F(seq, message_too_long_is_refused_and_nothing_sent)
{
	int fd = hft_seq_connect(self->vm, SEQ_PORT_ECHO);

	EXPECT_FAIL(EMSGSIZE, send(fd, buf, SEQ_PAYLOAD_MAX + 1, 0));
	EXPECT_FAIL(EMSGSIZE, send(fd, buf, HF_MSG_PAYLOAD_MAX, 0));
	EXPECT_EQ(0, hft_seq_echo(fd, SEQ_PAYLOAD_MAX, 1));
	EXPECT_EQ(0, hft_poll(fd, POLLIN, 100));
}

TEST_F(seq, peek_leaves_the_message)
{
	int fd = hft_seq_connect(self->vm, SEQ_PORT_ECHO);

	EXPECT_FAIL(EAGAIN, recv(fd, buf, sizeof(buf), MSG_PEEK | MSG_DONTWAIT));
	ASSERT_EQ(5, send(fd, "first", 5, 0));
	ASSERT_EQ(6, send(fd, "second", 6, 0));
	EXPECT_EQ(5, recv(fd, buf, sizeof(buf), MSG_PEEK));
	EXPECT_EQ(0, memcmp(buf, "first", 5));
	EXPECT_EQ(2, recv(fd, buf, 2, MSG_PEEK));
	EXPECT_EQ(5, recv(fd, buf, 2, MSG_PEEK | MSG_TRUNC));
	EXPECT_EQ(5, recv(fd, buf, sizeof(buf), 0));
	EXPECT_EQ(0, memcmp(buf, "first", 5));
	EXPECT_EQ(6, recv(fd, buf, sizeof(buf), 0));
}

TEST_F(seq, short_buffer_loses_the_rest_of_that_message_only)
{
	int fd = hft_seq_connect(self->vm, SEQ_PORT_ECHO);
	struct iovec iov = { buf, 100 };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };

	ASSERT_EQ(1000, send(fd, buf, 1000, 0));
	ASSERT_EQ(1000, send(fd, buf, 1000, 0));
	ASSERT_EQ(3, send(fd, "end", 3, 0));
	EXPECT_EQ(100, recvmsg(fd, &msg, 0));
	EXPECT_TRUE(msg.msg_flags & MSG_TRUNC);
	EXPECT_EQ(1000, recvmsg(fd, &msg, MSG_TRUNC));
	EXPECT_EQ(3, recvmsg(fd, &msg, 0));
	EXPECT_FALSE(msg.msg_flags & MSG_TRUNC);
	EXPECT_EQ(0, memcmp(buf, "end", 3));
}

TEST_F(seq, several_buffers_make_one_message)
{
	int fd = hft_seq_connect(self->vm, SEQ_PORT_ECHO);
	char a[3], b[10];
	struct iovec out[] = { { "one", 3 }, { NULL, 0 }, { "message", 7 } };
	struct iovec in[] = { { a, sizeof(a) }, { b, sizeof(b) } };

	ASSERT_EQ(10, writev(fd, out, ARRAY_SIZE(out)));
	ASSERT_EQ(10, readv(fd, in, ARRAY_SIZE(in)));
	EXPECT_EQ(0, memcmp(a, "one", 3));
	EXPECT_EQ(0, memcmp(b, "message", 7));
}

TEST_F(seq, many_messages_go_with_one_call)
{
	enum { N = 8 };
	int fd = hft_seq_connect(self->vm, SEQ_PORT_ECHO);
	struct mmsghdr out[N] = { 0 }, in[N] = { 0 };
	struct iovec oiov[N], iiov[N];
	static uint8_t data[N][64];
	int i, got = 0;

	for (i = 0; i < N; i++) {
		oiov[i] = (struct iovec){ data[i], i + 1 };
		iiov[i] = (struct iovec){ (uint8_t *)buf + i * 64, 64 };
		out[i].msg_hdr = (struct msghdr){ .msg_iov = &oiov[i], .msg_iovlen = 1 };
		in[i].msg_hdr = (struct msghdr){ .msg_iov = &iiov[i], .msg_iovlen = 1 };
	}
	ASSERT_EQ(N, sendmmsg(fd, out, N, 0));
	while (got < N) {
		int n = recvmmsg(fd, in + got, N - got, MSG_WAITFORONE, NULL);

		ASSERT_LT(0, n);
		got += n;
	}
	for (i = 0; i < N; i++) {
		EXPECT_EQ(i + 1, in[i].msg_len);
	}
}

TEST_F(seq, bad_buffer_does_not_eat_a_message)
{
	int fd = hft_seq_connect(self->vm, SEQ_PORT_ECHO);
	long page = sysconf(_SC_PAGESIZE);
	char *map = mmap(NULL, 2 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	ASSERT_NE(MAP_FAILED, map);
	ASSERT_EQ(0, mprotect(map + page, page, PROT_NONE));
	/* What cannot be read is not sent: no gap, no half of a message. */
	EXPECT_FAIL(EFAULT, send(fd, map + page, 100, 0));
	EXPECT_FAIL(EFAULT, send(fd, map + page - 50, 100, 0));
	ASSERT_EQ(0, hft_seq_echo(fd, 100, 1));

	ASSERT_EQ(100, send(fd, map, 100, 0));
	ASSERT_EQ(50, send(fd, map, 50, 0));
	ASSERT_TRUE(fills_up(fd, 150));
	EXPECT_FAIL(EFAULT, recv(fd, map + page, 100, 0));
	EXPECT_FAIL(EFAULT, recv(fd, map + page - 50, 100, 0));
	EXPECT_EQ(100, recv(fd, map, page, 0));
	EXPECT_EQ(50, recv(fd, map, page, 0));
}

TEST_F(seq, receive_waits_no_longer_than_told)
{
	int fd = hft_seq_connect(self->vm, SEQ_PORT_ECHO);
	int64_t start = hft_ticks_ns(), ms;

	ASSERT_EQ(0, hft_set_timeout(fd, SO_RCVTIMEO, 300));
	EXPECT_FAIL(EAGAIN, recv(fd, buf, sizeof(buf), 0));
	ms = hft_ticks_ms_since(start);
	EXPECT_LE(250, ms);
	EXPECT_GT(4000, ms);
	EXPECT_FAIL(EAGAIN, recv(fd, buf, sizeof(buf), MSG_DONTWAIT));
	ASSERT_EQ(0, hft_set_timeout(fd, SO_RCVTIMEO, 0));
	hft_alarm(200, 0);
	EXPECT_FAIL(EINTR, recv(fd, buf, sizeof(buf), 0));
}

TEST_F(seq, send_waits_no_longer_than_told)
{
	int fd = hft_seq_connect(self->vm, SEQ_PORT_DEAF);
	int64_t start, ms;

	ASSERT_EQ(SEQ_DEAF_WINDOW, hft_fill_queue(fd, 1000));
	ASSERT_EQ(0, hft_set_timeout(fd, SO_SNDTIMEO, 300));
	start = hft_ticks_ns();
	EXPECT_FAIL(EAGAIN, send(fd, buf, 1000, 0));
	ms = hft_ticks_ms_since(start);
	EXPECT_LE(250, ms);
	EXPECT_GT(4000, ms);
	ASSERT_EQ(0, hft_set_timeout(fd, SO_SNDTIMEO, 0));
	hft_alarm(200, 0);
	EXPECT_FAIL(EINTR, send(fd, buf, 1000, 0));
}

TEST_F(seq, what_is_not_connected_says_enotconn)
{
	int fd = hft_seq_socket(), n;

	EXPECT_FAIL(ENOTCONN, send(fd, "x", 1, 0));
	EXPECT_FAIL(ENOTCONN, recv(fd, buf, 1, 0));
	EXPECT_EQ(0, ioctl(fd, SIOCOUTQ, &n));
	EXPECT_EQ(0, n);
}

TEST_F(seq, address_on_a_connection_says_eisconn)
{
	struct hf_sockaddr addr = hft_address(self->vm, SEQ_PORT_ECHO);
	int fd = hft_seq_connect(self->vm, SEQ_PORT_ECHO);

	EXPECT_FAIL(EISCONN, sendto(fd, "x", 1, 0, (void *)&addr, sizeof(addr)));
	EXPECT_FAIL(EOPNOTSUPP, send(fd, "x", 1, MSG_OOB));
	EXPECT_FAIL(EOPNOTSUPP, recv(fd, buf, 1, MSG_OOB));
	EXPECT_EQ(0, hft_seq_echo(fd, 10, 1));
}

static int option(int fd, int name)
{
	socklen_t len = sizeof(int);
	int value = -1;

	return getsockopt(fd, SOL_SOCKET, name, &value, &len) ? -1 : value;
}

TEST_F(seq, options_tell_what_the_socket_is)
{
	uint64_t port = 0;
	int fd = hft_seq_socket(), listener = hft_seq_listen(&port, 1);

	EXPECT_EQ(SOCK_SEQPACKET, option(fd, SO_TYPE));
	EXPECT_EQ(AF_HF, option(fd, SO_DOMAIN));
	EXPECT_EQ(0, option(fd, SO_PROTOCOL));
	EXPECT_EQ(0, option(fd, SO_ERROR));
	EXPECT_EQ(0, option(fd, SO_ACCEPTCONN));
	EXPECT_EQ(1, option(listener, SO_ACCEPTCONN));
}

TEST_F(seq, inq_is_what_recv_will_give)
{
	int fd = hft_seq_connect(self->vm, SEQ_PORT_ECHO);

	EXPECT_EQ(0, inq(fd));
	ASSERT_EQ(100, send(fd, buf, 100, 0));
	ASSERT_EQ(0, send(fd, buf, 0, 0));
	ASSERT_EQ(30, send(fd, buf, 30, 0));
	EXPECT_TRUE(fills_up(fd, 130));
	EXPECT_EQ(130, inq(fd));
	EXPECT_EQ(100, recv(fd, buf, sizeof(buf), 0));
	EXPECT_EQ(30, inq(fd));
	EXPECT_EQ(0, recv(fd, buf, sizeof(buf), 0));
	EXPECT_EQ(30, recv(fd, buf, sizeof(buf), 0));
	EXPECT_EQ(0, inq(fd));
}

TEST_F(seq, outq_is_what_the_vm_has_not_got)
{
	int fd = hft_seq_connect(self->vm, SEQ_PORT_DEAF);
	int i;

	EXPECT_EQ(0, outq(fd));
	for (i = 0; i < SEQ_DEAF_WINDOW; i++) {
		ASSERT_EQ(1000, send(fd, buf, 1000, 0));
	}
	EXPECT_TRUE(drains(fd));
	close(fd);

	fd = hft_seq_connect(self->vm, SEQ_PORT_SINK);
	ASSERT_EQ(0, hft_seq_nap(self->vm, 500));
	for (i = 0; i < 5; i++) {
		ASSERT_EQ(1000, send(fd, buf, 1000, 0));
	}
	/* One may be in the mailbox. */
	EXPECT_LE(4000, outq(fd));
	EXPECT_TRUE(drains(fd));
}

/* Without credit a connection takes no more, and others go on. */
TEST_F(seq, deaf_reader_stops_nobody_else)
{
	int deaf = hft_seq_connect(self->vm, SEQ_PORT_DEAF);
	int fd = hft_seq_connect(self->vm, SEQ_PORT_ECHO), i;

	EXPECT_EQ(SEQ_DEAF_WINDOW, hft_fill_queue(deaf, 100));
	EXPECT_EQ(0, hft_poll(deaf, POLLOUT, 100));
	for (i = 0; i < 200; i++) {
		ASSERT_EQ(0, hft_seq_echo(fd, 500, i));
	}
}


static unsigned int rmem(int fd)
{
	unsigned int mem[SK_MEMINFO_VARS] = { 0 };
	socklen_t len = sizeof(mem);

	getsockopt(fd, SOL_SOCKET, SO_MEMINFO, mem, &len);
	return mem[SK_MEMINFO_RMEM_ALLOC];
}

/* Small messages cost more than their payload; who does not read gets no more. */
static void expect_bounded(struct __test_metadata *_metadata, int fd, uint64_t count, size_t size)
{
	unsigned int now, before = 0;
	uint64_t i;

	ASSERT_EQ(0, hft_seq_source(fd, count, size));
	for (i = 0; i < 40 && ((now = rmem(fd)) != before || !now); i++) {
		before = now;
		hft_sleep_ms(100);
	}
	EXPECT_LT(0, before);
	EXPECT_GE(2 * option(fd, SO_RCVBUF), before);
	for (i = 0; i < count; i++) {
		ASSERT_EQ(0, hft_seq_take(fd, i));
	}
	EXPECT_TRUE(hft_seq_at_end(fd));
}

TEST_F(seq, small_messages_press_back_and_none_is_lost)
{
	int fd = hft_seq_connect(self->vm, SEQ_PORT_SOURCE);

	expect_bounded(_metadata, fd, 4000, 16);
	EXPECT_EQ(0, hft_vm_count(self->vm, "dropped_full"));
}

TEST_F(seq, large_messages_press_back_and_none_is_lost)
{
	int fd = hft_seq_connect(self->vm, SEQ_PORT_SOURCE);

	expect_bounded(_metadata, fd, 1000, SEQ_PAYLOAD_MAX);
}

TEST_F(seq, smallest_receive_buffer_still_works)
{
	int fd = hft_seq_socket(), one = 1;

	ASSERT_EQ(0, setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &one, sizeof(one)));
	ASSERT_EQ(0, setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &one, sizeof(one)));
	ASSERT_EQ(0, hft_seq_connect_to(fd, self->vm, SEQ_PORT_SOURCE));
	ASSERT_EQ(0, hft_seq_source(fd, 200, 1000));
	for (one = 0; one < 200; one++) {
		ASSERT_EQ(0, hft_seq_take(fd, one));
	}
}

static int read_many(int fd, uint64_t count)
{
	uint64_t i;

	for (i = 0; i < count; i++)
		if (hft_seq_take(fd, i))
			return 1;
	return 0;
}

static int read_some(void *arg)
{
	return read_many(*(int *)arg, 100);
}

static int read_all(void *arg)
{
	return read_many(*(int *)arg, 1000);
}

TEST_F(seq, timestamps_tell_when_a_message_arrived)
{
	int fd = hft_seq_connect(self->vm, SEQ_PORT_ECHO), on = 1;
	int64_t before, after, stamp;

	ASSERT_LE(0, fd);
	ASSERT_EQ(0, setsockopt(fd, SOL_SOCKET, SO_TIMESTAMPNS, &on, sizeof(on)));
	before = hft_real_ns();
	ASSERT_EQ(1, send(fd, "x", 1, 0));
	EXPECT_TRUE(fills_up(fd, 1));
	after = hft_real_ns();
	hft_sleep_ms(2000);
	stamp = hft_recv_stamp(fd);
	EXPECT_LT(before, stamp);
	EXPECT_GE(after, stamp);
	close(fd);
}

TEST_F(seq, one_credit_at_a_time_is_enough)
{
	int fd = hft_seq_connect(self->vm, SEQ_PORT_SLOW);
	uint64_t i;
	pid_t pid;

	ASSERT_LE(0, fd);
	pid = hft_spawn(read_some, &fd);
	for (i = 0; i < 100; i++) {
		ASSERT_EQ(0, hft_seq_give(fd, i, 64, 0));
	}
	EXPECT_EQ(0, hft_join(pid, 30000));
}

TEST_F(seq, both_directions_run_at_full_speed)
{
	int fd = hft_seq_connect(self->vm, SEQ_PORT_ECHO);
	uint32_t random = 3;
	uint64_t i;
	pid_t pid;

	ASSERT_LE(0, fd);
	pid = hft_spawn(read_all, &fd);
	for (i = 0; i < 1000; i++) {
		ASSERT_EQ(0, hft_seq_give(fd, i, 16 + some(&random, i % 16 ? 100 : 4000), 0));
	}
	EXPECT_EQ(0, hft_join(pid, 30000));
}

TEST_HARNESS_MAIN
