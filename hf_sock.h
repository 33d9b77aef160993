/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the files behind AF_HF share: the socket and its life.
 *
 * Private to hf_socket.c, hf_dgram.c, hf_seq.c, hf_conn.c, hf_frame.c, hf_port.c
 * and hf_proc.c.
 */
#ifndef HF_SOCK_H
#define HF_SOCK_H

#include <linux/rhashtable-types.h>
#include <linux/workqueue.h>
#include <linux/xarray.h>
#include <net/sock.h>
#include <hf/socket.h>

#include "hf_compat.h"
#include "hf_flow.h"
#include "hf_mailbox.h"
#include "hf_rx.h"

/* The end that a connected socket speaks to. Constant; freed after a grace period. */
struct hf_peer {
	struct hf_vm *vm;
	u64 port;
	u64 local_port;		/* that messages to it come from */
	struct hf_flow *flow;
	struct rcu_head rcu;
};

/* A connection's address, as both of its ends know it; the key of a table. */
struct hf_connection {
	u64 local_port, peer_port, vm_id;
};

/* Whose messages, or HF_VM_ID_ANY, to which port: the key of the other table. */
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

	/* Datagrams: one flow per VM that was sent to, until the socket is closed. */
	struct xarray flows;
	struct hf_flow *full;		/* the last that had no room */

	/*
	 * SEQPACKET, under conn_lock, which is taken inside the socket lock and
	 * outside of tx_lock. sk_state and sk_shutdown change under it as well.
	 */
	spinlock_t conn_lock;
	struct hf_seq_flow *tx;		/* what we send on the connection */
	struct rhash_head conn_node;	/* in the table of connections if in_table */
	struct hf_connection conn;
	bool in_table;
	u32 tx_seq;			/* messages sent */
	u32 tx_credit;			/* how many the peer is ready to have been sent */
	u32 rx_seq;			/* messages received */
	u32 rx_credit;			/* how many we let the peer send */
	bool established;		/* it is, or was, a connection */
	bool accepted;			/* somebody can read it */
	struct list_head accept_queue;	/* of a listener: head; of a child: entry */
	unsigned long connect_until;	/* in jiffies, when in TCP_SYN_SENT */
	struct delayed_work connect_timeout;
};

static inline struct hf_sock *hf_sk(struct sock *sk)
{
	return container_of(sk, struct hf_sock, sk);
}

/* The connected peer, NULL if there is none. Under rcu_read_lock(). */
struct hf_peer *hf_sock_peer(struct hf_sock *hs);

/*
 * Connect the socket to a VM's port. @flow is what goes to that VM. Under the socket lock,
 * or before anybody has the socket; may sleep if @gfp does. 0 or -ENOMEM.
 */
int hf_sock_set_peer(struct hf_sock *hs, struct hf_vm *vm, u64 port, struct hf_flow *flow,
		     gfp_t gfp);
void hf_sock_clear_peer(struct hf_sock *hs);

/* Write an address of this family. */
void hf_sock_fill_address(struct hf_sockaddr *addr, u16 vm_id, u64 port);

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

/* A socket of this family, set up. NULL without memory. May sleep if @gfp allows it. */
struct sock *hf_sock_create(struct net *net, struct socket *sock, int type, gfp_t gfp, int kern);

/* Its end: out of the list, and the reference of its owner is put. May hold spinlocks. */
void hf_sock_destroy(struct sock *sk);

/* recvmsg() for both types; -ESHUTDOWN if there is nothing, and nothing will come. */
int hf_sock_recv(struct sock *sk, struct msghdr *msg, size_t len, int flags);

/* System calls that are the same for both types. */
int hf_sock_getname(struct socket *sock, struct sockaddr *uaddr, int peer);
int hf_sock_bind(struct socket *sock, struct sockaddr_unsized *uaddr, int len);
int hf_sock_ioctl(struct socket *sock, unsigned int cmd, unsigned long arg);

/* Both walk under RCU: all sockets, in no order. */
extern struct hlist_head hf_sockets;

/* --- hf_dgram.c --- */

extern const struct proto_ops hf_dgram_ops;

/* A message for a datagram socket. @skb is taken. May not sleep. */
void hf_dgram_deliver(struct sock *sk, struct sk_buff *skb);
void hf_dgram_vm_died(struct sock *sk, struct hf_vm *vm);

/* --- hf_seq.c, hf_conn.c --- */

extern const struct proto_ops hf_seq_ops;

/**
 * hf_seq_deliver() - a message for a connection, or for a port without one
 * @sk: The connection or the port's socket; NULL if there is neither.
 * Answers what is no part of a connection. @skb is taken. May not sleep.
 * Return: false if the message had no receiver.
 */
bool hf_seq_deliver(struct sock *sk, struct sk_buff *skb);
void hf_seq_vm_died(struct sock *sk, struct hf_vm *vm);
void hf_seq_init_sock(struct hf_sock *hs);

#endif
