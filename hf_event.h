/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Doorbells: interrupts and notifications into VMs, and rings of VMs for the primary.
 */
#ifndef HF_EVENT_H
#define HF_EVENT_H

#include <linux/atomic.h>
#include <linux/eventfd.h>
#include <linux/workqueue.h>

#include <hf/hafnium.h>

#include "hf_rx.h"

/* In place of a vCPU's index. */
#define HF_EVENT_ANY	0xffff

/**
 * struct hf_event_target - what a ring reaches
 * @vm:     Id of the VM.
 * @vcpu:   Index of its vCPU, or HF_EVENT_ANY.
 * @number: Below HF_EVENT_NUMBERS, one of those in hf_event_numbers().
 * @masked: Rings are kept.
 */
struct hf_event_target {
	u16 vm;
	u16 vcpu;
	u8 number;
	bool masked;
};

/**
 * struct hf_event - a route: from any ringer to its target
 * @word: The target, and what is kept, as one word: it is read and replaced as a whole.
 * @late: Rings it when its VM has had its share of this tick.
 *
 * The caller owns the memory, from hf_event_init() until hf_event_end() has returned.
 */
struct hf_event {
	atomic64_t word;
	struct delayed_work late;
};

/* Rings of a VM per tick; those beyond are made one of each route, at the next. */
extern uint hf_event_budget;

/* Numbers by which a VM can be rung, 0 = not at all; how: HF_EVENT_INTERRUPT, _NOTIFICATION. */
u64 hf_event_numbers(void);
u32 hf_event_mechanism(void);

void hf_event_init(struct hf_event *event, const struct hf_event_target *target);

/**
 * hf_event_set() - replace the target; a kept ring goes with it, or comes if it is not masked
 *
 * A ring that began before may still reach the target of before. Context: any.
 */
void hf_event_set(struct hf_event *event, const struct hf_event_target *target);

/**
 * hf_event_ring() - ring the target, which looks up after all that was stored before
 *
 * Several rings that come before the guest looks are one, never none. Context: any, hard
 * interrupt included; takes a few hypercalls for each vCPU of the target at most.
 */
void hf_event_ring(struct hf_event *event);

/* The caller guarantees that no ring comes any more. What is late comes first. May sleep. */
void hf_event_end(struct hf_event *event);

/**
 * hf_event_ring_once() - the same without a route
 *
 * Return: 0; -ENODEV, -EPIPE if the VM is dead, -EOPNOTSUPP if it has no such vCPU or
 * cannot be rung, -EACCES if it has not bound the notification.
 */
int hf_event_ring_once(const struct hf_event_target *target);

/**
 * hf_event_listen() - have a VM's rings of @number added to @ctx
 * @bind: Its notifications, too; else messages alone.
 *
 * Context: may sleep. Return: 0; -EBUSY if there is a listener, or another VM has the
 * notification; -EOPNOTSUPP if the primary may bind none; -ENOMEM.
 */
int hf_event_listen(struct hf_vm *vm, u8 number, struct eventfd_ctx *ctx, bool bind);

/* The end. Until synchronize_rcu() after it the VM may still add one. May sleep. */
void hf_event_unlisten(u16 vm, u8 number);

/**
 * hf_event_collect() - pass on the notifications that VMs have set
 *
 * EL2 tells of none: this has to follow each run of a VM with vm->binds. Process
 * context, does not sleep; one hypercall, or a few the first time on a CPU.
 */
void hf_event_collect(void);

/* A message to HF_PORT_EVENT: whether it had a listener, and is freed. */
bool hf_event_deliver(struct sk_buff *skb);

/* hf_event_dev.c: /dev/hafnium, which can be opened when module init cannot fail any more. */
int hf_event_register(void);
void hf_event_allow(void);
void hf_event_unregister(void);
/* Tell the files with a route of it. May sleep. */
void hf_event_vm_died(struct hf_vm *vm);

#endif
