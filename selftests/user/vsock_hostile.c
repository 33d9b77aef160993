// SPDX-License-Identifier: GPL-2.0
/*
 * A guest that breaks every rule of vsock harms nobody but itself: no crash,
 * nothing left behind, bounded memory, and other VMs keep half of their rate.
 *
 * HF_MESSAGES (50000) is how many packets it sends, HF_SEED (1) which ones.
 * Needs a vsock_hostile and a vsock guest.
 */
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "hft_load.h"
#include "hft_vsock.h"
#include "hft_harness.h"

#define TURNS			4
#define KEPT_PERCENT		50
#define GROWTH_KIB		(48 * 1024)	/* sockets at most hold so much */
#define PACKET_MS		40		/* at most, beside all others */
#define LISTENERS		2		/* of streams, of messages */

#undef TEST_TIMEOUT_DEFAULT
#define TEST_TIMEOUT_DEFAULT	14400

/* Those whom the guest is told to aim at. */
struct victims {
	volatile bool stop;
	volatile uint64_t accepted, connected, broken, bytes;
	uint32_t ports[VSOCK_HOSTILE_PORTS];
};

static struct victims *victims;

/* Takes what comes, says something, and goes; whatever it is, nothing blocks. */
static void talk_to(int fd)
{
	static char buf[16384];
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

static int accept_guests(void *arg)
{
	int *listeners = arg, i, fd;

	while (!victims->stop) {
		hft_poll(listeners[0], POLLIN, 20);
		for (i = 0; i < LISTENERS; i++) {
			fd = accept(listeners[i], NULL, NULL);
			if (fd < 0)
				continue;
			victims->accepted++;
			talk_to(fd);
		}
	}
	return 0;
}

static int connect_to_guest(void *arg)
{
	unsigned int cid = *(unsigned int *)arg, port = 1;
	int fd;

	while (!victims->stop) {
		struct timeval limit = { 0, 200000 };

		fd = hft_vsock_socket(port % 2 ? SOCK_STREAM : SOCK_SEQPACKET);
		setsockopt(fd, AF_VSOCK, SO_VM_SOCKETS_CONNECT_TIMEOUT, &limit, sizeof(limit));
		if (hft_vsock_connect_to(fd, cid, port++)) {
			close(fd);
			continue;
		}
		victims->connected++;
		send(fd, "hello", 5, MSG_DONTWAIT | MSG_NOSIGNAL);
		talk_to(fd);
	}
	return 0;
}

static int ask_hostile(int fd, uint64_t seed, uint64_t count)
{
	struct vsock_hostile_ask ask = { .seed = seed, .count = count };

	memcpy(ask.ports, victims->ports, sizeof(ask.ports));
	return send(fd, &ask, sizeof(ask), 0) == sizeof(ask) ? 0 : -1;
}

/* Its datagrams may be noise, too. */
static uint64_t wait_until_done(int fd, int64_t ms)
{
	struct vsock_hostile_done done[4];
	int64_t end = hft_now_ns() + ms * 1000000;

	while (hft_now_ns() < end) {
		if (hft_poll(fd, POLLIN, 1000) > 0 &&
		    recv(fd, done, sizeof(done), MSG_DONTWAIT) == sizeof(done[0]) &&
		    done[0].magic == VSOCK_HOSTILE_DONE)
			return done[0].sent;
	}
	return 0;
}

static long transport_refs(void)
{
	FILE *f = fopen("/sys/module/hf_vsock/refcnt", "r");
	long refs = -1;

	if (f && fscanf(f, "%ld", &refs) != 1)
		refs = -1;
	if (f)
		fclose(f);
	return refs;
}

TEST(hostile_guest_harms_no_other)
{
	HFT_NEED_GUEST(hostile, "vsock_hostile", 0);
	unsigned long count = hft_number("HF_MESSAGES", 50000), seed = hft_number("HF_SEED", 1);
	int fd, listeners[LISTENERS], conn[8], turn, i;
	unsigned int cid = hft_cid(hostile->id);
	long refs = transport_refs(), slab;
	pid_t accepter, connecter;
	struct hft_load *load;

	victims = hft_shared(sizeof(*victims));
	fd = hft_connect(hostile->id, 1);
	for (i = 0; i < LISTENERS; i++) {
		victims->ports[i] = VMADDR_PORT_ANY;
		listeners[i] = hft_vsock_listen(i ? SOCK_SEQPACKET : SOCK_STREAM,
						&victims->ports[i], 16);
		ASSERT_LE(0, listeners[i]);
		hft_vsock_set_nonblocking(listeners[i]);
	}
	/* Connections that stay, for packets that come late to find something. */
	for (i = 0; i < ARRAY_SIZE(conn); i++) {
		conn[i] = hft_vsock_connect(i % 2 ? SOCK_STREAM : SOCK_SEQPACKET, cid, 1000 + i);
		if (conn[i] >= 0)
			victims->ports[LISTENERS + i] = hft_vsock_port(conn[i]);
	}
	accepter = hft_spawn(accept_guests, listeners);
	connecter = hft_spawn(connect_to_guest, &cid);
	load = hft_load_start(AF_VSOCK, SOCK_SEQPACKET, hft_guest("vsock", 1) ? 2 : 1);
	ASSERT_NE(NULL, load);
	slab = hft_meminfo("Slab");

	for (turn = 0; turn < TURNS; turn++) {
		hft_load_turn(load, HFT_ALONE);
		hft_sleep_ms(2000);
		hft_load_turn(load, HFT_BESIDE);
		ASSERT_EQ(0, ask_hostile(fd, seed + turn, count / TURNS));
		EXPECT_LE(count / TURNS, wait_until_done(fd, 60000 + count / TURNS * PACKET_MS));
		EXPECT_GT(slab + GROWTH_KIB, hft_meminfo("Slab"));
	}
	victims->stop = true;
	EXPECT_EQ(0, hft_join(accepter, 4 * HFT_PATIENCE_MS));
	EXPECT_EQ(0, hft_join(connecter, 4 * HFT_PATIENCE_MS));
	EXPECT_TRUE(hft_load_stop(load));
	fprintf(stderr, "# seed %lu: %lu packets, %llu accepted, %llu connected, %llu broken, %llu bytes\n",
		seed, count, (unsigned long long)victims->accepted,
		(unsigned long long)victims->connected, (unsigned long long)victims->broken,
		(unsigned long long)victims->bytes);
	EXPECT_LE(KEPT_PERCENT, hft_load_kept(load, "a hostile guest"));
	/* Else nothing was tried. */
	EXPECT_LT(0, victims->accepted);
	EXPECT_LT(0, victims->connected);

	for (i = 0; i < ARRAY_SIZE(conn); i++)
		close(conn[i]);
	for (i = 0; i < LISTENERS; i++)
		close(listeners[i]);
	close(fd);
	/* A close that the guest never confirms is over after eight seconds. */
	for (i = 0; i < 200 && transport_refs() > refs; i++)
		hft_sleep_ms(100);
	EXPECT_EQ(refs, transport_refs());
}

TEST_HARNESS_MAIN
