// SPDX-License-Identifier: GPL-2.0-only
/*
 * Suite: what hafnium.ko offers to hf_vsock.ko.
 *
 * A client that counts stands in for that; messages are cut into pieces whose
 * heads say what is in them.
 */
#include <net/sock.h>

#include "../../hf_transport.h"
#include "bed_flow.h"

#define PEER_PORT	7
#define SOME_PORT	5600

/* What make_head() writes before each piece. */
struct head {
	__le64 name;
	u32 from, len;
	u8 rest[44];
};

#define PIECE	(HF_MAILBOX_SIZE - (unsigned int)sizeof(struct head))

static int sent;

static void make_head(struct sk_buff *skb, unsigned int from, unsigned int len, void *buffer)
{
	struct head *head = buffer;

	head->name = cpu_to_le64(skb->mark);
	head->from = from;
	head->len = len;
}

static void count_sent(struct sk_buff *skb)
{
	sent++;
}

static const struct hf_flow_ops ops = {
	.head_len	= sizeof(struct head),
	.make_head	= make_head,
	.sent		= count_sent,
};

static struct hf_flow *cutting_flow(struct kunit *test, struct hf_vm *vm)
{
	struct hf_flow *flow = bed_flow(test, vm, NULL);

	flow->ops = &ops;
	sent = 0;
	return flow;
}

/* Byte n is n, as far as a byte can be. */
static struct sk_buff *long_skb(u64 name, unsigned int len, unsigned int in_pages)
{
	struct sk_buff *skb;
	unsigned int i;
	u8 byte;
	int err;

	skb = alloc_skb_with_frags(len - in_pages, in_pages, 3, &err, GFP_KERNEL);
	if (!skb)
		return NULL;
	skb_put(skb, len - in_pages);
	skb->data_len = in_pages;
	skb->len += in_pages;
	for (i = 0; i < len; i++) {
		byte = i;
		skb_store_bits(skb, i, &byte, 1);
	}
	skb->mark = name;
	return skb;
}

/* The mailbox holds the piece, which is taken out of it. */
static void expect_piece(struct kunit *test, struct hf_vm *vm, u64 name, unsigned int from,
			 unsigned int len)
{
	const struct head *head = (const struct head *)fake_vm(vm)->mailbox;
	const u8 *payload = (const u8 *)(head + 1);
	unsigned int i;

	KUNIT_EXPECT_EQ(test, from, head->from);
	KUNIT_EXPECT_EQ(test, len, head->len);
	KUNIT_EXPECT_EQ(test, (u32)sizeof(*head) + len, fake_vm(vm)->len);
	for (i = 0; i < len && payload[i] == (u8)(from + i); i++)
		;
	KUNIT_EXPECT_EQ(test, len, i);
	KUNIT_EXPECT_EQ(test, name, bed_next(vm));
}

static void long_message_is_cut(struct kunit *test)
{
	static const struct {
		unsigned int len, in_pages;
	} sizes[] = {
		{ 1, 0 }, { PIECE, 0 }, { PIECE + 1, 0 }, { 65536, 0 }, { 65536, 65536 },
		{ 60000, 50000 }, { PIECE, PIECE }, { 3 * PIECE, 3 * PIECE - 10 },
	};
	struct hf_vm *vm = bed_vm(test, 2, 1);
	struct hf_flow *flow = cutting_flow(test, vm);
	unsigned int from, i;
	struct sk_buff *skb;

	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		skb = long_skb(i + 1, sizes[i].len, sizes[i].in_pages);
		KUNIT_ASSERT_NOT_NULL(test, skb);
		KUNIT_ASSERT_EQ(test, 0, hf_flow_send(flow, skb));
		for (from = 0; from < sizes[i].len; from += PIECE) {
			KUNIT_EXPECT_EQ(test, (int)i + (from + PIECE >= sizes[i].len), sent);
			expect_piece(test, vm, i + 1, from, min(PIECE, sizes[i].len - from));
		}
		KUNIT_EXPECT_EQ(test, 0U, vm->txq.queued);
		KUNIT_EXPECT_EQ(test, 0U, vm->txq.queued_bytes);
	}
	KUNIT_EXPECT_EQ(test, 0ULL, bed_next(vm));
	hf_flow_close(flow);
}

static void pieces_of_two_flows_take_turns(struct kunit *test)
{
	struct hf_vm *vm = bed_vm(test, 2, 1);
	struct hf_flow *flows[] = { cutting_flow(test, vm), bed_flow(test, vm, NULL) };
	unsigned int i;

	hf_flow_send(flows[0], long_skb(1, 4 * PIECE, 0));
	for (i = 0; i < 3; i++)
		bed_flow_send(flows[1], 2);
	/* It left at once, before the other flow had anything. */
	expect_piece(test, vm, 1, 0, PIECE);
	for (i = 1; i <= 3; i++) {
		expect_piece(test, vm, 1, i * PIECE, PIECE);
		KUNIT_EXPECT_EQ(test, 2ULL, bed_next(vm));
	}
	hf_flow_close(flows[0]);
	hf_flow_close(flows[1]);
}

static void flow_that_cuts_is_never_full(struct kunit *test)
{
	struct hf_vm *vm = bed_vm(test, 2, 1);
	struct hf_flow *flow = cutting_flow(test, vm);
	int i;

	for (i = 0; i < 2 * HF_FLOW_VM_BYTES / 65536; i++)
		KUNIT_EXPECT_EQ(test, 0, hf_flow_send(flow, long_skb(1, 65536, 0)));
	KUNIT_EXPECT_LT(test, (unsigned int)HF_FLOW_VM_BYTES, vm->txq.queued_bytes);
	hf_flow_drop(flow, NULL);
	KUNIT_EXPECT_EQ(test, 0U, vm->txq.queued_bytes);
	KUNIT_EXPECT_TRUE(test, list_empty(&vm->txq.flows));
	hf_flow_close(flow);
}

static void what_one_socket_queued_is_dropped(struct kunit *test)
{
	struct hf_vm *vm = bed_vm(test, 2, 1);
	struct hf_flow *flow = cutting_flow(test, vm);
	struct sock *mine = bed_owner(test, default_wake_function);
	struct sk_buff *skb;
	int i;

	for (i = 1; i <= 6; i++) {
		skb = long_skb(i, 100, 0);
		skb->sk = i % 2 ? mine : NULL;
		skb->destructor = skb->sk ? sock_pfree : NULL;
		refcount_set(&mine->sk_refcnt, 10);
		hf_flow_send(flow, skb);
	}
	hf_flow_drop(flow, mine);
	KUNIT_EXPECT_EQ(test, 1ULL, bed_next(vm));
	for (i = 2; i <= 6; i += 2)
		KUNIT_EXPECT_EQ(test, (u64)i, bed_next(vm));
	KUNIT_EXPECT_EQ(test, 0ULL, bed_next(vm));
	hf_flow_close(flow);
}

static int received, deaths;
static struct hf_vm *sender;

static void count_message(struct hf_vm *vm, struct sk_buff *skb)
{
	received += skb->len == 5 && !memcmp(skb->head, "hello", 5);
	sender = vm;
	kfree_skb(skb);
}

static void count_death(struct hf_vm *vm)
{
	deaths++;
	sender = vm;
}

static const struct hf_client client = { count_message, count_death };

static void client_gets_the_messages_of_its_ports(struct kunit *test)
{
	struct hf_vcpu *vcpu = bed_vcpu(test, 2);

	received = 0;
	bed_receive(test, vcpu, HF_PORT_VSOCK, HF_PORT_VSOCK, "hello", 5);
	KUNIT_EXPECT_EQ(test, 1L, atomic_long_read(&vcpu->vm->dropped_port));
	KUNIT_ASSERT_EQ(test, 0, hf_transport_register(&client));
	KUNIT_EXPECT_EQ(test, -EBUSY, hf_transport_register(&client));
	bed_receive(test, vcpu, HF_PORT_VSOCK, HF_PORT_VSOCK, "hello", 5);
	KUNIT_EXPECT_EQ(test, 1, received);
	KUNIT_EXPECT_PTR_EQ(test, vcpu->vm, sender);
	bed_receive(test, vcpu, SOME_PORT, HF_PORT_VSOCK, "hello", 5);
	bed_receive(test, vcpu, HF_PORT_VSOCK, SOME_PORT, "hello", 5);
	KUNIT_EXPECT_EQ(test, 1, received);
	KUNIT_EXPECT_EQ(test, 3L, atomic_long_read(&vcpu->vm->dropped_port));
	hf_transport_unregister();
	bed_receive(test, vcpu, HF_PORT_VSOCK, HF_PORT_VSOCK, "hello", 5);
	KUNIT_EXPECT_EQ(test, 1, received);
}

static void client_hears_of_each_death_once(struct kunit *test)
{
	struct hf_vcpu *vcpu = bed_vcpu(test, 2);
	struct hf_flow *flow = cutting_flow(test, vcpu->vm);
	struct sk_buff *skb = long_skb(1, 100, 0);

	deaths = 0;
	KUNIT_ASSERT_EQ(test, 0, hf_transport_register(&client));
	bed_exit_by_hand(vcpu, HF_EXIT_ABORTED, 0, 0, 0);
	bed_exit_by_hand(vcpu, HF_EXIT_ABORTED, 0, 0, 0);
	hf_transport_unregister();
	KUNIT_EXPECT_EQ(test, 1, deaths);
	KUNIT_EXPECT_PTR_EQ(test, vcpu->vm, sender);
	KUNIT_EXPECT_EQ(test, -EPIPE, hf_flow_send(flow, skb));
	kfree_skb(skb);
	hf_flow_close(flow);
}

static void client_hears_of_all_vms_before_a_reboot(struct kunit *test)
{
	bed_vm(test, 2, 1);
	bed_vm(test, 3, 1);
	deaths = 0;
	KUNIT_ASSERT_EQ(test, 0, hf_transport_register(&client));
	hf_transport_stop();
	KUNIT_EXPECT_EQ(test, 2, deaths);
	hf_transport_unregister();
	hf_transport_stop();
	KUNIT_EXPECT_EQ(test, 2, deaths);
}

static void port_of_the_client_is_for_no_socket(struct kunit *test)
{
	struct hf_vm *vm = bed_vm(test, 2, 1);
	struct socket *sock = bed_socket(test);

	KUNIT_EXPECT_EQ(test, -EACCES, bed_bind(sock, HF_VM_ID_ANY, HF_PORT_VSOCK));
	KUNIT_EXPECT_EQ(test, -EACCES, bed_bind(sock, vm->id, HF_PORT_VSOCK));
	KUNIT_EXPECT_EQ(test, -EACCES, bed_connect(sock, vm->id, HF_PORT_VSOCK));
	KUNIT_EXPECT_EQ(test, -EACCES, bed_send_to(sock, vm->id, HF_PORT_VSOCK, "x", 1, 0));
	KUNIT_EXPECT_EQ(test, 0, fake_count(FAKE_MSG_SEND));
	KUNIT_EXPECT_EQ(test, 1, bed_send_to(sock, vm->id, HF_PORT_VSOCK + 1, "x", 1, 0));
}

/* It sends each time that it is run. */
static void queue_message(struct kunit *test, struct hf_vcpu *vcpu)
{
	fake_step(vcpu, &(struct fake_step){
		.exit = { .func = FFA_MSG_SEND, .vcpu = HF_PRIMARY_VM_ID, .len = 21 },
		.sends = bed_message(test, PEER_PORT, SOME_PORT, "hello", 5), .len = 21,
	});
}

static void vm_that_is_held_is_not_run(struct kunit *test)
{
	struct hf_vcpu *vcpu = bed_vcpu(test, 2), *other = bed_vcpu(test, 3);
	int i;

	queue_message(test, vcpu);
	queue_message(test, vcpu);
	hf_rx_hold(vcpu->vm, true);
	bed_start();
	msleep(50);
	KUNIT_EXPECT_GE(test, 1, bed_runs(vcpu));
	BED_EXPECT_BLOCKED(test, other);
	for (i = 0; i < 3; i++)
		hf_vcpu_request(vcpu, HF_REQ_WAKE);
	msleep(50);
	KUNIT_EXPECT_GE(test, 1, bed_runs(vcpu));
	hf_rx_hold(vcpu->vm, false);
	BED_EXPECT_BLOCKED(test, vcpu);
	KUNIT_EXPECT_EQ(test, 2L, atomic_long_read(&vcpu->vm->received));
}

static void vm_that_is_held_can_be_stopped(struct kunit *test)
{
	struct hf_vcpu *vcpu = bed_vcpu(test, 2);

	queue_message(test, vcpu);
	hf_rx_hold(vcpu->vm, true);
	bed_start();
	msleep(50);
	hf_vm_stop_all();
	KUNIT_EXPECT_GE(test, 1, bed_runs(vcpu));
}

static struct kunit_case transport_cases[] = {
	KUNIT_CASE(long_message_is_cut),
	KUNIT_CASE(pieces_of_two_flows_take_turns),
	KUNIT_CASE(flow_that_cuts_is_never_full),
	KUNIT_CASE(what_one_socket_queued_is_dropped),
	KUNIT_CASE(client_gets_the_messages_of_its_ports),
	KUNIT_CASE(client_hears_of_each_death_once),
	KUNIT_CASE(client_hears_of_all_vms_before_a_reboot),
	KUNIT_CASE(port_of_the_client_is_for_no_socket),
	KUNIT_CASE(vm_that_is_held_is_not_run),
	KUNIT_CASE(vm_that_is_held_can_be_stopped),
	{}
};

static struct kunit_suite transport = {
	.name = "hafnium_transport",
	.init = bed_init,
	.exit = bed_exit,
	.test_cases = transport_cases,
};

kunit_test_suite(transport);
