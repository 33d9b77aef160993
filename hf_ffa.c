// SPDX-License-Identifier: GPL-2.0-only
/*
 * The seam to the hypervisor: the only file that issues a hypercall.
 *
 * Owns struct hf_ffa_features, filled once by hf_ffa_probe(). What a version
 * of Hafnium can do is found out here from its answers and read by name
 * elsewhere, so that another version means another line in learn_features().
 *
 * Invariant: an HVC is executed only where it cannot trap as undefined.
 * Does not: sleep, lock, retry, or know of VMs, pages and sockets.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/errno.h>
#include <linux/percpu.h>
#include <linux/printk.h>
#include <asm/daifflags.h>
#include <asm/sysreg.h>
#include <asm/virt.h>

#include "hf_ffa.h"

#define FFA_VERSION_MAJOR(version) ((version) >> 16)
#define FFA_VERSION_MINOR(version) ((version) & 0xffff)

struct hf_ffa_features hf_ffa_features;

/* A function call for the compiler: some hypervisors write more than these four registers. */
static void ffa_call(u32 func, u64 arg1, u64 arg2, u64 arg3, u64 arg4, struct arm_smccc_res *res)
{
	arm_smccc_hvc(func, arg1, arg2, arg3, arg4, 0, 0, 0, res);
}

static int ffa_code(u32 func, s32 error)
{
	switch (func) {
	case FFA_SUCCESS:
	case FFA_RX_RELEASE:
		return 0;
	case FFA_ERROR:
		return error ?: HF_FFA_NOT_SUPPORTED;
	default:
		return HF_FFA_NOT_SUPPORTED;
	}
}

/* A call that answers FFA_SUCCESS or FFA_ERROR. Returns the FF-A code, 0 = success. */
static int ffa_status(u32 func, u64 arg1, u64 arg2, u64 arg3, u64 arg4)
{
	struct arm_smccc_res res;

	ffa_call(func, arg1, arg2, arg3, arg4, &res);
	return ffa_code(res.a0, res.a2);
}

static int ffa_errno(int code)
{
	switch (code) {
	case 0:
		return 0;
	case HF_FFA_NOT_SUPPORTED:
		return -EOPNOTSUPP;
	case HF_FFA_INVALID_PARAMETERS:
		return -EINVAL;
	case HF_FFA_NO_MEMORY:
		return -ENOMEM;
	case HF_FFA_BUSY:
	case HF_FFA_RETRY:
		return -EAGAIN;
	case HF_FFA_DENIED:
		return -EACCES;
	default:
		return -EIO;
	}
}

/* A hypervisor without the call answers -1 or, Hafnium v2.15, the call's own number. */
static s64 hf_call(u32 func, u64 arg1, u64 arg2, u64 arg3)
{
	struct arm_smccc_res res;

	arm_smccc_1_1_hvc(func, arg1, arg2, arg3, &res);
	return res.a0 == func ? -1 : (s64)res.a0;
}

/*
 * HVC is undefined, and would kill the kernel, on a CPU without EL2; a kernel
 * that runs at EL2 itself would call itself. The stub that a kernel leaves at
 * EL2 when it was entered there answers with a number that is no version.
 */
static bool hvc_is_safe(void)
{
	u64 pfr0 = read_sysreg_s(SYS_ID_AA64PFR0_EL1);

	return !is_kernel_in_hyp_mode() &&
	       (pfr0 >> ID_AA64PFR0_EL1_EL2_SHIFT) & 0xf;
}

static bool has_function(u32 func)
{
	return !ffa_status(FFA_FEATURES, func, 0, 0, 0);
}

/* What no VM has bound cannot be unbound; that comes after whether anything can. */
static bool may_bind(void)
{
	return ffa_status(FFA_NOTIFICATION_UNBIND, HF_VM_ID_NONE << 16 | HF_PRIMARY_VM_ID, 0,
			  1, 0) == HF_FFA_DENIED;
}

/*
 * What each release of Hafnium is known by, the newest first: a function that it
 * knows, or no longer does, and the FF-A version that it has at least.
 */
static const char *name_release(const struct hf_ffa_features *f)
{
	if (f->restart_panics)
		return "v2.14 or later";
	if (f->wait_returns)
		return "v2.12 or later";
	if (f->rx_overwrite)
		return f->version > HF_FFA_VERSION_1_1 ? "v2.11" : "v2.9 or v2.10";
	if (f->send2)
		return "v2.8";
	return f->version == HF_FFA_VERSION_1_0 ? "v2.5 or older" : "v2.6 or v2.7";
}

/*
 * One line per difference between the releases of Hafnium. From v2.12 on FFA_MSG_SEND
 * works although FFA_FEATURES denies it; the denial is what tells these releases. The
 * waiter list of v2.6 and v2.7 strands the vCPU whose release notified a VM.
 */
static void learn_features(struct hf_ffa_features *f)
{
	f->notifications = has_function(FFA_NOTIFICATION_GET);
	f->binds = f->notifications && may_bind();
	f->send2 = has_function(FFA_MSG_SEND2);
	f->rx_overwrite = has_function(FFA_PARTITION_INFO_GET_REGS);
	f->wait_returns = f->send2 && !has_function(FFA_MSG_SEND);
	f->hands_twice = f->rx_overwrite && !f->wait_returns;
	f->restart_waits = f->version > HF_FFA_VERSION_1_0 && !f->wait_returns;
	f->restart_panics = f->version >= HF_FFA_VERSION_1_3;
	f->waiter_list = f->version == HF_FFA_VERSION_1_0;
	f->rxtx_unmap = has_function(FFA_RXTX_UNMAP);
	f->injection = !f->wait_returns;
	f->release = name_release(f);
}

/*
 * Asks for version 1.0, the one that has FFA_MSG_SEND and short descriptors. A
 * hypervisor that does not look at what was asked answers with its own; one that
 * another driver has settled with knows that driver's only.
 */
static int probe_version(u32 *version)
{
	struct arm_smccc_res res;
	u32 asked;

	if (!hvc_is_safe())
		goto none;

	for (asked = HF_FFA_VERSION_1_0; asked <= HF_FFA_VERSION_1_3; asked++) {
		ffa_call(FFA_VERSION, asked, 0, 0, 0, &res);
		*version = res.a0;
		if (FFA_VERSION_MAJOR(*version) == FFA_VERSION_MAJOR(HF_FFA_VERSION_1_0))
			return 0;
	}
none:
	pr_err("no FF-A hypervisor: this kernel is not a virtual machine of Hafnium\n");
	return -ENODEV;
}

static int probe_id(void)
{
	struct arm_smccc_res res;
	int code;

	ffa_call(FFA_ID_GET, 0, 0, 0, 0, &res);
	code = ffa_code(res.a0, res.a2);
	if (code) {
		pr_err("FFA_ID_GET failed with FF-A error %d\n", code);
		return -EIO;
	}
	if ((u16)res.a2 != HF_PRIMARY_VM_ID) {
		pr_err("this is VM %u; only the primary VM (%u) can run others\n",
		       (u16)res.a2, HF_PRIMARY_VM_ID);
		return -EPERM;
	}
	return 0;
}

static const char *yes_no(bool value)
{
	return value ? "yes" : "no";
}

int hf_ffa_probe(void)
{
	struct hf_ffa_features *f = &hf_ffa_features;
	int err;

	err = probe_version(&f->version);
	if (err)
		return err;
	err = probe_id();
	if (err)
		return err;

	learn_features(f);
	pr_info("FF-A %u.%u hypervisor, waiter list %s, unmap %s, like Hafnium %s: %s, %s interrupts\n",
		FFA_VERSION_MAJOR(f->version), FFA_VERSION_MINOR(f->version),
		yes_no(f->waiter_list), yes_no(f->rxtx_unmap), f->release,
		f->rx_overwrite ? "messages wait until the last was read" :
		"guests release their mailbox",
		f->injection ? "with" : "without");
	return 0;
}

int hf_ffa_rxtx_map(phys_addr_t tx, phys_addr_t rx)
{
	int code = ffa_status(FFA_FN64_RXTX_MAP, tx, rx, 1, 0);

	return code == HF_FFA_DENIED ? -EBUSY : ffa_errno(code);
}

int hf_ffa_rxtx_unmap(void)
{
	return ffa_errno(ffa_status(FFA_RXTX_UNMAP, 0, 0, 0, 0));
}

bool hf_ffa_vm_exists(u16 vm)
{
	int code;

	if (!hf_ffa_features.notifications)
		return hf_call(HF_INTERRUPT_INJECT, vm, 0, HF_MAILBOX_READABLE_INTID) >= 0;
	code = ffa_status(FFA_NOTIFICATION_SET, HF_PRIMARY_VM_ID << 16 | vm, 0, 0, BIT(31));
	return !code || code == HF_FFA_DENIED;
}

int hf_ffa_notification_set(u16 vm, u64 bits)
{
	return ffa_errno(ffa_status(FFA_NOTIFICATION_SET, HF_PRIMARY_VM_ID << 16 | vm, 0,
				    (u32)bits, bits >> 32));
}

int hf_ffa_notification_bind(u16 vm, u64 bits)
{
	return ffa_errno(ffa_status(FFA_NOTIFICATION_BIND, vm << 16 | HF_PRIMARY_VM_ID, 0,
				    (u32)bits, bits >> 32));
}

int hf_ffa_notification_unbind(u16 vm, u64 bits)
{
	return ffa_errno(ffa_status(FFA_NOTIFICATION_UNBIND, vm << 16 | HF_PRIMARY_VM_ID, 0,
				    (u32)bits, bits >> 32));
}

/* More CPUs than any machine has that runs Hafnium. */
#define HF_CPUS_MAX	64

/*
 * To v2.11 the vCPU that FFA_NOTIFICATION_GET names has to be the CPU that asks, and
 * those are counted in an order of the hypervisor's own. v2.6 has it in the other half
 * of the word. This is which attempt was the right one for this CPU.
 */
static DEFINE_PER_CPU(u16, get_attempt);

static u32 receiver_of_attempt(u16 attempt)
{
	u32 vcpu = attempt % HF_CPUS_MAX;

	return attempt < HF_CPUS_MAX ? vcpu << 16 | HF_PRIMARY_VM_ID :
		HF_PRIMARY_VM_ID << 16 | vcpu;
}

/* Whether @regs has what is pending; it no longer is. */
static bool get_notifications(u32 of, struct arm_smccc_1_2_regs *regs)
{
	u16 *attempt = get_cpu_ptr(&get_attempt);
	unsigned int tries = 2 * HF_CPUS_MAX;
	int code;

	for (;;) {
		*regs = (struct arm_smccc_1_2_regs){
			.a0 = FFA_NOTIFICATION_GET,
			.a1 = receiver_of_attempt(*attempt),
			.a2 = of,
		};
		arm_smccc_1_2_hvc(regs, regs);
		code = ffa_code(regs->a0, regs->a2);
		if (code != HF_FFA_INVALID_PARAMETERS || !tries--)
			break;
		*attempt = (*attempt + 1) % (2 * HF_CPUS_MAX);
	}
	put_cpu_ptr(&get_attempt);
	return !code;
}

u64 hf_ffa_notification_get(void)
{
	struct arm_smccc_1_2_regs regs;

	return get_notifications(HF_FFA_NOTIFICATION_VM, &regs) ?
		(u32)regs.a4 | regs.a5 << 32 : 0;
}

bool hf_ffa_rx_full(void)
{
	struct arm_smccc_1_2_regs regs;

	return get_notifications(HF_FFA_NOTIFICATION_HYP, &regs) &&
		regs.a7 & HF_FFA_NOTIFICATION_RX_FULL;
}

int hf_ffa_rx_release(void)
{
	struct arm_smccc_res res;

	ffa_call(FFA_RX_RELEASE, 0, 0, 0, 0, &res);
	return ffa_errno(ffa_code(res.a0, res.a2)) ?: (u32)res.a0 == FFA_RX_RELEASE;
}

int hf_ffa_msg_send(u16 vm, u32 len, bool notify)
{
	return ffa_errno(ffa_status(FFA_MSG_SEND, HF_PRIMARY_VM_ID << 16 | vm, 0, len,
				    notify ? HF_FFA_MSG_SEND_NOTIFY : 0));
}

/*
 * Where interrupts are masked by priority, local_irq_disable() would keep them from EL2
 * as well, and nothing would end the run. So, as KVM does it, PSTATE masks them, and
 * the priority mask is opened. What else KVM says, guest_state_enter_irqoff(), is for
 * tasks with an address space: context tracking warns of a kernel thread.
 */
void hf_ffa_run(u16 vm, u16 vcpu, struct hf_ffa_exit *exit)
{
	struct arm_smccc_res res;

	local_daif_mask();
	pmr_sync();
	ffa_call(FFA_RUN, (u32)vm << 16 | vcpu, 0, 0, 0, &res);
	local_daif_restore(DAIF_PROCCTX_NOIRQ);
	exit->func = res.a0;
	exit->error = exit->func == FFA_ERROR ? (s32)res.a2 : 0;
	exit->vm = res.a1 >> 16;
	exit->vcpu = res.a1;
	exit->len = res.a3;
	exit->timeout_ns = exit->func == FFA_YIELD ? (u64)exit->len << 32 | (u32)res.a2 : res.a2;
}

s64 hf_ffa_mailbox_writable_get(void)
{
	return hf_call(HF_MAILBOX_WRITABLE_GET, 0, 0, 0);
}

s64 hf_ffa_mailbox_waiter_get(u16 vm)
{
	return hf_call(HF_MAILBOX_WAITER_GET, vm, 0, 0);
}

int hf_ffa_interrupt_inject(u16 vm, u16 vcpu, u32 intid)
{
	s64 ret;

	if (!READ_ONCE(hf_ffa_features.injection))
		return -EOPNOTSUPP;

	ret = hf_call(HF_INTERRUPT_INJECT, vm, vcpu, intid);
	/* To give up means that guests get no more interrupts: not after one refusal. */
	if (ret < 0)
		ret = hf_call(HF_INTERRUPT_INJECT, vm, vcpu, intid);
	if (ret >= 0)
		return ret;

	/*
	 * Every VM has a vCPU 0, so the call is gone (Hafnium v2.12 and later).
	 * Others may not exist: the count may be the administrator's mistake.
	 */
	if (vcpu == 0)
		WRITE_ONCE(hf_ffa_features.injection, false);
	return -EOPNOTSUPP;
}
