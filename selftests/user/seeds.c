// SPDX-License-Identifier: GPL-2.0
/*
 * Schedules by the number: rounds of random load, each made by its seed alone.
 *
 * A seed chooses two guests, which several processes talk to at once, on which
 * CPUs processes and vCPU threads are, what is sent, when a socket is closed
 * with answers under way, and the hypervisor's delays: a CPU spins at EL2 now
 * and then, before and after a call, an exit, a release, while the others go on.
 * What is found: an answer that is late, missing, out of order or damaged, and
 * any warning of the module, the stall detector's above all.
 *
 * Needs QEMU's -icount: then HF_SEED (1), which is the seed of the first round,
 * decides the whole boot. Guests that echo, two or more; timer, relay, vsock.
 */
#include <sys/socket.h>

#include "hft_load.h"
#include "hft_vsock.h"
#include "hft_harness.h"

#define ROUNDS		20	/* SEEDS_A_BOOT in selftests/seeds */
#define PROCESSES	5
#define SESSIONS	4
#define BURSTS		6
#define WINDOW		4
#define CHOSEN		2
#define THREADS_MAX	16
#define LATE_MS		500	/* of instruction time; a round takes far less */
#define TIMER_MAX_NS	400000
#define DELAY_MAX_NS	100000

#undef TEST_TIMEOUT_DEFAULT
#define TEST_TIMEOUT_DEFAULT 900

enum kind { ECHO, RELAY, TIMER, VSOCK };

static const struct {
	const char *guest;
	enum kind kind;
} guests[] = {
	{ "echo", ECHO }, { "echo_irq", ECHO }, { "smp", ECHO }, { "smp_irq", ECHO },
	{ "relay", RELAY }, { "timer", TIMER }, { "vsock", VSOCK },
};

struct chosen {
	const struct hft_guest *guest;
	enum kind kind;
};

struct worker {
	uint32_t random;
	pid_t pid;
	unsigned int messages;
	char error[120];
};

struct round {
	struct chosen chosen[CHOSEN];
	struct worker worker[PROCESSES];
};

struct session {
	struct worker *me;
	struct chosen to;
	int fd;
	uint32_t id;
	uint64_t out, in;
};

struct __attribute__((packed)) head {
	uint16_t target;	/* a relay reads this */
	uint16_t len;
	uint32_t session;
	uint64_t sequence;
};

static struct round *now;
static pid_t threads[THREADS_MAX];

static uint32_t next_random(uint32_t *state, uint32_t n)
{
	*state = *state * 1664525u + 1013904223u;
	return (*state >> 8) % n;
}

static uint32_t pick(struct session *s, uint32_t n)
{
	return next_random(&s->me->random, n);
}

static int found(struct session *s, const char *what)
{
	snprintf(s->me->error, sizeof(s->me->error), "VM %u (%s), message %llu: %s",
		 s->to.guest->id, s->to.guest->name, (unsigned long long)s->in, what);
	return -1;
}

static int put_stamped(struct session *s)
{
	uint8_t buf[sizeof(struct head) + 600];
	struct head head = {
		.target = s->to.kind == RELAY ? hft_guest("echo", 0)->id : 0,
		.len = sizeof(head) + pick(s, pick(s, 8) ? 40 : 600),
		.session = s->id,
		.sequence = s->out,
	};

	memcpy(buf, &head, sizeof(head));
	hft_fill(buf + sizeof(head), head.len - sizeof(head), s->id + s->out);
	return send(s->fd, buf, head.len, 0) == head.len ? 0 : -1;
}

static int take_stamped(struct session *s)
{
	uint8_t buf[HF_MSG_PAYLOAD_MAX], want[sizeof(buf)];
	ssize_t n = recv(s->fd, buf, sizeof(buf), 0);
	struct head head;

	if (n < 0)
		return found(s, "no answer");
	memcpy(&head, buf, sizeof(head));
	hft_fill(want, n, s->id + s->in);
	if (n < sizeof(head) || head.len != n || head.session != s->id ||
	    memcmp(buf + sizeof(head), want, n - sizeof(head)))
		return found(s, "damaged, or another's answer");
	return head.sequence == s->in ? 0 : found(s, "lost, twice or out of order");
}

static int put_timer(struct session *s)
{
	struct __attribute__((packed)) { uint64_t ns; uint8_t wfi; } req = {
		.ns = pick(s, TIMER_MAX_NS), .wfi = pick(s, 2),
	};

	return send(s->fd, &req, sizeof(req), 0) == sizeof(req) ? 0 : -1;
}

static int take_timer(struct session *s)
{
	struct { uint64_t asked, measured; } answer;

	if (recv(s->fd, &answer, sizeof(answer), 0) != sizeof(answer))
		return found(s, "no answer");
	return answer.measured >= answer.asked ? 0 : found(s, "too early");
}

static int put(struct session *s)
{
	int err;

	if (s->to.kind == TIMER)
		err = put_timer(s);
	else if (s->to.kind == VSOCK)
		err = hft_give(s->fd, s->out, HFT_NUMBERED_MIN + pick(s, 100));
	else
		err = put_stamped(s);
	if (err)
		return found(s, "cannot be sent");
	s->out++;
	return 0;
}

static int take(struct session *s)
{
	int err;

	if (s->to.kind == TIMER)
		err = take_timer(s);
	else if (s->to.kind == VSOCK)
		err = hft_take(s->fd, s->in) ? found(s, "no or another answer") : 0;
	else
		err = take_stamped(s);
	if (!err) {
		s->in++;
		s->me->messages++;
	}
	return err;
}

static int burst(struct session *s)
{
	unsigned int i, n = 1 + pick(s, WINDOW);

	for (i = 0; i < n; i++)
		if (put(s))
			return -1;
	if (!pick(s, 4))
		usleep(pick(s, 300));
	for (i = 0; i < n; i++)
		if (take(s))
			return -1;
	return 0;
}

static int run_session(struct session *s)
{
	unsigned int i, n = 1 + pick(s, BURSTS);
	int err = 0;

	s->to = now->chosen[pick(s, CHOSEN)];
	s->id = s->me->random;
	s->in = s->out = 0;
	if (s->to.kind == VSOCK)
		s->fd = hft_vsock_connect(SOCK_SEQPACKET, hft_cid(s->to.guest->id),
					  VSOCK_PORT_ECHO);
	else
		s->fd = hft_connect(s->to.guest->id, pick(s, 100));
	if (s->fd < 0 || hft_set_timeout(s->fd, SO_RCVTIMEO, LATE_MS) ||
	    hft_set_timeout(s->fd, SO_SNDTIMEO, LATE_MS))
		return found(s, "no connection");
	for (i = 0; i < n && !err; i++)
		err = burst(s);
	/* An answer that nobody waits for any more. */
	if (!err && !pick(s, 4))
		err = put(s);
	close(s->fd);
	return err;
}

static int work(void *arg)
{
	struct session s = { .me = arg };
	int i;

	if (pick(&s, 2))
		hft_pin(0, pick(&s, hft_online_cpus()));
	for (i = 0; i < SESSIONS; i++) {
		if (run_session(&s))
			return 1;
		if (!pick(&s, 3))
			usleep(pick(&s, 500));
	}
	return 0;
}

static void find_threads(void)
{
	const struct hft_guest *guest;
	unsigned int i, j, n = 0;
	char name[32];

	for (i = 0; (guest = hft_guest(NULL, i)); i++) {
		for (j = 0; j < guest->vcpus && n < THREADS_MAX; j++) {
			snprintf(name, sizeof(name), "hf/%u.%u", guest->id, j);
			threads[n++] = hft_find_thread(name);
		}
	}
}

static struct chosen choose(uint32_t *random)
{
	struct chosen c;
	uint32_t i;

	do {
		i = next_random(random, ARRAY_SIZE(guests));
		c.guest = hft_guest(guests[i].guest, 0);
		c.kind = guests[i].kind;
	} while (!c.guest);
	return c;
}

/* All that the seed decides before the processes start. */
static void prepare(uint32_t seed)
{
	uint32_t random = seed * 2654435761u, one_in, longest;
	int i;

	memset(now, 0, sizeof(*now));
	for (i = 0; i < 4; i++)
		next_random(&random, 1);
	for (i = 0; i < CHOSEN; i++)
		now->chosen[i] = choose(&random);
	for (i = 0; i < PROCESSES; i++)
		now->worker[i].random = random + i * 40503u;
	for (i = 0; i < THREADS_MAX && threads[i] > 0; i++)
		hft_pin(threads[i], next_random(&random, hft_online_cpus()));
	one_in = 2 + next_random(&random, 12);
	longest = 1000 + next_random(&random, DELAY_MAX_NS);
	fprintf(stderr, "# seed=%u begins: VM %u and VM %u, 1 delay in %u, at most %u ns\n", seed,
		now->chosen[0].guest->id, now->chosen[1].guest->id, one_in, longest);
	hft_call(HFT_JITTER, random, one_in, longest, 0, 0);
}

static long long sum(const char *key)
{
	const struct hft_guest *guest;
	long long total = 0;
	unsigned int i;

	for (i = 0; (guest = hft_guest(NULL, i)); i++)
		total += hft_vcpus_count(guest->id, key);
	return total;
}

/* What tells one schedule from another; the time is that of all instructions. */
static void report(uint32_t seed, int64_t ns)
{
	unsigned int i, messages = 0;

	for (i = 0; i < PROCESSES; i++)
		messages += now->worker[i].messages;
	fprintf(stderr, "# seed=%u done: %u answers, %lld ns; so far %lld runs, %lld kicks, "
		"%lld wakes\n", seed, messages, (long long)ns, sum("runs"), sum("kicks"),
		sum("wakes"));
}

/* True if the seed found something. */
static bool round_finds(uint32_t seed, int log)
{
	char line[160] = "";
	bool bad = false;
	int64_t start;
	int i;

	prepare(seed);
	start = hft_now_ns();
	for (i = 0; i < PROCESSES; i++)
		now->worker[i].pid = hft_spawn(work, &now->worker[i]);
	for (i = 0; i < PROCESSES; i++) {
		if (!hft_join(now->worker[i].pid, HFT_PATIENCE_MS))
			continue;
		bad = true;
		fprintf(stderr, "# %s\n", now->worker[i].error[0] ? now->worker[i].error :
			"a process died, or does not end");
	}
	hft_call(HFT_JITTER, 0, 1, 0, 0, 0);
	report(seed, hft_now_ns() - start);
	if (hft_log_lines(log, HFT_LOG_WARNING, line, sizeof(line))) {
		bad = true;
		fprintf(stderr, "# the module says: %s\n", line);
	}
	if (bad)
		hft_dump_state();
	return bad;
}

TEST(no_seed_loses_or_delays_a_message)
{
	static const char *const drops[] = { "dropped_short", "dropped_size", "dropped_full",
					     "dropped_sender" };
	uint32_t first = hft_number("HF_SEED", 1), seed;
	int i, log = hft_log_open();

	HFT_NEED_TESTCALL();
	HFT_NEED_GUEST(guest, "echo", 0);
	ASSERT_LE(0, log);
	ASSERT_EQ(0, hft_echo_once(guest->id, 10));
	now = hft_shared(sizeof(*now));
	find_threads();
	for (seed = first; seed < first + ROUNDS; seed++) {
		ASSERT_FALSE(round_finds(seed, log));
	}
	for (i = 0; i < ARRAY_SIZE(drops); i++)
		EXPECT_EQ(0, hft_vms_count(drops[i]));
}

TEST_HARNESS_MAIN
