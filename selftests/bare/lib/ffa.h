/* SPDX-License-Identifier: GPL-2.0 */
/*
 * FF-A (Arm DEN0077A, v1.0 to v1.3) and PSCI (DEN0022) numbers for the bare
 * code: the test hypervisor and the guests. Hafnium's own come with them.
 *
 * Owns numbers and wire layouts only, no code; C and assembly may include it.
 * They are taken from the specifications and deliberately not from the kernel
 * module's headers: a wrong number on either side then fails a test instead
 * of agreeing with itself.
 */
#ifndef HF_BARE_FFA_H
#define HF_BARE_FFA_H

#include "hafnium.h"

/* Function ids: FF-A. */
#define FFA_ERROR			0x84000060
#define FFA_SUCCESS			0x84000061
#define FFA_INTERRUPT			0x84000062
#define FFA_VERSION			0x84000063
#define FFA_FEATURES			0x84000064
#define FFA_RX_RELEASE			0x84000065
#define FFA_RXTX_MAP_32			0x84000066
#define FFA_RXTX_MAP			0xc4000066
#define FFA_RXTX_UNMAP			0x84000067
#define FFA_PARTITION_INFO_GET		0x84000068
#define FFA_ID_GET			0x84000069
#define FFA_MSG_POLL			0x8400006a
#define FFA_MSG_WAIT			0x8400006b
#define FFA_YIELD			0x8400006c
#define FFA_RUN				0x8400006d
#define FFA_MSG_SEND			0x8400006e
#define FFA_MSG_SEND_DIRECT_REQ		0x8400006f
#define FFA_MSG_SEND_DIRECT_RESP	0x84000070
#define FFA_MEM_DONATE			0x84000071
#define FFA_MEM_RECLAIM			0x84000077
#define FFA_MEM_FRAG_RX			0x8400007a
#define FFA_MEM_FRAG_TX			0x8400007b
#define FFA_NOTIFICATION_BITMAP_CREATE	0x8400007d
#define FFA_NOTIFICATION_BITMAP_DESTROY	0x8400007e
#define FFA_NOTIFICATION_BIND		0x8400007f
#define FFA_NOTIFICATION_UNBIND		0x84000080
#define FFA_NOTIFICATION_SET		0x84000081
#define FFA_NOTIFICATION_GET		0x84000082
#define FFA_NOTIFICATION_INFO_GET	0xc4000083
#define FFA_SPM_ID_GET			0x84000085
#define FFA_MSG_SEND2			0x84000086
#define FFA_MEM_PERM_GET		0x84000088
#define FFA_MEM_PERM_SET		0x84000089
#define FFA_CONSOLE_LOG			0x8400008a
#define FFA_PARTITION_INFO_GET_REGS	0xc400008b
#define FFA_SUCCESS_64			0xc4000061

/* The range of function ids that belongs to FF-A, 32 and 64 bits. */
#define FFA_FN_MIN			0x84000060
#define FFA_FN_MAX			0x840000ff
#define FFA_FN64_BIT			0x40000000

/* Error codes in w2 of FFA_ERROR. */
#define FFA_RET_NOT_SUPPORTED		(-1)
#define FFA_RET_INVALID_PARAMETERS	(-2)
#define FFA_RET_NO_MEMORY		(-3)
#define FFA_RET_BUSY			(-4)
#define FFA_RET_INTERRUPTED		(-5)
#define FFA_RET_DENIED			(-6)
#define FFA_RET_RETRY			(-7)
#define FFA_RET_ABORTED			(-8)
#define FFA_RET_NO_DATA			(-9)

#define FFA_VERSION_1_0			0x10000
#define FFA_VERSION_1_1			0x10001
#define FFA_VERSION_1_2			0x10002
#define FFA_VERSION_1_3			0x10003
#define FFA_VERSION_MAJOR(version)	((version) >> 16)

/* FFA_MSG_SEND, w4: tell me when the mailbox becomes writable. */
#define FFA_MSG_SEND_NOTIFY		0x1

/* FFA_FEATURES of interrupts; w2 of the answer is the id. */
#define FFA_FEATURE_NPI			1
#define FFA_FEATURE_SRI			2

/* FFA_PARTITION_INFO_GET, w5, from v1.1: only the number of partitions. */
#define FFA_PARTITION_COUNT_ONLY	0x1

/*
 * Partition descriptor: u16 id, u16 vCPUs, u32 properties; from v1.1 also a UUID,
 * in v1.3 another one of the image, the partition's version and a reserved word.
 */
#define FFA_PARTITION_SIZE_1_0		8
#define FFA_PARTITION_SIZE_1_1		24
#define FFA_PARTITION_SIZE_1_3		48
#define FFA_PARTITION_DIRECT_RECV	0x1
#define FFA_PARTITION_DIRECT_SEND	0x2
#define FFA_PARTITION_INDIRECT		0x4
#define FFA_PARTITION_NOTIFICATION	0x8
#define FFA_PARTITION_AARCH64		0x100

/* FFA_MSG_WAIT, w2, from v1.2: RX stays with the caller. */
#define FFA_MSG_WAIT_RETAIN_RX		0x1

/*
 * FFA_MSG_SEND2: what TX begins with, {u32 flags, u32 0, u32 offset, u16 receiver,
 * u16 sender, u32 size}, from v1.2 also {u32 0, u8 uuid[16]}.
 */
#define FFA_SEND2_HEADER_1_1		20
#define FFA_SEND2_HEADER_1_2		40

/*
 * Notifications: w2 of _BIND and _SET, whose w3 and w4 are the bits; w2 of _GET, whose
 * result has in w4, w5 those of VMs and in w7 the framework's.
 */
#define FFA_NOTIFICATION_PER_VCPU	0x1
#define FFA_NOTIFICATION_DELAY_SRI	0x2
#define FFA_NOTIFICATION_FROM_SP	0x1
#define FFA_NOTIFICATION_FROM_VM	0x2
#define FFA_NOTIFICATION_FROM_SPM	0x4
#define FFA_NOTIFICATION_FROM_HYP	0x8
#define FFA_NOTIFICATION_RX_FULL	0x1

#define FFA_PAGE_SIZE			4096
#define FFA_MSG_MAX			4096	/* what a mailbox holds, header included */

/* PSCI. */
#define PSCI_VERSION			0x84000000
#define PSCI_CPU_SUSPEND		0xc4000001
#define PSCI_CPU_SUSPEND_32		0x84000001
#define PSCI_CPU_OFF			0x84000002
#define PSCI_CPU_ON			0xc4000003
#define PSCI_CPU_ON_32			0x84000003
#define PSCI_AFFINITY_INFO		0xc4000004
#define PSCI_AFFINITY_INFO_32		0x84000004
#define PSCI_MIGRATE_INFO_TYPE		0x84000006
#define PSCI_SYSTEM_OFF			0x84000008
#define PSCI_SYSTEM_RESET		0x84000009
#define PSCI_FEATURES			0x8400000a
#define PSCI_FN_MIN			0x84000000
#define PSCI_FN_MAX			0x8400001f

#define PSCI_VERSION_1_1		0x10001
#define PSCI_SUCCESS			0
#define PSCI_NOT_SUPPORTED		(-1)
#define PSCI_INVALID_PARAMETERS		(-2)
#define PSCI_DENIED			(-3)
#define PSCI_ALREADY_ON			(-4)
#define PSCI_AFFINITY_ON		0
#define PSCI_AFFINITY_OFF		1

#endif
