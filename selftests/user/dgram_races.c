// SPDX-License-Identifier: GPL-2.0
/*
 * All calls at the same time on the same sockets, under a flood: nothing breaks,
 * and afterwards everything is as before. What goes wrong here is seen by the
 * kernel's own checks, or as a socket that stays.
 *
 * Needs an echo, a flood and a mute guest.
 */
#include <fcntl.h>
#include <linux/sock_diag.h>
#include <linux/sockios.h>
#include <poll.h>
#include <sys/ioctl.h>

#include "hft_harness.h"
#include "hft_dgram.h"

#define PORT		6000
#define SOCKETS		6
#define CHILDREN	4
#define SECONDS		5

FIXTURE(races) {
	unsigned int vm, flood, mute;
	int sockets, refs;
};

FIXTURE_SETUP(races)
{
	if (!hft_guest("echo", 0) || !hft_guest("flood", 0) || !hft_guest("mute", 0))
		HFT_SKIP("no echo, flood and mute guest in this boot");
	self->vm = hft_guest("echo", 0)->id;
	self->flood = hft_guest("flood", 0)->id;
	self->mute = hft_guest("mute", 0)->id;
	self->refs = hft_module_refs_settled();
	self->sockets = hft_proc_count();
}

/* Everybody still answers, and nothing has stayed. */
FIXTURE_TEARDOWN(races)
{
	EXPECT_EQ(0, hft_flood(self->flood, 1, PORT - 1, 1, 8));
	EXPECT_EQ(0, hft_echo_once(self->vm, 1000));
	EXPECT_GE(self->refs, hft_module_refs_wait(self->refs));
	EXPECT_EQ(self->sockets, hft_proc_count());
}

static uint32_t next_random(uint32_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 17;
	*state ^= *state << 5;
	return *state;
}

struct player {
	int fd[SOCKETS];
	unsigned int vm[3];
	uint32_t seed;
};

/* Results do not matter; most calls fail most of the time. */
static void use_names(int fd, unsigned int vm, uint32_t dice)
{
	switch (dice % 4) {
	case 0:
		hft_bind_to(fd, dice & 64 ? vm : HF_VM_ID_ANY, PORT + dice % SOCKETS);
		break;
	case 1:
		hft_connect_to(fd, vm, dice % 3);
		break;
	case 2:
		hft_disconnect(fd);
		break;
	default:
		hft_port(fd);
		hft_peer_is(fd, vm, 1);
	}
}

static void use_data(int fd, unsigned int vm, uint32_t dice)
{
	static char buf[HF_MSG_PAYLOAD_MAX];
	struct hf_sockaddr addr = hft_address(vm, 1);

	switch (dice % 5) {
	case 0:
		sendto(fd, buf, 8, MSG_DONTWAIT, (void *)&addr, sizeof(addr));
		break;
	case 1:
		send(fd, buf, dice % sizeof(buf), MSG_DONTWAIT | MSG_NOSIGNAL);
		break;
	case 2:
		recv(fd, buf, sizeof(buf), MSG_DONTWAIT | (dice & 256 ? MSG_PEEK : 0));
		break;
	case 3:
		recv(fd, (void *)16, 8, MSG_DONTWAIT);
		break;
	default:
		hft_poll(fd, POLLIN | POLLOUT, dice & 7);
	}
}

static void use_rest(int fd, uint32_t dice)
{
	struct hft_line line;
	int value;

	switch (dice % 6) {
	case 0:
		shutdown(fd, dice & 64 ? SHUT_RD : SHUT_WR);
		break;
	case 1:
		ioctl(fd, dice & 64 ? SIOCINQ : SIOCOUTQ, &value);
		break;
	case 2:
		hft_sock_mem(fd, SK_MEMINFO_DROPS);
		break;
	case 3:
		hft_set_option(fd, dice & 64 ? SO_SNDBUF : SO_RCVBUF, dice % 100000);
		break;
	case 4:
		hft_set_option(fd, SO_RXQ_OVFL, dice & 64);
		break;
	default:
		hft_proc_line(fd, &line);
	}
}

static int play(void *arg)
{
	struct player *player = arg;
	uint32_t seed = player->seed * 2654435761u | 1;
	int64_t end = hft_now_ns() + SECONDS * 1000000000LL;

	while (hft_now_ns() < end) {
		uint32_t dice = next_random(&seed);
		int fd = player->fd[(dice >> 8) % SOCKETS];
		unsigned int vm = player->vm[dice % 3];

		if (dice >> 30 == 0)
			use_names(fd, vm, next_random(&seed));
		else if (dice >> 30 == 3)
			use_rest(fd, next_random(&seed));
		else
			use_data(fd, vm, next_random(&seed));
	}
	return 0;
}

TEST_F(races, every_call_at_once_does_no_harm)
{
	struct player player = { .vm = { self->vm, self->flood, self->mute } };
	pid_t child[CHILDREN];
	int i;

	for (i = 0; i < SOCKETS; i++)
		player.fd[i] = hft_socket();
	for (i = 0; i < CHILDREN; i++) {
		player.seed = i + 1;
		child[i] = hft_spawn(play, &player);
	}
	for (i = 0; i < SOCKETS; i++)
		EXPECT_EQ(0, hft_flood_start(self->flood, 1, PORT + i, 500, 100));
	for (i = 0; i < CHILDREN; i++)
		EXPECT_EQ(0, hft_join(child[i], SECONDS * 1000 + 4 * HFT_PATIENCE_MS));
	for (i = 0; i < SOCKETS; i++)
		close(player.fd[i]);
}

TEST_F(races, sockets_that_are_closed_under_a_flood_leave_nothing)
{
	int64_t end = hft_now_ns() + SECONDS * 1000000000LL;
	int rounds = 0;
	char buf[100];

	while (hft_now_ns() < end) {
		int fd = hft_bound(HF_VM_ID_ANY, PORT);

		ASSERT_LE(0, fd);
		if (rounds++ % 50 == 0)
			ASSERT_EQ(0, hft_flood_start(self->flood, 1, PORT, 300, 100));
		hft_poll(fd, POLLIN, 3);
		recv(fd, buf, sizeof(buf), MSG_DONTWAIT);
		close(fd);
	}
}

static int send_until_closed(void *arg)
{
	char byte = 0;
	int *fd = arg, i;

	for (i = 0; i < 200; i++)
		send(*fd, &byte, 1, MSG_DONTWAIT);
	return 0;
}

TEST_F(races, senders_that_die_leave_nothing)
{
	int i, fd;

	for (i = 0; i < 30; i++) {
		pid_t child;

		fd = hft_connect(i % 2 ? self->vm : self->mute, 10);
		child = hft_spawn(send_until_closed, &fd);
		close(fd);
		if (i % 3 == 0)
			kill(child, SIGKILL);
		waitpid(child, NULL, 0);
	}
}

TEST_HARNESS_MAIN
