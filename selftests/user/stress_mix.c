// SPDX-License-Identifier: GPL-2.0
/*
 * Schedules nobody thought of: several processes talk to guests of every kind,
 * each in its own random way, while CPUs come and go, processes are suspended,
 * and signals interrupt their calls.
 *
 * Each message carries its session, a sequence number and a checksum. A reply
 * that is later than hft_patience_ms() is a stall: the state of all VMs and vCPUs
 * is printed and everything stops. HF_SECONDS (20) is how long, HF_SEED (1)
 * where the random choices start; what the schedulers do is not replayable.
 *
 * Needs guests that echo, two CPUs or more for hotplug; relay, timer and flood
 * guests are used if they are there.
 */
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>

#include "hft_harness.h"

#define SENDERS		12
#define WINDOW		4
#define BURSTS		60	/* in a session, at most */
#define FLOOD_MAX	48	/* what a receive queue holds for sure */
#define TIMER_MAX_NS	3000000u
#define MS_NS		1000000LL

/* SECONDS= may be an hour. */
#undef TEST_TIMEOUT_DEFAULT
#define TEST_TIMEOUT_DEFAULT 4000

enum kind { ECHO, RELAY, TIMER, FLOOD };

static const struct {
	const char *guest;
	enum kind kind;
	const char *feature;	/* of the hypervisor, and what it has to be */
	int value;
} guests[] = {
	{ .guest = "echo", .kind = ECHO },
	{ .guest = "echo_irq", .kind = ECHO, .feature = "injection", .value = 1 },
	{ .guest = "smp", .kind = ECHO },
	{ .guest = "smp_irq", .kind = ECHO, .feature = "injection", .value = 1 },
	{ .guest = "yield", .kind = ECHO },
	/* VMs may overwrite what others send. */
	{ .guest = "relay", .kind = RELAY, .feature = "rx_overwrite", .value = 0 },
	{ .guest = "timer", .kind = TIMER, .feature = "injection", .value = 1 },
	{ .guest = "flood", .kind = FLOOD },
};

struct __attribute__((packed)) head {
	uint16_t target;	/* a relay reads this; others do not care */
	uint16_t len;
	uint32_t session;
	uint64_t sequence;
	uint64_t checksum;	/* of the whole, with this being 0 */
};

struct shared {
	volatile bool stop;
	volatile bool stalled;
	struct sender {
		unsigned int index;
		uint32_t random;
		pid_t pid;
		volatile unsigned long sent, received, sessions, interrupted;
		char error[160];
	} sender[SENDERS];
	volatile unsigned long hotplugs, suspends, signals;
};

/* How one session talks: chosen at its begin. */
struct session {
	struct sender *me;
	struct shared *all;
	const struct hft_guest *guest;
	enum kind kind;
	uint32_t id;
	uint16_t target;
	int fd;
	bool nonblocking;
	uint64_t next_out, next_in;
};

static uint32_t next_random(uint32_t *state)
{
	*state = *state * 1664525u + 1013904223u;
	return *state >> 8;
}

static uint32_t pick(struct session *s, uint32_t n)
{
	return next_random(&s->me->random) % n;
}

static int give_up(struct session *s, const char *what)
{
	snprintf(s->me->error, sizeof(s->me->error), "VM %u (%s), session %u, message %llu: %s",
		 s->guest->id, s->guest->name, s->id, (unsigned long long)s->next_in, what);
	return -1;
}

static int stall(struct session *s, const char *what)
{
	give_up(s, what);
	/* One report of the state is enough, and only the first is of the stall. */
	if (!__atomic_exchange_n(&s->all->stalled, true, __ATOMIC_SEQ_CST)) {
		fprintf(stderr, "# stall: %s\n", s->me->error);
		hft_dump_state();
	}
	return -1;
}

/* Signals interrupt it; a suspended process finds its reply when it goes on. */
static int wait_for(struct session *s, short events, const char *what)
{
	int64_t end = hft_now_ns() + hft_patience_ms() * MS_NS;
	int64_t left;
	int got;

	do {
		left = (end - hft_now_ns()) / MS_NS;
		got = hft_poll(s->fd, events, left > 0 ? left : 0);
		if (got & events)
			return 0;
		if (got > 0)
			return give_up(s, "error on the socket");
		s->me->interrupted += got < 0;
	} while (got < 0 || left > 0);
	return stall(s, what);
}

/*
 * After a call that failed: 0 if it is to be tried again. Each signal restarts
 * the socket's own timeout, so that a stall would never end without a deadline.
 */
static int again(struct session *s, int64_t start, short events, const char *what)
{
	if (errno != EINTR && errno != EAGAIN)
		return give_up(s, strerror(errno));
	if (errno == EINTR)
		s->me->interrupted++;
	else if (s->nonblocking)
		return wait_for(s, events, what);
	if (hft_now_ns() - start < hft_patience_ms() * MS_NS)
		return 0;
	/* One more look: we may have been suspended. */
	return hft_poll(s->fd, events, 0) > 0 ? 0 : stall(s, what);
}

/* 0, or -1. Blocks in the call or in poll(), as the session does. */
static int put(struct session *s, const void *buf, size_t len)
{
	int64_t start = hft_now_ns();
	ssize_t n;

	while ((n = send(s->fd, buf, len, s->nonblocking ? MSG_DONTWAIT : 0)) < 0)
		if (again(s, start, POLLOUT, "no room to send"))
			return -1;
	if (n != (ssize_t)len)
		return give_up(s, "send: wrong length");
	s->me->sent++;
	return 0;
}

static ssize_t take(struct session *s, void *buf, size_t size)
{
	int64_t start = hft_now_ns();
	ssize_t n;

	while ((n = recv(s->fd, buf, size, s->nonblocking ? MSG_DONTWAIT : 0)) < 0)
		if (again(s, start, POLLIN, "no reply"))
			return -1;
	s->me->received++;
	return n;
}

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

static int put_stamped(struct session *s)
{
	static const uint32_t most[] = { 0, 64, 1000, HF_MSG_PAYLOAD_MAX - sizeof(struct head) };
	uint8_t buf[HF_MSG_PAYLOAD_MAX];
	struct head head = {
		.target = s->target,
		.len = sizeof(head) + pick(s, most[pick(s, 4)] + 1),
		.session = s->id,
		.sequence = s->next_out++,
	};

	hft_fill(buf + sizeof(head), head.len - sizeof(head), s->me->random);
	memcpy(buf, &head, sizeof(head));
	head.checksum = checksum(buf, head.len);
	memcpy(buf, &head, sizeof(head));
	return put(s, buf, head.len);
}

static int take_stamped(struct session *s)
{
	uint8_t buf[HF_MSG_PAYLOAD_MAX + 1];
	ssize_t n = take(s, buf, sizeof(buf));
	struct head head;
	uint64_t sum;

	if (n < 0)
		return -1;
	if (n < (ssize_t)sizeof(head))
		return give_up(s, "too short");
	memcpy(&head, buf, sizeof(head));
	sum = head.checksum;
	head.checksum = 0;
	memcpy(buf, &head, sizeof(head));
	if (head.len != n || sum != checksum(buf, n))
		return give_up(s, "damaged");
	if (head.session != s->id)
		return give_up(s, "of another session");
	if (head.sequence != s->next_in)
		return give_up(s, head.sequence < s->next_in ? "twice" : "lost or out of order");
	s->next_in++;
	return 0;
}

static void pause_sometimes(struct session *s)
{
	switch (pick(s, 64)) {
	case 0:
		hft_sleep_ms(pick(s, 30));
		break;
	case 1:
	case 2:
		usleep(pick(s, 1000));
		break;
	}
}

static int echo_burst(struct session *s)
{
	unsigned int i, n = 1 + pick(s, WINDOW);

	for (i = 0; i < n; i++)
		if (put_stamped(s))
			return -1;
	pause_sometimes(s);
	for (i = 0; i < n; i++)
		if (take_stamped(s))
			return -1;
	return 0;
}

static int timer_burst(struct session *s)
{
	struct __attribute__((packed)) { uint64_t ns; uint8_t wfi; } req = {
		.ns = pick(s, TIMER_MAX_NS), .wfi = pick(s, 2),
	};
	struct { uint64_t asked, measured; } answer;

	if (put(s, &req, sizeof(req)))
		return -1;
	if (take(s, &answer, sizeof(answer)) != sizeof(answer))
		return s->me->error[0] ? -1 : give_up(s, "wrong length");
	if (answer.asked != req.ns || answer.measured < req.ns)
		return give_up(s, "not the time that was asked for");
	s->next_in++;
	return 0;
}

static int flood_burst(struct session *s)
{
	struct { uint32_t count, size; uint64_t port; } req = {
		.count = 1 + pick(s, FLOOD_MAX), .size = sizeof(uint64_t) + pick(s, 2000),
	};
	uint8_t buf[HF_MSG_PAYLOAD_MAX];
	uint64_t i, sequence;

	if (put(s, &req, sizeof(req)))
		return -1;
	for (i = 0; i < req.count; i++) {
		ssize_t n = take(s, buf, sizeof(buf));

		if (n < 0)
			return -1;
		memcpy(&sequence, buf, sizeof(sequence));
		if (n != req.size || sequence != i || (n > 8 && buf[n - 1] != (uint8_t)i))
			return give_up(s, "flood: lost, out of order or damaged");
	}
	s->next_in++;
	return 0;
}

static int burst(struct session *s)
{
	switch (s->kind) {
	case TIMER:
		return timer_burst(s);
	case FLOOD:
		return flood_burst(s);
	default:
		return echo_burst(s);
	}
}

static uint32_t count_usable(uint32_t i)
{
	if (guests[i].feature && hft_feature(guests[i].feature) != guests[i].value)
		return 0;
	return hft_guest_count(guests[i].guest);
}

/* A guest of a random kind, and there a random one. */
static void choose_guest(struct session *s)
{
	uint32_t i, n;

	do {
		i = pick(s, ARRAY_SIZE(guests));
		n = count_usable(i);
	} while (!n);
	s->kind = guests[i].kind;
	s->guest = hft_guest(guests[i].guest, pick(s, n));
	n = hft_guest_count("echo");
	s->target = s->kind == RELAY ? hft_guest("echo", pick(s, n))->id : 0;
}

static int run_session(struct session *s)
{
	int i, n = 1 + pick(s, BURSTS), err = 0;

	choose_guest(s);
	s->id = s->me->random;
	s->nonblocking = pick(s, 2);
	s->next_in = s->next_out = 0;
	s->fd = hft_connect(s->guest->id, pick(s, 100));
	if (s->fd < 0)
		return give_up(s, strerror(errno));
	for (i = 0; i < n && !err && !s->all->stop && !s->all->stalled; i++) {
		err = burst(s);
		pause_sometimes(s);
	}
	close(s->fd);
	s->me->sessions++;
	return err;
}

static void on_signal(int number)
{
}

static struct shared *all;

static int sender(void *arg)
{
	struct sigaction action = { .sa_handler = on_signal };
	struct session s = { .me = arg, .all = all };

	sigaction(SIGUSR1, &action, NULL);
	while (!all->stop && !all->stalled)
		if (run_session(&s))
			return 1;
	return 0;
}

/* Disturbs the others until the end; leaves all CPUs on and nobody suspended. */
static void disturb(uint32_t *random, int64_t end)
{
	unsigned int cpus = hft_online_cpus(), cpu = 0;

	while (hft_now_ns() < end && !all->stalled) {
		struct sender *victim = &all->sender[next_random(random) % SENDERS];
		uint32_t what = next_random(random) % 8;

		if (what == 0 && cpus > 1) {
			/* The one that is off comes back before another one goes. */
			if (!cpu)
				cpu = 1 + next_random(random) % (cpus - 1);
			else if (!hft_set_online(cpu, true))
				cpu = 0;
			all->hotplugs += cpu && !hft_set_online(cpu, false);
		} else if (what <= 2) {
			kill(victim->pid, SIGSTOP);
			hft_sleep_ms(next_random(random) % 100);
			kill(victim->pid, SIGCONT);
			all->suspends++;
		} else {
			kill(victim->pid, SIGUSR1);
			all->signals++;
		}
		hft_sleep_ms(next_random(random) % 100);
	}
	if (cpu)
		hft_set_online(cpu, true);
}

static unsigned long number(const char *name, unsigned long otherwise)
{
	const char *env = getenv(name);

	return env && *env ? strtoul(env, NULL, 0) : otherwise;
}

static int64_t sum(const char *key)
{
	const struct hft_guest *guest;
	int64_t total = 0;
	unsigned int i;

	for (i = 0; (guest = hft_guest(NULL, i)); i++)
		total += hft_vcpus_count(guest->id, key);
	return total;
}

static void report(unsigned long seconds, unsigned long seed)
{
	unsigned long sent = 0, received = 0, sessions = 0, interrupted = 0;
	int i;

	for (i = 0; i < SENDERS; i++) {
		sent += all->sender[i].sent;
		received += all->sender[i].received;
		sessions += all->sender[i].sessions;
		interrupted += all->sender[i].interrupted;
	}
	fprintf(stderr, "# seed %lu, %lu s: %lu messages (%lu sent, %lu received), %lu sessions\n",
		seed, seconds, sent + received, sent, received, sessions);
	fprintf(stderr, "# %lu hotplugs, %lu suspends, %lu signals, %lu calls interrupted\n",
		all->hotplugs, all->suspends, all->signals, interrupted);
	fprintf(stderr, "# %lld runs, %lld spurious, %lld kicks, %lld wakes\n",
		(long long)sum("runs"), (long long)sum("spurious"), (long long)sum("kicks"),
		(long long)sum("wakes"));
}

TEST(nothing_is_lost_and_nobody_stalls_under_random_load)
{
	static const char *const drops[] = { "dropped_short", "dropped_size", "dropped_full",
					     "dropped_sender" };
	unsigned long seconds = number("HF_SECONDS", 20), seed = number("HF_SEED", 1);
	uint32_t random = seed;
	int i;

	if (!hft_guest_count("echo"))
		HFT_SKIP("no echo guest in this boot");
	all = hft_shared(sizeof(*all));
	for (i = 0; i < SENDERS; i++) {
		all->sender[i].index = i;
		all->sender[i].random = next_random(&random);
		all->sender[i].pid = hft_spawn(sender, &all->sender[i]);
	}
	disturb(&random, hft_now_ns() + seconds * 1000 * MS_NS);
	all->stop = true;
	for (i = 0; i < SENDERS; i++) {
		EXPECT_EQ(0, hft_join(all->sender[i].pid, 4 * hft_patience_ms()));
		EXPECT_STREQ("", all->sender[i].error);
		EXPECT_LT(0, all->sender[i].received);
	}
	for (i = 0; i < ARRAY_SIZE(drops); i++)
		EXPECT_EQ(0, hft_vms_count(drops[i]));
	report(seconds, seed);
}

TEST_HARNESS_MAIN
