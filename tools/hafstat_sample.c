// SPDX-License-Identifier: GPL-2.0
/*
 * Samples of the driver's statistics: its file "stats" in debugfs, whose form is in
 * Documentation/stats.rst, and the guest time of the vCPUs' threads in /proc.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "hafstat.h"

#define MODULE		"/sys/module/hafnium"
#define DEBUGFS		"/sys/kernel/debug"
#define DIR		DEBUGFS "/hafnium"
#define STATS		DIR "/stats"
#define DEBUGFS_ID	0x64626720

double now(clockid_t clock)
{
	struct timespec t;

	clock_gettime(clock, &t);
	return t.tv_sec + t.tv_nsec / 1e9;
}

__attribute__((noreturn)) static void fail_to_read(void)
{
	int error = errno;
	struct statfs fs;

	if (access(MODULE, F_OK))
		fail("hafnium.ko is not loaded; try: modprobe hafnium");
	if (error == EACCES || error == EPERM)
		fail("no permission to read " STATS "; try: sudo hafstat");
	if (statfs(DEBUGFS, &fs) || fs.f_type != DEBUGFS_ID)
		fail("debugfs is not mounted; try: mount -t debugfs debugfs " DEBUGFS);
	if (access(DIR, F_OK) || error == ENXIO || error == EIO)
		fail("hafnium.ko has been unloaded");
	if (error == ENOENT)
		fail("this hafnium.ko is older than hafstat: it has no " STATS);
	fail(STATS ": %s", strerror(error));
}

static char *read_stats(void)
{
	size_t size = 1 << 16, len = 0;
	char *text = or_fail(malloc(size));
	int fd = open(STATS, O_RDONLY | O_CLOEXEC);
	ssize_t n;

	if (fd < 0)
		fail_to_read();
	while ((n = read(fd, text + len, size - 1 - len)) > 0) {
		len += n;
		if (len == size - 1)
			text = or_fail(realloc(text, size *= 2));
	}
	if (n < 0)
		fail_to_read();
	close(fd);
	text[len] = '\0';
	return text;
}

const char *line_word(const struct line *line, const char *name)
{
	int i;

	for (i = 0; i < line->count; i++)
		if (!strcmp(line->words[i].name, name))
			return line->words[i].text;
	return NULL;
}

bool to_number(const char *text, unsigned long long *value)
{
	char *end;

	*value = text ? strtoull(text, &end, 0) : 0;
	return text && end != text && !*end;
}

static unsigned long long value_of(const struct line *line, const char *name)
{
	unsigned long long value;

	return to_number(line_word(line, name), &value) ? value : 0;
}

static void add_word(struct line *line, const char *name, const char *text)
{
	if (line->count < WORDS_MAX)
		line->words[line->count++] = (struct word){ name, text };
}

/* Guest time is one of the last numbers of the thread's line; a thread that is another is not it. */
static void add_guest_time(struct line *line)
{
	unsigned long long ticks = 0;
	char path[64], name[64], text[1024];
	const char *p;
	FILE *file;
	size_t n;
	int i;

	snprintf(path, sizeof(path), "/proc/%llu/stat", value_of(line, "tid"));
	snprintf(name, sizeof(name), " (hf/%lu.%ld) ", line->vm, line->vcpu);
	file = fopen(path, "re");
	if (!file)
		return;
	n = fread(text, 1, sizeof(text) - 1, file);
	fclose(file);
	text[n] = '\0';
	p = strstr(text, name);
	if (!p)
		return;
	p += strlen(name);
	/* proc(5): number 43, and this is the third. */
	for (i = 3; p && i < 43; i++)
		p = strchr(p + 1, ' ');
	if (!p || sscanf(p, "%llu", &ticks) != 1)
		return;
	snprintf(line->guest_ms, sizeof(line->guest_ms), "%llu",
		 ticks * 1000 / sysconf(_SC_CLK_TCK));
	add_word(line, "guest_ms", line->guest_ms);
}

static void parse_line(struct line *line, char *text)
{
	char *name, *value, *rest;

	for (name = strtok_r(text, " ", &rest); name; name = strtok_r(NULL, " ", &rest)) {
		value = strchr(name, '=');
		if (!value)
			continue;
		*value++ = '\0';
		add_word(line, name, value);
	}
	line->vm = value_of(line, "vm");
	line->vcpu = line_word(line, "vcpu") ? (long)value_of(line, "vcpu") : -1;
	if (line->vcpu >= 0)
		add_guest_time(line);
}

struct sample sample_take(void)
{
	struct sample s = { .text = read_stats(), .seconds = now(CLOCK_MONOTONIC) };
	int version = 0, size = 1;
	char *row, *rest, *p;

	for (p = s.text; *p; p++)
		size += *p == '\n';
	s.lines = or_fail(calloc(size, sizeof(*s.lines)));
	row = strtok_r(s.text, "\n", &rest);
	if (!row || sscanf(row, "version=%d", &version) != 1 || version != STATS_VERSION)
		fail(STATS " has version %d, hafstat knows %d", version, STATS_VERSION);
	while (s.count < size && (row = strtok_r(NULL, "\n", &rest)))
		parse_line(&s.lines[s.count++], row);
	return s;
}

void sample_free(struct sample *s)
{
	free(s->text);
	free(s->lines);
}

const struct line *sample_find(const struct sample *s, const struct line *line,
			       int guess)
{
	int i;

	for (i = -1; i < s->count; i++) {
		const struct line *other = &s->lines[i < 0 ? guess : i];

		if ((i >= 0 || guess < s->count) && other->vm == line->vm &&
		    other->vcpu == line->vcpu)
			return other;
	}
	return NULL;
}

double line_growth(const struct line *line, const struct line *before, const char *name)
{
	unsigned long long value = value_of(line, name);
	unsigned long long old = before ? value_of(before, name) : 0;

	return value >= old ? value - old : value;
}
