// SPDX-License-Identifier: GPL-2.0-only
/*
 * Sockets for tests: the system calls, from within the kernel.
 *
 * A socket made here counts as one of a privileged process.
 */
#include <linux/kthread.h>
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

struct socket *bed_socket(struct kunit *test)
{
	struct socket **place = place_of(NULL);

	KUNIT_ASSERT_NOT_NULL(test, place);
	KUNIT_ASSERT_EQ(test, 0, sock_create_kern(&init_net, PF_HF, SOCK_DGRAM, 0, place));
	return *place;
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

int bed_connect(struct socket *sock, u16 vm_id, u64 port)
{
	struct hf_sockaddr addr = address(vm_id, port);

	return kernel_connect(sock, (struct sockaddr *)&addr, sizeof(addr), 0);
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

/* --- calls that wait --- */

static int send_waiting(struct bed_call *call)
{
	return bed_send(call->sock, call->data, call->len, 0);
}

static int recv_waiting(struct bed_call *call)
{
	return bed_recv(call->sock, call->data, call->len, 0, NULL);
}

static int run_call(void *data)
{
	struct bed_call *call = data;

	call->ret = call->call(call);
	WRITE_ONCE(call->ended, true);
	while (!kthread_should_stop())
		usleep_range(1000, 2000);
	return 0;
}

/* Waits is more than being about to: then it would still see what comes. */
static bool waits_or_ended(const struct bed_call *call)
{
	return READ_ONCE(call->ended) || (READ_ONCE(call->task->__state) == TASK_INTERRUPTIBLE &&
					  !READ_ONCE(call->task->on_rq));
}

static struct bed_call *begin(struct kunit *test, struct socket *sock, size_t len,
			      int (*function)(struct bed_call *call))
{
	struct bed_call *call = kunit_kzalloc(test, sizeof(*call), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, call);
	call->data = kunit_kzalloc(test, len, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, call->data);
	call->sock = sock;
	call->len = len;
	call->call = function;
	call->task = kthread_create(run_call, call, "hf_test");
	KUNIT_ASSERT_FALSE(test, IS_ERR(call->task));
	wake_up_process(call->task);
	KUNIT_EXPECT_TRUE(test, bed_eventually(waits_or_ended(call)));
	return call;
}

struct bed_call *bed_begin_send(struct kunit *test, struct socket *sock, size_t len)
{
	return begin(test, sock, len, send_waiting);
}

struct bed_call *bed_begin_recv(struct kunit *test, struct socket *sock, size_t len)
{
	return begin(test, sock, len, recv_waiting);
}

int bed_end_call(struct kunit *test, struct bed_call *call, struct hf_vcpu *vcpu)
{
	bool in_time = bed_eventually(READ_ONCE(call->ended));

	if (!in_time) {
		bed_exit_by_hand(vcpu, HF_EXIT_ABORTED, 0, 0, 0);
		KUNIT_EXPECT_TRUE(test, bed_eventually(READ_ONCE(call->ended)));
	}
	kthread_stop(call->task);
	return in_time ? call->ret : -ETIME;
}
