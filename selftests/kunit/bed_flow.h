/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Flows for tests, and the other end of them.
 */
#ifndef HF_KUNIT_BED_FLOW_H
#define HF_KUNIT_BED_FLOW_H

#include "../../hf_flow.h"
#include "bed.h"

/* A flow's owner, as far as flows know it. @woken is called when it may send again. */
struct sock *bed_owner(struct kunit *test, wait_queue_func_t woken);

/* A flow without anything in it. @sk may be NULL. */
struct hf_flow *bed_flow(struct kunit *test, struct hf_vm *vm, struct sock *sk);

/* A message of @len bytes whose source port is its name. */
struct sk_buff *bed_skb(u64 name, size_t len);

/* Send a short one. What hf_flow_send() returns. */
int bed_flow_send(struct hf_flow *flow, u64 name);

/* The message in the VM's mailbox, which is free then; 0 if there was none. */
u64 bed_next(struct hf_vm *vm);

#endif
