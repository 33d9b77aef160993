// SPDX-License-Identifier: GPL-2.0
/*
 * A guest that breaks every rule of vsock harms nobody but itself: no crash,
 * nothing left behind, bounded memory, and other VMs keep half of their rate.
 * The rate takes a part of the packets; the others come sooner without a load.
 *
 * HF_MESSAGES (50000) is how many packets it sends, HF_SEED (1) which ones.
 * Needs a vsock_hostile and a vsock guest.
 */
#include <dirent.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "hft_load.h"
#include "hft_vsock.h"
#include "hft_harness.h"

#define TURNS			4
#define KEPT_PERCENT		50
#define BESIDE			20000		/* packets at most that a rate takes */
#define PART			100000		/* that are sent in one go otherwise */
/* 16 MiB may wait for the guest, and the sockets of that; KASAN's objects are twice as large. */
#define HELD_KIB		(96 * 1024)
#define GROWTH_KIB		(2 * 1024)	/* when nothing is held, once caches are filled */
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

/* In KiB: free objects that caches keep, and those in KASAN's quarantine, go back before. */
static long slab_in_use(void)
{
	DIR *caches = opendir("/sys/kernel/slab");
	struct dirent *cache;
	char path[512];

	while (caches && (cache = readdir(caches))) {
		snprintf(path, sizeof(path), "/sys/kernel/slab/%s/shrink", cache->d_name);
		if (cache->d_type == DT_DIR && cache->d_name[0] != '.')
			hft_put(path, "1");
	}
	if (caches)
		closedir(caches);
	return hft_meminfo("Slab");
}

/* Everything of ours that the guest can get at. */
struct targets {
	unsigned int cid;
	int asks, listeners[LISTENERS], conn[8];
};

static int open_targets(struct targets *t, unsigned int vm)
{
	int i;

	t->cid = hft_cid(vm);
	t->asks = hft_connect(vm, 1);
	for (i = 0; i < LISTENERS; i++) {
		victims->ports[i] = VMADDR_PORT_ANY;
		t->listeners[i] = hft_vsock_listen(i ? SOCK_SEQPACKET : SOCK_STREAM,
						   &victims->ports[i], 16);
		if (t->listeners[i] < 0)
			return -1;
		hft_vsock_set_nonblocking(t->listeners[i]);
	}
	/* Connections that stay, for packets that come late to find something. */
	for (i = 0; i < ARRAY_SIZE(t->conn); i++) {
		t->conn[i] = hft_vsock_connect(i % 2 ? SOCK_STREAM : SOCK_SEQPACKET, t->cid,
					       1000 + i);
		if (t->conn[i] >= 0)
			victims->ports[LISTENERS + i] = hft_vsock_port(t->conn[i]);
	}
	return 0;
}

/* The guest has read what holds sockets, and a close that it never confirms is over. */
static long wait_for_refs(long refs)
{
	int i;

	for (i = 0; i < 1200 && transport_refs() > refs; i++)
		hft_sleep_ms(100);
	return transport_refs();
}

/* Slab in use when all is read and all else is closed. */
static long slab_at_rest(struct targets *t, long refs)
{
	static char buf[65536];
	int i, fd;

	for (i = 0; i < ARRAY_SIZE(t->conn); i++)
		while (recv(t->conn[i], buf, sizeof(buf), MSG_DONTWAIT) > 0)
			;
	for (i = 0; i < LISTENERS; i++)
		while ((fd = accept(t->listeners[i], NULL, NULL)) >= 0)
			close(fd);
	wait_for_refs(refs);
	return slab_in_use();
}

/* The guest sends so many packets to those who accept, those who connect and those who sleep. */
static bool attack(struct targets *t, struct hft_load *load, uint64_t seed, uint64_t count)
{
	int64_t start = hft_now_ns();
	pid_t accepter, connecter;
	bool done;

	victims->stop = false;
	accepter = hft_spawn(accept_guests, t->listeners);
	connecter = hft_spawn(connect_to_guest, &t->cid);
	if (load) {
		hft_load_turn(load, HFT_ALONE);
		hft_sleep_ms(2000);
		hft_load_turn(load, HFT_BESIDE);
	}
	done = !ask_hostile(t->asks, seed, count) &&
	       wait_until_done(t->asks, 60000 + count * PACKET_MS) >= count;
	if (load)
		hft_load_turn(load, HFT_BETWEEN);
	fprintf(stderr, "# %llu packets in %llu s, %ld KiB of slab\n", (unsigned long long)count,
		(unsigned long long)(hft_now_ns() - start) / 1000000000, hft_meminfo("Slab"));
	victims->stop = true;
	return !hft_join(accepter, 4 * HFT_PATIENCE_MS) &&
	       !hft_join(connecter, 4 * HFT_PATIENCE_MS) && done;
}

TEST(hostile_guest_harms_no_other)
{
	HFT_NEED_GUEST(hostile, "vsock_hostile", 0);
	unsigned long count = hft_number("HF_MESSAGES", 50000), seed = hft_number("HF_SEED", 1);
	unsigned long beside = count < BESIDE ? count : BESIDE, left, n;
	long before = transport_refs(), refs, slab, settled = 0;
	struct hft_load *load;
	struct targets t;
	int turn, i;

	victims = hft_shared(sizeof(*victims));
	ASSERT_EQ(0, open_targets(&t, hostile->id));
	refs = transport_refs();
	load = hft_load_start(AF_VSOCK, SOCK_SEQPACKET, hft_guest("vsock", 1) ? 2 : 1);
	ASSERT_NE(NULL, load);
	slab = slab_in_use();

	for (turn = 0; turn < TURNS; turn++) {
		EXPECT_TRUE(attack(&t, load, seed + turn, beside / TURNS));
		EXPECT_GT(slab + HELD_KIB, slab_in_use());
		if (!turn)
			settled = slab_at_rest(&t, refs + HFT_PAIRS);
	}
	EXPECT_TRUE(hft_load_stop(load));
	for (left = count - beside; left; left -= n) {
		n = left < PART ? left : PART;
		EXPECT_TRUE(attack(&t, NULL, seed + turn++, n));
		EXPECT_GT(slab + HELD_KIB, slab_in_use());
	}
	slab = slab_at_rest(&t, refs);
	fprintf(stderr, "# at rest: %ld KiB of slab, %ld after the first turn\n", slab, settled);
	EXPECT_GT(settled + GROWTH_KIB, slab);
	fprintf(stderr, "# seed %lu: %lu packets, %llu accepted, %llu connected, %llu broken, %llu bytes\n",
		seed, count, (unsigned long long)victims->accepted,
		(unsigned long long)victims->connected, (unsigned long long)victims->broken,
		(unsigned long long)victims->bytes);
	EXPECT_LE(KEPT_PERCENT, hft_load_kept(load, "a hostile guest"));
	/* Else nothing was tried. */
	EXPECT_LT(0, victims->accepted);
	EXPECT_LT(0, victims->connected);

	for (i = 0; i < ARRAY_SIZE(t.conn); i++)
		close(t.conn[i]);
	for (i = 0; i < LISTENERS; i++)
		close(t.listeners[i]);
	close(t.asks);
	EXPECT_EQ(before, wait_for_refs(before));
}

TEST_HARNESS_MAIN
