// SPDX-License-Identifier: GPL-2.0-only
/*
 * Receiving: out of our RX page, which all VMs share.
 *
 * Owns the RX page, from the exit that tells of a message to FFA_RX_RELEASE. In
 * between interrupts are disabled, and nothing is waited for: the copy goes to a
 * buffer that this CPU had before the vCPU was run, and to the end of its VM's list.
 * Delivery comes later, in the order of that list.
 *
 * Invariant: the page waits for nothing; a VM's messages are delivered in the
 * order in which they were in the page; at most two for each of its vCPUs are taken
 * and not yet delivered, those that FFA_MSG_SEND2 brought aside. A VM that is held
 * brings one more for each of its vCPUs.
 * Does not: know which socket a message is for, or which VM the page names.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/export.h>
#include <linux/llist.h>
#include <linux/percpu.h>
#include <linux/printk.h>

#include "hf_compat.h"
#include "hf_pages.h"
#include "hf_rx.h"

/* What fits into the memory that sk_buffs take, so that a message takes no more than it must. */
static const unsigned int spare_sizes[HF_RX_SPARES] = {
	SKB_WITH_OVERHEAD(512), SKB_WITH_OVERHEAD(1024), SKB_WITH_OVERHEAD(2048),
	SKB_WITH_OVERHEAD(4096), HF_MAILBOX_SIZE - sizeof(struct hf_msg_hdr),
};

DEFINE_PER_CPU(struct hf_rx_spares, hf_rx_spares) = { .missing = HF_RX_ALL_SPARES };

bool hf_rx_refill(gfp_t gfp)
{
	struct hf_rx_spares *spares;
	unsigned long missing;
	struct sk_buff *skb;
	int i;

	while ((missing = raw_cpu_read(hf_rx_spares.missing))) {
		i = __ffs(missing);
		skb = alloc_skb(spare_sizes[i], gfp);
		if (!skb)
			return false;
		/* Of the CPU where we are now, and another could have been faster. */
		spares = get_cpu_ptr(&hf_rx_spares);
		if (__test_and_clear_bit(i, &spares->missing))
			swap(spares->skb[i], skb);
		put_cpu_ptr(&hf_rx_spares);
		kfree_skb(skb);
	}
	return true;
}

void hf_rx_hold(struct hf_vm *vm, bool hold)
{
	WRITE_ONCE(vm->rx_held, hold);
	if (!hold)
		wake_up(&vm->rx_wait);
}
EXPORT_SYMBOL_NS_GPL(hf_rx_hold, HF_NS);

void hf_rx_free(void)
{
	int cpu, i;

	for_each_possible_cpu(cpu) {
		struct hf_rx_spares *spares = per_cpu_ptr(&hf_rx_spares, cpu);

		for (i = 0; i < HF_RX_SPARES; i++) {
			kfree_skb(spares->skb[i]);
			spares->skb[i] = NULL;
		}
		spares->missing = HF_RX_ALL_SPARES;
	}
}

static struct sk_buff *use_spare(u32 len)
{
	struct hf_rx_spares *spares = this_cpu_ptr(&hf_rx_spares);
	struct sk_buff *skb = NULL;
	int i = 0;

	while (spare_sizes[i] < len)
		i++;
	swap(spares->skb[i], skb);
	__set_bit(i, &spares->missing);
	return skb;
}

/* The RX page holds @len bytes of @vm from @offset on. */
static void copy_message(struct hf_vm *vm, u32 offset, u32 len)
{
	const void *message = hf_pages_rx() + offset;
	struct hf_msg_hdr hdr;
	struct sk_buff *skb;

	if (offset > HF_MAILBOX_SIZE || len > HF_MAILBOX_SIZE - offset) {
		atomic_long_inc(&vm->dropped_size);
		return;
	}
	if (len < sizeof(hdr)) {
		atomic_long_inc(&vm->dropped_short);
		return;
	}

	len -= sizeof(hdr);
	skb = use_spare(len);
	/* The page is EL2's to write: one copy, then the copy is used. */
	memcpy(&hdr, message, sizeof(hdr));
	skb_put_data(skb, message + sizeof(hdr), len);
	HF_SKB_CB(skb)->vm = vm;
	HF_SKB_CB(skb)->src_port = le64_to_cpu(hdr.src_port);
	HF_SKB_CB(skb)->dst_port = le64_to_cpu(hdr.dst_port);
	llist_add(&skb->ll_node, &vm->rx_taken);
}

/* EL2 has no reason to refuse the page; should it do so, one more attempt may save all VMs. */
bool hf_rx_release(void)
{
	int ret = hf_ffa_rx_release();

	if (ret < 0) {
		pr_warn_ratelimited("the RX page was not released, error %d; trying again\n", ret);
		ret = hf_ffa_rx_release();
	}
	return ret == 1;
}

bool hf_rx_take(struct hf_vm *vm, u32 offset, u32 len)
{
	copy_message(vm, offset, len);
	return hf_rx_release();
}

/*
 * FFA_MSG_SEND2 fills our RX page without an exit. EL2 lets nothing but a header with
 * the right ids through, so that a page which does not begin with one holds no such
 * message; one that does may hold an old one, and EL2 knows. Sender and receiver are
 * what EL2 checked, offset and size may be anything.
 */
bool hf_rx_find_unseen(struct hf_msg2_hdr *hdr)
{
	const struct hf_msg2_hdr *page = hf_pages_rx();

	/* Without a buffer it stays there until the next exit. */
	if (le16_to_cpu(READ_ONCE(page->receiver)) != HF_PRIMARY_VM_ID || !hf_rx_is_ready() ||
	    !hf_ffa_rx_full())
		return false;
	*hdr = *page;
	return true;
}

void hf_rx_deliver(struct hf_vm *vm, void (*deliver)(struct sk_buff *skb))
{
	struct sk_buff *skb, *next;
	struct llist_node *taken;

	if (llist_empty(&vm->rx_taken))
		return;
	spin_lock(&vm->rx_lock);
	taken = llist_reverse_order(llist_del_all(&vm->rx_taken));
	llist_for_each_entry_safe(skb, next, taken, ll_node) {
		skb_mark_not_on_list(skb);
		atomic_long_inc(&vm->received);
		deliver(skb);
	}
	spin_unlock(&vm->rx_lock);
}
