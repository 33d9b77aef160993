// SPDX-License-Identifier: GPL-2.0
/*
 * Fast pairs: see hft_load.h.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "hft_load.h"
#include "hft_vsock.h"

/* Under way at a time. */
#define WINDOW			4
#define MESSAGE_LEN		128
/* What has not come by then is lost: the machine may be busy with others. */
#define LOST_MS			120000

static int open_socket(const struct hft_pair *p)
{
	if (p->load->family == AF_VSOCK)
		return hft_vsock_connect(p->load->type, hft_cid(p->vm), VSOCK_PORT_ECHO);
	return hft_connect(p->vm, VSOCK_PORT_ECHO);
}

static int fail(struct hft_pair *p, const char *what, uint64_t number)
{
	snprintf(p->error, sizeof(p->error), "%s, message %llu: %s", what,
		 (unsigned long long)number, strerror(errno));
	fprintf(stderr, "# pair with VM %u: %s\n", p->vm, p->error);
	return 1;
}

static int take(const struct hft_pair *p, int fd, uint64_t number)
{
	int64_t start = hft_now_ns(), ms;
	int ret = hft_take(fd, number);

	ms = (hft_now_ns() - start) / 1000000;
	if (ms > HFT_PATIENCE_MS)
		fprintf(stderr, "# pair with VM %u: message %llu after %lld ms\n", p->vm,
			(unsigned long long)number, (long long)ms);
	return ret;
}

static int run_pair(void *arg)
{
	struct hft_pair *p = arg;
	int fd = open_socket(p);
	uint64_t out = 0, in = 0;

	if (fd < 0)
		return fail(p, "no connection", 0);
	hft_set_timeout(fd, SO_RCVTIMEO, LOST_MS);
	while (!p->load->stop || in < out) {
		if (!p->load->stop && out - in < WINDOW) {
			if (hft_give(fd, out++, MESSAGE_LEN))
				return fail(p, "send", out - 1);
			continue;
		}
		if (take(p, fd, in++))
			return fail(p, "lost or damaged", in - 1);
		p->count[p->load->phase]++;
	}
	return 0;
}

struct hft_load *hft_load_start(int family, int type, unsigned int vms)
{
	struct hft_load *load = hft_shared(sizeof(*load));
	const struct hft_guest *guest;
	int i;

	if (!load)
		return NULL;
	load->family = family;
	load->type = type;
	for (i = 0; i < HFT_PAIRS; i++) {
		guest = hft_guest(family == AF_VSOCK ? "vsock" : "echo", i % vms);
		if (!guest)
			return NULL;
		load->pair[i].load = load;
		load->pair[i].vm = guest->id;
		load->pair[i].pid = hft_spawn(run_pair, &load->pair[i]);
	}
	/* All are at it before anybody looks at the clock. */
	hft_sleep_ms(500);
	load->since_ns = hft_now_ns();
	return load;
}

void hft_load_turn(struct hft_load *load, enum hft_phase phase)
{
	int64_t now = hft_now_ns();

	load->ns[load->phase] += now - load->since_ns;
	load->since_ns = now;
	load->phase = phase;
}

bool hft_load_stop(struct hft_load *load)
{
	bool good = true;
	int i;

	hft_load_turn(load, HFT_BETWEEN);
	load->stop = true;
	for (i = 0; i < HFT_PAIRS; i++) {
		if (hft_join(load->pair[i].pid, 2 * LOST_MS))
			good = false;
	}
	return good;
}

double hft_load_rate(const struct hft_load *load, enum hft_phase phase)
{
	uint64_t count = 0;
	int i;

	for (i = 0; i < HFT_PAIRS; i++)
		count += load->pair[i].count[phase];
	return count * 1e9 / (load->ns[phase] + 1);
}

double hft_load_kept(const struct hft_load *load, const char *beside)
{
	double alone = hft_load_rate(load, HFT_ALONE), with = hft_load_rate(load, HFT_BESIDE);
	double percent = 100 * with / (alone + 1);

	fprintf(stderr, "# %d pairs: %.0f/s alone, %.0f/s beside %s (%.0f%%)\n", HFT_PAIRS,
		alone, with, beside, percent);
	return percent;
}

/* Order and length count as well. */
static uint64_t mix(uint64_t sum, const void *data, size_t len)
{
	const uint64_t *word = data;
	const uint8_t *tail;
	uint64_t last = len;

	for (; len >= sizeof(*word); len -= sizeof(*word)) {
		sum = (sum ^ *word++) * 0x100000001b3ull;
		sum ^= sum >> 29;
	}
	for (tail = (const uint8_t *)word; len; len--)
		last = last << 8 | *tail++;
	sum = (sum ^ last) * 0x100000001b3ull;
	return sum ^ sum >> 29;
}

int hft_give(int fd, uint64_t number, size_t len)
{
	uint64_t buf[HF_MSG_PAYLOAD_MAX / 8];
	size_t i;

	buf[0] = number;
	for (i = 2; i < (len + 7) / 8; i++)
		buf[i] = number * 0x9e3779b97f4a7c15ull + i;
	buf[1] = mix(number, buf + 2, len - HFT_NUMBERED_MIN);
	return send(fd, buf, len, 0) == (ssize_t)len ? 0 : -1;
}

int hft_take(int fd, uint64_t number)
{
	uint64_t buf[(HF_MSG_PAYLOAD_MAX + 8) / 8];
	ssize_t n = recv(fd, buf, sizeof(buf), 0);

	if (n >= HFT_NUMBERED_MIN && buf[0] == number &&
	    buf[1] == mix(number, buf + 2, n - HFT_NUMBERED_MIN))
		return 0;
	fprintf(stderr, "# message %llu: %s, length %zd, number %llu\n",
		(unsigned long long)number, n < 0 ? strerror(errno) : "wrong", n,
		n < 8 ? 0ull : (unsigned long long)buf[0]);
	return -1;
}

unsigned long hft_number(const char *name, unsigned long otherwise)
{
	const char *env = getenv(name);

	return env && *env ? strtoul(env, NULL, 0) : otherwise;
}

long hft_meminfo(const char *name)
{
	FILE *f = fopen("/proc/meminfo", "r");
	size_t len = strlen(name);
	char line[128];
	long kib = -1;

	while (f && fgets(line, sizeof(line), f))
		if (!strncmp(line, name, len) && line[len] == ':')
			kib = atol(line + len + 1);
	if (f)
		fclose(f);
	return kib;
}
