// SPDX-License-Identifier: GPL-2.0
/*
 * Which system calls a random program makes: our uapi as a table.
 */
#include <fcntl.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <hf/hafnium.h>

#include "hft.h"
#include "hft_fuzz_args.h"

/* Of what a call returns, and of the file it was given. */
enum effect { NOTHING, MAKES_FD, CLOSES_FD };

/* A copy of the files in a process that uses one of them, and goes. */
static int special_fork(struct fuzz_task *t, int fd)
{
	pid_t pid = fork();

	if (!pid) {
		if (fuzz_pick(t, 2))
			syscall(SYS_write, fd, t->buf, 8);
		_exit(0);
	}
	while (pid > 0 && waitpid(pid, NULL, 0) < 0)
		;
	return pid < 0 ? -1 : 0;
}

static int special_epoll(struct fuzz_task *t, int fd)
{
	int epoll = t->worker->fd[fuzz_pick(t, FUZZ_FDS)];
	struct epoll_event event = {
		.events = EPOLLIN | EPOLLOUT | (fuzz_pick(t, 2) ? EPOLLET : 0),
	};

	if (epoll_ctl(epoll, fuzz_pick(t, 4) ? EPOLL_CTL_ADD : EPOLL_CTL_DEL, fd, &event))
		return -1;
	return epoll_wait(epoll, &event, 1, fuzz_pick(t, 20));
}

/* All sockets are listed while others come and go. */
static int special_proc(struct fuzz_task *t, int fd)
{
	char text[256];
	int proc = open("/proc/net/hf", O_RDONLY), n;

	if (proc < 0)
		return -1;
	do
		n = read(proc, text, 1 + fuzz_pick(t, sizeof(text)));
	while (n > 0);
	close(proc);
	return n;
}

/* More answers at once than a narrow socket has room for. */
static int special_burst(struct fuzz_task *t, int fd)
{
	uint64_t addr = arg_addr(t), buf = arg_buf(t);
	unsigned int i, len = 16 + fuzz_pick(t, 16), sent = 0;

	for (i = 0; i < 8; i++)
		if (syscall(SYS_sendto, fd, buf, len, MSG_DONTWAIT, addr,
			    sizeof(struct hf_sockaddr)) >= 0)
			sent++;
	return sent ? 0 : -1;
}

/* Routes of this process's own device, from and to any of its files. */
static int special_event(struct fuzz_task *t, int fd)
{
	static const unsigned long requests[] = {
		HF_EVENT_QUERY, HF_EVENT_ASSIGN, HF_EVENT_ASSIGN, HF_EVENT_ASSIGN,
		HF_EVENT_UPDATE, HF_EVENT_UPDATE, HF_EVENT_RING, HF_EVENT_LISTEN,
		HF_EVENT_LISTEN, _IO(HF_EVENT_MAGIC, 7),
	};
	static int dev = -1;
	struct hf_event_route route = {
		.fd = fuzz_pick(t, 8) ? fd : -1,
		.flags = fuzz_pick(t, 16) ? fuzz_pick(t, 3) : fuzz_pick(t, 9),
		.vm = fuzz_pick(t, 8) ? 2 + fuzz_pick(t, 4) : fuzz_pick(t, 70000),
		.vcpu = fuzz_pick(t, 2) ? HF_EVENT_VCPU_ANY : fuzz_pick(t, 3),
		.number = fuzz_pick(t, 8) ? 4 + fuzz_pick(t, 4) : fuzz_pick(t, 70),
		.reserved = { !fuzz_pick(t, 32) },
	};

	if (dev >= 0 && !fuzz_pick(t, 64)) {
		close(dev);
		dev = -1;
	}
	if (dev < 0)
		dev = open("/dev/hafnium", O_RDWR | O_CLOEXEC);
	return ioctl(dev, requests[fuzz_pick(t, sizeof(requests) / sizeof(requests[0]))],
		     fuzz_pick(t, 32) ? (uint64_t)&route : arg_buf(t));
}

/* What takes more than one call has a number of our own. */
enum { FORK = -1, EPOLL = -2, PROC = -3, BURST = -4, EVENT = -5 };

static int special_call(struct fuzz_task *t, int number, int fd)
{
	switch (number) {
	case FORK:
		return special_fork(t, fd);
	case EPOLL:
		return special_epoll(t, fd);
	case BURST:
		return special_burst(t, fd);
	case EVENT:
		return special_event(t, fd);
	default:
		return special_proc(t, fd);
	}
}

static const struct call {
	const char *name;
	int number;
	unsigned int weight;
	enum effect effect;
	fuzz_arg *arg[6];
} calls[] = {
	{ "socket", SYS_socket, 12, MAKES_FD, { arg_family, arg_type, arg_protocol } },
	{ "socketpair", SYS_socketpair, 1, NOTHING,
	  { arg_family, arg_type, arg_protocol, arg_buf } },
	{ "bind", SYS_bind, 10, NOTHING, { arg_fd, arg_addr, arg_addr_len } },
	{ "connect", SYS_connect, 14, NOTHING, { arg_fd, arg_addr, arg_addr_len } },
	{ "listen", SYS_listen, 5, NOTHING, { arg_fd, arg_number } },
	{ "accept", SYS_accept4, 6, MAKES_FD, { arg_fd, arg_buf, arg_room, arg_accept_flags } },
	{ "getsockname", SYS_getsockname, 3, NOTHING, { arg_fd, arg_buf, arg_room } },
	{ "getpeername", SYS_getpeername, 3, NOTHING, { arg_fd, arg_buf, arg_room } },
	{ "send", SYS_sendto, 20, NOTHING, { arg_fd, arg_buf, arg_len, arg_flags } },
	{ "sendto", SYS_sendto, 24, NOTHING,
	  { arg_fd, arg_buf, arg_len, arg_flags, arg_addr, arg_addr_len } },
	{ "sendmsg", SYS_sendmsg, 6, NOTHING, { arg_fd, arg_msg, arg_flags } },
	{ "sendmmsg", SYS_sendmmsg, 3, NOTHING, { arg_fd, arg_msgs, arg_many, arg_flags } },
	{ "write", SYS_write, 3, NOTHING, { arg_fd, arg_buf, arg_len } },
	{ "writev", SYS_writev, 2, NOTHING, { arg_fd, arg_iov, arg_many } },
	{ "recvfrom", SYS_recvfrom, 12, NOTHING,
	  { arg_fd, arg_buf, arg_len, arg_flags, arg_buf, arg_room } },
	{ "recvmsg", SYS_recvmsg, 6, NOTHING, { arg_fd, arg_msg, arg_flags } },
	{ "recvmmsg", SYS_recvmmsg, 3, NOTHING,
	  { arg_fd, arg_msgs, arg_many, arg_flags, arg_time } },
	{ "read", SYS_read, 4, NOTHING, { arg_fd, arg_buf, arg_len } },
	{ "readv", SYS_readv, 2, NOTHING, { arg_fd, arg_iov, arg_many } },
	{ "shutdown", SYS_shutdown, 4, NOTHING, { arg_fd, arg_how } },
	{ "setsockopt", SYS_setsockopt, 10, NOTHING,
	  { arg_fd, arg_level, arg_option, arg_value, arg_value_len } },
	{ "getsockopt", SYS_getsockopt, 6, NOTHING,
	  { arg_fd, arg_level, arg_option, arg_buf, arg_room } },
	{ "ioctl", SYS_ioctl, 6, NOTHING, { arg_fd, arg_request, arg_number_ptr } },
	{ "poll", SYS_ppoll, 8, NOTHING, { arg_polls, arg_polls_len, arg_time } },
	{ "epoll_create", SYS_epoll_create1, 1, MAKES_FD, { arg_number } },
	{ "dup", SYS_dup, 4, MAKES_FD, { arg_fd } },
	{ "dup3", SYS_dup3, 2, NOTHING, { arg_fd, arg_slot } },
	{ "fcntl", SYS_fcntl, 3, NOTHING, { arg_fd, arg_file_command, arg_file_flags } },
	{ "close", SYS_close, 8, CLOSES_FD, { arg_slot } },
	{ "pass", SYS_sendmsg, 3, NOTHING, { arg_unix_fd, arg_rights } },
	{ "take", SYS_recvmsg, 3, NOTHING, { arg_unix_fd, arg_rights } },
	{ "lseek", SYS_lseek, 1, NOTHING, { arg_fd, arg_len, arg_how } },
	{ "fork", FORK, 2, NOTHING, { arg_fd } },
	{ "epoll", EPOLL, 3, NOTHING, { arg_fd } },
	{ "proc", PROC, 2, NOTHING, { arg_fd } },
	{ "burst", BURST, 12, NOTHING, { arg_fd } },
	{ "eventfd", SYS_eventfd2, 6, MAKES_FD, { arg_number, arg_accept_flags } },
	{ "event", EVENT, 16, NOTHING, { arg_fd } },
};

#define CALLS	(sizeof(calls) / sizeof(calls[0]))

static const struct call *choose(struct fuzz_task *t)
{
	unsigned int i, n, sum = 0;

	for (i = 0; i < CALLS; i++)
		sum += calls[i].weight;
	n = fuzz_pick(t, sum);
	for (i = 0; n >= calls[i].weight; i++)
		n -= calls[i].weight;
	return &calls[i];
}

/* A new file takes the place of another one, so that there are never many. */
static void remember(struct fuzz_task *t, unsigned int place, int fd)
{
	volatile int *slot = &t->worker->fd[place];
	int old = __atomic_exchange_n(slot, fd, __ATOMIC_SEQ_CST);

	if (old >= 0)
		close(old);
}

/* Half of the first sockets have room for few messages, so that some are dropped. */
static void narrow(struct fuzz_task *t, int fd)
{
	int least = 1;

	if (fuzz_pick(t, 2))
		setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &least, sizeof(least));
}

bool fuzz_call(struct fuzz_task *t, unsigned int step)
{
	/* Most calls use one of the first places: there are to be sockets in them. */
	const struct call *call = step < FUZZ_OFTEN ? &calls[0] : choose(t);
	uint64_t arg[6] = { 0 };
	unsigned int i;
	long ret;

	t->worker->now[t->index].call = call->name;
	t->slot = step;
	for (i = 0; i < 6 && call->arg[i]; i++)
		arg[i] = call->arg[i](t);
	if (call->number < 0)
		return special_call(t, call->number, arg[0]) >= 0;
	if (call->effect == CLOSES_FD)
		t->worker->fd[t->slot] = -1;
	ret = syscall(call->number, arg[0], arg[1], arg[2], arg[3], arg[4], arg[5]);
	if (step < FUZZ_OFTEN && ret >= 0)
		narrow(t, ret);
	if (call->effect == MAKES_FD && ret >= 0)
		remember(t, step < FUZZ_OFTEN ? step : fuzz_pick(t, FUZZ_FDS), ret);
	return ret >= 0;
}
