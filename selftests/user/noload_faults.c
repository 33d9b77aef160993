// SPDX-License-Identifier: GPL-2.0
/*
 * Every allocation, and every copy from or to userspace, fails in turn: while
 * the module is loaded, and in each system call on its sockets. The call says
 * why, nothing leaks, nothing that was received is lost, and the next attempt
 * works.
 *
 * A system call is a row of ops[].
 *
 * Needs an echo guest and kernel-kasan: fault injection, and kmemleak to show
 * the leaks.
 */
#include <fcntl.h>
#include <poll.h>
#include <sys/mman.h>
#include <sys/socket.h>

#include "hft_dgram.h"
#include "hft_event.h"
#include "hft_faults.h"
#include "hft_harness.h"
#include "hft_leak.h"

#undef TEST_TIMEOUT_DEFAULT
#define TEST_TIMEOUT_DEFAULT 1200

/* An interrupt that the guest never enables. */
#define EVENT			20

static int open_socket(struct hft_stage *stage)
{
	stage->fd = hft_socket();
	return stage->fd < 0 ? -1 : 0;
}

static int open_connected(struct hft_stage *stage)
{
	stage->fd = hft_connect(stage->vm, 10);
	return stage->fd < 0 ? -1 : 0;
}

/* A message in a page that is not in memory needs a buffer. */
static char *absent_page(void)
{
	static char page[4096] __attribute__((aligned(4096)));

	return page;
}

static int open_connected_and_forget(struct hft_stage *stage)
{
	return madvise(absent_page(), 4096, MADV_DONTNEED) || open_connected(stage) ? -1 : 0;
}

static int open_with_an_answer(struct hft_stage *stage)
{
	if (open_connected(stage) || send(stage->fd, "abc", 3, 0) != 3)
		return -1;
	return hft_poll(stage->fd, POLLIN, HFT_PATIENCE_MS) & POLLIN ? 0 : -1;
}

static int act_socket(struct hft_stage *stage)
{
	stage->fd = socket(AF_HF, SOCK_DGRAM, 0);
	return hft_result(stage->fd);
}

static int act_bind(struct hft_stage *stage)
{
	return hft_result(hft_bind_to(stage->fd, HF_VM_ID_ANY, 5000));
}

static int act_connect(struct hft_stage *stage)
{
	return hft_result(hft_connect_to(stage->fd, stage->vm, 10));
}

static int act_send(struct hft_stage *stage)
{
	return hft_result(send(stage->fd, stage->buf, sizeof(stage->buf), 0));
}

static int act_send_absent(struct hft_stage *stage)
{
	return hft_result(send(stage->fd, absent_page(), 100, 0));
}

static int act_sendto(struct hft_stage *stage)
{
	return hft_result(hft_send_to(stage->fd, stage->buf, 100, stage->vm, 10));
}

static int act_recv(struct hft_stage *stage)
{
	return hft_result(recv(stage->fd, stage->buf, sizeof(stage->buf), MSG_DONTWAIT));
}

static int act_peek(struct hft_stage *stage)
{
	return hft_result(recv(stage->fd, stage->buf, sizeof(stage->buf),
			       MSG_PEEK | MSG_DONTWAIT));
}

static int act_recvfrom(struct hft_stage *stage)
{
	struct hf_sockaddr from;

	return hft_result(hft_recv_from(stage->fd, stage->buf, sizeof(stage->buf), &from));
}

static int act_name(struct hft_stage *stage)
{
	struct hf_sockaddr addr;
	socklen_t len = sizeof(addr);

	return hft_result(getsockname(stage->fd, (struct sockaddr *)&addr, &len));
}

static int act_files(struct hft_stage *stage)
{
	static const char *const files[] = {
		"/proc/net/hf", "/sys/kernel/debug/hafnium/vms",
		"/sys/kernel/debug/hafnium/vcpus",
	};
	int fd, err = 0;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(files) && !err; i++) {
		fd = open(files[i], O_RDONLY);
		if (fd < 0)
			return -errno;
		err = hft_result(read(fd, stage->buf, sizeof(stage->buf)));
		close(fd);
	}
	return err;
}

static int open_device(struct hft_stage *stage)
{
	stage->fd = hft_event_open();
	stage->other_fd = hft_eventfd();
	return stage->fd < 0 || stage->other_fd < 0 ? -1 : 0;
}

static int call(const struct hft_stage *stage, unsigned long cmd, unsigned int flags)
{
	return hft_event_call(stage->fd, cmd, stage->other_fd, stage->vm, HF_EVENT_VCPU_ANY,
			      EVENT, flags);
}

static int open_with_a_route(struct hft_stage *stage)
{
	return open_device(stage) || call(stage, HF_EVENT_ASSIGN, 0) ? -1 : 0;
}

static int act_open(struct hft_stage *stage)
{
	stage->fd = hft_event_open();
	return stage->fd < 0 ? stage->fd : 0;
}

static int act_query(struct hft_stage *stage)
{
	struct hf_event_info info;

	return hft_event_query(stage->fd, stage->vm, &info);
}

static int act_assign(struct hft_stage *stage)
{
	return call(stage, HF_EVENT_ASSIGN, 0);
}

static int act_update(struct hft_stage *stage)
{
	return call(stage, HF_EVENT_UPDATE, HF_EVENT_MASKED);
}

static int act_listen(struct hft_stage *stage)
{
	return call(stage, HF_EVENT_LISTEN, 0);
}

/* What was not assigned can be, what was cannot be again. */
static int check_assigned(struct hft_stage *stage, int err)
{
	return call(stage, HF_EVENT_ASSIGN, 0) == (err ? 0 : -EBUSY) ? 0 : -1;
}

static int check_listens(struct hft_stage *stage, int err)
{
	return call(stage, HF_EVENT_LISTEN, 0) == (err ? 0 : -EBUSY) ? 0 : -1;
}

/* It has to be usable, however often it failed before. */
static int check_echo(struct hft_stage *stage, int err)
{
	return err ? 0 : hft_echo(stage->fd, 100, 1);
}

/* What was sent comes back; what was not, does not. */
static int check_answer(struct hft_stage *stage, int err)
{
	ssize_t n = recv(stage->fd, stage->buf, sizeof(stage->buf),
			 err ? MSG_DONTWAIT : 0);

	return (n < 0) == (err < 0) ? 0 : -1;
}

/* A message whose copy failed is still there; one that was taken is not. */
static int check_message(struct hft_stage *stage, int err)
{
	ssize_t n = recv(stage->fd, stage->buf, sizeof(stage->buf), MSG_DONTWAIT);

	return n == (err ? 3 : -1) ? 0 : -1;
}

/* Who only looked, or could not, took nothing. */
static int check_still_there(struct hft_stage *stage, int err)
{
	(void)err;
	return recv(stage->fd, stage->buf, sizeof(stage->buf), MSG_DONTWAIT) == 3 ? 0 : -1;
}

/* The sender's name is copied by the kernel, which has taken the message by then. */
static int check_message_or_name(struct hft_stage *stage, int err)
{
	return err == -EFAULT ? 0 : check_message(stage, err);
}

static int check_other_echo(struct hft_stage *stage, int err)
{
	return err ? 0 : hft_echo_once(stage->vm, 100);
}

static const struct hft_op ops[] = {
	{ .name = "socket()", .act = act_socket, .errors = { ENOMEM, ENFILE } },
	{ .name = "bind()", .prepare = open_socket, .act = act_bind, .errors = { ENOMEM, EFAULT } },
	{ .name = "connect()", .prepare = open_socket, .act = act_connect,
	  .check = check_echo, .errors = { ENOMEM, EFAULT } },
	{ .name = "send()", .prepare = open_connected, .act = act_send,
	  .check = check_answer, .errors = { ENOBUFS, EFAULT } },
	{ .name = "send() of an absent page", .prepare = open_connected_and_forget,
	  .act = act_send_absent, .check = check_answer, .errors = { ENOBUFS, EFAULT } },
	{ .name = "sendto() without a port", .prepare = open_socket,
	  .act = act_sendto, .check = check_answer, .errors = { ENOMEM, ENOBUFS, EFAULT } },
	{ .name = "recv()", .prepare = open_with_an_answer, .act = act_recv,
	  .check = check_message, .errors = { EFAULT } },
	{ .name = "recv(MSG_PEEK)", .prepare = open_with_an_answer, .act = act_peek,
	  .check = check_still_there, .errors = { EFAULT } },
	{ .name = "recvfrom()", .prepare = open_with_an_answer,
	  .act = act_recvfrom, .check = check_message_or_name, .errors = { EFAULT } },
	{ .name = "getsockname()", .prepare = open_connected, .act = act_name,
	  .check = check_echo, .errors = { EFAULT } },
	{ .name = "open() of the device", .act = act_open,
	  .errors = { ENOMEM, ENFILE, EFAULT } },
	{ .name = "HF_EVENT_QUERY", .prepare = open_device, .act = act_query, .errors = { EFAULT } },
	{ .name = "HF_EVENT_ASSIGN", .prepare = open_device, .act = act_assign,
	  .check = check_assigned, .errors = { ENOMEM, EFAULT } },
	{ .name = "HF_EVENT_UPDATE", .prepare = open_with_a_route, .act = act_update,
	  .errors = { EFAULT } },
	{ .name = "HF_EVENT_LISTEN", .prepare = open_device, .act = act_listen,
	  .check = check_listens, .errors = { ENOMEM, EFAULT } },
	{ .name = "reading /proc and debugfs", .prepare = open_connected,
	  .act = act_files, .check = check_other_echo, .errors = { ENOMEM, ENFILE, EFAULT } },
};

/* With the parameters of this boot: a planted defect, as a rule none. */
static int load(void)
{
	const char *params = getenv("hf_params");

	return hft_module_load(params ? params : "");
}

FIXTURE(faults) {
	unsigned int vm;
};

FIXTURE_SETUP(faults)
{
	const struct hft_guest *guest = hft_guest("echo", 0);

	if (!guest)
		HFT_SKIP("no echo guest in this boot");
	if (!hft_fault_setup())
		HFT_SKIP("no fault injection here");
	self->vm = guest->id;
	if (hft_module_loaded())
		ASSERT_EQ(0, hft_module_unload_wait(HFT_PATIENCE_MS));
}

FIXTURE_TEARDOWN(faults)
{
}

TEST_F(faults, each_failure_in_a_system_call_is_handled)
{
	size_t i;

	ASSERT_EQ(0, load());
	hft_leaks_forget();
	for (i = 0; i < ARRAY_SIZE(ops); i++)
		EXPECT_LE(0, hft_faults_each(&ops[i], self->vm));
	EXPECT_EQ(0, hft_leaks());
	EXPECT_EQ(0, hft_module_unload_wait(HFT_PATIENCE_MS));
}

/*
 * How many points the kernel passes before the module's own code begins:
 * as many as when that finds a mistake in a parameter, which it does first.
 */
static unsigned int points_of_the_loader(void)
{
	unsigned int left = 0;

	hft_fault_arm(HFT_FAULTS_MAX);
	hft_module_load("vms=nonsense");
	hft_fault_disarm(&left);
	return HFT_FAULTS_MAX - left;
}

/*
 * A failure of the loader itself is the kernel's affair. The first few of the
 * module's own are passed over, since the number varies a little.
 */
TEST_F(faults, each_failure_while_loading_is_handled)
{
	unsigned int first = points_of_the_loader() + 3, nth, failures = 0;
	bool failed = true;
	int err;

	ASSERT_LT(10, first);
	ASSERT_GT(HFT_FAULTS_MAX / 2, first);
	hft_leaks_forget();
	for (nth = first; failed; nth++) {
		hft_fault_arm(nth);
		err = load();
		failed = hft_fault_disarm(NULL);
		ASSERT_TRUE(!err || failed) TH_LOG("%s", strerror(-err));
		if (err) {
			EXPECT_TRUE(err == -ENOMEM || err == -ENOBUFS)
				TH_LOG("failure %u: %s", nth, strerror(-err));
			ASSERT_FALSE(hft_module_loaded());
			failures++;
			ASSERT_EQ(0, load());
		}
		ASSERT_EQ(0, hft_echo_once(self->vm, 100));
		ASSERT_EQ(0, hft_module_unload_wait(HFT_PATIENCE_MS));
	}
	fprintf(stderr, "# %u points in the module's init, at %u of them it fails\n",
		nth - first - 1, failures);
	EXPECT_LT(10, failures);
	EXPECT_EQ(0, hft_leaks());
}

static int set_cpu(const char *word)
{
	int fd = open("/sys/devices/system/cpu/cpu1/online", O_WRONLY | O_CLOEXEC);
	int err = fd < 0 ? -errno : hft_result(write(fd, word, 1));

	if (fd >= 0)
		close(fd);
	return err;
}

/* 0, or -1 if the CPU cannot be had in the end. */
static int switch_cpu(const char *word, unsigned int nth, bool *failed)
{
	int fd = open("/sys/devices/system/cpu/cpu1/online", O_WRONLY | O_CLOEXEC);
	int err;

	if (fd < 0)
		return -1;
	hft_fault_arm(nth);
	err = hft_result(write(fd, word, 1));
	*failed = hft_fault_disarm(NULL);
	close(fd);
	if (err && !*failed)
		return -1;
	return err ? set_cpu(word) : 0;
}

TEST_F(faults, each_failure_while_a_cpu_comes_or_goes_is_handled)
{
	HFT_NEED_CPUS(2);
	bool off_failed = true, on_failed = true;
	unsigned int nth;

	ASSERT_EQ(0, load());
	hft_leaks_forget();
	for (nth = 1; off_failed || on_failed; nth++) {
		ASSERT_GT(HFT_FAULTS_MAX, nth);
		ASSERT_EQ(0, switch_cpu("0", nth, &off_failed));
		ASSERT_EQ(0, hft_echo_once(self->vm, 100));
		ASSERT_EQ(0, switch_cpu("1", nth, &on_failed));
		ASSERT_EQ(0, hft_echo_once(self->vm, 100));
	}
	fprintf(stderr, "# %u failures\n", nth - 2);
	EXPECT_EQ(0, hft_leaks());
	EXPECT_EQ(0, hft_module_unload_wait(HFT_PATIENCE_MS));
}

/* The answer waits for memory. A sender that may not wait leaves the vCPU to its thread. */
static int echo_by_thread(int fd)
{
	char out[100], in[sizeof(out) + 1];

	hft_fill(out, sizeof(out), 1);
	if (send(fd, out, sizeof(out), MSG_DONTWAIT) != sizeof(out) ||
	    recv(fd, in, sizeof(in), 0) != sizeof(out))
		return -1;
	return memcmp(in, out, sizeof(out)) ? -1 : 0;
}

TEST_F(faults, each_failure_in_the_thread_of_a_vcpu_is_handled)
{
	bool failed = true;
	unsigned int nth;
	char name[16];
	pid_t thread;
	int fd;

	ASSERT_EQ(0, load());
	snprintf(name, sizeof(name), "hf/%u.0", self->vm);
	thread = hft_find_thread(name);
	ASSERT_LT(0, thread);
	/* Another CPU has buffers of its own, and one may be all it needs. */
	ASSERT_EQ(0, hft_pin(thread, 0));
	hft_leaks_forget();
	fd = hft_connect(self->vm, 10);
	for (nth = 1; failed; nth++) {
		ASSERT_EQ(0, hft_fault_arm_thread(thread, nth));
		ASSERT_EQ(0, echo_by_thread(fd)) TH_LOG("failure %u", nth);
		ASSERT_EQ(0, hft_fault_disarm_thread(thread, &failed));
		ASSERT_EQ(0, echo_by_thread(fd)) TH_LOG("after %u", nth);
	}
	fprintf(stderr, "# %u points in the thread of a vCPU\n", nth - 2);
	/* A buffer has two parts. */
	EXPECT_LE(2, nth - 2);
	close(fd);
	EXPECT_EQ(0, hft_leaks());
	EXPECT_EQ(0, hft_module_unload_wait(HFT_PATIENCE_MS));
}

TEST_HARNESS_MAIN
