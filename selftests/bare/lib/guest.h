/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What a secondary VM's payload is written with.
 *
 * A payload is one function, guest_main(), which vCPU 0 runs with MMU and
 * caches on, virtual interrupts masked and exception vectors in place. All
 * state lives in the image's own .bss, so that several copies of one image
 * are independent VMs. Interrupts are taken only inside guest_irq_take() and
 * guest_irq_wait(), never between a payload's check and its sleep.
 *
 * The library talks to Hafnium v2.4 to v2.15 and to bare/hyp alike; where
 * versions differ, the difference ends in the library.
 */
#ifndef HF_BARE_GUEST_H
#define HF_BARE_GUEST_H

#include "ffa.h"
#include "mem.h"

#define GUEST_BIT(n)		(UINT64_C(1) << (n))

struct guest_regs {
	u64 x[8];
};

/* On the wire: ports first, then the payload. */
struct guest_wire {
	u64 src_port;
	u64 dst_port;
	u8 payload[HF_MSG_PAYLOAD_MAX];
};

/* A message in the RX page, ours until guest_msg_release(). */
struct guest_msg {
	u16 from;
	u32 len;		/* header included */
};

/* Entered by guest_start.S, written by the payload. */
void guest_main(void);

/* guest_start.S: HVC #0 with r->x[0..7], which also receives the results. */
void guest_hvc(struct guest_regs *r);

/* guest_cpu.c */
struct guest_regs guest_call(u64 fn, u64 x1, u64 x2, u64 x3,
			     u64 x4);
unsigned int guest_cpu(void);
/* Returns false if there is no such vCPU, or if it is on already. */
bool guest_cpu_on(unsigned int cpu, void (*entry)(void));
void guest_yield(void);
/* Virtual interrupts stay masked; returns when one is pending, or for no reason. */
void guest_wfi(void);
/* The end of a vCPU that has nothing more to do. */
void guest_idle(void) __attribute__((noreturn));
/* Mutual exclusion among the vCPUs of one VM; the waiter yields. */
void guest_lock(void);
void guest_unlock(void);

/* guest_irq.c: the calling vCPU's virtual interrupts, and its virtual timer. */
void guest_irq_enable(u32 intid);
/* Switches it on or off; false if the hypervisor does not let the vCPU have it. */
bool guest_irq_switch(u32 intid, bool on);
/* From now on counts[n] goes up for each interrupt n that the calling vCPU takes. */
void guest_irq_count(u64 counts[HF_INTERRUPT_COUNT]);
/* Which of these came since they were last taken. */
u64 guest_irq_take(u64 mask);
/* The same, but sleeps in WFI until it is at least one. */
u64 guest_irq_wait(u64 mask);
u64 guest_ticks(void);
u64 guest_ticks_to_ns(u64 ticks);
u64 guest_ns_to_ticks(u64 ns);
/* Interrupt HF_VIRTUAL_TIMER_INTID comes when guest_ticks() reaches deadline. */
void guest_timer_arm(u64 deadline);

/* guest_msg.c: the mailbox. */
void guest_mailbox_init(void);
u16 guest_id(void);
/* Blocks; false if an interrupt came instead. */
bool guest_msg_wait(struct guest_msg *msg);
/* The same; from v2.12 on false, too, if the vCPU was run for no reason that it is told. */
bool guest_msg_wait_once(struct guest_msg *msg);
bool guest_msg_poll(struct guest_msg *msg);
void guest_msg_release(void);
/* From the TX page. Returns 0 or an FF-A error (negative), BUSY among them. */
int guest_msg_try_send(u16 to, u32 len, u32 flags);
/* The same, yields and retries for as long as the receiver is busy. */
int guest_msg_send(u16 to, u32 len);
/* Fills TX with the answer to msg: RX's bytes, ports swapped. */
void guest_msg_make_answer(const struct guest_msg *msg);
/* Answers with the payload unchanged; the second one then frees RX. */
void guest_msg_answer(const struct guest_msg *msg);
void guest_msg_echo(const struct guest_msg *msg);
/* The number of payload bytes in msg; 0 for what lacks a header, too. */
u32 guest_msg_payload_len(const struct guest_msg *msg);
struct guest_wire *guest_rx(void);
struct guest_wire *guest_tx(void);

/*
 * guest_notification.c: FF-A notifications. Only asking for them tells that there are
 * some. 0 or an FF-A error (negative).
 */
int guest_notification_bind(u16 sender, u64 bits);
int guest_notification_set(u16 receiver, u64 bits);
/* Those of VMs that are set, and clears them; 0 where it cannot tell, which clears none. */
u64 guest_notification_get(void);

/* guest_log.c: through HF_DEBUG_LOG. */
void guest_log(const char *text);
void guest_log_hex(const char *label, u64 value);

#endif
