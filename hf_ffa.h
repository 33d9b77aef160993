/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The seam to the hypervisor: typed calls, FF-A errors turned into errno.
 *
 * Only hf_ffa.c issues hypercalls; unit tests replace that file. Unless said
 * otherwise a call may be made from any context, does not sleep, and takes as
 * long as the hypervisor takes (microseconds). Section numbers are those of
 * Arm DEN0077A (FF-A v1.1); calls without one are Hafnium's own.
 */
#ifndef HF_FFA_H
#define HF_FFA_H

#include "hf_abi.h"

/**
 * struct hf_ffa_features - what the running hypervisor can do
 * @version:      What FFA_VERSION answered.
 * @waiter_list:  FFA_MSG_SEND's notify flag leads to an FFA_RX_RELEASE exit.
 * @rx_overwrite: The hypervisor may overwrite a receiver's RX page that the
 *                receiver took without blocking: send only to a VM that waits.
 * @rxtx_unmap:   The RX/TX pages can be taken back.
 * @injection:    HF_INTERRUPT_INJECT works. Assumed until it says otherwise,
 *                because asking has an effect on the guest.
 * @desc_size:    Bytes of a partition descriptor; 0 until the first answer.
 *
 * Both forms of the wake-up exit are always understood and a timeout in an
 * exit is honoured wherever it is not zero, so neither needs a flag.
 * Written during module init (@injection: any time, false only); read anywhere.
 */
struct hf_ffa_features {
	u32 version;
	bool waiter_list;
	bool rx_overwrite;
	bool rxtx_unmap;
	bool injection;
	u8 desc_size;
};

extern struct hf_ffa_features hf_ffa_features;

/**
 * struct hf_ffa_exit - why FFA_RUN returned (DEN0077A 14.4)
 * @func:   Function id of the exit; FFA_ERROR included.
 * @error:  FF-A error code if @func is FFA_ERROR, else 0.
 * @vm:     High half of w1. For a message: its sender.
 * @vcpu:   Low half of w1. For a message: its receiver.
 * @len:    w3, bytes of a message.
 * @timeout_ns: x2; for the two waiting exits nanoseconds, 0 = no timer.
 */
struct hf_ffa_exit {
	u32 func;
	int error;
	u16 vm;
	u16 vcpu;
	u32 len;
	u64 timeout_ns;
};

/**
 * hf_ffa_probe() - find the hypervisor and learn what it can do
 *
 * Context: Module init only. Fills hf_ffa_features, prints what is wrong.
 * Return: 0; -ENODEV without a hypervisor that speaks FF-A v1; -EPERM if this
 * is not the primary VM; -EIO if it does not answer as the specification says.
 */
int hf_ffa_probe(void);

/* FFA_RXTX_MAP, 13.5. -EBUSY: mapped already. -EINVAL, -ENOMEM, -EIO. */
int hf_ffa_rxtx_map(phys_addr_t tx, phys_addr_t rx);

/* FFA_RXTX_UNMAP, 13.6. After an error the pages still belong to EL2. */
int hf_ffa_rxtx_unmap(void);

/**
 * hf_ffa_partition_info_get() - descriptors of all partitions into the RX page
 * @desc_size: Size that the hypervisor names, 0 if it names none.
 *
 * 13.8. On success the RX page must be released with hf_ffa_rx_release().
 * Return: number of descriptors or a negative errno.
 */
int hf_ffa_partition_info_get(u32 *desc_size);

/**
 * hf_ffa_rx_release() - give the RX page back to the hypervisor (13.4)
 *
 * Return: 0; 1 if VMs wait for it (hf_ffa_mailbox_waiter_get() names them);
 * -EACCES if there was nothing to release.
 */
int hf_ffa_rx_release(void);

/**
 * hf_ffa_msg_send() - send the TX page's first @len bytes to @vm
 * @notify: Ask for an FFA_RX_RELEASE exit when a busy mailbox becomes free.
 *
 * FF-A v1.0, 7.3. Return: 0; -EAGAIN if the receiver's mailbox is full;
 * another negative errno if it can never succeed.
 */
int hf_ffa_msg_send(u16 vm, u32 len, bool notify);

/**
 * hf_ffa_run() - run a vCPU until it exits (14.4)
 *
 * Context: interrupts disabled, so that none is taken between the caller's
 * last look at the vCPU's requests and the entry; a pending one ends the run.
 */
void hf_ffa_run(u16 vm, u16 vcpu, struct hf_ffa_exit *exit);

/* Next VM whose mailbox became writable for the primary, or -1. */
s64 hf_ffa_mailbox_writable_get(void);

/* Next VM that waits for @vm's mailbox, or -1. */
s64 hf_ffa_mailbox_waiter_get(u16 vm);

/**
 * hf_ffa_interrupt_inject() - make a virtual interrupt pending
 *
 * Return: 1 if EL2 says that the vCPU must run, 0 if it says nothing needs to
 * be done (which never excuses from waking somebody), -EOPNOTSUPP.
 */
int hf_ffa_interrupt_inject(u16 vm, u16 vcpu, u32 intid);

#endif
