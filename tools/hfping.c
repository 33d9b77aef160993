// SPDX-License-Identifier: GPL-2.0
/*
 * hfping: sends messages to a secondary VM that echoes, and says what came
 * back and how long it took.
 *
 * Each message starts with a sequence number if there is room for one (8
 * bytes); the rest depends on it, so that a reply that is late, doubled or
 * changed is recognised. One message is under way at a time: the times are
 * round trips, not throughput.
 *
 * Exit status: 0 everything came back, 1 something did not, 2 it could not be
 * tried (usage, no such VM, no permission, module not loaded).
 */
#include <errno.h>
#include <math.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#include <hf/socket.h>

#define DEFAULT_PORT	10
#define CID_BASE	"/sys/module/hf_vsock/parameters/cid_base"

struct options {
	unsigned long count;
	unsigned long size;
	unsigned long interval_ms;
	unsigned long timeout_ms;
	unsigned long vm;
	unsigned long cid_base;
	unsigned long long port;
};

struct statistics {
	unsigned long sent;
	unsigned long received;
	unsigned long wrong;
	double min_ms, max_ms, sum_ms, sum_of_squares;
};

static volatile sig_atomic_t interrupted;

static void on_interrupt(int sig)
{
	(void)sig;
	interrupted = 1;
}

static void usage(FILE *to)
{
	fprintf(to,
		"usage: hfping [-c count] [-s size] [-i interval_ms] [-W timeout_ms] vm [port]\n"
		"       hfping -h | -V\n"
		"  -c count        messages to send (5); 0 = until interrupted\n"
		"  -s size         bytes in each, 0 to %d (56)\n"
		"  -i interval_ms  pause between two messages (100)\n"
		"  -W timeout_ms   how long to wait for each reply (5000)\n"
		"  vm              its id, or cid:N with the CID that vsock(7) knows it by\n"
		"  port            at the VM (%d)\n",
		HF_MSG_PAYLOAD_MAX, DEFAULT_PORT);
}

static unsigned long long number(const char *text, const char *what,
				 unsigned long long most)
{
	unsigned long long value;
	char *end;

	errno = 0;
	value = strtoull(text, &end, 0);
	if (errno || end == text || *end || strchr(text, '-') || value > most) {
		fprintf(stderr, "hfping: %s: '%s' is not a number from 0 to %llu\n",
			what, text, most);
		exit(2);
	}
	return value;
}

/* What hf_vsock.ko adds to a VM's id, or would. */
static unsigned long read_cid_base(void)
{
	FILE *file = fopen(CID_BASE, "r");
	unsigned long base;

	if (!file)
		return 1;
	if (fscanf(file, "%lu", &base) != 1)
		base = 1;
	fclose(file);
	return base;
}

static unsigned long vm_number(const char *text, unsigned long cid_base)
{
	unsigned long cid;

	if (strncmp(text, "cid:", 4))
		return number(text, "VM id", UINT16_MAX);
	cid = number(text + 4, "CID", cid_base + UINT16_MAX);
	if (cid < cid_base) {
		fprintf(stderr, "hfping: CID %lu is no VM's: VM n has the CID n + %lu\n", cid,
			cid_base);
		exit(2);
	}
	return cid - cid_base;
}

static void parse(int argc, char **argv, struct options *o)
{
	int c;

	while ((c = getopt(argc, argv, "c:s:i:W:Vh")) != -1) {
		switch (c) {
		case 'c':
			o->count = number(optarg, "count", UINT32_MAX);
			break;
		case 's':
			o->size = number(optarg, "size", HF_MSG_PAYLOAD_MAX);
			break;
		case 'i':
			o->interval_ms = number(optarg, "interval", 3600000);
			break;
		case 'W':
			o->timeout_ms = number(optarg, "timeout", 3600000);
			break;
		case 'V':
			puts("hfping " HF_VERSION);
			exit(0);
		case 'h':
			usage(stdout);
			exit(0);
		default:
			usage(stderr);
			exit(2);
		}
	}
	if (argc - optind < 1 || argc - optind > 2) {
		usage(stderr);
		exit(2);
	}
	o->cid_base = read_cid_base();
	o->vm = vm_number(argv[optind], o->cid_base);
	if (argc - optind == 2)
		o->port = number(argv[optind + 1], "port", UINT64_MAX);
}

static int connect_to(const struct options *o)
{
	struct hf_sockaddr addr = {
		.family = AF_HF,
		.vm_id = o->vm,
		.port = o->port,
	};
	struct timeval limit = {
		.tv_sec = o->timeout_ms / 1000,
		.tv_usec = o->timeout_ms % 1000 * 1000,
	};
	int fd = socket(AF_HF, SOCK_DGRAM, 0);

	if (fd < 0) {
		fprintf(stderr, "hfping: socket: %s%s\n", strerror(errno),
			errno == EAFNOSUPPORT ? " (is hafnium.ko loaded?)" :
			errno == EPERM ? " (needs CAP_SYS_ADMIN, or a VM's owner)" : "");
		exit(2);
	}
	if (connect(fd, (struct sockaddr *)&addr, sizeof(addr))) {
		fprintf(stderr, "hfping: VM %lu (CID %lu): %s\n", o->vm, o->vm + o->cid_base,
			strerror(errno));
		exit(2);
	}
	/* A VM that reads nothing makes send() wait, too. */
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit));
	return fd;
}

static double now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1e3 + ts.tv_nsec / 1e6;
}

static void pause_ms(unsigned long ms)
{
	struct timespec ts = { ms / 1000, ms % 1000 * 1000000L };

	nanosleep(&ts, NULL);
}

static void fill(uint8_t *buf, size_t len, uint64_t seq)
{
	uint32_t state = seq;
	size_t i;

	for (i = 0; i < len; i++) {
		state = state * 1664525u + 1013904223u;
		buf[i] = state >> 24;
	}
	if (len >= sizeof(seq))
		memcpy(buf, &seq, sizeof(seq));
}

/* Waits for the reply to @out; what else arrives is reported and ignored. */
static bool await_reply(int fd, const struct options *o, struct statistics *st,
			const uint8_t *out, double start)
{
	uint8_t in[HF_MSG_PAYLOAD_MAX];
	struct pollfd p = { .fd = fd, .events = POLLIN };
	double left;
	ssize_t n;

	while (!interrupted) {
		left = start + o->timeout_ms - now_ms();
		if (left < 0 || poll(&p, 1, (int)ceil(left)) == 0) {
			printf("seq=%lu: no reply within %lu ms\n", st->sent,
			       o->timeout_ms);
			return false;
		}
		n = recv(fd, in, sizeof(in), MSG_DONTWAIT | MSG_TRUNC);
		if (n < 0 && (errno == EAGAIN || errno == EINTR))
			continue;
		if (n < 0) {
			printf("seq=%lu: %s\n", st->sent, strerror(errno));
			return false;
		}
		if (n == (ssize_t)o->size && !memcmp(in, out, o->size))
			return true;
		printf("seq=%lu: %zd bytes came back that differ\n", st->sent, n);
		st->wrong++;
	}
	return false;
}

static void note_time(struct statistics *st, double ms)
{
	if (!st->received || ms < st->min_ms)
		st->min_ms = ms;
	if (ms > st->max_ms)
		st->max_ms = ms;
	st->sum_ms += ms;
	st->sum_of_squares += ms * ms;
	st->received++;
}

/* Returns false if there is no point in going on. */
static bool ping_once(int fd, const struct options *o, struct statistics *st)
{
	uint8_t out[HF_MSG_PAYLOAD_MAX];
	double start;

	st->sent++;
	fill(out, o->size, st->sent);
	start = now_ms();
	if (send(fd, out, o->size, 0) != (ssize_t)o->size) {
		printf("seq=%lu: send: %s\n", st->sent, strerror(errno));
		return errno != EPIPE;
	}
	if (await_reply(fd, o, st, out, start)) {
		start = now_ms() - start;
		note_time(st, start);
		printf("%lu bytes from VM %lu: seq=%lu time=%.3f ms\n", o->size,
		       o->vm, st->sent, start);
	}
	return true;
}

static void report(const struct options *o, const struct statistics *st)
{
	double mean = st->received ? st->sum_ms / st->received : 0;
	double variance = st->received ?
		st->sum_of_squares / st->received - mean * mean : 0;

	printf("--- VM %lu port %llu ---\n", o->vm, o->port);
	printf("%lu sent, %lu received, %lu wrong, %.0f%% lost\n", st->sent,
	       st->received, st->wrong,
	       st->sent ? 100.0 * (st->sent - st->received) / st->sent : 0);
	if (st->received)
		printf("round trip min/avg/max/mdev = %.3f/%.3f/%.3f/%.3f ms\n",
		       st->min_ms, mean, st->max_ms,
		       sqrt(variance > 0 ? variance : 0));
}

int main(int argc, char **argv)
{
	struct options o = {
		.count = 5, .size = 56, .interval_ms = 100, .timeout_ms = 5000,
		.port = DEFAULT_PORT,
	};
	struct sigaction action = { .sa_handler = on_interrupt };
	struct statistics st = { 0 };
	int fd;

	parse(argc, argv, &o);
	fd = connect_to(&o);
	sigaction(SIGINT, &action, NULL);
	setvbuf(stdout, NULL, _IOLBF, 0);
	printf("hfping: VM %lu (CID %lu) port %llu, %lu bytes\n", o.vm, o.vm + o.cid_base,
	       o.port, o.size);

	while (!interrupted && ping_once(fd, &o, &st) &&
	       (!o.count || st.sent < o.count))
		pause_ms(o.interval_ms);

	report(&o, &st);
	close(fd);
	return st.received == st.sent && !st.wrong ? 0 : 1;
}
