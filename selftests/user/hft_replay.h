/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the replays of lost wake-ups share: a fresh load of the module, a vCPU's
 * thread on a CPU of its own, the hypervisor's holds, and a verdict.
 *
 * The test runs on REPLAY_CPU_TEST, the vCPU in question on REPLAY_CPU_VCPU:
 * that one spins at EL2 while the vCPU is held, for 2 seconds at most. An
 * attempt in which the vCPU did not come to the wanted place, or left it too
 * early, is void and repeated; it proves nothing. A reply that does not come
 * within REPLAY_PATIENCE_MS, or comes only because the module's stall detector
 * stepped in, is lost.
 */
#ifndef HFT_REPLAY_H
#define HFT_REPLAY_H

#include "hft.h"

#define REPLAY_CPU_TEST		0
#define REPLAY_CPU_VCPU		1
#define REPLAY_PATIENCE_MS	3000

/* FF-A and Hafnium numbers, written out from the specification. */
#define REPLAY_FFA_ERROR	0x84000060
#define REPLAY_FFA_INTERRUPT	0x84000062
#define REPLAY_FFA_MSG_WAIT	0x8400006b
#define REPLAY_HF_INJECT	0xff05
#define REPLAY_HF_WFI		0xff06
#define REPLAY_HF_WAKE_UP	0xff07
#define REPLAY_INVALID		((uint32_t)-2)

enum replay_outcome { REPLAY_OK, REPLAY_VOID, REPLAY_LOST };

struct replay {
	unsigned int vm;
	unsigned int vcpu;
	uint32_t id;		/* both, as the test calls want them */
	int fd;			/* connected to the VM */
	int log;
	uint32_t sent, received;
	int64_t sent_ns;	/* when the last message was sent; hft_ticks_ns() */
	int64_t took_ns;	/* from then to the last reply */
	int64_t fastest_ns;	/* of the good attempts */
};

/* The nth (from 0) guest of that name with that many vCPUs, NULL if there is none. */
const struct hft_guest *replay_guest(const char *name, unsigned int vcpus,
				     unsigned int nth);

/*
 * Loads the module with just these VMs ("2:1,3:4"), the parameters in the
 * environment (hf_params) and more. An old load goes first. 0 or -1.
 */
int replay_load(const char *vms, const char *more);

/* Opens what r needs to watch and to talk to vcpu of vm, which is loaded. */
int replay_open(struct replay *r, unsigned int vm, unsigned int vcpu);
void replay_close(struct replay *r);

/* Waits until the vCPU's thread sleeps, then puts it where it can be held. */
int replay_settle(unsigned int vm, unsigned int vcpu);
int replay_pin(unsigned int vm, unsigned int vcpu, unsigned int cpu);

/*
 * From here on nothing sleeps between two looks: where CPU 0 is held, the timers
 * of a CPU without a tick are held with it.
 */
void replay_stay_awake(bool awake);

/* Before an exit is forged that the next load has to see. 0 or -1. */
int replay_unload(void);

/*
 * replay_load(), replay_open() and replay_settle() in one, for a VM that has
 * run before. The thread's first run is forged to end in a short sleep, so that
 * the driver has never seen any vCPU of this VM wait for a message.
 */
int replay_fresh(struct replay *r, unsigned int vm, unsigned int vcpus,
		 unsigned int vcpu);
/* The same with its first runs as they are: it has been seen waiting. */
int replay_seen(struct replay *r, unsigned int vm, unsigned int vcpus,
		unsigned int vcpu);

/* A word of the vCPU's line in debugfs: is it that? Waits for it up to ms. */
bool replay_is(const struct replay *r, const char *key, const char *value,
	       unsigned int ms);
/* Waits until the vCPU's thread sleeps. 0, or -1 after lines that say what it does. */
int replay_rest(const struct replay *r);
int64_t replay_count(const struct replay *r, const char *key);

/* Holds; 0 or -1. replay_held() waits until the vCPU is held there. */
int replay_hold(const struct replay *r, uint32_t point, unsigned int skip);
int replay_held(const struct replay *r, uint32_t point);
/* -1 = was not held any more: the attempt is void. */
int replay_go(const struct replay *r);

/* The next run ends like this. */
int replay_forge(const struct replay *r, uint64_t w0, uint64_t w1, uint64_t w2);
/*
 * Another VM, which is loaded and echoes; its thread stays where the test runs,
 * and its exits are forged to name the vCPU in question.
 */
int replay_helper(struct replay *helper, unsigned int vm);
/* Has the driver make a request of r's vCPU. */
int replay_wake(const struct replay *r, struct replay *helper);

/* Numbered messages; a reply has to be the next one. 0 or -1, a line says why. */
int replay_send(struct replay *r);
/* The same by a send() that may block, and so may run the vCPU itself. */
int replay_send_and_wait(struct replay *r);
int replay_reply(struct replay *r);
/* All replies that are due, and no stall was reported meanwhile. */
int replay_finish(struct replay *r);
/* Lines of the stall detector since replay_open(). */
int replay_stalls(struct replay *r);

/* Runs attempts until `wanted` were good. 0, or -1: one was lost, or all void. */
int replay_attempts(struct replay *r, unsigned int wanted,
		    enum replay_outcome (*attempt)(struct replay *r));

/* Declares var; for use inside TEST(). */
#define REPLAY_NEED(var, name, vcpus, nth) \
	const struct hft_guest *var = replay_guest(name, vcpus, nth); \
	HFT_NEED_TESTCALL(); \
	HFT_NEED_CPUS(2); \
	if (!var) \
		HFT_SKIP("no guest %s with %u vCPUs, number %u, in this boot", \
			 name, vcpus, nth)

#endif
