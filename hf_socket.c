// SPDX-License-Identifier: GPL-2.0-only
/*
 * AF_HF: the family, and what is for all of its sockets at once.
 *
 * Owns the family, the changes of the list of sockets, and the way of a message or
 * a death to those that it is for. Process context: system calls, and delivery by the
 * thread that runs a vCPU (its own, or a sender's). Delivery never takes the socket
 * lock: a process that holds it could keep that thread, and all messages of the VM,
 * waiting.
 *
 * Invariant: a socket with a peer hears of the death of its VM.
 * Does not: look into a socket (hf_sock.c, hf_dgram.c).
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/module.h>
#include <linux/mutex.h>
#include <net/sock.h>

#include "hf_event.h"
#include "hf_port.h"
#include "hf_proc.h"
#include "hf_sock.h"
#include "hf_socket.h"
#include "hf_transport.h"
#include "hf_vm.h"

static DEFINE_MUTEX(sockets_mutex);

void hf_socket_deliver(struct sk_buff *skb)
{
	const struct hf_skb_cb *cb = HF_SKB_CB(skb);
	struct hf_vm *vm = cb->vm;
	struct sock *sk;

	if (cb->dst_port == HF_PORT_VSOCK && hf_transport_deliver(skb))
		return;
	if (cb->dst_port == HF_PORT_EVENT && hf_event_deliver(skb))
		return;
	rcu_read_lock();
	sk = hf_port_find(vm->id, cb->dst_port);
	if (sk) {
		/* Else the time of recv() would be taken for it. */
		if (READ_ONCE(sk->sk_flags) & SK_FLAGS_TIMESTAMP)
			__net_timestamp(skb);
		hf_dgram_deliver(sk, skb);
	} else {
		atomic_long_inc(&vm->dropped_port);
		kfree_skb(skb);
	}
	rcu_read_unlock();
}

void hf_socket_vm_died(struct hf_vm *vm)
{
	struct sock *sk;

	/*
	 * (J) A socket could connect without our seeing it or its seeing us.
	 *
	 * Orders: dead  ->  peer of each socket
	 * Pairs:  (K) in hf_sock_set_peer()
	 * Proof:  litmus/SB+death-vs-connect
	 */
	smp_mb();
	mutex_lock(&sockets_mutex);
	sk_for_each(sk, &hf_sockets) {
		hf_dgram_vm_died(sk, vm);
		cond_resched();
	}
	mutex_unlock(&sockets_mutex);
	hf_transport_vm_died(vm);
	hf_event_vm_died(vm);
}

/* --- life --- */

/* For sk_common_release(). */
static void unlist_socket(struct sock *sk)
{
	sock_prot_inuse_add(sock_net(sk), sk->sk_prot, -1);
	mutex_lock(&sockets_mutex);
	sk_del_node_init_rcu(sk);
	mutex_unlock(&sockets_mutex);
}

/*
 * Without an owner: a socket is freed some time after its close(), and by then must
 * not keep the module. hf_socket_exit() waits for that.
 */
static struct proto hf_proto = {
	.name		= "HF",
	.unhash		= unlist_socket,
	.obj_size	= sizeof(struct hf_sock),
};

static void sock_destruct(struct sock *sk)
{
	skb_queue_purge(&sk->sk_receive_queue);
	skb_queue_purge(&sk->sk_error_queue);
}

static bool owns_some_vm(void)
{
	struct hf_vm *vm;
	unsigned long id;

	hf_for_each_vm(vm, id) {
		if (hf_vm_owned_by_current(vm))
			return true;
	}
	return false;
}

static int create_socket(struct net *net, struct socket *sock, int protocol, int kern)
{
	bool owner, privileged;
	struct hf_sock *hs;
	struct sock *sk;

	/* VMs belong to the machine, not to a container on it. */
	if (!net_eq(net, &init_net))
		return -EAFNOSUPPORT;
	/* Connections are AF_VSOCK's. */
	if (sock->type != SOCK_DGRAM)
		return -ESOCKTNOSUPPORT;
	if (protocol)
		return -EPROTONOSUPPORT;
	owner = owns_some_vm();
	privileged = kern || hf_vm_is_privileged(owner);
	if (!privileged && !owner)
		return -EPERM;

	sk = sk_alloc(net, PF_HF, GFP_KERNEL, &hf_proto, kern);
	if (!sk)
		return -ENOMEM;
	sock->ops = &hf_dgram_ops;
	sock_init_data(sock, sk);
	sk->sk_destruct = sock_destruct;
	sk->sk_allocation = GFP_KERNEL_ACCOUNT;
	sock_set_flag(sk, SOCK_RCU_FREE);
	hs = hf_sk(sk);
	hs->privileged = privileged;
	hs->from_vm = HF_VM_ID_ANY;
	xa_init_flags(&hs->flows, XA_FLAGS_ACCOUNT);

	mutex_lock(&sockets_mutex);
	sk_add_node_rcu(sk, &hf_sockets);
	mutex_unlock(&sockets_mutex);
	sock_prot_inuse_add(net, &hf_proto, 1);
	return 0;
}

static const struct net_proto_family hf_family = {
	.family	= PF_HF,
	.owner	= THIS_MODULE,
	.create	= create_socket,
};

int hf_socket_init(void)
{
	int err;

	sock_skb_cb_check_size(sizeof(struct hf_skb_cb));
	err = hf_port_init();
	if (err)
		return err;
	err = proto_register(&hf_proto, 1);
	if (err)
		goto err_ports;
	err = hf_proc_init();
	if (err)
		goto err_proto;
	return 0;

err_proto:
	proto_unregister(&hf_proto);
err_ports:
	hf_port_exit();
	return err;
}

void hf_socket_exit(void)
{
	/* Closed sockets are freed, by our code, after a grace period. */
	rcu_barrier();
	hf_proc_exit();
	proto_unregister(&hf_proto);
	hf_port_exit();
}

int hf_socket_register(void)
{
	int err = sock_register(&hf_family);

	if (err)
		pr_err("address family %d is in use, error %d\n", PF_HF, err);
	return err;
}

void hf_socket_unregister(void)
{
	sock_unregister(PF_HF);
}
