// SPDX-License-Identifier: GPL-2.0
/*
 * Asking kmemleak.
 */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "hft.h"
#include "hft_leak.h"

#define KMEMLEAK	"/sys/kernel/debug/kmemleak"
/* Younger memory is not reported (MSECS_MIN_AGE). */
#define MIN_AGE_MS	6000
#define REPORTS_SHOWN	4

static int command(const char *word)
{
	int fd = open(KMEMLEAK, O_WRONLY | O_CLOEXEC);
	bool good = fd >= 0 && write(fd, word, strlen(word)) == (ssize_t)strlen(word);

	if (fd >= 0)
		close(fd);
	return good ? 0 : -1;
}

bool hft_leak_detector(void)
{
	return !access(KMEMLEAK, R_OK | W_OK);
}

void hft_leaks_forget(void)
{
	command("clear");
}

/*
 * Where the kernel itself loses memory: the name of a slab cache whose entry in
 * sysfs could not be made. The caller of kmem_cache_create() cannot help it.
 */
static bool kernels_own(const char *report)
{
	return strstr(report, "] sysfs_slab_add+");
}

static void print_report(char *report)
{
	char *line;

	for (line = strtok(report, "\n"); line; line = strtok(NULL, "\n"))
		fprintf(stderr, "# %s\n", line);
}

/* Counts a complete report, and prints it if it is one of the first. */
static void take_report(char *report, int *leaks, int *others)
{
	if (!report[0])
		return;
	if (kernels_own(report))
		(*others)++;
	else if ((*leaks)++ < REPORTS_SHOWN)
		print_report(report);
	report[0] = '\0';
}

static int read_reports(void)
{
	FILE *f = fopen(KMEMLEAK, "r");
	char line[256], report[8192] = "";
	int leaks = 0, others = 0;

	if (!f)
		return -1;
	while (fgets(line, sizeof(line), f)) {
		if (!strncmp(line, "unreferenced object", 19))
			take_report(report, &leaks, &others);
		if (strlen(report) + sizeof(line) < sizeof(report))
			strcat(report, line);
	}
	take_report(report, &leaks, &others);
	fclose(f);
	if (others)
		fprintf(stderr, "# %d leaks in the kernel's sysfs_slab_add()\n", others);
	return leaks;
}

int hft_leaks(void)
{
	hft_sleep_ms(MIN_AGE_MS);
	if (command("scan"))
		return -1;
	hft_sleep_ms(2000);
	if (command("scan"))
		return -1;
	return read_reports();
}
