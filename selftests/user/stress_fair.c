// SPDX-License-Identifier: GPL-2.0
/*
 * Who does not read harms nobody else, and nobody is made to wait for ever.
 *
 * One slow and one dead reader beside six fast pairs; eight senders at full
 * speed to one VM. Connections of AF_VSOCK lose nothing; of datagrams each one
 * that was dropped is reported. HF_SECONDS (20) is how long each test takes, half
 * of it for the comparison.
 *
 * Needs two echo guests, a sink, two vsock guests.
 */
#include <linux/sock_diag.h>
#include <poll.h>
#include <sys/socket.h>

#include "hft_load.h"
#include "hft_vsock.h"
#include "hft_harness.h"

#define TURNS			6
/* Between two messages of the slow reader: what it reads costs the others little. */
#define SLOW_MS			100
#define KEPT_PERCENT		80
#define SENDERS			8
#define FAIR_FACTOR		100
/* What a bad reader asks for, and has room for. */
#define WANTED_LEN		500
#define WANTED_ROOM		16384

#undef TEST_TIMEOUT_DEFAULT
#define TEST_TIMEOUT_DEFAULT	300

FIXTURE(fair) {
	unsigned int vm, sink;
	unsigned long ms;
};

FIXTURE_VARIANT(fair) {
	int family;
	int type;
};

FIXTURE_VARIANT_ADD(fair, datagrams) {
	.family = AF_HF,
	.type = SOCK_DGRAM,
};

FIXTURE_VARIANT_ADD(fair, connections) {
	.family = AF_VSOCK,
	.type = SOCK_SEQPACKET,
};

FIXTURE_SETUP(fair)
{
	const char *name = variant->family == AF_VSOCK ? "vsock" : "echo";
	const struct hft_guest *sink = hft_guest("sink", 0);

	if (!hft_guest(name, 1) || !sink)
		HFT_SKIP("needs two guests %s and a sink", name);
	self->vm = hft_guest(name, 0)->id;
	self->sink = sink->id;
	self->ms = hft_number("HF_SECONDS", 20) * 1000;
}

FIXTURE_TEARDOWN(fair)
{
}

/* What a reader that reads badly has seen; shared with its process. */
struct reader {
	unsigned int vm;
	int type;
	volatile bool stop;
	bool slow;		/* else dead */
	uint64_t sent, received, dropped;
	int result;
};

/* Of more messages than anybody waits for. */
static int read_connection(void *arg)
{
	struct vsock_ask ask = { .size = 1ull << 40, .message = WANTED_LEN };
	struct reader *r = arg;
	int fd = hft_vsock_socket(r->type);

	r->result = hft_vsock_set_buffer(fd, WANTED_ROOM) ||
		    hft_vsock_connect_to(fd, hft_cid(r->vm), VSOCK_PORT_SOURCE) ||
		    send(fd, &ask, sizeof(ask), 0) != sizeof(ask);
	while (!r->stop && !r->result) {
		hft_sleep_ms(SLOW_MS);
		if (r->slow)
			r->result = hft_vsock_take(fd, r->received++ * WANTED_LEN, WANTED_LEN);
	}
	close(fd);
	return r->result;
}

static uint64_t drops(int fd)
{
	uint32_t mem[SK_MEMINFO_VARS] = { 0 };
	socklen_t len = sizeof(mem);

	getsockopt(fd, SOL_SOCKET, SO_MEMINFO, mem, &len);
	return mem[SK_MEMINFO_DROPS];
}

/* Has the guest send back more than the socket is read; the rest is dropped. */
static int read_datagrams(void *arg)
{
	struct reader *r = arg;
	int fd = hft_connect(r->vm, VSOCK_PORT_ECHO), one = 1;
	uint64_t buf[16];

	r->result = fd < 0 || setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &one, sizeof(one));
	while (!r->stop && !r->result) {
		hft_sleep_ms(SLOW_MS);
		r->result |= hft_give(fd, r->sent++, sizeof(buf));
		r->result |= hft_give(fd, r->sent++, sizeof(buf));
		if (r->slow)
			r->received += recv(fd, buf, sizeof(buf), MSG_DONTWAIT) > 0;
	}
	/* The last ones are under way. */
	while (hft_poll(fd, POLLIN, 1000) > 0)
		r->received += recv(fd, buf, sizeof(buf), 0) > 0;
	r->dropped = drops(fd);
	close(fd);
	return r->result;
}

struct readers {
	struct reader reader[2];
	pid_t pid[2];
};

static void start_readers(struct readers *rs, unsigned int vm, int type)
{
	int i;

	for (i = 0; i < 2; i++) {
		struct reader *r = &rs->reader[i];

		memset(r, 0, sizeof(*r));
		r->vm = vm;
		r->type = type;
		r->slow = i;
		rs->pid[i] = hft_spawn(type == SOCK_DGRAM ? read_datagrams : read_connection, r);
	}
}

/* Of datagrams, each one was received or is reported. */
static bool is_accounted_for(const struct reader *r)
{
	if (r->type != SOCK_DGRAM || r->sent == r->received + r->dropped)
		return true;
	fprintf(stderr, "# %s reader: %llu sent, %llu received, %llu dropped\n",
		r->slow ? "slow" : "dead", (unsigned long long)r->sent,
		(unsigned long long)r->received, (unsigned long long)r->dropped);
	return false;
}

static int stop_readers(struct readers *rs)
{
	int i, bad = 0;

	for (i = 0; i < 2; i++)
		rs->reader[i].stop = true;
	for (i = 0; i < 2; i++) {
		bad |= hft_join(rs->pid[i], 2 * HFT_PATIENCE_MS);
		bad |= !is_accounted_for(&rs->reader[i]);
	}
	return bad;
}

TEST_F(fair, pairs_keep_their_rate_beside_bad_readers)
{
	struct readers *rs = hft_shared(sizeof(*rs));
	struct hft_load *load = hft_load_start(variant->family, variant->type, 2);
	int64_t before = hft_vms_count("dropped_full");
	uint64_t dropped = 0;
	int turn;

	ASSERT_NE(NULL, load);
	for (turn = 0; turn < TURNS; turn++) {
		hft_load_turn(load, HFT_ALONE);
		hft_sleep_ms(self->ms / 2 / TURNS);
		hft_load_turn(load, HFT_BETWEEN);
		start_readers(rs, self->vm, variant->type);
		/* What they have room for at first is no part of it. */
		hft_sleep_ms(500);
		hft_load_turn(load, HFT_BESIDE);
		hft_sleep_ms(self->ms / 2 / TURNS);
		hft_load_turn(load, HFT_BETWEEN);
		EXPECT_EQ(0, stop_readers(rs));
		dropped += rs->reader[0].dropped + rs->reader[1].dropped;
	}
	EXPECT_TRUE(hft_load_stop(load));
	EXPECT_LE(KEPT_PERCENT, hft_load_kept(load, "a slow and a dead reader"));
	EXPECT_EQ(before + dropped, hft_vms_count("dropped_full"));
	/* Else nothing was tried. */
	if (variant->type == SOCK_DGRAM) {
		EXPECT_LT(0, dropped);
	}
}

/* One of the senders that compete for a VM's mailbox. */
struct sender {
	unsigned int vm;
	int family;
	volatile bool *stop;
	uint64_t count;
	int64_t longest_ns;
};

/*
 * Only one message under way: several would be a queue of our own to wait in. A
 * datagram has a buffer of that size; on a connection, the answer is waited for.
 */
static int open_sender(const struct sender *s)
{
	int fd, one = 1;

	if (s->family == AF_VSOCK)
		return hft_vsock_connect(SOCK_SEQPACKET, hft_cid(s->vm), VSOCK_PORT_ECHO);
	fd = hft_connect(s->vm, 1);
	return setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &one, sizeof(one)) ? -1 : fd;
}

static int send_at_full_speed(void *arg)
{
	struct sender *s = arg;
	int fd = open_sender(s);

	if (fd < 0)
		return 1;
	while (!*s->stop) {
		int64_t start = hft_now_ns(), took;

		if (hft_give(fd, s->count, 64) ||
		    (s->family == AF_VSOCK && hft_take(fd, s->count))) {
			perror("# send");
			return 1;
		}
		took = hft_now_ns() - start;
		if (took > s->longest_ns)
			s->longest_ns = took;
		s->count++;
	}
	return 0;
}

struct race {
	volatile bool stop;
	struct sender sender[SENDERS];
};

/* How many times its fair share of time the unluckiest sender waited once. */
static double unfairness(struct race *race, unsigned int vm, int family, unsigned long ms)
{
	int64_t start = hft_now_ns(), worst = 0;
	uint64_t total = 0, least = UINT64_MAX;
	pid_t pid[SENDERS];
	double share_ns;
	int i;

	memset(race, 0, sizeof(*race));
	for (i = 0; i < SENDERS; i++) {
		race->sender[i] = (struct sender){ .vm = vm, .family = family, .stop = &race->stop };
		pid[i] = hft_spawn(send_at_full_speed, &race->sender[i]);
	}
	hft_sleep_ms(ms);
	race->stop = true;
	for (i = 0; i < SENDERS; i++) {
		struct sender *s = &race->sender[i];

		if (hft_join(pid[i], 4 * HFT_PATIENCE_MS))
			return -1;
		total += s->count;
		least = s->count < least ? s->count : least;
		worst = s->longest_ns > worst ? s->longest_ns : worst;
	}
	share_ns = (double)(hft_now_ns() - start) * SENDERS / (total + 1);
	fprintf(stderr, "# %llu messages of %d senders, the least %llu; share %.3f ms, longest wait %.3f ms (%.0f x)\n",
		(unsigned long long)total, SENDERS, (unsigned long long)least, share_ns / 1e6,
		worst / 1e6, worst / share_ns);
	return least * 4 < total / SENDERS ? 2 * FAIR_FACTOR : worst / share_ns;
}

/* A host that is busy can stop us all for a while: the better of two. */
TEST_F(fair, no_sender_waits_for_long)
{
	struct race *race = hft_shared(sizeof(*race));
	unsigned int vm = variant->family == AF_VSOCK ? self->vm : self->sink;
	double worst = unfairness(race, vm, variant->family, self->ms / 4);

	if (worst > FAIR_FACTOR)
		worst = unfairness(race, vm, variant->family, self->ms / 4);
	EXPECT_LT(0, worst);
	EXPECT_GE(FAIR_FACTOR, worst);
}

TEST_HARNESS_MAIN
