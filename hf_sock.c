// SPDX-License-Identifier: GPL-2.0-only
/*
 * One socket of AF_HF: all that has nothing to do with sending.
 *
 * Owns what the address of a socket and of its peer is, which VMs it may use, and
 * receiving. Process context.
 *
 * Invariant: a socket with a peer is found by the death of that VM, or finds it.
 * Does not: know of flows (hf_dgram.c), or which socket has which port (hf_port.c).
 */
#include <linux/sockios.h>
#include <net/sock.h>
#include <asm/ioctls.h>
#include <hf/hafnium.h>

#include "hf_port.h"
#include "hf_sock.h"

HLIST_HEAD(hf_sockets);

static void fill_address(struct hf_sockaddr *addr, u16 vm_id, u64 port)
{
	memset(addr, 0, sizeof(*addr));
	addr->family = AF_HF;
	addr->vm_id = vm_id;
	addr->port = port;
}

struct hf_peer *hf_sock_peer(struct hf_sock *hs)
{
	return rcu_dereference(hs->peer);
}

static void replace_peer(struct hf_sock *hs, struct hf_peer *peer)
{
	struct hf_peer *old = rcu_dereference_protected(hs->peer, lockdep_sock_is_held(&hs->sk));

	rcu_assign_pointer(hs->peer, peer);
	if (old)
		kfree_rcu(old, rcu);
}

int hf_sock_set_peer(struct hf_sock *hs, struct hf_vm *vm, u64 port, struct hf_flow *flow)
{
	struct hf_peer *peer = kmalloc(sizeof(*peer), GFP_KERNEL_ACCOUNT);

	if (!peer)
		return -ENOMEM;
	peer->vm = vm;
	peer->port = port;
	peer->local_port = hs->local_port;
	peer->flow = flow;
	replace_peer(hs, peer);
	/*
	 * (K) The VM could die without our seeing it or being seen.
	 *
	 * Orders: peer  ->  dead
	 * Pairs:  (J) in hf_socket_vm_died()
	 * Proof:  litmus/SB+death-vs-connect
	 */
	smp_mb();
	return 0;
}

void hf_sock_clear_peer(struct hf_sock *hs)
{
	replace_peer(hs, NULL);
}

static bool may_use(struct hf_sock *hs, const struct hf_vm *vm)
{
	return hs->privileged || hf_vm_owned_by_current(vm);
}

static bool is_no_sockets(u64 port)
{
	return port == HF_PORT_VSOCK || port == HF_PORT_EVENT;
}

struct hf_vm *hf_sock_find_vm(struct hf_sock *hs, const struct hf_sockaddr *addr, int len)
{
	struct hf_vm *vm;

	if (len < (int)sizeof(*addr) || addr->family != AF_HF)
		return ERR_PTR(-EINVAL);
	vm = hf_vm_find(addr->vm_id);
	if (!vm)
		return ERR_PTR(-ENETUNREACH);
	return may_use(hs, vm) && !is_no_sockets(addr->port) ? vm : ERR_PTR(-EACCES);
}

/* Whether the socket may take messages from those that the address names. */
static int check_source(struct hf_sock *hs, u16 vm_id)
{
	struct hf_vm *vm;

	if (vm_id == HF_VM_ID_ANY || vm_id == HF_VM_ID_PRIMARY)
		return hs->privileged ? 0 : -EACCES;
	vm = hf_vm_find(vm_id);
	if (!vm)
		return -EADDRNOTAVAIL;
	return may_use(hs, vm) ? 0 : -EACCES;
}

/*
 * The filter first: nothing may slip in before it. It stays when the port goes, or
 * cannot be had: a delivery that found the socket before may be under way.
 */
static int bind_locked(struct hf_sock *hs, u16 from_vm, u64 port)
{
	WRITE_ONCE(hs->from_vm, from_vm);
	return hf_port_bind(hs, port);
}

int hf_sock_need_port(struct hf_sock *hs, const struct hf_vm *vm)
{
	if (!hs->bound)
		return bind_locked(hs, hs->privileged ? HF_VM_ID_ANY : vm->id, HF_PORT_ANY);
	return hs->from_vm == HF_VM_ID_ANY || hs->from_vm == vm->id ? 0 : -EINVAL;
}

int hf_sock_bind(struct socket *sock, struct sockaddr_unsized *uaddr, int len)
{
	const struct hf_sockaddr *addr = (struct hf_sockaddr *)uaddr;
	struct hf_sock *hs = hf_sk(sock->sk);
	u16 from_vm;
	int err;

	if (len < (int)sizeof(*addr) || addr->family != AF_HF)
		return -EINVAL;
	err = check_source(hs, addr->vm_id);
	if (err)
		return err;
	if (is_no_sockets(addr->port) ||
	    (addr->port != HF_PORT_ANY && addr->port < HF_PORT_RESERVED &&
	     !capable(CAP_NET_BIND_SERVICE)))
		return -EACCES;

	from_vm = addr->vm_id == HF_VM_ID_PRIMARY ? HF_VM_ID_ANY : addr->vm_id;
	lock_sock(sock->sk);
	err = hs->local_port ? -EINVAL : bind_locked(hs, from_vm, addr->port);
	release_sock(sock->sk);
	return err;
}

int hf_sock_getname(struct socket *sock, struct sockaddr *uaddr, int peer)
{
	struct hf_sockaddr *addr = (struct hf_sockaddr *)uaddr;
	struct hf_sock *hs = hf_sk(sock->sk);
	const struct hf_peer *to;
	int len = sizeof(*addr);

	rcu_read_lock();
	to = hf_sock_peer(hs);
	if (!peer)
		fill_address(addr, HF_VM_ID_PRIMARY, READ_ONCE(hs->local_port));
	else if (to)
		fill_address(addr, to->vm->id, to->port);
	else
		len = -ENOTCONN;
	rcu_read_unlock();
	return len;
}

/* --- messages --- */

/* The next message, if there is one, whatever the state of the socket. */
static struct sk_buff *receive_before_error(struct sock *sk, int flags)
{
	struct sk_buff_head *queue = &sk->sk_receive_queue;
	struct sk_buff *skb;
	unsigned long irq;

	spin_lock_irqsave(&queue->lock, irq);
	skb = skb_peek(queue);
	if (skb && flags & MSG_PEEK)
		refcount_inc(&skb->users);
	else if (skb)
		__skb_unlink(skb, queue);
	spin_unlock_irqrestore(&queue->lock, irq);
	return skb;
}

/* Whether it is one that was set on the socket, and not how a wait for messages ends. */
static bool was_set_on_socket(int err)
{
	return err && err != -EAGAIN && err != -EINTR && err != -ERESTARTSYS && err != -ENOTCONN;
}

/* As skb_recv_datagram(), but an error comes after all that arrived before it. */
static struct sk_buff *receive_message(struct sock *sk, int flags, int *err)
{
	struct sk_buff *skb = NULL;
	/* Not 0, for which an empty message that was peeked at would be passed over. */
	int offset = -1;

	if (READ_ONCE(sk->sk_err))
		skb = receive_before_error(sk, flags);
	if (!skb)
		skb = __skb_recv_datagram(sk, &sk->sk_receive_queue, flags, &offset, err);
	if (skb || !was_set_on_socket(*err))
		return skb;
	/* Linux took it off the socket. Was there a message, it is for the next call. */
	skb = receive_before_error(sk, flags);
	if (skb)
		cmpxchg_relaxed(&sk->sk_err, 0, -*err);
	return skb;
}

int hf_sock_recv(struct sock *sk, struct msghdr *msg, size_t len, int flags)
{
	struct sk_buff *skb;
	size_t copied;
	int err;

	skb = receive_message(sk, flags, &err);
	if (!skb) {
		bool ended = READ_ONCE(sk->sk_shutdown) & RCV_SHUTDOWN;

		return ended && (!err || err == -EAGAIN) ? -ESHUTDOWN : err;
	}

	copied = min_t(size_t, len, skb->len);
	if (copied < skb->len)
		msg->msg_flags |= MSG_TRUNC;
	err = skb_copy_datagram_msg(skb, 0, msg, copied);
	if (err && !(flags & MSG_PEEK)) {
		/* A bad buffer does not cost a message. */
		skb_queue_head(&sk->sk_receive_queue, skb);
		sk->sk_data_ready(sk);
		return err;
	}
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

/* What recv() would find. */
static int bytes_to_read(struct sock *sk)
{
	struct sk_buff *skb;
	int len;

	spin_lock_bh(&sk->sk_receive_queue.lock);
	skb = skb_peek(&sk->sk_receive_queue);
	len = skb ? skb->len : 0;
	spin_unlock_bh(&sk->sk_receive_queue.lock);
	return len;
}

int hf_sock_ioctl(struct socket *sock, unsigned int cmd, unsigned long arg)
{
	struct sock *sk = sock->sk;

	switch (cmd) {
	case SIOCINQ:
		return put_user(bytes_to_read(sk), (int __user *)arg);
	case SIOCOUTQ:
		return put_user(sk_wmem_alloc_get(sk), (int __user *)arg);
	default:
		return -ENOIOCTLCMD;
	}
}
