// SPDX-License-Identifier: GPL-2.0-only
/*
 * Flows for tests, and the other end of them.
 */
#include <linux/skbuff.h>
#include <linux/slab.h>
#include <net/sock.h>

#include "bed_flow.h"

struct owner {
	struct sock sk;
	struct socket_wq wq;
	struct wait_queue_entry waiter;
};

struct sock *bed_owner(struct kunit *test, wait_queue_func_t woken)
{
	struct owner *owner = kunit_kzalloc(test, sizeof(*owner), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, owner);
	init_waitqueue_head(&owner->wq.wait);
	RCU_INIT_POINTER(owner->sk.sk_wq, &owner->wq);
	init_waitqueue_func_entry(&owner->waiter, woken);
	add_wait_queue(&owner->wq.wait, &owner->waiter);
	return &owner->sk;
}

struct hf_flow *bed_flow(struct kunit *test, struct hf_vm *vm, struct sock *sk)
{
	struct hf_flow *flow = kmalloc(sizeof(*flow), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, flow);
	hf_flow_init(flow, vm, sk);
	return flow;
}

struct sk_buff *bed_skb(u64 name, size_t len)
{
	struct sk_buff *skb = alloc_skb(sizeof(struct hf_msg_hdr) + len, GFP_KERNEL | __GFP_NOFAIL);
	struct hf_msg_hdr *hdr = skb_put(skb, sizeof(*hdr));

	hdr->src_port = cpu_to_le64(name);
	hdr->dst_port = 0;
	memset(skb_put(skb, len), (u8)name, len);
	return skb;
}

int bed_flow_send(struct hf_flow *flow, u64 name)
{
	return hf_flow_send(flow, bed_skb(name, 8));
}

u64 bed_next(struct hf_vm *vm)
{
	struct fake_vm *mine = fake_vm(vm);
	u64 name = mine->full ? le64_to_cpu(*(__le64 *)mine->mailbox) : 0;

	mine->full = false;
	bed_exit_by_hand(&vm->vcpus[0], HF_EXIT_YIELD, 0, 0, 0);
	return name;
}
