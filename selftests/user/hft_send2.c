// SPDX-License-Identifier: GPL-2.0
/*
 * See hft_send2.h.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "hft_send2.h"

int send2_socket(unsigned int vm)
{
	int fd = hft_connect(vm, 10), room = 64 << 20;

	if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &room, sizeof(room)) ||
	    hft_set_timeout(fd, SO_RCVTIMEO, LOSSLESS_PATIENCE_MS))
		return -1;
	return fd;
}

int send2_ask(int fd, uint32_t count, uint32_t size)
{
	struct { uint32_t count, size; uint64_t port; } req = { count, size, 0 };

	return send(fd, &req, sizeof(req), 0) == sizeof(req) ? 0 : -1;
}

/* Is this the message with that number? */
static bool is_number(const uint8_t *buf, ssize_t len, uint64_t number)
{
	uint64_t got;
	ssize_t i;

	if (len < (ssize_t)sizeof(got))
		return false;
	memcpy(&got, buf, sizeof(got));
	for (i = sizeof(got); i < len; i++)
		if (buf[i] != (uint8_t)number)
			return false;
	return got == number;
}

int send2_receive(int fd, uint32_t count, uint32_t size)
{
	uint8_t buf[HF_MSG_PAYLOAD_MAX];
	uint32_t i;
	ssize_t n;

	for (i = 0; i < count; i++) {
		n = recv(fd, buf, sizeof(buf), 0);
		if (n == (ssize_t)size && is_number(buf, n, i))
			continue;
		fprintf(stderr, "# message %u of %u: %zd bytes%s\n", i, count, n,
			n < 0 ? strerror(errno) : ", another number or changed");
		hft_dump_state();
		return -1;
	}
	return 0;
}

unsigned int send2_bystanders(unsigned int *vms)
{
	unsigned int n = 0;

	for (; n < LOSSLESS_SENDERS && hft_guest("echo", n); n++)
		vms[n] = hft_guest("echo", n)->id;
	return n;
}
