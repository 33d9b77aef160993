// SPDX-License-Identifier: GPL-2.0-only
/*
 * The bed of most suites: the driver, all but module init, on the fake hypervisor.
 *
 * Each test gets a driver of its own, started as module init does it and ended
 * as module exit does it. Tests run one after the other.
 */
#include <linux/delay.h>
#include <linux/io.h>
#include <linux/module.h>
#include <linux/sched.h>
#include <linux/slab.h>

#include "../mutants/hf_mutant.h"
#include "../../hf_pages.h"
#include "../../hf_socket.h"
#include "../../hf_wait.h"
#include "bed.h"

/* Linux 6.1 runs the suites before it looks at the parameters. */
void bed_read_mutant_early(void)
{
#ifdef MODULE
	const char *word = strstr(THIS_MODULE->args ?: "", "mutant=");

	if (word && !hf_mutant_active[0])
		sscanf(word, "mutant=%31s", hf_mutant_active);
#endif
}

int bed_init(struct kunit *test)
{
	int err;

	bed_read_mutant_early();
	err = fake_create();
	if (err)
		return err;
	err = hf_pages_init();
	if (err)
		return err;
	err = hf_socket_init();
	if (err)
		return err;
	return hf_socket_register();
}

/* As module init does it, also of those that a test has created itself. */
static void init_vms(void)
{
	struct hf_vm *vm;
	unsigned long id;

	hf_for_each_vm(vm, id) {
		if (!vm->death_work.func)
			hf_mailbox_init_vm(vm);
	}
}

void bed_exit(struct kunit *test)
{
	const char *broken;

	WRITE_ONCE(hf_window, HF_WINDOW_NONE);
	fake_release_all();
	bed_close_all();
	hf_socket_unregister();
	hf_vm_stop_all();
	init_vms();
	hf_mailbox_purge_all();
	hf_socket_exit();
	hf_vm_destroy_all();
	hf_pages_exit();

	broken = fake->broken;
	KUNIT_EXPECT_FALSE_MSG(test, fake->rx_full, "the RX page was never released");
	KUNIT_EXPECT_FALSE_MSG(test, fake->mapped, "the pages are still mapped");
	fake_destroy();
	if (broken)
		KUNIT_FAIL(test, "%s", broken);
}

struct hf_vm *bed_vm_booted(struct kunit *test, u16 id, u16 nr_vcpus)
{
	struct hf_vm *vm;

	KUNIT_ASSERT_EQ(test, 0, hf_vm_create(id, nr_vcpus));
	vm = hf_vm_find(id);
	KUNIT_ASSERT_NOT_NULL(test, vm);
	init_vms();
	return vm;
}

struct hf_vm *bed_vm(struct kunit *test, u16 id, u16 nr_vcpus)
{
	struct hf_vm *vm = bed_vm_booted(test, id, 1);
	u16 i;

	for (i = 1; i < nr_vcpus; i++) {
		KUNIT_ASSERT_EQ(test, 0, hf_vm_add_vcpus(vm, i + 1, true));
		fake_switch_on(&vm->vcpus[i]);
	}
	return vm;
}

struct hf_vcpu *bed_vcpu(struct kunit *test, u16 id)
{
	return &bed_vm(test, id, 1)->vcpus[0];
}

void bed_start(void)
{
	init_vms();
	hf_vm_start_all();
}

static void do_nothing(struct work_struct *work)
{
}

/* What bed_stop_clock() replaces: the same for all VMs. */
static work_func_t retry;

void bed_stop_clock(struct hf_vm *vm)
{
	if (vm->txq.retry_work.work.func != do_nothing)
		retry = vm->txq.retry_work.work.func;
	cancel_delayed_work_sync(&vm->txq.retry_work);
	INIT_DELAYED_WORK(&vm->txq.retry_work, do_nothing);
}

void bed_retry(struct hf_vm *vm)
{
	work_func_t func = vm->txq.retry_work.work.func;

	(func == do_nothing ? retry : func)(&vm->txq.retry_work.work);
}

bool bed_is_blocked(const struct hf_vcpu *vcpu)
{
	return READ_ONCE(vcpu->mode) == HF_VCPU_BLOCKED && !READ_ONCE(vcpu->requests) &&
	       READ_ONCE(vcpu->task->__state) != TASK_RUNNING;
}

void bed_take(struct hf_vcpu *vcpu, enum hf_exit_kind kind, const struct hf_ffa_exit *exit)
{
	for (;;) {
		hf_rx_refill(HF_RX_NOWAIT);
		local_irq_disable();
		if (hf_rx_is_ready())
			break;
		local_irq_enable();
	}
	hf_mailbox_exit(vcpu, kind, exit);
	local_irq_enable();
}

void bed_hear(struct hf_vcpu *vcpu, enum hf_exit_kind kind, const struct hf_ffa_exit *exit)
{
	WRITE_ONCE(vcpu->last_exit, kind);
	bed_take(vcpu, kind, exit);
	hf_mailbox_finish(vcpu);
	flush_work(&vcpu->vm->death_work);
	while (!hf_rx_refill(HF_RX_NOWAIT))
		;
}

void bed_exit_by_hand(struct hf_vcpu *vcpu, enum hf_exit_kind kind, u16 sender, u16 receiver,
		      u32 len)
{
	struct hf_ffa_exit exit = { .vm = sender, .vcpu = receiver, .len = len };

	if (kind == HF_EXIT_MSG_WAIT)
		fake_wait(vcpu);
	bed_hear(vcpu, kind, &exit);
}

bool bed_enter_by_hand(struct hf_vcpu *vcpu, unsigned long requests)
{
	bool run = hf_wait_end(vcpu, requests);

	if (run)
		fake_enter(vcpu);
	return run;
}

void *bed_message(struct kunit *test, u64 src_port, u64 dst_port, const void *payload, size_t len)
{
	struct hf_msg_hdr *hdr = kunit_kzalloc(test, sizeof(*hdr) + len, GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, hdr);
	hdr->src_port = cpu_to_le64(src_port);
	hdr->dst_port = cpu_to_le64(dst_port);
	memcpy(hdr + 1, payload, len);
	return hdr;
}

void bed_receive(struct kunit *test, struct hf_vcpu *vcpu, u64 src_port, u64 dst_port,
		 const void *payload, size_t len)
{
	struct hf_msg_hdr *hdr = bed_message(test, src_port, dst_port, payload, len);

	memcpy(phys_to_virt(fake->rx), hdr, sizeof(*hdr) + len);
	fake->rx_full = true;
	bed_exit_by_hand(vcpu, HF_EXIT_MSG_SEND, vcpu->vm->id, HF_PRIMARY_VM_ID,
			 sizeof(*hdr) + len);
	kunit_kfree(test, hdr);
}

MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("Unit tests of the driver for Arm's Hafnium hypervisor");
