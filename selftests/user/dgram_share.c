// SPDX-License-Identifier: GPL-2.0
/*
 * A socket in several hands, many messages in one call, and signals that come
 * while a call waits.
 *
 * Needs an echo, a flood and a mute guest.
 */
#include <poll.h>
#include <signal.h>
#include <sys/uio.h>

#include "hft_harness.h"
#include "hft_dgram.h"

#define PORT	5400

FIXTURE(share) {
	unsigned int vm, flood, mute;
	int fd;			/* connected to the echo guest */
};

FIXTURE_SETUP(share)
{
	self->fd = -1;
	if (!hft_guest("echo", 0) || !hft_guest("flood", 0) || !hft_guest("mute", 0))
		HFT_SKIP("no echo, flood and mute guest in this boot");
	self->vm = hft_guest("echo", 0)->id;
	self->flood = hft_guest("flood", 0)->id;
	self->mute = hft_guest("mute", 0)->id;
	self->fd = hft_connect(self->vm, 10);
	ASSERT_LE(0, self->fd);
}

FIXTURE_TEARDOWN(share)
{
	close(self->fd);
}

static int echo_as_child(void *fd)
{
	int i;

	for (i = 0; i < 20; i++)
		if (hft_echo(*(int *)fd, 100 + i, i))
			return 1;
	return 0;
}

TEST_F(share, child_goes_on_with_the_socket)
{
	pid_t child = hft_spawn(echo_as_child, &self->fd);

	EXPECT_EQ(0, hft_join(child, 4 * HFT_PATIENCE_MS));
	/* The child's exit has closed its copy only. */
	EXPECT_EQ(0, hft_echo(self->fd, 100, 1));
}

TEST_F(share, child_keeps_the_socket_after_the_parent_closed_it)
{
	pid_t child = hft_spawn(echo_as_child, &self->fd);

	close(self->fd);
	self->fd = -1;
	EXPECT_EQ(0, hft_join(child, 4 * HFT_PATIENCE_MS));
}

static int serve_passed_socket(void *channel)
{
	struct hf_sockaddr from;
	int fd = hft_take_fd(*(int *)channel);
	uint64_t seq;

	if (fd < 0 || hft_port(fd) != PORT)
		return 1;
	return hft_recv_from(fd, &seq, sizeof(seq), &from) == 8 && seq == 0 ? 0 : 2;
}

TEST_F(share, bound_socket_keeps_its_port_when_it_is_passed)
{
	int fd = hft_bound(HF_VM_ID_ANY, PORT), channel[2], again;
	pid_t child;

	ASSERT_EQ(0, socketpair(AF_UNIX, SOCK_DGRAM, 0, channel));
	child = hft_spawn(serve_passed_socket, &channel[1]);
	ASSERT_EQ(0, hft_pass_fd(channel[0], fd));
	close(fd);
	again = hft_bound(HF_VM_ID_ANY, PORT);
	EXPECT_EQ(-1, again);
	EXPECT_EQ(0, hft_flood_start(self->flood, 1, PORT, 1, 8));
	EXPECT_EQ(0, hft_join(child, 2 * HFT_PATIENCE_MS));
}

TEST_F(share, socket_in_flight_keeps_its_messages)
{
	int fd = hft_bound(HF_VM_ID_ANY, PORT), channel[2];
	uint64_t seq;

	ASSERT_EQ(0, socketpair(AF_UNIX, SOCK_DGRAM, 0, channel));
	ASSERT_EQ(0, hft_pass_fd(channel[0], fd));
	close(fd);
	ASSERT_EQ(0, hft_flood(self->flood, 1, PORT, 1, 8));
	fd = hft_take_fd(channel[1]);
	ASSERT_LE(0, fd);
	EXPECT_EQ(8, recv(fd, &seq, sizeof(seq), MSG_DONTWAIT));
	close(fd);
}

enum { MANY = 20 };

static void prepare(struct mmsghdr *msgs, struct iovec *iov, uint32_t *data,
		    struct hf_sockaddr *addr)
{
	int i;

	memset(msgs, 0, MANY * sizeof(*msgs));
	for (i = 0; i < MANY; i++) {
		iov[i].iov_base = &data[i];
		iov[i].iov_len = sizeof(data[i]);
		msgs[i].msg_hdr.msg_iov = &iov[i];
		msgs[i].msg_hdr.msg_iovlen = 1;
		msgs[i].msg_hdr.msg_name = &addr[i];
		msgs[i].msg_hdr.msg_namelen = sizeof(addr[i]);
	}
}

TEST_F(share, sendmmsg_and_recvmmsg_carry_many)
{
	struct hf_sockaddr addr[MANY];
	struct mmsghdr msgs[MANY];
	struct iovec iov[MANY];
	uint32_t data[MANY];
	int fd = hft_socket(), i, got;

	prepare(msgs, iov, data, addr);
	for (i = 0; i < MANY; i++) {
		data[i] = 1000 + i;
		addr[i] = hft_address(self->vm, i);
	}
	ASSERT_EQ(MANY, sendmmsg(fd, msgs, MANY, 0));
	memset(data, 0, sizeof(data));
	memset(addr, 0, sizeof(addr));
	for (got = 0; got < MANY; got += i) {
		i = recvmmsg(fd, msgs + got, MANY - got, MSG_WAITFORONE, NULL);
		ASSERT_LT(0, i);
	}
	for (i = 0; i < MANY; i++) {
		EXPECT_EQ(sizeof(data[i]), msgs[i].msg_len);
		EXPECT_EQ(1000 + i, data[i]);
		EXPECT_EQ(self->vm, addr[i].vm_id);
		EXPECT_EQ(i, addr[i].port);
	}
	close(fd);
}

TEST_F(share, sendmmsg_stops_at_the_first_error)
{
	struct hf_sockaddr addr[MANY];
	struct mmsghdr msgs[MANY];
	struct iovec iov[MANY];
	uint32_t data[MANY] = { 0 };
	int fd = hft_socket(), i;

	prepare(msgs, iov, data, addr);
	for (i = 0; i < MANY; i++)
		addr[i] = hft_address(i == 3 ? HFT_NO_VM : self->vm, i);
	EXPECT_EQ(3, sendmmsg(fd, msgs, MANY, 0));
	for (i = 0; i < 3; i++)
		EXPECT_EQ(4, recv(fd, data, sizeof(data), 0));
	EXPECT_EQ(-1, recv(fd, data, sizeof(data), MSG_DONTWAIT));
	close(fd);
}

/* Sizes and contents, in their order. */
static uint32_t mix(uint32_t hash, const uint8_t *data, size_t len)
{
	hash = (hash ^ len) * 16777619;
	while (len--)
		hash = (hash ^ *data++) * 16777619;
	return hash;
}

TEST_F(share, bounds_of_messages_are_kept)
{
	static uint8_t data[HF_MSG_PAYLOAD_MAX];
	uint32_t out = 0, in = 0;
	int i, n;

	ASSERT_EQ(0, hft_set_option(self->fd, SO_RCVBUFFORCE, 4 << 20));
	for (i = 0; i < 60; i++) {
		size_t len = i * i * 37 % (HF_MSG_PAYLOAD_MAX + 1);

		hft_fill(data, len, i);
		out = mix(out, data, len);
		ASSERT_EQ(len, send(self->fd, data, len, 0));
	}
	for (i = 0; i < 60; i++) {
		n = recv(self->fd, data, sizeof(data), 0);
		ASSERT_LE(0, n);
		in = mix(in, data, n);
	}
	EXPECT_EQ(out, in);
}

static volatile int caught;

static void catch_signal(int sig)
{
	caught++;
}

static void handle_usr1(int flags)
{
	struct sigaction action = { .sa_handler = catch_signal, .sa_flags = flags };

	caught = 0;
	sigaction(SIGUSR1, &action, NULL);
}

/* 0 = interrupted, 1 = got the message, 2 = neither. */
static int receive_one(void *fd)
{
	char byte;
	ssize_t n = recv(*(int *)fd, &byte, 1, 0);

	if (n < 0)
		return errno == EINTR ? 0 : 2;
	return caught == 1 ? 1 : 2;
}

static int send_big(void *fd)
{
	static char buf[HF_MSG_PAYLOAD_MAX];
	ssize_t n = send(*(int *)fd, buf, sizeof(buf), 0);

	if (n < 0)
		return errno == EINTR ? 0 : 2;
	return caught == 1 ? 1 : 2;
}

static pid_t start_and_signal(int (*body)(void *), int *fd)
{
	pid_t child = hft_spawn(body, fd);

	hft_sleep_ms(300);
	kill(child, SIGUSR1);
	hft_sleep_ms(100);
	return child;
}

TEST_F(share, signal_interrupts_a_receive)
{
	handle_usr1(0);
	ASSERT_EQ(0, hft_set_timeout(self->fd, SO_RCVTIMEO, 0));
	EXPECT_EQ(0, hft_join(start_and_signal(receive_one, &self->fd), HFT_PATIENCE_MS));
	EXPECT_EQ(0, hft_echo(self->fd, 100, 1));
}

TEST_F(share, receive_goes_on_after_a_restarting_signal)
{
	pid_t child;

	handle_usr1(SA_RESTART);
	ASSERT_EQ(0, hft_set_timeout(self->fd, SO_RCVTIMEO, 0));
	child = start_and_signal(receive_one, &self->fd);
	EXPECT_EQ(0, waitpid(child, NULL, WNOHANG));
	ASSERT_EQ(1, send(self->fd, "x", 1, 0));
	EXPECT_EQ(1, hft_join(child, HFT_PATIENCE_MS));
}

/* As with every socket: a timeout that began anew at each signal would be none. */
TEST_F(share, receive_with_a_timeout_is_not_restarted)
{
	handle_usr1(SA_RESTART);
	EXPECT_EQ(0, hft_join(start_and_signal(receive_one, &self->fd), HFT_PATIENCE_MS));
}

TEST_F(share, signal_interrupts_a_send)
{
	int fd = hft_connect(self->mute, 10);

	handle_usr1(0);
	ASSERT_LT(1, hft_fill_queue(fd, 4000));
	ASSERT_EQ(0, hft_set_timeout(fd, SO_SNDTIMEO, 0));
	EXPECT_EQ(0, hft_join(start_and_signal(send_big, &fd), HFT_PATIENCE_MS));
	close(fd);
}

TEST_F(share, send_goes_on_after_a_restarting_signal)
{
	int fd = hft_connect(self->mute, 10);
	pid_t child;

	handle_usr1(SA_RESTART);
	ASSERT_LT(1, hft_fill_queue(fd, 4000));
	ASSERT_EQ(0, hft_set_timeout(fd, SO_SNDTIMEO, 0));
	child = start_and_signal(send_big, &fd);
	EXPECT_EQ(0, waitpid(child, NULL, WNOHANG));
	/* What has not ended can only end by force: the guest takes nothing. */
	kill(child, SIGKILL);
	waitpid(child, NULL, 0);
	close(fd);
}

TEST_F(share, interrupted_send_has_sent_nothing)
{
	struct hft_line before, after;
	int fd = hft_connect(self->mute, 10);

	handle_usr1(0);
	ASSERT_LT(1, hft_fill_queue(fd, 4000));
	ASSERT_EQ(0, hft_set_timeout(fd, SO_SNDTIMEO, 0));
	ASSERT_EQ(0, hft_proc_line(fd, &before));
	EXPECT_EQ(0, hft_join(start_and_signal(send_big, &fd), HFT_PATIENCE_MS));
	ASSERT_EQ(0, hft_proc_line(fd, &after));
	EXPECT_EQ(before.wmem, after.wmem);
	close(fd);
}

TEST_HARNESS_MAIN
