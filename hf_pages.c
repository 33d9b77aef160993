// SPDX-License-Identifier: GPL-2.0-only
/*
 * The RX and TX pages that we share with the hypervisor: their life.
 *
 * Mapped at module init, unmapped at module exit and before a reboot. Hafnium to v2.5
 * cannot unmap: the pages are EL2's then until the machine is reset. No other thread
 * uses the pages when they come and go.
 *
 * Invariant: the pages are the same at each load, and never given back to the kernel.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/crash_dump.h>
#include <linux/gfp.h>
#include <linux/mm.h>
#include <linux/platform_device.h>
#include <linux/printk.h>

#include "hf_pages.h"

#define KEEPER	"hafnium-rxtx"

static struct { void *tx, *rx; } pages;

void *hf_pages_tx(void)
{
	return pages.tx;
}

const void *hf_pages_rx(void)
{
	return pages.rx;
}

static void pages_forget(void)
{
	pages.tx = NULL;
	pages.rx = NULL;
}

/*
 * Hafnium splits its page tables for each 2 MB of which it maps a page, and does not join
 * them again: with other pages at each load, v2.6 has no memory left after five, or panics.
 * What outlives a module is a device, which has their address for its data.
 */
static int pages_find(void)
{
	struct device *keeper = bus_find_device_by_name(&platform_bus_type, NULL, KEEPER);
	struct platform_device *made;
	unsigned long both;

	if (keeper) {
		both = *(unsigned long *)dev_get_platdata(keeper);
		put_device(keeper);
	} else {
		both = __get_free_pages(GFP_KERNEL | __GFP_ZERO, 1);
		if (!both)
			return -ENOMEM;
		made = platform_device_register_data(NULL, KEEPER, PLATFORM_DEVID_NONE,
						     &both, sizeof(both));
		if (IS_ERR(made)) {
			free_pages(both, 1);
			return PTR_ERR(made);
		}
	}
	pages.tx = (void *)both;
	pages.rx = (void *)(both + PAGE_SIZE);
	return 0;
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

static int pages_map(void)
{
	int err = hf_ffa_rxtx_map(virt_to_phys(pages.tx), virt_to_phys(pages.rx));

	if (err == -EBUSY && unmap_of_the_dead())
		err = hf_ffa_rxtx_map(virt_to_phys(pages.tx), virt_to_phys(pages.rx));
	return err;
}

int hf_pages_init(void)
{
	int err;

	err = pages_find();
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
	pages_forget();
	return err;
}

void hf_pages_exit(void)
{
	if (!pages.tx)
		return;
	if (hf_ffa_rxtx_unmap())
		pr_warn("the hypervisor keeps the RX/TX pages\n");
	else
		memset(pages.tx, 0, 2 * PAGE_SIZE);
	pages_forget();
}
