// SPDX-License-Identifier: GPL-2.0-only
/*
 * The module that speaks to VMs by itself, if there is one: hf_vsock.ko.
 *
 * Owns the pointer to it, under RCU. Messages come from a vCPU's runner, deaths
 * from a work item; registration is process context.
 *
 * Does not: look into messages beyond their ports.
 */
#include <linux/export.h>
#include <linux/rcupdate.h>

#include "hf_compat.h"
#include "hf_transport.h"

static const struct hf_client __rcu *client;

bool hf_transport_deliver(struct sk_buff *skb)
{
	const struct hf_client *to;

	if (HF_SKB_CB(skb)->src_port != HF_PORT_VSOCK)
		return false;
	rcu_read_lock();
	to = rcu_dereference(client);
	if (to)
		to->receive(HF_SKB_CB(skb)->vm, skb);
	rcu_read_unlock();
	return to;
}

void hf_transport_vm_died(struct hf_vm *vm)
{
	const struct hf_client *to;

	rcu_read_lock();
	to = rcu_dereference(client);
	if (to)
		to->vm_died(vm);
	rcu_read_unlock();
}

void hf_transport_stop(void)
{
	struct hf_vm *vm;
	unsigned long id;

	hf_for_each_vm(vm, id)
		hf_transport_vm_died(vm);
}

int hf_transport_register(const struct hf_client *new)
{
	if (rcu_access_pointer(client))
		return -EBUSY;
	rcu_assign_pointer(client, new);
	return 0;
}
EXPORT_SYMBOL_NS_GPL(hf_transport_register, HF_NS);

void hf_transport_unregister(void)
{
	RCU_INIT_POINTER(client, NULL);
	synchronize_rcu();
}
EXPORT_SYMBOL_NS_GPL(hf_transport_unregister, HF_NS);
