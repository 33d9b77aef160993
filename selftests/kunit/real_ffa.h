/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Other names for what hf_ffa.c defines, so that the real one can stand beside
 * the fake in one module. To be included before anything that includes hf_ffa.h.
 */
#ifndef HF_KUNIT_REAL_FFA_H
#define HF_KUNIT_REAL_FFA_H

#define hf_ffa_features			real_ffa_features
#define hf_ffa_probe			real_ffa_probe
#define hf_ffa_rxtx_map			real_ffa_rxtx_map
#define hf_ffa_rxtx_unmap		real_ffa_rxtx_unmap
#define hf_ffa_partition_info_get	real_ffa_partition_info_get
#define hf_ffa_vm_exists		real_ffa_vm_exists
#define hf_ffa_rx_full			real_ffa_rx_full
#define hf_ffa_rx_release		real_ffa_rx_release
#define hf_ffa_msg_send			real_ffa_msg_send
#define hf_ffa_run			real_ffa_run
#define hf_ffa_mailbox_writable_get	real_ffa_mailbox_writable_get
#define hf_ffa_mailbox_waiter_get	real_ffa_mailbox_waiter_get
#define hf_ffa_interrupt_inject		real_ffa_interrupt_inject

#endif
