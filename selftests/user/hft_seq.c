// SPDX-License-Identifier: GPL-2.0
/*
 * SEQPACKET sockets for tests: see hft_seq.h.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "hft_seq.h"

static int keep_errno_close(int fd)
{
	int err = errno;

	close(fd);
	errno = err;
	return -1;
}

static int with_timeouts(int fd)
{
	if (fd < 0)
		return -1;
	if (hft_set_timeout(fd, SO_RCVTIMEO, HFT_PATIENCE_MS) ||
	    hft_set_timeout(fd, SO_SNDTIMEO, 2 * HFT_PATIENCE_MS))
		return keep_errno_close(fd);
	return fd;
}

int hft_seq_socket(void)
{
	return with_timeouts(socket(AF_HF, SOCK_SEQPACKET, 0));
}

int hft_seq_connect_to(int fd, unsigned int vm, uint64_t port)
{
	struct hf_sockaddr addr = hft_address(vm, port);

	return connect(fd, (struct sockaddr *)&addr, sizeof(addr));
}

int hft_seq_connect(unsigned int vm, uint64_t port)
{
	int fd = hft_seq_socket();

	if (fd >= 0 && hft_seq_connect_to(fd, vm, port))
		return keep_errno_close(fd);
	return fd;
}

int hft_bind_any(int fd, uint64_t *port)
{
	struct hf_sockaddr addr = hft_address(HF_VM_ID_ANY, *port);

	if (bind(fd, (struct sockaddr *)&addr, sizeof(addr)))
		return -1;
	*port = hft_port(fd);
	return 0;
}

int hft_seq_listen(uint64_t *port, int backlog)
{
	int fd = hft_seq_socket();

	if (fd >= 0 && (hft_bind_any(fd, port) || listen(fd, backlog)))
		return keep_errno_close(fd);
	return fd;
}

int hft_accept(int fd)
{
	return with_timeouts(accept(fd, NULL, NULL));
}

int hft_error(int fd)
{
	socklen_t len = sizeof(int);
	int err = -1;

	getsockopt(fd, SOL_SOCKET, SO_ERROR, &err, &len);
	return err;
}

int hft_seq_back(int control, uint64_t port, uint64_t count, uint64_t mode, uint64_t size)
{
	struct seq_back ask = { port, count, mode, size };

	return send(control, &ask, sizeof(ask), 0) == sizeof(ask) ? 0 : -1;
}

struct seq_report hft_seq_report(int control, struct seq_report wanted)
{
	struct seq_report got = { 0 };

	while (got.opened < wanted.opened || got.refused < wanted.refused ||
	       got.ended < wanted.ended || got.broken < wanted.broken) {
		if (recv(control, &got, sizeof(got), 0) != sizeof(got)) {
			fprintf(stderr, "# no further report: %s\n", strerror(errno));
			break;
		}
	}
	return got;
}

int hft_seq_source(int fd, uint64_t count, uint64_t size)
{
	struct seq_ask ask = { count, size };

	return send(fd, &ask, sizeof(ask), 0) == sizeof(ask) ? 0 : -1;
}

int hft_seq_take(int fd, uint64_t number)
{
	uint64_t buf[(HF_MSG_PAYLOAD_MAX + 8) / 8];
	ssize_t n = recv(fd, buf, sizeof(buf), 0);

	if (n >= 0 && seq_numbered(buf, n, number))
		return 0;
	fprintf(stderr, "# message %llu: %s, length %zd, number %llu\n",
		(unsigned long long)number, n < 0 ? strerror(errno) : "wrong", n,
		n < 8 ? 0ull : (unsigned long long)buf[0]);
	return -1;
}

int hft_seq_give(int fd, uint64_t number, size_t len, int flags)
{
	uint64_t buf[HF_MSG_PAYLOAD_MAX / 8];

	seq_number(buf, len, number);
	return send(fd, buf, len, flags) == (ssize_t)len ? 0 : -1;
}

int hft_seq_echo(int fd, size_t len, uint32_t seed)
{
	uint64_t out[SEQ_PAYLOAD_MAX / 8], in[SEQ_PAYLOAD_MAX / 8 + 1];
	ssize_t n;

	hft_fill(out, len, seed);
	n = send(fd, out, len, 0);
	if (n == (ssize_t)len)
		n = recv(fd, in, sizeof(in), 0);
	if (n == (ssize_t)len && !memcmp(in, out, len))
		return 0;
	fprintf(stderr, "# echo of %zu bytes: %zd, %s\n", len, n,
		n < 0 ? strerror(errno) : "wrong");
	return -1;
}

bool hft_seq_at_end(int fd)
{
	char byte;
	ssize_t n = recv(fd, &byte, sizeof(byte), 0);

	if (n)
		fprintf(stderr, "# not the end: %zd, %s\n", n, strerror(errno));
	return n == 0;
}

int hft_seq_nap(unsigned int vm, uint64_t ms)
{
	int fd = hft_connect(vm, SEQ_PORT_NAP);
	int ret = fd >= 0 && send(fd, &ms, sizeof(ms), 0) == sizeof(ms) ? 0 : -1;

	close(fd);
	/* It has begun once the message is out. */
	hft_sleep_ms(20);
	return ret;
}

int hft_set_nonblocking(int fd)
{
	return fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
}

int64_t hft_ticks_ms_since(int64_t start_ns)
{
	return (hft_ticks_ns() - start_ns) / 1000000;
}

int64_t hft_ms_since(int64_t start_ns)
{
	return (hft_now_ns() - start_ns) / 1000000;
}

static void nothing(int number)
{
}

void hft_alarm(unsigned int first_ms, unsigned int every_ms)
{
	struct sigaction action = { .sa_handler = nothing };
	struct itimerval timer = {
		.it_value = { first_ms / 1000, first_ms % 1000 * 1000 },
		.it_interval = { every_ms / 1000, every_ms % 1000 * 1000 },
	};

	sigaction(SIGALRM, &action, NULL);
	setitimer(ITIMER_REAL, &timer, NULL);
}
