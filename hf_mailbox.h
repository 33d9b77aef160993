/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Mailboxes: our RX and TX pages, and what is queued for the VMs' mailboxes.
 */
#ifndef HF_MAILBOX_H
#define HF_MAILBOX_H

#include <linux/skbuff.h>

#include "hf_vcpu.h"

/**
 * struct hf_skb_cb - what a received message's sk_buff knows of its sender
 * @vm:       Sender.
 * @src_port: Port of the sender.
 * @dst_port: Port that it is for.
 */
struct hf_skb_cb {
	struct hf_vm *vm;
	u64 src_port;
	u64 dst_port;
};

/* Unsent messages of closed sockets that are kept for one VM. */
#define HF_ORPHANS_MAX 256

#define HF_SKB_CB(skb) ((struct hf_skb_cb *)(skb)->cb)

/* Free what is still queued for any VM. After all threads ended; may sleep. */
void hf_mailbox_purge_all(void);

/**
 * hf_mailbox_send() - send a message to a VM, or queue it until there is room
 * @skb: Linear: struct hf_msg_hdr and payload, HF_MAILBOX_SIZE bytes at most.
 *
 * Messages to a VM leave in the order of the calls. Context: process.
 * Return: 0, and @skb is taken and freed when EL2 has the message; -EPIPE if
 * the VM is dead, and @skb is still the caller's.
 */
int hf_mailbox_send(struct hf_vm *vm, struct sk_buff *skb);

/**
 * hf_mailbox_orphan() - detach a socket that closes from its unsent messages
 *
 * They are still sent, in order, but no longer charged to the socket, so that
 * neither it nor the module stays because a VM does not read. A VM keeps at
 * most HF_ORPHANS_MAX of them; the rest is dropped. Context: process.
 */
void hf_mailbox_orphan(struct hf_vm *vm, struct sock *sk);

/**
 * hf_socket_deliver() - upcall: a message for us
 * @skb: The payload, HF_SKB_CB(skb) filled in. Taken.
 *
 * Context: a vCPU's thread, may sleep. The RX page has been released.
 */
void hf_socket_deliver(struct sk_buff *skb);

/* Upcall: @vm died. May sleep; called once. */
void hf_socket_vm_died(struct hf_vm *vm);

#endif
