// SPDX-License-Identifier: GPL-2.0
/*
 * What sockets take is charged to the memory control group of who makes them:
 * the sockets, what connect() keeps for a peer, and what send() queues.
 *
 * Needs an echo and a mute guest, and a kernel with memory control groups.
 */
#include <fcntl.h>
#include <linux/sockios.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "hft_harness.h"
#include "hft_dgram.h"

#define ROOT	"/tmp/cgroup"
#define GROUP	ROOT "/hft"
#define SOCKETS	2000
#define SENDERS	12

static int write_to(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY);
	bool ok = fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text);

	close(fd);
	return ok ? 0 : -1;
}

static int enter_group(void)
{
	char pid[16];

	snprintf(pid, sizeof(pid), "%d", getpid());
	return mkdir(ROOT, 0700) || mount("none", ROOT, "cgroup2", 0, NULL) ||
	       write_to(ROOT "/cgroup.subtree_control", "+memory") || mkdir(GROUP, 0700) ||
	       write_to(GROUP "/cgroup.procs", pid);
}

/* Bytes that the group is charged for. */
static long charged(void)
{
	char text[32] = "-1";
	int fd = open(GROUP "/memory.current", O_RDONLY);

	if (fd >= 0 && read(fd, text, sizeof(text) - 1) < 0)
		text[0] = '\0';
	close(fd);
	return atol(text);
}

/* What they have queued takes more memory than the messages do. */
static long fill(unsigned int vm)
{
	long all = 0;
	int i, queued;

	for (i = 0; i < SENDERS; i++) {
		int fd = hft_connect(vm, 10);

		if (hft_fill_queue(fd, 4000) < 0 || ioctl(fd, SIOCOUTQ, &queued))
			return -1;
		all += queued;
	}
	return all;
}

TEST(sockets_are_charged_to_who_makes_them)
{
	struct rlimit files = { SOCKETS + 100, SOCKETS + 100 };
	HFT_NEED_GUEST(echo, "echo", 0);
	HFT_NEED_GUEST(mute, "mute", 0);
	static int fd[SOCKETS];
	long before, sockets, peers, queued, messages;
	int i;

	ASSERT_EQ(0, setrlimit(RLIMIT_NOFILE, &files));
	ASSERT_EQ(0, enter_group());
	before = charged();
	for (i = 0; i < SOCKETS; i++) {
		fd[i] = hft_socket();
		ASSERT_LE(0, fd[i]);
	}
	sockets = charged() - before;
	for (i = 0; i < SOCKETS; i++)
		ASSERT_EQ(0, hft_connect_to(fd[i], echo->id, 10));
	peers = charged() - before - sockets;
	/* What is closed is freed some time later. */
	before = charged();
	queued = fill(mute->id);
	messages = charged() - before;
	fprintf(stderr, "# %ld bytes for a socket, %ld for its peer; %ld for %ld that are queued\n",
		sockets / SOCKETS, peers / SOCKETS, messages, queued);
	EXPECT_LT(1000, sockets / SOCKETS);
	EXPECT_LT(500, peers / SOCKETS);
	EXPECT_LT(1000000, queued);
	EXPECT_LT(queued / 4 * 3, messages);
}

TEST_HARNESS_MAIN
