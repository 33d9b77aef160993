// SPDX-License-Identifier: GPL-2.0
/*
 * AF_VSOCK sockets for tests: see hft_vsock.h.
 */
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "hft_vsock.h"

#define CID_BASE	"/sys/module/hf_vsock/parameters/cid_base"

static int keep_errno_close(int fd)
{
	int err = errno;

	close(fd);
	errno = err;
	return -1;
}

unsigned int hft_cid(unsigned int vm)
{
	unsigned int base = VSOCK_CID_BASE;
	FILE *f = fopen(CID_BASE, "r");

	if (f) {
		if (fscanf(f, "%u", &base) != 1)
			base = VSOCK_CID_BASE;
		fclose(f);
	}
	return vm + base;
}

struct sockaddr_vm hft_vsock_address(unsigned int cid, unsigned int port)
{
	struct sockaddr_vm addr = {
		.svm_family = AF_VSOCK,
		.svm_port = port,
		.svm_cid = cid,
	};

	return addr;
}

static int with_timeouts(int fd)
{
	struct timeval connect = { HFT_PATIENCE_MS / 1000, 0 };

	if (fd < 0)
		return -1;
	if (hft_set_timeout(fd, SO_RCVTIMEO, HFT_PATIENCE_MS) ||
	    hft_set_timeout(fd, SO_SNDTIMEO, 2 * HFT_PATIENCE_MS) ||
	    setsockopt(fd, AF_VSOCK, SO_VM_SOCKETS_CONNECT_TIMEOUT, &connect, sizeof(connect)))
		return keep_errno_close(fd);
	return fd;
}

int hft_vsock_socket(int type)
{
	return with_timeouts(socket(AF_VSOCK, type, 0));
}

int hft_vsock_bind(int type, unsigned int *port)
{
	struct sockaddr_vm addr = hft_vsock_address(VMADDR_CID_ANY, *port);
	int fd = hft_vsock_socket(type);

	if (fd < 0)
		return -1;
	if (bind(fd, (struct sockaddr *)&addr, sizeof(addr)))
		return keep_errno_close(fd);
	*port = hft_vsock_port(fd);
	return fd;
}

int hft_vsock_listen(int type, unsigned int *port, int backlog)
{
	int fd = hft_vsock_bind(type, port);

	if (fd >= 0 && listen(fd, backlog))
		return keep_errno_close(fd);
	return fd;
}

int hft_vsock_accept(int fd)
{
	return with_timeouts(accept(fd, NULL, NULL));
}

int hft_vsock_connect_to(int fd, unsigned int cid, unsigned int port)
{
	struct sockaddr_vm addr = hft_vsock_address(cid, port);

	return connect(fd, (struct sockaddr *)&addr, sizeof(addr));
}

int hft_vsock_connect(int type, unsigned int cid, unsigned int port)
{
	int fd = hft_vsock_socket(type);

	if (fd >= 0 && hft_vsock_connect_to(fd, cid, port))
		return keep_errno_close(fd);
	return fd;
}

unsigned int hft_vsock_port(int fd)
{
	struct sockaddr_vm me = { 0 };
	socklen_t len = sizeof(me);

	getsockname(fd, (struct sockaddr *)&me, &len);
	return me.svm_port;
}

int hft_vsock_error(int fd)
{
	socklen_t len = sizeof(int);
	int err = -1;

	getsockopt(fd, SOL_SOCKET, SO_ERROR, &err, &len);
	return err;
}

int hft_vsock_set_buffer(int fd, uint64_t size)
{
	if (setsockopt(fd, AF_VSOCK, SO_VM_SOCKETS_BUFFER_MAX_SIZE, &size, sizeof(size)))
		return -1;
	return setsockopt(fd, AF_VSOCK, SO_VM_SOCKETS_BUFFER_SIZE, &size, sizeof(size));
}

int hft_vsock_set_nonblocking(int fd)
{
	return fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
}

uint32_t hft_vsock_type(int type)
{
	return type == SOCK_STREAM ? VSOCK_STREAM : VSOCK_SEQPACKET;
}

struct hft_vsock hft_vsock_open(int type, unsigned int cid, unsigned int port)
{
	struct hft_vsock v = { .port = port };

	v.fd = hft_vsock_connect(type, cid, port);
	if (v.fd >= 0)
		v.peer_port = hft_vsock_port(v.fd);
	return v;
}

struct hft_vsock hft_vsock_called(int control, int type, unsigned int service)
{
	struct vsock_command cmd = { .op = VSOCK_CMD_CONNECT, .flags = hft_vsock_type(type),
				     .service = service, .peer_port = VMADDR_PORT_ANY };
	struct hft_vsock v = { .fd = -1 };
	int listener = hft_vsock_listen(type, &cmd.peer_port, 1);
	struct vsock_status s;

	if (listener < 0)
		return v;
	v.peer_port = cmd.peer_port;
	if (!hft_vsock_ask(control, &cmd) && !hft_vsock_answer(control, &s) &&
	    s.life == VSOCK_LIFE_OPEN) {
		v.port = s.port;
		v.fd = hft_vsock_accept(listener);
	}
	close(listener);
	return v;
}

struct hft_vsock hft_vsock_open_mute(int control, int type, unsigned int cid, unsigned int port)
{
	struct hft_vsock v = { .port = port, .fd = hft_vsock_socket(type) };
	struct vsock_packet p;

	hft_vsock_set_nonblocking(v.fd);
	hft_vsock_connect_to(v.fd, cid, port);
	v.peer_port = hft_vsock_port(v.fd);
	p = hft_vsock_packet(&v, cid, type, VSOCK_RESPONSE);
	if (hft_vsock_raw(control, &p, HFT_VSOCK_HEADER) ||
	    hft_poll(v.fd, POLLOUT, HFT_PATIENCE_MS) != POLLOUT) {
		keep_errno_close(v.fd);
		v.fd = -1;
	}
	hft_vsock_do(control, NULL, VSOCK_CMD_HEARD, 0, 0);
	return v;
}

void hft_vsock_close_mute(int control, int type, unsigned int cid, struct hft_vsock *v)
{
	struct vsock_packet p = hft_vsock_packet(v, cid, type, VSOCK_RST);

	hft_vsock_raw(control, &p, HFT_VSOCK_HEADER);
	close(v->fd);
}

int hft_vsock_ask(int control, const struct vsock_command *cmd)
{
	return hft_vsock_send_all(control, cmd, sizeof(*cmd), 0);
}

int hft_vsock_answer(int control, struct vsock_status *status)
{
	ssize_t n = hft_vsock_recv_all(control, status, sizeof(*status));

	if (n == sizeof(*status))
		return 0;
	fprintf(stderr, "# no answer to a command: %zd, %s\n", n, strerror(errno));
	*status = (struct vsock_status){ .life = VSOCK_LIFE_NONE };
	return -1;
}

struct vsock_status hft_vsock_do(int control, const struct hft_vsock *v,
				 enum vsock_command_op op, uint64_t size, uint32_t flags)
{
	struct vsock_command cmd = { .op = op, .size = size, .flags = flags };
	struct vsock_status status = { .life = VSOCK_LIFE_NONE };

	if (v) {
		cmd.port = v->port;
		cmd.peer_port = v->peer_port;
	}
	if (!hft_vsock_ask(control, &cmd))
		hft_vsock_answer(control, &status);
	return status;
}

int hft_vsock_let_send(int control, const struct hft_vsock *v, uint64_t size,
		       uint32_t message, uint32_t flags)
{
	struct vsock_command cmd = { .op = VSOCK_CMD_SEND, .port = v->port,
				     .peer_port = v->peer_port, .size = size,
				     .message = message, .flags = flags };
	struct vsock_status status;

	if (hft_vsock_ask(control, &cmd) || hft_vsock_answer(control, &status))
		return -1;
	return status.life == VSOCK_LIFE_OPEN ? 0 : -1;
}

struct vsock_packet hft_vsock_packet(const struct hft_vsock *v, unsigned int cid, int type,
				     enum vsock_op op)
{
	struct vsock_packet p = {
		.src_cid = cid, .dst_cid = VSOCK_CID_HOST,
		.src_port = v->port, .dst_port = v->peer_port,
		.type = hft_vsock_type(type), .op = op, .buf_alloc = VSOCK_WINDOW,
	};

	return p;
}

int hft_vsock_raw(int control, const struct vsock_packet *p, uint64_t size)
{
	struct vsock_command cmd = { .op = VSOCK_CMD_RAW, .size = size };
	struct vsock_status status;

	/* The guest puts the header of messages before it. */
	memcpy(cmd.raw, &p->src_cid, HFT_VSOCK_HEADER);
	return hft_vsock_ask(control, &cmd) ? -1 : hft_vsock_answer(control, &status);
}

int hft_vsock_send_all(int fd, const void *buf, size_t len, int flags)
{
	size_t done = 0;
	ssize_t n;

	while (done < len) {
		n = send(fd, (const char *)buf + done, len - done, flags | MSG_NOSIGNAL);
		if (n <= 0)
			return -1;
		done += n;
	}
	return 0;
}

ssize_t hft_vsock_recv_all(int fd, void *buf, size_t len)
{
	size_t done = 0;
	ssize_t n;

	errno = 0;
	while (done < len) {
		n = recv(fd, (char *)buf + done, len - done, 0);
		if (n < 0)
			return done ? (ssize_t)done : -1;
		if (!n)
			break;
		done += n;
	}
	return done;
}

int hft_vsock_take(int fd, uint64_t offset, size_t len)
{
	uint8_t *buf = malloc(len);
	ssize_t n = hft_vsock_recv_all(fd, buf, len);
	int ret = n == (ssize_t)len ? 0 : -1;

	if (ret)
		fprintf(stderr, "# %zd instead of %zu bytes: %s\n", n, len, strerror(errno));
	for (size_t i = 0; !ret && i < len; i++) {
		if (buf[i] == vsock_pattern(offset + i))
			continue;
		fprintf(stderr, "# byte %zu of %zu is wrong\n", i, len);
		ret = -1;
	}
	free(buf);
	return ret;
}

int hft_vsock_echo(int fd, size_t len, uint32_t seed)
{
	char *out = malloc(len), *in = malloc(len);
	ssize_t n = -1;
	int ret;

	hft_fill(out, len, seed);
	if (!hft_vsock_send_all(fd, out, len, 0))
		n = hft_vsock_recv_all(fd, in, len);
	ret = n == (ssize_t)len && !memcmp(in, out, len) ? 0 : -1;
	if (ret)
		fprintf(stderr, "# echo of %zu bytes: %zd, %s\n", len, n, strerror(errno));
	free(out);
	free(in);
	return ret;
}

bool hft_vsock_at_end(int fd)
{
	char byte;
	ssize_t n = recv(fd, &byte, sizeof(byte), 0);

	if (n)
		fprintf(stderr, "# not the end: %zd, %s\n", n, strerror(errno));
	return n == 0;
}

int hft_vsock_wait_hup(int fd)
{
	return hft_poll(fd, POLLRDHUP, HFT_PATIENCE_MS) > 0 ? 0 : -1;
}

static void nothing(int number)
{
}

void hft_vsock_alarm(unsigned int first_ms, unsigned int every_ms, int flags)
{
	struct sigaction action = { .sa_handler = nothing, .sa_flags = flags };
	struct itimerval timer = {
		.it_value = { first_ms / 1000, first_ms % 1000 * 1000 },
		.it_interval = { every_ms / 1000, every_ms % 1000 * 1000 },
	};

	sigaction(SIGALRM, &action, NULL);
	setitimer(ITIMER_REAL, &timer, NULL);
}

bool hft_kernel_is(unsigned int major, unsigned int minor)
{
	unsigned int have_major = 0, have_minor = 0;
	struct utsname u;

	if (uname(&u) || sscanf(u.release, "%u.%u", &have_major, &have_minor) != 2)
		return false;
	return have_major > major || (have_major == major && have_minor >= minor);
}

int hft_vsock_errno(int error)
{
	return hft_kernel_is(6, 4) ? error : ENOMEM;
}
