// SPDX-License-Identifier: GPL-2.0
/*
 * No memory for a message is the affair of the VM that sends it: two VMs flood us,
 * and allocations fail for seconds. The worst round trip with a third VM is at most
 * twice as long as with memory, and three times that where each one's own fails.
 *
 * All that may not sleep fail, whoever asks; then all of one vCPU's thread, even those
 * that may sleep: that vCPU is run with buffers that others left to its CPU, if at all,
 * and loses nothing.
 *
 * Needs echo_irq, flood twice, one CPU and QEMU's -icount; a kernel with failslab.
 * HF_SECONDS (10) is how long allocations fail.
 */
#include <fcntl.h>
#include <sys/socket.h>

#include "hft_load.h"
#include "hft_worst.h"
#include "hft_harness.h"

#define FACTOR		2
#define FAILSLAB	"/sys/kernel/debug/failslab/"
/* What was under way. */
#define BUFFERS		8
#define ORDERED		1000

#undef TEST_TIMEOUT_DEFAULT
#define TEST_TIMEOUT_DEFAULT 300

static int write_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC), err;

	if (fd < 0)
		return -1;
	err = write(fd, text, strlen(text)) < 0 ? -1 : 0;
	close(fd);
	return err;
}

/* All that may not sleep, or all of one thread. */
static int prepare_failures(bool one_thread)
{
	return write_file(FAILSLAB "probability", "0") || write_file(FAILSLAB "interval", "1") ||
	       write_file(FAILSLAB "times", "-1") || write_file(FAILSLAB "space", "0") ||
	       write_file(FAILSLAB "verbose", "0") ||
	       write_file(FAILSLAB "task-filter", one_thread ? "Y" : "N") ||
	       write_file(FAILSLAB "ignore-gfp-wait", one_thread ? "N" : "Y") ? -1 : 0;
}

static int fail(bool on)
{
	return write_file(FAILSLAB "probability", on ? "100" : "0");
}

static int fail_thread(pid_t thread)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/make-it-fail", thread);
	return write_file(path, "1");
}

/* Its messages are numbered. First, because nothing else is under way yet. */
TEST(vcpu_that_had_to_wait_for_memory_loses_nothing)
{
	HFT_NEED_GUEST(guest, "flood", 0);
	struct { uint32_t count, size; uint64_t port; } req = { ORDERED, 64, 0 };
	int fd = hft_connect(guest->id, 10), room = 1 << 20;
	uint64_t number[8], i;
	int64_t before = hft_vm_count(guest->id, "received");

	if (prepare_failures(true))
		HFT_SKIP("this kernel has no failslab");
	ASSERT_EQ(0, setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &room, sizeof(room)));
	ASSERT_EQ(0, fail_thread(hft_vcpu_thread(guest->id)));
	ASSERT_EQ((ssize_t)sizeof(req), send(fd, &req, sizeof(req), MSG_DONTWAIT));
	while (hft_vm_count(guest->id, "received") < before + 10)
		hft_sleep_ms(1);
	ASSERT_EQ(0, fail(true));
	hft_sleep_ms(300);
	EXPECT_EQ(0, fail(false));
	for (i = 0; i < ORDERED; i++) {
		ASSERT_EQ((ssize_t)sizeof(number), recv(fd, number, sizeof(number), 0));
		ASSERT_EQ(i, number[0]);
	}
}

FIXTURE(nomem) {
	struct hft_worst w;
	unsigned int ms;
};

FIXTURE_SETUP(nomem)
{
	if (prepare_failures(false))
		HFT_SKIP("this kernel has no failslab");
	HFT_NEED_INJECTION();
	self->ms = hft_number("HF_SECONDS", 10) * 1000;
	ASSERT_EQ(0, hft_worst_start(&self->w));
}

FIXTURE_TEARDOWN(nomem)
{
	fail(false);
	hft_worst_stop(&self->w);
}

TEST_F(nomem, without_memory_that_is_there_at_once_no_vm_waits)
{
	struct hft_times with = { 0 }, without = { 0 };
	int64_t before[2], got;
	bool answered;
	int i;

	ASSERT_TRUE(hft_worst_for(&self->w, self->ms, &with));
	for (i = 0; i < 2; i++)
		before[i] = hft_vm_count(self->w.vm[i], "received");
	ASSERT_EQ(0, fail(true));
	answered = hft_worst_for(&self->w, self->ms, &without);
	EXPECT_EQ(0, fail(false));
	EXPECT_TRUE(answered);
	hft_worst_report("with memory", &with);
	hft_worst_report("with none at once", &without);
	/* No sender runs a vCPU then: each message goes through a thread that allocates first. */
	EXPECT_GE(3 * FACTOR * with.worst_ns, without.worst_ns);
	for (i = 0; i < 2; i++) {
		got = hft_vm_count(self->w.vm[i], "received") - before[i];
		fprintf(stderr, "# flood of VM %u: %lld messages meanwhile\n", self->w.vm[i],
			(long long)got);
		EXPECT_LT(BUFFERS, got);
	}
}

TEST_F(nomem, without_memory_for_one_vcpu_only_its_vm_waits)
{
	unsigned int vm = self->w.vm[0];
	struct hft_times with = { 0 }, without = { 0 };
	int64_t before, got, other;
	bool answered;

	ASSERT_EQ(0, prepare_failures(true));
	ASSERT_EQ(0, fail_thread(hft_vcpu_thread(vm)));
	ASSERT_TRUE(hft_worst_for(&self->w, self->ms, &with));
	before = hft_vm_count(vm, "received");
	other = hft_vm_count(self->w.vm[1], "received");
	ASSERT_EQ(0, fail(true));
	answered = hft_worst_for(&self->w, self->ms, &without);
	got = hft_vm_count(vm, "received") - before;
	EXPECT_LT(other + BUFFERS, hft_vm_count(self->w.vm[1], "received"));
	EXPECT_EQ(0, fail(false));
	EXPECT_TRUE(answered);
	hft_worst_report("with memory", &with);
	hft_worst_report("with none for one vCPU", &without);
	fprintf(stderr, "# messages of that vCPU meanwhile: %lld\n", (long long)got);
	EXPECT_GE(FACTOR * with.worst_ns, without.worst_ns);
	/* It goes on. */
	before = hft_vm_count(vm, "received");
	ASSERT_TRUE(hft_worst_for(&self->w, 500, &with));
	EXPECT_LT(before + BUFFERS, hft_vm_count(vm, "received"));
}

TEST_HARNESS_MAIN
