// SPDX-License-Identifier: GPL-2.0-only
/*
 * Suite: what hf_ffa.c finds out about the hypervisor, and how it asks.
 */
#include "real_ffa.h"

#include <linux/errno.h>
#include <linux/preempt.h>
#include <linux/string.h>

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
	for (f = 0; f < REAL_FORMS; f++) {
		cpu.id[0] = real_form(f, 0x84000061);
		cpu.id[2] = real_form(f, 1);
		KUNIT_EXPECT_EQ_MSG(test, 0, hf_ffa_probe(), "x2 %s", real_forms[f]);
	}
}

static void id_that_is_not_told_is_an_error(struct kunit *test)
{
	int i;

	cpu.probing = true;
	cpu.id[0] = 0x84000060;
	for (i = 0; i < REAL_CODES; i++) {
		if (!real_codes[i])
			continue;
		cpu.id[2] = (u32)real_codes[i];
		KUNIT_EXPECT_EQ_MSG(test, -EIO, hf_ffa_probe(), "code %d", real_codes[i]);
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
	  { .release = "v2.6 or v2.7", .notifications = true, .restart_waits = true,
	    .rxtx_unmap = true, .injection = true } },
	{ "v2.8", 0x10001, { 0x8400006e, 0x84000067, 0x84000082, 0x84000086 },
	  { .release = "v2.8", .notifications = true, .send2 = true, .restart_waits = true,
	    .rxtx_unmap = true, .injection = true } },
	{ "v2.9", 0x10001, { 0x8400006e, 0x84000067, 0x84000082, 0x84000086, 0xc400008b },
	  { .release = "v2.9 or v2.10", .notifications = true, .send2 = true,
	    .rx_overwrite = true, .hands_twice = true, .restart_waits = true,
	    .rxtx_unmap = true, .injection = true } },
	{ "v2.11", 0x10002, { 0x8400006e, 0x84000067, 0x84000082, 0x84000086, 0xc400008b },
	  { .release = "v2.11", .notifications = true, .send2 = true, .rx_overwrite = true,
	    .hands_twice = true, .restart_waits = true, .rxtx_unmap = true,
	    .injection = true } },
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
		KUNIT_EXPECT_EQ_MSG(test, expected->waiter_list, f->waiter_list, "%s", name);
		KUNIT_EXPECT_EQ_MSG(test, expected->notifications, f->notifications, "%s", name);
		KUNIT_EXPECT_FALSE_MSG(test, f->binds, "%s: it is not supported", name);
		KUNIT_EXPECT_EQ_MSG(test, expected->send2, f->send2, "%s", name);
		KUNIT_EXPECT_EQ_MSG(test, expected->rx_overwrite, f->rx_overwrite, "%s", name);
		KUNIT_EXPECT_EQ_MSG(test, expected->hands_twice, f->hands_twice, "%s", name);
		KUNIT_EXPECT_EQ_MSG(test, expected->wait_returns, f->wait_returns, "%s", name);
		KUNIT_EXPECT_EQ_MSG(test, expected->restart_waits, f->restart_waits, "%s", name);
		KUNIT_EXPECT_EQ_MSG(test, expected->restart_panics, f->restart_panics, "%s", name);
		KUNIT_EXPECT_EQ_MSG(test, expected->rxtx_unmap, f->rxtx_unmap, "%s", name);
		KUNIT_EXPECT_EQ_MSG(test, expected->injection, f->injection, "%s", name);
	}
}

static void primary_binds_where_it_is_denied_to_unbind(struct kunit *test)
{
	cpu.probing = true;
	cpu.binds = true;
	cpu.version = levels[0].version;
	memcpy(cpu.features, levels[0].functions, sizeof(cpu.features));
	KUNIT_EXPECT_EQ(test, 0, hf_ffa_probe());
	KUNIT_EXPECT_FALSE_MSG(test, real_ffa_features.binds, "it has no notifications");
	cpu.version = levels[1].version;
	memcpy(cpu.features, levels[1].functions, sizeof(cpu.features));
	KUNIT_EXPECT_EQ(test, 0, hf_ffa_probe());
	KUNIT_EXPECT_TRUE(test, real_ffa_features.binds);
}

/* --- whether our mailbox was filled unseen --- */

/* What FFA_NOTIFICATION_GET wants to be asked with; anything else is refused. */
static u16 index_of_cpu;
static bool halves_swapped;
static int get_calls;

static void answer_to_the_right_index(struct arm_smccc_1_2_regs *res)
{
	u32 receiver = halves_swapped ? 1 << 16 | index_of_cpu : index_of_cpu << 16 | 1;
	bool right = cpu.args.a0 == 0x84000082 && cpu.args.a1 == receiver && cpu.args.a2 == 8;

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
	for (i = 0; i < 2 * ARRAY_SIZE(indices); i++) {
		index_of_cpu = indices[i / 2];
		/* As v2.6 has it. */
		halves_swapped = i % 2;
		KUNIT_EXPECT_TRUE_MSG(test, hf_ffa_rx_full(), "index %u", index_of_cpu);
		get_calls = 0;
		KUNIT_EXPECT_TRUE(test, hf_ffa_rx_full());
		KUNIT_EXPECT_EQ_MSG(test, 1, get_calls, "it is remembered");
	}
	/* The hypervisor has none for it. */
	index_of_cpu = 64;
	get_calls = 0;
	KUNIT_EXPECT_FALSE(test, hf_ffa_rx_full());
	KUNIT_EXPECT_LE(test, get_calls, 129);
	migrate_enable();
}

static void mailbox_is_full_if_bit_0_of_w7_says_so(struct kunit *test)
{
	int code, f;

	for (f = 0; f < REAL_FORMS; f++) {
		cpu.answer = (struct arm_smccc_1_2_regs){ .a0 = real_form(f, 0x84000061) };
		cpu.answer.a2 = ~0ULL;
		cpu.answer.a6 = ~0ULL;
		cpu.answer.a7 = 0xfffffffe;
		KUNIT_EXPECT_FALSE(test, hf_ffa_rx_full());
		cpu.answer.a7 = 1;
		KUNIT_EXPECT_TRUE(test, hf_ffa_rx_full());
	}
	for (code = 0; code < REAL_CODES; code++) {
		cpu.answer = (struct arm_smccc_1_2_regs){
			.a0 = 0x84000060, .a2 = (u32)real_codes[code], .a7 = 1,
		};
		KUNIT_EXPECT_FALSE_MSG(test, hf_ffa_rx_full(), "code %d", real_codes[code]);
	}
	cpu.answer = (struct arm_smccc_1_2_regs){ .a0 = 0x84000082, .a7 = 1 };
	KUNIT_EXPECT_FALSE_MSG(test, hf_ffa_rx_full(), "there is no such call");
}

static struct kunit_case probe_cases[] = {
	KUNIT_CASE(nothing_is_called_where_that_would_be_fatal),
	KUNIT_CASE(versions_other_than_one_are_no_hypervisor),
	KUNIT_CASE(only_the_primary_is_accepted),
	KUNIT_CASE(id_that_is_not_told_is_an_error),
	KUNIT_CASE(version_is_asked_for_upwards_until_there_is_an_answer),
	KUNIT_CASE(features_are_what_the_hypervisor_has),
	KUNIT_CASE(primary_binds_where_it_is_denied_to_unbind),
	KUNIT_CASE(cpu_is_asked_for_by_the_number_that_the_hypervisor_has_for_it),
	KUNIT_CASE(mailbox_is_full_if_bit_0_of_w7_says_so),
	{}
};

static struct kunit_suite probe = {
	.name = "hafnium_probe",
	.init = real_ffa_init,
	.test_cases = probe_cases,
};

kunit_test_suite(probe);
