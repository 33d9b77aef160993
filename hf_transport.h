/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What hafnium.ko offers to a module that speaks to VMs by itself: hf_vsock.ko.
 *
 * Symbols are in the namespace HAFNIUM. Beside the functions below: hf_flow_init(),
 * hf_flow_send(), hf_flow_send_now() and hf_flow_drop() to send, hf_rx_hold() not to
 * be sent more, hf_for_each_vm(), hf_vm_may_use(). A module that uses them keeps
 * hafnium.ko loaded, and with it all VMs, until it is gone.
 */
#ifndef HF_TRANSPORT_H
#define HF_TRANSPORT_H

#include <hf/socket.h>

#include "hf_flow.h"
#include "hf_rx.h"
#include "hf_vm.h"

/**
 * struct hf_client - the receiver of messages both ports of which are HF_PORT_VSOCK
 * @receive: A message of @vm, in the order in which they were sent. The payload is linear
 *           and begins at skb->head; taken. Under vm->rx_lock.
 * @vm_died: No more will come of @vm, nor reach it. Once, and once more before a reboot.
 *
 * Context of both: process, under rcu_read_lock(), may not sleep.
 */
struct hf_client {
	void (*receive)(struct hf_vm *vm, struct sk_buff *skb);
	void (*vm_died)(struct hf_vm *vm);
};

/* There can be one: 0, or -EBUSY. VMs that are dead by then are not told of. Module init. */
int hf_transport_register(const struct hf_client *client);
/* Neither function is called any more when it returns. May sleep. */
void hf_transport_unregister(void);

/* A message to HF_PORT_VSOCK: whether it had a receiver, and is taken. */
bool hf_transport_deliver(struct sk_buff *skb);
void hf_transport_vm_died(struct hf_vm *vm);
/* Before a reboot no VM is run any more: told as their death. After the last message. */
void hf_transport_stop(void);

#endif
