// SPDX-License-Identifier: GPL-2.0-only
/*
 * Suite: parsing of module parameters.
 *
 * Contains hf_params.c.
 */
#include <kunit/test.h>

#undef pr_fmt
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
	"2:1;3:1", "0x:1", "2:0x", "99999999999999999999:1", "65535:1", "2:1,0xffff:1",
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

static void vm_that_is_there_already_is_refused(struct kunit *test)
{
	created.err = -EEXIST;
	KUNIT_EXPECT_EQ(test, -EINVAL, hf_params_vms("2:1", note_vm));
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
	"2:1:1 ", "2:1:1;3:1:1",
};

static void owners_of_any_other_form_are_refused(struct kunit *test)
{
	int i;

	memset(&owner, 0, sizeof(owner));
	for (i = 0; i < ARRAY_SIZE(bad_owners); i++)
		KUNIT_EXPECT_EQ_MSG(test, -EINVAL, hf_params_owners(bad_owners[i], note_owner),
				    "\"%s\"", bad_owners[i]);
}

static void vm_that_has_an_owner_is_refused(struct kunit *test)
{
	memset(&owner, 0, sizeof(owner));
	owner.err = -EEXIST;
	KUNIT_EXPECT_EQ(test, -EINVAL, hf_params_owners("2:1:1", note_owner));
}

static void owner_of_a_vm_that_is_not_there_is_an_error(struct kunit *test)
{
	memset(&owner, 0, sizeof(owner));
	owner.err = -ENODEV;
	KUNIT_EXPECT_EQ(test, -ENODEV, hf_params_owners("2:1:1,3:1:1", note_owner));
	KUNIT_EXPECT_EQ(test, 1, owner.count);
}

static struct kunit_case params_cases[] = {
	KUNIT_CASE(lists_of_vms_arrive_as_written),
	KUNIT_CASE(lists_of_any_other_form_are_refused),
	KUNIT_CASE(vms_before_a_mistake_were_created),
	KUNIT_CASE(error_of_the_creation_ends_the_parsing),
	KUNIT_CASE(vm_that_is_there_already_is_refused),
	KUNIT_CASE(every_id_may_be_listed_at_once),
	KUNIT_CASE(owners_arrive_as_written),
	KUNIT_CASE(owners_of_any_other_form_are_refused),
	KUNIT_CASE(vm_that_has_an_owner_is_refused),
	KUNIT_CASE(owner_of_a_vm_that_is_not_there_is_an_error),
	{}
};

static struct kunit_suite params = {
	.name = "hafnium_params",
	.init = params_init,
	.test_cases = params_cases,
};

kunit_test_suite(params);
