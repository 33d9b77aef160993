// SPDX-License-Identifier: GPL-2.0
/*
 * A VM that dies: its sockets learn of it, nobody else notices.
 *
 * Needs six fault guests, one for each test, and an echo guest. What is dead
 * stays dead until the next boot, so a second run skips. Real Hafnium hands a
 * fault back to the guest; there these tests skip, too.
 */
#include <poll.h>
#include <sys/socket.h>

#include "hft_harness.h"
#include "hft_dgram.h"
#include "hft_event.h"

#define IS_ALIVE(vm) is_state(vm, "alive")

static bool is_state(unsigned int vm, const char *wanted)
{
	char state[16];

	hft_vm_word(vm, "state", state, sizeof(state));
	return !strcmp(state, wanted);
}

#define NEED_FRESH_GUEST(var, nth) \
	HFT_NEED_TESTCALL(); \
	HFT_NEED_GUEST(var, "fault", nth); \
	if (!IS_ALIVE(var->id)) \
		HFT_SKIP("VM %u died in an earlier run", var->id)

static int others_answer(void)
{
	const struct hft_guest *echo = hft_guest("echo", 0);

	return echo ? hft_echo_once(echo->id, 1000) : 0;
}

/* Everything a socket can say about a peer that is gone. */
static int tells_of_death(int fd)
{
	char byte;

	if (!(hft_poll(fd, 0, HFT_PATIENCE_MS) & POLLHUP))
		return 1;
	if (!(hft_poll(fd, POLLIN | POLLOUT, 0) & POLLHUP))
		return 2;
	if (recv(fd, &byte, 1, 0) != -1 || errno != ECONNRESET)
		return 3;
	if (send(fd, "x", 1, MSG_NOSIGNAL) != -1 || errno != EPIPE)
		return 4;
	if (send(fd, "x", 1, MSG_NOSIGNAL | MSG_DONTWAIT) != -1 || errno != EPIPE)
		return 5;
	return 0;
}

static int dies_of(unsigned int vm, char kind)
{
	int fd = hft_connect(vm, 10), bystander = hft_connect(vm, 11);

	if (hft_echo(fd, 100, 'A') || hft_echo(bystander, 100, 'A'))
		return 100;
	if (send(fd, &kind, 1, 0) != 1)
		return 101;
	return tells_of_death(fd) + 10 * tells_of_death(bystander);
}

/* A device that listens to the VM. */
static int open_bell(unsigned int vm)
{
	int dev = hft_event_open();

	return dev < 0 || hft_event_call(dev, HF_EVENT_LISTEN, hft_eventfd(), vm,
					 HF_EVENT_VCPU_ANY, 1, 0) ? -1 : dev;
}

TEST(death_of_a_vm_ends_its_doorbells)
{
	NEED_FRESH_GUEST(guest, 5);
	HFT_NEED_GUEST(echo, "echo", 0);
	int dev = open_bell(guest->id), others = open_bell(echo->id), fd = hft_eventfd();
	struct hf_event_info info;

	ASSERT_LE(0, dev);
	ASSERT_LE(0, others);
	ASSERT_EQ(0, hft_event_call(dev, HF_EVENT_ASSIGN, fd, guest->id, 0, 20, 0));
	EXPECT_EQ(0, hft_poll(dev, POLLIN, 0));
	ASSERT_EQ(0, dies_of(guest->id, 'k'));
	EXPECT_EQ(POLLERR | POLLHUP, hft_poll(dev, POLLIN, HFT_PATIENCE_MS));
	EXPECT_EQ(0, hft_poll(others, POLLIN, 0));

	EXPECT_EQ(-EPIPE, hft_event_query(dev, guest->id, &info));
	EXPECT_EQ(-EPIPE, hft_event_call(dev, HF_EVENT_RING, -1, guest->id, 0, 20, 0));
	EXPECT_EQ(-EPIPE, hft_event_call(dev, HF_EVENT_UPDATE, fd, guest->id, 0, 21, 0));
	EXPECT_EQ(-EPIPE, hft_event_call(others, HF_EVENT_ASSIGN, fd, guest->id, 0, 20, 0));
	EXPECT_EQ(0, hft_event_write(fd));
	EXPECT_EQ(0, hft_event_call(dev, HF_EVENT_ASSIGN, fd, 0, 0, 0, HF_EVENT_DEASSIGN));
	EXPECT_EQ(0, close(dev));
	EXPECT_EQ(0, others_answer());
}

TEST(death_of_a_vm_reaches_its_own_sockets_only)
{
	NEED_FRESH_GUEST(guest, 0);
	EXPECT_EQ(0, dies_of(guest->id, 'k'));
	EXPECT_TRUE(is_state(guest->id, "dead"));
	EXPECT_LT(0, hft_vcpus_count(guest->id, "aborted"));
	EXPECT_EQ(0, others_answer());
}

/* EL2 hands the fault back: the guest lives, and hangs in its handler. */
TEST(access_to_the_hypervisor_stays_inside_the_vm)
{
	NEED_FRESH_GUEST(guest, 1);
	int fd = hft_connect(guest->id, 10);

	ASSERT_EQ(0, hft_echo(fd, 100, 'A'));
	ASSERT_EQ(1, send(fd, "w", 1, 0));
	EXPECT_EQ(0, hft_poll(fd, POLLIN, 500));
	EXPECT_TRUE(IS_ALIVE(guest->id));
	EXPECT_EQ(0, others_answer());
}

static int wait_in_receive(void *fd)
{
	char byte;

	/* No time limit of its own: only the VM's death can end this. */
	hft_set_timeout(*(int *)fd, SO_RCVTIMEO, 0);
	return recv(*(int *)fd, &byte, 1, 0) == -1 && errno == ECONNRESET ? 0 : 1;
}

TEST(death_ends_a_blocked_receive)
{
	NEED_FRESH_GUEST(guest, 2);
	int waiting = hft_connect(guest->id, 10), fd = hft_connect(guest->id, 11);
	pid_t child = hft_spawn(wait_in_receive, &waiting);

	hft_sleep_ms(100);
	ASSERT_EQ(1, send(fd, "k", 1, 0));
	EXPECT_EQ(0, hft_join(child, HFT_PATIENCE_MS));
	EXPECT_EQ(0, others_answer());
}

/* What had arrived is read first, then comes the news. */
static bool reads_what_had_arrived(int fd)
{
	char buf[8];

	return recv(fd, buf, sizeof(buf), 0) == 3 && !memcmp(buf, "one", 3) &&
	       recv(fd, buf, sizeof(buf), 0) == 3 && !memcmp(buf, "two", 3) &&
	       recv(fd, buf, sizeof(buf), 0) == -1 && errno == ECONNRESET;
}

TEST(messages_that_had_arrived_survive_the_vm)
{
	NEED_FRESH_GUEST(guest, 4);
	int fd = hft_connect(guest->id, 10), other = hft_connect(guest->id, 11);
	int bound = hft_bound(HF_VM_ID_ANY, HF_PORT_ANY);

	ASSERT_EQ(1, hft_send_to(bound, "e", 1, guest->id, 10));
	ASSERT_EQ(POLLIN, hft_poll(bound, POLLIN, HFT_PATIENCE_MS));
	ASSERT_EQ(3, send(fd, "one", 3, 0));
	ASSERT_EQ(3, send(fd, "two", 3, 0));
	ASSERT_EQ(0, hft_echo_once(guest->id, 3));
	ASSERT_EQ(1, hft_send_to(bound, "k", 1, guest->id, 10));
	EXPECT_TRUE(hft_poll(fd, 0, HFT_PATIENCE_MS) & POLLHUP);
	EXPECT_TRUE(reads_what_had_arrived(fd));
	EXPECT_EQ(ECONNRESET, hft_option(other, SO_ERROR));

	/* A socket without a peer is nobody's heir: it goes on. */
	EXPECT_EQ(POLLIN | POLLOUT, hft_poll(bound, POLLIN | POLLOUT, 0));
	EXPECT_FAIL(EPIPE, hft_send_to(bound, "x", 1, guest->id, 10));
	EXPECT_FAIL(ECONNRESET, hft_connect_to(bound, guest->id, 10));
	EXPECT_EQ(0, others_answer());
}

TEST(undefined_instruction_stays_inside_the_vm)
{
	NEED_FRESH_GUEST(guest, 3);
	int fd = hft_connect(guest->id, 10);

	ASSERT_EQ(0, hft_echo(fd, 100, 'A'));
	ASSERT_EQ(1, send(fd, "u", 1, 0));
	EXPECT_EQ(0, hft_poll(fd, POLLIN, 500));
	EXPECT_TRUE(IS_ALIVE(guest->id));
	EXPECT_EQ(0, others_answer());
}

TEST(dead_vm_takes_no_new_business)
{
	HFT_NEED_TESTCALL();
	HFT_NEED_GUEST(guest, "fault", 0);
	int fd;

	if (IS_ALIVE(guest->id))
		HFT_SKIP("VM %u is alive", guest->id);
	fd = hft_connect(guest->id, 10);
	if (fd < 0) {
		EXPECT_EQ(ECONNRESET, errno);
		return;
	}
	EXPECT_EQ(0, tells_of_death(fd));
}

TEST_HARNESS_MAIN
