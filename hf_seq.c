// SPDX-License-Identifier: GPL-2.0-only
/*
 * SOCK_SEQPACKET: the system calls.
 *
 * Process context. What frames do to a connection is in hf_conn.c; the two
 * meet under conn_lock.
 *
 * Invariant: a message is sent only on credit that the peer has given, so that
 * a peer that reads slowly stops its own senders and nobody else.
 */
#include <linux/poll.h>
#include <net/sock.h>

#include "hf_port.h"
#include "hf_seq.h"

/* --- connect --- */

/* Everything that needs memory or permission; the frame goes out last. */
static int start_connect(struct sock *sk, const struct hf_sockaddr *addr, int len)
{
	struct hf_sock *hs = hf_sk(sk);
	struct hf_seq_flow *tx;
	struct hf_vm *vm;
	int err;

	vm = hf_sock_find_vm(hs, addr, len);
	if (IS_ERR(vm))
		return PTR_ERR(vm);
	err = hf_sock_need_port(hs, vm);
	if (err)
		return err;
	tx = hf_frame_create_flow(vm, sk, hs->local_port, addr->port, GFP_KERNEL_ACCOUNT);
	if (!tx)
		return -ENOMEM;
	err = hf_sock_set_peer(hs, vm, addr->port, &tx->flow, GFP_KERNEL_ACCOUNT);
	if (err) {
		hf_flow_close(&tx->flow);
		return err;
	}
	return hf_conn_request(sk, vm, addr->port, tx);
}

static void arm_timeout(struct hf_sock *hs)
{
	sock_hold(&hs->sk);
	if (mod_delayed_work(system_dfl_wq, &hs->connect_timeout, HF_CONNECT_TIMEOUT))
		sock_put(&hs->sk);
}

/* Wait for the peer's answer, without the socket lock. */
static int wait_connected(struct sock *sk, long timeout)
{
	long left;

	release_sock(sk);
	left = wait_event_interruptible_timeout(*sk_sleep(sk),
						READ_ONCE(sk->sk_state) != TCP_SYN_SENT, timeout);
	lock_sock(sk);
	if (left < 0)
		return sock_intr_errno(timeout);
	return left ? 0 : -EINPROGRESS;
}

static int connect_locked(struct socket *sock, const struct hf_sockaddr *addr, int len, int flags)
{
	struct sock *sk = sock->sk;
	long timeout = sock_sndtimeo(sk, flags & O_NONBLOCK);
	int err;

	hf_conn_leave_if_over(sk);
	switch (READ_ONCE(sk->sk_state)) {
	case TCP_ESTABLISHED:
		sock->state = SS_CONNECTED;
		return -EISCONN;
	case TCP_LISTEN:
		return -EINVAL;
	case TCP_SYN_SENT:
		if (!timeout)
			return -EALREADY;
		break;
	default:
		/* How an attempt failed that nobody waited for. */
		err = sock_error(sk);
		if (err && sock->state == SS_CONNECTING && !READ_ONCE(hf_sk(sk)->established)) {
			sock->state = SS_UNCONNECTED;
			return err;
		}
		err = start_connect(sk, addr, len);
		if (err)
			return err;
		sock->state = SS_CONNECTING;
		arm_timeout(hf_sk(sk));
		if (!timeout)
			return -EINPROGRESS;
	}

	err = wait_connected(sk, timeout);
	if (err)
		return err;
	err = sock_error(sk);
	if (!err && !READ_ONCE(hf_sk(sk)->established))
		err = -ECONNREFUSED;
	sock->state = err ? SS_UNCONNECTED : SS_CONNECTED;
	return err;
}

static int seqpacket_connect(struct socket *sock, struct sockaddr_unsized *uaddr, int len,
			     int flags)
{
	int err;

	lock_sock(sock->sk);
	err = connect_locked(sock, (struct hf_sockaddr *)uaddr, len, flags);
	release_sock(sock->sk);
	return err;
}

/* --- listen and accept --- */

static int seqpacket_listen(struct socket *sock, int backlog)
{
	struct sock *sk = sock->sk;
	struct hf_sock *hs = hf_sk(sk);
	int err = -EINVAL;

	lock_sock(sk);
	spin_lock(&hs->conn_lock);
	if (hs->bound && sock->state == SS_UNCONNECTED &&
	    (sk->sk_state == TCP_CLOSE || sk->sk_state == TCP_LISTEN)) {
		WRITE_ONCE(sk->sk_max_ack_backlog, backlog);
		WRITE_ONCE(sk->sk_shutdown, 0);
		WRITE_ONCE(sk->sk_state, TCP_LISTEN);
		err = 0;
	}
	spin_unlock(&hs->conn_lock);
	release_sock(sk);
	return err;
}

static struct sock *take_child(struct sock *listener)
{
	struct hf_sock *hs = hf_sk(listener);
	struct hf_sock *child;

	spin_lock(&hs->conn_lock);
	child = list_first_entry_or_null(&hs->accept_queue, struct hf_sock, accept_queue);
	if (child) {
		list_del_init(&child->accept_queue);
		sk_acceptq_removed(listener);
	}
	spin_unlock(&hs->conn_lock);
	return child ? &child->sk : NULL;
}

/* From now on somebody reads: the peer may send more. */
static void adopt(struct sock *sk, struct socket *sock)
{
	struct hf_sock *hs = hf_sk(sk);

	sock_graft(sk, sock);
	sock->state = SS_CONNECTED;
	spin_lock(&hs->conn_lock);
	hs->accepted = true;
	if (sk->sk_state == TCP_ESTABLISHED)
		hf_conn_grant_locked(hs);
	spin_unlock(&hs->conn_lock);
}

static int accept_child(struct socket *sock, struct socket *newsock, int flags)
{
	struct sock *sk = sock->sk;
	long timeout = sock_rcvtimeo(sk, flags & O_NONBLOCK);
	struct sock *child = NULL;
	long left;

	if (READ_ONCE(sk->sk_state) != TCP_LISTEN)
		return -EINVAL;
	left = wait_event_interruptible_timeout(*sk_sleep(sk), (child = take_child(sk)) ||
						READ_ONCE(sk->sk_state) != TCP_LISTEN, timeout);
	if (!child)
		return left < 0 ? sock_intr_errno(timeout) : -EAGAIN;
	adopt(child, newsock);
	return 0;
}

#ifdef HF_HAVE_PROTO_ACCEPT_ARG
static int seqpacket_accept(struct socket *sock, struct socket *newsock,
			    struct proto_accept_arg *arg)
{
	return accept_child(sock, newsock, arg->flags);
}
#else
static int seqpacket_accept(struct socket *sock, struct socket *newsock, int flags, bool kern)
{
	return accept_child(sock, newsock, flags);
}
#endif

static int seqpacket_getname(struct socket *sock, struct sockaddr *uaddr, int peer)
{
	if (peer && !READ_ONCE(hf_sk(sock->sk)->established))
		return -ENOTCONN;
	return hf_sock_getname(sock, uaddr, peer);
}

/* --- messages --- */

/*
 * Whether it is worth trying to send. conn_lock orders this, which comes after
 * the wait queue was entered, against frames that bring credit and then look
 * who waits.
 */
static bool can_send(struct sock *sk)
{
	struct hf_sock *hs = hf_sk(sk);
	bool can = true;

	spin_lock(&hs->conn_lock);
	if (sk->sk_state == TCP_ESTABLISHED && !(sk->sk_shutdown & SEND_SHUTDOWN))
		can = (s32)(hs->tx_credit - hs->tx_seq) > 0 && hf_flow_want_room(&hs->tx->flow);
	spin_unlock(&hs->conn_lock);
	return can;
}

/* What stands in the way of sending, 0 if nothing does. */
static int send_error(struct sock *sk)
{
	int err = sock_error(sk);

	if (err)
		return err;
	if (READ_ONCE(sk->sk_shutdown) & SEND_SHUTDOWN)
		return -EPIPE;
	return READ_ONCE(sk->sk_state) == TCP_ESTABLISHED ? 0 : -ENOTCONN;
}

/* With @skb, or without a buffer from @msg if it is NULL. */
static int try_send(struct sock *sk, struct sk_buff *skb, struct msghdr *msg, size_t len)
{
	struct hf_seq_frame head, *frame = skb ? (struct hf_seq_frame *)skb->data : &head;
	struct hf_sock *hs = hf_sk(sk);
	struct hf_vm *vm = NULL;
	int err;

	spin_lock(&hs->conn_lock);
	err = send_error(sk);
	if (!err && (s32)(hs->tx_credit - hs->tx_seq) <= 0)
		err = -EAGAIN;
	if (!err) {
		vm = hs->tx->flow.vm;
		hf_frame_fill(hs->tx, frame, HF_SEQ_DATA);
		frame->seq.seq = cpu_to_le32(hs->tx_seq);
		err = skb ? hf_flow_send(&hs->tx->flow, skb) :
			hf_flow_send_now(&hs->tx->flow, frame, sizeof(*frame),
					 &msg->msg_iter, len);
	}
	if (err >= 0)
		hs->tx_seq++;
	spin_unlock(&hs->conn_lock);
	/* hs->tx may be another by now. */
	if (err > 0)
		hf_flow_arrived(vm, !(msg->msg_flags & MSG_DONTWAIT));
	return min(err, 0);
}

static int send_message(struct sock *sk, struct sk_buff *skb, bool nonblock)
{
	long timeout = sock_sndtimeo(sk, nonblock);
	int err;

	while ((err = try_send(sk, skb, NULL, 0)) == -EAGAIN && timeout) {
		timeout = wait_event_interruptible_timeout(*sk_sleep(sk), can_send(sk), timeout);
		if (timeout < 0)
			return sock_intr_errno(sock_sndtimeo(sk, nonblock));
	}
	return err;
}

static int send_user_data(struct sock *sk, struct msghdr *msg, size_t len)
{
	struct sk_buff *skb;
	int err;

	err = send_error(sk);
	if (err)
		return err;
	if (msg->msg_namelen)
		return -EISCONN;
	if (len > HF_SEQ_PAYLOAD_MAX)
		return -EMSGSIZE;
	err = try_send(sk, NULL, msg, len);
	if (err != -EAGAIN)
		return err ?: len;

	skb = sock_alloc_send_skb(sk, sizeof(struct hf_seq_frame) + len,
				  msg->msg_flags & MSG_DONTWAIT, &err);
	if (!skb)
		return err;
	skb_put(skb, sizeof(struct hf_seq_frame));
	err = memcpy_from_msg(skb_put(skb, len), msg, len);
	if (!err)
		err = send_message(sk, skb, msg->msg_flags & MSG_DONTWAIT);
	if (err)
		kfree_skb(skb);
	return err ?: len;
}

static int seqpacket_sendmsg(struct socket *sock, struct msghdr *msg, size_t len)
{
	int ret;

	if (msg->msg_flags & MSG_OOB)
		return -EOPNOTSUPP;
	ret = send_user_data(sock->sk, msg, len);
	if (ret == -EPIPE && !(msg->msg_flags & MSG_NOSIGNAL))
		send_sig(SIGPIPE, current, 0);
	return ret;
}

static int seqpacket_recvmsg(struct socket *sock, struct msghdr *msg, size_t len, int flags)
{
	struct sock *sk = sock->sk;
	struct hf_sock *hs = hf_sk(sk);
	int ret;

	if (flags & MSG_OOB)
		return -EOPNOTSUPP;
	if (flags & MSG_ERRQUEUE)
		return -EAGAIN;
	if (READ_ONCE(sk->sk_state) != TCP_ESTABLISHED && !READ_ONCE(sk->sk_shutdown) &&
	    !READ_ONCE(sk->sk_err))
		return -ENOTCONN;

	ret = hf_sock_recv(sk, msg, len, flags);
	if (ret == -ESHUTDOWN)
		return 0;
	if (!(flags & MSG_PEEK)) {
		spin_lock(&hs->conn_lock);
		if (sk->sk_state == TCP_ESTABLISHED)
			hf_conn_grant_locked(hs);
		spin_unlock(&hs->conn_lock);
	}
	return ret;
}

static __poll_t seqpacket_poll(struct file *file, struct socket *sock, poll_table *wait)
{
	__poll_t mask = datagram_poll(file, sock, wait);
	struct sock *sk = sock->sk;
	const __poll_t out = EPOLLOUT | EPOLLWRNORM | EPOLLWRBAND;

	switch (READ_ONCE(sk->sk_state)) {
	case TCP_LISTEN:
		mask &= ~(out | EPOLLHUP);
		if (!list_empty(&hf_sk(sk)->accept_queue))
			mask |= EPOLLIN | EPOLLRDNORM;
		break;
	case TCP_SYN_SENT:
		mask &= ~(out | EPOLLHUP);
		break;
	case TCP_ESTABLISHED:
		if (!can_send(sk))
			mask &= ~out;
		break;
	}
	return mask;
}

/* --- the end --- */

static int seqpacket_shutdown(struct socket *sock, int how)
{
	struct sock *sk = sock->sk;
	struct hf_sock *hs = hf_sk(sk);
	int err = -ENOTCONN;

	if (how < SHUT_RD || how > SHUT_RDWR)
		return -EINVAL;
	lock_sock(sk);
	spin_lock(&hs->conn_lock);
	if (sk->sk_state == TCP_ESTABLISHED) {
		u16 flags = hs->tx->flags;

		flags |= how != SHUT_RD ? HF_SEQ_NO_SEND : 0;
		flags |= how != SHUT_WR ? HF_SEQ_NO_RECEIVE : 0;
		WRITE_ONCE(hs->tx->flags, flags);
		WRITE_ONCE(sk->sk_shutdown, sk->sk_shutdown | (how + 1));
		hf_flow_owe(&hs->tx->flow, HF_OWE_SHUTDOWN);
		sk->sk_state_change(sk);
		err = 0;
	}
	spin_unlock(&hs->conn_lock);
	release_sock(sk);
	return err;
}

/* Say goodbye to the peer: politely if it can get all that was sent and we read all. */
static void say_goodbye(struct sock *sk)
{
	struct hf_sock *hs = hf_sk(sk);
	bool linger = sock_flag(sk, SOCK_LINGER);
	bool polite;

	spin_lock(&hs->conn_lock);
	polite = sk->sk_state == TCP_ESTABLISHED && !(linger && !sk->sk_lingertime) &&
		 (skb_queue_empty_lockless(&sk->sk_receive_queue) ||
		  hs->tx->flags & HF_SEQ_NO_RECEIVE);
	if (polite && !hf_conn_is_over_locked(sk)) {
		WRITE_ONCE(hs->tx->flags, HF_SEQ_NO_SEND | HF_SEQ_NO_RECEIVE);
		hf_flow_owe(&hs->tx->flow, HF_OWE_SHUTDOWN);
	}
	WRITE_ONCE(sk->sk_shutdown, SHUTDOWN_MASK);
	spin_unlock(&hs->conn_lock);

	if (!polite)
		hf_conn_abort(sk);
	else if (linger && !(current->flags & PF_EXITING))
		hf_flow_wait_sent(&hs->tx->flow, sk->sk_lingertime);
}

static int seqpacket_release(struct socket *sock)
{
	struct sock *sk = sock->sk;
	struct hf_sock *hs = hf_sk(sk);
	struct sock *child;

	if (!sk)
		return 0;

	if (cancel_delayed_work_sync(&hs->connect_timeout))
		sock_put(sk);
	lock_sock(sk);
	hf_port_unbind(hs);
	if (READ_ONCE(sk->sk_state) == TCP_LISTEN) {
		spin_lock(&hs->conn_lock);
		WRITE_ONCE(sk->sk_state, TCP_CLOSE);
		spin_unlock(&hs->conn_lock);
		while ((child = take_child(sk))) {
			hf_conn_abort(child);
			hf_conn_destroy(child);
		}
	} else if (hs->tx) {
		say_goodbye(sk);
	}
	sock->sk = NULL;
	release_sock(sk);
	sock_orphan(sk);
	hf_conn_destroy(sk);
	return 0;
}

const struct proto_ops hf_seq_ops = {
	.family		= PF_HF,
	.owner		= THIS_MODULE,
	.release	= seqpacket_release,
	.bind		= hf_sock_bind,
	.connect	= seqpacket_connect,
	.socketpair	= sock_no_socketpair,
	.accept		= seqpacket_accept,
	.getname	= seqpacket_getname,
	.poll		= seqpacket_poll,
	.ioctl		= hf_sock_ioctl,
	.gettstamp	= sock_gettstamp,
	.listen		= seqpacket_listen,
	.shutdown	= seqpacket_shutdown,
	.sendmsg	= seqpacket_sendmsg,
	.recvmsg	= seqpacket_recvmsg,
	.mmap		= sock_no_mmap,
};
