// SPDX-License-Identifier: GPL-2.0-only
/*
 * AF_VSOCK over Hafnium: streams and messages between sockets and secondary VMs.
 *
 * A vsock transport (host to guest) of the kernel's common virtio code. Owns the cut
 * of packets into messages, the flows of each VM, and the queue of what came from it,
 * which one work item for each VM hands over: the common code sleeps, delivery may not.
 * A packet is struct hf_msg_hdr with HF_PORT_VSOCK twice, struct virtio_vsock_hdr
 * (virtio 1.2, section 5.10) and payload. VM n has the CID n + cid_base.
 *
 * Invariant: packets of a connection are neither lost nor reordered unless the VM dies;
 * of a VM's packets RX_MAX wait for the common code, then the VM is not run. For a VM
 * wait at most so many packets of each socket, and STRAYS_MAX in each flow of none.
 * Does not: trust a VM with more than its own connections.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/cred.h>
#include <linux/jhash.h>
#include <linux/module.h>
#include <linux/uio.h>
#include <linux/virtio_vsock.h>
#include <net/af_vsock.h>

#include "hf_compat.h"
#include "hf_transport.h"

#define FLOWS		64	/* of a VM; connections share one by chance, in order */
#define RX_MAX		64	/* packets of a VM that wait for the common code */
#define CREDIT_MAX	(256 * 1024)	/* of what a VM says that it has room for: our memory */
#define SENDER_PACKETS	4	/* what a sender hands over in place of the work item */
#define SHORT_MESSAGE	16	/* bytes: less on average, and memory is short before credit */
#define STRAYS_MAX	16	/* resets of no socket that wait in a flow; more are dropped */
#define BACKLOG_MAX	(4 * HF_FLOW_VM_BYTES)	/* wait for a VM: no more connections */
#define SNDBUF		(4 * CREDIT_MAX)	/* twice what messages take that fill the credit */

/* A secondary VM, as long as the module is loaded. */
struct peer {
	struct hf_vm *vm;
	u32 cid;
	bool dead;			/* or not run any more */
	struct hf_flow flows[FLOWS];
	struct sk_buff_head rx;		/* its lock is for vm->rx_held, too */
	struct mutex mutex;		/* while packets are handed over; inside of no lock */
	struct task_struct *sender;	/* holds it, and will look at rx again */
	struct work_struct work;
};

struct head {
	struct hf_msg_hdr msg;
	struct virtio_vsock_hdr vsock;
} __packed;

#define PAYLOAD_MAX	(HF_MAILBOX_SIZE - sizeof(struct head))

static unsigned int cid_base = 1;
module_param(cid_base, uint, 0444);
MODULE_PARM_DESC(cid_base, "CID of a VM less its id (1: VM 2 has the CID 3)");

static DEFINE_XARRAY(peers);		/* by CID; constant while the module is loaded */
static struct virtio_transport transport;

static struct hf_flow *find_flow(struct peer *peer, u32 src_port, u32 dst_port)
{
	return &peer->flows[jhash_2words(src_port, dst_port, (uintptr_t)peer) % FLOWS];
}

static void make_head(struct sk_buff *skb, unsigned int from, unsigned int len, void *buffer)
{
	struct head *head = buffer;

	head->msg.src_port = cpu_to_le64(HF_PORT_VSOCK);
	head->msg.dst_port = cpu_to_le64(HF_PORT_VSOCK);
	head->vsock = *virtio_vsock_hdr(skb);
	head->vsock.len = cpu_to_le32(len);
	/* Only payload is cut, whose flags are about its end. */
	if (from + len < skb->len)
		head->vsock.flags = 0;
}

static void packet_sent(struct sk_buff *skb)
{
	hf_vsock_consume_skb_sent(skb, false);
}

static const struct hf_flow_ops flow_ops = {
	.head_len	= sizeof(struct head),
	.make_head	= make_head,
	.sent		= packet_sent,
};

/* Whether the packet went the short way, which has no queue; the VM may have answered by then. */
static bool send_now(struct hf_flow *flow, struct sk_buff *skb)
{
	struct kvec payload = { skb->data, skb->len };
	struct iov_iter from;
	struct head head;

	if (skb->len > PAYLOAD_MAX || skb_is_nonlinear(skb))
		return false;
	make_head(skb, 0, skb->len, &head);
	iov_iter_kvec(&from, ITER_SOURCE, &payload, 1, skb->len);
	if (hf_flow_send_now(flow, &head, sizeof(head), &from, skb->len, true))
		return false;
	hf_vsock_consume_skb_sent(skb, true);
	return true;
}

/*
 * A packet without payload that says no more than the last one of its socket which
 * waits, or than credit, which that can tell as well; or a reset too many.
 */
static bool is_redundant(struct hf_flow *flow, struct sk_buff *skb)
{
	struct virtio_vsock_hdr *hdr = virtio_vsock_hdr(skb), *last;
	struct sk_buff *queued;
	bool said = false;
	int strays = 0;

	if (skb->len)
		return false;
	spin_lock(&flow->vm->txq.lock);
	skb_queue_reverse_walk(&flow->queue, queued) {
		if (queued->sk != skb->sk)
			continue;
		last = virtio_vsock_hdr(queued);
		said = last->src_port == hdr->src_port && last->dst_port == hdr->dst_port &&
		       (last->op == hdr->op ||
			hdr->op == cpu_to_le16(VIRTIO_VSOCK_OP_CREDIT_UPDATE));
		if (said) {
			last->flags |= hdr->flags;
			last->buf_alloc = hdr->buf_alloc;
			last->fwd_cnt = hdr->fwd_cnt;
		}
		if (said || skb->sk || ++strays == STRAYS_MAX)
			break;
	}
	spin_unlock(&flow->vm->txq.lock);
	return said || strays == STRAYS_MAX;
}

static int HF_VSOCK_SEND(send_packet)
{
	struct virtio_vsock_hdr *hdr = virtio_vsock_hdr(skb);
	struct peer *peer = xa_load(&peers, le64_to_cpu(hdr->dst_cid));
	struct hf_flow *flow;
	int len = skb->len, err = -ENODEV;

	if (!peer)
		goto drop;
	virtio_transport_deliver_tap_pkt(skb);
	flow = find_flow(peer, le32_to_cpu(hdr->src_port), le32_to_cpu(hdr->dst_port));
	if (send_now(flow, skb))
		return len;
	err = 0;
	if (is_redundant(flow, skb))
		goto drop;
	/* Charged to the socket; its sender waits for room. */
	if (skb->sk)
		skb_set_owner_w(skb, skb->sk);
	err = hf_flow_send(flow, skb);
	if (!err)
		return len;
drop:
	kfree_skb(skb);
	return err;
}

/* connect() gave up: its request may not have been sent. */
static int cancel_packets(struct vsock_sock *vsk)
{
	struct peer *peer = xa_load(&peers, vsk->remote_addr.svm_cid);

	if (peer)
		hf_flow_drop(find_flow(peer, vsk->local_addr.svm_port,
				       vsk->remote_addr.svm_port), sk_vsock(vsk));
	return 0;
}

/* The VM wrote it: nothing that the common code relies on may be otherwise. */
static bool is_valid(const struct peer *peer, const struct sk_buff *skb)
{
	const struct virtio_vsock_hdr *hdr = (const struct virtio_vsock_hdr *)skb->head;
	u16 type = le16_to_cpu(hdr->type), op = le16_to_cpu(hdr->op);
	u32 flags = 0;

	if (op == VIRTIO_VSOCK_OP_RW && type == VIRTIO_VSOCK_TYPE_SEQPACKET)
		flags = VIRTIO_VSOCK_SEQ_EOM | VIRTIO_VSOCK_SEQ_EOR;
	else if (op == VIRTIO_VSOCK_OP_SHUTDOWN)
		flags = VIRTIO_VSOCK_SHUTDOWN_RCV | VIRTIO_VSOCK_SHUTDOWN_SEND;
	return le64_to_cpu(hdr->src_cid) == peer->cid &&
	       le64_to_cpu(hdr->dst_cid) == VMADDR_CID_HOST &&
	       le32_to_cpu(hdr->len) == skb->len && !(le32_to_cpu(hdr->flags) & ~flags) &&
	       (type == VIRTIO_VSOCK_TYPE_STREAM || type == VIRTIO_VSOCK_TYPE_SEQPACKET) &&
	       op >= VIRTIO_VSOCK_OP_REQUEST && op <= VIRTIO_VSOCK_OP_CREDIT_REQUEST &&
	       /* What is empty needs no credit, but memory. */
	       (op == VIRTIO_VSOCK_OP_RW) == (skb->len > 0);
}

static void receive(struct hf_vm *vm, struct sk_buff *skb)
{
	struct peer *peer = xa_load(&peers, vm->id + cid_base);
	struct virtio_vsock_hdr *hdr = (struct virtio_vsock_hdr *)skb->data;

	if (skb->len < sizeof(*hdr) || WARN_ON_ONCE(skb->data != skb->head) ||
	    (skb_pull(skb, sizeof(*hdr)), !is_valid(peer, skb))) {
		atomic_long_inc(&vm->dropped_vsock);
		kfree_skb(skb);
		return;
	}
	if (le32_to_cpu(hdr->buf_alloc) > CREDIT_MAX)
		hdr->buf_alloc = cpu_to_le32(CREDIT_MAX);
	memset(skb->cb, 0, sizeof(skb->cb));

	spin_lock(&peer->rx.lock);
	__skb_queue_tail(&peer->rx, skb);
	if (skb_queue_len(&peer->rx) == RX_MAX)
		hf_rx_hold(vm, true);
	spin_unlock(&peer->rx.lock);
	if (READ_ONCE(peer->sender) != current)
		queue_work(system_dfl_wq, &peer->work);
}

static struct sk_buff *next_packet(struct peer *peer)
{
	struct sk_buff *skb;

	spin_lock(&peer->rx.lock);
	skb = __skb_dequeue(&peer->rx);
	if (READ_ONCE(peer->vm->rx_held) && skb_queue_len(&peer->rx) <= RX_MAX / 2)
		hf_rx_hold(peer->vm, false);
	spin_unlock(&peer->rx.lock);
	return skb;
}

static bool is_orphan(struct vsock_sock *vsk, u32 cid)
{
	struct sock *sk = sk_vsock(vsk);

	/* Of one that waits for the VM all of this stays as it is. */
	return data_race(vsk->transport == &transport.transport && sk->sk_err != ECONNRESET &&
			 vsk->remote_addr.svm_cid == cid && !sock_flag(sk, SOCK_DONE) &&
			 sk->sk_state != TCP_CLOSE);
}

/* A socket that speaks to the VM, or tries to; with a reference, NULL if there is none. */
static struct sock *find_orphan(u32 cid)
{
	struct sock *sk = NULL;
	struct vsock_sock *vsk;
	int i;

	spin_lock_bh(&vsock_table_lock);
	for (i = 0; !sk && i < VSOCK_HASH_SIZE; i++) {
		list_for_each_entry(vsk, &vsock_connected_table[i], connected_table)
			sk = is_orphan(vsk, cid) ? sk_vsock(vsk) : sk;
		list_for_each_entry(vsk, &vsock_bind_table[i], bound_table)
			sk = is_orphan(vsk, cid) ? sk_vsock(vsk) : sk;
	}
	if (sk)
		sock_hold(sk);
	spin_unlock_bh(&vsock_table_lock);
	return sk;
}

/* If short messages of so many bytes are unread: an error, or close() is over. Puts the socket. */
static void reset_socket(struct sock *sk, u64 bytes)
{
	struct vsock_sock *vsk = vsock_sk(sk);
	struct virtio_vsock_sock *vvs;

	lock_sock(sk);
	vvs = vsk->transport == &transport.transport ? vsk->trans : NULL;
	if (!vvs || (u64)skb_queue_len(&vvs->rx_queue) * SHORT_MESSAGE < bytes)
		goto out;
	if (sk->sk_state == TCP_SYN_SENT) {
		sk->sk_state = TCP_CLOSE;
	} else if (!vsk->close_work_scheduled) {
		/* The state stays: recv() reports errors of what is established only. */
		sock_set_flag(sk, SOCK_DONE);
		vsk->peer_shutdown = SHUTDOWN_MASK;
	} else if (cancel_delayed_work(&vsk->close_work)) {
		schedule_delayed_work(&vsk->close_work, 0);
	}
	sk->sk_err = ECONNRESET;
	sk_error_report(sk);
	sk->sk_state_change(sk);
out:
	release_sock(sk);
	sock_put(sk);
}

/* Each takes a packet, whatever credit it takes. One too many resets, and is a stray. */
static void limit_messages(struct sk_buff *skb)
{
	struct virtio_vsock_hdr *hdr = virtio_vsock_hdr(skb);
	struct sockaddr_vm src, dst;
	struct sock *sk;

	if (!skb->len || skb->len >= SHORT_MESSAGE ||
	    !(hdr->flags & cpu_to_le32(VIRTIO_VSOCK_SEQ_EOM)))
		return;
	vsock_addr_init(&src, le64_to_cpu(hdr->src_cid), le32_to_cpu(hdr->src_port));
	vsock_addr_init(&dst, le64_to_cpu(hdr->dst_cid), le32_to_cpu(hdr->dst_port));
	sk = vsock_find_connected_socket(&src, &dst);
	if (sk)
		reset_socket(sk, max_t(u64, CREDIT_MAX, vsock_sk(sk)->buffer_size));
}

static void hand_over(struct peer *peer, int packets)
{
	struct sk_buff *skb;

	while (packets-- && (skb = next_packet(peer))) {
		virtio_transport_deliver_tap_pkt(skb);
		limit_messages(skb);
		hf_vsock_recv_pkt(&transport, skb);
		cond_resched();
	}
}

static void work(struct work_struct *work)
{
	struct peer *peer = container_of(work, struct peer, work);
	struct sock *sk;

	mutex_lock(&peer->mutex);
	hand_over(peer, INT_MAX);
	mutex_unlock(&peer->mutex);
	while (READ_ONCE(peer->dead) && (sk = find_orphan(peer->cid)))
		reset_socket(sk, 0);
}

/*
 * What the VM answered while the sender ran it is handed over by the sender: that saves
 * two switches of tasks. It can do that without its socket's lock only, which has to
 * stay until all of the message is out.
 */
static ssize_t stream_enqueue(struct vsock_sock *vsk, struct msghdr *msg, size_t len)
{
	struct peer *peer = xa_load(&peers, vsk->remote_addr.svm_cid);
	bool mine = peer && mutex_trylock(&peer->mutex);
	struct sock *sk = sk_vsock(vsk);
	ssize_t sent;

	if (mine)
		WRITE_ONCE(peer->sender, current);
	sent = sk->sk_type == SOCK_STREAM ? virtio_transport_stream_enqueue(vsk, msg, len) :
		virtio_transport_seqpacket_enqueue(vsk, msg, len);
	sk->sk_write_pending = !!msg_data_left(msg);
	if (!mine)
		return sent;

	if (!sk->sk_write_pending && !skb_queue_empty_lockless(&peer->rx)) {
		release_sock(sk);
		hand_over(peer, SENDER_PACKETS);
		lock_sock(sk);
	}
	WRITE_ONCE(peer->sender, NULL);
	mutex_unlock(&peer->mutex);
	if (!skb_queue_empty_lockless(&peer->rx))
		queue_work(system_dfl_wq, &peer->work);
	return sent;
}

static int seqpacket_enqueue(struct vsock_sock *vsk, struct msghdr *msg, size_t len)
{
	return stream_enqueue(vsk, msg, len);
}

/*
 * Credit bounds bytes, this the memory of packets. A message that was begun goes on,
 * since a caller that does not wait would leave half of it.
 */
static s64 stream_has_space(struct vsock_sock *vsk)
{
	struct sock *sk = sk_vsock(vsk);

	if (sk->sk_write_pending ? sk_wmem_alloc_get(sk) >= READ_ONCE(sk->sk_sndbuf) :
	    !sock_writeable(sk))
		return 0;
	return virtio_transport_stream_has_space(vsk);
}

static void vm_died(struct hf_vm *vm)
{
	struct peer *peer = xa_load(&peers, vm->id + cid_base);

	WRITE_ONCE(peer->dead, true);
	queue_work(system_dfl_wq, &peer->work);
}

static const struct hf_client client = { .receive = receive, .vm_died = vm_died };

/*
 * When all is read the common code tells the VM at once that there is room, which runs it.
 * As long as the VM knows of half of the room, the next packet for it is soon enough: it
 * can go on, and the read of that packet comes here again.
 */
static ssize_t stream_dequeue(struct vsock_sock *vsk, struct msghdr *msg, size_t len, int flags)
{
	struct virtio_vsock_sock *vvs = vsk->trans;
	u32 half = vvs->buf_alloc / 2, told = vvs->last_fwd_cnt;
	u32 all = vvs->fwd_cnt + vvs->rx_bytes;
	bool quiet = all - told <= half && READ_ONCE(sk_vsock(vsk)->sk_rcvlowat) <= half;
	ssize_t copied;

	if (!quiet)
		return virtio_transport_stream_dequeue(vsk, msg, len, flags);
	vvs->last_fwd_cnt = all;
	copied = virtio_transport_stream_dequeue(vsk, msg, len, flags);
	vvs->last_fwd_cnt = told;
	return copied;
}

/* Whether the creator of the socket may use the VM; of a listener, if a VM connects to it. */
static int check_access(struct vsock_sock *vsk)
{
	struct peer *peer = xa_load(&peers, vsk->remote_addr.svm_cid);
	const struct cred *caller;
	bool may_use;

	if (!peer)
		return -ENODEV;
	caller = override_creds(vsk->owner);
	may_use = hf_vm_may_use(peer->vm);
	revert_creds(caller);
	if (!may_use)
		return -EACCES;
	if (READ_ONCE(peer->vm->txq.queued_bytes) > BACKLOG_MAX)
		return -ENOBUFS;
	return READ_ONCE(peer->dead) || READ_ONCE(peer->vm->dead) ? -ECONNRESET : 0;
}

/* An error has the common code answer as if there was no listener. */
static int init_socket(struct vsock_sock *vsk, struct vsock_sock *listener)
{
	int err = listener ? check_access(vsk) : 0;
	struct sock *sk = sk_vsock(vsk);

	if (!(sk->sk_userlocks & SOCK_SNDBUF_LOCK))
		WRITE_ONCE(sk->sk_sndbuf, SNDBUF);
	return err ?: virtio_transport_do_socket_init(vsk, listener);
}

/* What waits of a socket that was never connected, or is not any more, is of no use. */
static void release(struct vsock_sock *vsk)
{
	struct sock *sk = sk_vsock(vsk);

	if (sk->sk_state != TCP_ESTABLISHED && sk->sk_state != TCP_CLOSING)
		cancel_packets(vsk);
	virtio_transport_release(vsk);
}

static int begin_connect(struct vsock_sock *vsk)
{
	return check_access(vsk) ?: virtio_transport_connect(vsk);
}

static bool allow_stream(HF_VSOCK_SK(struct vsock_sock *vsk) u32 cid, u32 port)
{
	return HF_VSOCK_IS_GLOBAL(vsk) && xa_load(&peers, cid);
}

static bool allow_seqpacket(HF_VSOCK_SK(struct vsock_sock *vsk) u32 cid)
{
	return true;
}

/* The user's pages are read when they are copied into the mailbox. */
static bool __maybe_unused allow_zerocopy(void)
{
	return true;
}

static u32 get_local_cid(void)
{
	return VMADDR_CID_HOST;
}

static struct virtio_transport transport = {
	.transport = {
		.module				= THIS_MODULE,
		.get_local_cid			= get_local_cid,
		.init				= init_socket,
		.destruct			= virtio_transport_destruct,
		.release			= release,
		.connect			= begin_connect,
		.shutdown			= virtio_transport_shutdown,
		.cancel_pkt			= cancel_packets,
		.stream_enqueue			= stream_enqueue,
		.stream_dequeue			= stream_dequeue,
		.stream_has_data		= virtio_transport_stream_has_data,
		.stream_has_space		= stream_has_space,
		.stream_rcvhiwat		= virtio_transport_stream_rcvhiwat,
		.stream_is_active		= virtio_transport_stream_is_active,
		.stream_allow			= allow_stream,
		.seqpacket_enqueue		= seqpacket_enqueue,
		.seqpacket_dequeue		= virtio_transport_seqpacket_dequeue,
		.seqpacket_has_data		= virtio_transport_seqpacket_has_data,
		.seqpacket_allow		= allow_seqpacket,
		.notify_poll_in			= virtio_transport_notify_poll_in,
		.notify_poll_out		= virtio_transport_notify_poll_out,
		.notify_recv_init		= virtio_transport_notify_recv_init,
		.notify_recv_pre_block		= virtio_transport_notify_recv_pre_block,
		.notify_recv_pre_dequeue	= virtio_transport_notify_recv_pre_dequeue,
		.notify_recv_post_dequeue	= virtio_transport_notify_recv_post_dequeue,
		.notify_send_init		= virtio_transport_notify_send_init,
		.notify_send_pre_block		= virtio_transport_notify_send_pre_block,
		.notify_send_pre_enqueue	= virtio_transport_notify_send_pre_enqueue,
		.notify_send_post_enqueue	= virtio_transport_notify_send_post_enqueue,
		.notify_buffer_size		= virtio_transport_notify_buffer_size,
#ifdef HF_HAVE_VSOCK_UNSENT
		.notify_set_rcvlowat		= virtio_transport_notify_set_rcvlowat,
		.unsent_bytes			= virtio_transport_unsent_bytes,
		.read_skb			= virtio_transport_read_skb,
		.msgzerocopy_allow		= allow_zerocopy,
#endif
	},
	.send_pkt = send_packet,
};

static int create_peer(struct hf_vm *vm)
{
	struct peer *peer = kvzalloc(sizeof(*peer), GFP_KERNEL);
	int err, i;

	if (!peer)
		return -ENOMEM;
	peer->vm = vm;
	peer->cid = vm->id + cid_base;
	for (i = 0; i < FLOWS; i++) {
		hf_flow_init(&peer->flows[i], vm, NULL);
		peer->flows[i].ops = &flow_ops;
	}
	skb_queue_head_init(&peer->rx);
	mutex_init(&peer->mutex);
	INIT_WORK(&peer->work, work);
	err = xa_insert(&peers, peer->cid, peer, GFP_KERNEL);
	if (err)
		kvfree(peer);
	return err;
}

/* Nothing comes any more, and no socket sends. */
static void destroy_peers(void)
{
	struct peer *peer;
	unsigned long cid;
	int i;

	xa_for_each(&peers, cid, peer) {
		cancel_work_sync(&peer->work);
		skb_queue_purge(&peer->rx);
		hf_rx_hold(peer->vm, false);
		for (i = 0; i < FLOWS; i++)
			hf_flow_drop(&peer->flows[i], NULL);
		kvfree(peer);
	}
	xa_destroy(&peers);
}

static int __init hf_vsock_init(void)
{
	struct hf_vm *vm;
	unsigned long id;
	int err = 0;

	if (!cid_base || cid_base >= U32_MAX - U16_MAX) {
		pr_err("cid_base=%u: would give VMs reserved CIDs\n", cid_base);
		return -EINVAL;
	}
	hf_for_each_vm(vm, id)
		err = err ?: create_peer(vm);
	err = err ?: hf_transport_register(&client);
	if (!err) {
		err = vsock_core_register(&transport.transport, VSOCK_TRANSPORT_F_H2G);
		if (err)
			hf_transport_unregister();
	}
	if (err)
		destroy_peers();
	return err;
}

static void __exit hf_vsock_exit(void)
{
	vsock_core_unregister(&transport.transport);
	hf_transport_unregister();
	destroy_peers();
}

module_init(hf_vsock_init);
module_exit(hf_vsock_exit);

MODULE_LICENSE("GPL");
MODULE_VERSION(HF_VERSION);
MODULE_DESCRIPTION("AF_VSOCK to the secondary VMs of Arm's Hafnium hypervisor");
MODULE_IMPORT_NS(HF_NS);
