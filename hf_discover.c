// SPDX-License-Identifier: GPL-2.0-only
/*
 * Discovery: which VMs there are, and how many vCPUs they have.
 *
 * FFA_PARTITION_INFO_GET is asked of FF-A 1.0 alone: newer Hafniums list no VM
 * without a UUID, and panic if that leaves none, or if there are as many as they
 * were built for. They tell whether a VM exists, and up to v2.11 whether a vCPU does.
 * Where they do not, a VM has one vCPU until an exit names another. Module init only.
 *
 * Invariant: no question is asked that any known Hafnium answers by dying.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/printk.h>
#include <linux/slab.h>

#include "hf_discover.h"
#include "hf_mailbox.h"
#include "hf_pages.h"
#include "hf_vm.h"

/* Ids from here on are secure partitions, which are not ours to run. */
#define SECURE_WORLD_ID	0x8000

static int create_listed(const struct hf_partition_desc *descs, int count)
{
	int i, err;

	for (i = 0; i < count; i++) {
		u16 id = le16_to_cpu(descs[i].id);
		u16 nr_vcpus = le16_to_cpu(descs[i].vcpu_count);

		if (id == HF_PRIMARY_VM_ID || id >= SECURE_WORLD_ID || hf_vm_find(id))
			continue;
		if (!id || !nr_vcpus || nr_vcpus > HF_VM_VCPUS_MAX) {
			pr_err("cannot make sense of partition descriptor %d of %d; name the VMs with vms=\n",
			       i, count);
			return -EPROTO;
		}
		err = hf_vm_create(id, nr_vcpus);
		if (err)
			return err;
	}
	return 0;
}

/* The hypervisor has written @count descriptors into the RX page. */
static int read_list(int count)
{
	struct hf_partition_desc *descs;
	int err;

	if (count > HF_MAILBOX_SIZE / sizeof(*descs)) {
		pr_err("the hypervisor lists %d VMs, more than a page holds; name them with vms=\n",
		       count);
		hf_ffa_rx_release();
		return -EPROTO;
	}
	descs = kmemdup(hf_pages_rx(), HF_MAILBOX_SIZE, GFP_KERNEL);
	hf_ffa_rx_release();
	if (!descs)
		return -ENOMEM;
	err = create_listed(descs, count);
	kfree(descs);
	return err;
}

static int list_vms(void)
{
	int count = hf_ffa_partition_info_get();

	if (count < 0) {
		pr_err("the hypervisor does not list its VMs, error %d; name them with vms=\n",
		       count);
		return count;
	}
	return read_list(count);
}

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

static int walk_vms(void)
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

int hf_discover(void)
{
	return hf_ffa_features.notifications ? walk_vms() : list_vms();
}
