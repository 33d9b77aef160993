// SPDX-License-Identifier: GPL-2.0-only
/*
 * A hypervisor that does what a test says: it stands in for hf_ffa.c.
 *
 * Owns *fake, which lives for one test. Its lock protects mailboxes and steps;
 * it is a raw leaf: hypercalls come under any of the driver's locks, with
 * interrupts on or off.
 *
 * Does not: decide anything by itself beyond "the mailbox is full".
 */
#include <linux/errno.h>
#include <linux/io.h>
#include <linux/irqflags.h>
#include <linux/jiffies.h>
#include <linux/ktime.h>
#include <linux/slab.h>
#include <linux/spinlock.h>
#include <asm/sysreg.h>

#include "fake.h"
#include "fake_thread.h"

/* An interrupt is pending, masked or not. */
#define ISR_EL1_IRQ	BIT(7)

/* Far more than anything takes on a busy machine. */
#define PATIENCE	(10 * HZ)

struct hf_ffa_features hf_ffa_features;
struct fake *fake;

static DEFINE_RAW_SPINLOCK(lock);
static bool never_hold;

static void rule(bool kept, const char *text)
{
	if (!kept)
		cmpxchg(&fake->broken, NULL, text);
}

/* Counts a call; true if it has to answer *err instead of what it should. */
static bool begin(enum fake_call call, int *err)
{
	unsigned long flags;

	raw_spin_lock_irqsave(&lock, flags);
	fake->calls[call]++;
	*err = fake->errors[call];
	if (!fake->fail_for_good)
		fake->errors[call] = 0;
	raw_spin_unlock_irqrestore(&lock, flags);
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

	rule(!fake->mapped, "FFA_RXTX_MAP: mapped already");
	if (begin(FAKE_RXTX_MAP, &err))
		return err;
	fake->tx = tx;
	fake->rx = rx;
	fake->mapped = true;
	return 0;
}

int hf_ffa_rxtx_unmap(void)
{
	int err;

	rule(fake->mapped, "FFA_RXTX_UNMAP: nothing is mapped");
	if (begin(FAKE_RXTX_UNMAP, &err))
		return err;
	fake->mapped = false;
	return 0;
}

int hf_ffa_partition_info_get(void)
{
	int err;

	if (begin(FAKE_PARTITION_INFO_GET, &err))
		return err;
	if (hf_ffa_features.notifications) {
		rule(false, "FFA_PARTITION_INFO_GET: some releases panic");
		return -EIO;
	}
	rule(!fake->rx_full, "FFA_PARTITION_INFO_GET: the RX page is not free");
	memcpy(phys_to_virt(fake->rx), fake->descs, fake->descs_len);
	fake->rx_full = true;
	return fake->desc_count;
}

int hf_ffa_rx_release(void)
{
	int err;

	rule(fake->rx_full || fake->lenient, "FFA_RX_RELEASE: there is no message");
	rule(!fake->rx_unseen, "FFA_RX_RELEASE: \"RX full\" was not asked for");
	if (begin(FAKE_RX_RELEASE, &err) && err < 0)
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

	rule(hf_ffa_features.notifications, "FFA_NOTIFICATION_SET: there is no such call");
	return !begin(FAKE_VM_EXISTS, &err) && id < FAKE_VMS && fake->vms[id].exists;
}

bool hf_ffa_rx_full(void)
{
	unsigned long flags;
	bool unseen;
	int err;

	rule(hf_ffa_features.send2, "FFA_NOTIFICATION_GET: for FFA_MSG_SEND2 only");
	if (begin(FAKE_RX_FULL, &err))
		return false;
	raw_spin_lock_irqsave(&lock, flags);
	unseen = fake->rx_unseen;
	fake->rx_unseen = false;
	raw_spin_unlock_irqrestore(&lock, flags);
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

	raw_spin_lock_irqsave(&lock, flags);
	if (!vm->full) {
		rule(!hf_ffa_features.rx_overwrite || !is_read(vm),
		     "FFA_MSG_SEND: a message went over one that is being read");
		memcpy(vm->mailbox, phys_to_virt(fake->tx), len);
		vm->len = len;
		vm->sent++;
		vm->handed = false;
		vm->full = true;
		err = 0;
	}
	raw_spin_unlock_irqrestore(&lock, flags);
	return err;
}

int hf_ffa_msg_send(u16 vm, u32 len, bool notify)
{
	static atomic_t senders = ATOMIC_INIT(0);
	int err;

	rule(atomic_inc_return(&senders) == 1, "FFA_MSG_SEND: two at a time share the TX page");
	rule(fake->mapped, "FFA_MSG_SEND: no pages");
	rule(vm < FAKE_VMS && hf_vm_find(vm), "FFA_MSG_SEND: no such VM");
	rule(len <= HF_MAILBOX_SIZE, "FFA_MSG_SEND: longer than the page");
	fake->notify = notify;
	if (fake->during_send)
		fake->during_send(vm);
	if (!begin(FAKE_MSG_SEND, &err))
		err = put_into_mailbox(&fake->vms[vm], len);
	atomic_dec(&senders);
	return err;
}

static struct fake_step *next_step(struct fake_vcpu *vcpu)
{
	struct fake_step *step;
	unsigned long flags;

	raw_spin_lock_irqsave(&lock, flags);
	step = list_first_entry_or_null(&vcpu->steps, struct fake_step, node);
	if (step)
		list_del_init(&step->node);
	raw_spin_unlock_irqrestore(&lock, flags);
	return step;
}

/* Stay in the guest: as there, interrupts are taken. */
static void hold(struct hf_vcpu *vcpu, struct fake_step *step)
{
	unsigned long end = jiffies + PATIENCE;

	local_irq_enable();
	complete(&step->entered);
	while (!READ_ONCE(never_hold) && !wait_for_completion_timeout(&step->go, 1)) {
		if (step->hold == FAKE_HOLD_UNTIL_KICKED &&
		    READ_ONCE(vcpu->mode) == HF_VCPU_EXITING)
			break;
		if (time_after(jiffies, end)) {
			rule(false, "a vCPU was held for ever");
			break;
		}
	}
	local_irq_disable();
}

/*
 * IPI_RESCHEDULE is SGI 0. A tick is a PPI: of interrupts of the same priority
 * the GIC names the lowest, so that a tick on a slow host hides no kick and
 * cannot be taken for one.
 */
bool fake_interrupted(void)
{
	return read_sysreg(isr_el1) & ISR_EL1_IRQ &&
	       !read_sysreg_s(SYS_ICC_HPPIR1_EL1);
}

static void put_into_page(const struct fake_step *step)
{
	rule(!fake->rx_full, "the RX page was kept while another message came");
	memcpy(phys_to_virt(fake->rx), step->sends, step->len);
	WRITE_ONCE(fake->rx_unseen, step->unseen);
	WRITE_ONCE(fake->rx_full, true);
}

static void take(struct fake_vm *vm, struct fake_vcpu *vcpu)
{
	if (!vm->full)
		return;
	vcpu->reads = true;
	vm->names[vm->taken % ARRAY_SIZE(vm->names)] = le64_to_cpu(*(__le64 *)vm->mailbox);
	WRITE_ONCE(vm->taken, vm->taken + 1);
	WRITE_ONCE(vm->full, false);
}

static void take_step(struct hf_vcpu *vcpu, struct fake_step *step, struct hf_ffa_exit *exit)
{
	struct fake_vcpu *mine = fake_vcpu(vcpu);
	struct fake_vm *vm = fake_vm(vcpu->vm);
	unsigned long flags;

	step->interrupted = fake_interrupted();
	if (step->inside)
		step->inside(vcpu);
	if (step->hold != FAKE_NO_HOLD)
		hold(vcpu, step);
	raw_spin_lock_irqsave(&lock, flags);
	if (step->takes)
		take(vm, mine);
	if (step->reads)
		mine->reads = false;
	raw_spin_unlock_irqrestore(&lock, flags);
	if (step->sends)
		put_into_page(step);
	if (step->exit.func == FFA_ERROR && step->exit.error == HF_FFA_ABORTED)
		vm->aborted = true;
	*exit = step->exit;
}

/* What EL2 does with a vCPU in FFA_MSG_WAIT that is run. */
static void leave_wait(struct fake_vm *vm, struct fake_vcpu *vcpu)
{
	unsigned long flags;

	raw_spin_lock_irqsave(&lock, flags);
	if (vcpu->waits && hf_ffa_features.wait_returns)
		rule(vm->full || vm->aborted, "FFA_RUN: a vCPU that waits, and no message for it");
	if (vcpu->waits && hf_ffa_features.hands_twice && vm->full) {
		rule(!vm->handed, "FFA_RUN: two vCPUs were handed the same message");
		vm->handed = true;
		vcpu->reads = true;
	}
	vcpu->waits = false;
	raw_spin_unlock_irqrestore(&lock, flags);
}

static struct fake_vcpu *find_vcpu(u16 vm, u16 index)
{
	return vm < FAKE_VMS && index < FAKE_VCPUS ? &fake->vms[vm].vcpus[index] : NULL;
}

/* EL2 tells the driver that a vCPU is on. */
static void told_on(u16 vm, u16 index)
{
	struct fake_vcpu *vcpu = find_vcpu(vm, index);

	if (!vcpu)
		return;
	vcpu->told = true;
	if (vcpu->on)
		return;
	vcpu->restarted = vcpu->was_on;
	vcpu->on = true;
}

void fake_enter(struct hf_vcpu *vcpu)
{
	leave_wait(fake_vm(vcpu->vm), fake_vcpu(vcpu));
}

void fake_take(struct hf_vcpu *vcpu)
{
	unsigned long flags;

	raw_spin_lock_irqsave(&lock, flags);
	take(fake_vm(vcpu->vm), fake_vcpu(vcpu));
	raw_spin_unlock_irqrestore(&lock, flags);
}

void fake_read(struct hf_vcpu *vcpu)
{
	WRITE_ONCE(fake_vcpu(vcpu)->reads, false);
}

void fake_wait(struct hf_vcpu *vcpu)
{
	WRITE_ONCE(fake_vcpu(vcpu)->reads, false);
	WRITE_ONCE(fake_vcpu(vcpu)->waits, true);
}

void fake_switch_on(struct hf_vcpu *vcpu)
{
	told_on(vcpu->vm->id, vcpu->index);
}

/* What an exit says of the vCPU, and of others. */
static void note_exit(struct fake_vcpu *vcpu, const struct hf_ffa_exit *exit)
{
	unsigned long flags;

	raw_spin_lock_irqsave(&lock, flags);
	switch (exit->func) {
	case FFA_MSG_WAIT:
		vcpu->waits = true;
		vcpu->reads = false;
		break;
	case FFA_ERROR:
		if (exit->error == HF_FFA_INVALID_PARAMETERS && !vcpu->told)
			vcpu->on = false;
		if (exit->error == HF_FFA_INVALID_PARAMETERS || exit->error == HF_FFA_ABORTED)
			vcpu->reads = false;
		break;
	case FFA_INTERRUPT:
	case HF_RUN_WAKE_UP:
		told_on(exit->vm, exit->vcpu);
		break;
	default:
		break;
	}
	raw_spin_unlock_irqrestore(&lock, flags);
}

static void check_run(const struct hf_vcpu *vcpu)
{
	const struct fake_vcpu *mine = fake_vcpu(vcpu);

	rule(irqs_disabled(), "FFA_RUN: interrupts are on");
	rule(fake->mapped, "FFA_RUN: no pages");
	rule(!mine->inside, "FFA_RUN: the vCPU runs already");
	rule(READ_ONCE(vcpu->mode) == HF_VCPU_IN_GUEST ||
	     READ_ONCE(vcpu->mode) == HF_VCPU_EXITING, "FFA_RUN: the mode does not say so");
	rule(!test_bit(vcpu->index, vcpu->vm->waiting),
	     "FFA_RUN: the vCPU still looks as if it waited");
	rule(vcpu->last_exit != HF_EXIT_ABORTED, "FFA_RUN: this vCPU aborted");
	rule(mine->on, "FFA_RUN: EL2 has not told that this vCPU is on");
	rule(!mine->restarted || !hf_ffa_features.restart_panics,
	     "FFA_RUN: the vCPU was off and is on again, EL2 panics");
}

void hf_ffa_run(u16 vm_id, u16 index, struct hf_ffa_exit *exit)
{
	struct hf_vcpu *vcpu = &hf_vm_find(vm_id)->vcpus[index];
	struct fake_vcpu *mine = fake_vcpu(vcpu);
	struct fake_step *step, idle = { 0 };
	int err;

	check_run(vcpu);
	*exit = (struct hf_ffa_exit){ .func = HF_RUN_WAIT_FOR_INTERRUPT };
	mine->inside = true;
	mine->was_on = true;
	mine->told = false;
	mine->requests = READ_ONCE(vcpu->requests);
	mine->pause_ns = ktime_get_ns() - mine->ended_ns;
	leave_wait(fake_vm(vcpu->vm), mine);
	begin(FAKE_RUN, &err);
	step = next_step(mine);
	if (!step && fake_vm(vcpu->vm)->guest) {
		step = &idle;
		fake_vm(vcpu->vm)->guest(vcpu, step);
	}
	if (step)
		take_step(vcpu, step, exit);
	note_exit(mine, exit);
	mine->inside = false;
	mine->ended_ns = ktime_get_ns();
	WRITE_ONCE(mine->runs, mine->runs + 1);
}

s64 hf_ffa_mailbox_writable_get(void)
{
	int err;

	return begin(FAKE_WRITABLE_GET, &err) ? err :
		next_of(fake->writable, ARRAY_SIZE(fake->writable));
}

s64 hf_ffa_mailbox_waiter_get(u16 vm)
{
	struct fake_vm *mine = &fake->vms[vm];
	int err;

	return begin(FAKE_WAITER_GET, &err) ? err :
		mine->endless_waiter ?: next_of(mine->waiters, ARRAY_SIZE(mine->waiters));
}

int hf_ffa_interrupt_inject(u16 vm, u16 index, u32 intid)
{
	struct fake_vcpu *vcpu = find_vcpu(vm, index);
	int nr_vcpus = fake->vms[vm].nr_vcpus;
	int err;

	if (!hf_ffa_features.injection)
		return -EOPNOTSUPP;
	rule(vcpu && intid < ARRAY_SIZE(vcpu->injected), "HF_INTERRUPT_INJECT: no such interrupt");
	rule(nr_vcpus || index < hf_vm_find(vm)->nr_vcpus, "HF_INTERRUPT_INJECT: no such vCPU");
	if (begin(FAKE_INJECT, &err))
		return err;
	if (nr_vcpus && index >= nr_vcpus)
		return -EOPNOTSUPP;
	vcpu->injected[intid]++;
	if (vcpu->takes_interrupt[intid])
		told_on(vm, index);
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

struct fake_step *fake_step(struct hf_vcpu *vcpu, const struct fake_step *step)
{
	struct fake_step *copy = kmemdup(step, sizeof(*step), GFP_KERNEL | __GFP_NOFAIL);
	unsigned long flags;

	init_completion(&copy->entered);
	init_completion(&copy->go);
	raw_spin_lock_irqsave(&lock, flags);
	list_add_tail(&copy->node, &fake_vcpu(vcpu)->steps);
	list_add_tail(&copy->all, &fake->steps);
	raw_spin_unlock_irqrestore(&lock, flags);
	return copy;
}

void fake_exit(struct hf_vcpu *vcpu, u32 func, int error, u64 timeout_ns)
{
	fake_step(vcpu, &(struct fake_step){
		.exit = {
			.func = func,
			.error = error,
			.timeout_ns = timeout_ns,
			.vm = vcpu->vm->id,
			.vcpu = vcpu->index,
		},
	});
}

bool fake_entered(struct fake_step *step)
{
	return wait_for_completion_timeout(&step->entered, PATIENCE);
}

void fake_release(struct fake_step *step)
{
	complete(&step->go);
}

void fake_release_all(void)
{
	WRITE_ONCE(never_hold, true);
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
		.restart_panics = release >= FAKE_V2_14,
		.rxtx_unmap = true,
		.injection = release < FAKE_V2_12,
	};
}

void fake_send_unseen(const void *page, u32 len)
{
	put_into_page(&(struct fake_step){ .sends = page, .len = len, .unseen = true });
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
	never_hold = false;
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
