/* SPDX-License-Identifier: GPL-2.0 */
/* The bundle that QEMU loads as an initrd: an old binary cpio archive. */
#ifndef HYP_BUNDLE_H
#define HYP_BUNDLE_H

#include "types.h"

struct file {
	const u8 *start;
	u64 size;
};

/* Looks @name up in the archive at [start, start + size). */
bool bundle_find(const u8 *start, u64 size, const char *name, struct file *file);

#endif
