// SPDX-License-Identifier: GPL-2.0-only
/*
 * Parsing of module parameters.
 *
 * The administrator is trusted but may be mistaken: anything that is not
 * exactly of the documented form is refused, in one line that says what is
 * allowed. Process context; keeps no state.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

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

static int parse_vm(char *entry, u16 *id, u16 *nr_vcpus)
{
	char *id_text = strsep(&entry, ":");

	if (!entry || parse_u16(id_text, id) || parse_u16(entry, nr_vcpus))
		return -EINVAL;
	/* The last one is HF_VM_ID_ANY. */
	if (*id <= HF_PRIMARY_VM_ID || *id == U16_MAX)
		return -EINVAL;
	return *nr_vcpus && *nr_vcpus <= HF_VM_VCPUS_MAX ? 0 : -EINVAL;
}

int hf_params_vms(const char *text, int (*create)(u16 id, u16 nr_vcpus))
{
	char *copy = kstrdup(text, GFP_KERNEL);
	int err = copy ? 0 : -ENOMEM;
	char *entry, *rest = copy;
	u16 id, nr_vcpus;

	while (!err && (entry = strsep(&rest, ",")))
		err = parse_vm(entry, &id, &nr_vcpus) ?: create(id, nr_vcpus);
	if (err == -EINVAL || err == -EEXIST)
		pr_err("vms=%s: expected id:vcpus[,id:vcpus...], each id once, ids from %u to %u, vcpus from 1 to %u\n",
		       text, HF_PRIMARY_VM_ID + 1, U16_MAX - 1, HF_VM_VCPUS_MAX);
	kfree(copy);
	return err == -EEXIST ? -EINVAL : err;
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

static int parse_owner(char *entry, u16 *id, u32 *uid, u32 *gid)
{
	char *id_text = strsep(&entry, ":");
	char *uid_text = strsep(&entry, ":");

	if (!entry || parse_u16(id_text, id) || parse_id(uid_text, uid) || parse_id(entry, gid))
		return -EINVAL;
	return *id > HF_PRIMARY_VM_ID ? 0 : -EINVAL;
}

int hf_params_owners(const char *text, int (*set)(u16 id, kuid_t uid, kgid_t gid))
{
	char *copy = kstrdup(text, GFP_KERNEL);
	int err = copy ? 0 : -ENOMEM;
	char *entry, *rest = copy;
	u32 uid, gid;
	u16 id = 0;

	while (!err && (entry = strsep(&rest, ",")))
		err = parse_owner(entry, &id, &uid, &gid) ?:
		      set(id, make_kuid(&init_user_ns, uid), make_kgid(&init_user_ns, gid));
	if (err == -EINVAL || err == -EEXIST)
		pr_err("owners=%s: expected vm:uid:gid[,...], each VM once, ids from %u, - = nobody\n",
		       text, HF_PRIMARY_VM_ID + 1);
	else if (err == -ENODEV)
		pr_err("owners=%s: there is no VM %u\n", text, id);
	kfree(copy);
	return err == -EEXIST ? -EINVAL : err;
}
