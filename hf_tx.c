// SPDX-License-Identifier: GPL-2.0-only
/*
 * Sending: through our TX page, of which there is one for all VMs.
 *
 * Owns the TX page (under tx_page_lock, from the copy to the end of FFA_MSG_SEND).
 * Process context.
 *
 * Invariant: no message is sent, nor being sent, once hf_tx_close() has returned.
 * Does not: decide which message is sent next (hf_flow.c), see that its receiver
 * runs (hf_wait.c), or map pages (hf_pages.c).
 */
#include <linux/skbuff.h>
#include <linux/uaccess.h>
#include <linux/uio.h>

#include "hf_pages.h"
#include "hf_tx.h"

/* Inside vm->wait_lock. */
static DEFINE_RAW_SPINLOCK(tx_page_lock);
static bool closed;

int hf_tx_put(struct hf_vm *vm, const void *head, size_t head_len,
	      const struct sk_buff *skb, unsigned int from, unsigned int len)
{
	int err = -ENETDOWN;

	lockdep_assert_held(&vm->wait_lock);
	raw_spin_lock(&tx_page_lock);
	if (!closed) {
		memcpy(hf_pages_tx(), head, head_len);
		if (len)
			skb_copy_bits(skb, from, hf_pages_tx() + head_len, len);
		err = hf_ffa_msg_send(vm->id, head_len + len, hf_ffa_features.waiter_list);
	}
	raw_spin_unlock(&tx_page_lock);
	return err;
}

int hf_tx_put_from(struct hf_vm *vm, const void *head, size_t head_len,
		   struct iov_iter *from, size_t len)
{
	size_t copied = 0;
	int err = -EAGAIN;

	lockdep_assert_held(&vm->wait_lock);
	raw_spin_lock(&tx_page_lock);
	if (closed) {
		err = -ENETDOWN;
		goto out;
	}
	memcpy(hf_pages_tx(), head, head_len);
	/* Page faults must wait: we spin. */
	pagefault_disable();
	copied = copy_from_iter(hf_pages_tx() + head_len, len, from);
	pagefault_enable();
	/*
	 * No notification is requested: a sender that finds the mailbox full comes back with a
	 * buffer, and requests it then.
	 */
	if (copied == len)
		err = hf_ffa_msg_send(vm->id, head_len + len, false);
out:
	raw_spin_unlock(&tx_page_lock);
	if (err == -EAGAIN)
		iov_iter_revert(from, copied);
	return err;
}

void hf_tx_open(void)
{
	closed = false;
}

void hf_tx_close(void)
{
	raw_spin_lock_irq(&tx_page_lock);
	closed = true;
	raw_spin_unlock_irq(&tx_page_lock);
}
