// SPDX-License-Identifier: GPL-2.0
/*
 * HF_ROUNDS (100,000) echo round trips from four processes to two VMs.
 *
 * Each message carries its sender, a sequence number and a checksum, and has a
 * random size; up to four are under way on a socket. Detected: a stall (a
 * reply later than HFT_PATIENCE_MS), loss, a duplicate or a reordering (a
 * sequence number that is not the next), corruption (the checksum).
 *
 * Needs two echo guests (or echo and any of echo_irq, smp, yield).
 */
#include <sys/socket.h>

#include "hft_load.h"
#include "hft_harness.h"

#define PROCESSES	4
#define VMS		2
#define WINDOW		4

/* Ten minutes: enough for a slow emulator, and each reply has its own limit. */
#undef TEST_TIMEOUT_DEFAULT
#define TEST_TIMEOUT_DEFAULT 900

struct __attribute__((packed)) head {
	uint64_t checksum;	/* of all that follows */
	uint64_t sequence;
	uint32_t process;
	uint32_t len;
};

struct worker {
	unsigned int index;
	unsigned int vm;
	unsigned long rounds;
	uint32_t random;
	/* Results. */
	volatile unsigned long done;
	int64_t slowest_ns;
	char error[160];
};

static uint32_t next_random(uint32_t *state)
{
	*state = *state * 1664525u + 1013904223u;
	return *state >> 8;
}

/* FNV-1a over 8 bytes at a time where possible: bytes cost under emulation. */
static uint64_t checksum(const uint8_t *p, size_t len)
{
	uint64_t sum = 0xcbf29ce484222325ull, word;

	for (; len >= sizeof(word); len -= sizeof(word), p += sizeof(word)) {
		memcpy(&word, p, sizeof(word));
		sum = (sum ^ word) * 0x100000001b3ull;
		sum ^= sum >> 29;
	}
	while (len--)
		sum = (sum ^ *p++) * 0x100000001b3ull;
	return sum;
}

/* Half of the messages are small, the rest anything up to the largest. */
static size_t random_size(uint32_t *random)
{
	size_t most = next_random(random) % 2 ? HF_MSG_PAYLOAD_MAX : 128;

	return sizeof(struct head) +
	       next_random(random) % (most - sizeof(struct head) + 1);
}

static int send_one(struct worker *w, int fd, uint64_t sequence)
{
	uint8_t buf[HF_MSG_PAYLOAD_MAX];
	struct head head = { .sequence = sequence, .process = w->index };
	const size_t skip = sizeof(head.checksum);
	ssize_t n;

	head.len = random_size(&w->random);
	hft_fill(buf + sizeof(head), head.len - sizeof(head), w->random);
	memcpy(buf, &head, sizeof(head));
	head.checksum = checksum(buf + skip, head.len - skip);
	memcpy(buf, &head, sizeof(head));
	n = send(fd, buf, head.len, 0);
	if (n == head.len)
		return 0;
	snprintf(w->error, sizeof(w->error), "send of message %llu: %zd, %s",
		 (unsigned long long)sequence, n,
		 n < 0 ? strerror(errno) : "wrong length");
	return -1;
}

static const char *judge(const struct worker *w, const uint8_t *buf, ssize_t n,
			 uint64_t expected)
{
	const size_t skip = sizeof(uint64_t);
	struct head head;

	if (n < 0)
		return errno == EAGAIN ? "stall" : strerror(errno);
	if (n < (ssize_t)sizeof(head))
		return "too short";
	memcpy(&head, buf, sizeof(head));
	if (head.len != n)
		return "wrong length";
	if (head.checksum != checksum(buf + skip, n - skip))
		return "corrupted";
	if (head.process != w->index)
		return "somebody else's message";
	if (head.sequence < expected)
		return "duplicate or reordered";
	return head.sequence > expected ? "lost or reordered" : NULL;
}

static int receive_one(struct worker *w, int fd, uint64_t expected)
{
	uint8_t buf[HF_MSG_PAYLOAD_MAX + 1];
	ssize_t n = recv(fd, buf, sizeof(buf), 0);
	const char *problem = judge(w, buf, n, expected);

	if (!problem)
		return 0;
	snprintf(w->error, sizeof(w->error), "VM %u, message %llu: %s", w->vm,
		 (unsigned long long)expected, problem);
	return -1;
}

static int burst(struct worker *w, int fd)
{
	unsigned int i, n = 1 + next_random(&w->random) % WINDOW;
	int64_t start = hft_now_ns();

	if (n > w->rounds - w->done)
		n = w->rounds - w->done;
	for (i = 0; i < n; i++)
		if (send_one(w, fd, w->done + i))
			return -1;
	for (i = 0; i < n; i++, w->done++)
		if (receive_one(w, fd, w->done))
			return -1;
	start = hft_now_ns() - start;
	if (start > w->slowest_ns)
		w->slowest_ns = start;
	return 0;
}

static int work(void *arg)
{
	struct worker *w = arg;
	int fd = hft_connect(w->vm, w->index);

	if (fd < 0) {
		snprintf(w->error, sizeof(w->error), "connect: %s", strerror(errno));
		return 1;
	}
	while (w->done < w->rounds)
		if (burst(w, fd)) {
			hft_dump_state();
			return 1;
		}
	return 0;
}

/* The nth VM that echoes, whatever makes it wake up. */
static const struct hft_guest *echoing_guest(unsigned int nth)
{
	static const char *const names[] = { "echo", "echo_irq", "smp", "yield" };
	size_t i;

	for (i = 0; i < ARRAY_SIZE(names); i++) {
		if (nth < hft_guest_count(names[i]))
			return hft_guest(names[i], nth);
		nth -= hft_guest_count(names[i]);
	}
	return NULL;
}

static unsigned long rounds_done(const struct worker *w)
{
	unsigned long done = 0;
	int i;

	for (i = 0; i < PROCESSES; i++)
		done += w[i].done;
	return done;
}

/* Waits for all workers, or for the first that fails; tells how far they are. */
static int watch(const struct worker *w)
{
	int64_t start = hft_now_ns();
	int left = PROCESSES, seconds, status;

	for (seconds = 0; left; seconds++) {
		while (left && waitpid(-1, &status, WNOHANG) > 0) {
			left--;
			if (!WIFEXITED(status) || WEXITSTATUS(status))
				return -1;
		}
		if (seconds % 30 == 29)
			fprintf(stderr, "# %lu round trips after %lld s\n",
				rounds_done(w),
				(long long)(hft_now_ns() - start) / 1000000000);
		if (left)
			hft_sleep_ms(1000);
	}
	return 0;
}

TEST(echo_round_trips_are_complete_in_order_and_in_time)
{
	struct worker *w = hft_shared(PROCESSES * sizeof(*w));
	unsigned long rounds = hft_number("HF_ROUNDS", 100000);
	int64_t start = hft_now_ns(), slowest = 0;
	unsigned int i;

	if (!echoing_guest(VMS - 1))
		HFT_SKIP("needs %d guests that echo", VMS);
	for (i = 0; i < PROCESSES; i++) {
		w[i].index = i;
		w[i].vm = echoing_guest(i % VMS)->id;
		w[i].rounds = rounds / PROCESSES;
		w[i].random = i + 1;
		ASSERT_LT(0, hft_spawn(work, &w[i]));
	}
	EXPECT_EQ(0, watch(w));
	start = hft_now_ns() - start;
	for (i = 0; i < PROCESSES; i++) {
		EXPECT_STREQ("", w[i].error);
		EXPECT_EQ(w[i].rounds, w[i].done);
		if (w[i].slowest_ns > slowest)
			slowest = w[i].slowest_ns;
	}
	fprintf(stderr, "# %lu round trips in %lld ms, slowest burst %lld us\n",
		rounds_done(w), (long long)start / 1000000,
		(long long)slowest / 1000);
}

TEST_HARNESS_MAIN
