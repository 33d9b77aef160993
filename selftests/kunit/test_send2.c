// SPDX-License-Identifier: GPL-2.0-only
/*
 * Suite: FFA_MSG_SEND2, which fills our mailbox without an exit, and lists of
 * waiters that have no end.
 *
 * The fake says so if the page is released before "RX full" was asked for.
 */
#include <linux/io.h>

#include "bed.h"

/* A port of ours, and one of the guest's. */
#define PORT	5000
#define PEER	77

/* Offsets of the payload: of FF-A 1.1, and of 1.2, where a UUID lies between. */
#define OFFSET_1_1	20
#define OFFSET_1_2	40

/* The specification's layout, not hf_abi.h's: 13.3. */
struct msg2 {
	__le32 flags, reserved, offset;
	__le16 receiver, sender;
	__le32 size;
	u8 rest[HF_MAILBOX_SIZE - 20];
} __packed;

static struct msg2 *new_page(struct kunit *test, u16 sender, u32 offset, u32 size)
{
	struct msg2 *page = kunit_kzalloc(test, sizeof(*page), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, page);
	page->offset = cpu_to_le32(offset);
	page->receiver = cpu_to_le16(HF_PRIMARY_VM_ID);
	page->sender = cpu_to_le16(sender);
	page->size = cpu_to_le32(size);
	return page;
}

/* A well-formed one with that payload. */
static struct msg2 *new_message(struct kunit *test, u16 sender, u32 offset, const char *text)
{
	struct msg2 *page = new_page(test, sender, offset, 16 + strlen(text));
	__le64 ports[2] = { cpu_to_le64(PEER), cpu_to_le64(PORT) };

	memcpy((u8 *)page + offset, ports, sizeof(ports));
	memcpy((u8 *)page + offset + sizeof(ports), text, strlen(text));
	return page;
}

static struct socket *listener(struct kunit *test)
{
	struct socket *sock = bed_socket(test);

	KUNIT_ASSERT_EQ(test, 0, bed_bind(sock, HF_VM_ID_ANY, PORT));
	return sock;
}

static void expect_text(struct kunit *test, struct socket *sock, u16 sender, const char *text)
{
	struct hf_sockaddr from = { 0 };
	char data[32] = { 0 };

	KUNIT_EXPECT_EQ(test, (int)strlen(text),
			bed_recv(sock, data, sizeof(data) - 1, MSG_DONTWAIT, &from));
	KUNIT_EXPECT_STREQ(test, text, data);
	KUNIT_EXPECT_EQ(test, sender, from.vm_id);
	KUNIT_EXPECT_EQ(test, (u64)PEER, (u64)from.port);
}

static void any_exit(struct hf_vcpu *vcpu)
{
	bed_exit_by_hand(vcpu, HF_EXIT_WFI, 0, 0, 0);
}

static void message_that_no_exit_told_of_is_delivered(struct kunit *test)
{
	static const u32 offsets[] = { OFFSET_1_1, OFFSET_1_2, 100 };
	struct hf_vcpu *vcpu = bed_vcpu(test, 2);
	struct socket *sock = listener(test);
	int i;

	fake_be(FAKE_V2_8);
	for (i = 0; i < ARRAY_SIZE(offsets); i++) {
		fake_send_unseen(new_message(test, 2, offsets[i], "hello"), HF_MAILBOX_SIZE);
		any_exit(vcpu);
		KUNIT_EXPECT_FALSE(test, fake->rx_full);
		expect_text(test, sock, 2, "hello");
		KUNIT_EXPECT_EQ(test, i + 1L, atomic_long_read(&vcpu->vm->received));
	}
}

static void every_exit_is_a_chance_to_look(struct kunit *test)
{
	struct hf_vcpu *vcpu = bed_vcpu(test, 2);
	struct socket *sock = listener(test);
	int kind;

	fake_be(FAKE_V2_8);
	for (kind = HF_EXIT_NONE + 1; kind < HF_EXIT_COUNT; kind++) {
		/* That one has its own message in the page. */
		if (kind == HF_EXIT_MSG_SEND || kind == HF_EXIT_ABORTED)
			continue;
		fake_send_unseen(new_message(test, 2, OFFSET_1_1, "hello"), HF_MAILBOX_SIZE);
		bed_exit_by_hand(vcpu, kind, 0, 0, 0);
		KUNIT_EXPECT_FALSE_MSG(test, fake->rx_full, "%s", hf_exit_name(kind));
		expect_text(test, sock, 2, "hello");
	}
	/* To another VM: ours is not touched by it. */
	fake_send_unseen(new_message(test, 2, OFFSET_1_1, "hello"), HF_MAILBOX_SIZE);
	bed_exit_by_hand(vcpu, HF_EXIT_MSG_SEND, 2, 99, 16);
	expect_text(test, sock, 2, "hello");
}

static void message_is_its_senders_whoever_exits(struct kunit *test)
{
	struct hf_vcpu *vcpu = bed_vcpu(test, 2);
	struct hf_vm *sender = bed_vm(test, 3, 1);
	struct socket *sock = listener(test);

	fake_be(FAKE_V2_8);
	fake_send_unseen(new_message(test, 3, OFFSET_1_1, "hello"), HF_MAILBOX_SIZE);
	any_exit(vcpu);
	expect_text(test, sock, 3, "hello");
	KUNIT_EXPECT_EQ(test, 0L, atomic_long_read(&vcpu->vm->received));
	KUNIT_EXPECT_EQ(test, 1L, atomic_long_read(&sender->received));
}

/* The page does not tell whether the message is a new one; EL2 does. */
static void same_message_twice_is_two_messages_and_its_rest_none(struct kunit *test)
{
	struct hf_vcpu *vcpu = bed_vcpu(test, 2);
	struct msg2 *page = new_message(test, 2, OFFSET_1_1, "hello");
	struct socket *sock = listener(test);
	int i;

	fake_be(FAKE_V2_8);
	fake->keeps_page = true;
	for (i = 1; i <= 3; i++) {
		fake_send_unseen(page, HF_MAILBOX_SIZE);
		any_exit(vcpu);
		expect_text(test, sock, 2, "hello");
		any_exit(vcpu);
		any_exit(vcpu);
		KUNIT_EXPECT_EQ(test, i, fake_count(FAKE_RX_RELEASE));
		KUNIT_EXPECT_EQ(test, 3 * i, fake_count(FAKE_RX_FULL));
	}
	KUNIT_EXPECT_EQ(test, 3L, atomic_long_read(&vcpu->vm->received));
}

/* It would cost a call to EL2 after each exit. */
static void page_that_holds_no_such_message_is_not_asked_for(struct kunit *test)
{
	struct hf_vcpu *vcpu = bed_vcpu(test, 2);
	struct msg2 *page = new_message(test, 2, OFFSET_1_1, "hello");
	struct socket *sock = listener(test);

	fake_be(FAKE_V2_8);
	fake->keeps_page = true;
	any_exit(vcpu);
	page->receiver = cpu_to_le16(3);
	memcpy(phys_to_virt(fake->rx), page, sizeof(*page));
	any_exit(vcpu);
	/* An ordinary message lies there as well, read long ago. */
	bed_receive(test, vcpu, PEER, PORT, "hello", 5);
	expect_text(test, sock, 2, "hello");
	any_exit(vcpu);
	KUNIT_EXPECT_EQ(test, 0, fake_count(FAKE_RX_FULL));
}

static void nothing_is_asked_where_there_is_no_such_call(struct kunit *test)
{
	static const enum fake_release releases[] = { FAKE_V2_4, FAKE_V2_6 };
	struct hf_vcpu *vcpu = bed_vcpu(test, 2);
	int i;

	for (i = 0; i < ARRAY_SIZE(releases); i++) {
		fake_be(releases[i]);
		memcpy(phys_to_virt(fake->rx), new_message(test, 2, OFFSET_1_1, "hello"),
		       HF_MAILBOX_SIZE);
		any_exit(vcpu);
	}
	KUNIT_EXPECT_EQ(test, 0, fake_count(FAKE_RX_FULL));
	KUNIT_EXPECT_EQ(test, 0, fake_count(FAKE_RX_RELEASE));
}

/* What a guest can write there, if EL2 lets it, and where it is counted. */
static const struct {
	u32 offset, size;
	int dropped_size, dropped_short;
} lies[] = {
	{ 0, 100, 1, 0 }, { 1, 100, 1, 0 }, { 19, 100, 1, 0 },
	{ 20, 0, 0, 1 }, { 20, 1, 0, 1 }, { 20, 15, 0, 1 }, { 20, 4077, 1, 0 },
	{ 20, 4096, 1, 0 }, { 20, U32_MAX, 1, 0 }, { 20, U32_MAX - 19, 1, 0 },
	{ 4080, 17, 1, 0 }, { 4081, 16, 1, 0 }, { 4095, 1, 0, 1 }, { 4096, 0, 0, 1 },
	{ 4096, 1, 1, 0 }, { 4097, 0, 1, 0 }, { 4097, U32_MAX, 1, 0 },
	{ 0x80000000, 0x80000000, 1, 0 }, { U32_MAX, 1, 1, 0 }, { U32_MAX, U32_MAX, 1, 0 },
	{ U32_MAX - 15, 16, 1, 0 },
};

static void lies_are_counted_and_the_page_released(struct kunit *test)
{
	int i;

	for (i = 0; i < ARRAY_SIZE(lies); i++) {
		struct hf_vcpu *vcpu = bed_vcpu(test, 2 + i);
		struct hf_vm *vm = vcpu->vm;

		fake_be(FAKE_V2_8);
		fake_send_unseen(new_page(test, 2 + i, lies[i].offset, lies[i].size),
				 HF_MAILBOX_SIZE);
		any_exit(vcpu);
		KUNIT_EXPECT_FALSE(test, fake->rx_full);
		KUNIT_EXPECT_EQ_MSG(test, (long)lies[i].dropped_size,
				    atomic_long_read(&vm->dropped_size), "offset %u, size %u",
				    lies[i].offset, lies[i].size);
		KUNIT_EXPECT_EQ_MSG(test, (long)lies[i].dropped_short,
				    atomic_long_read(&vm->dropped_short), "offset %u, size %u",
				    lies[i].offset, lies[i].size);
		KUNIT_EXPECT_EQ(test, 0L, atomic_long_read(&vm->received));
	}
}

static void longest_message_arrives_whole(struct kunit *test)
{
	static const u32 offsets[] = { OFFSET_1_1, OFFSET_1_2, 4080 };
	struct hf_vcpu *vcpu = bed_vcpu(test, 2);
	u8 *data = kunit_kzalloc(test, HF_MAILBOX_SIZE, GFP_KERNEL);
	struct socket *sock = listener(test);
	int i;

	fake_be(FAKE_V2_9);
	for (i = 0; i < ARRAY_SIZE(offsets); i++) {
		int len = HF_MAILBOX_SIZE - offsets[i] - 16;
		struct msg2 *page = new_message(test, 2, offsets[i], "");

		page->size = cpu_to_le32(16 + len);
		memset((u8 *)page + offsets[i] + 16, 0x77, len);
		fake_send_unseen(page, HF_MAILBOX_SIZE);
		any_exit(vcpu);
		KUNIT_EXPECT_EQ(test, len, bed_recv(sock, data, HF_MAILBOX_SIZE, MSG_DONTWAIT,
						    NULL));
		KUNIT_EXPECT_NULL(test, memchr_inv(data, 0x77, len));
	}
}

/* With vms= there may be more VMs than we know: they must not jam our mailbox. */
static void message_of_a_vm_that_we_do_not_know_is_dropped(struct kunit *test)
{
	static const u16 senders[] = { 3, 0x7fff, 0x8001, 0xffff };
	struct hf_vcpu *vcpu = bed_vcpu(test, 2);
	int i;

	fake_be(FAKE_V2_8);
	for (i = 0; i < ARRAY_SIZE(senders); i++) {
		fake_send_unseen(new_message(test, senders[i], OFFSET_1_1, "hello"),
				 HF_MAILBOX_SIZE);
		any_exit(vcpu);
		KUNIT_EXPECT_FALSE_MSG(test, fake->rx_full, "VM %u jams everybody", senders[i]);
		KUNIT_EXPECT_EQ(test, i + 1L, atomic_long_read(&vcpu->vm->dropped_sender));
		/* The end of the test looks at nothing else. */
		fake->rx_unseen = false;
		fake->rx_full = false;
	}
	KUNIT_EXPECT_EQ(test, 0L, atomic_long_read(&vcpu->vm->received));
}

/* All of it by a thread: a guest that sends by FFA_MSG_SEND2 and then waits. */
static void guest_that_sends_and_waits_is_heard(struct kunit *test)
{
	struct hf_vcpu *vcpu = bed_vcpu(test, 2);
	struct socket *sock = listener(test);
	int i;

	fake_be(FAKE_V2_12);
	for (i = 0; i < 3; i++)
		fake_step(vcpu, &(struct fake_step){
			.exit = { .func = i < 2 ? FFA_YIELD : FFA_MSG_WAIT },
			.sends = new_message(test, 2, OFFSET_1_1, i < 2 ? "hello" : "bye"),
			.len = HF_MAILBOX_SIZE,
			.unseen = true,
		});
	bed_start();
	BED_EXPECT_BLOCKED(test, vcpu);
	expect_text(test, sock, 2, "hello");
	expect_text(test, sock, 2, "hello");
	expect_text(test, sock, 2, "bye");
}

/* --- lists that have no end --- */

/* How many are told of at a time. */
#define AT_A_TIME	16

static void waiters_of_a_vm_that_never_end_are_told_a_few_at_each_exit(struct kunit *test)
{
	struct hf_vcpu *vcpu = bed_vcpu(test, 2);
	struct hf_vm *waiter = bed_vm(test, 3, 1);
	int i;

	fake_vm(vcpu->vm)->endless_waiter = 3;
	bed_exit_by_hand(vcpu, HF_EXIT_RX_RELEASE, 0, 0, 0);
	for (i = 1; i < 5; i++) {
		KUNIT_EXPECT_EQ(test, AT_A_TIME * i, fake_count(FAKE_WAITER_GET));
		KUNIT_EXPECT_EQ(test, AT_A_TIME * i,
				fake_vm(waiter)->vcpus[0].injected[HF_MAILBOX_WRITABLE_INTID]);
		any_exit(vcpu);
	}
	fake_vm(vcpu->vm)->endless_waiter = 0;
	any_exit(vcpu);
	any_exit(vcpu);
	KUNIT_EXPECT_EQ_MSG(test, AT_A_TIME * 5 + 1, fake_count(FAKE_WAITER_GET),
			    "now they have ended");
}

static void waiters_for_us_that_never_end_are_told_a_few_at_each_exit(struct kunit *test)
{
	struct hf_vcpu *vcpu = bed_vcpu(test, 2), *other = bed_vcpu(test, 3);
	int i;

	fake->errors[FAKE_RX_RELEASE] = 1;
	fake->vms[HF_PRIMARY_VM_ID].endless_waiter = 3;
	bed_receive(test, vcpu, PEER, PORT, "x", 1);
	for (i = 1; i < 5; i++) {
		KUNIT_EXPECT_EQ(test, AT_A_TIME * i, fake_count(FAKE_WAITER_GET));
		any_exit(i % 2 ? vcpu : other);
	}
	fake->vms[HF_PRIMARY_VM_ID].endless_waiter = 0;
	any_exit(vcpu);
	any_exit(vcpu);
	KUNIT_EXPECT_EQ(test, AT_A_TIME * 5 + 1, fake_count(FAKE_WAITER_GET));
}

static void each_of_many_waiters_is_told(struct kunit *test)
{
	struct hf_vcpu *vcpu = bed_vcpu(test, 2);
	int i;

	for (i = 0; i < 40; i++) {
		bed_vm(test, 3 + i, 1);
		fake_vm(vcpu->vm)->waiters[i] = 3 + i;
	}
	bed_exit_by_hand(vcpu, HF_EXIT_RX_RELEASE, 0, 0, 0);
	any_exit(vcpu);
	any_exit(vcpu);
	for (i = 0; i < 40; i++)
		KUNIT_EXPECT_TRUE_MSG(test, bed_requested(&hf_vm_find(3 + i)->vcpus[0],
							  HF_REQ_INTERRUPT), "VM %d", 3 + i);
	any_exit(vcpu);
	KUNIT_EXPECT_EQ(test, 41, fake_count(FAKE_WAITER_GET));
}

static struct kunit_case send2_cases[] = {
	KUNIT_CASE(message_that_no_exit_told_of_is_delivered),
	KUNIT_CASE(every_exit_is_a_chance_to_look),
	KUNIT_CASE(message_is_its_senders_whoever_exits),
	KUNIT_CASE(same_message_twice_is_two_messages_and_its_rest_none),
	KUNIT_CASE(page_that_holds_no_such_message_is_not_asked_for),
	KUNIT_CASE(nothing_is_asked_where_there_is_no_such_call),
	KUNIT_CASE(lies_are_counted_and_the_page_released),
	KUNIT_CASE(longest_message_arrives_whole),
	KUNIT_CASE(message_of_a_vm_that_we_do_not_know_is_dropped),
	KUNIT_CASE(guest_that_sends_and_waits_is_heard),
	KUNIT_CASE(waiters_of_a_vm_that_never_end_are_told_a_few_at_each_exit),
	KUNIT_CASE(waiters_for_us_that_never_end_are_told_a_few_at_each_exit),
	KUNIT_CASE(each_of_many_waiters_is_told),
	{}
};

static struct kunit_suite send2 = {
	.name = "hafnium_send2",
	.init = bed_init,
	.exit = bed_exit,
	.test_cases = send2_cases,
};

kunit_test_suite(send2);
