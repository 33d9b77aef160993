// SPDX-License-Identifier: GPL-2.0
/*
 * 5000 senders, each with its socket, blocked on one VM: room in its queue wakes
 * the sender that got it.
 *
 * A SCHED_FIFO thread that sleeps 1 ms at a time is delayed by every section that
 * runs without preemption. Each message that leaves makes room; all senders get on.
 *
 * Needs sink, one CPU, a kernel that preempts, and QEMU's -icount with shift=0.
 */
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include "hft_harness.h"

#define SENDERS		5000
#define PERIODS		1000
#define LIMIT_NS	1000000

#undef TEST_TIMEOUT_DEFAULT
#define TEST_TIMEOUT_DEFAULT 600

struct sender {
	pthread_t thread;
	int fd;
	unsigned long count;
};

static struct sender senders[SENDERS];
static volatile bool stop;
static pthread_rwlock_t go = PTHREAD_RWLOCK_INITIALIZER;

static void *send_until_stop(void *arg)
{
	struct sender *s = arg;
	uint64_t message = 0;

	pthread_rwlock_rdlock(&go);
	pthread_rwlock_unlock(&go);
	while (!stop && send(s->fd, &message, sizeof(message), 0) == sizeof(message))
		s->count++;
	return stop ? NULL : s;
}

/* A small kernel has 4096 of them. */
static int allow_many_threads(void)
{
	int fd = open("/proc/sys/kernel/pid_max", O_WRONLY);
	int ret = write(fd, "32768", 5) == 5 ? 0 : -1;

	close(fd);
	return ret;
}

/* What the VM may have queued limits them, not SO_SNDBUF. */
static int start_senders(unsigned int vm)
{
	struct rlimit files = { SENDERS + 100, SENDERS + 100 };
	pthread_attr_t attr;
	int i, room = 16 << 20;

	if (allow_many_threads() || setrlimit(RLIMIT_NOFILE, &files) ||
	    pthread_attr_init(&attr) || pthread_attr_setstacksize(&attr, PTHREAD_STACK_MIN))
		return -1;
	pthread_rwlock_wrlock(&go);
	for (i = 0; i < SENDERS; i++) {
		senders[i].fd = hft_connect(vm, 10);
		if (senders[i].fd < 0 ||
		    setsockopt(senders[i].fd, SOL_SOCKET, SO_SNDBUFFORCE, &room, sizeof(room)) ||
		    pthread_create(&senders[i].thread, &attr, send_until_stop, &senders[i]))
			return -1;
	}
	pthread_rwlock_unlock(&go);
	return 0;
}

static int become_fifo(void)
{
	struct sched_param param = { .sched_priority = 80 };

	return mlockall(MCL_CURRENT | MCL_FUTURE) || sched_setscheduler(0, SCHED_FIFO, &param);
}

/* Each gets room once more, for the VM reads on. How many did not end well. */
static int stop_senders(void)
{
	struct timespec end;
	void *failed;
	int i, bad = 0;

	stop = true;
	clock_gettime(CLOCK_REALTIME, &end);
	end.tv_sec += HFT_PATIENCE_MS / 1000;
	for (i = 0; i < SENDERS; i++)
		bad += pthread_timedjoin_np(senders[i].thread, &failed, &end) || failed;
	return bad;
}

TEST(room_wakes_only_the_sender_that_got_it)
{
	static int64_t late[PERIODS];
	unsigned long least = -1;
	HFT_NEED_GUEST(guest, "sink", 0);
	int i;

	ASSERT_EQ(0, start_senders(guest->id));
	hft_sleep_ms(200);
	ASSERT_EQ(0, become_fifo());
	hft_lateness("5000 senders", late, PERIODS);
	EXPECT_GT(LIMIT_NS, late[PERIODS - 1]);
	EXPECT_EQ(0, stop_senders());
	for (i = 0; i < SENDERS; i++)
		least = senders[i].count < least ? senders[i].count : least;
	fprintf(stderr, "# the unluckiest sent %lu messages\n", least);
	EXPECT_LT(1, least);
}

TEST_HARNESS_MAIN
