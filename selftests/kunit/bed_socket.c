// SPDX-License-Identifier: GPL-2.0-only
/*
 * Sockets for tests: the system calls, from within the kernel.
 *
 * A socket made here counts as one of a privileged process.
 */
#include <linux/net.h>
#include <linux/socket.h>
#include <linux/uio.h>
#include <net/net_namespace.h>

#include "bed.h"

static struct socket *open_sockets[64];

/* Where @sock stands, or with NULL a free place. */
static struct socket **place_of(struct socket *sock)
{
	int i;

	for (i = 0; i < ARRAY_SIZE(open_sockets); i++) {
		if (open_sockets[i] == sock)
			return &open_sockets[i];
	}
	return NULL;
}

struct socket *bed_socket_keep(struct kunit *test, struct socket *sock)
{
	struct socket **place = place_of(NULL);

	KUNIT_ASSERT_NOT_NULL(test, place);
	*place = sock;
	return sock;
}

struct socket *bed_socket(struct kunit *test, int type)
{
	struct socket *sock;

	KUNIT_ASSERT_EQ(test, 0, sock_create_kern(&init_net, PF_HF, type, 0, &sock));
	return bed_socket_keep(test, sock);
}

void bed_close(struct socket *sock)
{
	*place_of(sock) = NULL;
	sock_release(sock);
}

void bed_close_all(void)
{
	int i;

	for (i = 0; i < ARRAY_SIZE(open_sockets); i++) {
		if (open_sockets[i])
			bed_close(open_sockets[i]);
	}
}

static struct hf_sockaddr address(u16 vm_id, u64 port)
{
	return (struct hf_sockaddr){ .family = AF_HF, .vm_id = vm_id, .port = port };
}

int bed_bind(struct socket *sock, u16 vm_id, u64 port)
{
	struct hf_sockaddr addr = address(vm_id, port);

	return kernel_bind(sock, (struct sockaddr *)&addr, sizeof(addr));
}

int bed_connect(struct socket *sock, u16 vm_id, u64 port, int flags)
{
	struct hf_sockaddr addr = address(vm_id, port);

	return kernel_connect(sock, (struct sockaddr *)&addr, sizeof(addr), flags);
}

u64 bed_port(struct socket *sock)
{
	struct hf_sockaddr addr = { 0 };

	kernel_getsockname(sock, (struct sockaddr *)&addr);
	return addr.port;
}

int bed_send(struct socket *sock, const void *data, size_t len, int flags)
{
	struct msghdr msg = { .msg_flags = flags | MSG_NOSIGNAL };
	struct kvec vec = { (void *)data, len };

	return kernel_sendmsg(sock, &msg, &vec, 1, len);
}

int bed_send_to(struct socket *sock, u16 vm_id, u64 port, const void *data, size_t len, int flags)
{
	struct hf_sockaddr addr = address(vm_id, port);
	struct msghdr msg = {
		.msg_name = &addr,
		.msg_namelen = sizeof(addr),
		.msg_flags = flags | MSG_NOSIGNAL,
	};
	struct kvec vec = { (void *)data, len };

	return kernel_sendmsg(sock, &msg, &vec, 1, len);
}

int bed_recv(struct socket *sock, void *data, size_t len, int flags, struct hf_sockaddr *from)
{
	struct msghdr msg = { .msg_name = from };
	struct kvec vec = { data, len };

	return kernel_recvmsg(sock, &msg, &vec, 1, len, flags);
}
