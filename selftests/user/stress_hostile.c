// SPDX-License-Identifier: GPL-2.0
/*
 * A guest that breaks every rule harms nobody but itself: no crash, nothing
 * left behind, bounded memory, and other VMs keep half of their rate.
 *
 * HF_MESSAGES (50000) is how many frames it sends, HF_SEED (1) which ones.
 * Needs a hostile and a seq guest. On a kernel with kmemleak that is asked, too.
 */
#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>

#include "hft_load.h"
#include "hft_harness.h"

#define TURNS			4
#define KEPT_PERCENT		50
#define GROWTH_KIB		(32 * 1024)	/* sockets at most hold so much */
#define KMEMLEAK		"/sys/kernel/debug/kmemleak"

#define FRAME_MS		40		/* at most, beside all others */

#undef TEST_TIMEOUT_DEFAULT
#define TEST_TIMEOUT_DEFAULT	14400

/* Those whom the guest is told to aim at. */
struct victims {
	volatile bool stop;
	volatile uint64_t accepted, connected, broken, bytes;
	uint64_t ports[HOSTILE_PORTS];
};

static struct victims *victims;

/* Takes what comes, says something, and goes; whatever it is, nothing blocks. */
static void converse(int fd)
{
	static uint64_t buf[HF_MSG_PAYLOAD_MAX / 8];
	int i;
	ssize_t n;

	for (i = 0; i < 8 && hft_poll(fd, POLLIN, 20) > 0; i++) {
		n = recv(fd, buf, sizeof(buf), MSG_DONTWAIT);
		if (n < 0) {
			victims->broken++;
			break;
		}
		victims->bytes += n;
		send(fd, buf, n, MSG_DONTWAIT | MSG_NOSIGNAL);
	}
	close(fd);
}

static int accept_all(void *arg)
{
	int listener = *(int *)arg, fd;

	hft_set_nonblocking(listener);
	while (!victims->stop) {
		hft_poll(listener, POLLIN, 100);
		fd = accept(listener, NULL, NULL);
		if (fd < 0)
			continue;
		victims->accepted++;
		converse(fd);
	}
	return 0;
}

static int connect_often(void *arg)
{
	unsigned int vm = *(unsigned int *)arg;
	uint64_t port = 1;
	int fd;

	while (!victims->stop) {
		fd = hft_seq_socket();
		hft_set_timeout(fd, SO_SNDTIMEO, 200);
		if (hft_seq_connect_to(fd, vm, port++)) {
			close(fd);
			continue;
		}
		victims->connected++;
		send(fd, "hello", 5, MSG_DONTWAIT | MSG_NOSIGNAL);
		converse(fd);
	}
	return 0;
}

/* A connection that stays, for frames that come late to find something. */
static int open_victim(unsigned int vm, uint64_t *port)
{
	int fd = hft_seq_connect(vm, *port);

	if (fd >= 0)
		*port = hft_port(fd);
	return fd;
}

static int ask(int fd, uint64_t seed, uint64_t count)
{
	struct hostile_ask ask = { .seed = seed, .count = count };

	memcpy(ask.ports, victims->ports, sizeof(ask.ports));
	return send(fd, &ask, sizeof(ask), 0) == sizeof(ask) ? 0 : -1;
}

/* Its datagrams may be noise, too. */
static uint64_t wait_done(int fd, int64_t ms)
{
	struct hostile_done done[4];
	int64_t start = hft_now_ns();

	while (hft_ms_since(start) < ms) {
		if (hft_poll(fd, POLLIN, 1000) > 0 &&
		    recv(fd, done, sizeof(done), MSG_DONTWAIT) == sizeof(done[0]) &&
		    done[0].magic == HOSTILE_DONE)
			return done[0].sent;
	}
	return 0;
}

static void expect_no_leak(struct __test_metadata *_metadata)
{
	char text[4096] = "";
	int fd = open(KMEMLEAK, O_RDWR), i;
	ssize_t n;

	if (fd < 0)
		return;
	/* What was freed a moment ago may still be on a list. */
	for (i = 0; i < 2; i++) {
		hft_sleep_ms(6000);
		ASSERT_EQ(4, write(fd, "scan", 4));
	}
	n = read(fd, text, sizeof(text) - 1);
	close(fd);
	EXPECT_EQ(0, n);
	if (n > 0)
		fprintf(stderr, "# %s\n", text);
}

TEST(hostile_guest_harms_nobody_else)
{
	HFT_NEED_GUEST(hostile, "hostile", 0);
	unsigned long count = hft_number("HF_MESSAGES", 50000), seed = hft_number("HF_SEED", 1);
	int refs = hft_module_refs_settled(), fd, listener, datagrams, turn, conn[8];
	unsigned int vm = hostile->id;
	struct hft_load *load;
	pid_t accepter, connecter;
	long slab;
	uint64_t i;

	victims = hft_shared(sizeof(*victims));
	fd = hft_connect(vm, 1);
	listener = hft_seq_listen(&victims->ports[0], 16);
	ASSERT_LE(0, listener);
	datagrams = hft_socket();
	ASSERT_EQ(0, hft_bind_any(datagrams, &victims->ports[1]));
	for (i = 0; i < ARRAY_SIZE(conn); i++) {
		victims->ports[2 + i] = 1000 + i;
		conn[i] = open_victim(vm, &victims->ports[2 + i]);
	}
	accepter = hft_spawn(accept_all, &listener);
	connecter = hft_spawn(connect_often, &vm);
	load = hft_load_start(AF_HF, SOCK_SEQPACKET, hft_guest("seq", 1) ? 2 : 1);
	ASSERT_NE(NULL, load);
	slab = hft_meminfo("Slab");

	for (turn = 0; turn < TURNS; turn++) {
		hft_load_turn(load, HFT_ALONE);
		hft_sleep_ms(2000);
		hft_load_turn(load, HFT_BESIDE);
		ASSERT_EQ(0, ask(fd, seed + turn, count / TURNS));
		EXPECT_LE(count / TURNS, wait_done(fd, 60000 + count / TURNS * FRAME_MS));
		EXPECT_GT(slab + GROWTH_KIB, hft_meminfo("Slab"));
	}
	victims->stop = true;
	EXPECT_EQ(0, hft_join(accepter, 4 * HFT_PATIENCE_MS));
	EXPECT_EQ(0, hft_join(connecter, 4 * HFT_PATIENCE_MS));
	EXPECT_TRUE(hft_load_stop(load));
	fprintf(stderr, "# seed %lu: %lu frames, %llu accepted, %llu connected, %llu broken, %llu bytes\n",
		seed, count, (unsigned long long)victims->accepted,
		(unsigned long long)victims->connected, (unsigned long long)victims->broken,
		(unsigned long long)victims->bytes);
	EXPECT_LE(KEPT_PERCENT, hft_load_kept(load, "a hostile guest"));
	/* Else nothing was tried. */
	EXPECT_LT(0, victims->accepted);
	EXPECT_LT(0, victims->connected);

	for (i = 0; i < ARRAY_SIZE(conn); i++)
		close(conn[i]);
	close(datagrams);
	close(listener);
	close(fd);
	EXPECT_EQ(refs, hft_module_refs_wait(refs));
	expect_no_leak(_metadata);
}

TEST_HARNESS_MAIN
