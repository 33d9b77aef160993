// SPDX-License-Identifier: GPL-2.0
/*
 * Every message that EL2 accepts is read once and whole, however long the gaps
 * are: eight senders with HF_MESSAGES (10,000) messages each, a busy Linux, and
 * on the test hypervisor random delays and holds. sent = received = distinct,
 * nothing twice, nothing foreign.
 *
 * One test for each kind of guest; those that this boot has not are skipped.
 */
#include <string.h>
#include <sys/socket.h>

#include "hft_lossless.h"
#include "hft_load.h"
#include "hft_harness.h"

/* Senders give up by themselves; holds and delays make this slow. */
#undef TEST_TIMEOUT_DEFAULT
#define TEST_TIMEOUT_DEFAULT 3000

static unsigned long messages(void)
{
	return hft_number("HF_MESSAGES", 10000);
}

/* The first guest of that name with so many vCPUs. */
static const struct hft_guest *find(const char *name, unsigned int vcpus)
{
	const struct hft_guest *guest;
	unsigned int n;

	for (n = 0; (guest = hft_guest(name, n)); n++)
		if (guest->vcpus == vcpus)
			return guest;
	return NULL;
}

FIXTURE(lossless) {
	const struct hft_guest *guest;
};

FIXTURE_VARIANT(lossless) {
	const char *guest;
	unsigned int vcpus;
};

#define KIND(kind, name, count) \
	FIXTURE_VARIANT_ADD(lossless, kind) { .guest = name, .vcpus = count }

KIND(naive_with_one_vcpu, "naive", 1);
KIND(naive_with_four_waiting_vcpus, "naive", 4);
KIND(naive_beside_three_computing_vcpus, "naive_compute", 4);
KIND(naive_that_polls_and_yields, "naive_poll", 1);
KIND(naive_that_only_polls, "naive_spin", 1);
KIND(naive_that_polls_when_interrupted, "naive_wfi", 1);
KIND(echo_with_one_vcpu, "echo", 1);
KIND(echo_on_four_waiting_vcpus, "smp", 4);

FIXTURE_SETUP(lossless)
{
	self->guest = find(variant->guest, variant->vcpus);
	if (!self->guest)
		HFT_SKIP("no guest %s with %u vCPUs in this boot", variant->guest,
			 variant->vcpus);
	if (!strcmp(variant->guest, "naive_wfi"))
		HFT_NEED_INJECTION();
	ASSERT_EQ(0, hft_echo_once(self->guest->id, 1000));
	lossless_load_start(self->guest->id, self->guest->vcpus);
}

FIXTURE_TEARDOWN(lossless)
{
	lossless_load_stop();
}

TEST_F(lossless, each_message_comes_back_once)
{
	struct lossless_account a = lossless_run(self->guest->id, messages());

	EXPECT_EQ(LOSSLESS_SENDERS * messages(), a.sent);
	EXPECT_TRUE(lossless_is_good(&a));
}

/* What the sink says of all messages since boot, or what should come to it. */
struct total {
	uint64_t count, sum;
};

static struct total ask(unsigned int vm)
{
	uint64_t question = UINT64_MAX;
	struct total total = { 0 };
	int fd = hft_connect(vm, 10);

	hft_set_timeout(fd, SO_RCVTIMEO, LOSSLESS_PATIENCE_MS);
	if (send(fd, &question, sizeof(question), 0) != sizeof(question) ||
	    recv(fd, &total, sizeof(total), 0) != sizeof(total))
		fprintf(stderr, "# VM %u does not say how many messages it has\n", vm);
	close(fd);
	return total;
}

struct source {
	unsigned int vm, index;
	unsigned long messages;
	pid_t pid;
	struct total total;
	volatile bool done, leave;
};

static void add_message(struct total *total, const uint8_t *buf, size_t len)
{
	uint64_t word;

	total->count++;
	for (; len >= sizeof(word); len -= sizeof(word), buf += sizeof(word)) {
		memcpy(&word, buf, sizeof(word));
		total->sum += word;
	}
}

static int pour(void *arg)
{
	struct source *s = arg;
	int fd = hft_connect(s->vm, s->index);
	uint8_t buf[HF_MSG_PAYLOAD_MAX];
	unsigned long i;

	hft_set_timeout(fd, SO_SNDTIMEO, LOSSLESS_PATIENCE_MS);
	for (i = 0; i < s->messages; i++) {
		size_t len = lossless_fill(buf, s->index, i, 32 + i * 797 % 4049);

		if (send(fd, buf, len, 0) != (ssize_t)len)
			return 1;
		add_message(&s->total, buf, len);
	}
	/* Of what a closed socket leaves, much is dropped. */
	for (s->done = true; !s->leave;)
		hft_sleep_ms(10);
	return 0;
}

/* Waits until all is sent, as far as the senders know; false if one has failed. */
static bool poured(const struct source *sources)
{
	int i;

	for (i = 0; i < LOSSLESS_SENDERS; i++)
		while (!sources[i].done) {
			if (waitpid(sources[i].pid, NULL, WNOHANG))
				return false;
			hft_sleep_ms(10);
		}
	return true;
}

static void leave(struct source *sources)
{
	int i;

	for (i = 0; i < LOSSLESS_SENDERS; i++)
		sources[i].leave = true;
	for (i = 0; i < LOSSLESS_SENDERS; i++)
		hft_join(sources[i].pid, HFT_PATIENCE_MS);
}

/* What is queued for it is under way until the sum stops growing. */
static struct total settled(unsigned int vm, uint64_t wanted)
{
	struct total total = ask(vm), before;
	int64_t since = hft_now_ns();

	while (total.count < wanted && hft_now_ns() - since < 1000000LL * LOSSLESS_PATIENCE_MS) {
		before = total;
		hft_sleep_ms(50);
		total = ask(vm);
		if (total.count != before.count)
			since = hft_now_ns();
	}
	return total;
}

TEST(sink_that_never_answers_reads_each_message_once)
{
	HFT_NEED_GUEST(guest, "naive_sink", 0);
	struct source *sources = hft_shared(LOSSLESS_SENDERS * sizeof(*sources));
	int64_t unsafe = lossless_unsafe(guest->id);
	struct total want = ask(guest->id), got;
	int i;

	ASSERT_NE(NULL, sources);
	lossless_load_start(guest->id, guest->vcpus);
	for (i = 0; i < LOSSLESS_SENDERS; i++) {
		sources[i] = (struct source){ .vm = guest->id, .index = i, .messages = messages() };
		sources[i].pid = hft_spawn(pour, &sources[i]);
	}
	EXPECT_TRUE(poured(sources));
	for (i = 0; i < LOSSLESS_SENDERS; i++) {
		want.count += sources[i].total.count;
		want.sum += sources[i].total.sum;
	}
	got = settled(guest->id, want.count);
	leave(sources);
	lossless_load_stop();
	fprintf(stderr, "# sent %llu, read %llu\n", (unsigned long long)want.count,
		(unsigned long long)got.count);
	EXPECT_EQ(want.count, got.count);
	EXPECT_EQ(want.sum, got.sum);
	EXPECT_EQ(unsafe, lossless_unsafe(guest->id));
}

TEST_HARNESS_MAIN
