/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The RX and TX pages that we share with the hypervisor: their life.
 *
 * Private to hf_mailbox.c, which alone reads and writes what is in them while
 * VMs run, and to module init (hf_discover.c).
 */
#ifndef HF_PAGES_H
#define HF_PAGES_H

#include "hf_ffa.h"

/**
 * hf_pages_init() - give the hypervisor our RX and TX pages
 * @tx: Physical address of the TX page to adopt, 0 = allocate both.
 * @rx: The same for the RX page.
 *
 * Adopting is for a hypervisor that could not unmap the pages of the module
 * loaded before. FFA_RXTX_MAP, DEN0077A 13.5. Context: module init, may sleep.
 * Prints what is wrong.
 * Return: 0; -EBUSY if pages are mapped already; -EINVAL if the pages to adopt
 * are not those that an unload left; -ENOMEM; what FFA_RXTX_MAP said.
 */
int hf_pages_init(phys_addr_t tx, phys_addr_t rx);

/* Take the pages back, or leave them to EL2 and say so. After all threads ended. */
void hf_pages_exit(void);

/* The pages, HF_MAILBOX_SIZE bytes each; hf_mailbox.c and hf_rx.c own them when VMs run. */
void *hf_pages_tx(void);
const void *hf_pages_rx(void);

#endif
