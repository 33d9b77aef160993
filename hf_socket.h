/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * AF_HF sockets: what module init and hf_vsock.ko need of them.
 */
#ifndef HF_SOCKET_H
#define HF_SOCKET_H

#include <hf/socket.h>

/* Parameter: whether CAP_NET_RAW is enough to use all VMs. */
extern bool hf_socket_net_raw;

/* The table of sockets and the protocol. May sleep; 0 or a negative errno. */
int hf_socket_init(void);
void hf_socket_exit(void);

struct hf_vm;

/**
 * hf_socket_may_use() - whether the caller may use the VM: he has the capability, or owns it
 *
 * Leaves no audit record. Context: process.
 */
bool hf_socket_may_use(const struct hf_vm *vm);

/* Let userspace create sockets, or no longer. May sleep; 0 or a negative errno. */
int hf_socket_register(void);
void hf_socket_unregister(void);

#endif
