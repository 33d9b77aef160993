/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Discovery of VMs.
 */
#ifndef HF_DISCOVER_H
#define HF_DISCOVER_H

/**
 * hf_discover() - create the VMs that the hypervisor has
 *
 * FFA_PARTITION_INFO_GET, DEN0077A 13.8, or FFA_NOTIFICATION_SET, 16.5, for each id.
 * Context: module init, after hf_mailbox_clear(); may sleep.
 * Return: 0 or a negative errno, and the reason is printed; VMs created so far stay.
 */
int hf_discover(void);

#endif
