// SPDX-License-Identifier: GPL-2.0-only
/*
 * The set of secondary VMs: created at module init, destroyed at module exit.
 *
 * Owns the map from VM id to struct hf_vm. It is filled before the first
 * thread runs and emptied after the last has ended, so that lookups need no
 * lock and no reference. Ids need not be contiguous. vCPUs that the hypervisor
 * names later are added by a work item. Process context, except for the lookups,
 * which may be called from anywhere.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/bitmap.h>
#include <linux/capability.h>
#include <linux/cred.h>
#include <linux/export.h>
#include <linux/printk.h>
#include <linux/slab.h>
#include <linux/suspend.h>

#include "hf_compat.h"
#include "hf_rx.h"
#include "hf_vm.h"

bool hf_vm_net_raw;

struct xarray hf_vms = XARRAY_INIT(hf_vms, 0);
EXPORT_SYMBOL_NS_GPL(hf_vms, HF_NS);

struct hf_vm *hf_vm_find(u16 id)
{
	return xa_load(&hf_vms, id);
}

int hf_vm_set_owner(u16 id, kuid_t uid, kgid_t gid)
{
	struct hf_vm *vm = hf_vm_find(id);

	if (!vm)
		return -ENODEV;
	if (uid_valid(vm->owner) || gid_valid(vm->group))
		return -EEXIST;
	vm->owner = uid;
	vm->group = gid;
	return 0;
}

bool hf_vm_owned_by_current(const struct hf_vm *vm)
{
	return (uid_valid(vm->owner) && uid_eq(vm->owner, current_euid())) ||
	       (gid_valid(vm->group) && in_egroup_p(vm->group));
}

/* An owner of the VM needs no capability, and leaves no audit record of having none. */
static bool is_capable(int cap, bool owner)
{
	return owner ? ns_capable_noaudit(&init_user_ns, cap) : capable(cap);
}

bool hf_vm_is_privileged(bool owner)
{
	return is_capable(CAP_SYS_ADMIN, owner) ||
	       (hf_vm_net_raw && is_capable(CAP_NET_RAW, owner));
}

bool hf_vm_may_use(const struct hf_vm *vm)
{
	return hf_vm_owned_by_current(vm) || hf_vm_is_privileged(true);
}
EXPORT_SYMBOL_NS_GPL(hf_vm_may_use, HF_NS);

/* A thread may have asked for more until it ended. */
static void vm_stop(struct hf_vm *vm)
{
	u16 i;

	WRITE_ONCE(vm->closing, true);
	cancel_delayed_work_sync(&vm->create_work);
	for (i = 0; i < vm->nr_vcpus; i++)
		hf_vcpu_stop(&vm->vcpus[i]);
	cancel_delayed_work_sync(&vm->create_work);
}

static void vm_destroy(struct hf_vm *vm)
{
	u16 i;

	vm_stop(vm);
	for (i = 0; i < vm->nr_vcpus; i++)
		hf_vcpu_destroy(&vm->vcpus[i]);
	kfree(vm->vcpus);
	bitmap_free(vm->bitmaps);
	kfree(vm);
}

/* Until there are @nr_vcpus. */
static int create_vcpus(struct hf_vm *vm, u16 nr_vcpus)
{
	int err = 0;
	u16 i;

	for (i = vm->nr_vcpus; i < nr_vcpus; i++) {
		err = hf_vcpu_create(&vm->vcpus[i], vm, i);
		if (err)
			break;
		/*
		 * (Q) A CPU that reads the new count could find a vCPU that is
		 * not complete.
		 *
		 * Orders: vcpus[i]  ->  nr_vcpus
		 * Pairs:  (R) in hf_vm_nr_vcpus()
		 * Proof:  litmus/MP+vcpu-vs-count
		 */
		smp_store_release(&vm->nr_vcpus, i + 1);
	}
	return err;
}

int hf_vm_add_vcpus(struct hf_vm *vm, u16 nr_vcpus, bool on)
{
	int err = create_vcpus(vm, nr_vcpus);

	if (!err && on)
		vm->vcpus[nr_vcpus - 1].off = false;
	return err;
}

static void create_named(struct work_struct *work)
{
	struct hf_vm *vm = container_of(to_delayed_work(work), struct hf_vm, create_work);
	unsigned long last = find_last_bit(vm->named, vm->max_vcpus);
	u16 i = vm->nr_vcpus;

	if (READ_ONCE(vm->closing) || last >= vm->max_vcpus)
		return;
	if (create_vcpus(vm, last + 1))
		queue_delayed_work(system_dfl_wq, &vm->create_work, HZ);
	for (; i < vm->nr_vcpus; i++)
		hf_vcpu_start(&vm->vcpus[i]);
	for_each_set_bit(last, vm->named, vm->nr_vcpus) {
		clear_bit(last, vm->named);
		hf_vcpu_request(&vm->vcpus[last], HF_REQ_ON);
	}
}

void hf_vm_create_vcpu(struct hf_vm *vm, u16 index)
{
	set_bit(index, vm->named);
	if (!READ_ONCE(vm->closing))
		queue_delayed_work(system_dfl_wq, &vm->create_work, 0);
}

/* All bitmaps in one piece of memory. */
static int create_bitmaps(struct hf_vm *vm)
{
	unsigned long **maps[] = { &vm->waiting, &vm->readers, &vm->pollers, &vm->inside,
				   &vm->deferred, &vm->named };
	unsigned int longs = BITS_TO_LONGS(vm->max_vcpus);
	int i;

	vm->bitmaps = bitmap_zalloc(ARRAY_SIZE(maps) * longs * BITS_PER_LONG, GFP_KERNEL);
	for (i = 0; vm->bitmaps && i < ARRAY_SIZE(maps); i++)
		*maps[i] = vm->bitmaps + i * longs;
	if (!vm->bitmaps)
		return -ENOMEM;
	bitmap_fill(vm->pollers, vm->max_vcpus);
	/* It may be reading a message of an earlier load. */
	__set_bit(0, vm->readers);
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
	vm->max_vcpus = max_t(u16, nr_vcpus, HF_VCPUS_NAMED_MAX);
	vm->owner = INVALID_UID;
	vm->group = INVALID_GID;
	raw_spin_lock_init(&vm->wait_lock);
	spin_lock_init(&vm->rx_lock);
	init_waitqueue_head(&vm->rx_wait);
	INIT_DELAYED_WORK(&vm->create_work, create_named);

	vm->vcpus = kcalloc(vm->max_vcpus, sizeof(*vm->vcpus), GFP_KERNEL);
	if (!vm->vcpus || create_bitmaps(vm))
		goto err_destroy;

	err = create_vcpus(vm, nr_vcpus);
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

/* Neither EL2 nor a VM is part of an image, and its mailbox is not mapped after a reset. */
static int refuse_hibernation(struct notifier_block *block, unsigned long event, void *unused)
{
	if ((event != PM_HIBERNATION_PREPARE && event != PM_RESTORE_PREPARE) || xa_empty(&hf_vms))
		return NOTIFY_DONE;
	pr_warn("no hibernation while VMs run: their memory and the hypervisor's would be lost\n");
	return notifier_from_errno(-EBUSY);
}

static struct notifier_block pm_block = { .notifier_call = refuse_hibernation };

int hf_vm_start_all(void)
{
	struct hf_vm *vm;
	unsigned long id;
	u16 i;

	/* The work may have added some, which it starts itself. */
	hf_for_each_vm(vm, id) {
		u16 nr_vcpus = hf_vm_nr_vcpus(vm);

		for (i = 0; i < nr_vcpus; i++)
			hf_vcpu_start(&vm->vcpus[i]);
	}
	return register_pm_notifier(&pm_block);
}

void hf_vm_stop_all(void)
{
	struct hf_vm *vm;
	unsigned long id;

	unregister_pm_notifier(&pm_block);
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
	hf_rx_free();
}
