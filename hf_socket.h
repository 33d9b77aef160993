/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * AF_HF: the family.
 */
#ifndef HF_SOCKET_H
#define HF_SOCKET_H

#include <hf/socket.h>

struct hf_vm;
struct sk_buff;

/**
 * hf_socket_deliver() - a message for us
 * @skb: The payload, HF_SKB_CB(skb) filled in. Taken.
 *
 * Context: process, under the sending VM's rx_lock: may not sleep.
 */
void hf_socket_deliver(struct sk_buff *skb);

/* @vm died. Called once, by its death_work; may sleep. */
void hf_socket_vm_died(struct hf_vm *vm);

/* The table of sockets and the protocol. May sleep; 0 or a negative errno. */
int hf_socket_init(void);
void hf_socket_exit(void);

/* Let userspace create sockets, or no longer. May sleep; 0 or a negative errno. */
int hf_socket_register(void);
void hf_socket_unregister(void);

#endif
