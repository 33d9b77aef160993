// SPDX-License-Identifier: GPL-2.0
/*
 * State: finds out whether a vCPU's registers survive what others do.
 *
 * Request {u64 seed, u32 rounds, u32 spin}, where spin is in microseconds:
 * fills SIMD, floating-point control and thread registers with a pattern made
 * from seed. Each round gives the CPU away (FFA_YIELD), spins, for a physical
 * interrupt to come in between, and compares. Answer {u64 seed, u32 rounds, u32
 * damaged}, damaged being the rounds in which something differed. Two of these
 * with different seeds, beside a primary that uses SIMD, check each other.
 */
#include "guest.h"

#define VECTORS			32
#define CPACR_FPEN		(UINT64_C(3) << 20)
#define FPCR_PATTERN		UINT64_C(0x00c00000)	/* a rounding mode */
#define NS_PER_US		1000

struct request {
	u64 seed;
	u32 rounds;
	u32 spin;
};

struct state {
	u64 vectors[VECTORS][2];
	u64 tpidr_el0;
	u64 tpidrro_el0;
	u64 contextidr;
	u64 fpcr;
};

static void load(const struct state *s)
{
	const void *v = s->vectors;

	asm volatile("ld1 {v0.2d-v3.2d}, [%0], #64; ld1 {v4.2d-v7.2d}, [%0], #64\n"
		     "ld1 {v8.2d-v11.2d}, [%0], #64; ld1 {v12.2d-v15.2d}, [%0], #64\n"
		     "ld1 {v16.2d-v19.2d}, [%0], #64; ld1 {v20.2d-v23.2d}, [%0], #64\n"
		     "ld1 {v24.2d-v27.2d}, [%0], #64; ld1 {v28.2d-v31.2d}, [%0]"
		     : "+r" (v) : : "memory");
	asm volatile("msr tpidr_el0, %0; msr tpidrro_el0, %1\n"
		     "msr contextidr_el1, %2; msr fpcr, %3; isb"
		     : : "r" (s->tpidr_el0), "r" (s->tpidrro_el0), "r" (s->contextidr),
		     "r" (s->fpcr));
}

static void store(struct state *s)
{
	void *v = s->vectors;

	asm volatile("st1 {v0.2d-v3.2d}, [%0], #64; st1 {v4.2d-v7.2d}, [%0], #64\n"
		     "st1 {v8.2d-v11.2d}, [%0], #64; st1 {v12.2d-v15.2d}, [%0], #64\n"
		     "st1 {v16.2d-v19.2d}, [%0], #64; st1 {v20.2d-v23.2d}, [%0], #64\n"
		     "st1 {v24.2d-v27.2d}, [%0], #64; st1 {v28.2d-v31.2d}, [%0]"
		     : "+r" (v) : : "memory");
	asm volatile("mrs %0, tpidr_el0; mrs %1, tpidrro_el0\n"
		     "mrs %2, contextidr_el1; mrs %3, fpcr"
		     : "=&r" (s->tpidr_el0), "=&r" (s->tpidrro_el0), "=&r" (s->contextidr),
		     "=&r" (s->fpcr));
}

static void make_pattern(struct state *s, u64 seed)
{
	for (u64 i = 0; i < VECTORS; i++) {
		s->vectors[i][0] = seed * (2 * i + 1);
		s->vectors[i][1] = ~seed * (2 * i + 3);
	}
	s->tpidr_el0 = seed * 67;
	s->tpidrro_el0 = seed * 71;
	s->contextidr = (u32)seed;
	s->fpcr = seed & FPCR_PATTERN;
}

static void spin_for(u32 us)
{
	u64 end = guest_ticks() + guest_ns_to_ticks((u64)us * NS_PER_US);

	while (guest_ticks() < end)
		;
}

static u32 count_damaged(const struct request *req)
{
	static struct state want, got;
	u32 damaged = 0;

	make_pattern(&want, req->seed);
	load(&want);
	for (u32 i = 0; i < req->rounds; i++) {
		guest_yield();
		spin_for(req->spin);
		store(&got);
		if (memcmp(&want, &got, sizeof(want)) == 0)
			continue;
		damaged++;
		load(&want);
	}
	return damaged;
}

static void serve(const struct guest_msg *msg)
{
	struct guest_wire *tx = guest_tx();
	struct request req;
	u32 damaged;

	if (guest_msg_payload_len(msg) >= sizeof(req)) {
		memcpy(&req, guest_rx()->payload, sizeof(req));
		guest_msg_make_answer(msg);
		damaged = count_damaged(&req);
		memcpy(tx->payload + sizeof(req) - sizeof(damaged), &damaged, sizeof(damaged));
		guest_msg_send(msg->from, HF_MSG_HEADER + sizeof(req));
	}
	guest_msg_release();
}

void guest_main(void)
{
	struct guest_msg msg;

	asm volatile("msr cpacr_el1, %0; isb" : : "r" (CPACR_FPEN));
	guest_mailbox_init();
	for (;;) {
		if (guest_msg_wait(&msg))
			serve(&msg);
	}
}
