/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Linux from 6.1 on: what newer kernels call otherwise. The code uses the new
 * names; Kbuild looks into the kernel's headers for what there is.
 */
#ifndef HF_COMPAT_H
#define HF_COMPAT_H

#include <linux/eventfd.h>
#include <linux/hrtimer.h>
#include <linux/sched.h>
#include <linux/socket.h>
#include <linux/workqueue.h>

/* 6.8: the count is always 1. */
#ifndef HF_HAVE_EVENTFD_SIGNAL_ONE
#define eventfd_signal(ctx) eventfd_signal(ctx, 1)
#endif

/* 6.13 */
#ifndef HF_HAVE_HRTIMER_SETUP
static inline void hrtimer_setup(struct hrtimer *timer,
				 enum hrtimer_restart (*function)(struct hrtimer *),
				 clockid_t clock, enum hrtimer_mode mode)
{
	hrtimer_init(timer, clock, mode);
	timer->function = function;
}
#endif

/* 6.13: of the symbols that hf_transport.h offers to other modules. */
#ifdef HF_HAVE_STRING_NS
#define HF_NS	"HAFNIUM"
#else
#define HF_NS	HAFNIUM
#endif

/* 6.13: where preemption is lazy, need_resched() does not tell that others want the CPU. */
static inline bool hf_need_resched(void)
{
#ifdef TIF_NEED_RESCHED_LAZY
	if (test_thread_flag(TIF_NEED_RESCHED_LAZY))
		return true;
#endif
	return need_resched();
}

/* 6.7: the transport says what of a packet is sent. */
#ifdef HF_HAVE_VSOCK_UNSENT
#define hf_vsock_consume_skb_sent virtio_transport_consume_skb_sent
#else
#define hf_vsock_consume_skb_sent(skb, consume) \
	do { if (consume) consume_skb(skb); } while (0)
#endif

/* 7.0: network namespaces; NULL stands for all those of mode global. */
#ifdef HF_HAVE_VSOCK_NET
#define hf_vsock_recv_pkt(transport, skb) virtio_transport_recv_pkt(transport, skb, NULL)
#define HF_VSOCK_SK(vsk) vsk,
#define HF_VSOCK_SEND(name) name(struct sk_buff *skb, struct net *net)
#define HF_VSOCK_IS_GLOBAL(vsk) vsock_net_mode_global(vsk)
#else
#define hf_vsock_recv_pkt virtio_transport_recv_pkt
#define HF_VSOCK_SK(vsk)
#define HF_VSOCK_SEND(name) name(struct sk_buff *skb)
#define HF_VSOCK_IS_GLOBAL(vsk) true
#endif

/* 6.18 */
#ifndef HF_HAVE_SYSTEM_DFL_WQ
#define system_dfl_wq system_unbound_wq
#endif

/* 6.19 */
#ifndef HF_HAVE_SOCKADDR_UNSIZED
#define sockaddr_unsized sockaddr
#endif

#endif
