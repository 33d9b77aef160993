// SPDX-License-Identifier: GPL-2.0
/*
 * As noload_faults.c, for connections: connect(), accept(), send(), recv(); and
 * in the thread of a vCPU, whose guest asks for a connection.
 *
 * Needs a seq guest and kernel-kasan.
 */
#include <poll.h>
#include <sys/socket.h>

#include "hft_seq.h"
#include "hft_faults.h"
#include "hft_harness.h"
#include "hft_leak.h"

#undef TEST_TIMEOUT_DEFAULT
#define TEST_TIMEOUT_DEFAULT 1200

static int open_seq(struct hft_stage *stage)
{
	stage->fd = hft_seq_socket();
	return stage->fd < 0 ? -1 : 0;
}

static int open_bound(struct hft_stage *stage)
{
	uint64_t port = 0;

	return open_seq(stage) || hft_bind_any(stage->fd, &port) ? -1 : 0;
}

static int open_connection(struct hft_stage *stage)
{
	stage->fd = hft_seq_connect(stage->vm, SEQ_PORT_ECHO);
	return stage->fd < 0 ? -1 : 0;
}

static int open_with_an_echo(struct hft_stage *stage)
{
	if (open_connection(stage) || send(stage->fd, "abc", 3, 0) != 3)
		return -1;
	return hft_poll(stage->fd, POLLIN, HFT_PATIENCE_MS) & POLLIN ? 0 : -1;
}

/* A listener on which the guest's request waits. */
static int open_with_a_request(struct hft_stage *stage)
{
	uint64_t port = 0;

	stage->control = hft_seq_connect(stage->vm, SEQ_PORT_BACK);
	stage->other_fd = hft_seq_listen(&port, 4);
	if (stage->control < 0 || stage->other_fd < 0 ||
	    hft_seq_back(stage->control, port, 1, SEQ_BACK_ECHO, 0))
		return -1;
	return hft_poll(stage->other_fd, POLLIN, HFT_PATIENCE_MS) & POLLIN ? 0 : -1;
}

static int act_socket(struct hft_stage *stage)
{
	stage->fd = socket(AF_HF, SOCK_SEQPACKET, 0);
	return hft_result(stage->fd);
}

static int act_listen(struct hft_stage *stage)
{
	return hft_result(listen(stage->fd, 4));
}

static int act_connect(struct hft_stage *stage)
{
	return hft_result(hft_seq_connect_to(stage->fd, stage->vm, SEQ_PORT_ECHO));
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

static int act_recv(struct hft_stage *stage)
{
	return hft_result(recv(stage->fd, stage->buf, sizeof(stage->buf), 0));
}

static int act_peek(struct hft_stage *stage)
{
	return hft_result(recv(stage->fd, stage->buf, sizeof(stage->buf), MSG_PEEK));
}

static int act_shutdown(struct hft_stage *stage)
{
	return hft_result(shutdown(stage->fd, SHUT_WR));
}

/* The connection works; after a connect() that failed, once that is tried again. */
static int check_connection(struct hft_stage *stage, int err)
{
	if (err && act_connect(stage))
		return -1;
	return hft_seq_echo(stage->fd, 100, 1);
}

/* A request that could not be accepted is not lost. */
static int check_accepted(struct hft_stage *stage, int err)
{
	if (err && act_accept(stage))
		return -1;
	hft_set_timeout(stage->fd, SO_RCVTIMEO, HFT_PATIENCE_MS);
	return hft_seq_echo(stage->fd, 100, 1);
}

/* What was not sent leaves no gap. */
static int check_sent(struct hft_stage *stage, int err)
{
	if (!err && recv(stage->fd, stage->buf, sizeof(stage->buf), 0) != 4)
		return -1;
	return hft_seq_echo(stage->fd, 100, 1);
}

static int check_received(struct hft_stage *stage, int err)
{
	if (err && recv(stage->fd, stage->buf, sizeof(stage->buf), MSG_DONTWAIT) != 3)
		return -1;
	return hft_seq_echo(stage->fd, 100, 1);
}

/* Who only looked, or could not, took nothing. */
static int check_still_there(struct hft_stage *stage, int err)
{
	(void)err;
	return check_received(stage, -EFAULT);
}

/* The guest hears of the end, and ends the connection as well. */
static int check_end(struct hft_stage *stage, int err)
{
	if (err && act_shutdown(stage))
		return -1;
	return hft_seq_at_end(stage->fd) ? 0 : -1;
}

static const struct hft_op ops[] = {
	{ .name = "socket()", .act = act_socket, .errors = { ENOMEM, ENFILE } },
	{ .name = "listen()", .prepare = open_bound, .act = act_listen, .no_points = true },
	{ .name = "connect()", .prepare = open_seq, .act = act_connect,
	  .check = check_connection, .errors = { ENOMEM, EFAULT } },
	{ .name = "accept()", .prepare = open_with_a_request, .act = act_accept,
	  .check = check_accepted, .errors = { ENOMEM, ENFILE } },
	{ .name = "send()", .prepare = open_connection, .act = act_send,
	  .check = check_sent, .errors = { ENOBUFS, EFAULT } },
	{ .name = "recv()", .prepare = open_with_an_echo, .act = act_recv,
	  .check = check_received, .errors = { EFAULT } },
	{ .name = "recv(MSG_PEEK)", .prepare = open_with_an_echo, .act = act_peek,
	  .check = check_still_there, .errors = { EFAULT } },
	{ .name = "shutdown()", .prepare = open_connection, .act = act_shutdown,
	  .check = check_end, .no_points = true },
};

TEST(each_failure_in_a_system_call_on_a_connection_is_handled)
{
	HFT_NEED_GUEST(guest, "seq", 0);
	size_t i;

	if (!hft_fault_setup())
		HFT_SKIP("no fault injection here");
	ASSERT_EQ(0, hft_module_load(""));
	hft_leaks_forget();
	for (i = 0; i < ARRAY_SIZE(ops); i++) {
		EXPECT_LE(0, hft_faults_each(&ops[i], guest->id))
			TH_LOG("%s", ops[i].name);
	}
	EXPECT_EQ(0, hft_leaks());
	EXPECT_EQ(0, hft_module_unload_wait(HFT_PATIENCE_MS));
}

/*
 * The guest asks for a connection: 1 if it was accepted, 0 if refused, -1 if the
 * guest does not know, or nothing works. The sender may not run the vCPU: it
 * hears of the request in its thread.
 */
static int ask_for_connection(int listener, uint64_t port, unsigned int vm)
{
	int control = hft_seq_connect(vm, SEQ_PORT_BACK), fd = -1, ret = -1;
	struct seq_back ask = { port, 1, SEQ_BACK_ECHO, 0 };
	struct seq_report report = { 0 };

	if (control >= 0 && send(control, &ask, sizeof(ask), MSG_DONTWAIT) == sizeof(ask)) {
		while (!report.opened && !report.refused) {
			if (recv(control, &report, sizeof(report), 0) != sizeof(report))
				break;
		}
	}
	if (report.refused) {
		ret = hft_poll(listener, POLLIN, 0) ? -1 : 0;
	} else if (report.opened) {
		fd = hft_accept(listener);
		ret = fd >= 0 && !hft_seq_echo(fd, 100, 1) ? 1 : -1;
	}
	if (fd >= 0)
		close(fd);
	close(control);
	return ret;
}

/* The message waits for memory; the connection does not, and the next one has it. */
TEST(each_failure_in_the_thread_of_a_vcpu_is_handled)
{
	HFT_NEED_GUEST(guest, "seq", 0);
	unsigned int nth, refused = 0;
	bool failed = true;
	char name[16];
	uint64_t port = 0;
	int listener, ret;
	pid_t thread;

	if (!hft_fault_setup())
		HFT_SKIP("no fault injection here");
	ASSERT_EQ(0, hft_module_load(""));
	snprintf(name, sizeof(name), "hf/%u.0", guest->id);
	thread = hft_find_thread(name);
	ASSERT_LT(0, thread);
	hft_leaks_forget();
	listener = hft_seq_listen(&port, 4);
	ASSERT_LE(0, listener);
	for (nth = 1; failed; nth++) {
		ASSERT_EQ(0, hft_fault_arm_thread(thread, nth));
		ret = ask_for_connection(listener, port, guest->id);
		ASSERT_EQ(0, hft_fault_disarm_thread(thread, &failed));
		ASSERT_LE(0, ret) TH_LOG("failure %u", nth);
		ASSERT_TRUE(ret || failed);
		refused += !ret;
		ASSERT_EQ(1, ask_for_connection(listener, port, guest->id)) TH_LOG("after %u", nth);
	}
	fprintf(stderr, "# %u points can fail, at %u of them it is refused\n", nth - 2, refused);
	/* Its socket, its flow, and who its peer is. */
	EXPECT_LE(3, refused);
	/* Those, and each message in two parts. */
	EXPECT_LT(3 + 2, nth - 2);
	close(listener);
	EXPECT_EQ(0, hft_leaks());
	EXPECT_EQ(0, hft_module_unload_wait(HFT_PATIENCE_MS));
}

TEST_HARNESS_MAIN
