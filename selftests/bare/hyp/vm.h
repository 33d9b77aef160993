/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What a VM and a vCPU are. VM 1 is the primary; its vCPU n is physical CPU n.
 */
#ifndef HYP_VM_H
#define HYP_VM_H

#include "mmu.h"
#include "notification.h"
#include "regs.h"
#include "spinlock.h"
#include "testcall.h"

#define LOG_MAX		256
#define UUIDS_MAX	4

enum vcpu_state {
	VCPU_OFF,
	VCPU_READY,
	VCPU_RUNNING,		/* or its registers are still being saved */
	VCPU_WAIT_MESSAGE,
	VCPU_WAIT_INTERRUPT,
	VCPU_ABORTED,
};

struct vm;

struct vcpu {
	/* Set at boot, then constant. */
	struct vm *vm;
	u16 index;
	u64 hcr;

	/*
	 * Of the CPU that runs the vCPU (VCPU_RUNNING); of whoever holds the
	 * lock and finds it not running.
	 */
	struct regs regs;
	struct el1_regs el1;
	struct timer timer;
	struct fp fp;
	bool handed;		/* entered with a message as the result of its call */

	/* Under the lock. */
	struct spinlock lock;
	enum vcpu_state state;
	u64 irq_enabled;
	u64 irq_pending;
	u64 irq_fiq;		/* delivered as FIQ */
	bool ran;
	bool restarted;		/* on again after it ran and switched itself off, not run yet */

	/* Test calls; atomic, or under testcall.c's lock. */
	u64 counts[HFT_COUNTS];
	struct {
		u32 point;
		u32 skip;
		u32 held;
	} hold;
	struct {
		bool armed;
		struct ffa_value value;
	} forged;
};

struct vm {
	/* Set at boot, then constant. */
	u16 id;
	u16 vcpu_count;
	u64 mem_start;
	u64 mem_end;
	u8 uuid_count;
	bool notifies;			/* may bind and get notifications */
	const char *name;
	struct vcpu vcpus[VCPUS_MAX];

	/* Under the lock. */
	struct spinlock lock;
	struct mailbox mailbox;
	struct notifications notifications;
	struct page_table stage2;
	u32 ffa_version;		/* 0 = nobody asked */
	char log[LOG_MAX];
	unsigned int log_len;

	/* Atomic; never cleared. */
	bool aborting;
	bool killed;			/* HFT_KILL: to be aborted */
	bool ffa_version_locked;
	u32 faults;

	/* Atomic. */
	u64 signal;			/* HFT_SIGNAL */

	/* Entry n belongs to CPU n: which vCPU it ran last. */
	const struct vcpu *last_vcpu[CPUS_MAX];
};

extern struct vm vms[VMS_MAX];
extern unsigned int vm_count;

/* NULL if there is none. Any id is a good argument. */
struct vm *vm_find(u64 id);
struct vcpu *vcpu_find(u64 vm_id, u64 index);

static inline bool vm_is_primary(const struct vm *vm)
{
	return vm->id == HF_PRIMARY_ID;
}

static inline u64 vcpu_id(const struct vcpu *vcpu)
{
	return (u64)vcpu->vm->id << 16 | vcpu->index;
}

/* Boot only: the next VM, all vCPUs off. */
struct vm *vm_create(u16 vcpu_count, const char *name);

/* The vCPU is off or never ran: where it starts, and with what in x0. */
void vcpu_reset(struct vcpu *vcpu, u64 entry, u64 x0);

/* Two VMs at once, in lock order. They differ. */
void vm_lock_both(struct vm *a, struct vm *b);
void vm_unlock_both(struct vm *a, struct vm *b);

#endif
