// SPDX-License-Identifier: GPL-2.0
/*
 * Every exit that FFA_RUN can report, the strange ones forged by the test
 * hypervisor (HFT_EXIT): it is counted, nothing breaks, the VM works on.
 *
 * Needs two echo guests; a third one, which does not survive, for the last
 * test. Numbers are written out from the specification here, so that a wrong
 * one in the module or the hypervisor does not agree with itself.
 */
#include <sys/socket.h>

#include "hft_harness.h"

#define FFA_ERROR	0x84000060
#define FFA_INTERRUPT	0x84000062
#define FFA_RX_RELEASE	0x84000065
#define FFA_MSG_WAIT	0x8400006b
#define FFA_YIELD	0x8400006c
#define FFA_MSG_SEND	0x8400006e
#define HF_WFI		0xff06
#define HF_WAKE_UP	0xff07

#define RET_NOT_SUPPORTED	(-1)
#define RET_INVALID		(-2)
#define RET_BUSY		(-4)
#define RET_DENIED		(-6)
#define RET_RETRY		(-7)
#define RET_ABORTED		(-8)

#define MS 1000000

FIXTURE(exits) {
	unsigned int vm;
	unsigned int other;
	uint32_t vcpu;
};

FIXTURE_SETUP(exits)
{
	const struct hft_guest *a = hft_guest("echo", 0);
	const struct hft_guest *b = hft_guest("echo", 1);

	HFT_NEED_TESTCALL();
	if (!a || !b)
		HFT_SKIP("needs two echo guests");
	self->vm = a->id;
	self->other = b->id;
	self->vcpu = HFT_VCPU(a->id, 0);
	/* Both have started, and wait for messages. */
	ASSERT_EQ(0, hft_echo_once(self->vm, 10));
	ASSERT_EQ(0, hft_echo_once(self->other, 10));
	hft_sleep_ms(50);
}

FIXTURE_TEARDOWN(exits)
{
}

/*
 * The next run of the vCPU, which is due to our message, ends as forged; then
 * the message must still be answered, and the next one, too.
 */
static int forge(FIXTURE_DATA(exits) *self, uint64_t w0, uint64_t w1,
		 uint64_t w2, uint64_t w3)
{
	if (hft_call(HFT_EXIT, self->vcpu, w0, w1, w2, w3))
		return 1;
	if (hft_echo_once(self->vm, 100)) {
		hft_dump_state();
		return 2;
	}
	return hft_echo_once(self->vm, 200) ? 3 : 0;
}

/* As above; the vCPU's counter must have grown by exactly one for the forgery. */
#define EXPECT_FORGED(key, w0, w1, w2, w3) do { \
	int64_t _before = hft_vcpu_count(self->vm, 0, key); \
	ASSERT_LE(0, _before); \
	EXPECT_EQ(0, forge(self, w0, w1, w2, w3)); \
	EXPECT_LT(_before, hft_vcpu_count(self->vm, 0, key)); \
} while (0)

static int64_t runs(unsigned int vm)
{
	return hft_call(HFT_COUNT, HFT_COUNT_RUN, HFT_VCPU(vm, 0), 0, 0, 0);
}

TEST_F(exits, natural_exits_of_an_echo_are_counted)
{
	int64_t wait = hft_vcpu_count(self->vm, 0, "msg_wait");
	int64_t send = hft_vcpu_count(self->vm, 0, "msg_send");
	int i;

	for (i = 0; i < 10; i++)
		ASSERT_EQ(0, hft_echo_once(self->vm, 100));
	hft_sleep_ms(50);
	EXPECT_EQ(wait + 10, hft_vcpu_count(self->vm, 0, "msg_wait"));
	EXPECT_EQ(send + 10, hft_vcpu_count(self->vm, 0, "msg_send"));
}

TEST_F(exits, interrupt_of_itself_runs_it_again)
{
	EXPECT_FORGED("interrupt", FFA_INTERRUPT, self->vcpu, 0, 0);
}

TEST_F(exits, interrupt_that_names_another_vcpu_runs_that_one)
{
	HFT_NEED_FEATURE("wait_returns", 0, "a waiting vCPU runs for messages only");
	int64_t before = runs(self->other);

	EXPECT_FORGED("interrupt_other", FFA_INTERRUPT,
		      HFT_VCPU(self->other, 0), 0, 0);
	hft_sleep_ms(50);
	if (hft_level() >= 27)
		EXPECT_LT(before, runs(self->other));
}

TEST_F(exits, interrupt_that_names_nobody_does_no_harm)
{
	EXPECT_FORGED("interrupt_other", FFA_INTERRUPT,
		      HFT_VCPU(self->vm, 63), 0, 0);
	EXPECT_FORGED("interrupt_other", FFA_INTERRUPT,
		      HFT_VCPU(HFT_NO_VM, 0), 0, 0);
	EXPECT_FORGED("interrupt_other", FFA_INTERRUPT,
		      HFT_VCPU(HF_VM_ID_PRIMARY, 0), 0, 0);
	EXPECT_FORGED("interrupt_other", FFA_INTERRUPT, 0xffffffff, 0, 0);
}

TEST_F(exits, wake_up_runs_the_vcpu_it_names)
{
	HFT_NEED_FEATURE("wait_returns", 0, "a waiting vCPU runs for messages only");
	int64_t before = runs(self->other);

	EXPECT_FORGED("wake_up", HF_WAKE_UP, HFT_VCPU(self->other, 0), 0, 0);
	hft_sleep_ms(50);
	EXPECT_LT(before, runs(self->other));
}

TEST_F(exits, wake_up_of_itself_runs_it_again)
{
	EXPECT_FORGED("wake_up", HF_WAKE_UP, self->vcpu, 0, 0);
}

TEST_F(exits, wake_up_of_nobody_does_no_harm)
{
	EXPECT_FORGED("wake_up", HF_WAKE_UP, HFT_VCPU(self->vm, 63), 0, 0);
	EXPECT_FORGED("wake_up", HF_WAKE_UP, HFT_VCPU(HFT_NO_VM, 0), 0, 0);
	EXPECT_FORGED("wake_up", HF_WAKE_UP, 0xffffffff, 0, 0);
}

TEST_F(exits, yield_runs_it_again)
{
	EXPECT_FORGED("yield", FFA_YIELD, self->vcpu, 0, 0);
}

TEST_F(exits, timeout_of_a_message_wait_runs_it_again)
{
	HFT_NEED_FEATURE("wait_returns", 0, "a waiting vCPU runs for messages only");
	EXPECT_FORGED("msg_wait", FFA_MSG_WAIT, self->vcpu, 5 * MS, 0);
}

TEST_F(exits, timeout_of_an_interrupt_wait_runs_it_again)
{
	EXPECT_FORGED("wfi", HF_WFI, self->vcpu, 5 * MS, 0);
}

/* Errors are sign-extended up to v2.4 and zero-extended later; both are tried. */
TEST_F(exits, busy_is_tried_again)
{
	EXPECT_FORGED("busy", FFA_ERROR, self->vcpu, (uint32_t)RET_BUSY, 0);
	EXPECT_FORGED("busy", FFA_ERROR, self->vcpu, (int64_t)RET_BUSY, 0);
	EXPECT_FORGED("busy", FFA_ERROR, 0, (uint32_t)RET_BUSY, 0);
}

TEST_F(exits, other_errors_back_off_and_try_again)
{
	EXPECT_FORGED("error", FFA_ERROR, 0, (uint32_t)RET_NOT_SUPPORTED, 0);
	EXPECT_FORGED("error", FFA_ERROR, 0, (int64_t)RET_DENIED, 0);
	EXPECT_FORGED("error", FFA_ERROR, 0, (uint32_t)RET_RETRY, 0);
	EXPECT_FORGED("error", FFA_ERROR, 0, 0x1234, 0);
}

TEST_F(exits, unknown_exit_backs_off_and_tries_again)
{
	EXPECT_FORGED("unknown", 0x12345678, self->vcpu, 0, 0);
	EXPECT_FORGED("unknown", 0, 0, 0, 0);
	EXPECT_FORGED("unknown", 0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff);
}

TEST_F(exits, strange_exits_are_reported_once_not_each_time)
{
	int log = hft_log_open(), i;

	for (i = 0; i < 30; i++)
		ASSERT_EQ(0, forge(self, 0x12345678, self->vcpu, 0, 0));
	EXPECT_GT(25, hft_log_lines(log, HFT_LOG_WARNING, NULL, 0));
}

TEST_F(exits, rx_release_looks_for_waiters)
{
	EXPECT_FORGED("rx_release", FFA_RX_RELEASE, 0, 0, 0);
	EXPECT_FORGED("rx_release", FFA_RX_RELEASE, self->vm, 0, 0);
	EXPECT_FORGED("rx_release", FFA_RX_RELEASE, HFT_NO_VM, 0, 0);
}

TEST_F(exits, message_for_another_vm_runs_that_one)
{
	int64_t before = runs(self->other);

	EXPECT_FORGED("msg_send", FFA_MSG_SEND, self->vm << 16 | self->other,
		      0, 100);
	hft_sleep_ms(50);
	EXPECT_LT(before, runs(self->other));
}

TEST_F(exits, message_for_nobody_does_no_harm)
{
	EXPECT_FORGED("msg_send", FFA_MSG_SEND, self->vm << 16 | HFT_NO_VM, 0, 100);
	EXPECT_FORGED("msg_send", FFA_MSG_SEND, self->vm << 16 | 0, 0, 100);
}

/* The same for messages to the primary: counted as dropped, RX is released. */
static void expect_dropped(struct __test_metadata *_metadata,
			   FIXTURE_DATA(exits) *self, const char *key,
			   uint32_t sender, uint32_t size)
{
	int64_t before = hft_vms_count(key);

	ASSERT_LE(0, before);
	EXPECT_EQ(0, forge(self, FFA_MSG_SEND, sender << 16 | HF_VM_ID_PRIMARY,
			   0, size));
	EXPECT_EQ(before + 1, hft_vms_count(key));
}

TEST_F(exits, message_larger_than_a_page_is_dropped)
{
	expect_dropped(_metadata, self, "dropped_size", self->vm, 4097);
	expect_dropped(_metadata, self, "dropped_size", self->vm, 0x7fffffff);
	expect_dropped(_metadata, self, "dropped_size", self->vm, 0xffffffff);
}

TEST_F(exits, message_shorter_than_a_header_is_dropped)
{
	expect_dropped(_metadata, self, "dropped_short", self->vm, 15);
	expect_dropped(_metadata, self, "dropped_short", self->vm, 0);
}

/*
 * INVALID_PARAMETERS is what a vCPU answers that is off. It sleeps, and runs
 * when another one's exit says that it was switched on.
 */
TEST_F(exits, vcpu_that_was_off_runs_when_it_is_switched_on)
{
	HFT_NEED_FEATURE("restart_panics", 0, "a vCPU cannot be switched on again");
	int64_t before = hft_vcpu_count(self->vm, 0, "off");
	int fd = hft_connect(self->vm, 10);
	char buf[8];

	ASSERT_EQ(0, hft_call(HFT_EXIT, self->vcpu, FFA_ERROR, 0,
			      (uint32_t)RET_INVALID, 0));
	ASSERT_EQ(3, send(fd, "one", 3, 0));
	hft_sleep_ms(100);
	EXPECT_EQ(before + 1, hft_vcpu_count(self->vm, 0, "off"));

	ASSERT_EQ(0, hft_call(HFT_EXIT, HFT_VCPU(self->other, 0), HF_WAKE_UP,
			      self->vcpu, 0, 0));
	ASSERT_EQ(0, hft_echo_once(self->other, 100));
	EXPECT_EQ(3, recv(fd, buf, sizeof(buf), 0));
	EXPECT_EQ(0, hft_echo(fd, 100, 1));
}

TEST_F(exits, failed_send_is_tried_again_when_busy)
{
	ASSERT_EQ(0, hft_call(HFT_FAIL, FFA_MSG_SEND, (uint32_t)RET_BUSY, 3, 0, 0));
	EXPECT_EQ(0, hft_echo_once(self->vm, 100));
	EXPECT_EQ(0, hft_call(HFT_FAIL, FFA_MSG_SEND, 0, 0, 0, 0));
	EXPECT_EQ(0, hft_echo_once(self->vm, 100));
}

TEST_F(exits, aborted_vm_is_dead_for_its_sockets)
{
	HFT_NEED_GUEST(victim, "echo", 2);
	int fd = hft_connect(victim->id, 10);
	char state[16], byte;

	ASSERT_EQ(0, hft_echo(fd, 10, 1));
	hft_sleep_ms(50);
	ASSERT_EQ(0, hft_call(HFT_EXIT, HFT_VCPU(victim->id, 0), FFA_ERROR,
			      0, (int64_t)RET_ABORTED, 0));
	ASSERT_EQ(3, send(fd, "abc", 3, 0));
	EXPECT_EQ(-1, recv(fd, &byte, 1, 0));
	EXPECT_EQ(ECONNRESET, errno);
	EXPECT_EQ(1, hft_vcpu_count(victim->id, 0, "aborted"));
	hft_vm_word(victim->id, "state", state, sizeof(state));
	EXPECT_STREQ("dead", state);
	EXPECT_EQ(0, hft_echo_once(self->vm, 100));
}

TEST_HARNESS_MAIN
