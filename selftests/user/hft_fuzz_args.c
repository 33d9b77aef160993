// SPDX-License-Identifier: GPL-2.0
/*
 * What random programs write into the arguments of system calls. A value is a
 * good one as a rule, since a program that only sees errors at the first check
 * of each call tests nothing but these.
 */
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/sockios.h>
#include <poll.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/time.h>

#include "hft_fuzz_args.h"
#include "hft_vsock.h"

/* One entry of a table, by chance. */
#define ONE_OF(a)	((a)[fuzz_pick(t, sizeof(a) / sizeof((a)[0]))])
#define MANY		4	/* messages of sendmmsg() and recvmmsg(), and iovecs */

static const uint64_t guest_ports[] = {
	0, 1, 7, 10, 100, 2000, HF_PORT_VSOCK, ~0ull,
};

static const unsigned int vsock_ports[] = {
	VSOCK_PORT_NOBODY, VSOCK_PORT_ECHO, VSOCK_PORT_ECHO, VSOCK_PORT_ECHO, VSOCK_PORT_DISCARD,
	VSOCK_PORT_SINK, VSOCK_PORT_SOURCE, VSOCK_PORT_PASSIVE, VSOCK_PORT_DEAF, VSOCK_PORT_MUTE,
};

/* Few, so that programs get into each other's way. */
static const uint64_t our_ports[] = {
	0, 0, 1, 1023, 1024, 2000, 2001, 2002, 2003, 2004, 0x10000, 0x10001, ~0ull,
};

static const int options[] = {
	SO_DEBUG, SO_REUSEADDR, SO_TYPE, SO_ERROR, SO_DONTROUTE, SO_BROADCAST, SO_SNDBUF, SO_RCVBUF,
	SO_KEEPALIVE, SO_OOBINLINE, SO_NO_CHECK, SO_PRIORITY, SO_LINGER, SO_LINGER, SO_REUSEPORT,
	SO_PASSCRED, SO_PEERCRED, SO_RCVLOWAT, SO_SNDLOWAT, SO_RCVTIMEO, SO_SNDTIMEO,
	SO_BINDTODEVICE, SO_ATTACH_FILTER, SO_ATTACH_FILTER, SO_DETACH_FILTER, SO_PEERNAME,
	SO_TIMESTAMP, SO_ACCEPTCONN, SO_PEERSEC, SO_SNDBUFFORCE, SO_RCVBUFFORCE, SO_PASSSEC,
	SO_TIMESTAMPNS, SO_MARK, SO_TIMESTAMPING, SO_PROTOCOL, SO_DOMAIN, SO_RXQ_OVFL,
	SO_WIFI_STATUS, SO_PEEK_OFF, SO_NOFCS, SO_LOCK_FILTER, SO_SELECT_ERR_QUEUE, SO_BUSY_POLL,
	SO_MAX_PACING_RATE, SO_BPF_EXTENSIONS, SO_INCOMING_CPU, SO_MEMINFO, SO_COOKIE,
	SO_ZEROCOPY, SO_TXTIME, SO_PREFER_BUSY_POLL, SO_BUF_LOCK, SO_RESERVE_MEM,
};

static const int flags[] = {
	0, 0, 0, 0, 0, 0, MSG_DONTWAIT, MSG_DONTWAIT,
	MSG_PEEK, MSG_TRUNC, MSG_OOB, MSG_WAITALL, MSG_EOR, MSG_MORE, MSG_NOSIGNAL, MSG_CONFIRM,
	MSG_DONTROUTE, MSG_ERRQUEUE, MSG_ZEROCOPY, MSG_CTRUNC,
	MSG_CMSG_CLOEXEC, MSG_FASTOPEN, MSG_WAITFORONE, MSG_PEEK | MSG_TRUNC | MSG_DONTWAIT,
};

static const int values[] = { 0, 1, 1, 2, -1, 100, 4096, 70000, 0x7fffffff, (int)0x80000000 };
static const int sizes[] = { 0, 1, 2, 4, 8, 12, 15, 16, 17, 128, 129, 4096, -1, 0x7fffffff };
static const unsigned int requests[] = {
	SIOCINQ, SIOCINQ, SIOCOUTQ, SIOCOUTQ, FIONBIO, FIOASYNC, SIOCATMARK, SIOCGSTAMP_OLD,
	SIOCGIFNAME, SIOCGPGRP, SIOCADDRT, SIOCPROTOPRIVATE, TCGETS,
};

/* What is in a call's arguments lives as long as the call. */
static struct scratch {
	struct hf_sockaddr addr[MANY];
	socklen_t room;
	int value[64];
	struct sock_fprog prog;
	struct sock_filter filter;
	struct pollfd polls[FUZZ_FDS];
	struct mmsghdr msgs[MANY];
	struct iovec iov[MANY][MANY];
	struct timespec timespec;
	struct timeval timeval;
	char control[MANY][64] __attribute__((aligned(8)));
} s;

_Static_assert(sizeof(struct sockaddr_vm) == sizeof(struct hf_sockaddr), "one length for both");

static bool rarely(struct fuzz_task *t)
{
	return !fuzz_pick(t, 12);
}

/* Something that is at p; now and then it is where nothing is. */
static uint64_t pointer(struct fuzz_task *t, const void *p)
{
	static const uint64_t bad[] = { 0, 1, ~0ull, 0xffff800000000000ull, 0x0000fffffffff000ull };

	return rarely(t) ? ONE_OF(bad) : (uint64_t)p;
}

static int some_fd(struct fuzz_task *t)
{
	t->slot = fuzz_pick(t, fuzz_pick(t, 5) ? FUZZ_OFTEN : FUZZ_FDS);
	return rarely(t) ? (int)fuzz_pick(t, 3) * 5000 - 1 : t->worker->fd[t->slot];
}

/* A port of the guest that serves, or one of ours. */
static void to_vsock(struct fuzz_task *t, struct sockaddr_vm *addr)
{
	static const unsigned int cids[] = { VMADDR_CID_ANY, VMADDR_CID_LOCAL, VMADDR_CID_HOST, 0 };
	const struct hft_guest *guest = hft_guest("vsock", 0);

	addr->svm_family = AF_VSOCK;
	if (guest && fuzz_pick(t, 4)) {
		addr->svm_cid = guest->id + VSOCK_CID_BASE;
		addr->svm_port = ONE_OF(vsock_ports);
	} else {
		addr->svm_cid = ONE_OF(cids);
		addr->svm_port = ONE_OF(our_ports);
	}
}

/* From VM 3 on: VM 2 has to answer to somebody else. */
static struct hf_sockaddr *some_addr(struct fuzz_task *t, struct hf_sockaddr *addr)
{
	static const uint16_t vms[] = { 0, HF_VM_ID_PRIMARY, HF_VM_ID_ANY, HFT_NO_VM, 0x8000 };
	const struct hft_guest *guest;

	memset(addr, 0, sizeof(*addr));
	if (t->slot == FUZZ_VSOCK) {
		to_vsock(t, (struct sockaddr_vm *)addr);
		return addr;
	}
	addr->family = rarely(t) ? fuzz_pick(t, 3) * 8 : AF_HF;
	if (fuzz_pick(t, 4)) {
		guest = hft_guest(NULL, 1 + fuzz_pick(t, hft_guest_count(NULL) - 1));
		addr->vm_id = guest->id;
		addr->port = ONE_OF(guest_ports);
	} else {
		addr->vm_id = fuzz_pick(t, 2) ? HF_VM_ID_ANY : ONE_OF(vms);
		addr->port = ONE_OF(our_ports);
	}
	if (!fuzz_pick(t, 3))
		addr->port = ONE_OF(our_ports);
	return addr;
}

/*
 * Small numbers and ports of ours: what guests take for a request, but none that
 * keeps one busy for long.
 */
static void fill(struct fuzz_task *t)
{
	uint64_t *word = (uint64_t *)t->buf;
	unsigned int i;

	for (i = 0; i < 8; i++)
		word[i] = fuzz_pick(t, 3) ? fuzz_pick(t, 8) : 2000 + fuzz_pick(t, 5);
	/* Who sends many messages often sends them back. */
	if (!fuzz_pick(t, 3))
		word[1] = 0;
}

/* At the very end it is cut short by what is not there. */
static uint64_t some_buffer(struct fuzz_task *t)
{
	if (rarely(t))
		return (uint64_t)t->buf + FUZZ_BUF - fuzz_pick(t, 200);
	fill(t);
	return pointer(t, t->buf);
}

static uint64_t some_len(struct fuzz_task *t)
{
	static const uint64_t edges[] = {
		0, 1, 8, 16, 32, HF_MSG_PAYLOAD_MAX - 1, HF_MSG_PAYLOAD_MAX,
		HF_MSG_PAYLOAD_MAX + 1, 4096, FUZZ_BUF, 0x7fffffff,
		0x80000000, 0xffffffff, ~0ull, ~0ull >> 1,
	};

	return fuzz_pick(t, 3) ? fuzz_pick(t, 100) : ONE_OF(edges);
}

static struct iovec *some_iov(struct fuzz_task *t, struct iovec *iov)
{
	unsigned int i;

	for (i = 0; i < MANY; i++) {
		iov[i].iov_base = (void *)some_buffer(t);
		iov[i].iov_len = fuzz_pick(t, 8) ? fuzz_pick(t, 1200) : some_len(t);
	}
	return iov;
}

static struct msghdr *some_msg(struct fuzz_task *t, unsigned int i)
{
	struct cmsghdr *c = (struct cmsghdr *)s.control[i];
	struct msghdr *m = &s.msgs[i].msg_hdr;

	memset(m, 0, sizeof(*m));
	m->msg_iov = (void *)pointer(t, some_iov(t, s.iov[i]));
	m->msg_iovlen = rarely(t) ? some_len(t) : fuzz_pick(t, MANY + 1);
	if (fuzz_pick(t, 2)) {
		m->msg_name = (void *)pointer(t, some_addr(t, &s.addr[i]));
		m->msg_namelen = rarely(t) ? ONE_OF(sizes) : (int)sizeof(s.addr[i]);
	}
	if (!fuzz_pick(t, 3)) {
		c->cmsg_len = rarely(t) ? some_len(t) : CMSG_LEN(4 * fuzz_pick(t, 3));
		c->cmsg_level = rarely(t) ? ONE_OF(values) : SOL_SOCKET;
		c->cmsg_type = ONE_OF(options);
		m->msg_control = c;
		m->msg_controllen = rarely(t) ? ONE_OF(sizes) : (int)sizeof(s.control[i]);
	}
	m->msg_flags = ONE_OF(flags);
	return m;
}

static struct mmsghdr *some_msgs(struct fuzz_task *t)
{
	unsigned int i;

	for (i = 0; i < MANY; i++)
		some_msg(t, i);
	return s.msgs;
}

/* A message that carries a file, or has room for one. */
static struct msghdr *some_rights(struct fuzz_task *t)
{
	struct cmsghdr *c = (struct cmsghdr *)s.control[0];
	struct msghdr *m = &s.msgs[0].msg_hdr;
	int fd = some_fd(t);

	s.iov[0][0] = (struct iovec){ t->buf, 1 };
	*m = (struct msghdr){
		.msg_iov = s.iov[0], .msg_iovlen = 1,
		.msg_control = c, .msg_controllen = CMSG_SPACE(sizeof(int)),
	};
	*c = (struct cmsghdr){
		.cmsg_len = CMSG_LEN(sizeof(int)), .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS,
	};
	memcpy(CMSG_DATA(c), &fd, sizeof(fd));
	return m;
}

/* The value of an option: what this one wants, or numbers. Never long times. */
static void *some_value(struct fuzz_task *t)
{
	unsigned int i;

	for (i = 0; i < 64; i++)
		s.value[i] = ONE_OF(values);
	switch (t->option) {
	case SO_LINGER:
		s.value[0] = fuzz_pick(t, 4) > 0;
		s.value[1] = fuzz_pick(t, 2);
		break;
	case SO_RCVTIMEO:
	case SO_SNDTIMEO:
		s.timeval = (struct timeval){ 0, fuzz_pick(t, 100000) };
		return &s.timeval;
	case SO_ATTACH_FILTER:
		s.filter = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, fuzz_pick(t, 3) * 20);
		s.prog = (struct sock_fprog){ rarely(t) ? fuzz_pick(t, 5) : 1,
					      (void *)pointer(t, &s.filter) };
		return &s.prog;
	}
	return s.value;
}

static struct pollfd *some_polls(struct fuzz_task *t)
{
	unsigned int i;

	for (i = 0; i < FUZZ_FDS; i++) {
		s.polls[i].fd = some_fd(t);
		s.polls[i].events = rarely(t) ? fuzz_any(t) : POLLIN | POLLOUT;
	}
	return s.polls;
}

uint64_t arg_none(struct fuzz_task *t)
{
	return 0;
}

uint64_t arg_fd(struct fuzz_task *t)
{
	return some_fd(t);
}

uint64_t arg_slot(struct fuzz_task *t)
{
	t->slot = fuzz_pick(t, FUZZ_FDS);
	return t->worker->fd[t->slot];
}

uint64_t arg_unix_fd(struct fuzz_task *t)
{
	return t->unix_fd[fuzz_pick(t, 2)];
}

uint64_t arg_family(struct fuzz_task *t)
{
	t->family = t->slot == FUZZ_VSOCK ? AF_VSOCK : fuzz_pick(t, 30) ? AF_HF : AF_UNIX;
	return t->family;
}

uint64_t arg_type(struct fuzz_task *t)
{
	static const int others[] = { SOCK_STREAM, SOCK_SEQPACKET, SOCK_RAW, SOCK_RDM, 0, 6, -1 };
	int type = SOCK_DGRAM;

	if (t->family == AF_VSOCK)
		type = fuzz_pick(t, 2) ? SOCK_STREAM : SOCK_SEQPACKET;
	if (rarely(t))
		type = ONE_OF(others);
	return type | (fuzz_pick(t, 4) ? 0 : SOCK_NONBLOCK);
}

uint64_t arg_protocol(struct fuzz_task *t)
{
	return rarely(t) ? ONE_OF(values) : 0;
}

uint64_t arg_addr(struct fuzz_task *t)
{
	return pointer(t, some_addr(t, &s.addr[0]));
}

uint64_t arg_addr_len(struct fuzz_task *t)
{
	return rarely(t) ? ONE_OF(sizes) : (int)sizeof(struct hf_sockaddr);
}

uint64_t arg_room(struct fuzz_task *t)
{
	s.room = rarely(t) ? ONE_OF(sizes) : 128;
	return pointer(t, &s.room);
}

uint64_t arg_buf(struct fuzz_task *t)
{
	return some_buffer(t);
}

uint64_t arg_len(struct fuzz_task *t)
{
	return some_len(t);
}

uint64_t arg_flags(struct fuzz_task *t)
{
	return (rarely(t) ? (int)fuzz_any(t) : ONE_OF(flags));
}

uint64_t arg_level(struct fuzz_task *t)
{
	return rarely(t) ? ONE_OF(values) : SOL_SOCKET;
}

uint64_t arg_option(struct fuzz_task *t)
{
	t->option = rarely(t) ? (int)fuzz_pick(t, 100) : ONE_OF(options);
	return t->option;
}

uint64_t arg_value(struct fuzz_task *t)
{
	return pointer(t, some_value(t));
}

uint64_t arg_value_len(struct fuzz_task *t)
{
	return rarely(t) ? ONE_OF(sizes) : 16;
}

uint64_t arg_how(struct fuzz_task *t)
{
	static const int ways[] = { SHUT_RD, SHUT_WR, SHUT_RDWR, SHUT_RDWR, 3, -1 };

	return ONE_OF(ways);
}

uint64_t arg_number(struct fuzz_task *t)
{
	return ONE_OF(values);
}

uint64_t arg_request(struct fuzz_task *t)
{
	return rarely(t) ? fuzz_pick(t, 0x10000) : ONE_OF(requests);
}

uint64_t arg_number_ptr(struct fuzz_task *t)
{
	s.value[0] = ONE_OF(values);
	return pointer(t, s.value);
}

uint64_t arg_polls(struct fuzz_task *t)
{
	return pointer(t, some_polls(t));
}

uint64_t arg_polls_len(struct fuzz_task *t)
{
	return rarely(t) ? some_len(t) : fuzz_pick(t, FUZZ_FDS + 1);
}

uint64_t arg_msg(struct fuzz_task *t)
{
	return pointer(t, some_msg(t, 0));
}

uint64_t arg_msgs(struct fuzz_task *t)
{
	return pointer(t, some_msgs(t));
}

uint64_t arg_iov(struct fuzz_task *t)
{
	return pointer(t, some_iov(t, s.iov[0]));
}

/* Of messages, or of iovecs. */
uint64_t arg_many(struct fuzz_task *t)
{
	return rarely(t) ? some_len(t) : fuzz_pick(t, MANY + 1);
}

uint64_t arg_time(struct fuzz_task *t)
{
	s.timespec = (struct timespec){ 0, fuzz_pick(t, 20000000) };
	return (uint64_t)&s.timespec;
}

uint64_t arg_accept_flags(struct fuzz_task *t)
{
	return rarely(t) ? ONE_OF(values) : (int)fuzz_pick(t, 2) * SOCK_NONBLOCK;
}

uint64_t arg_file_command(struct fuzz_task *t)
{
	static const int commands[] = { F_GETFL, F_SETFL, F_SETFL, F_GETOWN };

	return ONE_OF(commands);
}

uint64_t arg_file_flags(struct fuzz_task *t)
{
	return fuzz_pick(t, 2) * O_NONBLOCK;
}

uint64_t arg_rights(struct fuzz_task *t)
{
	return (uint64_t)some_rights(t);
}
