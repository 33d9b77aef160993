// SPDX-License-Identifier: GPL-2.0-only
/*
 * The RX and TX pages that we share with the hypervisor: their life.
 *
 * Maps them at module init and unmaps them at module exit. Hafnium v2.4 cannot
 * unmap: the pages then stay EL2's until the machine is reset and are never
 * freed; a signature in the TX page lets the next load adopt them. Also reads
 * the partition descriptors, which come through the RX page. Module init and
 * exit only: no other thread uses the pages then.
 *
 * Invariant: a page that EL2 may write is never given back to the kernel.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/gfp.h>
#include <linux/mm.h>
#include <linux/printk.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#include "hf_pages.h"
#include "hf_vcpu.h"
#include "hf_vm.h"

/* Ids from here on are secure partitions, which are not ours to run. */
#define SECURE_WORLD_ID	0x8000

/* What an unload that could not unmap leaves at the head of the TX page. */
struct signature {
	char text[16];
	u64 tx;
	u64 rx;
};

static const char signature_text[16] = "hafnium.ko RXTX";

static struct {
	void *tx;
	void *rx;
} pages;

void *hf_pages_tx(void)
{
	return pages.tx;
}

const void *hf_pages_rx(void)
{
	return pages.rx;
}

static void sign(struct signature *s)
{
	memcpy(s->text, signature_text, sizeof(s->text));
	s->tx = virt_to_phys(pages.tx);
	s->rx = virt_to_phys(pages.rx);
}

static void pages_free(void)
{
	free_page((unsigned long)pages.rx);
	free_page((unsigned long)pages.tx);
	pages.rx = NULL;
	pages.tx = NULL;
}

static int pages_alloc(void)
{
	pages.tx = (void *)get_zeroed_page(GFP_KERNEL);
	pages.rx = (void *)get_zeroed_page(GFP_KERNEL);
	if (pages.tx && pages.rx)
		return 0;
	pages_free();
	return -ENOMEM;
}

/* A page in use by the kernel, so that reading it can do no harm. */
static void *allocated_page(phys_addr_t addr)
{
	if (!pfn_is_map_memory(PHYS_PFN(addr)) || !page_count(phys_to_page(addr)))
		return NULL;
	return phys_to_virt(addr);
}

static int pages_adopt(phys_addr_t tx, phys_addr_t rx)
{
	struct signature found, expected;

	pages.tx = allocated_page(tx);
	pages.rx = allocated_page(rx);
	if (!pages.tx || !pages.rx)
		goto refuse;

	sign(&expected);
	if (copy_from_kernel_nofault(&found, pages.tx, sizeof(found)) ||
	    memcmp(&found, &expected, sizeof(found)))
		goto refuse;
	return 0;

refuse:
	pr_err("rxtx=%pa,%pa: not the pages that an earlier unload left to the hypervisor\n",
	       &tx, &rx);
	return -EINVAL;
}

int hf_pages_init(phys_addr_t tx, phys_addr_t rx)
{
	bool adopt = tx;
	int err;

	err = adopt ? pages_adopt(tx, rx) : pages_alloc();
	if (err)
		return err;

	err = hf_ffa_rxtx_map(virt_to_phys(pages.tx), virt_to_phys(pages.rx));
	if (!err || (adopt && err == -EBUSY)) {
		memset(pages.tx, 0, sizeof(struct signature));
		return 0;
	}

	if (err == -EBUSY)
		pr_err("the hypervisor still has the RX/TX pages of an earlier load: use rxtx= as that load's end printed\n");
	else
		pr_err("the hypervisor refuses the RX/TX pages, error %d\n", err);
	if (!adopt)
		pages_free();
	return err;
}

void hf_pages_exit(void)
{
	phys_addr_t tx = virt_to_phys(pages.tx);
	phys_addr_t rx = virt_to_phys(pages.rx);

	if (!hf_ffa_rxtx_unmap()) {
		pages_free();
		return;
	}

	sign(pages.tx);
	pr_warn("the hypervisor keeps the RX/TX pages; to load again: insmod hafnium.ko rxtx=%pa,%pa\n",
		&tx, &rx);
}

static const struct hf_partition_desc *desc_at(const void *descs, u32 size, int i)
{
	return descs + (size_t)size * i;
}

/*
 * Whether @count descriptors of @size bytes each make sense. Taken apart at the
 * wrong size they would contain pieces of UUIDs, and not us.
 */
static bool descs_plausible(const void *descs, int count, u32 size)
{
	bool found_self = false;
	int i;

	if (size < sizeof(struct hf_partition_desc) || size % 8 ||
	    (size_t)size * count > HF_MAILBOX_SIZE)
		return false;

	for (i = 0; i < count; i++) {
		const struct hf_partition_desc *desc = desc_at(descs, size, i);

		if (!desc->id || !desc->vcpu_count)
			return false;
		found_self |= le16_to_cpu(desc->id) == HF_PRIMARY_VM_ID;
	}
	return found_self;
}

/* Hypervisors before FF-A 1.1 do not name the size, some after it do not either. */
static u32 desc_size(const void *descs, int count, u32 named)
{
	const u32 candidates[] = { named, 8, 24 };
	int i;

	for (i = 0; i < ARRAY_SIZE(candidates); i++) {
		if (descs_plausible(descs, count, candidates[i]))
			return candidates[i];
	}
	return 0;
}

static int create_vms(const void *descs, int count, u32 named_size)
{
	u32 size = desc_size(descs, count, named_size);
	int i, err;

	if (!size) {
		pr_err("cannot make sense of %d partition descriptors; name the VMs with vms=\n",
		       count);
		return -EPROTO;
	}
	hf_ffa_features.desc_size = size;

	for (i = 0; i < count; i++) {
		const struct hf_partition_desc *desc = desc_at(descs, size, i);
		u16 id = le16_to_cpu(desc->id);

		/* A partition with several UUIDs is listed once for each. */
		if (id == HF_PRIMARY_VM_ID || id >= SECURE_WORLD_ID || hf_vm_find(id))
			continue;
		err = hf_vm_create(id, le16_to_cpu(desc->vcpu_count));
		if (err)
			return err;
	}
	return 0;
}

int hf_pages_discover(void)
{
	u32 named_size = 0;
	void *descs;
	int count, err;

	count = hf_ffa_partition_info_get(&named_size);
	if (count == -EAGAIN) {
		/* Adopted pages: a message for the load before may still be there. */
		hf_ffa_rx_release();
		count = hf_ffa_partition_info_get(&named_size);
	}
	if (count < 0) {
		pr_err("the hypervisor does not list its VMs, error %d; name them with vms=\n",
		       count);
		return count;
	}

	descs = kmemdup(pages.rx, HF_MAILBOX_SIZE, GFP_KERNEL);
	hf_ffa_rx_release();
	if (!descs)
		return -ENOMEM;

	err = create_vms(descs, count, named_size);
	kfree(descs);
	return err;
}
