// SPDX-License-Identifier: GPL-2.0
/*
 * Sockets of AF_HF for tests: every one has send and receive timeouts of
 * HFT_PATIENCE_MS, so that a lost wake-up ends in EAGAIN and not in silence.
 */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "hft.h"

int hft_set_timeout(int fd, int option, unsigned int ms)
{
	struct timeval tv = { ms / 1000, ms % 1000 * 1000 };

	return setsockopt(fd, SOL_SOCKET, option, &tv, sizeof(tv));
}

int hft_socket(void)
{
	int fd = socket(AF_HF, SOCK_DGRAM, 0);

	if (fd < 0)
		return -1;
	if (hft_set_timeout(fd, SO_RCVTIMEO, HFT_PATIENCE_MS) ||
	    hft_set_timeout(fd, SO_SNDTIMEO, HFT_PATIENCE_MS)) {
		close(fd);
		return -1;
	}
	return fd;
}

struct hf_sockaddr hft_address(unsigned int vm, uint64_t port)
{
	struct hf_sockaddr addr = {
		.family = AF_HF,
		.vm_id = vm,
		.port = port,
	};

	return addr;
}

int hft_connect(unsigned int vm, uint64_t port)
{
	struct hf_sockaddr addr = hft_address(vm, port);
	int fd = hft_socket();
	int err;

	if (fd < 0)
		return -1;
	if (!connect(fd, (struct sockaddr *)&addr, sizeof(addr)))
		return fd;
	err = errno;
	close(fd);
	errno = err;
	return -1;
}

/* Xorshift, a word at a time: bytes are expensive under emulation. */
void hft_fill(void *buf, size_t len, uint32_t seed)
{
	uint64_t word = seed + 0x9e3779b97f4a7c15ull;
	uint8_t *p = buf;
	size_t n;

	for (; len; len -= n, p += n) {
		word ^= word << 13;
		word ^= word >> 7;
		word ^= word << 17;
		n = len < sizeof(word) ? len : sizeof(word);
		memcpy(p, &word, n);
	}
}

int hft_echo(int fd, size_t len, uint32_t seed)
{
	uint8_t out[HF_MSG_PAYLOAD_MAX], in[HF_MSG_PAYLOAD_MAX + 1];
	ssize_t n;

	hft_fill(out, len, seed);
	n = send(fd, out, len, 0);
	if (n != (ssize_t)len) {
		fprintf(stderr, "# send of %zu bytes: %zd, %s\n", len, n,
			n < 0 ? strerror(errno) : "wrong length");
		return -1;
	}
	n = recv(fd, in, sizeof(in), 0);
	if (n < 0) {
		fprintf(stderr, "# no answer to %zu bytes: %s\n", len,
			strerror(errno));
		return -1;
	}
	if (n != (ssize_t)len || memcmp(out, in, len)) {
		fprintf(stderr, "# %zu bytes came back as %zd%s\n", len, n,
			n == (ssize_t)len ? ", changed" : "");
		return -1;
	}
	return 0;
}

int hft_echo_once(unsigned int vm, size_t len)
{
	int fd = hft_connect(vm, 10);
	int ret;

	if (fd < 0) {
		fprintf(stderr, "# connect to VM %u: %s\n", vm, strerror(errno));
		return -1;
	}
	ret = hft_echo(fd, len, (uint32_t)len + vm);
	close(fd);
	return ret;
}

int hft_poll(int fd, short events, int timeout_ms)
{
	struct pollfd p = { .fd = fd, .events = events };

	if (poll(&p, 1, timeout_ms) < 0)
		return -1;
	return p.revents;
}

int hft_fill_queue(int fd, size_t len)
{
	static const int most = 100000;
	uint8_t buf[HF_MSG_PAYLOAD_MAX];
	int n;

	hft_fill(buf, len, 1);
	for (n = 0; n < most; n++) {
		ssize_t sent = send(fd, buf, len, MSG_DONTWAIT);

		if (sent < 0)
			return errno == EAGAIN ? n : -1;
		if (sent != (ssize_t)len)
			return -1;
	}
	errno = EOVERFLOW;
	return -1;
}

int64_t hft_recv_stamp(int fd)
{
	char data[HF_MSG_PAYLOAD_MAX], control[256];
	struct iovec iov = { data, sizeof(data) };
	struct msghdr msg = {
		.msg_iov = &iov, .msg_iovlen = 1,
		.msg_control = control, .msg_controllen = sizeof(control),
	};
	struct cmsghdr *c;
	int64_t time[2];

	if (recvmsg(fd, &msg, 0) < 0)
		return -1;
	c = CMSG_FIRSTHDR(&msg);
	if (!c || c->cmsg_level != SOL_SOCKET || c->cmsg_len < CMSG_LEN(sizeof(time)))
		return -1;
	memcpy(time, CMSG_DATA(c), sizeof(time));
	return time[0] * 1000000000 + time[1] * (c->cmsg_type == SCM_TIMESTAMP ? 1000 : 1);
}

union rights {
	struct cmsghdr align;
	char space[CMSG_SPACE(sizeof(int))];
};

int hft_pass_fd(int channel, int fd)
{
	union rights control = { 0 };
	char byte = 0;
	struct iovec iov = { &byte, 1 };
	struct msghdr msg = {
		.msg_iov = &iov, .msg_iovlen = 1,
		.msg_control = &control, .msg_controllen = sizeof(control),
	};
	struct cmsghdr *c = CMSG_FIRSTHDR(&msg);

	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(c), &fd, sizeof(int));
	return sendmsg(channel, &msg, 0) == 1 ? 0 : -1;
}

int hft_take_fd(int channel)
{
	union rights control;
	char byte;
	struct iovec iov = { &byte, 1 };
	struct msghdr msg = {
		.msg_iov = &iov, .msg_iovlen = 1,
		.msg_control = &control, .msg_controllen = sizeof(control),
	};
	int fd;

	if (recvmsg(channel, &msg, 0) != 1 || !CMSG_FIRSTHDR(&msg))
		return -1;
	memcpy(&fd, CMSG_DATA(CMSG_FIRSTHDR(&msg)), sizeof(int));
	return fd;
}
