// SPDX-License-Identifier: GPL-2.0-only
/*
 * A hypervisor that does what a test says: it stands in for hf_ffa.c.
 *
 * Owns *fake, which lives for one test, the pages and the mailboxes. Its lock
 * protects those and steps (fake_run.c); it is a raw leaf: hypercalls come under
 * any of the driver's locks, with interrupts on or off.
 *
 * Does not: decide anything by itself beyond "the mailbox is full".
 */
#include <linux/errno.h>
#include <linux/io.h>
#include <linux/slab.h>
#include <linux/spinlock.h>

#include "fake.h"
#include "fake_private.h"
#include "fake_thread.h"

struct hf_ffa_features hf_ffa_features;
struct fake *fake;

DEFINE_RAW_SPINLOCK(fake_lock);

void fake_rule(bool kept, const char *text)
{
	if (!kept)
		cmpxchg(&fake->broken, NULL, text);
}

bool fake_begin(enum fake_call call, int *err)
{
	unsigned long flags;

	raw_spin_lock_irqsave(&fake_lock, flags);
	fake->calls[call]++;
	*err = fake->errors[call];
	if (!fake->fail_for_good)
		fake->errors[call] = 0;
	raw_spin_unlock_irqrestore(&fake_lock, flags);
	return *err;
}

static s64 next_of(s64 *list, int count)
{
	s64 first = list[0];
	int i;

	for (i = 0; i + 1 < count; i++)
		list[i] = list[i + 1];
	list[count - 1] = 0;
	return first ?: -1;
}

int hf_ffa_probe(void)
{
	return 0;
}

int hf_ffa_rxtx_map(phys_addr_t tx, phys_addr_t rx)
{
	int err;

	if (fake_begin(FAKE_RXTX_MAP, &err))
		return err;
	if (fake->mapped)
		return -EBUSY;
	fake->tx = tx;
	fake->rx = rx;
	fake->mapped = true;
	return 0;
}

int hf_ffa_rxtx_unmap(void)
{
	int err;

	if (fake_begin(FAKE_RXTX_UNMAP, &err))
		return err;
	if (!fake->mapped)
		return -EINVAL;
	fake->mapped = false;
	return 0;
}

int hf_ffa_rx_release(void)
{
	int err;

	fake_rule(fake->rx_full || fake->lenient, "FFA_RX_RELEASE: there is no message");
	fake_rule(!fake->rx_unseen, "FFA_RX_RELEASE: \"RX full\" was not asked for");
	if (fake_begin(FAKE_RX_RELEASE, &err) && err < 0)
		return err;
	if (!fake->rx_full)
		return -EACCES;
	/* Whoever reads on reads something else. */
	if (!fake->keeps_page)
		memset(phys_to_virt(fake->rx), 0xa5, HF_MAILBOX_SIZE);
	WRITE_ONCE(fake->rx_full, false);
	return err;
}

bool hf_ffa_vm_exists(u16 id)
{
	int err;

	return !fake_begin(FAKE_VM_EXISTS, &err) && id < FAKE_VMS && fake->vms[id].exists;
}

int hf_ffa_notification_set(u16 id, u64 bits)
{
	int err;

	fake_rule(hf_ffa_features.notifications, "FFA_NOTIFICATION_SET: there is none");
	if (fake_begin(FAKE_NOTIFY, &err))
		return err;
	fake->vms[id].notified |= bits;
	fake->vms[id].tells = true;
	return 0;
}

/* What FFA_NOTIFICATION_BIND of @bits makes of those of @before, and UNBIND. */
static int rebind(enum fake_call call, u16 before, u16 after, u64 bits)
{
	unsigned long flags;
	int i, err;

	fake_rule(hf_ffa_features.binds, "FFA_NOTIFICATION_BIND: nothing can be bound");
	if (fake_begin(call, &err))
		return err;
	raw_spin_lock_irqsave(&fake_lock, flags);
	for (i = 0; i < 64; i++) {
		if (bits >> i & 1 && (fake->binders[i] != before || fake->pending >> i & 1))
			err = -EACCES;
	}
	for (i = 0; i < 64 && !err; i++) {
		if (bits >> i & 1)
			fake->binders[i] = after;
	}
	raw_spin_unlock_irqrestore(&fake_lock, flags);
	return err;
}

int hf_ffa_notification_bind(u16 vm, u64 bits)
{
	return rebind(FAKE_BIND, 0, vm, bits);
}

int hf_ffa_notification_unbind(u16 vm, u64 bits)
{
	return rebind(FAKE_UNBIND, vm, 0, bits);
}

u64 hf_ffa_notification_get(void)
{
	unsigned long flags;
	u64 bits;
	int err;

	if (fake_begin(FAKE_NOTIFIED, &err))
		return 0;
	raw_spin_lock_irqsave(&fake_lock, flags);
	bits = fake->pending;
	fake->pending = 0;
	raw_spin_unlock_irqrestore(&fake_lock, flags);
	return bits;
}

bool hf_ffa_rx_full(void)
{
	unsigned long flags;
	bool unseen;
	int err;

	fake_rule(hf_ffa_features.send2, "FFA_NOTIFICATION_GET: for FFA_MSG_SEND2 only");
	if (fake_begin(FAKE_RX_FULL, &err))
		return false;
	raw_spin_lock_irqsave(&fake_lock, flags);
	unseen = fake->rx_unseen;
	fake->rx_unseen = false;
	raw_spin_unlock_irqrestore(&fake_lock, flags);
	return unseen;
}

static bool is_read(const struct fake_vm *vm)
{
	int i;

	for (i = 0; i < FAKE_VCPUS; i++) {
		if (vm->vcpus[i].reads)
			return true;
	}
	return false;
}

static int put_into_mailbox(struct fake_vm *vm, u32 len)
{
	unsigned long flags;
	int err = -EAGAIN;

	raw_spin_lock_irqsave(&fake_lock, flags);
	if (!vm->full) {
		fake_rule(!hf_ffa_features.rx_overwrite || !is_read(vm),
			  "FFA_MSG_SEND: a message went over one that is being read");
		memcpy(vm->mailbox, phys_to_virt(fake->tx), len);
		vm->len = len;
		vm->sent++;
		vm->handed = false;
		vm->full = true;
		err = 0;
	}
	raw_spin_unlock_irqrestore(&fake_lock, flags);
	return err;
}

int hf_ffa_msg_send(u16 vm, u32 len, bool notify)
{
	static atomic_t senders = ATOMIC_INIT(0);
	int err;

	fake_rule(atomic_inc_return(&senders) == 1,
		  "FFA_MSG_SEND: two at a time share the TX page");
	fake_rule(fake->mapped, "FFA_MSG_SEND: no pages");
	fake_rule(vm < FAKE_VMS && hf_vm_find(vm), "FFA_MSG_SEND: no such VM");
	fake_rule(len <= HF_MAILBOX_SIZE, "FFA_MSG_SEND: longer than the page");
	fake->notify = notify;
	if (fake->during_send)
		fake->during_send(vm);
	if (!fake_begin(FAKE_MSG_SEND, &err))
		err = put_into_mailbox(&fake->vms[vm], len);
	atomic_dec(&senders);
	return err;
}

s64 hf_ffa_mailbox_writable_get(void)
{
	int err;

	return fake_begin(FAKE_WRITABLE_GET, &err) ? err :
		next_of(fake->writable, ARRAY_SIZE(fake->writable));
}

s64 hf_ffa_mailbox_waiter_get(u16 vm)
{
	struct fake_vm *mine = &fake->vms[vm];
	int err;

	return fake_begin(FAKE_WAITER_GET, &err) ? err :
		mine->endless_waiter ?: next_of(mine->waiters, ARRAY_SIZE(mine->waiters));
}

int hf_ffa_interrupt_inject(u16 vm, u16 index, u32 intid)
{
	struct fake_vcpu *vcpu = fake_find_vcpu(vm, index);
	int nr_vcpus = fake->vms[vm].nr_vcpus;
	int err;

	if (!hf_ffa_features.injection)
		return -EOPNOTSUPP;
	fake_rule(vcpu && intid < ARRAY_SIZE(vcpu->injected),
		  "HF_INTERRUPT_INJECT: no such interrupt");
	fake_rule(nr_vcpus || index < hf_vm_find(vm)->nr_vcpus,
		  "HF_INTERRUPT_INJECT: no such vCPU");
	if (fake->during_inject) {
		fake->during_inject(index, intid);
		return 0;
	}
	if (fake_begin(FAKE_INJECT, &err))
		return err;
	if (nr_vcpus && index >= nr_vcpus)
		return -EOPNOTSUPP;
	vcpu->injected[intid]++;
	if (vcpu->takes_interrupt[intid])
		fake_told_on(vm, index);
	return vcpu->takes_interrupt[intid];
}

bool fake_no_thread(void)
{
	if (!fake->no_threads)
		return false;
	if (fake->no_threads_after) {
		fake->no_threads_after--;
		return false;
	}
	WRITE_ONCE(fake->no_threads, fake->no_threads - 1);
	return true;
}

void fake_be(enum fake_release release)
{
	hf_ffa_features = (struct hf_ffa_features){
		.version = HF_FFA_VERSION_1_0 + (release >= FAKE_V2_6) + (release >= FAKE_V2_12) +
			   (release >= FAKE_V2_14),
		.waiter_list = release == FAKE_V2_4,
		.notifications = release >= FAKE_V2_6,
		.send2 = release >= FAKE_V2_8,
		.rx_overwrite = release >= FAKE_V2_9,
		.hands_twice = release == FAKE_V2_9,
		.wait_returns = release >= FAKE_V2_12,
		.restart_waits = release >= FAKE_V2_6 && release < FAKE_V2_12,
		.restart_panics = release >= FAKE_V2_14,
		.rxtx_unmap = true,
		.injection = release < FAKE_V2_12,
	};
}

void fake_send_unseen(const void *page, u32 len)
{
	fake_put_into_page(&(struct fake_step){ .sends = page, .len = len, .unseen = true });
}

void fake_forget(u16 id)
{
	struct fake_vm *vm = &fake->vms[id];
	int i;

	memset(vm, 0, sizeof(*vm));
	for (i = 0; i < FAKE_VCPUS; i++)
		INIT_LIST_HEAD(&vm->vcpus[i].steps);
	vm->vcpus[0].on = true;
}

int fake_create(void)
{
	int i;

	fake = kvzalloc(sizeof(*fake), GFP_KERNEL);
	if (!fake)
		return -ENOMEM;
	INIT_LIST_HEAD(&fake->steps);
	for (i = 0; i < FAKE_VMS; i++)
		fake_forget(i);
	fake_be(FAKE_V2_4);
	fake_hold_again();
	return 0;
}

void fake_destroy(void)
{
	struct fake_step *step, *next;

	list_for_each_entry_safe(step, next, &fake->steps, all)
		kfree(step);
	kvfree(fake);
	fake = NULL;
}
