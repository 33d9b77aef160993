// SPDX-License-Identifier: GPL-2.0
/*
 * As noload_faults.c, for AF_VSOCK: while hf_vsock.ko is loaded, in the calls on
 * its sockets, and in the thread of a vCPU. A connection works afterwards. Not: a
 * RESPONSE to the guest without memory, which the kernel's common code forgets.
 *
 * Needs a vsock guest and kernel-kasan.
 */
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "hft_faults.h"
#include "hft_vsock.h"
#include "hft_harness.h"
#include "hft_leak.h"

#undef TEST_TIMEOUT_DEFAULT
#define TEST_TIMEOUT_DEFAULT	1200

#define BULK			600000		/* more than two windows */
#define PORT			4711		/* our listener's */
#define POINTS			30		/* of a thread that has as many as it has messages */

static char bulk[BULK];

static int load(const char *params)
{
	const char *path = getenv("HF_VSOCK");
	int fd = open(path ? path : "/lib/hf_vsock.ko", O_RDONLY | O_CLOEXEC);
	int err;

	if (fd < 0)
		return -errno;
	err = hft_result(syscall(SYS_finit_module, fd, params, 0));
	close(fd);
	return err;
}

/* A socket that was closed may wait for its peer. */
static int unload(void)
{
	int i, err = -EWOULDBLOCK;

	for (i = 0; i < 1500 && err == -EWOULDBLOCK; i++) {
		err = hft_result(syscall(SYS_delete_module, "hf_vsock", O_NONBLOCK));
		if (err)
			hft_sleep_ms(10);
	}
	return err;
}

static int open_stream(struct hft_stage *stage)
{
	stage->fd = hft_vsock_socket(SOCK_STREAM);
	return stage->fd < 0 ? -1 : 0;
}

static int open_connection(struct hft_stage *stage)
{
	stage->fd = hft_vsock_connect(SOCK_STREAM, hft_cid(stage->vm), VSOCK_PORT_ECHO);
	return stage->fd < 0 ? -1 : 0;
}

static int open_messages(struct hft_stage *stage)
{
	stage->fd = hft_vsock_connect(SOCK_SEQPACKET, hft_cid(stage->vm), VSOCK_PORT_ECHO);
	return stage->fd < 0 ? -1 : 0;
}

static int wait_for_input(struct hft_stage *stage)
{
	return hft_poll(stage->fd, POLLIN, HFT_PATIENCE_MS) & POLLIN ? 0 : -1;
}

static int open_with_an_echo(struct hft_stage *stage)
{
	if (open_connection(stage) || send(stage->fd, "abc", 3, 0) != 3)
		return -1;
	return wait_for_input(stage);
}

static int open_with_a_message(struct hft_stage *stage)
{
	if (open_messages(stage) || send(stage->fd, "abc", 3, 0) != 3)
		return -1;
	return wait_for_input(stage);
}

/* The guest sends until our window is full. */
static int open_source(struct hft_stage *stage)
{
	struct vsock_ask ask = { .size = BULK };

	stage->fd = hft_vsock_connect(SOCK_STREAM, hft_cid(stage->vm), VSOCK_PORT_SOURCE);
	if (stage->fd < 0 || send(stage->fd, &ask, sizeof(ask), 0) != sizeof(ask))
		return -1;
	hft_sleep_ms(50);
	return wait_for_input(stage);
}

/* A listener, and a connection by which the guest is told to connect to it. */
static int open_listener(struct hft_stage *stage)
{
	unsigned int port = PORT;

	stage->other_fd = hft_vsock_listen(SOCK_STREAM, &port, 4);
	stage->control = hft_vsock_connect(SOCK_STREAM, hft_cid(stage->vm), VSOCK_PORT_CONTROL);
	return stage->other_fd < 0 || stage->control < 0 ? -1 : 0;
}

static int ask_to_connect(struct hft_stage *stage)
{
	struct vsock_command cmd = { .op = VSOCK_CMD_CONNECT, .flags = VSOCK_STREAM,
				     .service = VSOCK_PORT_ECHO, .peer_port = PORT };

	return hft_result(send(stage->control, &cmd, sizeof(cmd), 0));
}

static int open_with_a_request(struct hft_stage *stage)
{
	struct vsock_status s;

	return open_listener(stage) || ask_to_connect(stage) ||
	       hft_vsock_answer(stage->control, &s) || s.life != VSOCK_LIFE_OPEN ? -1 : 0;
}

static int act_connect(struct hft_stage *stage)
{
	return hft_result(hft_vsock_connect_to(stage->fd, hft_cid(stage->vm), VSOCK_PORT_ECHO));
}

static int act_accept(struct hft_stage *stage)
{
	stage->fd = accept(stage->other_fd, NULL, NULL);
	return hft_result(stage->fd);
}

static int act_send(struct hft_stage *stage)
{
	return hft_result(send(stage->fd, "defg", 4, 0));
}

static int act_send_much(struct hft_stage *stage)
{
	ssize_t n = send(stage->fd, bulk, 10000, 0);

	return n == 10000 ? 0 : hft_result(n < 0 ? n : -1);
}

static int act_recv(struct hft_stage *stage)
{
	return hft_result(recv(stage->fd, stage->buf, sizeof(stage->buf), 0));
}

/* All that is there: the guest waits, and has to be told that there is room again. */
static int act_recv_all(struct hft_stage *stage)
{
	return hft_result(recv(stage->fd, bulk, sizeof(bulk), 0));
}

static int act_shutdown(struct hft_stage *stage)
{
	return hft_result(shutdown(stage->fd, SHUT_RD));
}

static int act_buffer(struct hft_stage *stage)
{
	return hft_result(hft_vsock_set_buffer(stage->fd, 100000));
}

static int check_connection(struct hft_stage *stage, int err)
{
	if (err && act_connect(stage))
		return -1;
	return hft_vsock_echo(stage->fd, 100, 1);
}

/* What was not sent leaves no gap, and takes no room. */
static int check_sent(struct hft_stage *stage, int err)
{
	if (!err && hft_vsock_recv_all(stage->fd, stage->buf, 4) != 4)
		return -1;
	return hft_vsock_echo(stage->fd, 100, 1);
}

static int check_message(struct hft_stage *stage, int err)
{
	if (!err && recv(stage->fd, stage->buf, sizeof(stage->buf), 0) != 4)
		return -1;
	return hft_vsock_echo(stage->fd, 100, 1);
}

/* Before a failure some may have been sent: it is still a stream. */
static int check_sent_much(struct hft_stage *stage, int err)
{
	if (!err && hft_vsock_recv_all(stage->fd, bulk, 10000) != 10000)
		return -1;
	return err || !hft_vsock_echo(stage->fd, 100, 1) ? 0 : -1;
}

static int check_received(struct hft_stage *stage, int err)
{
	if (err && recv(stage->fd, stage->buf, sizeof(stage->buf), MSG_DONTWAIT) != 3)
		return -1;
	return hft_vsock_echo(stage->fd, 100, 1);
}

/* It works, whatever came before: a message whose copy failed is gone. */
static int check_it_works(struct hft_stage *stage, int err)
{
	(void)err;
	return hft_vsock_echo(stage->fd, 100, 1);
}

/* The rest comes. */
static int check_rest(struct hft_stage *stage, int err)
{
	(void)err;
	while (wait_for_input(stage) == 0) {
		if (recv(stage->fd, bulk, sizeof(bulk), 0) == 0)
			return 0;
	}
	return -1;
}

static int check_accepted(struct hft_stage *stage, int err)
{
	if (err && act_accept(stage))
		return -1;
	hft_set_timeout(stage->fd, SO_RCVTIMEO, HFT_PATIENCE_MS);
	return hft_vsock_echo(stage->fd, 100, 1);
}

static int check_open(struct hft_stage *stage, int err)
{
	(void)err;
	return send(stage->fd, "x", 1, 0) == 1 ? 0 : -1;
}

static const struct hft_op ops[] = {
	{ .name = "connect()", .prepare = open_stream, .act = act_connect,
	  .check = check_connection, .errors = { ENOMEM, EFAULT } },
	{ .name = "send()", .prepare = open_connection, .act = act_send,
	  .check = check_sent, .errors = { ENOMEM, EFAULT } },
	{ .name = "send() of a message", .prepare = open_messages, .act = act_send,
	  .check = check_message, .errors = { ENOMEM, EFAULT } },
	{ .name = "send() of many pieces", .prepare = open_connection, .act = act_send_much,
	  .check = check_sent_much, .errors = { ENOMEM, EFAULT } },
	{ .name = "recv()", .prepare = open_with_an_echo, .act = act_recv,
	  .check = check_received, .errors = { ENOMEM, EFAULT } },
	{ .name = "recv() of a message", .prepare = open_with_a_message, .act = act_recv,
	  .check = check_it_works, .errors = { ENOMEM, EFAULT } },
	{ .name = "recv() of a window", .prepare = open_source, .act = act_recv_all,
	  .check = check_rest, .errors = { ENOMEM, EFAULT } },
	{ .name = "accept()", .prepare = open_with_a_request, .act = act_accept,
	  .check = check_accepted, .errors = { ENOMEM, ENFILE } },
	{ .name = "shutdown()", .prepare = open_connection, .act = act_shutdown,
	  .check = check_open },
	{ .name = "SO_VM_SOCKETS_BUFFER_SIZE", .prepare = open_connection, .act = act_buffer,
	  .check = check_it_works, .errors = { ENOMEM, EFAULT } },
};

FIXTURE(faults) {
	unsigned int vm;
};

FIXTURE_SETUP(faults)
{
	const struct hft_guest *guest = hft_guest("vsock", 0);

	if (!guest)
		HFT_SKIP("no vsock guest in this boot");
	if (!hft_fault_setup())
		HFT_SKIP("no fault injection here");
	self->vm = guest->id;
	ASSERT_EQ(0, hft_module_load(""));
}

FIXTURE_TEARDOWN(faults)
{
	EXPECT_EQ(0, hft_module_unload_wait(HFT_PATIENCE_MS));
}

TEST_F(faults, each_failure_in_a_system_call_of_vsock_is_handled)
{
	size_t i;

	ASSERT_EQ(0, load(""));
	hft_leaks_forget();
	for (i = 0; i < sizeof(ops) / sizeof(ops[0]); i++) {
		EXPECT_LE(0, hft_faults_each(&ops[i], self->vm))
			TH_LOG("%s", ops[i].name);
	}
	EXPECT_EQ(0, unload());
	EXPECT_EQ(0, hft_leaks());
}

/* The loader's own points are passed over: as many as until a bad parameter is found. */
static unsigned int points_of_the_loader(void)
{
	unsigned int left = 0;

	hft_fault_arm(HFT_FAULTS_MAX);
	load("cid_base=0");
	hft_fault_disarm(&left);
	return HFT_FAULTS_MAX - left;
}

TEST_F(faults, each_failure_while_loading_vsock_is_handled)
{
	unsigned int first = points_of_the_loader() + 1, nth, failures = 0;
	bool failed = true;
	int err, fd;

	ASSERT_LT(10, first);
	hft_leaks_forget();
	for (nth = first; failed; nth++) {
		hft_fault_arm(nth);
		err = load("");
		failed = hft_fault_disarm(NULL);
		ASSERT_TRUE(!err || (failed && err == -ENOMEM))
			TH_LOG("failure %u: %s", nth, strerror(-err));
		if (err) {
			failures++;
			ASSERT_EQ(0, load(""));
		}
		fd = hft_vsock_connect(SOCK_STREAM, hft_cid(self->vm), VSOCK_PORT_ECHO);
		ASSERT_EQ(0, hft_vsock_echo(fd, 100, 1));
		close(fd);
		ASSERT_EQ(0, unload());
	}
	fprintf(stderr, "# %u points in the module's init, at %u of them it fails\n",
		nth - first - 1, failures);
	EXPECT_LE(3, failures);
	EXPECT_EQ(0, hft_leaks());
}

/* Messages wait for memory, connections for nothing. */
TEST_F(faults, each_failure_in_the_thread_of_a_vcpu_is_handled)
{
	struct hft_stage stage = { .vm = self->vm };
	char name[16];
	unsigned int nth;
	bool failed = true;
	pid_t thread;

	ASSERT_EQ(0, load(""));
	snprintf(name, sizeof(name), "hf/%u.0", self->vm);
	thread = hft_find_thread(name);
	ASSERT_LT(0, thread);
	hft_leaks_forget();
	for (nth = 1; failed && nth <= POINTS; nth++) {
		ASSERT_EQ(0, hft_fault_arm_thread(thread, nth));
		ASSERT_EQ(0, open_source(&stage));
		ASSERT_EQ(0, check_rest(&stage, 0)) TH_LOG("failure %u", nth);
		ASSERT_EQ(0, hft_fault_disarm_thread(thread, &failed));
		close(stage.fd);
	}
	EXPECT_EQ(POINTS + 1, nth);
	EXPECT_EQ(0, unload());
	EXPECT_EQ(0, hft_leaks());
}

TEST_HARNESS_MAIN
