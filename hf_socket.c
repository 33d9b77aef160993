// SPDX-License-Identifier: GPL-2.0-only
/*
 * AF_HF: datagram sockets between userspace and the secondary VMs.
 *
 * Owns the table of connected sockets, keyed by local port. Lookups are under
 * RCU and take a reference; a socket's addresses are set before it enters the
 * table and stay. Process context: system calls, and the vCPU threads that
 * deliver.
 *
 * Invariant: a socket in the table hears of the death of its VM.
 * Does not: know how a message reaches EL2 (hf_mailbox.c). There is no bind():
 * a secondary cannot speak first.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/module.h>
#include <linux/rhashtable.h>
#include <net/sock.h>

#include "hf_mailbox.h"
#include "hf_socket.h"
#include "hf_vm.h"

/* Local ports are given out once each, from here on. */
#define FIRST_LOCAL_PORT	0x10000

struct hf_sock {
	struct sock sk;			/* must be first */

	/* Set by connect() under the socket lock, then constant. */
	struct rhash_head node;
	struct hf_vm *peer_vm;		/* NULL = not connected */
	u64 peer_port;
	u64 local_port;
};

static const struct rhashtable_params table_params = {
	.key_len = sizeof(u64),
	.key_offset = offsetof(struct hf_sock, local_port),
	.head_offset = offsetof(struct hf_sock, node),
	.automatic_shrinking = true,
};

static struct rhashtable table;
static atomic64_t last_local_port = ATOMIC64_INIT(FIRST_LOCAL_PORT - 1);

static struct hf_sock *hf_sk(struct sock *sk)
{
	return container_of(sk, struct hf_sock, sk);
}

/* The VM at the other end, NULL if there is none yet. */
static struct hf_vm *peer_vm(struct sock *sk)
{
	/*
	 * (N) The VM could be there, and the ports not yet.
	 *
	 * Orders: peer_vm  ->  ports
	 * Pairs:  (M) in sock_connect()
	 * Proof:  litmus/MP+connect-vs-send
	 */
	return smp_load_acquire(&hf_sk(sk)->peer_vm);
}

static void fill_address(struct hf_sockaddr *addr, u16 vm_id, u64 port)
{
	memset(addr, 0, sizeof(*addr));
	addr->family = AF_HF;
	addr->vm_id = vm_id;
	addr->port = port;
}

/* Make the socket's VM's death known to its owner. */
static void report_death(struct sock *sk)
{
	WRITE_ONCE(sk->sk_shutdown, SHUTDOWN_MASK);
	WRITE_ONCE(sk->sk_err, ECONNRESET);
	sk_error_report(sk);
	sk->sk_state_change(sk);
}

static int sock_connect(struct socket *sock, struct sockaddr *uaddr, int len, int flags)
{
	struct hf_sockaddr *addr = (struct hf_sockaddr *)uaddr;
	struct sock *sk = sock->sk;
	struct hf_sock *hs = hf_sk(sk);
	struct hf_vm *vm;
	int err;

	if (len < sizeof(*addr) || addr->family != AF_HF)
		return -EINVAL;
	vm = hf_vm_find(addr->vm_id);
	if (!vm)
		return -ENETUNREACH;

	lock_sock(sk);
	err = -EISCONN;
	if (hs->peer_vm)
		goto out;
	hs->peer_port = addr->port;
	hs->local_port = atomic64_inc_return_relaxed(&last_local_port);
	err = rhashtable_insert_fast(&table, &hs->node, table_params);
	if (err)
		goto out;
	/*
	 * (M) A sender could find the VM and not the ports.
	 *
	 * Orders: ports  ->  peer_vm
	 * Pairs:  (N) in peer_vm()
	 * Proof:  litmus/MP+connect-vs-send
	 */
	smp_store_release(&hs->peer_vm, vm);

	sock->state = SS_CONNECTED;
	/*
	 * (K) The VM could die without our seeing it or being seen.
	 *
	 * Orders: socket in the table, peer_vm  ->  dead
	 * Pairs:  (J) in hf_socket_vm_died()
	 * Proof:  litmus/SB+death-vs-connect
	 */
	smp_mb();
	if (READ_ONCE(vm->dead)) {
		report_death(sk);
		err = -ECONNRESET;
	}
out:
	release_sock(sk);
	return err;
}

static int sock_getname(struct socket *sock, struct sockaddr *uaddr, int peer)
{
	struct hf_sockaddr *addr = (struct hf_sockaddr *)uaddr;
	struct hf_sock *hs = hf_sk(sock->sk);
	struct hf_vm *vm = peer_vm(sock->sk);

	if (!peer)
		fill_address(addr, HF_VM_ID_PRIMARY, vm ? hs->local_port : 0);
	else if (vm)
		fill_address(addr, vm->id, hs->peer_port);
	else
		return -ENOTCONN;
	return sizeof(*addr);
}

/* A destination may be named if it is the one that the socket is connected to. */
static int check_destination(struct hf_sock *hs, struct hf_vm *vm, struct msghdr *msg)
{
	DECLARE_SOCKADDR(struct hf_sockaddr *, addr, msg->msg_name);

	if (!vm)
		return -ENOTCONN;
	if (!addr)
		return 0;
	if (msg->msg_namelen < sizeof(*addr) || addr->family != AF_HF)
		return -EINVAL;
	return addr->vm_id == vm->id && addr->port == hs->peer_port ? 0 : -EISCONN;
}

static struct sk_buff *alloc_message(struct sock *sk, struct msghdr *msg, size_t len, int *err)
{
	struct hf_msg_hdr *hdr;
	struct sk_buff *skb;

	skb = sock_alloc_send_skb(sk, sizeof(*hdr) + len, msg->msg_flags & MSG_DONTWAIT, err);
	if (!skb)
		return NULL;

	hdr = skb_put(skb, sizeof(*hdr));
	hdr->src_port = cpu_to_le64(hf_sk(sk)->local_port);
	hdr->dst_port = cpu_to_le64(hf_sk(sk)->peer_port);
	*err = memcpy_from_msg(skb_put(skb, len), msg, len);
	if (*err) {
		kfree_skb(skb);
		return NULL;
	}
	return skb;
}

static int sock_sendmsg_hf(struct socket *sock, struct msghdr *msg, size_t len)
{
	struct sock *sk = sock->sk;
	struct hf_vm *vm = peer_vm(sk);
	struct sk_buff *skb;
	int err;

	if (msg->msg_flags & MSG_OOB)
		return -EOPNOTSUPP;
	err = check_destination(hf_sk(sk), vm, msg);
	if (err)
		return err;
	if (len > HF_MSG_PAYLOAD_MAX)
		return -EMSGSIZE;

	skb = alloc_message(sk, msg, len, &err);
	if (skb) {
		err = hf_mailbox_send(vm, skb);
		if (err)
			kfree_skb(skb);
	}
	/* Whatever stood in the way first, a dead VM is what matters. */
	if (err && READ_ONCE(vm->dead))
		return -EPIPE;
	return err ?: len;
}

static int sock_recvmsg_hf(struct socket *sock, struct msghdr *msg, size_t len, int flags)
{
	struct sock *sk = sock->sk;
	struct hf_vm *vm = peer_vm(sk);
	struct sk_buff *skb;
	size_t copied;
	int err;

	if (flags & (MSG_OOB | MSG_ERRQUEUE))
		return -EOPNOTSUPP;
	if (!vm)
		return -ENOTCONN;

	skb = skb_recv_datagram(sk, flags, &err);
	if (!skb)
		return READ_ONCE(vm->dead) ? -ECONNRESET : err;

	copied = min_t(size_t, len, skb->len);
	if (copied < skb->len)
		msg->msg_flags |= MSG_TRUNC;
	err = skb_copy_datagram_msg(skb, 0, msg, copied);
	if (err)
		goto out;

	sock_recv_cmsgs(msg, sk, skb);
	if (msg->msg_name) {
		fill_address(msg->msg_name, HF_SKB_CB(skb)->vm->id, HF_SKB_CB(skb)->src_port);
		msg->msg_namelen = sizeof(struct hf_sockaddr);
	}
	err = flags & MSG_TRUNC ? skb->len : copied;
out:
	skb_free_datagram(sk, skb);
	return err;
}

static int sock_release_hf(struct socket *sock)
{
	struct sock *sk = sock->sk;
	struct hf_sock *hs = hf_sk(sk);

	if (!sk)
		return 0;

	lock_sock(sk);
	sock->sk = NULL;
	if (hs->peer_vm) {
		rhashtable_remove_fast(&table, &hs->node, table_params);
		hf_mailbox_orphan(hs->peer_vm, sk);
	}
	WRITE_ONCE(sk->sk_shutdown, SHUTDOWN_MASK);
	sock_orphan(sk);
	release_sock(sk);
	sock_put(sk);
	return 0;
}

static const struct proto_ops hf_proto_ops = {
	.family		= PF_HF,
	.owner		= THIS_MODULE,
	.release	= sock_release_hf,
	.bind		= sock_no_bind,
	.connect	= sock_connect,
	.socketpair	= sock_no_socketpair,
	.accept		= sock_no_accept,
	.getname	= sock_getname,
	.poll		= datagram_poll,
	.ioctl		= sock_no_ioctl,
	.gettstamp	= sock_gettstamp,
	.listen		= sock_no_listen,
	.shutdown	= sock_no_shutdown,
	.sendmsg	= sock_sendmsg_hf,
	.recvmsg	= sock_recvmsg_hf,
	.mmap		= sock_no_mmap,
};

static struct proto hf_proto = {
	.name		= "HF",
	.owner		= THIS_MODULE,
	.obj_size	= sizeof(struct hf_sock),
};

static void sock_destruct(struct sock *sk)
{
	skb_queue_purge(&sk->sk_receive_queue);
	skb_queue_purge(&sk->sk_error_queue);
}

static int sock_create_hf(struct net *net, struct socket *sock, int protocol, int kern)
{
	struct sock *sk;

	/* VMs belong to the machine, not to a container on it. */
	if (!net_eq(net, &init_net))
		return -EAFNOSUPPORT;
	if (sock->type != SOCK_DGRAM)
		return -ESOCKTNOSUPPORT;
	if (protocol)
		return -EPROTONOSUPPORT;
	if (!kern && !capable(CAP_NET_RAW) && !capable(CAP_SYS_ADMIN))
		return -EPERM;

	sk = sk_alloc(net, PF_HF, GFP_KERNEL, &hf_proto, kern);
	if (!sk)
		return -ENOMEM;

	sock->ops = &hf_proto_ops;
	sock_init_data(sock, sk);
	sk->sk_destruct = sock_destruct;
	sock_set_flag(sk, SOCK_RCU_FREE);
	return 0;
}

static const struct net_proto_family hf_family = {
	.family	= PF_HF,
	.owner	= THIS_MODULE,
	.create	= sock_create_hf,
};

/* The socket that a message is for, with a reference, or NULL. */
static struct sock *find_receiver(const struct hf_skb_cb *cb)
{
	struct hf_sock *hs;
	struct sock *sk = NULL;

	rcu_read_lock();
	hs = rhashtable_lookup(&table, &cb->dst_port, table_params);
	if (hs && peer_vm(&hs->sk) == cb->vm && hs->peer_port == cb->src_port &&
	    refcount_inc_not_zero(&hs->sk.sk_refcnt))
		sk = &hs->sk;
	rcu_read_unlock();
	return sk;
}

void hf_socket_deliver(struct sk_buff *skb)
{
	struct hf_vm *vm = HF_SKB_CB(skb)->vm;
	struct sock *sk = find_receiver(HF_SKB_CB(skb));

	if (!sk) {
		atomic_long_inc(&vm->dropped_port);
		kfree_skb(skb);
		return;
	}
	if (sock_queue_rcv_skb(sk, skb)) {
		atomic_long_inc(&vm->dropped_full);
		kfree_skb(skb);
	}
	sock_put(sk);
}

void hf_socket_vm_died(struct hf_vm *vm)
{
	struct rhashtable_iter iter;
	struct hf_sock *hs;

	/*
	 * (J) A socket could connect without our seeing it or its seeing us.
	 *
	 * Orders: dead  ->  walk of the table
	 * Pairs:  (K) in sock_connect()
	 * Proof:  litmus/SB+death-vs-connect
	 */
	smp_mb();
	rhashtable_walk_enter(&table, &iter);
	rhashtable_walk_start(&iter);
	while ((hs = rhashtable_walk_next(&iter))) {
		/* After -EAGAIN the walk sees all again, which does no harm. */
		if (!IS_ERR(hs) && peer_vm(&hs->sk) == vm)
			report_death(&hs->sk);
	}
	rhashtable_walk_stop(&iter);
	rhashtable_walk_exit(&iter);
}

int hf_socket_init(void)
{
	int err;

	sock_skb_cb_check_size(sizeof(struct hf_skb_cb));
	err = rhashtable_init(&table, &table_params);
	if (err)
		return err;
	err = proto_register(&hf_proto, 1);
	if (err)
		rhashtable_destroy(&table);
	return err;
}

void hf_socket_exit(void)
{
	proto_unregister(&hf_proto);
	rhashtable_destroy(&table);
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
