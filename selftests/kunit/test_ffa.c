// SPDX-License-Identifier: GPL-2.0-only
/*
 * Suite: what hf_ffa.c makes of registers, and which it hands over.
 *
 * Every answer is tried as 32 bits zero extended, sign extended and with rubbish in
 * the upper half, because hypervisors differ in that.
 */
#include "real_ffa.h"

#include <linux/errno.h>
#include <linux/irqflags.h>
#include <linux/limits.h>
#include <linux/string.h>
#include <asm/ptrace.h>
#include <asm/sysreg.h>

static void run(u16 vm, u16 vcpu, struct hf_ffa_exit *exit)
{
	local_irq_disable();
	hf_ffa_run(vm, vcpu, exit);
	local_irq_enable();
}

static u64 masks;

static void note_masks(struct arm_smccc_1_2_regs *res)
{
	masks = read_sysreg(daif);
	*res = cpu.answer;
}

/* EL2 sees through these; where interrupts are masked by priority it would not. */
static void guest_runs_with_interrupts_masked_in_pstate(struct kunit *test)
{
	const u64 all = PSR_D_BIT | PSR_A_BIT | PSR_I_BIT | PSR_F_BIT;
	struct hf_ffa_exit exit;
	bool disabled;

	cpu.decide = note_masks;
	local_irq_disable();
	hf_ffa_run(2, 0, &exit);
	disabled = irqs_disabled();
	local_irq_enable();
	KUNIT_EXPECT_EQ(test, all, masks & all);
	KUNIT_EXPECT_TRUE(test, disabled);
}

/* Numbers of the specification, not of hf_abi.h: a wrong one there shows here. */
static void calls_hand_over_what_the_specification_says(struct kunit *test)
{
	struct arm_smccc_1_2_regs none = { 0 };
	struct hf_ffa_exit exit;

#define EXPECT_ARGS(call, ...) do {							\
	struct arm_smccc_1_2_regs expected_ = { __VA_ARGS__ };				\
											\
	cpu.args = none;								\
	call;										\
	KUNIT_EXPECT_TRUE_MSG(test, !memcmp(&expected_, &cpu.args, sizeof(expected_)),	\
			      #call ": %lx %lx %lx %lx %lx", cpu.args.a0, cpu.args.a1,	\
			      cpu.args.a2, cpu.args.a3, cpu.args.a4);			\
} while (0)
	EXPECT_ARGS(hf_ffa_rxtx_map(0x123456789000, 0xabcdef012000),
		    0xc4000066, 0x123456789000, 0xabcdef012000, 1);
	EXPECT_ARGS(hf_ffa_rxtx_unmap(), 0x84000067);
	EXPECT_ARGS(hf_ffa_vm_exists(2), 0xff05, 2, 0, 1);
	hf_ffa_features.notifications = true;
	EXPECT_ARGS(hf_ffa_vm_exists(2), 0x84000081, 0x10002, 0, 0, 0x80000000);
	EXPECT_ARGS(hf_ffa_vm_exists(0x7fff), 0x84000081, 0x17fff, 0, 0, 0x80000000);
	cpu.answer.a0 = 0x84000061;
	EXPECT_ARGS(hf_ffa_rx_full(), 0x84000082, 0x00001, 8);
	EXPECT_ARGS(hf_ffa_rx_release(), 0x84000065);
	EXPECT_ARGS(hf_ffa_msg_send(2, 4096, false), 0x8400006e, 0x10002, 0, 4096, 0);
	EXPECT_ARGS(hf_ffa_msg_send(0x7fff, 0, true), 0x8400006e, 0x17fff, 0, 0, 1);
	EXPECT_ARGS(hf_ffa_msg_send(0xffff, 16, true), 0x8400006e, 0x1ffff, 0, 16, 1);
	EXPECT_ARGS(run(2, 3, &exit), 0x8400006d, 0x20003);
	EXPECT_ARGS(run(0xfffe, 0xffff, &exit), 0x8400006d, 0xfffeffff);
	EXPECT_ARGS(hf_ffa_mailbox_writable_get(), 0xff01);
	EXPECT_ARGS(hf_ffa_mailbox_waiter_get(7), 0xff02, 7);
	EXPECT_ARGS(hf_ffa_interrupt_inject(2, 3, 1), 0xff05, 2, 3, 1);
	EXPECT_ARGS(hf_ffa_notification_set(2, BIT_ULL(33) | 1), 0x84000081, 0x10002, 0, 1, 2);
	EXPECT_ARGS(hf_ffa_notification_bind(2, BIT_ULL(33) | 1), 0x8400007f, 0x20001, 0, 1, 2);
	EXPECT_ARGS(hf_ffa_notification_unbind(2, 4), 0x84000080, 0x20001, 0, 4, 0);
	EXPECT_ARGS(hf_ffa_notification_get(), 0x84000082, 0x00001, 2);
#undef EXPECT_ARGS
}

static int errno_of(int code)
{
	switch (code) {
	case -1:
		return -EOPNOTSUPP;
	case -2:
		return -EINVAL;
	case -3:
		return -ENOMEM;
	case -4:
	case -7:
		return -EAGAIN;
	case -6:
		return -EACCES;
	default:
		return -EIO;
	}
}

/* Each call that answers with success or an error, by number. */
static int status_call(int i)
{
	switch (i) {
	case 0:
		return hf_ffa_rxtx_unmap();
	case 1:
		return hf_ffa_rx_release();
	case 2:
		return hf_ffa_msg_send(2, 16, true);
	default:
		return hf_ffa_rxtx_map(0x1000, 0x2000);
	}
}

static void each_error_code_becomes_its_errno(struct kunit *test)
{
	int call, code, f, g;

	for (call = 0; call < 4; call++)
		for (code = 0; code < REAL_CODES; code++)
			for (f = 0; f < REAL_FORMS; f++)
				for (g = 0; g < REAL_FORMS; g++) {
					int expected = errno_of(real_codes[code]);

					/* FFA_ERROR without a code tells nothing. */
					if (!real_codes[code])
						continue;
					if (call == 3 && real_codes[code] == -6)
						expected = -EBUSY;
					cpu.answer.a0 = real_form(f, 0x84000060);
					cpu.answer.a2 = real_form(g, real_codes[code]);
					KUNIT_EXPECT_EQ_MSG(test, expected, status_call(call),
							    "call %d, code %d, x0 %s, x2 %s", call,
							    real_codes[code], real_forms[f],
							    real_forms[g]);
				}
}

static void error_without_a_code_is_no_success(struct kunit *test)
{
	int call;

	cpu.answer.a0 = 0x84000060;
	for (call = 0; call < 4; call++)
		KUNIT_EXPECT_LT_MSG(test, status_call(call), 0, "call %d", call);
}

static void answers_that_are_none_are_errors(struct kunit *test)
{
	static const u64 nonsense[] = { 0, 1, 0xffffffff, ~0ULL, 0x84000063, 0x8400006e, 0xc4000061,
					0x84000062 };
	int call, i;

	for (call = 0; call < 4; call++)
		for (i = 0; i < ARRAY_SIZE(nonsense); i++) {
			cpu.answer.a0 = nonsense[i];
			KUNIT_EXPECT_EQ_MSG(test, -EOPNOTSUPP, status_call(call),
					    "call %d, x0 %llx", call, nonsense[i]);
		}
}

static void success_is_success_in_every_form(struct kunit *test)
{
	int call, f;

	for (call = 0; call < 4; call++)
		for (f = 0; f < REAL_FORMS; f++) {
			cpu.answer.a0 = real_form(f, 0x84000061);
			KUNIT_EXPECT_EQ_MSG(test, 0, status_call(call), "call %d, x0 %s", call,
					    real_forms[f]);
		}
}

static void release_that_others_wait_for_says_so(struct kunit *test)
{
	int f;

	for (f = 0; f < REAL_FORMS; f++) {
		cpu.answer.a0 = real_form(f, 0x84000065);
		KUNIT_EXPECT_EQ_MSG(test, 1, hf_ffa_rx_release(), "x0 %s", real_forms[f]);
	}
}

/* A VM that exists refuses the notification: nobody has bound it. */
static void vm_exists_if_it_may_not_be_notified(struct kunit *test)
{
	int code, f, g;

	hf_ffa_features.notifications = true;
	for (code = 0; code < REAL_CODES; code++)
		for (f = 0; f < REAL_FORMS; f++)
			for (g = 0; g < REAL_FORMS; g++) {
				if (!real_codes[code])
					continue;
				cpu.answer.a0 = real_form(f, 0x84000060);
				cpu.answer.a2 = real_form(g, real_codes[code]);
				KUNIT_EXPECT_EQ_MSG(test, real_codes[code] == -6,
						    hf_ffa_vm_exists(2), "code %d",
						    real_codes[code]);
			}
	cpu.answer.a0 = 0x84000061;
	KUNIT_EXPECT_TRUE_MSG(test, hf_ffa_vm_exists(2), "it has bound it");
	cpu.answer.a0 = 0x84000081;
	KUNIT_EXPECT_FALSE_MSG(test, hf_ffa_vm_exists(2), "there is no such call");
	cpu.answer.a0 = -1;
	KUNIT_EXPECT_FALSE_MSG(test, hf_ffa_vm_exists(2), "there is no such call");
}

/* That there is one VM less than was asked for is not the end of injections. */
static void vm_exists_if_its_first_vcpu_can_be_interrupted(struct kunit *test)
{
	cpu.answer.a0 = 0;
	KUNIT_EXPECT_TRUE(test, hf_ffa_vm_exists(2));
	cpu.answer.a0 = 1;
	KUNIT_EXPECT_TRUE(test, hf_ffa_vm_exists(2));
	cpu.answer.a0 = -1;
	KUNIT_EXPECT_FALSE(test, hf_ffa_vm_exists(2));
	KUNIT_EXPECT_TRUE(test, hf_ffa_features.injection);
}

/* Raw answers of FFA_RUN and what they mean. */
static const struct {
	u64 a0, a1, a2, a3;
	struct hf_ffa_exit exit;
} runs[] = {
	{ 0x84000062, 0x20003, 0, 0, { 0x84000062, 0, 2, 3 } },
	{ 0x8400006c, 0, 0, 0, { 0x8400006c } },
	{ 0x8400006c, 0x20000, 5000, 0, { 0x8400006c, 0, 2, .timeout_ns = 5000 } },
	{ 0x8400006c, 0, 5, 3, { 0x8400006c, .len = 3, .timeout_ns = 0x300000005 } },
	{ 0x8400006c, 0, ~0ULL, ~0ULL, { 0x8400006c, .len = U32_MAX, .timeout_ns = U64_MAX } },
	{ 0x8400006c, 0, 0xdeadbeef00000005, 0xdeadbeef00000003,
	  { 0x8400006c, .len = 3, .timeout_ns = 0x300000005 } },
	{ 0x8400006b, 0, 0, 0, { 0x8400006b } },
	{ 0x8400006b, 0x20000, 1000000, 0, { 0x8400006b, .vm = 2, .timeout_ns = 1000000 } },
	{ 0xff06, 0x20001, ~0ULL, 0, { 0xff06, 0, 2, 1, .timeout_ns = ~0ULL } },
	{ 0xff07, 0x70001, 0, 0, { 0xff07, 0, 7, 1 } },
	{ 0x8400006e, 0x20001, 0, 4096, { 0x8400006e, 0, 2, 1, 4096 } },
	{ 0x8400006e, 0xfffefffd, 0, ~0ULL, { 0x8400006e, 0, 0xfffe, 0xfffd, U32_MAX } },
	{ 0x84000065, 0x20000, 0, 0, { 0x84000065, 0, 2 } },
	{ 0x84000060, 0, 0xfffffff8, 0, { 0x84000060, -8, .timeout_ns = 0xfffffff8 } },
	{ 0xffffffff84000060, 0, -8, 0, { 0x84000060, -8, .timeout_ns = -8 } },
	{ 0x0000000184000060, 0, 0xdeadbeeffffffffe, 0,
	  { 0x84000060, -2, .timeout_ns = 0xdeadbeeffffffffe } },
	{ 0xffffffff84000062, 0xffffffff80020003, 0, 0, { 0x84000062, 0, 0x8002, 3 } },
	{ 0xdeadbeef84000062, 0xdeadbeef00020003, 0, 0, { 0x84000062, 0, 2, 3 } },
	{ 0, 0, 0, 0, { 0 } },
	{ ~0ULL, ~0ULL, ~0ULL, ~0ULL, { U32_MAX, 0, 0xffff, 0xffff, U32_MAX, U64_MAX } },
	{ 0x84000061, 0, 0xfffffffe, 0, { 0x84000061, .timeout_ns = 0xfffffffe } },
};

static void each_answer_of_run_becomes_its_exit(struct kunit *test)
{
	int i;

	for (i = 0; i < ARRAY_SIZE(runs); i++) {
		const struct hf_ffa_exit *expected = &runs[i].exit;
		struct hf_ffa_exit exit;

		memset(&exit, 0x5a, sizeof(exit));
		cpu.answer = (struct arm_smccc_1_2_regs){
			runs[i].a0, runs[i].a1, runs[i].a2, runs[i].a3,
		};
		run(2, 0, &exit);
		KUNIT_EXPECT_EQ_MSG(test, expected->func, exit.func, "row %d", i);
		KUNIT_EXPECT_EQ_MSG(test, expected->error, exit.error, "row %d", i);
		KUNIT_EXPECT_EQ_MSG(test, expected->vm, exit.vm, "row %d", i);
		KUNIT_EXPECT_EQ_MSG(test, expected->vcpu, exit.vcpu, "row %d", i);
		KUNIT_EXPECT_EQ_MSG(test, expected->len, exit.len, "row %d", i);
		KUNIT_EXPECT_EQ_MSG(test, expected->timeout_ns, exit.timeout_ns, "row %d", i);
	}
}

static void each_error_code_of_run_arrives_in_every_form(struct kunit *test)
{
	struct hf_ffa_exit exit;
	int code, f, g;

	for (code = 0; code < REAL_CODES; code++)
		for (f = 0; f < REAL_FORMS; f++)
			for (g = 0; g < REAL_FORMS; g++) {
				cpu.answer.a0 = real_form(f, 0x84000060);
				cpu.answer.a2 = real_form(g, real_codes[code]);
				run(2, 0, &exit);
				KUNIT_EXPECT_EQ(test, FFA_ERROR, exit.func);
				KUNIT_EXPECT_EQ_MSG(test, real_codes[code], exit.error,
						    "x0 %s, x2 %s", real_forms[f], real_forms[g]);
			}
}

static void mailbox_lists_end_with_minus_one(struct kunit *test)
{
	cpu.answer.a0 = -1;
	KUNIT_EXPECT_EQ(test, -1LL, hf_ffa_mailbox_writable_get());
	KUNIT_EXPECT_EQ(test, -1LL, hf_ffa_mailbox_waiter_get(1));
	cpu.answer.a0 = 7;
	KUNIT_EXPECT_EQ(test, 7LL, hf_ffa_mailbox_writable_get());
	KUNIT_EXPECT_EQ(test, 7LL, hf_ffa_mailbox_waiter_get(1));
}

/* Hafnium v2.15 leaves the number of a call that it does not know in x0. */
static void call_that_returns_its_own_number_is_none(struct kunit *test)
{
	cpu.answer.a0 = 0xff01;
	KUNIT_EXPECT_EQ(test, -1LL, hf_ffa_mailbox_writable_get());
	KUNIT_EXPECT_EQ(test, 0xff01LL, hf_ffa_mailbox_waiter_get(1));
	cpu.answer.a0 = 0xff02;
	KUNIT_EXPECT_EQ(test, -1LL, hf_ffa_mailbox_waiter_get(1));
	cpu.answer.a0 = 0xff05;
	KUNIT_EXPECT_EQ(test, -EOPNOTSUPP, hf_ffa_interrupt_inject(2, 0, 1));
	KUNIT_EXPECT_FALSE(test, real_ffa_features.injection);
}

static void injection_answers_whether_to_run(struct kunit *test)
{
	cpu.answer.a0 = 0;
	KUNIT_EXPECT_EQ(test, 0, hf_ffa_interrupt_inject(2, 0, 1));
	cpu.answer.a0 = 1;
	KUNIT_EXPECT_EQ(test, 1, hf_ffa_interrupt_inject(2, 0, 1));
}

static void injection_is_given_up_when_the_first_vcpu_refuses_it(struct kunit *test)
{
	cpu.answer.a0 = -1;
	KUNIT_EXPECT_EQ(test, -EOPNOTSUPP, hf_ffa_interrupt_inject(2, 3, 1));
	KUNIT_EXPECT_TRUE_MSG(test, real_ffa_features.injection, "vCPU 3 may not exist");
	KUNIT_EXPECT_EQ(test, -EOPNOTSUPP, hf_ffa_interrupt_inject(2, 0, 1));
	KUNIT_EXPECT_FALSE(test, real_ffa_features.injection);

	KUNIT_EXPECT_EQ_MSG(test, 4, cpu.calls, "one refusal is not believed");

	cpu.calls = 0;
	KUNIT_EXPECT_EQ(test, -EOPNOTSUPP, hf_ffa_interrupt_inject(2, 0, 1));
	KUNIT_EXPECT_EQ_MSG(test, 0, cpu.calls, "it is not tried again");
}

static struct kunit_case ffa_cases[] = {
	KUNIT_CASE(calls_hand_over_what_the_specification_says),
	KUNIT_CASE(guest_runs_with_interrupts_masked_in_pstate),
	KUNIT_CASE(each_error_code_becomes_its_errno),
	KUNIT_CASE(error_without_a_code_is_no_success),
	KUNIT_CASE(answers_that_are_none_are_errors),
	KUNIT_CASE(success_is_success_in_every_form),
	KUNIT_CASE(release_that_others_wait_for_says_so),
	KUNIT_CASE(vm_exists_if_it_may_not_be_notified),
	KUNIT_CASE(vm_exists_if_its_first_vcpu_can_be_interrupted),
	KUNIT_CASE(each_answer_of_run_becomes_its_exit),
	KUNIT_CASE(each_error_code_of_run_arrives_in_every_form),
	KUNIT_CASE(mailbox_lists_end_with_minus_one),
	KUNIT_CASE(call_that_returns_its_own_number_is_none),
	KUNIT_CASE(injection_answers_whether_to_run),
	KUNIT_CASE(injection_is_given_up_when_the_first_vcpu_refuses_it),
	{}
};

static struct kunit_suite ffa = {
	.name = "hafnium_ffa",
	.init = real_ffa_init,
	.test_cases = ffa_cases,
};

kunit_test_suite(ffa);
