// SPDX-License-Identifier: GPL-2.0
/*
 * Options, flags, ioctls and shutdown() of datagram sockets.
 *
 * Needs an echo and a mute guest.
 */
#include <fcntl.h>
#include <linux/net_tstamp.h>
#include <linux/sockios.h>
#include <poll.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/uio.h>

#include "hft_harness.h"
#include "hft_dgram.h"

FIXTURE(options) {
	unsigned int vm;
	int fd;			/* connected to an echo guest */
};

FIXTURE_SETUP(options)
{
	const struct hft_guest *guest = hft_guest("echo", 0);

	self->fd = -1;
	if (!guest)
		HFT_SKIP("no echo guest in this boot");
	self->vm = guest->id;
	self->fd = hft_connect(guest->id, 10);
	ASSERT_LE(0, self->fd);
}

FIXTURE_TEARDOWN(options)
{
	close(self->fd);
}

static int queued_in(int fd)
{
	int value = -1;

	return ioctl(fd, SIOCINQ, &value) ? -1 : value;
}

static int queued_out(int fd)
{
	int value = -1;

	return ioctl(fd, SIOCOUTQ, &value) ? -1 : value;
}

/* Sends and waits until the echo is there, unread. */
static bool have_echo(int fd, const char *text)
{
	size_t len = strlen(text);

	return send(fd, text, len, 0) == (ssize_t)len &&
	       hft_poll(fd, POLLIN, HFT_PATIENCE_MS) == POLLIN;
}

TEST_F(options, say_what_kind_of_socket_it_is)
{
	EXPECT_EQ(AF_HF, hft_option(self->fd, SO_DOMAIN));
	EXPECT_EQ(SOCK_DGRAM, hft_option(self->fd, SO_TYPE));
	EXPECT_EQ(0, hft_option(self->fd, SO_PROTOCOL));
	EXPECT_EQ(0, hft_option(self->fd, SO_ERROR));
	EXPECT_EQ(0, hft_option(self->fd, SO_ACCEPTCONN));
}

TEST_F(options, buffer_sizes_can_be_set)
{
	EXPECT_EQ(0, hft_set_option(self->fd, SO_RCVBUF, 20000));
	EXPECT_EQ(40000, hft_option(self->fd, SO_RCVBUF));
	EXPECT_EQ(0, hft_set_option(self->fd, SO_SNDBUF, 30000));
	EXPECT_EQ(60000, hft_option(self->fd, SO_SNDBUF));
	EXPECT_EQ(0, hft_echo(self->fd, HF_MSG_PAYLOAD_MAX, 1));
}

TEST_F(options, without_effect_are_accepted)
{
	char byte;

	EXPECT_EQ(0, hft_set_option(self->fd, SO_PRIORITY, 3));
	EXPECT_EQ(0, hft_set_option(self->fd, SO_RCVLOWAT, 3000));
	ASSERT_TRUE(have_echo(self->fd, "a"));
	EXPECT_EQ(1, recv(self->fd, &byte, 1, 0));
}

TEST_F(options, of_other_levels_are_not_supported)
{
	socklen_t len = sizeof(int);
	int value = 1;

	EXPECT_FAIL(EOPNOTSUPP, setsockopt(self->fd, 4242, 1, &value, sizeof(value)));
	EXPECT_FAIL(EOPNOTSUPP, getsockopt(self->fd, 4242, 1, &value, &len));
	EXPECT_FAIL(EOPNOTSUPP, setsockopt(self->fd, AF_HF, 1, &value, sizeof(value)));
}

TEST_F(options, siocinq_is_the_size_of_the_next_message)
{
	char buf[100];
	int value;

	EXPECT_EQ(0, queued_in(self->fd));
	ASSERT_EQ(5, send(self->fd, "12345", 5, 0));
	ASSERT_TRUE(have_echo(self->fd, "123"));
	/* The second may still be on its way, and does not matter. */
	EXPECT_EQ(5, queued_in(self->fd));
	ASSERT_EQ(0, ioctl(self->fd, FIONREAD, &value));
	EXPECT_EQ(5, value);
	EXPECT_EQ(5, recv(self->fd, buf, sizeof(buf), 0));
	EXPECT_EQ(POLLIN, hft_poll(self->fd, POLLIN, HFT_PATIENCE_MS));
	EXPECT_EQ(3, queued_in(self->fd));
	EXPECT_EQ(3, recv(self->fd, buf, sizeof(buf), 0));
	EXPECT_EQ(0, queued_in(self->fd));
	ASSERT_TRUE(have_echo(self->fd, ""));
	EXPECT_EQ(0, queued_in(self->fd));
}

TEST_F(options, siocoutq_falls_to_0_when_all_is_sent)
{
	static char buf[HF_MSG_PAYLOAD_MAX];
	int i;

	EXPECT_EQ(0, queued_out(self->fd));
	for (i = 0; i < 10; i++)
		ASSERT_EQ(sizeof(buf), send(self->fd, buf, sizeof(buf), 0));
	for (i = 0; i < 10; i++)
		ASSERT_EQ(sizeof(buf), recv(self->fd, buf, sizeof(buf), 0));
	EXPECT_EQ(0, queued_out(self->fd));
}

TEST_F(options, siocoutq_counts_what_the_vm_does_not_take)
{
	HFT_NEED_GUEST(mute, "mute", 0);
	int fd = hft_connect(mute->id, 10), before = 0, i;
	char buf[1000] = "";

	for (i = 0; i < 20; i++) {
		ASSERT_EQ(sizeof(buf), send(fd, buf, sizeof(buf), MSG_DONTWAIT));
		if (i > 1)	/* the first may have gone into the mailbox */
			EXPECT_LE(before + (int)sizeof(buf), queued_out(fd));
		before = queued_out(fd);
	}
	EXPECT_EQ(0, queued_in(fd));
	close(fd);
}

/* Else a queue of them would take many times the memory that the limit says. */
TEST_F(options, small_messages_fill_the_send_buffer_as_well)
{
	HFT_NEED_GUEST(mute, "mute", 0);
	int fd = hft_connect(mute->id, 10), room, sent;

	ASSERT_EQ(0, hft_set_option(fd, SO_SNDBUF, 50000));
	room = hft_option(fd, SO_SNDBUF);
	sent = hft_fill_queue(fd, 1);
	EXPECT_LT(10, sent);
	EXPECT_GE(room / 256, sent);
	close(fd);
}

TEST_F(options, unknown_ioctl_says_enotty)
{
	int value;

	EXPECT_FAIL(ENOTTY, ioctl(self->fd, 0xdead, &value));
	EXPECT_FAIL(EFAULT, ioctl(self->fd, SIOCINQ, NULL));
}

TEST_F(options, peek_and_trunc_together_tell_the_length)
{
	char buf[8];

	ASSERT_TRUE(have_echo(self->fd, "longer than the buffer"));
	EXPECT_EQ(22, recv(self->fd, NULL, 0, MSG_PEEK | MSG_TRUNC));
	EXPECT_EQ(22, recv(self->fd, buf, sizeof(buf), MSG_PEEK | MSG_TRUNC));
	EXPECT_EQ(8, recv(self->fd, buf, sizeof(buf), MSG_PEEK));
	EXPECT_EQ(0, memcmp(buf, "longer t", 8));
	EXPECT_EQ(8, recv(self->fd, buf, sizeof(buf), 0));
	EXPECT_FAIL(EAGAIN, recv(self->fd, buf, sizeof(buf), MSG_DONTWAIT));
}

TEST_F(options, peek_waits_as_well)
{
	char buf[8];

	ASSERT_EQ(3, send(self->fd, "abc", 3, 0));
	EXPECT_EQ(3, recv(self->fd, buf, sizeof(buf), MSG_PEEK));
	EXPECT_EQ(3, recv(self->fd, buf, sizeof(buf), MSG_PEEK));
	EXPECT_EQ(3, recv(self->fd, buf, sizeof(buf), 0));
}

TEST_F(options, waitall_ends_with_the_message)
{
	char buf[100];

	ASSERT_EQ(3, send(self->fd, "abc", 3, MSG_EOR));
	EXPECT_EQ(3, recv(self->fd, buf, sizeof(buf), MSG_WAITALL));
}

TEST_F(options, nonblocking_descriptor_never_waits)
{
	char byte;

	ASSERT_EQ(0, fcntl(self->fd, F_SETFL, O_NONBLOCK));
	EXPECT_FAIL(EAGAIN, recv(self->fd, &byte, 1, 0));
	ASSERT_TRUE(have_echo(self->fd, "x"));
	EXPECT_EQ(1, recv(self->fd, &byte, 1, 0));
}

TEST_F(options, error_queue_is_empty)
{
	union {
		struct cmsghdr align;
		char space[256];
	} control;
	char buf[8];
	struct iovec iov = { buf, sizeof(buf) };
	struct msghdr msg = {
		.msg_iov = &iov, .msg_iovlen = 1,
		.msg_control = &control, .msg_controllen = sizeof(control),
	};

	EXPECT_FAIL(EAGAIN, recvmsg(self->fd, &msg, MSG_ERRQUEUE));
	ASSERT_TRUE(have_echo(self->fd, "abc"));
	EXPECT_FAIL(EAGAIN, recv(self->fd, buf, sizeof(buf), MSG_ERRQUEUE));
	EXPECT_EQ(3, recv(self->fd, buf, sizeof(buf), 0));
}

TEST_F(options, timeouts_are_kept)
{
	int64_t start = hft_ticks_ns();
	struct timeval tv;
	socklen_t len = sizeof(tv);
	char byte;

	ASSERT_EQ(0, hft_set_timeout(self->fd, SO_RCVTIMEO, 250));
	ASSERT_EQ(0, getsockopt(self->fd, SOL_SOCKET, SO_RCVTIMEO, &tv, &len));
	EXPECT_EQ(0, tv.tv_sec);
	EXPECT_LE(240000, tv.tv_usec);
	EXPECT_GE(260000, tv.tv_usec);
	EXPECT_FAIL(EAGAIN, recv(self->fd, &byte, 1, 0));
	EXPECT_LE(240000000, hft_ticks_ns() - start);
	/* A wait that was ended does no harm to the next one. */
	EXPECT_EQ(0, hft_echo(self->fd, 100, 1));
}

TEST_F(options, longest_message_is_4080_bytes)
{
	static char big[HF_MSG_PAYLOAD_MAX + 1];
	int fd = hft_socket();
	struct iovec iov[2] = { { big, HF_MSG_PAYLOAD_MAX }, { big, 1 } };

	EXPECT_FAIL(EMSGSIZE, send(self->fd, big, sizeof(big), 0));
	EXPECT_FAIL(EMSGSIZE, send(self->fd, big, sizeof(big), MSG_DONTWAIT));
	EXPECT_FAIL(EMSGSIZE, writev(self->fd, iov, 2));
	EXPECT_FAIL(EMSGSIZE, hft_send_to(fd, big, sizeof(big), self->vm, 10));
	EXPECT_EQ(sizeof(big) - 1, send(self->fd, big, sizeof(big) - 1, 0));
	EXPECT_EQ(sizeof(big) - 1, recv(self->fd, big, sizeof(big), 0));
	close(fd);
}

TEST_F(options, bad_receive_buffer_does_not_eat_the_message)
{
	char buf[8] = "";
	struct iovec iov[2] = { { buf, 3 }, { (void *)16, 5 } };

	ASSERT_TRUE(have_echo(self->fd, "12345678"));
	EXPECT_FAIL(EFAULT, recv(self->fd, NULL, 8, 0));
	EXPECT_FAIL(EFAULT, recv(self->fd, (void *)16, 8, 0));
	EXPECT_FAIL(EFAULT, recv(self->fd, (void *)16, 8, MSG_PEEK));
	EXPECT_FAIL(EFAULT, readv(self->fd, iov, 2));
	EXPECT_EQ(8, queued_in(self->fd));
	EXPECT_EQ(8, recv(self->fd, buf, sizeof(buf), MSG_DONTWAIT));
	EXPECT_EQ(0, memcmp(buf, "12345678", 8));
}

TEST_F(options, message_from_a_bad_buffer_is_not_sent)
{
	char buf[16];
	struct iovec iov[2] = { { buf, 3 }, { (void *)16, 5 } };

	EXPECT_FAIL(EFAULT, send(self->fd, (void *)16, 8, 0));
	EXPECT_FAIL(EFAULT, writev(self->fd, iov, 2));
	EXPECT_EQ(0, queued_out(self->fd));
	ASSERT_EQ(4, send(self->fd, "good", 4, 0));
	EXPECT_EQ(4, recv(self->fd, buf, sizeof(buf), 0));
	EXPECT_EQ(0, memcmp(buf, "good", 4));
}

/* Such a message cannot be copied while a lock is held: it goes another way. */
TEST_F(options, message_that_is_not_all_in_memory_arrives_whole)
{
	static char buf[1000];
	long page = sysconf(_SC_PAGESIZE);
	char *map = mmap(NULL, 2 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
			 -1, 0);

	ASSERT_NE(MAP_FAILED, map);
	memset(buf, 'x', sizeof(buf));
	ASSERT_EQ(sizeof(buf), send(self->fd, buf, sizeof(buf), 0));
	ASSERT_EQ(sizeof(buf), recv(self->fd, buf, sizeof(buf), 0));
	memset(map + page - 500, 'y', 500);
	ASSERT_EQ(1000, send(self->fd, map + page - 500, 1000, 0));
	ASSERT_EQ(1000, recv(self->fd, buf, sizeof(buf), 0));
	EXPECT_EQ(0, memcmp(buf, map + page - 500, 1000));
	munmap(map, 2 * page);
}

/* Reads late what was there early; the stamp has to be between two times. */
static bool is_early(int fd, const char *text)
{
	int64_t before = hft_real_ns(), after, stamp;
	bool have = have_echo(fd, text);

	after = hft_real_ns();
	hft_sleep_ms(2000);
	stamp = hft_recv_stamp(fd);
	fprintf(stderr, "# stamp %lld us after send(), message there after %lld us\n",
		(long long)(stamp - before) / 1000, (long long)(after - before) / 1000);
	/* Microseconds may be all it has. */
	return have && stamp > before - 1000 && stamp <= after;
}

TEST_F(options, timestamps_tell_when_a_message_arrived)
{
	ASSERT_EQ(0, hft_set_option(self->fd, SO_TIMESTAMP, 1));
	EXPECT_TRUE(is_early(self->fd, "us"));
	ASSERT_EQ(0, hft_set_option(self->fd, SO_TIMESTAMPNS, 1));
	EXPECT_TRUE(is_early(self->fd, "ns"));
	ASSERT_EQ(0, hft_set_option(self->fd, SO_TIMESTAMPNS, 0));
	ASSERT_EQ(0, hft_set_option(self->fd, SO_TIMESTAMPING,
				    SOF_TIMESTAMPING_RX_SOFTWARE | SOF_TIMESTAMPING_SOFTWARE));
	EXPECT_TRUE(is_early(self->fd, "timestamping"));
}

TEST_F(options, siocgstamp_tells_when_a_message_arrived)
{
	int64_t time[2], before = hft_real_ns(), after;
	char byte;

	/* The first call is what asks for stamps. */
	EXPECT_FAIL(ENOENT, ioctl(self->fd, SIOCGSTAMPNS_OLD, time));
	ASSERT_TRUE(have_echo(self->fd, "x"));
	after = hft_real_ns();
	hft_sleep_ms(1000);
	ASSERT_EQ(1, recv(self->fd, &byte, 1, 0));
	ASSERT_EQ(0, ioctl(self->fd, SIOCGSTAMPNS_OLD, time));
	EXPECT_LE(before, time[0] * 1000000000 + time[1]);
	EXPECT_GE(after, time[0] * 1000000000 + time[1]);
}

TEST_F(options, shutdown_needs_a_peer)
{
	int fd = hft_bound(HF_VM_ID_ANY, HF_PORT_ANY);

	EXPECT_FAIL(ENOTCONN, shutdown(fd, SHUT_RD));
	EXPECT_FAIL(ENOTCONN, shutdown(fd, SHUT_WR));
	EXPECT_FAIL(ENOTCONN, shutdown(fd, SHUT_RDWR));
	EXPECT_FAIL(EINVAL, shutdown(self->fd, 3));
	EXPECT_EQ(0, hft_echo(self->fd, 100, 1));
	close(fd);
}

static volatile int sigpipes;

static void count_sigpipe(int sig)
{
	sigpipes++;
}

TEST_F(options, shut_wr_ends_sending_and_no_more)
{
	char buf[8];

	signal(SIGPIPE, count_sigpipe);
	ASSERT_TRUE(have_echo(self->fd, "abc"));
	ASSERT_EQ(3, send(self->fd, "def", 3, 0));
	ASSERT_EQ(0, shutdown(self->fd, SHUT_WR));
	EXPECT_FAIL(EPIPE, send(self->fd, "x", 1, 0));
	EXPECT_FAIL(EPIPE, send(self->fd, "x", 1, MSG_DONTWAIT | MSG_NOSIGNAL));
	EXPECT_EQ(0, sigpipes);
	EXPECT_EQ(3, recv(self->fd, buf, sizeof(buf), 0));
	EXPECT_EQ(3, recv(self->fd, buf, sizeof(buf), 0));
	EXPECT_EQ(0, memcmp(buf, "def", 3));
	EXPECT_FAIL(EAGAIN, recv(self->fd, buf, sizeof(buf), MSG_DONTWAIT));
}

TEST_F(options, shut_rd_lets_what_is_queued_be_read)
{
	char buf[8];

	ASSERT_TRUE(have_echo(self->fd, "abc"));
	ASSERT_EQ(0, shutdown(self->fd, SHUT_RD));
	EXPECT_EQ(3, recv(self->fd, buf, sizeof(buf), 0));
	EXPECT_EQ(0, recv(self->fd, buf, sizeof(buf), 0));
	EXPECT_EQ(0, recv(self->fd, buf, sizeof(buf), MSG_DONTWAIT));
	EXPECT_EQ(POLLIN | POLLRDHUP, hft_poll(self->fd, POLLIN | POLLRDHUP, 0));
	/* Sending is the other half. */
	EXPECT_EQ(3, send(self->fd, "abc", 3, 0));
}

static int wait_for_the_end(void *fd)
{
	char byte;

	hft_set_timeout(*(int *)fd, SO_RCVTIMEO, 0);
	return recv(*(int *)fd, &byte, 1, 0);
}

TEST_F(options, shut_rd_ends_a_blocked_receive)
{
	pid_t child = hft_spawn(wait_for_the_end, &self->fd);

	hft_sleep_ms(200);
	ASSERT_EQ(0, shutdown(self->fd, SHUT_RD));
	EXPECT_EQ(0, hft_join(child, HFT_PATIENCE_MS));
}

/* As programs stop a thread of theirs that reads: as UDP, it says ENOTCONN and does it. */
TEST_F(options, shutdown_of_a_bound_socket_ends_a_blocked_receive)
{
	static const int how[] = { SHUT_RD, SHUT_RDWR };
	size_t i;

	for (i = 0; i < ARRAY_SIZE(how); i++) {
		int fd = hft_bound(HF_VM_ID_ANY, HF_PORT_ANY);
		pid_t child = hft_spawn(wait_for_the_end, &fd);
		char byte;

		hft_sleep_ms(200);
		EXPECT_FAIL(ENOTCONN, shutdown(fd, how[i]));
		EXPECT_EQ(0, hft_join(child, HFT_PATIENCE_MS));
		EXPECT_EQ(0, recv(fd, &byte, 1, 0));
		EXPECT_EQ(POLLIN | POLLRDHUP, hft_poll(fd, POLLIN | POLLRDHUP, 0) & ~POLLHUP);
		EXPECT_EQ(how[i] == SHUT_RD ? 1 : -1, hft_send_to(fd, "x", 1, self->vm, 10));
		/* The answer has been dropped when another one has come; then what undoes it. */
		EXPECT_EQ(0, hft_echo_once(self->vm, 8));
		EXPECT_EQ(0, hft_disconnect(fd));
		EXPECT_FAIL(EAGAIN, recv(fd, &byte, 1, MSG_DONTWAIT));
		EXPECT_EQ(1, hft_send_to(fd, "x", 1, self->vm, 10));
		close(fd);
	}
}

TEST_F(options, linger_does_not_delay_close)
{
	HFT_NEED_GUEST(mute, "mute", 0);
	struct linger linger = { 1, 10 };
	int fd = hft_connect(mute->id, 10);
	int64_t start;

	ASSERT_EQ(0, setsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, sizeof(linger)));
	ASSERT_EQ(3, send(fd, "abc", 3, 0));
	ASSERT_EQ(3, send(fd, "abc", 3, 0));
	start = hft_now_ns();
	close(fd);
	EXPECT_GT(5000000000, hft_now_ns() - start);
}

TEST_HARNESS_MAIN
