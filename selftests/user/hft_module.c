// SPDX-License-Identifier: GPL-2.0
/*
 * Loading and unloading hafnium.ko, and what it says in the kernel log.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "hft.h"

#define NAME		"hafnium"
#define LOG_RECORD	8192

int hft_module_load(const char *params)
{
	const char *path = getenv("HF_MODULE");
	int fd = open(path ? path : "/lib/hafnium.ko", O_RDONLY | O_CLOEXEC);
	int err;

	if (fd < 0)
		return -errno;
	err = syscall(SYS_finit_module, fd, params, 0) ? -errno : 0;
	close(fd);
	return err;
}

int hft_module_unload(void)
{
	return syscall(SYS_delete_module, NAME, O_NONBLOCK) ? -errno : 0;
}

int hft_module_unload_wait(unsigned int timeout_ms)
{
	int64_t end = hft_now_ns() + timeout_ms * 1000000LL;
	int err;

	while ((err = hft_module_unload()) == -EWOULDBLOCK &&
	       hft_now_ns() < end)
		hft_sleep_ms(1);
	return err;
}

int hft_module_refs(void)
{
	FILE *f = fopen("/sys/module/" NAME "/refcnt", "r");
	int refs = -1;

	if (f) {
		if (fscanf(f, "%d", &refs) != 1)
			refs = -1;
		fclose(f);
	}
	return refs;
}

int hft_module_refs_settled(void)
{
	int64_t end = hft_now_ns() + HFT_PATIENCE_MS * 1000000LL;
	int before, refs = hft_module_refs();

	do {
		before = refs;
		hft_sleep_ms(300);
		refs = hft_module_refs();
	} while (refs != before && hft_now_ns() < end);
	return refs;
}

int hft_module_refs_wait(int most)
{
	int64_t end = hft_now_ns() + HFT_PATIENCE_MS * 1000000LL;

	while (hft_module_refs() > most && hft_now_ns() < end)
		hft_sleep_ms(20);
	return hft_module_refs();
}

bool hft_module_loaded(void)
{
	return access("/sys/module/" NAME "/initstate", F_OK) == 0;
}

/*
 * One record: "priority,sequence,time,flags;text\n key=value...". Returns the
 * level of one of the module's own lines, -1 for anybody else's. The kernel's
 * remark about taint bears the module's name but is not the module's.
 */
static int module_line(char *record, char **text)
{
	int level = atoi(record) & 7;
	char *end;

	*text = strchr(record, ';');
	if (!*text)
		return -1;
	(*text)++;
	end = strchr(*text, '\n');
	if (end)
		*end = '\0';
	if (strncmp(*text, NAME ":", strlen(NAME) + 1) || strstr(*text, "taint"))
		return -1;
	return level;
}

int hft_log_open(void)
{
	static const char mark[] = "tests: from here on\n";
	int fd = open("/dev/kmsg", O_RDWR | O_NONBLOCK | O_CLOEXEC);

	if (fd < 0)
		return -1;
	/* Ends a record that was cut off before its newline, and would come late. */
	if (write(fd, mark, sizeof(mark) - 1) < 0 || lseek(fd, 0, SEEK_END)) {
		close(fd);
		return -1;
	}
	return fd;
}

int hft_log_lines(int fd, int severity, char *last, size_t size)
{
	static char record[LOG_RECORD];
	char *text;
	ssize_t n;
	int lines = 0;

	if (last)
		last[0] = '\0';
	for (;;) {
		n = read(fd, record, sizeof(record) - 1);
		if (n < 0 && errno == EPIPE)	/* overtaken by the writers */
			continue;
		if (n <= 0)
			return lines;
		record[n] = '\0';
		n = module_line(record, &text);
		if (n < 0 || n > severity)
			continue;
		lines++;
		if (last)
			snprintf(last, size, "%s", text);
	}
}
