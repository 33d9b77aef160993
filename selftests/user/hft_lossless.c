// SPDX-License-Identifier: GPL-2.0
/*
 * Senders with accounts: see hft_lossless.h.
 *
 * Order is not asked for: a VM whose vCPUs all answer has none to offer.
 */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "hft_lossless.h"

#define MAGIC		0x4c4f53534c455353ull
#define STALLS_MAX	3

struct head {
	uint64_t magic;
	uint64_t number;
	uint32_t index;
	uint32_t len;
	uint64_t spare;
};

static uint32_t next_random(uint32_t *state)
{
	*state = *state * 1664525u + 1013904223u;
	return *state >> 8;
}

size_t lossless_fill(uint8_t *buf, unsigned int index, uint64_t number, size_t len)
{
	struct head head = { MAGIC, number, index, len, 0 };

	memcpy(buf, &head, sizeof(head));
	hft_fill(buf + sizeof(head), len - sizeof(head), index << 24 ^ (uint32_t)number);
	return len;
}

bool lossless_is(const uint8_t *buf, size_t len, unsigned int index, uint64_t *number)
{
	uint8_t want[HF_MSG_PAYLOAD_MAX];
	struct head head;

	if (len < sizeof(head) || len > sizeof(want))
		return false;
	memcpy(&head, buf, sizeof(head));
	*number = head.number;
	lossless_fill(want, index, head.number, len);
	return !memcmp(buf, want, len);
}

/* Half of the messages are small. */
static size_t random_size(uint32_t *random)
{
	size_t most = next_random(random) % 2 ? HF_MSG_PAYLOAD_MAX : 128;

	return sizeof(struct head) + next_random(random) % (most - sizeof(struct head) + 1);
}

static int fail(struct lossless_sender *s, const char *what)
{
	snprintf(s->error, sizeof(s->error), "%s: %s", what, strerror(errno));
	return -1;
}

/* Every other sender never blocks in send(), which is another way through the driver. */
static int send_one(struct lossless_sender *s, int fd)
{
	uint8_t buf[HF_MSG_PAYLOAD_MAX];
	size_t len = lossless_fill(buf, s->index, s->account.sent, random_size(&s->random));

	if (s->index % 2)
		hft_poll(fd, POLLOUT, LOSSLESS_PATIENCE_MS);
	if (send(fd, buf, len, s->index % 2 ? MSG_DONTWAIT : 0) != (ssize_t)len)
		return fail(s, "send");
	s->account.sent++;
	return 0;
}

/* One bit for each message sent; grows. */
struct seen {
	uint8_t *bits;
	size_t size;
};

/* True if it was there before. */
static bool note(struct seen *seen, uint64_t number)
{
	uint8_t bit = 1 << number % 8;
	size_t size = seen->size;
	bool was;

	if (number / 8 >= size) {
		seen->size = number / 8 + 4096;
		seen->bits = realloc(seen->bits, seen->size);
		memset(seen->bits + size, 0, seen->size - size);
	}
	was = seen->bits[number / 8] & bit;
	seen->bits[number / 8] |= bit;
	return was;
}

static int receive_one(struct lossless_sender *s, int fd, struct seen *seen)
{
	uint8_t buf[HF_MSG_PAYLOAD_MAX + 1];
	ssize_t n = recv(fd, buf, sizeof(buf), 0);
	uint64_t number;

	if (n < 0)
		return fail(s, "recv");
	s->account.received++;
	if (!lossless_is(buf, n, s->index, &number) || number >= s->account.sent)
		s->account.foreign++;
	else if (note(seen, number))
		s->account.twice++;
	else
		s->account.distinct++;
	return 0;
}

static bool has_more(const struct lossless_sender *s)
{
	return !s->stop && (!s->messages || s->account.sent < s->messages);
}

/* Lost ones may come after all, so that there seem to be fewer than none. */
static bool may_send(const struct lossless_sender *s, unsigned long lost)
{
	return has_more(s) && s->account.sent < s->account.distinct + lost + LOSSLESS_WINDOW;
}

static int work(void *arg)
{
	struct lossless_sender *s = arg;
	int fd = hft_connect(s->vm, 100 + s->index);
	struct seen seen = { 0 };
	unsigned long lost = 0;

	if (fd < 0 || hft_set_timeout(fd, SO_RCVTIMEO, LOSSLESS_PATIENCE_MS) ||
	    hft_set_timeout(fd, SO_SNDTIMEO, LOSSLESS_PATIENCE_MS))
		return fail(s, "connect") ? 1 : 0;
	while (has_more(s) || s->account.distinct + lost < s->account.sent) {
		if (may_send(s, lost)) {
			if (send_one(s, fd))
				return 1;
			continue;
		}
		if (!receive_one(s, fd, &seen))
			continue;
		/* What has not come by now is lost; the rest is still worth counting. */
		lost = s->account.sent - s->account.distinct;
		if (++s->account.stalls == STALLS_MAX)
			return 1;
	}
	return 0;
}

struct lossless_sender *lossless_start(const unsigned int *vms, unsigned int nr_vms,
				       unsigned long messages)
{
	struct lossless_sender *senders = hft_shared(LOSSLESS_SENDERS * sizeof(*senders));
	unsigned int i;

	if (!senders)
		return NULL;
	for (i = 0; i < LOSSLESS_SENDERS; i++) {
		struct lossless_sender *s = &senders[i];

		s->index = i;
		s->vm = vms[i % nr_vms];
		s->messages = messages;
		s->random = i + 1;
		s->pid = hft_spawn(work, s);
	}
	return senders;
}

static void add(struct lossless_account *sum, const volatile struct lossless_account *a)
{
	sum->sent += a->sent;
	sum->received += a->received;
	sum->distinct += a->distinct;
	sum->twice += a->twice;
	sum->foreign += a->foreign;
	sum->stalls += a->stalls;
}

/* A sender ends by itself: the limit is that of the test. */
struct lossless_account lossless_finish(struct lossless_sender *senders, bool stop)
{
	struct lossless_account sum = { 0 };
	unsigned int i;

	for (i = 0; i < LOSSLESS_SENDERS; i++)
		senders[i].stop = stop;
	for (i = 0; i < LOSSLESS_SENDERS; i++) {
		if (hft_join(senders[i].pid, 3600 * 1000))
			fprintf(stderr, "# sender %u of VM %u: %s\n", i, senders[i].vm,
				senders[i].error);
		add(&sum, &senders[i].account);
	}
	return sum;
}

void lossless_print(const struct lossless_account *a)
{
	fprintf(stderr, "# sent %lu, received %lu, distinct %lu, twice %lu, foreign %lu, stalls %lu\n",
		a->sent, a->received, a->distinct, a->twice, a->foreign, a->stalls);
}

bool lossless_is_good(const struct lossless_account *a)
{
	return a->sent && a->sent == a->received && a->sent == a->distinct && !a->twice &&
	       !a->foreign && !a->stalls && !a->dropped && !a->unsafe;
}

int64_t lossless_dropped(unsigned int vm)
{
	static const char *const keys[] = { "dropped_short", "dropped_size", "dropped_sender",
					    "dropped_port", "dropped_full" };
	int64_t sum = 0, n;
	size_t i;

	for (i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
		n = hft_vm_count(vm, keys[i]);
		if (n < 0)
			return -1;
		sum += n;
	}
	return sum;
}

int64_t lossless_unsafe(unsigned int vm)
{
	static const uint32_t counters[] = { HFT_COUNT_OVERWRITE, HFT_COUNT_DISCARD,
					     HFT_COUNT_TWICE };
	int64_t sum = 0;
	size_t i;

	for (i = 0; hft_have_testcall() && i < sizeof(counters) / sizeof(counters[0]); i++)
		sum += hft_call(HFT_COUNT, counters[i], HFT_VCPU(vm, 0), 0, 0, 0);
	return sum;
}

struct lossless_account lossless_run(unsigned int vm, unsigned long messages)
{
	int64_t dropped = lossless_dropped(vm), unsafe = lossless_unsafe(vm);
	int64_t start = hft_now_ns();
	struct lossless_sender *senders = lossless_start(&vm, 1, messages);
	struct lossless_account sum = { 0 };

	if (!senders)
		return sum;
	sum = lossless_finish(senders, false);
	sum.dropped = lossless_dropped(vm) - dropped;
	sum.unsafe = lossless_unsafe(vm) - unsafe;
	if (!lossless_is_good(&sum))
		hft_dump_state();
	lossless_print(&sum);
	fprintf(stderr, "# VM %u: %lu messages in %lld ms, %lu dropped, %lu unsafe\n", vm, sum.sent,
		(long long)(hft_now_ns() - start) / 1000000, sum.dropped, sum.unsafe);
	return sum;
}
