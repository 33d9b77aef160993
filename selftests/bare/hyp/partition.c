// SPDX-License-Identifier: GPL-2.0
/*
 * Discovery; see partition.h. The table of VMs is constant, so nothing but the
 * caller's mailbox needs a lock.
 *
 * A VM without UUIDs is a plain one, the primary among them. Where a real Hafnium
 * panics, this one does: before it looks at the mailbox, and for the count, too.
 */
#include "partition.h"

#include "console.h"
#include "hypercall.h"
#include "level.h"
#include "mem.h"
#include "vm.h"

#define UUID_WORDS	4
/* As many as there are, with the last that would be one too many. */
#define ENTRIES_MAX	(VMS_MAX * UUIDS_MAX)
#define ENTRIES_DEADLY	16
/* A register call returns x0..x2 and then this many words per entry. */
#define REGS_FIRST	3
#define REGS_WORDS	18

struct entry {
	const struct vm *vm;
	u32 properties;
	u32 uuid[UUID_WORDS];
};

/* One call's list; entries[] is larger than a stack frame should be. */
struct list {
	unsigned int count;
	unsigned int size;		/* of a descriptor */
	bool all;			/* nobody was asked for by name */
	struct entry entries[ENTRIES_MAX];
};

static struct list lists[CPUS_MAX];

static void make_uuid(const struct vm *vm, unsigned int n, u32 *uuid)
{
	uuid[0] = n < vm->uuid_count ? HFT_UUID : 0;
	uuid[1] = n < vm->uuid_count ? vm->id : 0;
	uuid[2] = n < vm->uuid_count ? n : 0;
	uuid[3] = n < vm->uuid_count ? 1 : 0;
}

static u32 properties_of(const struct vm *caller, const struct vm *vm)
{
	u32 properties = level->plain_properties;

	if (vm->uuid_count)
		properties |= FFA_PARTITION_DIRECT_RECV | FFA_PARTITION_DIRECT_SEND |
			      FFA_PARTITION_INDIRECT;
	if (level->notifications && vm->notifies)
		properties |= FFA_PARTITION_NOTIFICATION;
	if (level->says_aarch64 && caller->ffa_version != FFA_VERSION_1_0)
		properties |= FFA_PARTITION_AARCH64;
	return properties;
}

static void add_vm(struct list *list, const struct vm *caller, const struct vm *vm,
		   const u32 *asked, bool merge)
{
	unsigned int n = level->lists_uuids ? vm->uuid_count : 1;

	for (unsigned int i = 0; i < n; i++) {
		struct entry *entry = &list->entries[list->count];

		make_uuid(vm, i, entry->uuid);
		if (!list->all && memcmp(entry->uuid, asked, sizeof(entry->uuid)))
			continue;
		entry->vm = vm;
		entry->properties = properties_of(caller, vm);
		list->count++;
		if (merge)
			break;
	}
}

static void die_of(const struct list *list)
{
	if (list->all && !list->count)
		panic("a list of all partitions, and none has a UUID");
	if (level->info_dies_of_16 && list->count >= ENTRIES_DEADLY)
		panic("a list of %u partitions, which is one too many", list->count);
}

/* @uuid: four words; all zero asks for everybody. */
static struct list *make_list(const struct vm *caller, const u32 *uuid, bool count_only)
{
	struct list *list = &lists[read_sysreg(mpidr_el1) & 0xff];
	bool merge = level->merges_below_1_2 && caller->ffa_version < FFA_VERSION_1_2;

	list->count = 0;
	list->all = !(uuid[0] | uuid[1] | uuid[2] | uuid[3]);
	list->size = caller->ffa_version == FFA_VERSION_1_0 ? FFA_PARTITION_SIZE_1_0 :
							      level->descriptor_size;
	for (unsigned int i = 0; i < vm_count; i++)
		add_vm(list, caller, &vms[i], uuid, merge && !count_only);
	die_of(list);
	return list;
}

/* The primary has a vCPU for each CPU that there could be. */
static void write_entry(u8 *to, const struct list *list, const struct entry *entry)
{
	u16 *ids = (u16 *)to;

	memset(to, 0, list->size);
	ids[0] = entry->vm->id;
	ids[1] = vm_is_primary(entry->vm) ? VCPUS_MAX : entry->vm->vcpu_count;
	memcpy(to + 4, &entry->properties, 4);
	if (list->size >= FFA_PARTITION_SIZE_1_1 && list->all)
		memcpy(to + 8, entry->uuid, sizeof(entry->uuid));
	if (list->size >= FFA_PARTITION_SIZE_1_3)
		memcpy(to + 40, &entry->vm->ffa_version, 4);
}

static struct ffa_value write_locked(struct vm *vm, const struct list *list)
{
	struct ffa_value result = ffa_success();
	u8 *to = vm->mailbox.recv;

	if (vm->mailbox.state != MAILBOX_EMPTY || !to)
		return ffa_error(FFA_RET_BUSY);
	if (list->count * list->size > FFA_PAGE_SIZE)
		return ffa_error(FFA_RET_NO_MEMORY);
	for (unsigned int i = 0; i < list->count; i++, to += list->size)
		write_entry(to, list, &list->entries[i]);
	mailbox_own_locked(vm);
	result.w[2] = list->count;
	result.w[3] = level->info_size ? list->size : 0;
	return result;
}

struct ffa_value partition_info(struct vcpu *current)
{
	const u64 *x = current->regs.x;
	const u32 uuid[UUID_WORDS] = { x[1], x[2], x[3], x[4] };
	bool count_only = level->info_flags && x[5] == FFA_PARTITION_COUNT_ONLY;
	struct ffa_value result = ffa_success();
	struct list *list;

	if (level->info_flags && (x[5] & ~FFA_PARTITION_COUNT_ONLY))
		return ffa_error(FFA_RET_INVALID_PARAMETERS);
	list = make_list(current->vm, uuid, count_only);
	result.w[2] = list->count;
	if (!list->count)
		return ffa_error(FFA_RET_INVALID_PARAMETERS);
	if (count_only)
		return result;

	spin_lock(&current->vm->lock);
	result = write_locked(current->vm, list);
	spin_unlock(&current->vm->lock);
	return result;
}

/* x1, x2 = UUID; x3 = index of the first that is wanted, tag << 16. */
void partition_info_regs(struct vcpu *current)
{
	u64 *x = current->regs.x;
	const u32 uuid[UUID_WORDS] = { x[1], x[1] >> 32, x[2], x[2] >> 32 };
	u16 first = x[3];
	u16 tag = x[3] >> 16;
	struct list *list = make_list(current->vm, uuid, false);
	unsigned int words;
	unsigned int n;

	/* As for the newest caller, whatever was negotiated. */
	list->size = level->descriptor_size;
	for (unsigned int i = 0; i < list->count; i++)
		list->entries[i].properties |= FFA_PARTITION_AARCH64;
	words = list->size / sizeof(u64);
	if (tag || first >= list->count) {
		struct ffa_value error = ffa_error(tag ? FFA_RET_RETRY :
							 FFA_RET_INVALID_PARAMETERS);

		memcpy(x, error.w, sizeof(error.w));
		return;
	}

	n = list->count - first < level->info_regs ? list->count - first : level->info_regs;
	if (n == level->info_regs && level->regs_die_of_5)
		panic("%u partitions in registers, which is one too many", n);
	memset(x, 0, REGS_WORDS * sizeof(u64));
	for (unsigned int i = 0; i < n; i++)
		write_entry((u8 *)&x[REGS_FIRST + i * words], list, &list->entries[first + i]);
	x[0] = FFA_SUCCESS_64;
	x[2] = (u64)list->size << 48 | (u64)(first + n - 1) << 16 | (list->count - 1);
}
