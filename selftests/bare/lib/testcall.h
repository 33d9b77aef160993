/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Test calls: what the test hypervisor offers beyond the interface of Hafnium.
 *
 * Owns the numbers only, so that the hypervisor (selftests/bare/hyp) and the
 * module that drives it (selftests/kernel) include the same file. A call goes
 * through HVC #0 with x0 = function and x1..x7 = arguments; the result comes
 * in x0. The real Hafnium answers every one of them with -1, which is how a
 * test finds out that it has to be skipped.
 */
#ifndef HF_TESTCALL_H
#define HF_TESTCALL_H

/* Returns HFT_MAGIC. */
#define HFT_VERSION		0xbd001000
#define HFT_MAGIC		0x48465431

/* x1 = enum of counter below, x2 = vm << 16 | vcpu or HFT_ALL. Returns the count. */
#define HFT_COUNT		0xbd001001
#define HFT_ALL			0xffffffff
#define HFT_COUNT_RUN		0	/* FFA_RUN calls by the primary */
#define HFT_COUNT_ENTER		1	/* FFA_RUN calls that entered the guest */
#define HFT_COUNT_SEND		2	/* successful FFA_MSG_SEND to this VM */
#define HFT_COUNT_INJECT	3	/* HF_INTERRUPT_INJECT into this vCPU */
#define HFT_COUNT_RECEIVE	4	/* messages handed to this VM's guest */
#define HFT_COUNT_RUN_EMPTY	5	/* FFA_RUN that ended FFA_MSG_WAIT without a reason: v2.12+ */
#define HFT_COUNT_RUN_OFF	6	/* FFA_RUN of this vCPU, which never started */
/* Of a VM, whichever vCPU is named, as are SEND and RECEIVE. */
#define HFT_COUNT_OVERWRITE	7	/* message written over one that may still be read (v2.9+): the
					 * vCPU that took it has not called WAIT, POLL or RELEASE */
#define HFT_COUNT_DISCARD	8	/* unread message released: v2.9+ */
#define HFT_COUNT_TWICE		9	/* message handed over again: v2.9 to v2.11 */
#define HFT_COUNT_NOTIFICATION_GET 10	/* such calls by the primary, whichever vCPU */
#define HFT_COUNTS		11

/*
 * Hold a vCPU: the physical CPU that brings it to the point spins at EL2 with
 * interrupts masked until HFT_RELEASE from another CPU, 2 seconds at most.
 * x1 = vm << 16 | vcpu, x2 = point, x3 = how often to pass the point first.
 * One hold per vCPU; a new one replaces the old; x2 = 0 disarms. Returns 0.
 */
#define HFT_HOLD		0xbd001002
#define HFT_POINT_NONE		0
#define HFT_POINT_RECEIVE	1	/* FFA_MSG_WAIT called, mailbox not yet looked at */
#define HFT_POINT_EXIT		2	/* vCPU state is saved, the primary not yet told */
#define HFT_POINT_RUN		3	/* FFA_RUN called, vCPU state not yet looked at */
#define HFT_POINT_RELEASE	4	/* FFA_RX_RELEASE called, mailbox still full */
#define HFT_POINT_RELEASED	5	/* mailbox free, waiters not yet reported */
#define HFT_POINT_CPU_ON	6	/* target is on, its wake-up not yet reported */
#define HFT_POINT_TAKEN		7	/* message taken, not yet returned to the guest */
#define HFT_POINT_RELEASING	8	/* FFA_MSG_WAIT took a message and will free RX: v2.9, v2.12+ */
#define HFT_POINTS		9

/* x1 = vm << 16 | vcpu. Lets a held vCPU go on. Returns 0, or -1 if it was not held. */
#define HFT_RELEASE		0xbd001003

/* x1 = vm << 16 | vcpu. Returns the point at which the vCPU is held now, 0 = not held. */
#define HFT_HELD		0xbd001004

/*
 * Let calls of the primary fail. x1 = function id, x2 = FF-A error (negative,
 * 32 bit), x3 = how many of the next calls, x4 = how many to let pass first.
 * One rule at a time per function id, at least 8 rules; x3 = 0 removes it and
 * returns how many calls it still had to fail. A failed call has no effect at
 * EL2. For Hafnium's own calls (0xff..) the result is -1. Returns 0, or -1 if
 * there is no room.
 */
#define HFT_FAIL		0xbd001005

/*
 * Forge the next exit of a vCPU: the next FFA_RUN of it does not run it but
 * returns these values. x1 = vm << 16 | vcpu, x2..x5 = w0..w3 of the exit.
 * If w0 is FFA_MSG_SEND to the primary, its mailbox counts as full (with the
 * bytes that are there). Returns 0, or -1 if one is already armed.
 */
#define HFT_EXIT		0xbd001006

/* x1 = exit status. Ends QEMU at once, without asking the primary. */
#define HFT_QUIT		0xbd001007

/*
 * Random delays: a CPU that passes one of the points above, or enters or leaves
 * EL2 with a call of the primary, spins there for a while, now and then. x1 =
 * where the choices start, 0 = no delays; x2 = a delay at one of so many places,
 * x3 = the longest in ns, most are far shorter. Returns 0.
 */
#define HFT_JITTER		0xbd001008

/*
 * Abort a VM. The faults of a guest are its own affair and PSCI SYSTEM_OFF does
 * not exist for it, so this is how a VM dies. By the primary: x1 = vm id, and the
 * next FFA_RUN of each of its vCPUs, or the one that goes on, returns ABORTED. By
 * a secondary: its own VM, at once; the call does not return. Returns 0, or -1 if
 * there is no such VM.
 */
#define HFT_KILL		0xbd001009

/*
 * A number that a VM is told while it reads no messages, 0 at first. By the primary:
 * x1 = vm id, x2 = number; returns 0, or -1 if there is no such VM. By a secondary:
 * returns the number that its VM was told last.
 */
#define HFT_SIGNAL		0xbd00100a

/*
 * First word of the UUIDs of VMs that have some (GUEST:VCPUS:UUIDS); the others are
 * the VM's id, a number from 0 on, and 1.
 */
#define HFT_UUID		0x48465455

#endif
