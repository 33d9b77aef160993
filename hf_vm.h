/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The set of secondary VMs.
 */
#ifndef HF_VM_H
#define HF_VM_H

#include <linux/xarray.h>

#include "hf_vcpu.h"

/**
 * hf_vm_create() - make a VM known, with all of its vCPUs and their threads
 *
 * No thread runs before hf_vm_start_all(). Context: module init, may sleep.
 * Return: 0, -EEXIST if the id is taken, -ENOMEM.
 */
int hf_vm_create(u16 id, u16 nr_vcpus);

/* vCPUs that a VM may be said to have: a sanity check, not a limit of the driver. */
#define HF_VM_VCPUS_MAX	512

/**
 * hf_vm_add_vcpus() - the VM has @nr_vcpus vCPUs, the last of which is @on
 *
 * Context: before hf_vm_start_all(). Return: 0, -ENOMEM.
 */
int hf_vm_add_vcpus(struct hf_vm *vm, u16 nr_vcpus, bool on);

/**
 * hf_vm_create_vcpu() - EL2 named a vCPU that is not known: create and start it, soon
 * @index: Below vm->max_vcpus.
 *
 * Context: any. Tried again until there is memory for it.
 */
void hf_vm_create_vcpu(struct hf_vm *vm, u16 index);

/* Find a VM, NULL if there is none; lives until module exit. Any context. */
struct hf_vm *hf_vm_find(u16 id);

/**
 * hf_vm_set_owner() - let a user and a group use the VM without a capability
 * @uid: In the initial user namespace; INVALID_UID = none.
 *
 * Context: module init. Return: 0, -ENODEV if there is no such VM.
 */
int hf_vm_set_owner(u16 id, kuid_t uid, kgid_t gid);

/* Whether the caller is the VM's owner, or in its group. Process context. */
bool hf_vm_owned_by_current(const struct hf_vm *vm);

/* All VMs by id. Constant while threads run; hf_vm.c alone changes it. */
extern struct xarray hf_vms;
#define hf_for_each_vm(vm, id) xa_for_each(&hf_vms, id, vm)

/* Start the threads / end them and wait for that / free everything. May sleep. */
void hf_vm_start_all(void);
void hf_vm_stop_all(void);
void hf_vm_destroy_all(void);

#endif
