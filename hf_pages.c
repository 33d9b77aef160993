// SPDX-License-Identifier: GPL-2.0-only
/*
 * The RX and TX pages that we share with the hypervisor: their life.
 *
 * Maps them at module init and unmaps them at module exit. Hafnium v2.4 cannot
 * unmap: the pages then stay EL2's until the machine is reset and are never
 * freed; a signature in the TX page lets the next load adopt them. Module init and
 * exit only: no other thread uses the pages then.
 *
 * Invariant: a page that EL2 may write is never given back to the kernel.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/gfp.h>
#include <linux/mm.h>
#include <linux/printk.h>
#include <linux/uaccess.h>

#include "hf_pages.h"

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

/*
 * Hafnium splits its page tables for each pair of pages that it maps, and joins them
 * again only when it runs out of memory: what it refuses then it takes the next time.
 */
static int pages_map(void)
{
	int tries = 3;
	int err;

	do
		err = hf_ffa_rxtx_map(virt_to_phys(pages.tx), virt_to_phys(pages.rx));
	while (err == -ENOMEM && --tries);
	return err;
}

int hf_pages_init(phys_addr_t tx, phys_addr_t rx)
{
	bool adopt = tx;
	int err;

	err = adopt ? pages_adopt(tx, rx) : pages_alloc();
	if (err)
		return err;

	err = pages_map();
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
