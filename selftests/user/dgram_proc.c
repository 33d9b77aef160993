// SPDX-License-Identifier: GPL-2.0
/*
 * /proc/net/hf and /proc/net/protocols tell what there is, and a thousand
 * sockets are no trouble.
 *
 * Needs an echo, a flood and a mute guest.
 */
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <sys/resource.h>

#include "hft_harness.h"
#include "hft_dgram.h"

#define PORT	5500

FIXTURE(proc) {
	unsigned int vm, flood, mute;
	int fd;			/* no port yet */
	struct hft_line line;
};

FIXTURE_SETUP(proc)
{
	self->fd = -1;
	if (!hft_guest("echo", 0) || !hft_guest("flood", 0) || !hft_guest("mute", 0))
		HFT_SKIP("no echo, flood and mute guest in this boot");
	self->vm = hft_guest("echo", 0)->id;
	self->flood = hft_guest("flood", 0)->id;
	self->mute = hft_guest("mute", 0)->id;
	self->fd = hft_socket();
	ASSERT_LE(0, self->fd);
}

FIXTURE_TEARDOWN(proc)
{
	close(self->fd);
}

static const char *address(int vm, uint64_t port)
{
	static char text[40];

	if (vm < 0)
		snprintf(text, sizeof(text), "*:%llu", (unsigned long long)port);
	else
		snprintf(text, sizeof(text), "%d:%llu", vm, (unsigned long long)port);
	return text;
}

TEST_F(proc, new_socket_is_unbound)
{
	ASSERT_EQ(0, hft_proc_line(self->fd, &self->line));
	EXPECT_STREQ("dgram", self->line.type);
	EXPECT_STREQ("unbound", self->line.state);
	EXPECT_STREQ("-", self->line.local);
	EXPECT_STREQ("-", self->line.peer);
	EXPECT_LT(0, self->line.refs);
	EXPECT_EQ(0, self->line.rmem);
	EXPECT_EQ(0, self->line.wmem);
	EXPECT_EQ(0, self->line.drops);
	EXPECT_EQ(0, self->line.uid);
}

TEST_F(proc, bound_socket_shows_its_port)
{
	ASSERT_EQ(0, hft_bind_to(self->fd, HF_VM_ID_ANY, UINT64_MAX));
	ASSERT_EQ(0, hft_proc_line(self->fd, &self->line));
	EXPECT_STREQ("bound", self->line.state);
	EXPECT_STREQ("*:18446744073709551615", self->line.local);
	EXPECT_STREQ("-", self->line.peer);
}

TEST_F(proc, bound_socket_shows_the_vm_that_it_hears)
{
	ASSERT_EQ(0, hft_bind_to(self->fd, self->vm, PORT));
	ASSERT_EQ(0, hft_proc_line(self->fd, &self->line));
	EXPECT_STREQ(address(self->vm, PORT), self->line.local);
}

TEST_F(proc, connected_socket_shows_both_ends)
{
	ASSERT_EQ(0, hft_connect_to(self->fd, self->vm, 10));
	ASSERT_EQ(0, hft_proc_line(self->fd, &self->line));
	EXPECT_STREQ("connected", self->line.state);
	EXPECT_STREQ(address(self->vm, 10), self->line.peer);
	EXPECT_NE(NULL, strchr(self->line.local, ':'));
	ASSERT_EQ(0, hft_disconnect(self->fd));
	ASSERT_EQ(0, hft_proc_line(self->fd, &self->line));
	EXPECT_STREQ("unbound", self->line.state);
	EXPECT_STREQ("-", self->line.peer);
}

TEST_F(proc, disconnected_socket_that_was_bound_is_bound)
{
	ASSERT_EQ(0, hft_bind_to(self->fd, HF_VM_ID_ANY, PORT));
	ASSERT_EQ(0, hft_connect_to(self->fd, self->vm, 10));
	ASSERT_EQ(0, hft_disconnect(self->fd));
	ASSERT_EQ(0, hft_proc_line(self->fd, &self->line));
	EXPECT_STREQ("bound", self->line.state);
	EXPECT_STREQ(address(-1, PORT), self->line.local);
}

TEST_F(proc, queues_are_shown)
{
	int fd = hft_connect(self->mute, 10), i;

	ASSERT_EQ(0, hft_bind_to(self->fd, HF_VM_ID_ANY, PORT));
	ASSERT_EQ(0, hft_flood(self->flood, 1, PORT, 2, 1000));
	ASSERT_EQ(0, hft_proc_line(self->fd, &self->line));
	EXPECT_LE(2000, self->line.rmem);
	EXPECT_EQ(0, self->line.wmem);

	for (i = 0; i < 4; i++)
		ASSERT_EQ(3, send(fd, "abc", 3, 0));
	ASSERT_EQ(0, hft_proc_line(fd, &self->line));
	EXPECT_LE(3 * 256, self->line.wmem);
	EXPECT_EQ(0, self->line.rmem);
	close(fd);
}

TEST_F(proc, owner_is_shown)
{
	ASSERT_EQ(0, fchown(self->fd, 1234, -1));
	ASSERT_EQ(0, hft_proc_line(self->fd, &self->line));
	EXPECT_EQ(1234, self->line.uid);
}

TEST_F(proc, closed_socket_is_gone)
{
	int before = hft_proc_count(), fd = hft_bound(HF_VM_ID_ANY, PORT);

	ASSERT_LT(0, before);
	EXPECT_EQ(before + 1, hft_proc_count());
	close(fd);
	EXPECT_EQ(before, hft_proc_count());
}

TEST_F(proc, everybody_may_read_it)
{
	ASSERT_EQ(0, setuid(65534));
	EXPECT_EQ(0, access("/proc/net/hf", R_OK));
	EXPECT_EQ(-1, access("/proc/net/hf", W_OK));
	EXPECT_EQ(0, hft_proc_line(self->fd, &self->line));
}

TEST_F(proc, short_reads_give_the_same_text)
{
	static char whole[65536], pieces[65536];
	int fd = open("/proc/net/hf", O_RDONLY), i, n, got = 0;

	for (i = 0; i < 20; i++)
		ASSERT_LE(0, hft_bound(HF_VM_ID_ANY, PORT + i));
	n = pread(fd, whole, sizeof(whole), 0);
	ASSERT_LT(0, n);
	while (read(fd, pieces + got, 1) == 1)
		got++;
	EXPECT_LE(n, got);
	EXPECT_EQ(0, memcmp(whole, pieces, n));
	close(fd);
}

TEST_F(proc, other_network_namespace_does_not_see_them)
{
	if (unshare(CLONE_NEWNET))
		HFT_SKIP("this kernel has no network namespaces");
	/* No file, or one with nothing but its heading. */
	EXPECT_GE(0, hft_proc_count());
}

/* "sockets" in the line of HF, -1 = there is none. */
static int protocol_sockets(void)
{
	FILE *f = fopen("/proc/net/protocols", "r");
	char line[256], name[32];
	int size, sockets, found = -1;

	while (f && fgets(line, sizeof(line), f))
		if (sscanf(line, "%31s %d %d", name, &size, &sockets) == 3 &&
		    !strcmp(name, "HF"))
			found = sockets;
	if (f)
		fclose(f);
	return found;
}

TEST_F(proc, protocols_has_a_line_that_counts)
{
	int before = protocol_sockets(), fd = hft_socket();

	ASSERT_LT(0, before);
	EXPECT_EQ(before + 1, protocol_sockets());
	close(fd);
}

enum { MANY = 1000 };

static bool open_many(int *fd, unsigned int vm)
{
	struct rlimit limit = { MANY + 100, MANY + 100 };
	int i;

	if (setrlimit(RLIMIT_NOFILE, &limit))
		return false;
	for (i = 0; i < MANY; i++) {
		fd[i] = i % 2 ? hft_connect(vm, i) : hft_bound(HF_VM_ID_ANY, 100000 + i);
		if (fd[i] < 0)
			return false;
	}
	return true;
}

TEST_F(proc, a_thousand_sockets_are_listed_and_work)
{
	int before = hft_proc_count(), i, in;
	static int fd[MANY];

	ASSERT_TRUE(open_many(fd, self->vm));
	EXPECT_EQ(before + MANY, hft_proc_count());
	for (i = 0; i < MANY; i += 7) {
		ASSERT_EQ(sizeof(i), hft_send_to(fd[i], &i, sizeof(i), self->vm, i));
		ASSERT_EQ(sizeof(in), recv(fd[i], &in, sizeof(in), 0));
		EXPECT_EQ(i, in);
	}
	for (i = 0; i < MANY; i++)
		close(fd[i]);
	EXPECT_EQ(before, hft_proc_count());
}

static int come_and_go(void *stop)
{
	while (!__atomic_load_n((int *)stop, __ATOMIC_SEQ_CST)) {
		int fd[20], i;

		for (i = 0; i < 20; i++)
			fd[i] = hft_bound(HF_VM_ID_ANY, HF_PORT_ANY);
		for (i = 0; i < 20; i++)
			close(fd[i]);
	}
	return 0;
}

TEST_F(proc, list_can_be_read_while_sockets_come_and_go)
{
	int *stop = hft_shared(sizeof(*stop)), i;
	pid_t child[2] = { hft_spawn(come_and_go, stop), hft_spawn(come_and_go, stop) };

	for (i = 0; i < 300; i++)
		ASSERT_LT(0, hft_proc_count());
	__atomic_store_n(stop, 1, __ATOMIC_SEQ_CST);
	EXPECT_EQ(0, hft_join(child[0], HFT_PATIENCE_MS));
	EXPECT_EQ(0, hft_join(child[1], HFT_PATIENCE_MS));
	/* Not before: a list that is read in pieces may miss what moved meanwhile. */
	EXPECT_EQ(0, hft_proc_line(self->fd, &self->line));
}

TEST_HARNESS_MAIN
