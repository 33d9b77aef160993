// SPDX-License-Identifier: GPL-2.0-only
/*
 * SEQPACKET: the connection, as the peer's frames see it.
 *
 * Frames arrive in the thread that runs their VM's vCPU (its own, or a sender's)
 * under that VM's rx_lock; system calls and the work item of a connect() that
 * takes too long come here, too. What they share is under conn_lock. Never
 * sleeps, never takes a socket lock. The wire format: Documentation/seqpacket.rst.
 *
 * Invariant: a grant never exceeds what SO_RCVBUF has room for, each message taken
 * for the largest, but for one when nothing is queued; a message that comes on
 * credit is not dropped unless reception was shut down. What the peer sends against
 * the rules ends its connection, and nothing else.
 */
#include <linux/log2.h>
#include <linux/security.h>
#include <net/sock.h>

#include "hf_port.h"
#include "hf_seq.h"

/* Memory that the largest message takes. */
#define MESSAGE_TRUESIZE \
	((int)(SKB_DATA_ALIGN(sizeof(struct sk_buff)) + \
	       roundup_pow_of_two(SKB_DATA_ALIGN(HF_MAILBOX_SIZE) + \
				  SKB_DATA_ALIGN(sizeof(struct skb_shared_info)))))

/* Messages that the peer may send before somebody accepts the connection. */
#define EMBRYO_CREDIT	4

void hf_conn_end_locked(struct sock *sk, int err)
{
	struct hf_sock *hs = hf_sk(sk);

	lockdep_assert_held(&hs->conn_lock);
	hf_port_remove_connection(hs);
	if (hs->tx)
		hf_flow_reset(&hs->tx->flow, ~0U);
	/* One that was never accepted leaves a socket that is not connected. */
	WRITE_ONCE(sk->sk_shutdown, hs->established ? SHUTDOWN_MASK : 0);
	WRITE_ONCE(sk->sk_state, TCP_CLOSE);
	if (err) {
		WRITE_ONCE(sk->sk_err, err);
		sk_error_report(sk);
	}
	sk->sk_state_change(sk);
}

/* The peer does what it must not. */
static void protocol_error_locked(struct sock *sk, int err)
{
	hf_conn_end_locked(sk, err);
	hf_flow_owe(&hf_sk(sk)->tx->flow, HF_OWE_RESET_NOW);
}

void hf_conn_abort(struct sock *sk)
{
	struct hf_sock *hs = hf_sk(sk);

	spin_lock(&hs->conn_lock);
	if (hs->in_table)
		protocol_error_locked(sk, 0);
	spin_unlock(&hs->conn_lock);
}

void hf_conn_grant_locked(struct hf_sock *hs)
{
	int room = READ_ONCE(hs->sk.sk_rcvbuf) - atomic_read(&hs->sk.sk_rmem_alloc);
	u32 granted = hs->rx_credit - hs->rx_seq;
	u32 messages = max(room, 0) / MESSAGE_TRUESIZE;

	lockdep_assert_held(&hs->conn_lock);
	if (!messages && skb_queue_empty_lockless(&hs->sk.sk_receive_queue))
		messages = 1;
	if (!hs->accepted)
		messages = min_t(u32, messages, EMBRYO_CREDIT);
	if (messages <= granted || granted > messages / 2)
		return;
	hs->rx_credit = hs->rx_seq + messages;
	WRITE_ONCE(hs->tx->credit, hs->rx_credit);
	if (hs->sk.sk_state == TCP_ESTABLISHED && !(hs->sk.sk_shutdown & RCV_SHUTDOWN))
		hf_flow_owe(&hs->tx->flow, HF_OWE_CREDIT);
}

/* Returns false if @skb must be freed. */
static bool data_locked(struct sock *sk, struct sk_buff *skb, u32 seq)
{
	struct hf_sock *hs = hf_sk(sk);

	if (sk->sk_state != TCP_ESTABLISHED || seq != hs->rx_seq ||
	    (s32)(hs->rx_credit - seq) <= 0) {
		protocol_error_locked(sk, sk->sk_state == TCP_SYN_SENT ? ECONNREFUSED : EPROTO);
		return false;
	}
	hs->rx_seq++;
	if (sk->sk_shutdown & RCV_SHUTDOWN)
		return false;
	skb_set_owner_r(skb, sk);
	skb_queue_tail(&sk->sk_receive_queue, skb);
	hf_conn_grant_locked(hs);
	sk->sk_data_ready(sk);
	return true;
}

static void accepted_locked(struct sock *sk)
{
	if (sk->sk_state != TCP_SYN_SENT)
		return;
	WRITE_ONCE(hf_sk(sk)->established, true);
	WRITE_ONCE(sk->sk_state, TCP_ESTABLISHED);
	sk->sk_state_change(sk);
	sk->sk_write_space(sk);
}

bool hf_conn_is_over_locked(struct sock *sk)
{
	return sk->sk_state == TCP_ESTABLISHED && sk->sk_shutdown == SHUTDOWN_MASK &&
	       hf_flow_is_sent(&hf_sk(sk)->tx->flow);
}

void hf_conn_leave_if_over(struct sock *sk)
{
	struct hf_sock *hs = hf_sk(sk);

	spin_lock(&hs->conn_lock);
	if (hf_conn_is_over_locked(sk))
		hf_conn_end_locked(sk, 0);
	spin_unlock(&hs->conn_lock);
}

static void shutdown_locked(struct sock *sk, u16 flags)
{
	int mask = sk->sk_shutdown;

	if (flags & HF_SEQ_NO_SEND)
		mask |= RCV_SHUTDOWN;
	if (flags & HF_SEQ_NO_RECEIVE) {
		mask |= SEND_SHUTDOWN;
		/* Messages are for nobody now; who still sends waits for the other frames. */
		hf_flow_reset(&hf_sk(sk)->tx->flow, flags & HF_SEQ_NO_SEND ? ~0U : 0);
	}
	WRITE_ONCE(sk->sk_shutdown, mask);
	/* Otherwise its messages that are under way would be strays. */
	if (flags & HF_SEQ_NO_SEND && hf_conn_is_over_locked(sk))
		hf_conn_end_locked(sk, 0);
	else
		sk->sk_state_change(sk);
}

static void take_credit_locked(struct sock *sk, u32 credit)
{
	struct hf_sock *hs = hf_sk(sk);

	if ((s32)(credit - hs->tx_credit) <= 0)
		return;
	hs->tx_credit = credit;
	hf_socket_wake_senders(sk);
}

/* A frame of the connection. Returns false if @skb must be freed. */
static bool frame_locked(struct sock *sk, struct sk_buff *skb, const struct hf_seq_hdr *hdr)
{
	u32 seq = le32_to_cpu(hdr->seq);

	take_credit_locked(sk, le32_to_cpu(hdr->credit));
	switch (hdr->type) {
	case HF_SEQ_ACCEPT:
		accepted_locked(sk);
		break;
	case HF_SEQ_DATA:
		return data_locked(sk, skb, seq);
	case HF_SEQ_CREDIT:
		if (sk->sk_state == TCP_SYN_SENT)
			protocol_error_locked(sk, ECONNREFUSED);
		break;
	case HF_SEQ_SHUTDOWN:
		if (sk->sk_state == TCP_SYN_SENT)
			protocol_error_locked(sk, ECONNREFUSED);
		else
			shutdown_locked(sk, le16_to_cpu(hdr->flags));
		break;
	case HF_SEQ_RESET:
		hf_conn_end_locked(sk, sk->sk_state == TCP_SYN_SENT ? ECONNREFUSED : ECONNRESET);
		break;
	default:
		protocol_error_locked(sk, sk->sk_state == TCP_SYN_SENT ? ECONNREFUSED : EPROTO);
		break;
	}
	return false;
}

static void inherit(struct sock *sk, struct sock *listener)
{
	sk->sk_rcvbuf = READ_ONCE(listener->sk_rcvbuf);
	sk->sk_sndbuf = READ_ONCE(listener->sk_sndbuf);
	sk->sk_userlocks = listener->sk_userlocks;
	sk->sk_uid = listener->sk_uid;
	hf_sk(sk)->privileged = hf_sk(listener)->privileged;
	security_sk_clone(listener, sk);
}

/* The listener's end of a connection that its peer asks for. NULL if it cannot be. */
static struct sock *create_child(struct sock *listener, const struct hf_skb_cb *cb)
{
	struct sock *sk = hf_sock_create(sock_net(listener), NULL, SOCK_SEQPACKET,
					 GFP_ATOMIC | __GFP_NOWARN, 0);
	struct hf_sock *hs;

	if (!sk)
		return NULL;
	hs = hf_sk(sk);
	inherit(sk, listener);
	WRITE_ONCE(hs->local_port, cb->dst_port);
	hs->conn = (struct hf_connection){ cb->dst_port, cb->src_port, cb->vm->id };
	hs->tx = hf_frame_create_flow(cb->vm, sk, cb->dst_port, cb->src_port,
				      GFP_ATOMIC | __GFP_NOWARN);
	if (hs->tx && !hf_sock_set_peer(hs, cb->vm, cb->src_port, &hs->tx->flow,
					GFP_ATOMIC | __GFP_NOWARN))
		return sk;
	hf_conn_destroy(sk);
	return NULL;
}

/* From here on frames find the child. Returns false if it is not to be. */
static bool open_child(struct sock *sk, struct hf_vm *vm, u32 credit)
{
	struct hf_sock *hs = hf_sk(sk);
	bool open;

	spin_lock(&hs->conn_lock);
	hs->tx_credit = credit;
	hf_conn_grant_locked(hs);
	WRITE_ONCE(hs->established, true);
	WRITE_ONCE(sk->sk_state, TCP_ESTABLISHED);
	open = !hf_port_add_connection(hs);
	if (open && READ_ONCE(vm->dead))
		hf_conn_end_locked(sk, ECONNRESET);
	else if (open)
		hf_flow_owe(&hs->tx->flow, HF_OWE_ACCEPT);
	spin_unlock(&hs->conn_lock);
	return open;
}

/* Returns false if the listener has no room for one more, or is none any more. */
static bool queue_child(struct sock *listener, struct sock *sk)
{
	struct hf_sock *hs = hf_sk(listener);
	bool queued;

	spin_lock(&hs->conn_lock);
	queued = listener->sk_state == TCP_LISTEN && !sk_acceptq_is_full(listener);
	if (queued) {
		list_add_tail(&hf_sk(sk)->accept_queue, &hs->accept_queue);
		sk_acceptq_added(listener);
	}
	spin_unlock(&hs->conn_lock);
	return queued;
}

/* Somebody asks for a connection. Returns false if he is to be refused. */
static bool request(struct sock *listener, const struct hf_skb_cb *cb, u32 credit)
{
	struct sock *sk;

	if (READ_ONCE(listener->sk_state) != TCP_LISTEN || sk_acceptq_is_full(listener))
		return false;
	sk = create_child(listener, cb);
	if (!sk)
		return false;
	if (!open_child(sk, cb->vm, credit)) {
		hf_conn_destroy(sk);
		return false;
	}
	if (queue_child(listener, sk)) {
		listener->sk_data_ready(listener);
	} else {
		hf_conn_abort(sk);
		hf_conn_destroy(sk);
	}
	return true;
}

void hf_conn_destroy(struct sock *sk)
{
	struct hf_sock *hs = hf_sk(sk);

	spin_lock(&hs->conn_lock);
	hf_port_remove_connection(hs);
	if (hs->tx)
		hf_flow_close(&hs->tx->flow);
	hs->tx = NULL;
	spin_unlock(&hs->conn_lock);
	hf_sock_clear_peer(hs);
	hf_sock_destroy(sk);
}

static bool is_connection(const struct hf_sock *hs, const struct hf_skb_cb *cb)
{
	return hs->in_table && hs->conn.vm_id == cb->vm->id &&
	       hs->conn.peer_port == cb->src_port && hs->conn.local_port == cb->dst_port;
}

/* What to do with a frame whose connection, if there is one, is not @sk's any more. */
enum verdict { FREE, TAKEN, NO_CONNECTION };

static enum verdict deliver(struct sock *sk, struct sk_buff *skb, const struct hf_seq_hdr *hdr)
{
	struct hf_sock *hs = hf_sk(sk);
	enum verdict verdict = FREE;

	spin_lock(&hs->conn_lock);
	if (!is_connection(hs, HF_SKB_CB(skb))) {
		verdict = NO_CONNECTION;
	} else if (!hdr || hdr->version != HF_SEQ_VERSION) {
		protocol_error_locked(sk, sk->sk_state == TCP_SYN_SENT ? ECONNREFUSED : EPROTO);
	} else if (hdr->type == HF_SEQ_REQUEST && sk->sk_state == TCP_ESTABLISHED) {
		/* The peer has forgotten the connection, and wants a new one. */
		hf_conn_end_locked(sk, hf_conn_is_over_locked(sk) ? 0 : ECONNRESET);
		verdict = NO_CONNECTION;
	} else if (frame_locked(sk, skb, hdr)) {
		verdict = TAKEN;
	}
	spin_unlock(&hs->conn_lock);
	return verdict;
}

/* Whether the frame is for a connection that is gone but for messages that still wait. */
static bool is_late(const struct hf_skb_cb *cb, const struct hf_seq_hdr *hdr)
{
	bool stop = hdr->type == HF_SEQ_REQUEST || hdr->type == HF_SEQ_RESET ||
		    (hdr->type == HF_SEQ_SHUTDOWN &&
		     le16_to_cpu(hdr->flags) & HF_SEQ_NO_RECEIVE);

	return hf_frame_is_sending(cb->vm, cb->dst_port, cb->src_port, stop) &&
	       hdr->type != HF_SEQ_REQUEST;
}

/* A frame without a connection. Returns true if it opened one. */
static bool deliver_to_port(const struct hf_skb_cb *cb, const struct hf_seq_hdr *hdr)
{
	bool taken = false;
	struct sock *sk;

	if (is_late(cb, hdr))
		return false;
	if (hdr->type == HF_SEQ_REQUEST && hdr->version == HF_SEQ_VERSION) {
		sk = hf_port_find(cb->vm->id, cb->dst_port);
		taken = sk && sk->sk_type == SOCK_SEQPACKET &&
			request(sk, cb, le32_to_cpu(hdr->credit));
		if (sk)
			sock_put(sk);
	}
	if (!taken && (hdr->type == HF_SEQ_REQUEST || hdr->type == HF_SEQ_ACCEPT ||
		       hdr->type == HF_SEQ_DATA))
		hf_frame_refuse(cb);
	return taken;
}

bool hf_seq_deliver(struct sock *sk, struct sk_buff *skb)
{
	const struct hf_skb_cb *cb = HF_SKB_CB(skb);
	const struct hf_seq_hdr *hdr = NULL;
	enum verdict verdict = NO_CONNECTION;
	struct hf_seq_hdr copy;
	bool received = true;

	if (skb->len >= sizeof(copy)) {
		memcpy(&copy, skb->data, sizeof(copy));
		if (le32_to_cpu(copy.magic) == HF_SEQ_MAGIC)
			hdr = &copy;
		skb_pull(skb, sizeof(copy));
	}
	if (sk)
		verdict = deliver(sk, skb, hdr);
	if (verdict == NO_CONNECTION)
		received = hdr && deliver_to_port(cb, hdr);
	if (verdict != TAKEN)
		kfree_skb(skb);
	return received;
}

void hf_seq_vm_died(struct sock *sk, struct hf_vm *vm)
{
	struct hf_sock *hs = hf_sk(sk);

	spin_lock(&hs->conn_lock);
	if (hs->in_table && hs->conn.vm_id == vm->id)
		hf_conn_end_locked(sk, hf_conn_is_over_locked(sk) ? 0 : ECONNRESET);
	spin_unlock(&hs->conn_lock);
}

void hf_seq_init_sock(struct hf_sock *hs)
{
	spin_lock_init(&hs->conn_lock);
	INIT_LIST_HEAD(&hs->accept_queue);
	INIT_DELAYED_WORK(&hs->connect_timeout, hf_conn_timed_out);
}

int hf_conn_request(struct sock *sk, struct hf_vm *vm, u64 peer_port, struct hf_seq_flow *tx)
{
	struct hf_sock *hs = hf_sk(sk);
	int err;

	spin_lock(&hs->conn_lock);
	if (hs->tx)
		hf_flow_close(&hs->tx->flow);
	hs->tx = tx;
	hs->conn = (struct hf_connection){ hs->local_port, peer_port, vm->id };
	hs->tx_seq = 0;
	hs->tx_credit = 0;
	hs->rx_seq = 0;
	hs->rx_credit = 0;
	hs->accepted = true;
	WRITE_ONCE(hs->established, false);
	WRITE_ONCE(sk->sk_shutdown, 0);
	/* The request would overtake messages of the connection before. */
	if (hf_frame_is_sending(vm, hs->local_port, peer_port, false))
		err = -EADDRINUSE;
	else
		err = hf_port_add_connection(hs);
	if (!err) {
		skb_queue_purge(&sk->sk_receive_queue);
		hf_conn_grant_locked(hs);
		WRITE_ONCE(sk->sk_err, 0);
		hs->connect_until = jiffies + HF_CONNECT_TIMEOUT;
		WRITE_ONCE(sk->sk_state, TCP_SYN_SENT);
		if (READ_ONCE(vm->dead))
			hf_conn_end_locked(sk, ECONNRESET);
		else
			hf_flow_owe(&tx->flow, HF_OWE_REQUEST);
	}
	spin_unlock(&hs->conn_lock);
	return err;
}

void hf_conn_timed_out(struct work_struct *work)
{
	struct hf_sock *hs = container_of(to_delayed_work(work), struct hf_sock, connect_timeout);

	spin_lock(&hs->conn_lock);
	/* An attempt made while this work began has its own time. */
	if (hs->in_table && hs->sk.sk_state == TCP_SYN_SENT &&
	    time_after_eq(jiffies, hs->connect_until))
		protocol_error_locked(&hs->sk, ETIMEDOUT);
	spin_unlock(&hs->conn_lock);
	sock_put(&hs->sk);
}
