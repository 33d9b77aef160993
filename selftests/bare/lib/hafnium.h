/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Numbers of Hafnium's own interface for the bare code; see ffa.h, which includes
 * this. C and assembly.
 */
#ifndef HF_BARE_HAFNIUM_H
#define HF_BARE_HAFNIUM_H

/* Exits of FFA_RUN that are Hafnium's own. */
#define HF_EXIT_WAIT_FOR_INTERRUPT	0xff06
#define HF_EXIT_WAKE_UP			0xff07

/* Hafnium's own calls: x0 = id, x1.. = arguments, one signed result in x0. */
#define HF_MAILBOX_WRITABLE_GET		0xff01
#define HF_MAILBOX_WAITER_GET		0xff02
#define HF_INTERRUPT_ENABLE		0xff03
#define HF_INTERRUPT_GET		0xff04
#define HF_INTERRUPT_INJECT		0xff05
#define HF_DEBUG_LOG			0xbd000000

#define HF_INTERRUPT_TYPE_IRQ		0
#define HF_INTERRUPT_TYPE_FIQ		1
#define HF_INTERRUPT_NONE		0xffffffff	/* HF_INTERRUPT_GET: nothing pending */
#define HF_INTERRUPT_COUNT		64

#define HF_MAILBOX_READABLE_INTID	1
#define HF_MAILBOX_WRITABLE_INTID	2
#define HF_VIRTUAL_TIMER_INTID		3
#define HF_NPI_INTID			5	/* a notification is pending: never raised */
#define HF_SRI_INTID			8

#define HF_HYPERVISOR_ID		0
#define HF_PRIMARY_ID			1
#define HF_SECONDARY_MIN		2

/* What this project's guests send and get: two ports, then the payload. */
#define HF_MSG_HEADER			16	/* u64 source port, u64 destination port */
#define HF_MSG_PAYLOAD_MAX		(FFA_MSG_MAX - HF_MSG_HEADER)
#define HF_PORT_EVENT			0x8000000000000e7e	/* to it: u64, bits that are raised */

#endif
