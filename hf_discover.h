/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Discovery of VMs.
 */
#ifndef HF_DISCOVER_H
#define HF_DISCOVER_H

/**
 * hf_discover() - create the VMs that the hypervisor has
 *
 * Asks for one id after the other; the first that does not exist is the end.
 * Context: module init, may sleep.
 * Return: 0 or -ENOMEM; VMs created so far stay.
 */
int hf_discover(void);

#endif
