// SPDX-License-Identifier: GPL-2.0-only
/*
 * SOCK_DGRAM: as UDP, with VMs for hosts.
 *
 * Process context. A socket that got its port from connect() keeps the old
 * driver's manners: it speaks to that peer only, until it is disconnected.
 *
 * Invariant: a message that send() took is sent, in order for each VM, unless
 * the VM dies or the socket is closed and too much waits for the VM already.
 * A message for a socket that is full is dropped and counted (sk_drops).
 */
#include <linux/filter.h>
#include <linux/poll.h>
#include <linux/slab.h>
#include <net/sock.h>

#include "hf_port.h"
#include "hf_sock.h"

/* Where a message goes. */
struct destination {
	struct hf_flow *flow;
	u64 port;
	u64 src_port;
};

/* Make the death of the socket's VM known to its owner. */
static void report_death(struct sock *sk)
{
	WRITE_ONCE(sk->sk_shutdown, SHUTDOWN_MASK);
	WRITE_ONCE(sk->sk_err, ECONNRESET);
	sk_error_report(sk);
	sk->sk_state_change(sk);
}

/* The flow to a VM, made when it is first needed. NULL without memory. May sleep. */
static struct hf_flow *get_flow(struct hf_sock *hs, struct hf_vm *vm)
{
	struct hf_flow *flow = xa_load(&hs->flows, vm->id);
	struct hf_flow *other;

	if (flow)
		return flow;
	flow = kmalloc(sizeof(*flow), GFP_KERNEL_ACCOUNT);
	if (!flow)
		return NULL;
	hf_flow_init(flow, vm, &hs->sk);
	other = xa_cmpxchg(&hs->flows, vm->id, NULL, flow, GFP_KERNEL);
	if (other) {
		kfree(flow);
		flow = xa_is_err(other) ? NULL : other;
	}
	return flow;
}

static bool peer_is_dead(struct hf_sock *hs)
{
	const struct hf_peer *peer;
	bool dead;

	rcu_read_lock();
	peer = hf_sock_peer(hs);
	dead = peer && READ_ONCE(peer->vm->dead);
	rcu_read_unlock();
	return dead;
}

static void forget_peer_locked(struct sock *sk)
{
	struct hf_sock *hs = hf_sk(sk);
	bool dead = peer_is_dead(hs);

	if (hs->port_from_connect)
		hf_port_unbind(hs);
	WRITE_ONCE(hs->port_from_connect, false);
	hf_sock_clear_peer(hs);
	/* The walk that makes this death known may still be under way. */
	if (dead)
		synchronize_rcu();
	WRITE_ONCE(sk->sk_state, TCP_CLOSE);
	sk->sk_socket->state = SS_UNCONNECTED;
	WRITE_ONCE(sk->sk_shutdown, 0);
	sock_error(sk);
}

static int connect_locked(struct sock *sk, const struct hf_sockaddr *addr, int len)
{
	struct hf_sock *hs = hf_sk(sk);
	bool bind = !hs->bound;
	struct hf_flow *flow;
	struct hf_vm *vm;
	int err;

	vm = hf_sock_find_vm(hs, addr, len);
	if (IS_ERR(vm))
		return PTR_ERR(vm);
	if (hs->port_from_connect)
		return -EISCONN;
	if (READ_ONCE(vm->dead))
		return -ECONNRESET;
	flow = get_flow(hs, vm);
	if (!flow)
		return -ENOMEM;
	err = hf_sock_need_port(hs, vm);
	if (err)
		return err;

	if (peer_is_dead(hs))
		forget_peer_locked(sk);
	err = hf_sock_set_peer(hs, vm, addr->port, flow);
	if (err) {
		if (bind)
			hf_port_unbind(hs);
		return err;
	}

	WRITE_ONCE(hs->port_from_connect, bind);
	WRITE_ONCE(sk->sk_state, TCP_ESTABLISHED);
	sk->sk_socket->state = SS_CONNECTED;
	/* It has died since, and the walk that tells sockets of it may have missed this one. */
	if (READ_ONCE(vm->dead))
		report_death(sk);
	return 0;
}

static int dgram_connect(struct socket *sock, struct sockaddr_unsized *uaddr, int len, int flags)
{
	struct sock *sk = sock->sk;
	int err = 0;

	lock_sock(sk);
	if (len >= (int)sizeof(uaddr->sa_family) && uaddr->sa_family == AF_UNSPEC)
		forget_peer_locked(sk);
	else
		err = connect_locked(sk, (struct hf_sockaddr *)uaddr, len);
	release_sock(sk);
	return err;
}

/* Returns 1 if the message goes to the connected peer, 0 if it goes elsewhere. */
static int find_peer(struct hf_sock *hs, const struct hf_sockaddr *addr, int len,
		     struct destination *to)
{
	const struct hf_peer *peer;
	int ret = 0;

	rcu_read_lock();
	peer = hf_sock_peer(hs);
	if (peer) {
		to->flow = peer->flow;
		to->port = peer->port;
		to->src_port = peer->local_port;
		if (!addr)
			ret = 1;
		else if (len < (int)sizeof(*addr) || addr->family != AF_HF)
			ret = -EINVAL;
		else if (addr->vm_id == peer->vm->id && addr->port == peer->port)
			ret = 1;
		else if (READ_ONCE(hs->port_from_connect))
			ret = -EISCONN;
	} else if (!addr) {
		ret = -ENOTCONN;
	}
	rcu_read_unlock();
	return ret;
}

static int find_destination(struct sock *sk, const struct msghdr *msg, struct destination *to)
{
	DECLARE_SOCKADDR(struct hf_sockaddr *, addr, msg->msg_name);
	struct hf_sock *hs = hf_sk(sk);
	struct hf_vm *vm;
	int ret;

	ret = find_peer(hs, addr, msg->msg_namelen, to);
	if (ret)
		return min(ret, 0);

	vm = hf_sock_find_vm(hs, addr, msg->msg_namelen);
	if (IS_ERR(vm))
		return PTR_ERR(vm);
	to->flow = get_flow(hs, vm);
	if (!to->flow)
		return -ENOMEM;
	/* Answers must find the way back. The lock: a port and its VM change together. */
	lock_sock(sk);
	ret = hf_sock_need_port(hs, vm);
	to->port = addr->port;
	to->src_port = hs->local_port;
	release_sock(sk);
	return ret;
}

static bool can_send(struct sock *sk, struct hf_flow *flow)
{
	return READ_ONCE(sk->sk_shutdown) & SEND_SHUTDOWN || hf_flow_want_room(flow);
}

static bool has_room(const struct sock *sk)
{
	return sk_wmem_alloc_get(sk) < READ_ONCE(sk->sk_sndbuf);
}

/* A sender is not woken in the place of one that receives. */
static int sender_wake_function(struct wait_queue_entry *wait, unsigned int mode, int sync,
				void *key)
{
	if (key && !(key_to_poll(key) & (EPOLLOUT | EPOLLERR)))
		return 0;
	return autoremove_wake_function(wait, mode, sync, key);
}

/*
 * Wait for room in the flow's queue or, without one, in the socket's buffer. Returns 0 if
 * it is worth trying again; the caller then has to wake the next sender.
 */
static int wait_for_room(struct sock *sk, struct hf_flow *flow, long *timeout)
{
	wait_queue_head_t *queue = flow ? &flow->senders : sk_sleep(sk);
	DEFINE_WAIT_FUNC(wait, sender_wake_function);

	if (!*timeout)
		return -EAGAIN;
	if (signal_pending(current))
		return sock_intr_errno(*timeout);
	prepare_to_wait_exclusive(queue, &wait, TASK_INTERRUPTIBLE);
	if (!(flow ? can_send(sk, flow) : has_room(sk)))
		*timeout = schedule_timeout(*timeout);
	finish_wait(queue, &wait);
	/* That ends the wait without making room. */
	return READ_ONCE(sk->sk_shutdown) & SEND_SHUTDOWN ? -EPIPE : 0;
}

static struct sk_buff *alloc_message(struct sock *sk, size_t len, long *timeout, int *err)
{
	struct sk_buff *skb;
	bool waited = false;

	while (!(skb = sock_alloc_send_skb(sk, len, true, err)) && *err == -EAGAIN) {
		*err = wait_for_room(sk, NULL, timeout);
		waited = true;
		if (*err)
			break;
	}
	if (waited && has_room(sk))
		hf_flow_wake_senders(sk);
	return skb;
}

/* Hand the message over, when there is room. */
static int send_message(struct sock *sk, struct hf_flow *flow, struct sk_buff *skb, long *timeout)
{
	bool waited = false;
	int err;

	while ((err = hf_flow_send(flow, skb)) == -EAGAIN) {
		WRITE_ONCE(hf_sk(sk)->full, flow);
		err = wait_for_room(sk, flow, timeout);
		waited = true;
		if (err)
			break;
	}
	if (waited && can_send(sk, flow))
		wake_up_interruptible(&flow->senders);
	return err;
}

/* The way of a message that may have to wait. */
static int send_buffered(struct sock *sk, const struct destination *to,
			 const struct hf_msg_hdr *hdr, struct msghdr *msg, size_t len)
{
	long timeout = sock_sndtimeo(sk, msg->msg_flags & MSG_DONTWAIT);
	struct sk_buff *skb;
	int err;

	skb = alloc_message(sk, sizeof(*hdr) + len, &timeout, &err);
	if (!skb)
		return err;
	skb_put_data(skb, hdr, sizeof(*hdr));
	err = memcpy_from_msg(skb_put(skb, len), msg, len);
	if (!err && READ_ONCE(sk->sk_shutdown) & SEND_SHUTDOWN)
		err = -EPIPE;
	if (!err)
		err = send_message(sk, to->flow, skb, &timeout);
	if (err)
		kfree_skb(skb);
	return err;
}

static int dgram_sendmsg(struct socket *sock, struct msghdr *msg, size_t len)
{
	struct sock *sk = sock->sk;
	struct destination to;
	struct hf_msg_hdr hdr;
	int err;

	if (msg->msg_flags & MSG_OOB)
		return -EOPNOTSUPP;
	err = find_destination(sk, msg, &to);
	if (err)
		return err;
	if (len > HF_MSG_PAYLOAD_MAX)
		return -EMSGSIZE;

	hdr.src_port = cpu_to_le64(to.src_port);
	hdr.dst_port = cpu_to_le64(to.port);
	err = hf_flow_send_now(to.flow, &hdr, sizeof(hdr), &msg->msg_iter, len,
			       !(msg->msg_flags & MSG_DONTWAIT));
	/* Sent; or refused for good, which is an error of the socket and not of the call. */
	if (err != -EAGAIN)
		return len;
	err = send_buffered(sk, &to, &hdr, msg, len);
	/* Whatever stood in the way first, a dead VM is what matters. */
	if (err)
		return READ_ONCE(to.flow->vm->dead) ? -EPIPE : err;
	return len;
}

static int dgram_recvmsg(struct socket *sock, struct msghdr *msg, size_t len, int flags)
{
	struct hf_sock *hs = hf_sk(sock->sk);
	int ret;

	if (flags & MSG_OOB)
		return -EOPNOTSUPP;
	/* Linux reports no error of ours there. */
	if (flags & MSG_ERRQUEUE)
		return -EAGAIN;
	/* Nothing could ever come. */
	if (!READ_ONCE(hs->local_port))
		return -ENOTCONN;

	ret = hf_sock_recv(sock->sk, msg, len, flags);
	if (ret == -ESHUTDOWN)
		ret = peer_is_dead(hs) ? -ECONNRESET : 0;
	return ret;
}

/* The VM may die meanwhile, and what that has shut must stay so. */
static void shut_down(struct sock *sk, u8 mask)
{
	u8 old = READ_ONCE(sk->sk_shutdown);

	while (!try_cmpxchg_relaxed(&sk->sk_shutdown, &old, old | mask))
		;
}

static int dgram_shutdown(struct socket *sock, int how)
{
	struct sock *sk = sock->sk;
	struct hf_flow *flow;
	unsigned long id;
	int err;

	if (how < SHUT_RD || how > SHUT_RDWR)
		return -EINVAL;
	lock_sock(sk);
	/* Without a peer, too, as programs end a recv() of theirs; but UDP's answer is an error. */
	shut_down(sk, how + 1);
	sk->sk_state_change(sk);
	xa_for_each(&hf_sk(sk)->flows, id, flow)
		wake_up_interruptible_all(&flow->senders);
	err = sk->sk_state == TCP_ESTABLISHED ? 0 : -ENOTCONN;
	release_sock(sk);
	return err;
}

/* The flow that the next message is likely to take. */
static struct hf_flow *likely_flow(struct hf_sock *hs)
{
	struct hf_flow *flow = READ_ONCE(hs->full);
	const struct hf_peer *peer;

	rcu_read_lock();
	peer = hf_sock_peer(hs);
	if (peer)
		flow = peer->flow;
	rcu_read_unlock();
	return flow;
}

static __poll_t dgram_poll(struct file *file, struct socket *sock, poll_table *wait)
{
	__poll_t mask = datagram_poll(file, sock, wait);
	struct hf_flow *flow = likely_flow(hf_sk(sock->sk));

	if (flow && !can_send(sock->sk, flow))
		mask &= ~(EPOLLOUT | EPOLLWRNORM | EPOLLWRBAND);
	return mask;
}

static int dgram_release(struct socket *sock)
{
	struct sock *sk = sock->sk;
	struct hf_sock *hs = hf_sk(sk);
	struct hf_flow *flow;
	unsigned long id;

	if (!sk)
		return 0;

	lock_sock(sk);
	sock->sk = NULL;
	hf_port_unbind(hs);
	hf_sock_clear_peer(hs);
	xa_for_each(&hs->flows, id, flow)
		hf_flow_close(flow);
	xa_destroy(&hs->flows);
	WRITE_ONCE(sk->sk_shutdown, SHUTDOWN_MASK);
	release_sock(sk);
	sk_common_release(sk);
	return 0;
}

/* Whether the socket takes messages from this end. */
static bool takes_from(struct hf_sock *hs, const struct hf_skb_cb *cb)
{
	const struct hf_peer *peer;
	u16 from_vm = READ_ONCE(hs->from_vm);
	bool takes = from_vm == HF_VM_ID_ANY || from_vm == cb->vm->id;

	rcu_read_lock();
	peer = hf_sock_peer(hs);
	if (peer)
		takes = takes && peer->vm == cb->vm && peer->port == cb->src_port;
	rcu_read_unlock();
	return takes;
}

void hf_dgram_deliver(struct sock *sk, struct sk_buff *skb)
{
	struct hf_vm *vm = HF_SKB_CB(skb)->vm;

	if (!takes_from(hf_sk(sk), HF_SKB_CB(skb))) {
		atomic_long_inc(&vm->dropped_port);
		kfree_skb(skb);
		return;
	}
	if (READ_ONCE(sk->sk_shutdown) & RCV_SHUTDOWN || sk_filter(sk, skb)) {
		atomic_inc(&sk->sk_drops);
		atomic_long_inc(&vm->dropped_full);
		kfree_skb(skb);
		return;
	}
	/* Counts in sk_drops what does not fit; sock_queue_rcv_skb() would filter uncounted. */
	if (__sock_queue_rcv_skb(sk, skb)) {
		atomic_long_inc(&vm->dropped_full);
		kfree_skb(skb);
	}
}

void hf_dgram_vm_died(struct sock *sk, struct hf_vm *vm)
{
	const struct hf_peer *peer;

	/* forget_peer_locked() waits for the end of this section. */
	rcu_read_lock();
	peer = hf_sock_peer(hf_sk(sk));
	if (peer && peer->vm == vm)
		report_death(sk);
	rcu_read_unlock();
}

const struct proto_ops hf_dgram_ops = {
	.family		= PF_HF,
	.owner		= THIS_MODULE,
	.release	= dgram_release,
	.bind		= hf_sock_bind,
	.connect	= dgram_connect,
	.socketpair	= sock_no_socketpair,
	.accept		= sock_no_accept,
	.getname	= hf_sock_getname,
	.poll		= dgram_poll,
	.ioctl		= hf_sock_ioctl,
	.gettstamp	= sock_gettstamp,
	.listen		= sock_no_listen,
	.shutdown	= dgram_shutdown,
	.sendmsg	= dgram_sendmsg,
	.recvmsg	= dgram_recvmsg,
	.mmap		= sock_no_mmap,
};
