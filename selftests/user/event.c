// SPDX-License-Identifier: GPL-2.0
/*
 * Doorbells into a VM and out of it, one after the other: /dev/hafnium.
 *
 * Needs an event guest with two vCPUs, and an echo guest. Where nothing is injected, notifications count
 * for its vCPU 0.
 */
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "hft_event.h"
#include "hft_load.h"
#include "hft_harness.h"

#define ID		10
#define ANY		HF_EVENT_VCPU_ANY

FIXTURE(event) {
	unsigned int vm;
	unsigned int vcpu;	/* which of it takes what is rung */
	unsigned int to;	/* that, or any where none can be named */
	int dev, sock, fd;
};

FIXTURE_SETUP(event)
{
	struct hf_event_info info;

	if (!hft_guest("event", 0))
		HFT_SKIP("no guest %s number %u in this boot", "event", 0);
	self->vm = hft_guest("event", 0)->id;
	self->dev = hft_event_open();
	ASSERT_LE(0, self->dev);
	ASSERT_EQ(0, hft_event_query(self->dev, self->vm, &info));
	if (!info.rings)
		HFT_SKIP("this hypervisor injects no interrupts");
	self->vcpu = info.rings == HF_EVENT_INTERRUPT;
	self->to = self->vcpu ? 1 : ANY;
	self->sock = hft_connect(self->vm, 10);
	self->fd = hft_eventfd();
	ASSERT_LE(0, self->sock);
	ASSERT_LE(0, self->fd);
	ASSERT_EQ(0, hft_event_zero(self->sock));
}

FIXTURE_TEARDOWN(event)
{
	close(self->dev);
	close(self->sock);
	close(self->fd);
}

#define CALL(cmd, fd, vcpu, number, flags) \
	hft_event_call(self->dev, HF_EVENT_##cmd, fd, self->vm, vcpu, number, flags)
#define COUNTS(number)	hft_event_count(self->sock, self->vcpu, number)

/* Time for what must not come. */
#define SETTLE_MS	100

TEST_F(event, device_is_roots_and_tells_what_the_vm_can)
{
	struct hf_event_info info;
	struct stat st;

	ASSERT_EQ(0, stat(HFT_EVENT_DEVICE, &st));
	EXPECT_EQ(0600, st.st_mode & 07777);
	ASSERT_EQ(0, hft_event_query(self->dev, self->vm, &info));
	EXPECT_EQ(self->vm, info.vm);
	EXPECT_EQ(hft_guest("event", 0)->vcpus, info.vcpus);
	EXPECT_EQ(HF_EVENT_MESSAGE, info.listens & ~HF_EVENT_NOTIFICATION);
	EXPECT_EQ(info.rings == HF_EVENT_INTERRUPT ? ~0xeULL : ~0ULL, info.numbers);
}

TEST_F(event, each_write_is_an_interrupt)
{
	int i;

	ASSERT_EQ(0, CALL(ASSIGN, self->fd, self->to, ID, 0));
	for (i = 1; i <= 100; i++) {
		ASSERT_EQ(0, hft_event_write(self->fd));
		ASSERT_TRUE(hft_eventually(COUNTS(ID) == i));
	}
	EXPECT_EQ(0, hft_event_others(self->sock, self->vcpu, ID));
	EXPECT_EQ(0, hft_event_read(self->fd));
}

TEST_F(event, single_ring_needs_no_eventfd)
{
	ASSERT_EQ(0, CALL(RING, -1, self->to, ID, 0));
	EXPECT_TRUE(hft_eventually(COUNTS(ID) == 1));
}

TEST_F(event, what_was_written_before_is_a_ring)
{
	ASSERT_EQ(0, hft_event_write(self->fd));
	ASSERT_EQ(0, CALL(ASSIGN, self->fd, self->to, ID, 0));
	EXPECT_TRUE(hft_eventually(COUNTS(ID) == 1));
}

TEST_F(event, any_vcpu_may_take_it)
{
	int64_t all;

	ASSERT_EQ(0, CALL(ASSIGN, self->fd, ANY, ID, 0));
	ASSERT_EQ(0, hft_event_write(self->fd));
	ASSERT_TRUE(hft_eventually(hft_event_count(self->sock, 0, ID) +
				   hft_event_count(self->sock, 1, ID) == 1));
	all = hft_event_others(self->sock, 0, ID) + hft_event_others(self->sock, 1, ID);
	EXPECT_EQ(0, all);
}

TEST_F(event, many_writes_are_at_least_one_interrupt)
{
	int i;

	ASSERT_EQ(0, CALL(ASSIGN, self->fd, self->to, ID, 0));
	for (i = 0; i < 1000; i++)
		ASSERT_EQ(0, hft_event_write(self->fd));
	EXPECT_TRUE(hft_eventually(COUNTS(ID) >= 1));
	hft_sleep_ms(SETTLE_MS);
	EXPECT_GE(1000, COUNTS(ID));
}

TEST_F(event, rings_of_a_masked_route_are_one_when_it_is_unmasked)
{
	ASSERT_EQ(0, CALL(ASSIGN, self->fd, self->to, ID, HF_EVENT_MASKED));
	ASSERT_EQ(0, hft_event_write(self->fd));
	ASSERT_EQ(0, hft_event_write(self->fd));
	hft_sleep_ms(SETTLE_MS);
	EXPECT_EQ(0, COUNTS(ID));
	ASSERT_EQ(0, CALL(UPDATE, self->fd, self->to, ID, 0));
	EXPECT_TRUE(hft_eventually(COUNTS(ID) == 1));
	ASSERT_EQ(0, CALL(UPDATE, self->fd, self->to, ID, HF_EVENT_MASKED));
	ASSERT_EQ(0, CALL(UPDATE, self->fd, self->to, ID, 0));
	hft_sleep_ms(SETTLE_MS);
	EXPECT_EQ(1, COUNTS(ID));
}

TEST_F(event, kept_ring_goes_where_the_route_is_pointed)
{
	ASSERT_EQ(0, CALL(ASSIGN, self->fd, self->to, ID, HF_EVENT_MASKED));
	ASSERT_EQ(0, hft_event_write(self->fd));
	ASSERT_EQ(0, CALL(UPDATE, self->fd, self->to, ID + 1, HF_EVENT_MASKED));
	ASSERT_EQ(0, CALL(UPDATE, self->fd, self->to, ID + 1, 0));
	EXPECT_TRUE(hft_eventually(COUNTS(ID + 1) == 1));
	EXPECT_EQ(0, COUNTS(ID));
}

TEST_F(event, deassigned_route_rings_no_more_and_drops_what_it_kept)
{
	ASSERT_EQ(0, CALL(ASSIGN, self->fd, self->to, ID, HF_EVENT_MASKED));
	ASSERT_EQ(0, hft_event_write(self->fd));
	EXPECT_EQ(0, CALL(ASSIGN, self->fd, self->to, ID, HF_EVENT_DEASSIGN));
	EXPECT_EQ(0, CALL(ASSIGN, self->fd, self->to, ID, HF_EVENT_DEASSIGN));
	ASSERT_EQ(0, hft_event_write(self->fd));
	EXPECT_EQ(-ENOENT, CALL(UPDATE, self->fd, self->to, ID, 0));
	hft_sleep_ms(SETTLE_MS);
	EXPECT_EQ(0, COUNTS(ID));
	EXPECT_EQ(1, hft_event_read(self->fd));
}

TEST_F(event, routes_end_with_their_file)
{
	ASSERT_EQ(0, CALL(ASSIGN, self->fd, self->to, ID, 0));
	ASSERT_EQ(0, close(self->dev));
	ASSERT_EQ(0, hft_event_write(self->fd));
	hft_sleep_ms(SETTLE_MS);
	EXPECT_EQ(0, COUNTS(ID));
	self->dev = hft_event_open();
	ASSERT_LE(0, self->dev);
	EXPECT_EQ(0, CALL(ASSIGN, self->fd, self->to, ID, 0));
}

TEST_F(event, ring_that_the_hypervisor_refuses_is_counted)
{
	int64_t before = hft_vm_count(self->vm, "rings_refused");

	if (!self->vcpu)
		HFT_SKIP("this hypervisor injects no interrupts");
	ASSERT_EQ(0, CALL(ASSIGN, self->fd, 20, ID, 0));
	ASSERT_EQ(0, hft_event_write(self->fd));
	EXPECT_EQ(before + 1, hft_vm_count(self->vm, "rings_refused"));
	EXPECT_EQ(-EOPNOTSUPP, CALL(RING, -1, 20, ID, 0));
	EXPECT_EQ(before + 2, hft_vm_count(self->vm, "rings_refused"));
}

TEST_F(event, route_ends_with_the_last_descriptor_of_its_eventfd)
{
	int i;

	/* More than a file may have. */
	for (i = 0; i < 1500; i++) {
		int fd = hft_eventfd();

		ASSERT_LE(0, fd);
		ASSERT_EQ(0, CALL(ASSIGN, fd, self->to, ID, 0));
		ASSERT_EQ(0, close(fd));
	}
	EXPECT_EQ(0, CALL(ASSIGN, self->fd, self->to, ID, 0));
}

TEST_F(event, rings_of_the_vm_are_added_up)
{
	int other = hft_eventfd();

	ASSERT_EQ(0, CALL(LISTEN, self->fd, ANY, 5, 0));
	ASSERT_EQ(0, CALL(LISTEN, other, ANY, 6, 0));
	ASSERT_EQ(0, hft_event_send(self->sock, 1 << 5 | 1 << 7, 100));
	EXPECT_EQ(100, hft_event_read(self->fd));
	EXPECT_EQ(0, hft_event_read(other));
	ASSERT_EQ(0, hft_event_send(self->sock, 1 << 5 | 1 << 6, 1));
	EXPECT_EQ(1, hft_event_read(self->fd));
	EXPECT_EQ(1, hft_event_read(other));

	EXPECT_EQ(0, CALL(LISTEN, -1, ANY, 5, HF_EVENT_DEASSIGN));
	ASSERT_EQ(0, hft_event_send(self->sock, 1 << 5 | 1 << 6, 1));
	EXPECT_EQ(0, hft_event_read(self->fd));
	EXPECT_EQ(1, hft_event_read(other));
	close(other);
}

TEST_F(event, one_listens_to_a_number)
{
	int dev = hft_event_open();

	ASSERT_LE(0, dev);
	ASSERT_EQ(0, CALL(LISTEN, self->fd, ANY, 5, 0));
	EXPECT_EQ(-EBUSY, CALL(LISTEN, self->fd, ANY, 5, 0));
	EXPECT_EQ(-EBUSY, hft_event_call(dev, HF_EVENT_LISTEN, self->fd, self->vm, ANY, 5, 0));
	ASSERT_EQ(0, close(self->dev));
	self->dev = dev;
	EXPECT_EQ(0, CALL(LISTEN, self->fd, ANY, 5, 0));
}

TEST_F(event, vm_wakes_a_poll_of_the_eventfd)
{
	struct pollfd poll_in = { .fd = self->fd, .events = POLLIN };

	ASSERT_EQ(0, CALL(LISTEN, self->fd, ANY, 0, 0));
	EXPECT_EQ(0, poll(&poll_in, 1, 0));
	ASSERT_EQ(0, hft_event_send(self->sock, 1, 1));
	EXPECT_EQ(1, poll(&poll_in, 1, hft_patience_ms()));
}

static bool may_bind(int dev, unsigned int vm)
{
	struct hf_event_info info;

	return !hft_event_query(dev, vm, &info) && info.listens & HF_EVENT_NOTIFICATION;
}

#define NEED_BINDING() do {						\
	if (!may_bind(self->dev, self->vm))				\
		HFT_SKIP("the primary has no notifications");		\
} while (0)
#define DENIED		(-6)

/* How often, once it has. */
static uint64_t has_rung(int fd)
{
	return hft_poll(fd, POLLIN, HFT_PATIENCE_MS) > 0 ? hft_event_read(fd) : 0;
}

TEST_F(event, notifications_are_bound_only_where_the_primary_has_any)
{
	int want = may_bind(self->dev, self->vm) ? 0 : -EOPNOTSUPP;

	EXPECT_EQ(want, CALL(LISTEN, self->fd, ANY, 5, HF_EVENT_BIND));
	EXPECT_EQ(want ? 0 : -EBUSY, CALL(LISTEN, self->fd, ANY, 5, 0));
}

TEST_F(event, vm_rings_by_the_notification_that_is_bound)
{
	NEED_BINDING();
	EXPECT_EQ(DENIED, hft_event_notify(self->sock, 1 << 5, 1));
	ASSERT_EQ(0, CALL(LISTEN, self->fd, ANY, 5, HF_EVENT_BIND));
	EXPECT_EQ(0, hft_event_notify(self->sock, 1 << 5, 1));
	EXPECT_TRUE(has_rung(self->fd) == 1);
	EXPECT_EQ(DENIED, hft_event_notify(self->sock, 1 << 6, 1));
	EXPECT_EQ(0, hft_event_notify(self->sock, 1 << 5, 1000));
	EXPECT_TRUE(has_rung(self->fd));

	ASSERT_EQ(0, hft_event_send(self->sock, 1 << 5, 10));
	EXPECT_EQ(10, hft_event_read(self->fd));
	EXPECT_EQ(0, CALL(LISTEN, -1, ANY, 5, HF_EVENT_DEASSIGN));
	EXPECT_EQ(DENIED, hft_event_notify(self->sock, 1 << 5, 1));
	EXPECT_EQ(0, hft_event_read(self->fd));
}

TEST_F(event, notification_belongs_to_one_vm)
{
	unsigned int other = hft_guest("echo", 0) ? hft_guest("echo", 0)->id : 0;

	NEED_BINDING();
	ASSERT_NE(0, other);
	ASSERT_EQ(0, CALL(LISTEN, self->fd, ANY, 63, HF_EVENT_BIND));
	EXPECT_EQ(-EBUSY, hft_event_call(self->dev, HF_EVENT_LISTEN, self->fd, other, ANY, 63,
					 HF_EVENT_BIND));
	EXPECT_EQ(0, hft_event_call(self->dev, HF_EVENT_LISTEN, self->fd, other, ANY, 63, 0));
	/* It ends with the file. */
	ASSERT_EQ(0, close(self->dev));
	EXPECT_EQ(DENIED, hft_event_notify(self->sock, 1ull << 63, 1));
	self->dev = hft_event_open();
	ASSERT_LE(0, self->dev);
	EXPECT_EQ(0, hft_event_call(self->dev, HF_EVENT_LISTEN, self->fd, other, ANY, 63,
				    HF_EVENT_BIND));
}

static int ring_other_vcpus(void *arg)
{
	while (!hft_event_write(*(int *)arg))
		sched_yield();
	return 0;
}

/* Whichever vCPU exits takes what is set, for all. */
TEST_F(event, no_notification_is_lost_beside_exits_of_other_vcpus)
{
	unsigned int i, rounds = hft_number("HF_ROUNDS", 1000);
	int bell = hft_eventfd();
	pid_t ringer;

	NEED_BINDING();
	ASSERT_EQ(0, CALL(ASSIGN, bell, self->to, ID, 0));
	ASSERT_EQ(0, CALL(LISTEN, self->fd, ANY, 5, HF_EVENT_BIND));
	ringer = hft_spawn(ring_other_vcpus, &bell);
	for (i = 0; i < rounds; i++) {
		ASSERT_EQ(0, hft_event_notify(self->sock, 1 << 5, 1));
		ASSERT_TRUE(has_rung(self->fd) == 1);
	}
	kill(ringer, SIGKILL);
	waitpid(ringer, NULL, 0);
	close(bell);
}

TEST_F(event, bell_of_one_vm_rings_another)
{
	ASSERT_EQ(0, CALL(LISTEN, self->fd, ANY, 3, 0));
	ASSERT_EQ(0, CALL(ASSIGN, self->fd, self->to, ID, 0));
	ASSERT_EQ(0, hft_event_send(self->sock, 1 << 3, 1));
	EXPECT_TRUE(hft_eventually(COUNTS(ID) == 1));
}

TEST_F(event, bad_calls_have_precise_errors)
{
	struct hf_event_route route = {
		.fd = self->fd, .vm = self->vm, .vcpu = self->to, .number = ID,
	};
	struct hf_event_info info = { .vm = self->vm, .reserved = 1 };
	int null = open("/dev/null", O_RDWR);
	int i;

	EXPECT_EQ(-ENODEV, hft_event_query(self->dev, 99, &info));
	EXPECT_EQ(-ENODEV, hft_event_query(self->dev, self->vm + (1 << 16), &info));
	EXPECT_EQ(-ENODEV, hft_event_query(self->dev, HF_VM_ID_PRIMARY, &info));
	info = (struct hf_event_info){ .vm = self->vm, .reserved = 1 };
	EXPECT_EQ(-1, ioctl(self->dev, HF_EVENT_QUERY, &info));
	EXPECT_EQ(EINVAL, errno);
	EXPECT_EQ(-1, ioctl(self->dev, HF_EVENT_ASSIGN, NULL));
	EXPECT_EQ(EFAULT, errno);
	EXPECT_EQ(-1, ioctl(self->dev, _IO(HF_EVENT_MAGIC, 0), &route));
	EXPECT_EQ(ENOTTY, errno);
	for (i = 0; i < 3; i++) {
		route.reserved[i] = 1;
		EXPECT_EQ(-1, ioctl(self->dev, HF_EVENT_ASSIGN, &route));
		EXPECT_EQ(EINVAL, errno);
		route.reserved[i] = 0;
	}
	EXPECT_EQ(-EBADF, CALL(ASSIGN, -1, self->to, ID, 0));
	EXPECT_EQ(-EINVAL, CALL(ASSIGN, null, self->to, ID, 0));
	EXPECT_EQ(-EBADF, CALL(ASSIGN, -1, self->to, ID, HF_EVENT_DEASSIGN));
	EXPECT_EQ(-EINVAL, CALL(ASSIGN, self->fd, self->to, ID, HF_EVENT_BIND));
	EXPECT_EQ(-EINVAL, CALL(ASSIGN, self->fd, self->to, HF_EVENT_NUMBERS, 0));
	EXPECT_EQ(-EINVAL, CALL(ASSIGN, self->fd, 5000, ID, 0));
	EXPECT_EQ(-EINVAL, CALL(UPDATE, self->fd, self->to, ID, HF_EVENT_DEASSIGN));
	EXPECT_EQ(-ENOENT, CALL(UPDATE, self->fd, self->to, ID, 0));
	EXPECT_EQ(-EINVAL, CALL(RING, self->fd, self->to, ID, 0));
	EXPECT_EQ(-EINVAL, CALL(RING, -1, self->to, ID, HF_EVENT_MASKED));
	EXPECT_EQ(-EINVAL, CALL(LISTEN, self->fd, 0, 5, 0));
	EXPECT_EQ(-EINVAL, CALL(LISTEN, self->fd, ANY, HF_EVENT_NUMBERS, 0));
	EXPECT_EQ(-EBADF, CALL(LISTEN, -1, ANY, 5, 0));
	EXPECT_EQ(-EINVAL, CALL(LISTEN, null, ANY, 5, 0));
	for (i = 1; i <= 3 && self->vcpu; i++)
		EXPECT_EQ(-EINVAL, CALL(ASSIGN, self->fd, self->to, i, 0));

	/* None of these took anything. */
	EXPECT_EQ(0, CALL(ASSIGN, self->fd, self->to, ID, 0));
	EXPECT_EQ(-EBUSY, CALL(ASSIGN, self->fd, self->to, ID + 1, 0));
	EXPECT_EQ(0, CALL(LISTEN, self->fd, ANY, 5, 0));
	close(null);
}

static int as_nobody(void *arg)
{
	struct hf_event_info info;
	int *dev_and_vm = arg;

	if (setuid(65534))
		return 1;
	if (hft_event_open() != -EACCES)
		return 2;
	if (hft_event_query(dev_and_vm[0], dev_and_vm[1], &info) != -EACCES)
		return 3;
	return hft_event_call(dev_and_vm[0], HF_EVENT_RING, -1, dev_and_vm[1], ANY, ID, 0) ==
		-EACCES ? 0 : 4;
}

TEST_F(event, descriptor_alone_gives_no_right_to_a_vm)
{
	int dev_and_vm[] = { self->dev, self->vm };

	EXPECT_EQ(0, hft_join(hft_spawn(as_nobody, dev_and_vm), HFT_PATIENCE_MS));
}

TEST_HARNESS_MAIN
