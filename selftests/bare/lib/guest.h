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

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ffa.h"

#define GUEST_BIT(n)		(UINT64_C(1) << (n))

struct guest_regs {
	uint64_t x[8];
};

/* On the wire: ports first, then the payload. */
struct guest_wire {
	uint64_t src_port;
	uint64_t dst_port;
	uint8_t payload[HF_MSG_PAYLOAD_MAX];
};

/* A message in the RX page, ours until guest_msg_release(). */
struct guest_msg {
	uint16_t from;
	uint32_t len;		/* header included */
};

/* Entered by guest_start.S, written by the payload. */
void guest_main(void);

/* guest_start.S: HVC #0 with r->x[0..7], which also receives the results. */
void guest_hvc(struct guest_regs *r);

/* guest_cpu.c */
struct guest_regs guest_call(uint64_t fn, uint64_t x1, uint64_t x2, uint64_t x3,
			     uint64_t x4);
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
void guest_irq_enable(uint32_t intid);
/* Which of these came since they were last taken. */
uint64_t guest_irq_take(uint64_t mask);
/* The same, but sleeps in WFI until it is at least one. */
uint64_t guest_irq_wait(uint64_t mask);
uint64_t guest_ticks(void);
uint64_t guest_ticks_to_ns(uint64_t ticks);
uint64_t guest_ns_to_ticks(uint64_t ns);
/* Interrupt HF_VIRTUAL_TIMER_INTID comes when guest_ticks() reaches deadline. */
void guest_timer_arm(uint64_t deadline);

/* guest_msg.c: the mailbox. */
void guest_mailbox_init(void);
uint16_t guest_id(void);
/* Blocks; false if an interrupt came instead. */
bool guest_msg_wait(struct guest_msg *msg);
bool guest_msg_poll(struct guest_msg *msg);
void guest_msg_release(void);
/* From the TX page. Returns 0 or an FF-A error (negative), BUSY among them. */
int guest_msg_try_send(uint16_t to, uint32_t len, uint32_t flags);
/* The same, yields and retries for as long as the receiver is busy. */
int guest_msg_send(uint16_t to, uint32_t len);
/* Fills TX with the answer to msg: RX's bytes, ports swapped. */
void guest_msg_make_answer(const struct guest_msg *msg);
/* Answers with the payload unchanged, then frees RX. */
void guest_msg_echo(const struct guest_msg *msg);
/* The number of payload bytes in msg; 0 for what lacks a header, too. */
uint32_t guest_msg_payload_len(const struct guest_msg *msg);
struct guest_wire *guest_rx(void);
struct guest_wire *guest_tx(void);

/* guest_mem.c: also what the compiler calls. */
void *memcpy(void *dst, const void *src, size_t n);
void *memset(void *dst, int c, size_t n);

/* guest_log.c: through HF_DEBUG_LOG. */
void guest_log(const char *text);
void guest_log_hex(const char *label, uint64_t value);

#endif
