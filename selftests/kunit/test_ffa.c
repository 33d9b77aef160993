// SPDX-License-Identifier: GPL-2.0-only
/*
 * Suite: what hf_ffa.c makes of registers, and which it hands over.
 *
 * Contains the real hf_ffa.c, with another instruction in the place of HVC:
 * it notes the arguments and answers with what the test has put there. Every
 * answer is tried as 32 bits zero extended, sign extended and with rubbish in
 * the upper half, because hypervisors differ in that.
 */
#include <kunit/test.h>

#include "real_ffa.h"

#include <linux/arm-smccc.h>
#include <linux/errno.h>
#include <linux/limits.h>
#include <linux/preempt.h>
#include <linux/printk.h>
#include <linux/string.h>
#include <asm/sysreg.h>
#include <asm/virt.h>

static struct {
	/* Set by tests. */
	u64 pfr0;
	bool in_hyp_mode;
	struct arm_smccc_1_2_regs answer;
	u32 features[6];		/* functions that FFA_FEATURES knows */
	u32 version;			/* what FFA_VERSION answers, if probed */
	u32 refuses_below;		/* it answers -1 to older versions, and to newer */
	u64 id[3];			/* x0..x2 of FFA_ID_GET, if probed */
	bool probing;
	void (*decide)(struct arm_smccc_1_2_regs *res);
	/* Read by tests. */
	struct arm_smccc_1_2_regs args;
	int calls;
	u32 asked[4];			/* FFA_VERSION was asked for this */
	int versions_asked;
	bool asked_before;		/* something else was asked before the version */
} cpu;

static void probe_answer(struct arm_smccc_1_2_regs *res)
{
	int i;

	*res = (struct arm_smccc_1_2_regs){ .a0 = 0x84000060, .a2 = (u32)-1 };
	if (cpu.args.a0 == 0x84000063) {
		u32 asked = cpu.args.a1;

		if (cpu.versions_asked < ARRAY_SIZE(cpu.asked))
			cpu.asked[cpu.versions_asked] = asked;
		cpu.versions_asked++;
		res->a0 = cpu.version;
		if (cpu.refuses_below && (asked < cpu.refuses_below || asked > cpu.version))
			res->a0 = U32_MAX;
		return;
	}
	cpu.asked_before |= !cpu.versions_asked;
	if (cpu.args.a0 == 0x84000069) {
		res->a0 = cpu.id[0];
		res->a1 = cpu.id[1];
		res->a2 = cpu.id[2];
	}
	for (i = 0; i < ARRAY_SIZE(cpu.features); i++) {
		if (cpu.args.a0 == 0x84000064 && cpu.args.a1 == cpu.features[i])
			res->a0 = 0x84000061;
	}
}

static void hvc_1_2(const struct arm_smccc_1_2_regs *args, struct arm_smccc_1_2_regs *res)
{
	cpu.args = *args;
	cpu.calls++;
	if (cpu.decide)
		cpu.decide(res);
	else if (cpu.probing)
		probe_answer(res);
	else
		*res = cpu.answer;
}

static void hvc_1_1(u64 func, u64 a1, u64 a2, u64 a3, struct arm_smccc_res *res)
{
	struct arm_smccc_1_2_regs regs = { .a0 = func, .a1 = a1, .a2 = a2, .a3 = a3 };

	hvc_1_2(&regs, &regs);
	*res = (struct arm_smccc_res){ regs.a0, regs.a1, regs.a2, regs.a3 };
}

#undef pr_fmt
#undef read_sysreg_s
#undef arm_smccc_1_1_hvc
#define read_sysreg_s(reg)	cpu.pfr0
#define is_kernel_in_hyp_mode()	cpu.in_hyp_mode
#define arm_smccc_1_1_hvc	hvc_1_1
#define arm_smccc_1_2_hvc	hvc_1_2
#include "../../hf_ffa.c"

/* The forms in which 32 bits may come in a register. */
static const struct {
	const char *name;
	u64 or_mask;
	bool sign;
} forms[] = {
	{ "zero extended" },
	{ "sign extended", .sign = true },
	{ "rubbish above", .or_mask = 0xdeadbeef00000000 },
};

static u64 form(int i, u32 value)
{
	return (forms[i].sign ? (u64)(s64)(s32)value : value) | forms[i].or_mask;
}

/* The codes of the specification, and some that are none. */
static const int codes[] = { -1, -2, -3, -4, -5, -6, -7, -8, -9, -10, 0, 1, INT_MIN, INT_MAX };

static int ffa_init(struct kunit *test)
{
	memset(&cpu, 0, sizeof(cpu));
	cpu.pfr0 = 0x1100;
	cpu.version = 0x10001;
	cpu.id[0] = 0x84000061;
	cpu.id[2] = 1;
	real_ffa_features = (struct hf_ffa_features){ .injection = true };
	return 0;
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
	EXPECT_ARGS(hf_ffa_partition_info_get(), 0x84000068);
	EXPECT_ARGS(hf_ffa_vm_exists(2), 0x84000081, 0x10002, 0, 0, 0x80000000);
	EXPECT_ARGS(hf_ffa_vm_exists(0x7fff), 0x84000081, 0x17fff, 0, 0, 0x80000000);
	cpu.answer.a0 = 0x84000061;
	EXPECT_ARGS(hf_ffa_rx_full(), 0x84000082, 0x00001, 8);
	EXPECT_ARGS(hf_ffa_rx_release(), 0x84000065);
	EXPECT_ARGS(hf_ffa_msg_send(2, 4096, false), 0x8400006e, 0x10002, 0, 4096, 0);
	EXPECT_ARGS(hf_ffa_msg_send(0x7fff, 0, true), 0x8400006e, 0x17fff, 0, 0, 1);
	EXPECT_ARGS(hf_ffa_msg_send(0xffff, 16, true), 0x8400006e, 0x1ffff, 0, 16, 1);
	EXPECT_ARGS(hf_ffa_run(2, 3, &exit), 0x8400006d, 0x20003);
	EXPECT_ARGS(hf_ffa_run(0xfffe, 0xffff, &exit), 0x8400006d, 0xfffeffff);
	EXPECT_ARGS(hf_ffa_mailbox_writable_get(), 0xff01);
	EXPECT_ARGS(hf_ffa_mailbox_waiter_get(7), 0xff02, 7);
	EXPECT_ARGS(hf_ffa_interrupt_inject(2, 3, 1), 0xff05, 2, 3, 1);
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
	case 3:
		return hf_ffa_partition_info_get();
	default:
		return hf_ffa_rxtx_map(0x1000, 0x2000);
	}
}

static void each_error_code_becomes_its_errno(struct kunit *test)
{
	int call, code, f, g;

	for (call = 0; call < 5; call++)
		for (code = 0; code < ARRAY_SIZE(codes); code++)
			for (f = 0; f < ARRAY_SIZE(forms); f++)
				for (g = 0; g < ARRAY_SIZE(forms); g++) {
					int expected = errno_of(codes[code]);

					/* FFA_ERROR without a code tells nothing. */
					if (!codes[code])
						continue;
					if (call == 4 && codes[code] == -6)
						expected = -EBUSY;
					cpu.answer.a0 = form(f, 0x84000060);
					cpu.answer.a2 = form(g, codes[code]);
					KUNIT_EXPECT_EQ_MSG(test, expected, status_call(call),
							    "call %d, code %d, x0 %s, x2 %s", call,
							    codes[code], forms[f].name,
							    forms[g].name);
				}
}

static void error_without_a_code_is_no_success(struct kunit *test)
{
	int call;

	cpu.answer.a0 = 0x84000060;
	for (call = 0; call < 5; call++)
		KUNIT_EXPECT_LT_MSG(test, status_call(call), 0, "call %d", call);
}

static void answers_that_are_none_are_errors(struct kunit *test)
{
	static const u64 nonsense[] = { 0, 1, 0xffffffff, ~0ULL, 0x84000063, 0x8400006e, 0xc4000061,
					0x84000062 };
	int call, i;

	for (call = 0; call < 5; call++)
		for (i = 0; i < ARRAY_SIZE(nonsense); i++) {
			cpu.answer.a0 = nonsense[i];
			KUNIT_EXPECT_EQ_MSG(test, -EOPNOTSUPP, status_call(call),
					    "call %d, x0 %llx", call, nonsense[i]);
		}
}

static void success_is_success_in_every_form(struct kunit *test)
{
	int call, f;

	for (call = 0; call < 5; call++)
		for (f = 0; f < ARRAY_SIZE(forms); f++) {
			cpu.answer.a0 = form(f, 0x84000061);
			KUNIT_EXPECT_EQ_MSG(test, 0, status_call(call), "call %d, x0 %s", call,
					    forms[f].name);
		}
}

static void release_that_others_wait_for_says_so(struct kunit *test)
{
	int f;

	for (f = 0; f < ARRAY_SIZE(forms); f++) {
		cpu.answer.a0 = form(f, 0x84000065);
		KUNIT_EXPECT_EQ_MSG(test, 1, hf_ffa_rx_release(), "x0 %s", forms[f].name);
	}
}

static void partition_info_is_a_count(struct kunit *test)
{
	int f;

	for (f = 0; f < ARRAY_SIZE(forms); f++) {
		cpu.answer.a0 = 0x84000061;
		cpu.answer.a2 = form(f, 9);
		cpu.answer.a3 = form(f, 24);
		KUNIT_EXPECT_EQ(test, 9, hf_ffa_partition_info_get());
	}
}

/* A VM that exists refuses the notification: nobody has bound it. */
static void vm_exists_if_it_may_not_be_notified(struct kunit *test)
{
	int code, f, g;

	for (code = 0; code < ARRAY_SIZE(codes); code++)
		for (f = 0; f < ARRAY_SIZE(forms); f++)
			for (g = 0; g < ARRAY_SIZE(forms); g++) {
				if (!codes[code])
					continue;
				cpu.answer.a0 = form(f, 0x84000060);
				cpu.answer.a2 = form(g, codes[code]);
				KUNIT_EXPECT_EQ_MSG(test, codes[code] == -6, hf_ffa_vm_exists(2),
						    "code %d", codes[code]);
			}
	cpu.answer.a0 = 0x84000061;
	KUNIT_EXPECT_TRUE_MSG(test, hf_ffa_vm_exists(2), "it has bound it");
	cpu.answer.a0 = 0x84000081;
	KUNIT_EXPECT_FALSE_MSG(test, hf_ffa_vm_exists(2), "there is no such call");
	cpu.answer.a0 = -1;
	KUNIT_EXPECT_FALSE_MSG(test, hf_ffa_vm_exists(2), "there is no such call");
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
		hf_ffa_run(2, 0, &exit);
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

	for (code = 0; code < ARRAY_SIZE(codes); code++)
		for (f = 0; f < ARRAY_SIZE(forms); f++)
			for (g = 0; g < ARRAY_SIZE(forms); g++) {
				cpu.answer.a0 = form(f, 0x84000060);
				cpu.answer.a2 = form(g, codes[code]);
				hf_ffa_run(2, 0, &exit);
				KUNIT_EXPECT_EQ(test, FFA_ERROR, exit.func);
				KUNIT_EXPECT_EQ_MSG(test, codes[code], exit.error, "x0 %s, x2 %s",
						    forms[f].name, forms[g].name);
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

static void nothing_is_called_where_that_would_be_fatal(struct kunit *test)
{
	cpu.probing = true;
	cpu.in_hyp_mode = true;
	KUNIT_EXPECT_EQ(test, -ENODEV, hf_ffa_probe());
	cpu.in_hyp_mode = false;
	cpu.pfr0 = 0x0011;
	KUNIT_EXPECT_EQ(test, -ENODEV, hf_ffa_probe());
	KUNIT_EXPECT_EQ(test, 0, cpu.calls);
}

static void versions_other_than_one_are_no_hypervisor(struct kunit *test)
{
	static const u32 no[] = { 0, 1, 0xffff, 0x20000, 0x20001, 0xffffffff, 0x80010000,
				  0x0badca11, 0x84000060 };
	static const u32 yes[] = { 0x10000, 0x10001, 0x10002, 0x1ffff };
	int i;

	cpu.probing = true;
	for (i = 0; i < ARRAY_SIZE(no); i++) {
		cpu.version = no[i];
		KUNIT_EXPECT_EQ_MSG(test, -ENODEV, hf_ffa_probe(), "version %#x", no[i]);
	}
	for (i = 0; i < ARRAY_SIZE(yes); i++) {
		cpu.version = yes[i];
		KUNIT_EXPECT_EQ_MSG(test, 0, hf_ffa_probe(), "version %#x", yes[i]);
		KUNIT_EXPECT_EQ(test, yes[i], real_ffa_features.version);
	}
}

static void only_the_primary_is_accepted(struct kunit *test)
{
	static const u64 ids[] = { 0, 2, 0xffff, 0x8001 };
	int i, f;

	cpu.probing = true;
	for (i = 0; i < ARRAY_SIZE(ids); i++) {
		cpu.id[2] = ids[i];
		KUNIT_EXPECT_EQ_MSG(test, -EPERM, hf_ffa_probe(), "VM %llu", ids[i]);
	}
	for (f = 0; f < ARRAY_SIZE(forms); f++) {
		cpu.id[0] = form(f, 0x84000061);
		cpu.id[2] = form(f, 1);
		KUNIT_EXPECT_EQ_MSG(test, 0, hf_ffa_probe(), "x2 %s", forms[f].name);
	}
}

static void id_that_is_not_told_is_an_error(struct kunit *test)
{
	int i;

	cpu.probing = true;
	cpu.id[0] = 0x84000060;
	for (i = 0; i < ARRAY_SIZE(codes); i++) {
		if (!codes[i])
			continue;
		cpu.id[2] = (u32)codes[i];
		KUNIT_EXPECT_EQ_MSG(test, -EIO, hf_ffa_probe(), "code %d", codes[i]);
	}
}

static void version_is_asked_for_upwards_until_there_is_an_answer(struct kunit *test)
{
	static const struct {
		u32 refuses_below, version;
		int asked;
	} table[] = {
		{ 0, 0x10000, 1 }, { 0, 0x10001, 1 }, { 0, 0x10003, 1 },
		{ 0x10001, 0x10001, 2 }, { 0x10001, 0x10003, 2 },
		{ 0x10002, 0x10002, 3 }, { 0x10003, 0x10003, 4 },
	};
	int i, j;

	cpu.probing = true;
	for (i = 0; i < ARRAY_SIZE(table); i++) {
		cpu.refuses_below = table[i].refuses_below;
		cpu.version = table[i].version;
		cpu.versions_asked = 0;
		KUNIT_EXPECT_EQ_MSG(test, 0, hf_ffa_probe(), "row %d", i);
		KUNIT_EXPECT_EQ(test, table[i].version, real_ffa_features.version);
		KUNIT_EXPECT_EQ_MSG(test, table[i].asked, cpu.versions_asked, "row %d", i);
		for (j = 0; j < table[i].asked; j++)
			KUNIT_EXPECT_EQ(test, 0x10000U + j, cpu.asked[j]);
		KUNIT_EXPECT_FALSE_MSG(test, cpu.asked_before, "another call settles the version");
	}
	cpu.refuses_below = 0x10004;
	cpu.versions_asked = 0;
	KUNIT_EXPECT_EQ(test, -ENODEV, hf_ffa_probe());
	KUNIT_EXPECT_EQ(test, 4, cpu.versions_asked);
}

/*
 * FFA_RXTX_UNMAP 67, FFA_MSG_SEND 6e, FFA_NOTIFICATION_GET 82, FFA_MSG_SEND2 86 and
 * FFA_PARTITION_INFO_GET_REGS c400008b: who has what.
 */
static const struct {
	const char *hypervisor;
	u32 version;
	u32 functions[6];
	struct hf_ffa_features features;
} levels[] = {
	{ "v2.4", 0x10000, { 0x8400006e },
	  { .release = "v2.5 or older", .waiter_list = true, .injection = true } },
	{ "v2.6", 0x10001, { 0x8400006e, 0x84000067, 0x84000082 },
	  { .release = "v2.6 or v2.7", .notifications = true, .rxtx_unmap = true,
	    .injection = true } },
	{ "v2.8", 0x10001, { 0x8400006e, 0x84000067, 0x84000082, 0x84000086 },
	  { .release = "v2.8", .notifications = true, .send2 = true, .rxtx_unmap = true,
	    .injection = true } },
	{ "v2.9", 0x10001, { 0x8400006e, 0x84000067, 0x84000082, 0x84000086, 0xc400008b },
	  { .release = "v2.9 or v2.10", .notifications = true, .send2 = true,
	    .rx_overwrite = true, .hands_twice = true, .rxtx_unmap = true, .injection = true } },
	{ "v2.11", 0x10002, { 0x8400006e, 0x84000067, 0x84000082, 0x84000086, 0xc400008b },
	  { .release = "v2.11", .notifications = true, .send2 = true, .rx_overwrite = true,
	    .hands_twice = true, .rxtx_unmap = true, .injection = true } },
	{ "v2.12", 0x10002, { 0x84000067, 0x84000082, 0x84000086, 0xc400008b },
	  { .release = "v2.12 or later", .notifications = true, .send2 = true,
	    .rx_overwrite = true, .wait_returns = true, .rxtx_unmap = true } },
	{ "v2.14", 0x10003, { 0x84000067, 0x84000082, 0x84000086, 0xc400008b },
	  { .release = "v2.14 or later", .notifications = true, .send2 = true,
	    .rx_overwrite = true, .wait_returns = true, .restart_panics = true,
	    .rxtx_unmap = true } },
};

static void features_are_what_the_hypervisor_has(struct kunit *test)
{
	const struct hf_ffa_features *f = &real_ffa_features;
	int i;

	cpu.probing = true;
	for (i = 0; i < ARRAY_SIZE(levels); i++) {
		const struct hf_ffa_features *expected = &levels[i].features;
		const char *name = levels[i].hypervisor;

		cpu.version = levels[i].version;
		memcpy(cpu.features, levels[i].functions, sizeof(cpu.features));
		/* Whatever was true before. */
		memset(&real_ffa_features, 1, sizeof(real_ffa_features));
		KUNIT_EXPECT_EQ(test, 0, hf_ffa_probe());
		KUNIT_EXPECT_EQ(test, levels[i].version, f->version);
		KUNIT_EXPECT_STREQ(test, expected->release, f->release);
#define EXPECT_FEATURE(feature)	\
		KUNIT_EXPECT_EQ_MSG(test, expected->feature, f->feature, "%s", name)
		EXPECT_FEATURE(waiter_list);
		EXPECT_FEATURE(notifications);
		EXPECT_FEATURE(send2);
		EXPECT_FEATURE(rx_overwrite);
		EXPECT_FEATURE(hands_twice);
		EXPECT_FEATURE(wait_returns);
		EXPECT_FEATURE(restart_panics);
		EXPECT_FEATURE(rxtx_unmap);
		EXPECT_FEATURE(injection);
#undef EXPECT_FEATURE
	}
}

/* --- whether our mailbox was filled unseen --- */

/* What FFA_NOTIFICATION_GET wants to be asked with; anything else is refused. */
static u16 index_of_cpu;
static int get_calls;

static void answer_to_the_right_index(struct arm_smccc_1_2_regs *res)
{
	bool right = cpu.args.a0 == 0x84000082 && cpu.args.a1 == (index_of_cpu << 16 | 1) &&
		     cpu.args.a2 == 8;

	get_calls++;
	*res = (struct arm_smccc_1_2_regs){
		.a0 = right ? 0x84000061 : 0x84000060,
		.a2 = right ? 0 : (u32)-2,
		.a7 = right,
	};
}

/* On one CPU, for each remembers its own. */
static void cpu_is_asked_for_by_the_number_that_the_hypervisor_has_for_it(struct kunit *test)
{
	static const u16 indices[] = { 0, 1, 7, 3, 63, 0 };
	int i;

	migrate_disable();
	cpu.decide = answer_to_the_right_index;
	for (i = 0; i < ARRAY_SIZE(indices); i++) {
		index_of_cpu = indices[i];
		KUNIT_EXPECT_TRUE_MSG(test, hf_ffa_rx_full(), "index %u", indices[i]);
		get_calls = 0;
		KUNIT_EXPECT_TRUE(test, hf_ffa_rx_full());
		KUNIT_EXPECT_EQ_MSG(test, 1, get_calls, "it is remembered");
	}
	/* The hypervisor has none for it. */
	index_of_cpu = 64;
	get_calls = 0;
	KUNIT_EXPECT_FALSE(test, hf_ffa_rx_full());
	KUNIT_EXPECT_LE(test, get_calls, 65);
	migrate_enable();
}

static void mailbox_is_full_if_bit_0_of_w7_says_so(struct kunit *test)
{
	int code, f;

	for (f = 0; f < ARRAY_SIZE(forms); f++) {
		cpu.answer = (struct arm_smccc_1_2_regs){ .a0 = form(f, 0x84000061) };
		cpu.answer.a2 = ~0ULL;
		cpu.answer.a6 = ~0ULL;
		cpu.answer.a7 = 0xfffffffe;
		KUNIT_EXPECT_FALSE(test, hf_ffa_rx_full());
		cpu.answer.a7 = 1;
		KUNIT_EXPECT_TRUE(test, hf_ffa_rx_full());
	}
	for (code = 0; code < ARRAY_SIZE(codes); code++) {
		cpu.answer = (struct arm_smccc_1_2_regs){
			.a0 = 0x84000060, .a2 = (u32)codes[code], .a7 = 1,
		};
		KUNIT_EXPECT_FALSE_MSG(test, hf_ffa_rx_full(), "code %d", codes[code]);
	}
	cpu.answer = (struct arm_smccc_1_2_regs){ .a0 = 0x84000082, .a7 = 1 };
	KUNIT_EXPECT_FALSE_MSG(test, hf_ffa_rx_full(), "there is no such call");
}

static struct kunit_case ffa_cases[] = {
	KUNIT_CASE(calls_hand_over_what_the_specification_says),
	KUNIT_CASE(each_error_code_becomes_its_errno),
	KUNIT_CASE(error_without_a_code_is_no_success),
	KUNIT_CASE(answers_that_are_none_are_errors),
	KUNIT_CASE(success_is_success_in_every_form),
	KUNIT_CASE(release_that_others_wait_for_says_so),
	KUNIT_CASE(partition_info_is_a_count),
	KUNIT_CASE(vm_exists_if_it_may_not_be_notified),
	KUNIT_CASE(each_answer_of_run_becomes_its_exit),
	KUNIT_CASE(each_error_code_of_run_arrives_in_every_form),
	KUNIT_CASE(mailbox_lists_end_with_minus_one),
	KUNIT_CASE(call_that_returns_its_own_number_is_none),
	KUNIT_CASE(injection_answers_whether_to_run),
	KUNIT_CASE(injection_is_given_up_when_the_first_vcpu_refuses_it),
	KUNIT_CASE(nothing_is_called_where_that_would_be_fatal),
	KUNIT_CASE(versions_other_than_one_are_no_hypervisor),
	KUNIT_CASE(only_the_primary_is_accepted),
	KUNIT_CASE(id_that_is_not_told_is_an_error),
	KUNIT_CASE(version_is_asked_for_upwards_until_there_is_an_answer),
	KUNIT_CASE(features_are_what_the_hypervisor_has),
	KUNIT_CASE(cpu_is_asked_for_by_the_number_that_the_hypervisor_has_for_it),
	KUNIT_CASE(mailbox_is_full_if_bit_0_of_w7_says_so),
	{}
};

static struct kunit_suite ffa = {
	.name = "hafnium_ffa",
	.init = ffa_init,
	.test_cases = ffa_cases,
};

kunit_test_suite(ffa);
