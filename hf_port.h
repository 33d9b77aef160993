/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The table of ports: which socket gets a message.
 */
#ifndef HF_PORT_H
#define HF_PORT_H

#include "hf_sock.h"

/**
 * hf_port_bind() - give the socket a local port, for messages of hs->from_vm
 * @port: HF_PORT_ANY = a free one.
 *
 * A port of a VM belongs to one socket; HF_VM_ID_ANY stands for all VMs.
 *
 * Context: under the socket lock; may sleep. Return: 0, -EADDRINUSE, -ENOMEM.
 */
int hf_port_bind(struct hf_sock *hs, u64 port);
void hf_port_unbind(struct hf_sock *hs);

/* The socket that has a port, or NULL. Under rcu_read_lock(), any context. */
struct sock *hf_port_find(u16 vm_id, u64 port);

int hf_port_init(void);
void hf_port_exit(void);

#endif
