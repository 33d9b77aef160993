// SPDX-License-Identifier: GPL-2.0-only
/*
 * Discovery: which VMs there are, and how many vCPUs they have.
 *
 * One id after the other is asked for. FFA_PARTITION_INFO_GET would not do: Hafnium from
 * v2.11 on lists no VM without a UUID, and panics if that leaves none, or if there are
 * as many as it was built for; and it needs the RX page. Up to v2.11 Hafnium tells
 * whether a vCPU exists; later a VM has one until an exit names another. Module init only.
 *
 * Invariant: no question is asked that any known Hafnium answers by dying.
 */
#include "hf_discover.h"
#include "hf_vm.h"

/* Ids from here on are secure partitions, which are not ours to run. */
#define SECURE_WORLD_ID	0x8000

/*
 * Pends the interrupt that says "look into your mailbox": it does a guest no harm, and
 * EL2 answers 1 for a vCPU that takes it, which is on then.
 */
static int find_vcpus(struct hf_vm *vm)
{
	u16 i;

	for (i = 1; i < vm->max_vcpus; i++) {
		int ret = hf_ffa_interrupt_inject(vm->id, i, HF_MAILBOX_READABLE_INTID);

		if (ret < 0)
			break;
		ret = hf_vm_add_vcpus(vm, i + 1, ret > 0);
		if (ret)
			return ret;
	}
	return 0;
}

int hf_discover(void)
{
	u16 id;
	int err;

	for (id = HF_PRIMARY_VM_ID + 1; id < SECURE_WORLD_ID && hf_ffa_vm_exists(id); id++) {
		err = hf_vm_create(id, 1);
		if (!err)
			err = find_vcpus(hf_vm_find(id));
		if (err)
			return err;
	}
	return 0;
}
