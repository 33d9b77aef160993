// SPDX-License-Identifier: GPL-2.0
/*
 * A port is seen when it is had, not before: while one thread binds a socket to
 * a port that another socket has, over and over, a second one sends from it.
 * The answer has to come back to the socket that asked, not to who has the port.
 *
 * HF_ROUNDS (100,000) sockets. Needs an echo guest.
 */
#include <pthread.h>

#include "hft_load.h"
#include "hft_harness.h"
#include "hft_dgram.h"

#define PORT	6200

/* An hour: a kernel with detectors takes its time. */
#undef TEST_TIMEOUT_DEFAULT
#define TEST_TIMEOUT_DEFAULT 3600

struct race {
	int fd;		/* what is to be bound, -1 = nothing now, -2 = the end */
	unsigned long refused, had_one, other;
};

static void *bind_always(void *arg)
{
	struct race *race = arg;
	int fd;

	while ((fd = __atomic_load_n(&race->fd, __ATOMIC_ACQUIRE)) != -2) {
		if (fd < 0)
			continue;
		if (hft_bind_to(fd, HF_VM_ID_ANY, PORT) && errno == EADDRINUSE)
			__atomic_fetch_add(&race->refused, 1, __ATOMIC_RELEASE);
		else if (errno == EINVAL)
			race->had_one++;
		else if (errno != EBADF)
			race->other++;
	}
	return NULL;
}

/* Sends a number from a new socket, and returns whether it comes back there. */
static bool is_answered(struct race *race, unsigned int vm, uint64_t number)
{
	int fd = hft_socket();
	uint64_t answer = ~number;
	unsigned long before = race->refused;
	bool answered;

	__atomic_store_n(&race->fd, fd, __ATOMIC_RELEASE);
	while (__atomic_load_n(&race->refused, __ATOMIC_ACQUIRE) == before)
		;
	answered = hft_send_to(fd, &number, sizeof(number), vm, 10) == sizeof(number) &&
		   !hft_set_timeout(fd, SO_RCVTIMEO, 2000) &&
		   recv(fd, &answer, sizeof(answer), 0) == sizeof(answer) && answer == number;
	__atomic_store_n(&race->fd, -1, __ATOMIC_RELEASE);
	close(fd);
	return answered;
}

TEST(answers_come_back_to_who_asked)
{
	HFT_NEED_GUEST(echo, "echo", 0);
	unsigned long sockets = hft_number("HF_ROUNDS", 100000), i, lost = 0, strangers = 0;
	struct race race = { .fd = -1 };
	pthread_t thread;
	uint64_t number;
	int taken;

	HFT_NEED_CPUS(2);
	taken = hft_bound(HF_VM_ID_ANY, PORT);
	ASSERT_LE(0, taken);
	ASSERT_EQ(0, pthread_create(&thread, NULL, bind_always, &race));
	for (i = 0; i < sockets; i++) {
		lost += !is_answered(&race, echo->id, i);
		while (recv(taken, &number, sizeof(number), MSG_DONTWAIT) > 0)
			strangers++;
	}
	__atomic_store_n(&race.fd, -2, __ATOMIC_RELEASE);
	pthread_join(thread, NULL);
	fprintf(stderr, "# %lu sockets: %lu answers missing, %lu at a stranger's; bind(): %lu times taken, %lu times too late\n",
		sockets, lost, strangers, race.refused, race.had_one);
	EXPECT_EQ(0, strangers);
	EXPECT_EQ(0, lost);
	EXPECT_EQ(0, race.other);
	close(taken);
}

TEST_HARNESS_MAIN
