// SPDX-License-Identifier: GPL-2.0-only
/*
 * Suite: parsing of module parameters.
 *
 * Contains hf_params.c, whose look at the system call that loads the module is
 * led to a system call that the tests make up.
 */
#include <kunit/test.h>

#include <linux/module.h>
#include <linux/string.h>
#include <linux/uaccess.h>
#include <asm/processor.h>
#include <asm/syscall.h>

static struct {
	struct pt_regs regs;
	struct module module;
	int nr;
	int err;
} loader;

static char *copy_from_loader(unsigned long user, size_t max)
{
	return loader.err ? ERR_PTR(loader.err) : kstrndup((char *)user, max, GFP_KERNEL);
}

#undef pr_fmt
#undef THIS_MODULE
#undef task_pt_regs
#define THIS_MODULE			(&loader.module)
#define task_pt_regs(task)		(&loader.regs)
#define syscall_get_nr(task, regs)	loader.nr
#define strndup_user(user, max)		copy_from_loader((__force unsigned long)(user), max)
#include "../../hf_params.c"

#define VMS_MAX 4

static struct {
	u16 id[VMS_MAX];
	u16 nr_vcpus[VMS_MAX];
	int count;
	int err;
} created;

static int note_vm(u16 id, u16 nr_vcpus)
{
	if (created.count < VMS_MAX) {
		created.id[created.count] = id;
		created.nr_vcpus[created.count] = nr_vcpus;
	}
	created.count++;
	return created.err;
}

static int params_init(struct kunit *test)
{
	memset(&created, 0, sizeof(created));
	memset(&loader, 0, sizeof(loader));
	return 0;
}

static const struct {
	const char *text;
	int count;
	u16 id[VMS_MAX], nr_vcpus[VMS_MAX];
} good_vms[] = {
	{ "2:1", 1, { 2 }, { 1 } },
	{ "2:1,3:4", 2, { 2, 3 }, { 1, 4 } },
	{ "9:2,3:4,65534:512", 3, { 9, 3, 65534 }, { 2, 4, 512 } },
	{ "0x10:0x2", 1, { 16 }, { 2 } },
	{ "010:1", 1, { 8 }, { 1 } },
};

static void lists_of_vms_arrive_as_written(struct kunit *test)
{
	int i, j;

	for (i = 0; i < ARRAY_SIZE(good_vms); i++) {
		created.count = 0;
		KUNIT_EXPECT_EQ_MSG(test, 0, hf_params_vms(good_vms[i].text, note_vm), "%s",
				    good_vms[i].text);
		KUNIT_EXPECT_EQ_MSG(test, good_vms[i].count, created.count, "%s", good_vms[i].text);
		for (j = 0; j < good_vms[i].count; j++) {
			KUNIT_EXPECT_EQ(test, good_vms[i].id[j], created.id[j]);
			KUNIT_EXPECT_EQ(test, good_vms[i].nr_vcpus[j], created.nr_vcpus[j]);
		}
	}
}

static const char * const bad_vms[] = {
	"", " ", ":", ",", "2", "2:", ":1", "2:1,", ",2:1", "2:1,,3:1", "2:1:1", "2:1 3:1",
	"0:1", "1:1", "65536:1", "-2:1", "+2:1", "2:0", "2:513", "2:-1", "2:+1", "2:65537",
	"a:1", "2:b", "2:1x", "x2:1", " 2:1", "2 :1", "2: 1", "2:1 ", "2:1\n", "2\n:1", "\n",
	"2:1,2:1", "2:1,3:1,2:2", "2:1;3:1", "0x:1", "2:0x", "99999999999999999999:1",
	"2:1,0x2:1", "65535:1", "2:1,0xffff:1",
};

static void lists_of_any_other_form_are_refused(struct kunit *test)
{
	int i;

	for (i = 0; i < ARRAY_SIZE(bad_vms); i++)
		KUNIT_EXPECT_EQ_MSG(test, -EINVAL, hf_params_vms(bad_vms[i], note_vm), "\"%s\"",
				    bad_vms[i]);
}

static void vms_before_a_mistake_were_created(struct kunit *test)
{
	KUNIT_EXPECT_EQ(test, -EINVAL, hf_params_vms("2:1,3:1,4:x,5:1", note_vm));
	KUNIT_EXPECT_EQ(test, 2, created.count);
}

static void error_of_the_creation_ends_the_parsing(struct kunit *test)
{
	created.err = -ENOMEM;
	KUNIT_EXPECT_EQ(test, -ENOMEM, hf_params_vms("2:1,3:1", note_vm));
	KUNIT_EXPECT_EQ(test, 1, created.count);
}

static void every_id_may_be_listed_at_once(struct kunit *test)
{
	char *text = kvmalloc(65536 * 8, GFP_KERNEL);
	int id, len = 0;

	KUNIT_ASSERT_NOT_NULL(test, text);
	for (id = 2; id < U16_MAX; id++)
		len += sprintf(text + len, "%s%d:1", id > 2 ? "," : "", id);
	/* Longer than the largest allocation that kstrdup() should need in practice. */
	KUNIT_EXPECT_EQ(test, 0, hf_params_vms(text, note_vm));
	KUNIT_EXPECT_EQ(test, U16_MAX - 2, created.count);
	kvfree(text);
}

static struct {
	u16 id;
	kuid_t uid;
	kgid_t gid;
	int count;
	int err;
} owner;

static int note_owner(u16 id, kuid_t uid, kgid_t gid)
{
	owner.id = id;
	owner.uid = uid;
	owner.gid = gid;
	owner.count++;
	return owner.err;
}

static const struct {
	const char *text;
	u16 id;
	u32 uid, gid;		/* -1 = none */
	int count;
} good_owners[] = {
	{ "2:1000:-", 2, 1000, -1, 1 },
	{ "2:-:44", 2, -1, 44, 1 },
	{ "2:0:0", 2, 0, 0, 1 },
	{ "2:-:-", 2, -1, -1, 1 },
	{ "2:1:2,65535:4294967294:4294967294", 65535, U32_MAX - 1, U32_MAX - 1, 2 },
};

static void owners_arrive_as_written(struct kunit *test)
{
	int i;

	for (i = 0; i < ARRAY_SIZE(good_owners); i++) {
		memset(&owner, 0, sizeof(owner));
		KUNIT_EXPECT_EQ_MSG(test, 0, hf_params_owners(good_owners[i].text, note_owner),
				    "%s", good_owners[i].text);
		KUNIT_EXPECT_EQ(test, good_owners[i].count, owner.count);
		KUNIT_EXPECT_EQ(test, good_owners[i].id, owner.id);
		KUNIT_EXPECT_EQ_MSG(test, good_owners[i].uid, __kuid_val(owner.uid), "%s",
				    good_owners[i].text);
		KUNIT_EXPECT_EQ_MSG(test, good_owners[i].gid, __kgid_val(owner.gid), "%s",
				    good_owners[i].text);
		KUNIT_EXPECT_EQ(test, good_owners[i].uid != U32_MAX, uid_valid(owner.uid));
	}
}

static const char * const bad_owners[] = {
	"", ",", ":", "::", "2", "2:", "2:1", "2:1:", "2::1", ":1:1", "2:1:1:1", "2:1:1,",
	",2:1:1",
	"1:1:1", "0:1:1", "65536:1:1", "-:1:1", "2:-1:1", "2:1:-1", "2:+1:1", "2:4294967295:1",
	"2:1:4294967295", "2:4294967296:1", "2:--:1", "2:- :1", "2:1:1\n", "2:1\n:1", "2:root:1",
	"2:1:root", " 2:1:1",
	"2:1:1 ", "2:1:1;3:1:1", "2:1:2,2:3:4",
};

static void owners_of_any_other_form_are_refused(struct kunit *test)
{
	int i;

	memset(&owner, 0, sizeof(owner));
	for (i = 0; i < ARRAY_SIZE(bad_owners); i++)
		KUNIT_EXPECT_EQ_MSG(test, -EINVAL, hf_params_owners(bad_owners[i], note_owner),
				    "\"%s\"", bad_owners[i]);
}

static void owner_of_a_vm_that_is_not_there_is_an_error(struct kunit *test)
{
	memset(&owner, 0, sizeof(owner));
	owner.err = -ENODEV;
	KUNIT_EXPECT_EQ(test, -ENODEV, hf_params_owners("2:1:1,3:1:1", note_owner));
	KUNIT_EXPECT_EQ(test, 1, owner.count);
}

static void addresses_arrive_as_written(struct kunit *test)
{
	phys_addr_t tx, rx;

	KUNIT_EXPECT_EQ(test, 0, hf_params_rxtx("0x40001000,0x40000000", &tx, &rx));
	KUNIT_EXPECT_EQ(test, (phys_addr_t)0x40001000, tx);
	KUNIT_EXPECT_EQ(test, (phys_addr_t)0x40000000, rx);
	KUNIT_EXPECT_EQ(test, 0, hf_params_rxtx("4096,0xfffffffff000", &tx, &rx));
	KUNIT_EXPECT_EQ(test, (phys_addr_t)4096, tx);
	KUNIT_EXPECT_EQ(test, (phys_addr_t)0xfffffffff000, rx);
}

static const char * const bad_rxtx[] = {
	"", ",", "0x1000", "0x1000,", ",0x1000", "0x1000,0x1000", "0x1000,0x1001", "0x1001,0x2000",
	"0,0x1000", "0x1000,0", "-4096,0x2000", "+4096,0x2000", "0x1000,0x2000,0x3000",
	"0x1000,0x2000\n", "0x1000\n,0x2000", " 0x1000,0x2000", "0x1000, 0x2000", "0x1000;0x2000",
	"0x1000,0x20000000000000000", "tx,rx", "1000,2000",
};

static void addresses_of_any_other_form_are_refused(struct kunit *test)
{
	phys_addr_t tx, rx;
	int i;

	for (i = 0; i < ARRAY_SIZE(bad_rxtx); i++)
		KUNIT_EXPECT_EQ_MSG(test, -EINVAL, hf_params_rxtx(bad_rxtx[i], &tx, &rx), "\"%s\"",
				    bad_rxtx[i]);
}

/* As if the module had these parameters and were loaded with @args. */
static int known(int nr, char *args)
{
	static struct kernel_param params[] = { { .name = "vms" }, { .name = "rxtx" } };

	loader.module.kp = params;
	loader.module.num_kp = ARRAY_SIZE(params);
	loader.nr = nr;
	loader.regs.regs[1] = (unsigned long)(nr == __NR_finit_module ? args : "wrong=register");
	loader.regs.regs[2] = (unsigned long)(nr == __NR_init_module ? args : "wrong=register");
	return hf_params_known();
}

static void known_parameters_pass_and_others_do_not(struct kunit *test)
{
	static char * const good[] = { "", " ", "vms=2:1", "rxtx=1,2 vms=2:1", "vms", "  vms=x  ",
				       "dyndbg=+p", "async_probe", "vms=\"a b\" rxtx=1", };
	static char * const bad[] = { "vm=2:1", "vmss=2:1", "VMS=2:1", "vms=2:1 nonsense", "=", "x",
				      "vms=2:1  rxtx =1", "hafnium.vms=2:1", };
	int i;

	for (i = 0; i < ARRAY_SIZE(good); i++) {
		KUNIT_EXPECT_EQ_MSG(test, 0, known(__NR_finit_module, good[i]), "\"%s\"", good[i]);
		KUNIT_EXPECT_EQ_MSG(test, 0, known(__NR_init_module, good[i]), "\"%s\"", good[i]);
	}
	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		KUNIT_EXPECT_EQ_MSG(test, -EINVAL, known(__NR_finit_module, bad[i]), "\"%s\"",
				    bad[i]);
		KUNIT_EXPECT_EQ_MSG(test, -EINVAL, known(__NR_init_module, bad[i]), "\"%s\"",
				    bad[i]);
	}
}

static void parameters_given_another_way_are_not_looked_at(struct kunit *test)
{
	KUNIT_EXPECT_EQ(test, 0, known(0, "nonsense=1"));
}

static void parameters_that_cannot_be_read_are_an_error(struct kunit *test)
{
	loader.err = -EFAULT;
	KUNIT_EXPECT_EQ(test, -EFAULT, known(__NR_finit_module, ""));
}

static struct kunit_case params_cases[] = {
	KUNIT_CASE(lists_of_vms_arrive_as_written),
	KUNIT_CASE(lists_of_any_other_form_are_refused),
	KUNIT_CASE(vms_before_a_mistake_were_created),
	KUNIT_CASE(error_of_the_creation_ends_the_parsing),
	KUNIT_CASE(every_id_may_be_listed_at_once),
	KUNIT_CASE(owners_arrive_as_written),
	KUNIT_CASE(owners_of_any_other_form_are_refused),
	KUNIT_CASE(owner_of_a_vm_that_is_not_there_is_an_error),
	KUNIT_CASE(addresses_arrive_as_written),
	KUNIT_CASE(addresses_of_any_other_form_are_refused),
	KUNIT_CASE(known_parameters_pass_and_others_do_not),
	KUNIT_CASE(parameters_given_another_way_are_not_looked_at),
	KUNIT_CASE(parameters_that_cannot_be_read_are_an_error),
	{}
};

static struct kunit_suite params = {
	.name = "hafnium_params",
	.init = params_init,
	.test_cases = params_cases,
};

kunit_test_suite(params);
