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
 * @version:       What FFA_VERSION answered.
 * @release:       The Hafnium releases that answer like it, for people.
 * @waiter_list:   FFA_MSG_SEND's notify flag leads to an FFA_RX_RELEASE exit.
 * @notifications: The notification calls exist, which tell whether a VM does.
 * @binds:         The primary may bind notifications of VMs: its manifest asks for them.
 * @send2:         A VM can fill our RX page by FFA_MSG_SEND2, without an exit.
 * @rx_overwrite:  The hypervisor may overwrite a receiver's RX page that the receiver
 *                 took without blocking: a message needs proof that the last was read.
 * @hands_twice:   Each waiting vCPU that is run gets the message of the one before.
 * @wait_returns:  A waiting vCPU that is run returns to its guest, message or not. No
 *                 timeout comes with an exit; FFA_RUN of a vCPU in WFI tells it.
 * @restart_waits: A vCPU that was off and is on again takes a message to begin, and loses it.
 * @restart_panics: The same must not be run.
 * @rxtx_unmap:    The RX/TX pages can be taken back.
 * @injection:     HF_INTERRUPT_INJECT works. True may turn out to be wrong.
 *
 * Both forms of the wake-up exit are always understood and a timeout in an
 * exit is honoured wherever it is not zero, so neither needs a flag.
 * Written during module init (@injection: any time, false only); read anywhere.
 */
struct hf_ffa_features {
	u32 version;
	const char *release;
	bool waiter_list;
	bool notifications;
	bool binds;
	bool send2;
	bool rx_overwrite;
	bool hands_twice;
	bool wait_returns;
	bool restart_waits;
	bool restart_panics;
	bool rxtx_unmap;
	bool injection;
};

extern struct hf_ffa_features hf_ffa_features;

/**
 * struct hf_ffa_exit - why FFA_RUN returned (DEN0077A 14.4)
 * @func:   Function id of the exit; FFA_ERROR included.
 * @error:  FF-A error code if @func is FFA_ERROR, else 0.
 * @vm:     High half of w1: the VM that needs to run, 0 = none. Whose exit it is says
 *          the call, not w1, which some releases leave 0.
 * @vcpu:   Low half of w1: that VM's vCPU. For a message: its receiver.
 * @len:    w3, bytes of a message.
 * @timeout_ns: for the two waiting exits x2, for FFA_YIELD w3 << 32 | w2;
 *          nanoseconds, 0 = no timer.
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
 * hf_ffa_vm_exists() - whether there is a VM of this id
 *
 * FFA_NOTIFICATION_SET (16.5) of a bit that no VM binds to the primary: refused
 * in one way or the other, without an effect. Before there was that call, an interrupt
 * for its vCPU 0 that tells it to look into its mailbox.
 */
bool hf_ffa_vm_exists(u16 vm);

/* Set notifications of @vm (16.5); wakes nothing. -EACCES: not bound to the primary. */
int hf_ffa_notification_set(u16 vm, u64 bits);

/* Let @vm set notifications of the primary (16.4). -EACCES: bound, or not bound or pending. */
int hf_ffa_notification_bind(u16 vm, u64 bits);
int hf_ffa_notification_unbind(u16 vm, u64 bits);

/* Take what VMs have set (16.6). */
u64 hf_ffa_notification_get(void);
/*
 * Whether a VM filled our RX page by FFA_MSG_SEND2: a notification of the hypervisor. True
 * once for each message; the page is then the caller's, to be released.
 */
bool hf_ffa_rx_full(void);

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

/* Next VM whose mailbox became writable for the primary / that waits for @vm's mailbox, or -1. */
s64 hf_ffa_mailbox_writable_get(void);
s64 hf_ffa_mailbox_waiter_get(u16 vm);

/**
 * hf_ffa_interrupt_inject() - make a virtual interrupt pending
 *
 * Return: 1 if EL2 says that the vCPU must run, 0 if it says nothing needs to
 * be done (the vCPU has to be woken all the same), -EOPNOTSUPP.
 */
int hf_ffa_interrupt_inject(u16 vm, u16 vcpu, u32 intid);

#endif
