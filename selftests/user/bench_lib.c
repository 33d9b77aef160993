// SPDX-License-Identifier: GPL-2.0
/*
 * Rounds, senders and statistics of the benchmarks.
 *
 * A sample is the time from the end of one round to the end of the next, so
 * that one look at the clock per round suffices and no time is left out.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench.h"
#include "hft.h"

static int by_value(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

	return (x > y) - (x < y);
}

void bench_report_rate(const struct bench_row *row, int64_t *samples, size_t count,
		       int64_t took_ns)
{
	double sum = 0;
	size_t i;

	fprintf(stderr, "# bench what=%s size=%zu senders=%u vms=%u count=%zu",
		row->what, row->size, row->senders, row->vms, count);
	if (samples) {
		for (i = 0; i < count; i++)
			sum += samples[i];
		qsort(samples, count, sizeof(samples[0]), by_value);
		fprintf(stderr, " mean_ns=%.0f median_ns=%lld p99_ns=%lld", sum / count,
			(long long)samples[count / 2],
			(long long)samples[count * 99 / 100]);
	}
	fprintf(stderr, " per_second=%.0f\n", count * 1e9 / took_ns);
}

void bench_report(const struct bench_row *row, int64_t *samples, size_t count)
{
	int64_t took_ns = 0;
	size_t i;

	for (i = 0; i < count; i++)
		took_ns += samples[i];
	bench_report_rate(row, samples, count, took_ns);
}

int bench_rounds(bench_round round, void *arg, int64_t *samples, size_t count)
{
	int64_t before = hft_now_ns(), now;
	size_t i;

	for (i = 0; i < count; i++) {
		if (round(arg))
			return -1;
		now = hft_now_ns();
		samples[i] = now - before;
		before = now;
	}
	return 0;
}

static char message[HF_MSG_PAYLOAD_MAX];

int bench_pair_round(void *arg)
{
	const struct bench_pair *pair = arg;

	if (send(pair->to, message, pair->size, 0) != (ssize_t)pair->size)
		return -1;
	return recv(pair->from, message, sizeof(message), 0) == (ssize_t)pair->size ? 0 : -1;
}

int bench_pair_answer(void *arg)
{
	const struct bench_pair *pair = arg;
	ssize_t len;

	while ((len = recv(pair->from, message, sizeof(message), 0)) > 0)
		if (send(pair->to, message, len, 0) != len)
			return 1;
	return 0;
}

int bench_pipe_round(void *arg)
{
	const struct bench_pair *pair = arg;

	if (write(pair->to, message, pair->size) != (ssize_t)pair->size)
		return -1;
	return read(pair->from, message, sizeof(message)) == (ssize_t)pair->size ? 0 : -1;
}

int bench_pipe_answer(void *arg)
{
	const struct bench_pair *pair = arg;
	ssize_t len;

	while ((len = read(pair->from, message, sizeof(message))) > 0)
		if (write(pair->to, message, len) != len)
			return 1;
	return 0;
}

int bench_connect(unsigned int vm, uint64_t port)
{
	struct hf_sockaddr addr = hft_address(vm, port);
	int fd = socket(AF_HF, SOCK_DGRAM, 0);

	if (fd >= 0 && connect(fd, (struct sockaddr *)&addr, sizeof(addr))) {
		close(fd);
		return -1;
	}
	return fd;
}

struct bench_sender *bench_senders(unsigned int count)
{
	return hft_shared(count * sizeof(struct bench_sender));
}

static int sender_process(void *arg)
{
	struct bench_sender *sender = arg;
	char nothing;
	int err;

	close(sender->gate[1]);
	if (sender->prepare(sender))
		return 1;
	sender->ready = true;
	/* All start when the last writer of the pipe, which is the parent, closes it. */
	if (read(sender->gate[0], &nothing, 1))
		return 1;
	err = sender->work(sender);
	sender->end_ns = hft_now_ns();
	return err ? 1 : 0;
}

static bool all_ready(const struct bench_sender *senders, unsigned int count)
{
	while (count--)
		if (!senders[count].ready)
			return false;
	return true;
}

int64_t bench_run(struct bench_sender *senders, unsigned int count)
{
	int64_t start, end = 0;
	unsigned int i;
	int gate[2], status, failed = 0;

	if (pipe(gate))
		return -1;
	for (i = 0; i < count; i++) {
		memcpy(senders[i].gate, gate, sizeof(gate));
		senders[i].ready = false;
		hft_spawn(sender_process, &senders[i]);
	}
	while (!all_ready(senders, count) && waitpid(-1, &status, WNOHANG) == 0)
		hft_sleep_ms(1);
	start = hft_now_ns();
	close(gate[1]);
	close(gate[0]);
	/* The harness ends what takes too long, and the children die with it. */
	while (wait(&status) > 0)
		failed |= status;
	for (i = 0; i < count; i++) {
		failed |= !senders[i].ready;
		if (senders[i].end_ns > end)
			end = senders[i].end_ns;
	}
	return failed ? -1 : end - start;
}
