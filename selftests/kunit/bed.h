/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The bed of most suites: the driver, all but module init, on the fake hypervisor.
 */
#ifndef HF_KUNIT_BED_H
#define HF_KUNIT_BED_H

#include <kunit/test.h>
#include <linux/delay.h>
#include <linux/net.h>
#include <hf/socket.h>

#include "../../hf_mailbox.h"
#include "../../hf_rx.h"
#include "fake.h"

/*
 * The suite's init and exit: pages mapped, sockets registered, no VM; and all
 * of it undone, whatever the test left. The end fails the test if the driver
 * broke a rule of the fake.
 */
int bed_init(struct kunit *test);
void bed_read_mutant_early(void);
void bed_exit(struct kunit *test);

/* A VM whose threads exist but do not run before bed_start(). All of its vCPUs are on. */
struct hf_vm *bed_vm(struct kunit *test, u16 id, u16 nr_vcpus);

/* The same as at boot: all but the first are off. */
struct hf_vm *bed_vm_booted(struct kunit *test, u16 id, u16 nr_vcpus);

/* The same, and its only vCPU. */
struct hf_vcpu *bed_vcpu(struct kunit *test, u16 id);
void bed_start(void);

/* From now on only bed_retry() does what the driver does for a VM now and then. */
void bed_stop_clock(struct hf_vm *vm);
void bed_retry(struct hf_vm *vm);

/* Wait until @condition holds; false if it does not within a long time. */
#define bed_eventually(condition) ({					\
	int tries_ = 4000;						\
									\
	while (!(condition) && --tries_)				\
		usleep_range(1000, 2000);				\
	tries_ > 0;							\
})

/* Whether the thread sleeps and has nothing that it should look at. */
bool bed_is_blocked(const struct hf_vcpu *vcpu);

/* Wait until it is. */
#define BED_EXPECT_BLOCKED(test, vcpu)	\
	KUNIT_EXPECT_TRUE(test, bed_eventually(bed_is_blocked(vcpu)))

/* FFA_RUNs of a vCPU that ended. */
static inline int bed_runs(const struct hf_vcpu *vcpu)
{
	return READ_ONCE(fake_vcpu(vcpu)->runs);
}

/* Functions, because KUnit prints what a macro expands to. */
static inline bool bed_requested(const struct hf_vcpu *vcpu, enum hf_vcpu_request request)
{
	return READ_ONCE(vcpu->requests) & BIT(request);
}

static inline bool bed_waits(const struct hf_vm *vm, int index)
{
	return READ_ONCE(*vm->waiting) & BIT(index);
}

/* The section of an exit by hand: the message, if it brings one, is taken, not delivered. */
void bed_take(struct hf_vcpu *vcpu, enum hf_exit_kind kind, const struct hf_ffa_exit *exit);
/* What the primary hears of an exit by hand, without a thread; the same in a few words. */
void bed_hear(struct hf_vcpu *vcpu, enum hf_exit_kind kind, const struct hf_ffa_exit *exit);
void bed_exit_by_hand(struct hf_vcpu *vcpu, enum hf_exit_kind kind, u16 sender, u16 receiver,
		      u32 len);

/* What hf_wait_end() says of an entry by hand. */
bool bed_enter_by_hand(struct hf_vcpu *vcpu, unsigned long requests);

/* A message from a VM, header included, for the RX page. Lives until the test's end. */
void *bed_message(struct kunit *test, u64 src_port, u64 dst_port, const void *payload, size_t len);

/* As if @vcpu's guest had sent that message and FFA_RUN had told. */
void bed_receive(struct kunit *test, struct hf_vcpu *vcpu, u64 src_port, u64 dst_port,
		 const void *payload, size_t len);

/* A socket as userspace would have it; closed at the test's end if it is still open. */
struct socket *bed_socket(struct kunit *test);
void bed_close(struct socket *sock);
void bed_close_all(void);

/* bind(), connect() and so on; what the system calls return. */
int bed_bind(struct socket *sock, u16 vm_id, u64 port);
int bed_connect(struct socket *sock, u16 vm_id, u64 port);
u64 bed_port(struct socket *sock);
int bed_send(struct socket *sock, const void *data, size_t len, int flags);
int bed_send_to(struct socket *sock, u16 vm_id, u64 port, const void *data, size_t len, int flags);
/* @from may be NULL. */
int bed_recv(struct socket *sock, void *data, size_t len, int flags, struct hf_sockaddr *from);

/* A send() or recv() that may wait, in a thread of its own. */
struct bed_call {
	struct socket *sock;
	void *data;
	size_t len;
	int (*call)(struct bed_call *call);
	int ret;
	bool ended;
	struct task_struct *task;
};

/* Begin it. Returns when it waits, or is over. */
struct bed_call *bed_begin_send(struct kunit *test, struct socket *sock, size_t len);
struct bed_call *bed_begin_recv(struct kunit *test, struct socket *sock, size_t len);

/* What it returned; -ETIME if it does not return. Then the death of @vcpu's VM ends it. */
int bed_end_call(struct kunit *test, struct bed_call *call, struct hf_vcpu *vcpu);

#endif
