// SPDX-License-Identifier: GPL-2.0
/*
 * The kernel's fault injection, by /proc/self/fail-nth, and operations that go
 * through it.
 *
 * The file is opened beforehand: from hft_fault_arm() on, opening it would be
 * what fails. Reading and writing it copies a number, which is a point, too;
 * so it may fail, but only after the number was taken.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "hft.h"
#include "hft_faults.h"

static int nth_fd = -1;

static int write_file(const char *directory, const char *name, const char *value)
{
	char path[128];
	int fd, err = -1;

	snprintf(path, sizeof(path), "/sys/kernel/debug/%s/%s", directory, name);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd >= 0) {
		err = write(fd, value, strlen(value)) < 0 ? -1 : 0;
		close(fd);
	}
	return err;
}

/* No message for each of them: the test says what failed. */
bool hft_fault_setup(void)
{
	if (nth_fd < 0)
		nth_fd = open("/proc/self/fail-nth", O_RDWR | O_CLOEXEC);
	return nth_fd >= 0 &&
	       !write_file("failslab", "ignore-gfp-wait", "N") &&
	       !write_file("failslab", "verbose", "0") &&
	       !write_file("fail_page_alloc", "ignore-gfp-wait", "N") &&
	       !write_file("fail_page_alloc", "min-order", "0") &&
	       !write_file("fail_page_alloc", "verbose", "0") &&
	       !write_file("fail_usercopy", "verbose", "0");
}

static void write_nth(unsigned int nth)
{
	char text[16];
	int len = snprintf(text, sizeof(text), "%u", nth);

	while (pwrite(nth_fd, text, len, 0) < 0)
		;
}

void hft_fault_arm(unsigned int nth)
{
	write_nth(nth);
}

bool hft_fault_disarm(unsigned int *left)
{
	char text[16] = "";
	/* EFAULT is the failure itself: until now there was none. */
	ssize_t n = pread(nth_fd, text, sizeof(text) - 1, 0);
	unsigned int rest = n < 0 ? 1 : strtoul(text, NULL, 10);

	write_nth(0);
	if (left)
		*left = rest;
	return rest == 0;
}

static int open_nth_of(pid_t pid)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/fail-nth", pid);
	return open(path, O_RDWR | O_CLOEXEC);
}

int hft_fault_arm_thread(pid_t pid, unsigned int nth)
{
	char text[16];
	int len = snprintf(text, sizeof(text), "%u", nth), fd = open_nth_of(pid), err;

	if (fd < 0)
		return -1;
	err = write(fd, text, len) == len ? 0 : -1;
	close(fd);
	return err;
}

int hft_fault_disarm_thread(pid_t pid, bool *failed)
{
	char text[16] = "";
	int fd = open_nth_of(pid);

	if (fd < 0)
		return -1;
	if (read(fd, text, sizeof(text) - 1) <= 0)
		text[0] = 0;
	close(fd);
	*failed = text[0] == '0';
	return text[0] ? hft_fault_arm_thread(pid, 0) : -1;
}

static bool sane(const struct hft_op *op, int err)
{
	size_t i;

	for (i = 0; i < sizeof(op->errors) / sizeof(op->errors[0]) && op->errors[i]; i++) {
		if (err == -op->errors[i])
			return true;
	}
	return false;
}

static int complain(const struct hft_op *op, unsigned int nth, const char *what, int err)
{
	fprintf(stderr, "# %s, failure %u: %s: %s\n", op->name, nth, what, strerror(err));
	return -1;
}

static int act_and_check(const struct hft_op *op, struct hft_stage *stage, unsigned int nth,
			 bool *failed)
{
	int err;

	if (op->prepare && op->prepare(stage))
		return complain(op, nth, "what it needs cannot be had", errno);
	if (nth)
		hft_fault_arm(nth);
	err = op->act(stage);
	*failed = nth && hft_fault_disarm(NULL);
	if (err && !(*failed && sane(op, err)))
		return complain(op, nth, "it should not say", -err);
	if (op->check && op->check(stage, err))
		return complain(op, nth, "wrong afterwards; it had said", -err);
	return 0;
}

static int once(const struct hft_op *op, unsigned int vm, unsigned int nth, bool *failed)
{
	static struct hft_stage stage;
	int ret;

	stage.vm = vm;
	stage.fd = -1;
	stage.other_fd = -1;
	stage.control = -1;
	ret = act_and_check(op, &stage, nth, failed);
	if (stage.fd >= 0)
		close(stage.fd);
	if (stage.other_fd >= 0)
		close(stage.other_fd);
	if (stage.control >= 0)
		close(stage.control);
	return ret;
}

int hft_faults_each(const struct hft_op *op, unsigned int vm)
{
	bool failed = true, again;
	unsigned int nth;

	for (nth = 1; failed; nth++) {
		if (once(op, vm, nth, &failed) || once(op, vm, 0, &again))
			return -1;
	}
	fprintf(stderr, "# %s: %u points can fail\n", op->name, nth - 2);
	return nth > 2 || op->no_points ? (int)nth - 2 : -1;
}
