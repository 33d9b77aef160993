/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The RX and TX pages that we share with the hypervisor: their life.
 *
 * Private to hf_tx.c and hf_rx.c, which alone read and write what is in them,
 * and to module init.
 */
#ifndef HF_PAGES_H
#define HF_PAGES_H

#include "hf_ffa.h"

/**
 * hf_pages_init() - give the hypervisor our RX and TX pages
 *
 * FFA_RXTX_MAP, DEN0077A 13.5. Pages of a kernel before this one are unmapped.
 * Context: module init, may sleep. Prints what is wrong.
 * Return: 0; -EBUSY if pages are mapped already and stay so; -ENOMEM; what
 * FFA_RXTX_MAP said.
 */
int hf_pages_init(void);

/*
 * Take the pages back, or leave them to EL2 and say so; may be repeated. After all
 * threads ended and hf_tx_close().
 */
void hf_pages_exit(void);

/* The pages, HF_MAILBOX_SIZE bytes each; hf_tx.c and hf_rx.c own them when VMs run. */
void *hf_pages_tx(void);
const void *hf_pages_rx(void);

#endif
