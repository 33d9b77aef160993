// SPDX-License-Identifier: GPL-2.0
/*
 * Clocks, children and CPUs.
 *
 * Children are killed with their test: an ASSERT that fails must not leave
 * somebody behind who keeps a socket, and with it the module, busy.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "hft.h"

#define PERIOD_NS	1000000

static int64_t clock_ns(clockid_t clock)
{
	struct timespec ts;

	clock_gettime(clock, &ts);
	return ts.tv_sec * 1000000000LL + ts.tv_nsec;
}

int64_t hft_now_ns(void)
{
	return clock_ns(CLOCK_MONOTONIC);
}

int64_t hft_real_ns(void)
{
	return clock_ns(CLOCK_REALTIME);
}

int64_t hft_ticks_ns(void)
{
	return clock_ns(CLOCK_MONOTONIC_COARSE);
}

void hft_sleep_ms(unsigned int ms)
{
	struct timespec ts = { ms / 1000, ms % 1000 * 1000000L };

	while (nanosleep(&ts, &ts) && errno == EINTR)
		;
}

pid_t hft_spawn(int (*body)(void *arg), void *arg)
{
	pid_t parent = getpid();
	pid_t pid;

	fflush(NULL);
	pid = fork();
	if (pid)
		return pid;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(1);
	_exit(body(arg));
}

int hft_join(pid_t pid, unsigned int timeout_ms)
{
	int64_t end = hft_now_ns() + timeout_ms * 1000000LL;
	int status;

	while (waitpid(pid, &status, WNOHANG) != pid) {
		if (hft_now_ns() > end) {
			kill(pid, SIGKILL);
			waitpid(pid, &status, 0);
			return -1;
		}
		hft_sleep_ms(2);
	}
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

void *hft_shared(size_t size)
{
	void *p = mmap(NULL, size, PROT_READ | PROT_WRITE,
		       MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	return p == MAP_FAILED ? NULL : p;
}

static int by_value(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

	return (x > y) - (x < y);
}

static void measure_lateness(int64_t *late, unsigned int periods)
{
	int64_t next = hft_now_ns() + PERIOD_NS;
	unsigned int i;

	for (i = 0; i < periods; i++) {
		struct timespec ts = { next / 1000000000, next % 1000000000 };

		clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &ts, NULL);
		late[i] = hft_now_ns() - next;
		/* Periods that passed meanwhile are one late one, not many. */
		next += PERIOD_NS * (1 + late[i] / PERIOD_NS);
	}
}

void hft_lateness(const char *guest, int64_t *late, unsigned int periods)
{
	measure_lateness(late, periods);
	qsort(late, periods, sizeof(late[0]), by_value);
	fprintf(stderr, "# %s: 1 ms timer late by %lld us (median), %lld us (99 %%), %lld us (worst)\n",
		guest, (long long)late[periods / 2] / 1000,
		(long long)late[periods * 99 / 100] / 1000,
		(long long)late[periods - 1] / 1000);
}

unsigned int hft_online_cpus(void)
{
	return sysconf(_SC_NPROCESSORS_ONLN);
}

int hft_pin(pid_t pid, unsigned int cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	return sched_setaffinity(pid, sizeof(set), &set);
}

int hft_set_online(unsigned int cpu, bool online)
{
	char path[64];
	int fd, ret;

	snprintf(path, sizeof(path), "/sys/devices/system/cpu/cpu%u/online", cpu);
	fd = open(path, O_WRONLY);
	if (fd < 0)
		return -1;
	ret = write(fd, online ? "1" : "0", 1) == 1 ? 0 : -1;
	close(fd);
	return ret;
}

static bool thread_is(const char *pid, const char *name)
{
	char path[300], comm[32];
	FILE *f;
	bool same;

	snprintf(path, sizeof(path), "/proc/%s/comm", pid);
	f = fopen(path, "r");
	if (!f)
		return false;
	same = fgets(comm, sizeof(comm), f) &&
	       !strncmp(comm, name, strlen(name)) &&
	       comm[strlen(name)] == '\n';
	fclose(f);
	return same;
}

pid_t hft_find_thread(const char *name)
{
	DIR *proc = opendir("/proc");
	struct dirent *entry;
	pid_t pid = -1;

	while (proc && pid < 0 && (entry = readdir(proc)))
		if (entry->d_name[0] >= '1' && entry->d_name[0] <= '9' &&
		    thread_is(entry->d_name, name))
			pid = atoi(entry->d_name);
	if (proc)
		closedir(proc);
	return pid;
}

unsigned int hft_patience_ms(void)
{
	bool slow = !access("/sys/kernel/debug/kcsan", F_OK) ||
		    !access("/sys/kernel/debug/kmemleak", F_OK);

	return slow ? 2 * HFT_PATIENCE_MS : HFT_PATIENCE_MS;
}
