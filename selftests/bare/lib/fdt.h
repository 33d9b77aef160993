/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A reader of flattened device trees that can also overwrite a property's
 * value in place (same length). It needs no memory of its own.
 *
 * A node is the offset of its FDT_BEGIN_NODE token in the structure block;
 * negative means "not there". The caller vouches for the tree: it comes from
 * QEMU or from the packer, not from a guest.
 */
#ifndef HF_BARE_FDT_H
#define HF_BARE_FDT_H

#include "types.h"

bool fdt_valid(const void *fdt);
u32 fdt_size(const void *fdt);

/* First child of @node, next sibling of @node; negative at the end. */
int fdt_first_child(const void *fdt, int node);
int fdt_next_sibling(const void *fdt, int node);

/* The root has the empty name. */
int fdt_root(const void *fdt);
const char *fdt_name(const void *fdt, int node);

/* Child called @name, with or without the unit address ("memory", "cpu@1"). */
int fdt_child(const void *fdt, int node, const char *name);

/* Value of a property, or NULL; it lies in the tree. */
void *fdt_property(const void *fdt, int node, const char *name, u32 *len);
const char *fdt_string(const void *fdt, int node, const char *name);

/* Big-endian numbers of 4 or 8 bytes. */
u64 fdt_read(const void *value, u32 len);
void fdt_write(void *value, u32 len, u64 number);

/* A property of one number, 4 or 8 bytes; @fallback if it is not there. */
u64 fdt_number(const void *fdt, int node, const char *name, u64 fallback);

#endif
