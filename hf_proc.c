// SPDX-License-Identifier: GPL-2.0-only
/*
 * /proc/net/hf: one line per socket, as /proc/net/unix has them.
 *
 * Reads everything without locks, so that a look disturbs no socket: the parts
 * of a line need not be of the same moment.
 */
#include <linux/proc_fs.h>
#include <linux/seq_file.h>
#include <net/net_namespace.h>

#include "hf_proc.h"
#include "hf_sock.h"

static const char *state_name(struct hf_sock *hs, bool has_peer)
{
	if (has_peer)
		return "connected";
	return READ_ONCE(hs->local_port) ? "bound" : "unbound";
}

static void *sockets_start(struct seq_file *seq, loff_t *pos)
	__acquires(RCU)
{
	rcu_read_lock();
	return seq_hlist_start_head_rcu(&hf_sockets, *pos);
}

static void *sockets_next(struct seq_file *seq, void *v, loff_t *pos)
{
	return seq_hlist_next_rcu(v, &hf_sockets, pos);
}

static void sockets_stop(struct seq_file *seq, void *v)
	__releases(RCU)
{
	rcu_read_unlock();
}

static int sockets_show(struct seq_file *seq, void *v)
{
	char local[32] = "-", to[32] = "-";
	const struct hf_peer *peer;
	struct hf_sock *hs;
	struct sock *sk;
	u16 from_vm;

	if (v == SEQ_START_TOKEN) {
		seq_puts(seq, "sk               RefCnt Type      St         Local                Peer                       RxQ    TxQ  Drops   UID Inode\n");
		return 0;
	}

	sk = hlist_entry(v, struct sock, sk_node);
	hs = hf_sk(sk);
	peer = hf_sock_peer(hs);
	from_vm = READ_ONCE(hs->from_vm);
	if (READ_ONCE(hs->local_port) && from_vm == HF_VM_ID_ANY)
		snprintf(local, sizeof(local), "*:%llu", READ_ONCE(hs->local_port));
	else if (READ_ONCE(hs->local_port))
		snprintf(local, sizeof(local), "%u:%llu", from_vm, READ_ONCE(hs->local_port));
	if (peer)
		snprintf(to, sizeof(to), "%u:%llu", peer->vm->id, peer->port);
	seq_printf(seq, "%16pK %6d dgram     %-10s %-20s %-23s %6d %6d %6u %5u %llu\n", sk,
		   refcount_read(&sk->sk_refcnt),
		   state_name(hs, peer), local, to,
		   sk_rmem_alloc_get(sk), sk_wmem_alloc_get(sk), atomic_read(&sk->sk_drops),
		   from_kuid_munged(seq_user_ns(seq), READ_ONCE(sk->sk_uid)), (u64)sock_i_ino(sk));
	return 0;
}

static const struct seq_operations sockets_ops = {
	.start	= sockets_start,
	.next	= sockets_next,
	.stop	= sockets_stop,
	.show	= sockets_show,
};

int hf_proc_init(void)
{
	return proc_create_seq("hf", 0444, init_net.proc_net, &sockets_ops) ? 0 : -ENOMEM;
}

void hf_proc_exit(void)
{
	remove_proc_entry("hf", init_net.proc_net);
}
