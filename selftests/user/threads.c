// SPDX-License-Identifier: GPL-2.0
/*
 * What an administrator sets on vCPU threads: which CPUs they may use, also after
 * hotplug, and how much of them.
 *
 * Needs echo, busy, three CPUs.
 */
#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/utsname.h>

#include "hft_harness.h"

#define CGROUP		"/tmp/cpu"
#define GROUP		CGROUP "/vms/"
#define MEASURE_MS	2000
#define POLICY_DEADLINE	6
/* 20 % of a CPU, as both limits have it; and what a limit that works leaves at most. */
#define PERIOD_US	100000
#define SHARE_US	20000
#define MOST_PERCENT	45

static pid_t thread_of(const struct hft_guest *guest)
{
	char name[16];

	snprintf(name, sizeof(name), "hf/%u.0", guest->id);
	return hft_find_thread(name);
}

/* Bits of CPUs, those that are offline included; 0 = cannot be read. */
static unsigned long allowed(pid_t pid)
{
	unsigned long mask = 0;
	char path[40], line[200];
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/status", pid);
	f = fopen(path, "r");
	while (f && fgets(line, sizeof(line), f))
		if (sscanf(line, "Cpus_allowed: %lx", &mask) == 1)
			break;
	if (f)
		fclose(f);
	return mask;
}

static int allow(pid_t pid, unsigned long mask)
{
	return syscall(SYS_sched_setaffinity, pid, sizeof(mask), &mask);
}

static int turn_off_and_on(unsigned int cpu, const struct hft_guest *echo)
{
	int ret = hft_set_online(cpu, false) ?: hft_echo_once(echo->id, 100);

	return hft_set_online(cpu, true) ?: ret ?: hft_echo_once(echo->id, 100);
}

TEST(mask_survives_hotplug_of_one_of_its_cpus)
{
	HFT_NEED_GUEST(echo, "echo", 0);
	HFT_NEED_CPUS(3);
	pid_t pid = thread_of(echo);

	ASSERT_EQ(0, allow(pid, 6));
	EXPECT_EQ(0, turn_off_and_on(2, echo));
	EXPECT_EQ(6, allowed(pid));
	EXPECT_EQ(0, turn_off_and_on(1, echo));
	EXPECT_EQ(6, allowed(pid));
}

/* Linux has to let it run elsewhere, and does not remember. */
TEST(mask_without_a_cpu_is_dropped_and_the_guest_runs)
{
	HFT_NEED_GUEST(echo, "echo", 0);
	HFT_NEED_CPUS(3);
	pid_t pid = thread_of(echo);

	ASSERT_EQ(0, allow(pid, 4));
	EXPECT_EQ(4, allowed(pid));
	EXPECT_EQ(0, turn_off_and_on(2, echo));
	fprintf(stderr, "# the mask is now %#lx\n", allowed(pid));
	EXPECT_NE(4, allowed(pid));
	EXPECT_EQ(0, allow(pid, 4));
	EXPECT_EQ(0, hft_echo_once(echo->id, 100));
	EXPECT_EQ(4, allowed(pid));
}

static int64_t run_ns(pid_t pid)
{
	long long ns = -1;
	char path[40];
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/schedstat", pid);
	f = fopen(path, "r");
	if (!f || fscanf(f, "%lld", &ns) != 1)
		ns = -1;
	if (f)
		fclose(f);
	return ns;
}

/* Of a CPU, in percent. */
static int share(const char *what, pid_t pid)
{
	int64_t ran = run_ns(pid), took = hft_now_ns();
	int percent;

	hft_sleep_ms(MEASURE_MS);
	ran = run_ns(pid) - ran;
	took = hft_now_ns() - took;
	percent = ran * 100 / took;
	fprintf(stderr, "# %s: %d %% of a CPU\n", what, percent);
	return percent;
}

static int kernel_version(void)
{
	struct utsname name;
	int major, minor;

	if (uname(&name) || sscanf(name.release, "%d.%d", &major, &minor) != 2)
		return 0;
	return major * 100 + minor;
}

/* From 6.18 on a task is throttled as it returns to userspace. */
TEST(limit_of_a_control_group_holds_before_linux_6_18)
{
	HFT_NEED_GUEST(busy, "busy", 0);
	char text[24];
	int percent;

	mkdir(CGROUP, 0755);
	ASSERT_EQ(0, mount("cgroup2", CGROUP, "cgroup2", 0, NULL));
	ASSERT_EQ(0, hft_put(CGROUP "/cgroup.subtree_control", "+cpu"));
	ASSERT_EQ(0, mkdir(GROUP, 0755));
	snprintf(text, sizeof(text), "%d %d", SHARE_US, PERIOD_US);
	ASSERT_EQ(0, hft_put(GROUP "cpu.max", text));
	snprintf(text, sizeof(text), "%d", thread_of(busy));
	ASSERT_EQ(0, hft_put(GROUP "cgroup.procs", text));
	percent = share("cpu.max", thread_of(busy));
	EXPECT_EQ(kernel_version() < 618, percent < MOST_PERCENT);
	EXPECT_EQ(0, hft_put(CGROUP "/cgroup.procs", text));
}

struct sched_attr_v0 {
	uint32_t size, policy;
	uint64_t flags;
	int32_t nice;
	uint32_t priority;
	uint64_t runtime, deadline, period;
};

TEST(deadline_scheduling_limits_a_guest)
{
	HFT_NEED_GUEST(busy, "busy", 0);
	struct sched_attr_v0 attr = {
		.size = sizeof(attr),
		.policy = POLICY_DEADLINE,
		.runtime = SHARE_US * 1000,
		.deadline = PERIOD_US * 1000,
		.period = PERIOD_US * 1000,
	};
	pid_t pid = thread_of(busy);

	EXPECT_LT(MOST_PERCENT, share("no limit", pid));
	ASSERT_EQ(0, syscall(SYS_sched_setattr, pid, &attr, 0));
	EXPECT_GT(MOST_PERCENT, share("SCHED_DEADLINE", pid));
	memset(&attr, 0, sizeof(attr));
	attr.size = sizeof(attr);
	EXPECT_EQ(0, syscall(SYS_sched_setattr, pid, &attr, 0));
}

TEST_HARNESS_MAIN
