// SPDX-License-Identifier: GPL-2.0
/*
 * 5000 senders, blocked on one VM, each with its socket or all with one: room in the
 * VM's queue, or in the socket's buffer, wakes the sender that got it; the VM's death
 * wakes them all.
 *
 * A SCHED_FIFO thread that sleeps 1 ms at a time is delayed by every section that
 * runs without preemption. Each message that leaves makes room; all senders get on.
 *
 * Needs sink x 3, of which two die, hf_testcall.ko, one CPU, a kernel that preempts, and
 * QEMU's -icount with shift=0.
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
#define PERIODS		300
#define LIMIT_NS	1000000
#define ROOM		(16 << 20)

#undef TEST_TIMEOUT_DEFAULT
#define TEST_TIMEOUT_DEFAULT 600

struct sender {
	pthread_t thread;
	int fd;
	unsigned long count;
	bool failed;
};

static struct sender senders[SENDERS];
static volatile bool stop;
static pthread_rwlock_t go = PTHREAD_RWLOCK_INITIALIZER;
/* Linux needs more than 1 ms for the end of a thousand threads: not while it is measured. */
static pthread_rwlock_t end = PTHREAD_RWLOCK_INITIALIZER;

static void *send_until_stop(void *arg)
{
	struct sender *s = arg;
	uint64_t message = 0;

	pthread_rwlock_rdlock(&go);
	pthread_rwlock_unlock(&go);
	while (!stop && send(s->fd, &message, sizeof(message), 0) == sizeof(message))
		s->count++;
	s->failed = !stop;
	pthread_rwlock_rdlock(&end);
	pthread_rwlock_unlock(&end);
	return NULL;
}

/* A small kernel has 4096 of them. */
static int allow_many_threads(void)
{
	int fd = open("/proc/sys/kernel/pid_max", O_WRONLY);
	int ret = write(fd, "32768", 5) == 5 ? 0 : -1;

	close(fd);
	return ret;
}

/* With @room in SO_SNDBUF what the VM may have queued limits them. */
static int start_senders(unsigned int vm, bool share, int room)
{
	struct rlimit files = { SENDERS + 100, SENDERS + 100 };
	pthread_attr_t attr;
	int i;

	if (allow_many_threads() || setrlimit(RLIMIT_NOFILE, &files) ||
	    pthread_attr_init(&attr) || pthread_attr_setstacksize(&attr, PTHREAD_STACK_MIN))
		return -1;
	pthread_rwlock_wrlock(&go);
	pthread_rwlock_wrlock(&end);
	for (i = 0; i < SENDERS; i++) {
		senders[i].fd = share && i ? senders[0].fd : hft_connect(vm, 10);
		if (senders[i].fd < 0 ||
		    (room && setsockopt(senders[i].fd, SOL_SOCKET, SO_SNDBUFFORCE, &room,
					sizeof(room))) ||
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

/* How many did not end, or not because they had to stop. */
static int join_senders(void)
{
	struct timespec until;
	int i, bad = 0;

	pthread_rwlock_unlock(&end);
	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += HFT_PATIENCE_MS / 1000;
	for (i = 0; i < SENDERS; i++)
		bad += pthread_timedjoin_np(senders[i].thread, NULL, &until) || senders[i].failed;
	return bad;
}

/* Each gets room once more, for the VM reads on. */
static int stop_senders(void)
{
	stop = true;
	return join_senders();
}

static void expect_no_herd(struct __test_metadata *_metadata, const char *name, bool share,
			   int room)
{
	static int64_t late[PERIODS];
	unsigned long least = -1;
	HFT_NEED_GUEST(guest, "sink", 0);
	int i;

	ASSERT_EQ(0, start_senders(guest->id, share, room));
	hft_sleep_ms(200);
	ASSERT_EQ(0, become_fifo());
	hft_lateness(name, late, PERIODS);
	EXPECT_GT(LIMIT_NS, late[PERIODS - 1]);
	EXPECT_EQ(0, stop_senders());
	for (i = 0; i < SENDERS; i++)
		least = senders[i].count < least ? senders[i].count : least;
	fprintf(stderr, "# the unluckiest sent %lu messages\n", least);
	EXPECT_LT(!share, least);
}

TEST(room_wakes_only_the_sender_that_got_it)
{
	expect_no_herd(_metadata, "5000 sockets", false, ROOM);
}

TEST(room_wakes_one_sender_of_a_socket)
{
	expect_no_herd(_metadata, "5000 senders of a socket", true, ROOM);
}

TEST(room_in_a_socket_wakes_one_of_its_senders)
{
	expect_no_herd(_metadata, "5000 senders of a full socket", true, 0);
}

static void expect_death_in_time(struct __test_metadata *_metadata, const char *name,
				 int index, bool share)
{
	static int64_t late[PERIODS];
	HFT_NEED_TESTCALL();
	HFT_NEED_GUEST(guest, "sink", index);

	ASSERT_EQ(0, start_senders(guest->id, share, ROOM));
	hft_sleep_ms(200);
	ASSERT_EQ(0, become_fifo());
	ASSERT_EQ(0, hft_call(HFT_KILL, guest->id, 0, 0, 0, 0));
	hft_lateness(name, late, PERIODS);
	EXPECT_GT(LIMIT_NS, late[PERIODS - 1]);
	EXPECT_EQ(SENDERS, join_senders());
}

TEST(death_ends_the_senders_of_all_sockets)
{
	expect_death_in_time(_metadata, "death, 5000 sockets", 1, false);
}

TEST(death_ends_all_senders_of_a_socket)
{
	expect_death_in_time(_metadata, "death, 5000 senders of a socket", 2, true);
}

TEST_HARNESS_MAIN
