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
#include <linux/printk.h>
#include <asm/sysreg.h>
#include <asm/virt.h>

#include "hf_ffa.h"

#define FFA_VERSION_MAJOR(version) ((version) >> 16)
#define FFA_VERSION_MINOR(version) ((version) & 0xffff)

struct hf_ffa_features hf_ffa_features;

static void ffa_call(struct arm_smccc_1_2_regs *regs)
{
	arm_smccc_1_2_hvc(regs, regs);
}

/* A call that answers FFA_SUCCESS or FFA_ERROR. Returns the FF-A code, 0 = success. */
static int ffa_status(struct arm_smccc_1_2_regs *regs)
{
	ffa_call(regs);
	switch ((u32)regs->a0) {
	case FFA_SUCCESS:
	case FFA_RX_RELEASE:
		return 0;
	case FFA_ERROR:
		return (s32)regs->a2 ?: HF_FFA_NOT_SUPPORTED;
	default:
		return HF_FFA_NOT_SUPPORTED;
	}
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

static s64 hf_call(u32 func, u64 arg1, u64 arg2, u64 arg3)
{
	struct arm_smccc_res res;

	arm_smccc_1_1_hvc(func, arg1, arg2, arg3, &res);
	return res.a0;
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
	struct arm_smccc_1_2_regs regs = { .a0 = FFA_FEATURES, .a1 = func };

	return !ffa_status(&regs);
}

/*
 * One line per difference between the versions of Hafnium. The waiter list is
 * filled up to v2.7, and may be used where a release cannot strand the vCPU
 * that released: in v2.4 (FF-A 1.0) and in v2.7, the first with notifications.
 */
static void learn_features(struct hf_ffa_features *f)
{
	bool send2 = has_function(FFA_MSG_SEND2);

	f->rx_overwrite = send2;
	f->waiter_list = !send2 && (f->version == HF_FFA_VERSION_1_0 ||
				    has_function(FFA_NOTIFICATION_GET));
	f->rxtx_unmap = has_function(FFA_RXTX_UNMAP);
	f->injection = true;
}

/*
 * Asks for version 1.0, the one that has FFA_MSG_SEND and short descriptors.
 * A hypervisor that does not look at what was asked answers with its own.
 */
static int probe_version(u32 *version)
{
	struct arm_smccc_1_2_regs regs = {
		.a0 = FFA_VERSION, .a1 = HF_FFA_VERSION_1_0,
	};

	if (!hvc_is_safe())
		goto none;

	ffa_call(&regs);
	*version = regs.a0;
	if (FFA_VERSION_MAJOR(*version) == FFA_VERSION_MAJOR(HF_FFA_VERSION_1_0))
		return 0;
none:
	pr_err("no FF-A hypervisor: this kernel is not a virtual machine of Hafnium\n");
	return -ENODEV;
}

static int probe_id(void)
{
	struct arm_smccc_1_2_regs regs = { .a0 = FFA_ID_GET };
	int code = ffa_status(&regs);

	if (code) {
		pr_err("FFA_ID_GET failed with FF-A error %d\n", code);
		return -EIO;
	}
	if ((u16)regs.a2 != HF_PRIMARY_VM_ID) {
		pr_err("this is VM %u; only the primary VM (%u) can run others\n",
		       (u16)regs.a2, HF_PRIMARY_VM_ID);
		return -EPERM;
	}
	return 0;
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
	pr_info("FF-A %u.%u hypervisor, waiter list %s, unmap %s\n",
		FFA_VERSION_MAJOR(f->version), FFA_VERSION_MINOR(f->version),
		f->waiter_list ? "yes" : "no", f->rxtx_unmap ? "yes" : "no");
	return 0;
}

int hf_ffa_rxtx_map(phys_addr_t tx, phys_addr_t rx)
{
	struct arm_smccc_1_2_regs regs = {
		.a0 = FFA_FN64_RXTX_MAP, .a1 = tx, .a2 = rx, .a3 = 1,
	};
	int code = ffa_status(&regs);

	return code == HF_FFA_DENIED ? -EBUSY : ffa_errno(code);
}

int hf_ffa_rxtx_unmap(void)
{
	struct arm_smccc_1_2_regs regs = { .a0 = FFA_RXTX_UNMAP };

	return ffa_errno(ffa_status(&regs));
}

int hf_ffa_partition_info_get(u32 *desc_size)
{
	struct arm_smccc_1_2_regs regs = { .a0 = FFA_PARTITION_INFO_GET };
	int code = ffa_status(&regs);

	if (code)
		return ffa_errno(code);
	*desc_size = regs.a3;
	return (u16)regs.a2;
}

int hf_ffa_rx_release(void)
{
	struct arm_smccc_1_2_regs regs = { .a0 = FFA_RX_RELEASE };
	int code = ffa_status(&regs);

	if (code)
		return ffa_errno(code);
	return (u32)regs.a0 == FFA_RX_RELEASE;
}

int hf_ffa_msg_send(u16 vm, u32 len, bool notify)
{
	struct arm_smccc_1_2_regs regs = {
		.a0 = FFA_MSG_SEND,
		.a1 = HF_PRIMARY_VM_ID << 16 | vm,
		.a3 = len,
		.a4 = notify ? HF_FFA_MSG_SEND_NOTIFY : 0,
	};

	return ffa_errno(ffa_status(&regs));
}

void hf_ffa_run(u16 vm, u16 vcpu, struct hf_ffa_exit *exit)
{
	struct arm_smccc_1_2_regs regs = { .a0 = FFA_RUN, .a1 = (u32)vm << 16 | vcpu };

	ffa_call(&regs);
	exit->func = regs.a0;
	exit->error = exit->func == FFA_ERROR ? (s32)regs.a2 : 0;
	exit->vm = regs.a1 >> 16;
	exit->vcpu = regs.a1;
	exit->len = regs.a3;
	exit->timeout_ns = regs.a2;
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
