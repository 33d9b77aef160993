// SPDX-License-Identifier: GPL-2.0-only
/*
 * The real hf_ffa.c, with another instruction in the place of HVC.
 */
#include "real_ffa.h"

#include <linux/errno.h>
#include <linux/limits.h>
#include <linux/printk.h>
#include <linux/string.h>
#include <asm/sysreg.h>
#include <asm/virt.h>

struct real_cpu cpu;

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
	if (cpu.args.a0 == 0x84000080 && cpu.args.a1 == 0x7fff0001 && cpu.binds)
		res->a2 = (u32)-6;
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

static void hvc_1_0(u64 func, u64 a1, u64 a2, u64 a3, u64 a4, u64 a5, u64 a6, u64 a7,
		    struct arm_smccc_res *res)
{
	struct arm_smccc_1_2_regs regs = {
		.a0 = func, .a1 = a1, .a2 = a2, .a3 = a3, .a4 = a4, .a5 = a5, .a6 = a6, .a7 = a7,
	};

	hvc_1_2(&regs, &regs);
	*res = (struct arm_smccc_res){ regs.a0, regs.a1, regs.a2, regs.a3 };
}

#undef pr_fmt
#undef arm_smccc_hvc
#undef read_sysreg_s
#undef arm_smccc_1_1_hvc
#define read_sysreg_s(reg)	cpu.pfr0
#define is_kernel_in_hyp_mode()	cpu.in_hyp_mode
#define arm_smccc_1_1_hvc	hvc_1_1
#define arm_smccc_1_2_hvc	hvc_1_2
#define arm_smccc_hvc	hvc_1_0
#include "../../hf_ffa.c"

const char * const real_forms[REAL_FORMS] = { "zero extended", "sign extended", "rubbish above" };

u64 real_form(int i, u32 value)
{
	switch (i) {
	case 1:
		return (s64)(s32)value;
	case 2:
		return value | 0xdeadbeef00000000;
	default:
		return value;
	}
}

const int real_codes[REAL_CODES] = {
	-1, -2, -3, -4, -5, -6, -7, -8, -9, -10, 0, 1, INT_MIN, INT_MAX,
};

int real_ffa_init(struct kunit *test)
{
	bed_read_mutant_early();
	memset(&cpu, 0, sizeof(cpu));
	cpu.pfr0 = 0x1100;
	cpu.version = 0x10001;
	cpu.id[0] = 0x84000061;
	cpu.id[2] = 1;
	real_ffa_features = (struct hf_ffa_features){ .injection = true };
	return 0;
}
