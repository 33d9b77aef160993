// SPDX-License-Identifier: GPL-2.0
/*
 * Round trips beside two floods: see hft_worst.h.
 */
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "hft.h"
#include "hft_worst.h"

#define PAUSE_US	1500
#define FLOOD_COUNT	20000
#define FLOOD_SIZE	64
#define PORT_NOBODY	(1ull << 60)
/* To see how long it is, not only that it is too long. */
#define PATIENCE_MS	30000

static int flood(void *arg)
{
	struct { uint32_t count, size; uint64_t port; } req = {
		FLOOD_COUNT, FLOOD_SIZE, PORT_NOBODY
	};
	int fd = hft_connect(*(unsigned int *)arg, 10), one = 1;

	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &one, sizeof(one)))
		return 1;
	/* Each waits until the one before is begun. */
	for (;;)
		send(fd, &req, sizeof(req), 0);
}

pid_t hft_vcpu_thread(unsigned int vm)
{
	char name[32];

	snprintf(name, sizeof(name), "hf/%u.0", vm);
	return hft_find_thread(name);
}

static int make_first(pid_t pid)
{
	struct sched_param first = { .sched_priority = 1 };

	return pid < 0 ? -1 : sched_setscheduler(pid, SCHED_FIFO, &first);
}

int hft_worst_start(struct hft_worst *w)
{
	const struct hft_guest *echo = hft_guest("echo_irq", 0), *guest;
	int i;

	w->fd = echo ? hft_connect(echo->id, 10) : -1;
	if (w->fd < 0 || hft_set_timeout(w->fd, SO_RCVTIMEO, PATIENCE_MS))
		return -1;
	for (i = 0; i < 2; i++) {
		guest = hft_guest("flood", i);
		if (!guest)
			return -1;
		w->vm[i] = guest->id;
		w->flooder[i] = hft_spawn(flood, &w->vm[i]);
	}
	if (make_first(hft_vcpu_thread(echo->id)) || make_first(0))
		return -1;
	/* Both are at it. */
	hft_sleep_ms(200);
	return 0;
}

void hft_worst_stop(struct hft_worst *w)
{
	int i;

	for (i = 0; i < 2; i++) {
		kill(w->flooder[i], SIGKILL);
		waitpid(w->flooder[i], NULL, 0);
	}
	close(w->fd);
}

bool hft_worst_for(struct hft_worst *w, unsigned int ms, struct hft_times *t)
{
	int64_t end = hft_now_ns() + ms * 1000000LL, begin, took;

	while ((begin = hft_now_ns()) < end) {
		if (hft_echo(w->fd, 64, t->count))
			return false;
		took = hft_now_ns() - begin;
		t->worst_ns = took > t->worst_ns ? took : t->worst_ns;
		t->sum_ns += took;
		t->count++;
		/* Whatever the others do in turn, we meet all of it. */
		usleep(PAUSE_US + t->count % 16 * PAUSE_US / 16);
	}
	return true;
}

void hft_worst_report(const char *what, const struct hft_times *t)
{
	fprintf(stderr, "# %s: %u round trips, mean %lld us, worst %lld us\n", what, t->count,
		(long long)t->sum_ns / (t->count + 1) / 1000, (long long)t->worst_ns / 1000);
}
