// SPDX-License-Identifier: GPL-2.0-only
/*
 * Module init and exit, parameters, and the hypervisor's timer interrupt.
 *
 * Owns the order in which the parts come to life (the table at the end) and die
 * (the same, reversed). The module can be used after the last step, and not
 * before: sockets can be created only when nothing can fail any more.
 *
 * Does not: hold any state of a VM.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/cpuhotplug.h>
#include <linux/interrupt.h>
#include <linux/irqdomain.h>
#include <linux/module.h>
#include <linux/net.h>
#include <linux/of.h>
#include <linux/of_irq.h>
#include <linux/reboot.h>

#include "hf_discover.h"
#include "hf_event.h"
#include "hf_ffa.h"
#include "hf_mailbox.h"
#include "hf_pages.h"
#include "hf_params.h"
#include "hf_socket.h"
#include "hf_state.h"
#include "hf_transport.h"
#include "hf_tx.h"
#include "hf_vcpu.h"
#include "hf_vm.h"

/* Position of the EL2 physical timer among interrupts of arm,armv8-timer without names. */
#define HYP_TIMER_INDEX	3

static char *vms;
module_param(vms, charp, 0444);
MODULE_PARM_DESC(vms, "VMs to run instead of those that the hypervisor lists: id:vcpus[,id:vcpus...]");

static char *owners;
module_param(owners, charp, 0444);
MODULE_PARM_DESC(owners, "Who may use a VM without a capability: vm:uid:gid[,vm:uid:gid...], - = nobody");

module_param_named(net_raw, hf_vm_net_raw, bool, 0444);
MODULE_PARM_DESC(net_raw, "Whether CAP_NET_RAW is enough to use all VMs, as it once was");

module_param_named(event_budget, hf_event_budget, uint, 0644);
MODULE_PARM_DESC(event_budget, "Rings of a VM per timer tick; what is beyond waits for the next");

static DEFINE_PER_CPU(int, hyp_timer_cookie);
static unsigned int hyp_timer_irq;
static unsigned int hyp_timer_type;	/* as the device tree has it */
static enum cpuhp_state hyp_timer_cpuhp;

/* That the interrupt came is all that matters: it has ended the guest's run. */
static irqreturn_t hyp_timer_handler(int irq, void *cookie)
{
	return IRQ_HANDLED;
}

static int hyp_timer_online(unsigned int cpu)
{
	enable_percpu_irq(hyp_timer_irq, IRQ_TYPE_EDGE_RISING);
	return 0;
}

static int hyp_timer_offline(unsigned int cpu)
{
	disable_percpu_irq(hyp_timer_irq);
	return 0;
}

/*
 * Undoes the request. The mapping was made at boot and stays: what the kernel
 * keeps of a per-CPU interrupt would leak with it. It is an edge now, which
 * the device tree denies: the next load could not map it.
 */
static void hyp_timer_free(void)
{
	local_irq_disable();
	enable_percpu_irq(hyp_timer_irq, hyp_timer_type);
	disable_percpu_irq(hyp_timer_irq);
	local_irq_enable();
	free_percpu_irq(hyp_timer_irq, &hyp_timer_cookie);
}

/*
 * While a secondary runs, the hypervisor counts the primary's time slice with
 * the EL2 timer. Were its interrupt not enabled on some CPU, a guest that is
 * busy there would never be preempted.
 */
static int hyp_timer_init(void)
{
	struct device_node *node = of_find_compatible_node(NULL, NULL, "arm,armv8-timer");
	int index = of_property_match_string(node, "interrupt-names", "hyp-phys");
	int err;

	/* Where there are names, another one is another interrupt. */
	if (index == -EINVAL)
		index = HYP_TIMER_INDEX;
	hyp_timer_irq = node && index >= 0 ? irq_of_parse_and_map(node, index) : 0;
	of_node_put(node);
	if (!hyp_timer_irq) {
		pr_err("the device tree has no EL2 timer interrupt; guests could not be preempted\n");
		return -ENXIO;
	}
	hyp_timer_type = irq_get_trigger_type(hyp_timer_irq);

	err = request_percpu_irq(hyp_timer_irq, hyp_timer_handler, "hafnium", &hyp_timer_cookie);
	if (err) {
		pr_err("EL2 timer interrupt %u is not available, error %d\n", hyp_timer_irq, err);
		return err;
	}

	err = cpuhp_setup_state(CPUHP_AP_ONLINE_DYN, "hafnium:online",
				hyp_timer_online, hyp_timer_offline);
	if (err < 0) {
		hyp_timer_free();
		return err;
	}
	hyp_timer_cpuhp = err;
	return 0;
}

static void hyp_timer_exit(void)
{
	cpuhp_remove_state(hyp_timer_cpuhp);
	hyp_timer_free();
}

/* Before the pages are mapped: nothing that can fail comes after, where they stay EL2's. */
static int vms_init(void)
{
	struct hf_vm *vm;
	unsigned long id;
	int err = vms ? hf_params_vms(vms, hf_vm_create) : hf_discover();

	if (!err && owners)
		err = hf_params_owners(owners, hf_vm_set_owner);
	if (err)
		hf_vm_destroy_all();
	hf_for_each_vm(vm, id)
		hf_mailbox_init_vm(vm);
	return err;
}

/*
 * A kernel that is started by kexec knows nothing of the pages: EL2 would write to its
 * memory. Processes may still be sending. A kernel that panics leaves them mapped; the
 * one that saves its memory has other pages.
 */
static int rebooting(struct notifier_block *nb, unsigned long action, void *unused)
{
	hf_vm_stop_all();
	hf_tx_close();
	hf_pages_exit();
	hf_transport_stop();
	return NOTIFY_DONE;
}

static struct notifier_block reboot_notifier = { .notifier_call = rebooting };

static int pages_init(void)
{
	int err = hf_pages_init();

	if (err)
		return err;
	hf_tx_open();
	hf_mailbox_clear();
	if (!hf_ffa_features.rxtx_unmap) {
		pr_notice("the hypervisor never gives the RX/TX pages back: the module stays loaded\n");
		__module_get(THIS_MODULE);
	}
	return register_reboot_notifier(&reboot_notifier);
}

static void pages_exit(void)
{
	unregister_reboot_notifier(&reboot_notifier);
	hf_pages_exit();
}

static void threads_exit(void)
{
	hf_vm_stop_all();
	hf_mailbox_purge_all();
}

static const struct {
	int (*init)(void);
	void (*exit)(void);
} steps[] = {
	{ hf_ffa_probe },
	{ vms_init,			hf_vm_destroy_all },
	{ hyp_timer_init,		hyp_timer_exit },
	{ hf_socket_init,		hf_socket_exit },
	{ hf_state_init,		hf_state_exit },
	{ pages_init,			pages_exit },
	{ hf_event_register,		hf_event_unregister },
	{ hf_vm_start_all,		threads_exit },
	{ hf_socket_register,		hf_socket_unregister },
};

static void exit_steps(int count)
{
	while (count--) {
		if (steps[count].exit)
			steps[count].exit();
	}
}

static int __init hf_init(void)
{
	int i, err;

	for (i = 0; i < ARRAY_SIZE(steps); i++) {
		err = steps[i].init();
		if (err) {
			exit_steps(i);
			return err;
		}
	}
	hf_event_allow();
	return 0;
}

static void __exit hf_exit(void)
{
	exit_steps(ARRAY_SIZE(steps));
}

module_init(hf_init);
module_exit(hf_exit);

MODULE_LICENSE("GPL");
MODULE_VERSION(HF_VERSION);
MODULE_DESCRIPTION("Primary VM driver for Arm's Hafnium hypervisor");
