/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * One socket of AF_HF, as the files behind the family share it.
 *
 * Private to hf_socket.c, hf_dgram.c, hf_sock.c, hf_port.c and hf_proc.c.
 */
#ifndef HF_SOCK_H
#define HF_SOCK_H

#include <linux/rhashtable-types.h>
#include <linux/xarray.h>
#include <net/sock.h>
#include <hf/socket.h>

#include "hf_compat.h"
#include "hf_flow.h"
#include "hf_rx.h"

/* The end that a connected socket speaks to. Constant; freed after a grace period. */
struct hf_peer {
	struct hf_vm *vm;
	u64 port;
	u64 local_port;		/* that messages to it come from */
	struct hf_flow *flow;
	struct rcu_head rcu;
};

/* Whose messages, or HF_VM_ID_ANY, to which port: the key of the table of ports. */
struct hf_port {
	u64 port, vm_id;
};

struct hf_sock {
	struct sock sk;			/* must be first */
	bool privileged;		/* its creator could use any VM; constant */

	/* Under the socket lock; others read with READ_ONCE(). */
	u64 local_port;			/* 0 = none */
	u16 from_vm;			/* whose messages it takes, or HF_VM_ID_ANY */
	bool port_from_connect;
	bool bound;			/* it stands in the table of ports, as: */
	struct hf_port key;		/* local_port follows when it does */
	struct rhash_head port_node;
	struct hf_peer __rcu *peer;	/* NULL = not connected */

	/* One per VM that was sent to, until the socket is closed. */
	struct xarray flows;
	struct hf_flow *full;		/* the last that had no room */
};

static inline struct hf_sock *hf_sk(struct sock *sk)
{
	return container_of(sk, struct hf_sock, sk);
}

/* The connected peer, NULL if there is none. Under rcu_read_lock(). */
struct hf_peer *hf_sock_peer(struct hf_sock *hs);

/*
 * Connect the socket to a VM's port. @flow is what goes to that VM. Under the socket lock;
 * may sleep. 0 or -ENOMEM.
 */
int hf_sock_set_peer(struct hf_sock *hs, struct hf_vm *vm, u64 port, struct hf_flow *flow);
void hf_sock_clear_peer(struct hf_sock *hs);

/**
 * hf_sock_find_vm() - the VM that userspace names, if this socket may use it
 *
 * Return: the VM; -EINVAL: @addr is none of this family; -ENETUNREACH: no such secondary;
 * -EACCES: neither a privileged socket nor the VM's owner, or the port is AF_VSOCK's.
 */
struct hf_vm *hf_sock_find_vm(struct hf_sock *hs, const struct hf_sockaddr *addr, int len);

/*
 * Have a port from which to speak to @vm: the socket's, -EINVAL if that is one of another
 * VM; or a free one: as hf_port_bind(), of that VM alone if the socket is not privileged.
 */
int hf_sock_need_port(struct hf_sock *hs, const struct hf_vm *vm);

/* recvmsg(); -ESHUTDOWN if there is nothing, and nothing will come. */
int hf_sock_recv(struct sock *sk, struct msghdr *msg, size_t len, int flags);

/* System calls that know nothing of flows. */
int hf_sock_getname(struct socket *sock, struct sockaddr *uaddr, int peer);
int hf_sock_bind(struct socket *sock, struct sockaddr_unsized *uaddr, int len);
int hf_sock_ioctl(struct socket *sock, unsigned int cmd, unsigned long arg);

/* All sockets, in no order; read under RCU, or under the mutex of hf_socket.c. */
extern struct hlist_head hf_sockets;

/* --- hf_dgram.c --- */

extern const struct proto_ops hf_dgram_ops;

/* A message for the socket. @skb is taken. May not sleep. */
void hf_dgram_deliver(struct sock *sk, struct sk_buff *skb);
void hf_dgram_vm_died(struct sock *sk, struct hf_vm *vm);

#endif
