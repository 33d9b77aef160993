// SPDX-License-Identifier: GPL-2.0
/*
 * The machine sleeps and wakes up under traffic: vCPUs freeze with the tasks, no
 * message is lost; and what stands against it: hibernation, a message that somebody
 * waits for.
 *
 * Needs echo, busy, two CPUs, a kernel with suspend, and a clock that wakes the
 * machine; HF_ROUNDS (20) times.
 */
#include <poll.h>
#include <sys/epoll.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <time.h>

#include "hft_load.h"
#include "hft_harness.h"

#define CLIENTS		3
#define ALARM		"/sys/class/rtc/rtc0/wakealarm"
#define POWER		"/sys/power/"
#define CGROUP		"/tmp/freezer"
#define GROUP		CGROUP "/vms/"
#define MESSAGES	10
#define FROZEN_MS	3500	/* the stall detector looks each second */

#undef TEST_TIMEOUT_DEFAULT
#define TEST_TIMEOUT_DEFAULT 240

static int put_number(const char *path, long number)
{
	char text[24];

	snprintf(text, sizeof(text), "%ld", number);
	return hft_put(path, text);
}

/* Without the newline; empty if it cannot be read. */
static const char *get(const char *path)
{
	static char text[80];
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? 0 : read(fd, text, sizeof(text) - 1);

	text[n > 0 ? n : 0] = '\0';
	text[strcspn(text, "\n")] = '\0';
	if (fd >= 0)
		close(fd);
	return text;
}

static bool has_word(const char *path, const char *word)
{
	char command[120];

	snprintf(command, sizeof(command), "grep -q '%s' %s", word, path);
	return !system(command);
}

/* Sleep until the clock rings, some whole seconds later. */
static int suspend(const char *state)
{
	int err = hft_put(ALARM, "0") ?: hft_put(ALARM, "+2");

	return err ?: hft_put(POWER "state", state);
}

/* Seen with 7.3, whatever else is loaded: nothing would report the result. */
#define NEED_PORT() do { \
	struct utsname name_; \
	if (!uname(&name_) && atoi(name_.release) >= 7) \
		HFT_SKIP("this kernel's virtio console is blocked after a suspend"); \
} while (0)

static int64_t boottime_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_BOOTTIME, &ts);
	return ts.tv_sec * 1000LL + ts.tv_nsec / 1000000;
}

static int64_t runs(const struct hft_guest *guest)
{
	return hft_vcpus_count(guest->id, "runs");
}

static pid_t thread_of(const struct hft_guest *guest)
{
	char name[16];

	snprintf(name, sizeof(name), "hf/%u.0", guest->id);
	return hft_find_thread(name);
}

struct talk {
	unsigned int vm;
	volatile bool stop;
	volatile unsigned long echoed;
};

/* Without time limits: then a call that the freezer interrupts begins anew. */
static int talk(void *arg)
{
	struct talk *t = arg;
	int fd = hft_connect(t->vm, 10);
	uint32_t i;

	if (fd < 0 || hft_set_timeout(fd, SO_RCVTIMEO, 0) || hft_set_timeout(fd, SO_SNDTIMEO, 0))
		return 1;
	for (i = 0; !t->stop; i++) {
		if (hft_echo(fd, 1 + i % 4000, i)) {
			hft_dump_state();
			return 1;
		}
		t->echoed++;
	}
	return 0;
}

static bool all_go_on(const struct talk *talks)
{
	int64_t end = hft_now_ns() + hft_patience_ms() * 1000000LL;
	unsigned long before[CLIENTS];
	int i;

	for (i = 0; i < CLIENTS; i++)
		before[i] = talks[i].echoed;
	for (i = 0; i < CLIENTS && hft_now_ns() < end;)
		if (talks[i].echoed > before[i])
			i++;
		else
			hft_sleep_ms(1);
	return i == CLIENTS;
}

TEST(nothing_is_lost_over_suspend)
{
	HFT_NEED_GUEST(guest, "echo", 0);
	unsigned int i, rounds = hft_number("HF_ROUNDS", 20);
	struct talk *talks = hft_shared(CLIENTS * sizeof(*talks));
	pid_t pid[CLIENTS];
	int64_t began = boottime_ms();

	NEED_PORT();
	for (i = 0; i < CLIENTS; i++) {
		talks[i].vm = guest->id;
		pid[i] = hft_spawn(talk, &talks[i]);
	}
	for (i = 0; i < rounds; i++) {
		EXPECT_TRUE(all_go_on(talks));
		/* "mem" is to RAM if the firmware can, which QEMU's with an EL2 cannot. */
		ASSERT_EQ(0, suspend(i % 2 ? "mem" : "freeze"));
	}
	EXPECT_TRUE(all_go_on(talks));
	for (i = 0; i < CLIENTS; i++)
		talks[i].stop = true;
	for (i = 0; i < CLIENTS; i++) {
		EXPECT_EQ(0, hft_join(pid[i], 2 * hft_patience_ms()));
		fprintf(stderr, "# client %u: %lu round trips\n", i, talks[i].echoed);
	}
	fprintf(stderr, "# %u times in %lld ms, mem_sleep %s\n", rounds,
		(long long)(boottime_ms() - began), get(POWER "mem_sleep"));
}

/* A guest that computes exits at each tick. */
TEST(guests_do_not_run_while_userspace_is_frozen)
{
	HFT_NEED_GUEST(guest, "busy", 0);
	int64_t ran, took, idle;

	NEED_PORT();
	took = boottime_ms();
	ran = runs(guest);
	ASSERT_TRUE(hft_eventually(runs(guest) > ran + 100));
	ran = runs(guest) - ran;
	took = boottime_ms() - took;
	fprintf(stderr, "# awake %lld exits in %lld ms\n", (long long)ran, (long long)took);

	ran = ran * 1000 / took;
	took = boottime_ms();
	idle = runs(guest);
	ASSERT_EQ(0, suspend("freeze"));
	idle = runs(guest) - idle;
	took = boottime_ms() - took;
	fprintf(stderr, "# asleep %lld exits in %lld ms\n", (long long)idle, (long long)took);
	EXPECT_LT(1000, took);
	/* They are frozen after all of userspace is. */
	EXPECT_LT(idle, ran * took / 1000 / 3);
}

static int into_group(const struct hft_guest *guest)
{
	return put_number(GROUP "cgroup.procs", thread_of(guest));
}

static bool becomes(const char *path, const char *wanted)
{
	int i;

	for (i = 0; i < 100 && strcmp(get(path), wanted); i++)
		hft_sleep_ms(20);
	return !strcmp(get(path), wanted);
}

/* Who sends does not run the guest in the thread's place. */
TEST(threads_freeze_with_their_control_group)
{
	HFT_NEED_GUEST(busy, "busy", 0);
	HFT_NEED_GUEST(echo, "echo", 0);
	int64_t busy_runs, echo_runs;
	int i, fd, log = hft_log_open();
	char in[8];

	mkdir(CGROUP, 0755);
	ASSERT_EQ(0, mount("freezer", CGROUP, "cgroup", 0, "freezer"));
	ASSERT_EQ(0, mkdir(GROUP, 0755));
	ASSERT_EQ(0, into_group(busy));
	ASSERT_EQ(0, into_group(echo));
	ASSERT_EQ(0, hft_echo_once(echo->id, 100));
	ASSERT_EQ(0, hft_put(GROUP "freezer.state", "FROZEN"));
	EXPECT_TRUE(becomes(GROUP "freezer.state", "FROZEN"));

	busy_runs = runs(busy);
	echo_runs = runs(echo);
	fd = hft_connect(echo->id, 10);
	for (i = 0; i < MESSAGES; i++)
		ASSERT_EQ(5, send(fd, "hello", 5, 0));
	EXPECT_EQ(0, hft_poll(fd, POLLIN, FROZEN_MS));
	EXPECT_EQ(busy_runs, runs(busy));
	EXPECT_EQ(echo_runs, runs(echo));

	EXPECT_EQ(0, hft_put(GROUP "freezer.state", "THAWED"));
	for (i = 0; i < MESSAGES; i++)
		EXPECT_EQ(5, recv(fd, in, sizeof(in), 0));
	EXPECT_TRUE(hft_eventually(runs(busy) > busy_runs));
	EXPECT_EQ(0, hft_log_lines(log, HFT_LOG_WARNING, NULL, 0));
	close(fd);
	close(log);
}

TEST(threads_do_not_freeze_in_version_2_of_control_groups)
{
	HFT_NEED_GUEST(busy, "busy", 0);
	int64_t before;

	mkdir(CGROUP, 0755);
	ASSERT_EQ(0, mount("cgroup2", CGROUP, "cgroup2", 0, NULL));
	ASSERT_EQ(0, mkdir(GROUP, 0755));
	ASSERT_EQ(0, into_group(busy));
	ASSERT_EQ(0, hft_put(GROUP "cgroup.freeze", "1"));
	hft_sleep_ms(200);
	EXPECT_STREQ("1", get(GROUP "cgroup.freeze"));
	/* "populated 1" and "frozen 0": what is wanted, and what is not so. */
	EXPECT_TRUE(has_word(GROUP "cgroup.events", "frozen 0"));
	before = runs(busy);
	EXPECT_TRUE(hft_eventually(runs(busy) > before));
	EXPECT_EQ(0, hft_put(GROUP "cgroup.freeze", "0"));
}

TEST(hibernation_is_refused_with_a_reason)
{
	HFT_NEED_GUEST(echo, "echo", 0);
	int log = hft_log_open();
	char last[160];

	EXPECT_EQ(-EBUSY, hft_put(POWER "state", "disk"));
	EXPECT_EQ(1, hft_log_lines(log, HFT_LOG_WARNING, last, sizeof(last)));
	EXPECT_NE(NULL, strstr(last, "hibernation"));
	EXPECT_EQ(0, hft_echo_once(echo->id, 100));
	close(log);
}

/* Whoever waits with EPOLLWAKEUP keeps the machine awake, or wakes it on its way to sleep. */
TEST(message_that_comes_meanwhile_ends_a_suspend)
{
	HFT_NEED_GUEST(guest, "echo", 0);
	struct epoll_event event = { .events = EPOLLIN | EPOLLWAKEUP };
	int fd = hft_connect(guest->id, 10), epoll = epoll_create1(0);
	char count[80];

	ASSERT_EQ(0, epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event));
	snprintf(count, sizeof(count), "%s", get(POWER "wakeup_count"));
	ASSERT_EQ(0, hft_put(POWER "wakeup_count", count));
	ASSERT_EQ(5, send(fd, "hello", 5, 0));
	ASSERT_EQ(POLLIN, hft_poll(fd, POLLIN, hft_patience_ms()));
	EXPECT_EQ(-EBUSY, suspend("freeze"));
	close(epoll);
	close(fd);
}

TEST_HARNESS_MAIN
