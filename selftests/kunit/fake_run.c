// SPDX-License-Identifier: GPL-2.0-only
/*
 * vCPUs of the hypervisor that does what a test says, and FFA_RUN.
 *
 * Owns each vCPU's steps and what EL2 knows of it: whether it is on, waits or
 * reads. Here are the rules of who may be run when; fake.c has the others.
 */
#include <linux/irqflags.h>
#include <linux/jiffies.h>
#include <linux/io.h>
#include <linux/ktime.h>
#include <linux/preempt.h>
#include <linux/slab.h>
#include <linux/spinlock.h>
#include <asm/sysreg.h>

#include "fake.h"
#include "fake_private.h"

/* An interrupt is pending, masked or not. */
#define ISR_EL1_IRQ	BIT(7)

/* Far more than anything takes on a busy machine. */
#define PATIENCE	(10 * HZ)

static bool never_hold;

static struct fake_step *next_step(struct fake_vcpu *vcpu)
{
	struct fake_step *step;
	unsigned long flags;

	raw_spin_lock_irqsave(&fake_lock, flags);
	step = list_first_entry_or_null(&vcpu->steps, struct fake_step, node);
	if (step)
		list_del_init(&step->node);
	raw_spin_unlock_irqrestore(&fake_lock, flags);
	return step;
}

/*
 * Stay in the guest: as there, interrupts are taken. Others get this CPU meanwhile,
 * though nothing that runs a vCPU may sleep: a test wants to see it there.
 */
static void hold(struct hf_vcpu *vcpu, struct fake_step *step)
{
	unsigned long end = jiffies + PATIENCE;
	int atomic = preempt_count();

	local_irq_enable();
	preempt_count_set(0);
	complete(&step->entered);
	while (!READ_ONCE(never_hold) && !wait_for_completion_timeout(&step->go, 1)) {
		if (step->hold == FAKE_HOLD_UNTIL_KICKED &&
		    READ_ONCE(vcpu->mode) == HF_VCPU_EXITING)
			break;
		if (time_after(jiffies, end)) {
			fake_rule(false, "a vCPU was held for ever");
			break;
		}
	}
	preempt_count_set(atomic);
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

void fake_put_into_page(const struct fake_step *step)
{
	fake_rule(!fake->rx_full, "the RX page was kept while another message came");
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
	raw_spin_lock_irqsave(&fake_lock, flags);
	if (step->takes)
		take(vm, mine);
	if (step->reads)
		mine->reads = false;
	raw_spin_unlock_irqrestore(&fake_lock, flags);
	if (step->sends)
		fake_put_into_page(step);
	if (step->exit.func == FFA_ERROR && step->exit.error == HF_FFA_ABORTED)
		vm->aborted = true;
	*exit = step->exit;
}

/* What EL2 does with a vCPU in FFA_MSG_WAIT that is run. */
static void leave_wait(struct fake_vm *vm, struct fake_vcpu *vcpu)
{
	unsigned long flags;

	raw_spin_lock_irqsave(&fake_lock, flags);
	if (vcpu->waits && hf_ffa_features.wait_returns)
		fake_rule(vm->full || vm->aborted || vm->tells,
			  "FFA_RUN: a vCPU that waits, and no message for it");
	if (vcpu->waits)
		vm->tells = false;
	if (vcpu->waits && hf_ffa_features.hands_twice && vm->full) {
		fake_rule(!vm->handed, "FFA_RUN: two vCPUs were handed the same message");
		vm->handed = true;
		vcpu->reads = true;
	}
	vcpu->waits = false;
	raw_spin_unlock_irqrestore(&fake_lock, flags);
}

struct fake_vcpu *fake_find_vcpu(u16 vm, u16 index)
{
	return vm < FAKE_VMS && index < FAKE_VCPUS ? &fake->vms[vm].vcpus[index] : NULL;
}

void fake_told_on(u16 vm, u16 index)
{
	struct fake_vcpu *vcpu = fake_find_vcpu(vm, index);

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

	raw_spin_lock_irqsave(&fake_lock, flags);
	take(fake_vm(vcpu->vm), fake_vcpu(vcpu));
	raw_spin_unlock_irqrestore(&fake_lock, flags);
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
	fake_told_on(vcpu->vm->id, vcpu->index);
}

/* What an exit says of the vCPU, and of others. */
static void note_exit(struct fake_vcpu *vcpu, const struct hf_ffa_exit *exit)
{
	unsigned long flags;

	raw_spin_lock_irqsave(&fake_lock, flags);
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
		fake_told_on(exit->vm, exit->vcpu);
		break;
	default:
		break;
	}
	raw_spin_unlock_irqrestore(&fake_lock, flags);
}

static void check_run(const struct hf_vcpu *vcpu)
{
	const struct fake_vcpu *mine = fake_vcpu(vcpu);

	fake_rule(irqs_disabled(), "FFA_RUN: interrupts are on");
	fake_rule(fake->mapped, "FFA_RUN: no pages");
	fake_rule(!mine->inside, "FFA_RUN: the vCPU runs already");
	fake_rule(READ_ONCE(vcpu->mode) == HF_VCPU_IN_GUEST ||
		  READ_ONCE(vcpu->mode) == HF_VCPU_EXITING,
		  "FFA_RUN: the mode does not say so");
	fake_rule(!test_bit(vcpu->index, vcpu->vm->waiting),
		  "FFA_RUN: the vCPU still looks as if it waited");
	fake_rule(vcpu->last_exit != HF_EXIT_ABORTED, "FFA_RUN: this vCPU aborted");
	fake_rule(mine->on, "FFA_RUN: EL2 has not told that this vCPU is on");
	fake_rule(!mine->restarted || !hf_ffa_features.restart_panics,
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
	fake_begin(FAKE_RUN, &err);
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

struct fake_step *fake_step(struct hf_vcpu *vcpu, const struct fake_step *step)
{
	struct fake_step *copy = kmemdup(step, sizeof(*step), GFP_KERNEL | __GFP_NOFAIL);
	unsigned long flags;

	init_completion(&copy->entered);
	init_completion(&copy->go);
	raw_spin_lock_irqsave(&fake_lock, flags);
	list_add_tail(&copy->node, &fake_vcpu(vcpu)->steps);
	list_add_tail(&copy->all, &fake->steps);
	raw_spin_unlock_irqrestore(&fake_lock, flags);
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

void fake_hold_again(void)
{
	never_hold = false;
}
