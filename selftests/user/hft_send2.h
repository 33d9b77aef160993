/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the tests of FFA_MSG_SEND2 share: the guest `send2`, and what it sends.
 */
#ifndef HFT_SEND2_H
#define HFT_SEND2_H

#include "hft_lossless.h"

/* The longest payload behind the header and the ports, with every version. */
#define SEND2_PAYLOAD_MAX	4040

#define NEED_SEND2() do { \
	if (hft_feature("send2") != 1) \
		HFT_SKIP("this hypervisor has no FFA_MSG_SEND2"); \
} while (0)

/* Connected, with room for everything that comes, whatever the reader's pace. */
int send2_socket(unsigned int vm);
/* So many numbered messages of so many bytes to this socket: 0 or -1. */
int send2_ask(int fd, uint32_t count, uint32_t size);
/* Receives them, in order: 0, or -1 with a line on stderr. */
int send2_receive(int fd, uint32_t count, uint32_t size);
/* The VMs that echo, LOSSLESS_SENDERS at most; how many. */
unsigned int send2_bystanders(unsigned int *vms);

#endif
