// SPDX-License-Identifier: GPL-2.0
/*
 * An ftrace instance goes away while a guest computes and never stops: that waits
 * until each task has been seen to sleep, or to let RCU Tasks pass, and the thread of
 * that guest does not sleep.
 *
 * The limit is computing time of the guest, so that a host that is busy takes away
 * from both sides. Needs busy, and a kernel with the function tracer.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>

#include "hft_harness.h"

#define TRACING		"/sys/kernel/tracing/"
#define INSTANCE	TRACING "instances/hf"
/* Seconds on any kernel: each look at all tasks is a tenth of one after the last. */
#define LIMIT_MS	5000

#undef TEST_TIMEOUT_DEFAULT
#define TEST_TIMEOUT_DEFAULT 240

static int write_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC), err;

	if (fd < 0)
		return -1;
	err = write(fd, text, strlen(text)) == (ssize_t)strlen(text) ? 0 : -1;
	close(fd);
	return err;
}

/* What the thread has been running for, guest included. */
static int64_t ran_ms(pid_t thread)
{
	unsigned long user, system;
	char path[64];
	FILE *f;
	int n;

	snprintf(path, sizeof(path), "/proc/%d/stat", thread);
	f = fopen(path, "r");
	if (!f)
		return -1;
	n = fscanf(f, "%*d %*s %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu",
		   &user, &system);
	fclose(f);
	return n == 2 ? (int64_t)(user + system) * 1000 / sysconf(_SC_CLK_TCK) : -1;
}

static int trace_one_function(void)
{
	if (mkdir(INSTANCE, 0700) && errno != EEXIST)
		return -1;
	return write_file(INSTANCE "/set_ftrace_filter", "schedule") ||
	       write_file(INSTANCE "/current_tracer", "function") ? -1 : 0;
}

static int go_away(void *unused)
{
	return write_file(INSTANCE "/current_tracer", "nop") || rmdir(INSTANCE);
}

TEST(ftrace_instance_goes_away_while_a_guest_computes)
{
	HFT_NEED_GUEST(guest, "busy", 0);
	int64_t before, took = 0;
	int status = -1;
	char name[32];
	pid_t thread, pid;

	if (access(TRACING "instances", W_OK) || trace_one_function())
		HFT_SKIP("this kernel has no function tracer");
	snprintf(name, sizeof(name), "hf/%u.0", guest->id);
	thread = hft_find_thread(name);
	ASSERT_LT(0, thread);
	before = ran_ms(thread);
	ASSERT_LE(0, before);
	pid = hft_spawn(go_away, NULL);
	while (took < LIMIT_MS && !waitpid(pid, &status, WNOHANG)) {
		hft_sleep_ms(10);
		took = ran_ms(thread) - before;
	}
	fprintf(stderr, "# the guest computed for %lld ms meanwhile\n", (long long)took);
	EXPECT_EQ(0, status);
	EXPECT_GT(LIMIT_MS, took);
	/* Else nothing was tried. */
	EXPECT_LT(0, took);
}

TEST_HARNESS_MAIN
