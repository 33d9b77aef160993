// SPDX-License-Identifier: GPL-2.0
/*
 * Datagram sockets for tests: addresses without casts, a guest that sends to
 * any port, and all that can be read about a socket.
 *
 * "Delivered or dropped" is known from order: what a VM sends arrives in the
 * order in which it was sent, so the last message goes to a socket that waits.
 */
#include <errno.h>
#include <linux/capability.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "hft_dgram.h"

int hft_bind_to(int fd, unsigned int vm, uint64_t port)
{
	struct hf_sockaddr addr = hft_address(vm, port);

	return bind(fd, (struct sockaddr *)&addr, sizeof(addr));
}

int hft_connect_to(int fd, unsigned int vm, uint64_t port)
{
	struct hf_sockaddr addr = hft_address(vm, port);

	return connect(fd, (struct sockaddr *)&addr, sizeof(addr));
}

int hft_disconnect(int fd)
{
	struct sockaddr nobody = { .sa_family = AF_UNSPEC };

	return connect(fd, &nobody, sizeof(nobody.sa_family));
}

ssize_t hft_send_to(int fd, const void *buf, size_t len, unsigned int vm,
		    uint64_t port)
{
	struct hf_sockaddr addr = hft_address(vm, port);

	return sendto(fd, buf, len, 0, (struct sockaddr *)&addr, sizeof(addr));
}

ssize_t hft_recv_from(int fd, void *buf, size_t len, struct hf_sockaddr *from)
{
	socklen_t size = sizeof(*from);

	memset(from, 0, sizeof(*from));
	return recvfrom(fd, buf, len, 0, (struct sockaddr *)from, &size);
}

static int close_and_fail(int fd)
{
	int err = errno;

	close(fd);
	errno = err;
	return -1;
}

int hft_bound(unsigned int vm, uint64_t port)
{
	int fd = hft_socket();

	if (fd >= 0 && hft_bind_to(fd, vm, port))
		return close_and_fail(fd);
	return fd;
}

uint64_t hft_port(int fd)
{
	struct hf_sockaddr me = { 0 };
	socklen_t len = sizeof(me);

	getsockname(fd, (struct sockaddr *)&me, &len);
	return me.port;
}

bool hft_peer_is(int fd, unsigned int vm, uint64_t port)
{
	struct hf_sockaddr addr = { 0 };
	socklen_t len = sizeof(addr);

	return !getpeername(fd, (struct sockaddr *)&addr, &len) &&
	       len == sizeof(addr) && addr.family == AF_HF &&
	       addr.vm_id == vm && addr.port == port;
}

/* What the guest "flood" is asked for; port 0 is the port of who asks. */
static int request(int fd, uint32_t count, uint32_t size, uint64_t port)
{
	struct {
		uint32_t count, size;
		uint64_t port;
	} req = { count, size, port };

	return send(fd, &req, sizeof(req), 0) == sizeof(req) ? 0 : -1;
}

int hft_flood_start(unsigned int vm, uint64_t from, uint64_t to, uint32_t count,
		    uint32_t size)
{
	int fd = hft_connect(vm, from);

	if (fd < 0 || request(fd, count, size, to))
		return close_and_fail(fd);
	return close(fd);
}

int hft_flood(unsigned int vm, uint64_t from, uint64_t to, uint32_t count,
	      uint32_t size)
{
	int fd = hft_connect(vm, from);
	uint64_t seq;

	if (fd < 0)
		return -1;
	hft_set_timeout(fd, SO_RCVTIMEO, 4 * HFT_PATIENCE_MS);
	if (request(fd, count, size, to) || request(fd, 1, sizeof(seq), 0) ||
	    recv(fd, &seq, sizeof(seq), 0) != sizeof(seq))
		return close_and_fail(fd);
	return close(fd);
}

int64_t hft_sock_mem(int fd, unsigned int which)
{
	uint32_t info[16];
	socklen_t len = sizeof(info);

	if (getsockopt(fd, SOL_SOCKET, SO_MEMINFO, info, &len))
		return -1;
	if (len < (which + 1) * sizeof(info[0])) {
		errno = ERANGE;
		return -1;
	}
	return info[which];
}

int hft_option(int fd, int name)
{
	socklen_t len = sizeof(int);
	int value;

	return getsockopt(fd, SOL_SOCKET, name, &value, &len) ? -1 : value;
}

int hft_set_option(int fd, int name, int value)
{
	return setsockopt(fd, SOL_SOCKET, name, &value, sizeof(value));
}

/* One line taken apart; its inode, or -1 if it is not as documented. */
static long parse_line(const char *text, struct hft_line *line)
{
	char sk[40], more[2];
	long inode;

	if (sscanf(text, "%39s %u %15s %15s %39s %39s %u %u %u %u %ld %1s", sk,
		   &line->refs, line->type, line->state, line->local, line->peer,
		   &line->rmem, &line->wmem, &line->drops, &line->uid, &inode,
		   more) != 11)
		return -1;
	return inode;
}

static bool is_heading(const char *text)
{
	static const char * const words[] = {
		"sk", "RefCnt", "Type", "St", "Local", "Peer", "RxQ", "TxQ",
		"Drops", "UID", "Inode",
	};
	char copy[256];
	char *rest = copy, *word;
	size_t i = 0;

	snprintf(copy, sizeof(copy), "%s", text);
	while ((word = strtok_r(rest, " \n", &rest))) {
		if (i == sizeof(words) / sizeof(words[0]) || strcmp(word, words[i]))
			return false;
		i++;
	}
	return i == sizeof(words) / sizeof(words[0]);
}

/* Calls look() for each line until it returns true; -1 = badly formed. */
static int each_line(bool (*look)(long inode, struct hft_line *line, void *arg),
		     void *arg)
{
	FILE *f = fopen("/proc/net/hf", "r");
	struct hft_line line;
	char text[256];
	int ret = -1;
	long inode;

	if (!f)
		return -1;
	if (fgets(text, sizeof(text), f) && is_heading(text)) {
		ret = 0;
		while (!ret && fgets(text, sizeof(text), f)) {
			inode = parse_line(text, &line);
			if (inode < 0) {
				fprintf(stderr, "# bad line: %s", text);
				ret = -1;
			} else if (look(inode, &line, arg)) {
				ret = 1;
			}
		}
	} else {
		fprintf(stderr, "# bad heading: %s", text);
	}
	fclose(f);
	return ret;
}

struct wanted {
	long inode;
	struct hft_line *line;
};

static bool is_wanted(long inode, struct hft_line *line, void *arg)
{
	struct wanted *wanted = arg;

	if (inode != wanted->inode)
		return false;
	*wanted->line = *line;
	return true;
}

int hft_proc_line(int fd, struct hft_line *line)
{
	struct wanted wanted = { .line = line };
	struct stat st;

	if (fstat(fd, &st))
		return -1;
	wanted.inode = st.st_ino;
	return each_line(is_wanted, &wanted) == 1 ? 0 : -1;
}

static bool count_line(long inode, struct hft_line *line, void *arg)
{
	++*(int *)arg;
	return false;
}

int hft_proc_count(void)
{
	int count = 0;

	return each_line(count_line, &count) < 0 ? -1 : count;
}

static bool has_port(long inode, struct hft_line *line, void *arg)
{
	char *port = strchr(line->local, ':');

	return port && strtoull(port + 1, NULL, 10) == *(uint64_t *)arg;
}

int hft_proc_wait_port(uint64_t port)
{
	int64_t end = hft_now_ns() + HFT_PATIENCE_MS * 1000000LL;

	while (each_line(has_port, &port) != 1) {
		if (hft_now_ns() > end)
			return -1;
		hft_sleep_ms(20);
	}
	return 0;
}

void hft_keep_capability(int cap)
{
	struct __user_cap_header_struct head = {
		.version = _LINUX_CAPABILITY_VERSION_3,
	};
	struct __user_cap_data_struct data[2] = { { 0 } };

	if (cap >= 0) {
		data[cap / 32].effective = 1u << cap % 32;
		data[cap / 32].permitted = 1u << cap % 32;
	}
	syscall(SYS_capset, &head, data);
}
