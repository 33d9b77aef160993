// SPDX-License-Identifier: GPL-2.0
/*
 * A VM with several vCPUs that all wait for messages of its one mailbox.
 *
 * Needs an smp guest with at least two vCPUs.
 */
#include <poll.h>
#include <sys/socket.h>

#include "hft_harness.h"

enum { SOCKETS = 24, ROUNDS = 60 };

/*
 * 53 s for the first test on four CPUs that an emulator runs on two busy ones: there the
 * next in the queue of a spinlock is rarely running.
 */
#undef TEST_TIMEOUT_DEFAULT
#define TEST_TIMEOUT_DEFAULT 400

struct client {
	int fd;
	uint32_t sent;
	uint32_t received;
};

/* Takes one answer, asks the next question. 1 = this client is done. */
static int step(struct client *c)
{
	uint32_t in;

	if (recv(c->fd, &in, sizeof(in), 0) != sizeof(in) || in != c->received)
		return -1;
	c->received++;
	if (c->received == ROUNDS)
		return 1;
	c->sent++;
	return send(c->fd, &c->received, sizeof(in), 0) == sizeof(in) ? 0 : -1;
}

static int many_clients(unsigned int vm)
{
	struct client clients[SOCKETS] = { { 0 } };
	struct pollfd fds[SOCKETS];
	uint32_t zero = 0;
	int i, left = SOCKETS;

	for (i = 0; i < SOCKETS; i++) {
		clients[i].fd = fds[i].fd = hft_connect(vm, i);
		fds[i].events = POLLIN;
		if (send(fds[i].fd, &zero, sizeof(zero), 0) != sizeof(zero))
			return -1;
	}
	while (left) {
		if (poll(fds, SOCKETS, HFT_PATIENCE_MS) <= 0) {
			fprintf(stderr, "# stall with %d clients left\n", left);
			hft_dump_state();
			return -1;
		}
		for (i = 0; i < SOCKETS; i++) {
			int done = fds[i].revents ? step(&clients[i]) : 0;

			if (done < 0)
				return -1;
			if (done) {
				close(fds[i].fd);
				fds[i].fd = -1;
				left--;
			}
		}
	}
	return 0;
}

TEST(every_client_of_an_smp_guest_is_served)
{
	HFT_NEED_GUEST(guest, "smp", 0);
	ASSERT_LE(2, guest->vcpus);
	EXPECT_EQ(0, many_clients(guest->id));
}

TEST(every_vcpu_of_an_smp_guest_started)
{
	HFT_NEED_GUEST(guest, "smp", 0);
	unsigned int i;

	ASSERT_EQ(0, hft_echo_once(guest->id, 100));
	for (i = 0; i < guest->vcpus; i++)
		EXPECT_LT(0, hft_vcpu_count(guest->id, i, "msg_wait"));
}

TEST(smp_guest_returns_every_size)
{
	HFT_NEED_GUEST(guest, "smp", 0);
	static const size_t sizes[] = { 1, 5, 1000, HF_MSG_PAYLOAD_MAX };
	int fd = hft_connect(guest->id, 10);
	int i;

	ASSERT_LE(0, fd);
	for (i = 0; i < 200; i++)
		ASSERT_EQ(0, hft_echo(fd, sizes[i % ARRAY_SIZE(sizes)], i));
}

static int client_process(void *vm)
{
	return many_clients(*(const unsigned int *)vm) ? 1 : 0;
}

TEST(several_processes_share_an_smp_guest)
{
	HFT_NEED_GUEST(guest, "smp", 0);
	unsigned int vm = guest->id;
	pid_t child[3];
	int i;

	for (i = 0; i < 3; i++)
		child[i] = hft_spawn(client_process, &vm);
	for (i = 0; i < 3; i++)
		EXPECT_EQ(0, hft_join(child[i], 390000));
}

TEST_HARNESS_MAIN
