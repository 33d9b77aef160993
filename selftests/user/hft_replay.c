// SPDX-License-Identifier: GPL-2.0
/*
 * Replays of lost wake-ups: the machinery; see hft_replay.h.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "hft_replay.h"

#define MS_NS		1000000LL
#define HELD_MS		1000	/* how long a vCPU may take to a point */
#define ATTEMPTS	400
#define SLEEP_NS	(1000 * MS_NS)
#define NAP_US		200	/* between two looks, at first */
#define MAX_NAP_US	6400

/* -1, after a line that says why. */
static int complain(const char *fmt, ...)
{
	va_list args;

	fprintf(stderr, "# ");
	va_start(args, fmt);
	vfprintf(stderr, fmt, args);
	va_end(args);
	fprintf(stderr, "\n");
	return -1;
}

const struct hft_guest *replay_guest(const char *name, unsigned int vcpus,
				     unsigned int nth)
{
	const struct hft_guest *guest;
	unsigned int i;

	for (i = 0; (guest = hft_guest(name, i)); i++)
		if (guest->vcpus == vcpus && !nth--)
			return guest;
	return NULL;
}

int replay_unload(void)
{
	int err = hft_module_loaded() ? hft_module_unload_wait(HFT_PATIENCE_MS) : 0;

	return err ? complain("unload: %s", strerror(-err)) : 0;
}

int replay_load(const char *vms, const char *more)
{
	const char *given = getenv("hf_params");
	char params[256];
	int err;

	hft_pin(0, REPLAY_CPU_TEST);
	if (replay_unload())
		return -1;
	snprintf(params, sizeof(params), "vms=%s %s %s", vms, given ? given : "", more);
	err = hft_module_load(params);
	return err ? complain("load with %s: %s", params, strerror(-err)) : 0;
}

int replay_open(struct replay *r, unsigned int vm, unsigned int vcpu)
{
	memset(r, 0, sizeof(*r));
	r->vm = vm;
	r->vcpu = vcpu;
	r->id = HFT_VCPU(vm, vcpu);
	r->fastest_ns = INT64_MAX;
	r->log = hft_log_open();
	r->fd = hft_connect(vm, 10);
	return r->fd < 0 ? complain("connect to VM %u: %s", vm, strerror(errno)) : 0;
}

void replay_close(struct replay *r)
{
	close(r->fd);
	close(r->log);
}

static bool stay_awake;

void replay_stay_awake(bool awake)
{
	stay_awake = awake;
}

/*
 * Looks less and less often: a test that goes first, on the CPU of what it waits
 * for, could leave that no time to get anywhere.
 */
static bool until(bool (*what)(const void *arg), const void *arg, unsigned int ms)
{
	int64_t end = hft_now_ns() + ms * MS_NS;
	unsigned int nap_us = NAP_US;
	bool late = false;

	while (!what(arg)) {
		/* One look more after the end: we may not have run for long. */
		if (late)
			return false;
		late = hft_now_ns() > end;
		if (stay_awake) {
			sched_yield();
		} else {
			usleep(nap_us);
			nap_us = nap_us < MAX_NAP_US ? 2 * nap_us : nap_us;
		}
	}
	return true;
}

/* The text of key= in the vCPU's line, empty if there is none. */
static void vcpu_word(const struct replay *r, const char *key, char *word, size_t size)
{
	FILE *f = fopen("/sys/kernel/debug/hafnium/vcpus", "r");
	char line[1024], start[40], wanted[40];
	const char *p;

	word[0] = '\0';
	snprintf(start, sizeof(start), "vm=%u vcpu=%u ", r->vm, r->vcpu);
	snprintf(wanted, sizeof(wanted), " %s=", key);
	while (f && fgets(line, sizeof(line), f)) {
		p = strstr(line, wanted);
		if (!strncmp(line, start, strlen(start)) && p) {
			p += strlen(wanted);
			snprintf(word, size, "%.*s", (int)strcspn(p, " \n"), p);
		}
	}
	if (f)
		fclose(f);
}

struct word {
	const struct replay *r;
	const char *key;
	const char *value;
};

static bool word_is(const void *arg)
{
	const struct word *w = arg;
	char found[32];

	vcpu_word(w->r, w->key, found, sizeof(found));
	return !strcmp(found, w->value);
}

bool replay_is(const struct replay *r, const char *key, const char *value,
	       unsigned int ms)
{
	struct word w = { r, key, value };

	return until(word_is, &w, ms);
}

int64_t replay_count(const struct replay *r, const char *key)
{
	return hft_vcpu_count(r->vm, r->vcpu, key);
}

int replay_pin(unsigned int vm, unsigned int vcpu, unsigned int cpu)
{
	char name[32];
	pid_t pid;

	snprintf(name, sizeof(name), "hf/%u.%u", vm, vcpu);
	pid = hft_find_thread(name);
	if (pid < 0 || hft_pin(pid, cpu))
		return complain("%s cannot be pinned: %s", name, strerror(errno));
	return 0;
}

int replay_rest(const struct replay *r)
{
	if (replay_is(r, "mode", "blocked", REPLAY_PATIENCE_MS))
		return 0;
	hft_dump_state();
	return complain("VM %u vCPU %u does not come to rest", r->vm, r->vcpu);
}

int replay_settle(unsigned int vm, unsigned int vcpu)
{
	struct replay r = { .vm = vm, .vcpu = vcpu };

	if (replay_rest(&r))
		return -1;
	return replay_pin(vm, vcpu, REPLAY_CPU_VCPU);
}

static int load_one(unsigned int vm, unsigned int vcpus)
{
	char vms[24];

	snprintf(vms, sizeof(vms), "%u:%u", vm, vcpus);
	return replay_load(vms, "");
}

int replay_fresh(struct replay *r, unsigned int vm, unsigned int vcpus,
		 unsigned int vcpu)
{
	struct replay forged = { .vm = vm, .vcpu = vcpu, .id = HFT_VCPU(vm, vcpu) };

	if (replay_unload() || replay_forge(&forged, REPLAY_HF_WFI, forged.id, SLEEP_NS))
		return -1;
	if (load_one(vm, vcpus) || replay_open(r, vm, vcpu))
		return -1;
	return replay_settle(vm, vcpu);
}

int replay_seen(struct replay *r, unsigned int vm, unsigned int vcpus,
		unsigned int vcpu)
{
	if (load_one(vm, vcpus) || replay_open(r, vm, vcpu))
		return -1;
	if (replay_send(r) || replay_reply(r))
		return -1;
	return replay_settle(vm, vcpu);
}

int replay_hold(const struct replay *r, uint32_t point, unsigned int skip)
{
	return hft_call(HFT_HOLD, r->id, point, skip, 0, 0) ?
		complain("hold at point %u: refused", point) : 0;
}

struct held {
	const struct replay *r;
	uint32_t point;
};

static bool is_held(const void *arg)
{
	const struct held *h = arg;

	return hft_call(HFT_HELD, h->r->id, 0, 0, 0, 0) == h->point;
}

int replay_held(const struct replay *r, uint32_t point)
{
	struct held h = { r, point };

	if (until(is_held, &h, HELD_MS))
		return 0;
	hft_call(HFT_HOLD, r->id, HFT_POINT_NONE, 0, 0, 0);
	return -1;
}

int replay_go(const struct replay *r)
{
	return hft_call(HFT_RELEASE, r->id, 0, 0, 0, 0) ? -1 : 0;
}

int replay_forge(const struct replay *r, uint64_t w0, uint64_t w1, uint64_t w2)
{
	return hft_call(HFT_EXIT, r->id, w0, w1, w2, 0) ?
		complain("VM %u vCPU %u: an exit is forged already", r->vm, r->vcpu) : 0;
}

int replay_helper(struct replay *helper, unsigned int vm)
{
	if (replay_open(helper, vm, 0) || replay_pin(vm, 0, REPLAY_CPU_TEST))
		return -1;
	return replay_send(helper) || replay_reply(helper) ? -1 : 0;
}

int replay_wake(const struct replay *r, struct replay *helper)
{
	if (replay_forge(helper, REPLAY_HF_WAKE_UP, r->id, 0))
		return -1;
	return replay_send(helper) || replay_reply(helper) ? -1 : 0;
}

static int send_next(struct replay *r, int flags)
{
	uint32_t out[2] = { ++r->sent, ~r->sent };

	r->sent_ns = hft_ticks_ns();
	if (send(r->fd, out, sizeof(out), flags) != sizeof(out))
		return complain("send of message %u: %s", r->sent, strerror(errno));
	return 0;
}

int replay_send(struct replay *r)
{
	return send_next(r, MSG_DONTWAIT);
}

int replay_send_and_wait(struct replay *r)
{
	return send_next(r, 0);
}

int replay_reply(struct replay *r)
{
	uint32_t in[2] = { 0 }, next = r->received + 1;
	ssize_t n;

	if (!(hft_poll(r->fd, POLLIN, REPLAY_PATIENCE_MS) & POLLIN))
		return complain("no reply to message %u in %d ms: lost", next,
				REPLAY_PATIENCE_MS);
	n = recv(r->fd, in, sizeof(in), 0);
	if (n != sizeof(in) || in[0] != next || in[1] != ~next)
		return complain("instead of reply %u: %zd bytes, %u", next, n, in[0]);
	r->received = next;
	return 0;
}

/* Counts lines by their text; the level does not matter. */
int replay_stalls(struct replay *r)
{
	char record[8192];
	int lines = 0;
	ssize_t n;

	while ((n = read(r->log, record, sizeof(record) - 1)) > 0 ||
	       (n < 0 && errno == EPIPE)) {
		record[n > 0 ? n : 0] = '\0';
		lines += strstr(record, "lost wake-up") != NULL;
	}
	return lines;
}

int replay_finish(struct replay *r)
{
	while (r->received < r->sent)
		if (replay_reply(r))
			return -1;
	r->took_ns = hft_ticks_ns() - r->sent_ns;
	if (replay_stalls(r))
		return complain("the reply came by the stall detector's help: lost");
	return 0;
}

int replay_attempts(struct replay *r, unsigned int wanted,
		    enum replay_outcome (*attempt)(struct replay *r))
{
	unsigned int i, good = 0;

	for (i = 0; i < ATTEMPTS && good < wanted; i++) {
		enum replay_outcome outcome = attempt(r);

		if (outcome == REPLAY_LOST) {
			hft_dump_state();
			return complain("lost at attempt %u", i + 1);
		}
		if (outcome == REPLAY_OK) {
			good++;
			if (r->took_ns < r->fastest_ns)
				r->fastest_ns = r->took_ns;
		}
	}
	fprintf(stderr, "# %u attempts, %u good\n", i, good);
	return good == wanted ? 0 : complain("the situation did not come about");
}
