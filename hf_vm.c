// SPDX-License-Identifier: GPL-2.0-only
/*
 * The set of secondary VMs: created at module init, destroyed at module exit.
 *
 * Owns the map from VM id to struct hf_vm. It is filled before the first
 * thread runs and emptied after the last has ended, so that lookups need no
 * lock and no reference. Ids need not be contiguous. Process context, except
 * for the lookups, which may be called from anywhere.
 */
#include <linux/bitmap.h>
#include <linux/cred.h>
#include <linux/sched/task.h>
#include <linux/slab.h>

#include "hf_vm.h"

DEFINE_XARRAY(hf_vms);

struct hf_vm *hf_vm_find(u16 id)
{
	return xa_load(&hf_vms, id);
}

int hf_vm_set_owner(u16 id, kuid_t uid, kgid_t gid)
{
	struct hf_vm *vm = hf_vm_find(id);

	if (!vm)
		return -ENODEV;
	vm->owner = uid;
	vm->group = gid;
	return 0;
}

bool hf_vm_owned_by_current(const struct hf_vm *vm)
{
	return (uid_valid(vm->owner) && uid_eq(vm->owner, current_euid())) ||
	       (gid_valid(vm->group) && in_egroup_p(vm->group));
}

static void vm_stop(struct hf_vm *vm)
{
	u16 i;

	for (i = 0; i < vm->nr_vcpus; i++) {
		if (vm->vcpus[i].task)
			hf_vcpu_stop(&vm->vcpus[i]);
	}
}

static void vm_destroy(struct hf_vm *vm)
{
	u16 i;

	vm_stop(vm);
	for (i = 0; i < vm->nr_vcpus; i++) {
		if (vm->vcpus[i].task)
			put_task_struct(vm->vcpus[i].task);
	}
	kfree(vm->vcpus);
	bitmap_free(vm->waiting);
	kfree(vm);
}

static int vm_create_vcpus(struct hf_vm *vm)
{
	int err;
	u16 i;

	for (i = 0; i < vm->nr_vcpus; i++) {
		err = hf_vcpu_create(&vm->vcpus[i], vm, i);
		if (err)
			return err;
	}
	return 0;
}

int hf_vm_create(u16 id, u16 nr_vcpus)
{
	struct hf_vm *vm;
	int err = -ENOMEM;

	vm = kzalloc(sizeof(*vm), GFP_KERNEL);
	if (!vm)
		return -ENOMEM;

	vm->id = id;
	vm->owner = INVALID_UID;
	vm->group = INVALID_GID;
	vm->waits = hf_ffa_features.rx_overwrite;
	spin_lock_init(&vm->tx_lock);
	spin_lock_init(&vm->rx_lock);
	INIT_LIST_HEAD(&vm->flows);
	INIT_LIST_HEAD(&vm->refused);
	INIT_DELAYED_WORK(&vm->hold_work, hf_mailbox_hold_expired);

	vm->waiting = bitmap_zalloc(nr_vcpus, GFP_KERNEL);
	vm->vcpus = kcalloc(nr_vcpus, sizeof(*vm->vcpus), GFP_KERNEL);
	if (!vm->waiting || !vm->vcpus)
		goto err_destroy;
	vm->nr_vcpus = nr_vcpus;

	err = vm_create_vcpus(vm);
	if (err)
		goto err_destroy;

	err = xa_insert(&hf_vms, id, vm, GFP_KERNEL);
	if (err)
		goto err_destroy;
	return 0;

err_destroy:
	vm_destroy(vm);
	return err == -EBUSY ? -EEXIST : err;
}

void hf_vm_start_all(void)
{
	struct hf_vm *vm;
	unsigned long id;
	u16 i;

	hf_for_each_vm(vm, id) {
		for (i = 0; i < vm->nr_vcpus; i++)
			hf_vcpu_start(&vm->vcpus[i]);
	}
}

void hf_vm_stop_all(void)
{
	struct hf_vm *vm;
	unsigned long id;

	hf_for_each_vm(vm, id)
		vm_stop(vm);
}

void hf_vm_destroy_all(void)
{
	struct hf_vm *vm;
	unsigned long id;

	hf_for_each_vm(vm, id) {
		xa_erase(&hf_vms, id);
		vm_destroy(vm);
	}
	xa_destroy(&hf_vms);
}
