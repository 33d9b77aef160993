/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Numbers and wire structures of the hypervisor's interface.
 *
 * Owns what Hafnium defines beyond FF-A, and those FF-A numbers which the
 * kernel's <linux/arm_ffa.h> does not export yet (it does from 6.7 on; Arm
 * DEN0077A, chapters 7 to 13). Constants only: no code, no state.
 */
#ifndef HF_ABI_H
#define HF_ABI_H

#include <linux/arm-smccc.h>
#include <linux/arm_ffa.h>
#include <linux/types.h>

#ifndef FFA_ERROR
#define HF_FFA_FN32(nr) ARM_SMCCC_CALL_VAL(ARM_SMCCC_FAST_CALL, ARM_SMCCC_SMC_32, \
					   ARM_SMCCC_OWNER_STANDARD, (nr))
#define HF_FFA_FN64(nr) ARM_SMCCC_CALL_VAL(ARM_SMCCC_FAST_CALL, ARM_SMCCC_SMC_64, \
					   ARM_SMCCC_OWNER_STANDARD, (nr))
#define FFA_ERROR		HF_FFA_FN32(0x60)
#define FFA_SUCCESS		HF_FFA_FN32(0x61)
#define FFA_INTERRUPT		HF_FFA_FN32(0x62)
#define FFA_VERSION		HF_FFA_FN32(0x63)
#define FFA_FEATURES		HF_FFA_FN32(0x64)
#define FFA_RX_RELEASE		HF_FFA_FN32(0x65)
#define FFA_FN64_RXTX_MAP	HF_FFA_FN64(0x66)
#define FFA_RXTX_UNMAP		HF_FFA_FN32(0x67)
#define FFA_ID_GET		HF_FFA_FN32(0x69)
#define FFA_MSG_WAIT		HF_FFA_FN32(0x6b)
#define FFA_YIELD		HF_FFA_FN32(0x6c)
#define FFA_RUN			HF_FFA_FN32(0x6d)
#define FFA_MSG_SEND		HF_FFA_FN32(0x6e)
#define FFA_NOTIFICATION_BIND	HF_FFA_FN32(0x7f)
#define FFA_NOTIFICATION_UNBIND	HF_FFA_FN32(0x80)
#define FFA_NOTIFICATION_SET	HF_FFA_FN32(0x81)
#define FFA_NOTIFICATION_GET	HF_FFA_FN32(0x82)
#define FFA_MSG_SEND2		HF_FFA_FN32(0x86)
#endif
#ifndef FFA_PARTITION_INFO_GET_REGS
#define FFA_PARTITION_INFO_GET_REGS \
	ARM_SMCCC_CALL_VAL(ARM_SMCCC_FAST_CALL, ARM_SMCCC_SMC_64, ARM_SMCCC_OWNER_STANDARD, 0x8b)
#endif

/* Error codes of FFA_ERROR: 32 bits of w2, whatever the upper half holds. */
#define HF_FFA_NOT_SUPPORTED		(-1)
#define HF_FFA_INVALID_PARAMETERS	(-2)
#define HF_FFA_NO_MEMORY		(-3)
#define HF_FFA_BUSY			(-4)
#define HF_FFA_INTERRUPTED		(-5)
#define HF_FFA_DENIED			(-6)
#define HF_FFA_RETRY			(-7)
#define HF_FFA_ABORTED			(-8)
#define HF_FFA_NO_DATA			(-9)

/* FFA_VERSION: major << 16 | minor. */
#define HF_FFA_VERSION_1_0		0x10000
#define HF_FFA_VERSION_1_1		0x10001
#define HF_FFA_VERSION_1_3		0x10003

/* FFA_NOTIFICATION_GET: those of VMs; the hypervisor's own, and its "RX buffer full" in w7. */
#define HF_FFA_NOTIFICATION_VM		BIT(1)
#define HF_FFA_NOTIFICATION_HYP		BIT(3)
#define HF_FFA_NOTIFICATION_RX_FULL	BIT(0)

/* FFA_MSG_SEND, w4: tell the sender when the receiver's mailbox is free again. */
#define HF_FFA_MSG_SEND_NOTIFY		BIT(0)

/* Hafnium's own calls: x0 = id, x1..x3 arguments, one signed result in x0. */
#define HF_MAILBOX_WRITABLE_GET		0xff01
#define HF_MAILBOX_WAITER_GET		0xff02
#define HF_INTERRUPT_INJECT		0xff05

/* Hafnium's own exits of FFA_RUN. */
#define HF_RUN_WAIT_FOR_INTERRUPT	0xff06
#define HF_RUN_WAKE_UP			0xff07

/* Virtual interrupts that Hafnium reserves. */
#define HF_MAILBOX_READABLE_INTID	1
#define HF_MAILBOX_WRITABLE_INTID	2
#define HF_VIRTUAL_TIMER_INTID		3

/* Virtual interrupts of a vCPU. */
#define HF_INTIDS			64

/* One mailbox page each way, whatever PAGE_SIZE is. */
#define HF_MAILBOX_SIZE			4096

#define HF_PRIMARY_VM_ID		1
#define HF_VM_ID_NONE			0x7fff	/* the highest of this world */

/**
 * struct hf_msg_hdr - head of every message between sockets and secondaries
 * @src_port: Port of the sender.
 * @dst_port: Port at the receiver.
 *
 * Both little endian. The payload follows.
 */
struct hf_msg_hdr {
	__le64 src_port;
	__le64 dst_port;
};

/**
 * struct hf_msg2_hdr - head of the RX page after an FFA_MSG_SEND2 (DEN0077A 13.3)
 * @flags:     0.
 * @reserved:  0.
 * @offset:    Where the payload begins; from FF-A 1.2 on a UUID lies between.
 * @receiver:  We, or EL2 would have refused it.
 * @sender:    The VM that sent it, the same.
 * @size:      Bytes of payload. Not checked by every Hafnium, nor is @offset.
 *
 * All little endian.
 */
struct hf_msg2_hdr {
	__le32 flags;
	__le32 reserved;
	__le32 offset;
	__le16 receiver;
	__le16 sender;
	__le32 size;
};

#endif
