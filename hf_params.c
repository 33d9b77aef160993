// SPDX-License-Identifier: GPL-2.0-only
/*
 * Parsing of module parameters.
 *
 * Whoever loads the module is trusted but may be mistaken: anything that is
 * not exactly of the documented form is refused, in one line that says what
 * is allowed. Process context; keeps no state.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/bitmap.h>
#include <linux/ctype.h>
#include <linux/errno.h>
#include <linux/kstrtox.h>
#include <linux/printk.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/user_namespace.h>

#include "hf_abi.h"
#include "hf_params.h"
#include "hf_vm.h"

/* kstrto*() would let a sign, a newline or nothing pass. */
static int parse_u16(const char *text, u16 *value)
{
	return isdigit(text[0]) && !strchr(text, '\n') ? kstrtou16(text, 0, value) : -EINVAL;
}

static int parse_vm(char *entry, unsigned long *seen, u16 *id, u16 *nr_vcpus)
{
	char *id_text = strsep(&entry, ":");

	if (!entry || parse_u16(id_text, id) || parse_u16(entry, nr_vcpus))
		return -EINVAL;
	/* The last one is HF_VM_ID_ANY. */
	if (*id <= HF_PRIMARY_VM_ID || *id == U16_MAX)
		return -EINVAL;
	if (!*nr_vcpus || *nr_vcpus > HF_VM_VCPUS_MAX)
		return -EINVAL;
	return __test_and_set_bit(*id, seen) ? -EINVAL : 0;
}

static int parse_vms(char *rest, unsigned long *seen, int (*create)(u16 id, u16 nr_vcpus))
{
	char *entry;
	u16 id, nr_vcpus;
	int err = 0;

	while (!err && (entry = strsep(&rest, ","))) {
		err = parse_vm(entry, seen, &id, &nr_vcpus);
		if (!err)
			err = create(id, nr_vcpus);
	}
	return err;
}

int hf_params_vms(const char *text, int (*create)(u16 id, u16 nr_vcpus))
{
	unsigned long *seen = bitmap_zalloc(U16_MAX + 1, GFP_KERNEL);
	char *copy = kstrdup(text, GFP_KERNEL);
	int err = -ENOMEM;

	if (seen && copy)
		err = parse_vms(copy, seen, create);
	if (err == -EINVAL)
		pr_err("vms=%s: expected id:vcpus[,id:vcpus...], each id once, ids from %u to %u, vcpus from 1 to %u\n",
		       text, HF_PRIMARY_VM_ID + 1, U16_MAX - 1, HF_VM_VCPUS_MAX);
	kfree(copy);
	bitmap_free(seen);
	return err;
}

/* A user or group id; "-" is none, which is what (u32)-1 stands for in Linux. */
static int parse_id(const char *text, u32 *id)
{
	*id = U32_MAX;
	if (!strcmp(text, "-"))
		return 0;
	if (!isdigit(text[0]) || strchr(text, '\n') || kstrtou32(text, 0, id))
		return -EINVAL;
	return *id == U32_MAX ? -EINVAL : 0;
}

static int parse_owner(char *entry, unsigned long *seen, u16 *id, u32 *uid, u32 *gid)
{
	char *id_text = strsep(&entry, ":");
	char *uid_text = strsep(&entry, ":");

	if (!entry || parse_u16(id_text, id) || parse_id(uid_text, uid) || parse_id(entry, gid))
		return -EINVAL;
	if (*id <= HF_PRIMARY_VM_ID)
		return -EINVAL;
	return __test_and_set_bit(*id, seen) ? -EINVAL : 0;
}

static int parse_owners(char *rest, unsigned long *seen,
			int (*set)(u16 id, kuid_t uid, kgid_t gid), u16 *id)
{
	u32 uid, gid;
	char *entry;
	int err = 0;

	while (!err && (entry = strsep(&rest, ","))) {
		err = parse_owner(entry, seen, id, &uid, &gid);
		if (!err)
			err = set(*id, make_kuid(&init_user_ns, uid),
				  make_kgid(&init_user_ns, gid));
	}
	return err;
}

int hf_params_owners(const char *text, int (*set)(u16 id, kuid_t uid, kgid_t gid))
{
	unsigned long *seen = bitmap_zalloc(U16_MAX + 1, GFP_KERNEL);
	char *copy = kstrdup(text, GFP_KERNEL);
	int err = -ENOMEM;
	u16 id = 0;

	if (seen && copy)
		err = parse_owners(copy, seen, set, &id);
	if (err == -EINVAL)
		pr_err("owners=%s: expected vm:uid:gid[,...], each VM once, ids from %u, - = nobody\n",
		       text, HF_PRIMARY_VM_ID + 1);
	else if (err == -ENODEV)
		pr_err("owners=%s: there is no VM %u\n", text, id);
	kfree(copy);
	bitmap_free(seen);
	return err;
}
