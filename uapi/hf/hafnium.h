/* SPDX-License-Identifier: GPL-2.0 WITH Linux-syscall-note */
/*
 * /dev/hafnium: doorbells into Hafnium's secondary VMs and out of them, by eventfd.
 *
 * The manual is hafnium(4). Fields named reserved, and flags without a name, are 0.
 */
#ifndef _UAPI_HF_HAFNIUM_H
#define _UAPI_HF_HAFNIUM_H

#include <linux/ioctl.h>
#include <linux/types.h>

/* Numbers of doorbells: 0 to 63. */
#define HF_EVENT_NUMBERS	64

/* vCPU of a route: any that takes the interrupt. */
#define HF_EVENT_VCPU_ANY	0xffffffff

/* How a VM is rung, and how it rings. */
#define HF_EVENT_INTERRUPT	1	/* virtual interrupts */
#define HF_EVENT_NOTIFICATION	2	/* FF-A notifications, which the VM has to bind */
#define HF_EVENT_MESSAGE	4	/* messages to HF_PORT_EVENT */

/*
 * Destination port of a message by which a VM rings: its payload is one little-endian
 * 64-bit word, with a bit for each number. No socket of AF_HF can have it.
 */
#define HF_PORT_EVENT		0x8000000000000e7e

/**
 * struct hf_event_info - what HF_EVENT_QUERY answers
 * @vm:        Which VM; set by the caller.
 * @vcpus:     How many vCPUs of it are known so far.
 * @rings:     How it can be rung: HF_EVENT_INTERRUPT, HF_EVENT_NOTIFICATION or 0, not at all.
 * @listens:   How it can ring: HF_EVENT_MESSAGE, and HF_EVENT_NOTIFICATION if it may
 *             be let set notifications of the primary.
 * @numbers:   Bit n: it can be rung by number n.
 * @reserved:  0.
 */
struct hf_event_info {
	__u32 vm;
	__u32 vcpus;
	__u32 rings;
	__u32 listens;
	__aligned_u64 numbers;
	__aligned_u64 reserved;
};

/**
 * struct hf_event_route - where an eventfd leads, or a single ring
 * @fd:       The eventfd; it stands for the route in all later calls. -1 in HF_EVENT_RING.
 * @flags:    HF_EVENT_DEASSIGN, HF_EVENT_MASKED, HF_EVENT_BIND.
 * @vm:       Which VM.
 * @vcpu:     Which of its vCPUs, or HF_EVENT_VCPU_ANY; that, where it is notified.
 * @number:   Virtual interrupt id, or notification bit.
 * @reserved: 0.
 */
struct hf_event_route {
	__s32 fd;
	__u32 flags;
	__u32 vm;
	__u32 vcpu;
	__u32 number;
	__u32 reserved[3];
};

/* HF_EVENT_ASSIGN: the route of that eventfd ends. HF_EVENT_LISTEN: that of VM and number. */
#define HF_EVENT_DEASSIGN	1
/* HF_EVENT_ASSIGN, HF_EVENT_UPDATE: rings are kept, and become one when it is unmasked. */
#define HF_EVENT_MASKED		2
/* HF_EVENT_LISTEN: to the VM's notifications, too; no other VM can have that number. */
#define HF_EVENT_BIND		4

#define HF_EVENT_MAGIC		0xf5

/* What a VM can do. */
#define HF_EVENT_QUERY		_IOWR(HF_EVENT_MAGIC, 0, struct hf_event_info)
/* From now on each write to the eventfd rings the VM. */
#define HF_EVENT_ASSIGN		_IOW(HF_EVENT_MAGIC, 1, struct hf_event_route)
/* Replace the whole route of an assigned eventfd; a ring that was kept goes with it. */
#define HF_EVENT_UPDATE		_IOW(HF_EVENT_MAGIC, 2, struct hf_event_route)
/* Ring once, without an eventfd. */
#define HF_EVENT_RING		_IOW(HF_EVENT_MAGIC, 3, struct hf_event_route)
/* From now on the VM's ring of that number is added to the eventfd. */
#define HF_EVENT_LISTEN		_IOW(HF_EVENT_MAGIC, 4, struct hf_event_route)

#endif /* _UAPI_HF_HAFNIUM_H */
