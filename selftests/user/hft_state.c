// SPDX-License-Identifier: GPL-2.0
/*
 * The module's counters in debugfs (key=value words, a line for each VM or
 * vCPU) and the test calls behind hf_testcall.ko.
 *
 * Every question reads the file again: the answers change while we look.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "hft.h"

#define DIR_HAFNIUM	"/sys/kernel/debug/hafnium/"
#define FILE_CALL	"/sys/kernel/debug/hf_testcall/call"
#define ANY		(-1)

/* The text after "key=" in a line, NULL if the line has no such word. */
static const char *find_word(const char *line, const char *key)
{
	size_t len = strlen(key);
	const char *p;

	for (p = line; (p = strstr(p, key)); p += len)
		if ((p == line || p[-1] == ' ') && p[len] == '=')
			return p + len + 1;
	return NULL;
}

static bool word_is(const char *line, const char *key, int wanted)
{
	const char *p = find_word(line, key);

	return wanted == ANY || (p && atoi(p) == wanted);
}

/* Sum over the lines that match, or -1 if no line has the key. */
static int64_t sum_words(const char *path, int vm, int vcpu, const char *key)
{
	FILE *f = fopen(path, "r");
	char line[1024];
	int64_t sum = -1;

	while (f && fgets(line, sizeof(line), f)) {
		const char *p = find_word(line, key);

		if (!p || !word_is(line, "vm", vm) || !word_is(line, "vcpu", vcpu))
			continue;
		sum = (sum < 0 ? 0 : sum) + strtoll(p, NULL, 0);
	}
	if (f)
		fclose(f);
	return sum;
}

int64_t hft_vm_count(unsigned int vm, const char *key)
{
	return sum_words(DIR_HAFNIUM "vms", vm, ANY, key);
}

int64_t hft_vms_count(const char *key)
{
	return sum_words(DIR_HAFNIUM "vms", ANY, ANY, key);
}

int64_t hft_vcpu_count(unsigned int vm, unsigned int vcpu, const char *key)
{
	return sum_words(DIR_HAFNIUM "stats", vm, vcpu, key);
}

int64_t hft_vcpus_count(unsigned int vm, const char *key)
{
	return sum_words(DIR_HAFNIUM "stats", vm, ANY, key);
}

void hft_vm_word(unsigned int vm, const char *key, char *buf, size_t size)
{
	FILE *f = fopen(DIR_HAFNIUM "vms", "r");
	char line[1024];

	buf[0] = '\0';
	while (f && fgets(line, sizeof(line), f)) {
		const char *p = find_word(line, key);

		if (p && word_is(line, "vm", vm))
			snprintf(buf, size, "%.*s", (int)strcspn(p, " \n"), p);
	}
	if (f)
		fclose(f);
}

int hft_put(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	int err = fd < 0 || write(fd, text, strlen(text)) < 0 ? -errno : 0;

	if (fd >= 0)
		close(fd);
	return err;
}

int64_t hft_feature(const char *key)
{
	return sum_words(DIR_HAFNIUM "features", ANY, ANY, key);
}

unsigned int hft_ffa_version(void)
{
	FILE *f = fopen(DIR_HAFNIUM "features", "r");
	unsigned int major = 0, minor = 0;

	if (f) {
		if (fscanf(f, "version=%u.%u", &major, &minor) != 2)
			major = minor = 0;
		fclose(f);
	}
	return major * 10 + minor;
}

static void dump_file(const char *path)
{
	FILE *f = fopen(path, "r");
	char line[1024];

	while (f && fgets(line, sizeof(line), f))
		fprintf(stderr, "# %s", line);
	if (f)
		fclose(f);
}

void hft_dump_state(void)
{
	dump_file(DIR_HAFNIUM "features");
	dump_file(DIR_HAFNIUM "vms");
	dump_file(DIR_HAFNIUM "vcpus");
}

bool hft_have_testcall(void)
{
	return access(FILE_CALL, W_OK) == 0;
}

int64_t hft_call(uint32_t fn, uint64_t x1, uint64_t x2, uint64_t x3,
		 uint64_t x4, uint64_t x5)
{
	int fd = open(FILE_CALL, O_RDWR);
	char text[160];
	int64_t result = -1;
	ssize_t n;

	if (fd < 0)
		return -1;
	n = snprintf(text, sizeof(text), "%#x %#llx %#llx %#llx %#llx %#llx",
		     fn, (unsigned long long)x1, (unsigned long long)x2,
		     (unsigned long long)x3, (unsigned long long)x4,
		     (unsigned long long)x5);
	if (write(fd, text, n) == n) {
		n = pread(fd, text, sizeof(text) - 1, 0);
		if (n > 0) {
			text[n] = '\0';
			result = strtoll(text, NULL, 0);
		}
	}
	close(fd);
	return result;
}
