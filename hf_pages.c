// SPDX-License-Identifier: GPL-2.0-only
/*
 * The RX and TX pages that we share with the hypervisor: their life.
 *
 * Mapped at module init, unmapped at module exit and before a reboot. Hafnium to v2.5
 * cannot unmap: the pages are EL2's then until the machine is reset. No other thread
 * uses the pages when they come and go.
 *
 * Invariant: a page that EL2 may write is never given back to the kernel.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/crash_dump.h>
#include <linux/gfp.h>
#include <linux/mm.h>
#include <linux/printk.h>

#include "hf_pages.h"

static struct { void *tx, *rx; } pages;

void *hf_pages_tx(void)
{
	return pages.tx;
}

const void *hf_pages_rx(void)
{
	return pages.rx;
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

/*
 * A kernel that crashed left its pages mapped, which are of no use any more. arm_ffa, if
 * it is there, may have mapped its own.
 */
static bool unmap_of_the_dead(void)
{
	return (is_kdump_kernel() || !IS_ENABLED(CONFIG_ARM_FFA_TRANSPORT)) &&
	       !hf_ffa_rxtx_unmap();
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
	while ((err == -ENOMEM || (err == -EBUSY && unmap_of_the_dead())) && --tries);
	return err;
}

int hf_pages_init(void)
{
	int err;

	err = pages_alloc();
	if (err)
		return err;
	err = pages_map();
	if (!err)
		return 0;

	if (err != -EBUSY)
		pr_err("the hypervisor refuses the RX/TX pages, error %d\n", err);
	else if (hf_ffa_features.rxtx_unmap)
		pr_err("the hypervisor has the RX/TX pages of another driver, and takes no second pair: is arm_ffa loaded?\n");
	else
		pr_err("the hypervisor has the RX/TX pages of an earlier load or kernel, and keeps them until the machine is reset\n");
	pages_free();
	return err;
}

void hf_pages_exit(void)
{
	if (!pages.tx)
		return;
	if (!hf_ffa_rxtx_unmap())
		pages_free();
	else
		pr_warn("the hypervisor keeps the RX/TX pages: they stay allocated\n");
	pages.tx = NULL;
}
