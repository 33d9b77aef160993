/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Sending: through our TX page, of which there is one for all VMs.
 */
#ifndef HF_TX_H
#define HF_TX_H

#include "hf_vm.h"

struct iov_iter;
struct sk_buff;

/**
 * hf_tx_put() - put a message into the mailbox of a VM
 * @head: What goes before the @len bytes of @skb that begin at @from.
 * @skb:  May be NULL if @len is 0.
 *
 * Context: under vm->wait_lock. Return: 0, and hf_wait_accepted_locked() is owed; -EAGAIN
 * if the mailbox is full, and we are told when it no longer is, where EL2 does that;
 * or another negative errno: it can never be sent.
 */
int hf_tx_put(struct hf_vm *vm, const void *head, size_t head_len,
	      const struct sk_buff *skb, unsigned int from, unsigned int len);

/*
 * The same, @len bytes of it straight from the sender's memory. -EAGAIN also if that
 * is not there now, and @from stays where it is; no notification is requested.
 */
int hf_tx_put_from(struct hf_vm *vm, const void *head, size_t head_len,
		   struct iov_iter *from, size_t len);

/*
 * Messages can be sent, from module init on, after the pages were mapped / no message is
 * sent any more, nor being sent: -ENETDOWN. Process context.
 */
void hf_tx_open(void);
void hf_tx_close(void);

#endif
