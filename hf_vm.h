/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Secondary VMs, and the set of them.
 */
#ifndef HF_VM_H
#define HF_VM_H

#include <linux/llist.h>
#include <linux/spinlock.h>
#include <linux/uidgid.h>
#include <linux/wait.h>
#include <linux/workqueue.h>
#include <linux/xarray.h>

#include "hf_txq.h"
#include "hf_vcpu.h"

/* vCPUs that a VM may have beyond those that were known when it was created. */
#define HF_VCPUS_NAMED_MAX	32

struct hf_vm {
	/* Set before the threads start, then constant. */
	u16 id;
	u16 max_vcpus;			/* bits in each bitmap, elements of vcpus */
	struct hf_vcpu *vcpus;
	unsigned long *bitmaps;		/* memory of all bitmaps below */
	kuid_t owner;			/* may use it without a capability */
	kgid_t group;			/* the same; either may be invalid = none */

	u16 nr_vcpus;			/* written by hf_vm.c; see hf_vm_nr_vcpus() */

	/* Any CPU; Documentation/wake-up.rst. */
	unsigned long *waiting;		/* vCPUs blocked in FFA_MSG_WAIT */
	bool message_pending;		/* pending flag: EL2 may hold a message */
	bool dead;			/* aborted; never becomes alive again */
	bool waits;			/* a vCPU of it has been in FFA_MSG_WAIT */
	bool waiters_left;		/* a drain of its waiter list was cut short */
	unsigned int binds;		/* so many notifications of ours it may set */
	u16 irq_vcpu[HF_INTIDS];	/* hint: vCPU that takes this interrupt */
	unsigned long rings_tick;	/* jiffies of the last ring */
	atomic_t rings_left;		/* in that tick */
	unsigned long *named;		/* vCPUs that EL2 named before they were known */
	struct delayed_work create_work;	/* creates those */
	bool closing;			/* no more of that */

	/* Under wait_lock, which is inside txq.lock; hf_wait.c. */
	raw_spinlock_t wait_lock ____cacheline_aligned_in_smp;
	unsigned long *readers;		/* vCPUs that may be reading a message */
	unsigned long *pollers;		/* vCPUs that may read without having waited */
	unsigned long *inside;		/* of those, the ones in the guest */
	bool answers;			/* one of those has sent a message */
	unsigned long *deferred;	/* vCPUs that wait for readers, and go before messages */
	u32 epoch;			/* messages accepted, mod 2^32 */
	bool notified;			/* since a vCPU that waits was run */

	struct hf_txq txq;		/* hf_flow.c */
	struct work_struct death_work;	/* tells of its death */

	/* Messages from it that were taken out of our RX page, the last one first. */
	struct llist_head rx_taken;
	spinlock_t rx_lock;		/* while they are delivered; before txq.lock */
	bool rx_held;			/* no more until the client says so; hf_rx_hold() */
	wait_queue_head_t rx_wait;	/* threads of vCPUs that are not run because of that */

	/* Stall detector only. */
	u64 stalled_at;			/* see stalled_at() in hf_state.c */
	bool stall_reported, stuck_reported;

	/* Counters for display. */
	atomic_long_t sent, received, rings, rings_refused, dropped_short, dropped_size;
	atomic_long_t dropped_sender, dropped_port, dropped_full, dropped_unsent, dropped_vsock;
};

/* The vCPUs known so far: those below are complete. Grows only. Any context. */
static inline u16 hf_vm_nr_vcpus(const struct hf_vm *vm)
{
	/*
	 * (R) A vCPU that the count covers could look as it did before it was created.
	 *
	 * Orders: read of nr_vcpus  ->  vcpus[i]
	 * Pairs:  (Q) in create_vcpus()
	 * Proof:  litmus/MP+vcpu-vs-count
	 */
	return smp_load_acquire(&vm->nr_vcpus);
}

/**
 * hf_vm_create() - make a VM known, with all of its vCPUs and their threads
 *
 * No thread runs before hf_vm_start_all(); hf_mailbox_init_vm() is owed. Context: module
 * init, may sleep. Return: 0, -EEXIST if the id is taken, -ENOMEM.
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
 * @index: Below vm->max_vcpus. Context: any. Tried again until there is memory for it.
 */
void hf_vm_create_vcpu(struct hf_vm *vm, u16 index);

/* Find a VM, NULL if there is none; lives until module exit. Any context. */
struct hf_vm *hf_vm_find(u16 id);

/**
 * hf_vm_set_owner() - let a user and a group use the VM without a capability
 * @uid: In the initial user namespace; INVALID_UID = none.
 *
 * Context: module init. Return: 0, -ENODEV if there is no such VM, -EEXIST if it has some.
 */
int hf_vm_set_owner(u16 id, kuid_t uid, kgid_t gid);

/* Whether the caller is the VM's owner, or in its group. Process context. */
bool hf_vm_owned_by_current(const struct hf_vm *vm);
/* The same by capability, which CAP_NET_RAW is if the parameter says so. Audited unless @owner. */
extern bool hf_vm_net_raw;
bool hf_vm_is_privileged(bool owner);
/* Whether the caller may use the VM, by capability or as an owner. No audit record. */
bool hf_vm_may_use(const struct hf_vm *vm);

/* All VMs by id. Constant while threads run; hf_vm.c alone changes it. */
extern struct xarray hf_vms;
#define hf_for_each_vm(vm, id) xa_for_each(&hf_vms, id, vm)

/* Start the threads / end them and wait for that / free everything. May sleep. */
int hf_vm_start_all(void);
void hf_vm_stop_all(void);
void hf_vm_destroy_all(void);

#endif
