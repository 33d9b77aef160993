// SPDX-License-Identifier: GPL-2.0
/*
 * Loading and unloading, any number of times, while messages flow.
 *
 * Needs an echo guest. Unloading under guests that do not cooperate is tested
 * in noload_unload.c.
 */
#include <sys/socket.h>

#include "hft_dgram.h"
#include "hft_load.h"
#include "hft_harness.h"

#define CYCLES		100	/* unless HF_ROUNDS says otherwise */
#define CLIENTS		3

#undef TEST_TIMEOUT_DEFAULT
#define TEST_TIMEOUT_DEFAULT 600

TEST(unload_while_a_socket_is_open_says_busy)
{
	HFT_NEED_GUEST(guest, "echo", 0);
	int fd;

	ASSERT_EQ(0, hft_module_load(""));
	fd = hft_connect(guest->id, 10);
	ASSERT_LE(0, fd);
	EXPECT_EQ(-EWOULDBLOCK, hft_module_unload());
	EXPECT_EQ(0, hft_echo(fd, 100, 1));
	EXPECT_EQ(-EWOULDBLOCK, hft_module_unload());
	close(fd);
	EXPECT_EQ(0, hft_module_unload_wait(HFT_PATIENCE_MS));
	EXPECT_FALSE(hft_module_loaded());
}

TEST(unconnected_socket_holds_the_module_too)
{
	HFT_NEED_GUEST(guest, "echo", 0);
	int fd;

	ASSERT_EQ(0, hft_module_load(""));
	fd = hft_socket();
	EXPECT_EQ(-EWOULDBLOCK, hft_module_unload());
	close(fd);
	EXPECT_EQ(0, hft_module_unload_wait(HFT_PATIENCE_MS));
}

TEST(family_is_gone_after_unload)
{
	HFT_NEED_GUEST(guest, "echo", 0);

	ASSERT_EQ(0, hft_module_load(""));
	ASSERT_EQ(0, hft_module_unload_wait(HFT_PATIENCE_MS));
	EXPECT_EQ(-1, hft_socket());
	EXPECT_EQ(EAFNOSUPPORT, errno);
	EXPECT_NE(0, access("/sys/kernel/debug/hafnium", F_OK));
}

/* A thread for each vCPU while loaded, none afterwards. */
TEST(threads_are_gone_after_unload)
{
	HFT_NEED_GUEST(guest, "echo", 0);
	char name[32];

	snprintf(name, sizeof(name), "hf/%u.0", guest->id);
	ASSERT_EQ(0, hft_module_load(""));
	EXPECT_LT(0, hft_find_thread(name));
	ASSERT_EQ(0, hft_module_unload_wait(HFT_PATIENCE_MS));
	EXPECT_EQ(-1, hft_find_thread(name));
}

TEST(loading_twice_is_refused)
{
	HFT_NEED_GUEST(guest, "echo", 0);

	ASSERT_EQ(0, hft_module_load(""));
	EXPECT_EQ(-EEXIST, hft_module_load(""));
	EXPECT_EQ(0, hft_echo_once(guest->id, 100));
	EXPECT_EQ(0, hft_module_unload_wait(HFT_PATIENCE_MS));
}

struct traffic {
	unsigned int vm;
	uint32_t random;
	bool polite;		/* opens no new socket while asked to pause */
	volatile bool pause;
	volatile bool stop;
	volatile unsigned long echoed;
	volatile unsigned long abandoned;
};

static uint32_t next_random(uint32_t *state)
{
	*state = *state * 1664525u + 1013904223u;
	return *state >> 8;
}

/* One short life of a socket; sometimes it goes before the answers come. */
static int one_socket(struct traffic *t)
{
	unsigned int i, n = next_random(&t->random) % 8;
	int fd = hft_connect(t->vm, 10);

	/* Not loaded, or just now on its way out. */
	if (fd < 0)
		return 0;
	for (i = 0; i < n; i++) {
		if (hft_echo(fd, 1 + next_random(&t->random) % 2000, i)) {
			hft_dump_state();
			return 1;
		}
		t->echoed++;
	}
	for (i = 0; i < n / 2; i++)
		t->abandoned += send(fd, "bye", 3, 0) == 3;
	close(fd);
	return 0;
}

static int open_and_close_sockets(void *arg)
{
	struct traffic *t = arg;

	int64_t lived;

	while (!t->stop) {
		lived = hft_now_ns();
		if (!(t->polite && t->pause) && one_socket(t))
			return 1;
		/* Half of the time without a socket, however slow the machine. */
		lived = (hft_now_ns() - lived) / 1000000;
		hft_sleep_ms(1 + next_random(&t->random) % (2 * lived + 3));
	}
	return 0;
}

/*
 * An unload needs a moment without sockets. One client leaves that to chance;
 * the others make room, with their last answers still under way.
 */
static int unload_under_traffic(struct traffic *t)
{
	int i, err;

	for (i = 0; i < CLIENTS; i++)
		t[i].pause = true;
	err = hft_module_unload_wait(20000);
	if (err) {
		fprintf(stderr, "# unload: %s, %d references\n", strerror(-err),
			hft_module_refs());
		hft_dump_state();
	}
	for (i = 0; i < CLIENTS; i++)
		t[i].pause = false;
	return err;
}

/* An echo that stalls ends its client; what takes long here is a client's sleep. */
static int wait_for_traffic(struct traffic *t, unsigned long echoed)
{
	int64_t end = hft_now_ns() + 6 * HFT_PATIENCE_MS * 1000000LL;

	while (t->echoed < echoed)
		if (hft_now_ns() > end)
			return -1;
		else
			hft_sleep_ms(1);
	return 0;
}

TEST(many_loads_and_unloads_under_traffic)
{
	HFT_NEED_GUEST(guest, "echo", 0);
	struct traffic *t = hft_shared(CLIENTS * sizeof(*t));
	unsigned int other = hft_guest("echo", 1) ? hft_guest("echo", 1)->id :
						   guest->id;
	unsigned long cycles = hft_number("HF_ROUNDS", CYCLES);
	pid_t pid[CLIENTS];
	int i;

	for (i = 0; i < CLIENTS; i++) {
		t[i].vm = i % 2 ? other : guest->id;
		t[i].random = i + 1;
		t[i].polite = i;
		pid[i] = hft_spawn(open_and_close_sockets, &t[i]);
	}
	for (i = 0; i < cycles; i++) {
		ASSERT_EQ(0, hft_module_load(""));
		ASSERT_EQ(0, wait_for_traffic(&t[i % CLIENTS],
					      t[i % CLIENTS].echoed + 5));
		ASSERT_EQ(0, unload_under_traffic(t));
	}
	for (i = 0; i < CLIENTS; i++)
		t[i].stop = true;
	for (i = 0; i < CLIENTS; i++) {
		EXPECT_EQ(0, hft_join(pid[i], 2 * HFT_PATIENCE_MS));
		EXPECT_LT(0, t[i].abandoned);
	}
}

/* A guest may still answer a socket of the load before. */
TEST(free_ports_of_two_loads_differ)
{
	HFT_NEED_GUEST(guest, "echo", 0);
	uint64_t port[2];
	int i, fd;

	for (i = 0; i < 2; i++) {
		ASSERT_EQ(0, hft_module_load(""));
		fd = hft_connect(guest->id, 10);
		ASSERT_LE(0, fd);
		port[i] = hft_port(fd);
		close(fd);
		ASSERT_EQ(0, hft_module_unload_wait(HFT_PATIENCE_MS));
	}
	EXPECT_NE(port[0], port[1]);
}

TEST(quick_loads_and_unloads)
{
	HFT_NEED_GUEST(guest, "echo", 0);
	int i;

	for (i = 0; i < 30; i++) {
		ASSERT_EQ(0, hft_module_load(""));
		ASSERT_EQ(0, hft_module_unload_wait(HFT_PATIENCE_MS));
	}
	ASSERT_EQ(0, hft_module_load(""));
	EXPECT_EQ(0, hft_echo_once(guest->id, 4000));
	EXPECT_EQ(0, hft_module_unload_wait(HFT_PATIENCE_MS));
}

TEST_HARNESS_MAIN
