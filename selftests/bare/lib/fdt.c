// SPDX-License-Identifier: GPL-2.0
/* Flattened device trees, read (and patched) where they lie; see fdt.h. */
#include "fdt.h"
#include "mem.h"

#define FDT_MAGIC	0xd00dfeed
#define FDT_BEGIN_NODE	1
#define FDT_END_NODE	2
#define FDT_PROP	3
#define FDT_NOP		4

#define NONE		(-1)

/* Byte offsets in the header. */
#define OFF_MAGIC	0
#define OFF_TOTALSIZE	4
#define OFF_STRUCT	8
#define OFF_STRINGS	12

u64 fdt_read(const void *value, u32 len)
{
	const u8 *p = value;
	u64 number = 0;

	while (len--)
		number = number << 8 | *p++;
	return number;
}

void fdt_write(void *value, u32 len, u64 number)
{
	u8 *p = value;

	while (len--) {
		p[len] = (u8)number;
		number >>= 8;
	}
}

static u32 read32(const void *fdt, u32 offset)
{
	return (u32)fdt_read((const u8 *)fdt + offset, 4);
}

static u32 token(const void *fdt, int at)
{
	return read32(fdt, read32(fdt, OFF_STRUCT) + (u32)at);
}

static const char *structure(const void *fdt, int at)
{
	return (const char *)fdt + read32(fdt, OFF_STRUCT) + at;
}

static int align4(size_t n)
{
	return (int)((n + 3) & ~(size_t)3);
}

bool fdt_valid(const void *fdt)
{
	return read32(fdt, OFF_MAGIC) == FDT_MAGIC;
}

u32 fdt_size(const void *fdt)
{
	return read32(fdt, OFF_TOTALSIZE);
}

int fdt_root(const void *fdt)
{
	int at = 0;

	while (token(fdt, at) == FDT_NOP)
		at += 4;
	return at;
}

const char *fdt_name(const void *fdt, int node)
{
	return structure(fdt, node + 4);
}

/* The token after the one at @at. */
static int next_token(const void *fdt, int at)
{
	switch (token(fdt, at)) {
	case FDT_BEGIN_NODE:
		return at + 4 + align4(strlen(fdt_name(fdt, at)) + 1);
	case FDT_PROP:
		return at + 12 + align4(token(fdt, at + 4));
	default:
		return at + 4;
	}
}

/* The next token that is neither a property nor padding. */
static int skip_properties(const void *fdt, int at)
{
	while (token(fdt, at) == FDT_PROP || token(fdt, at) == FDT_NOP)
		at = next_token(fdt, at);
	return at;
}

int fdt_first_child(const void *fdt, int node)
{
	int at = skip_properties(fdt, next_token(fdt, node));

	return token(fdt, at) == FDT_BEGIN_NODE ? at : NONE;
}

int fdt_next_sibling(const void *fdt, int node)
{
	int depth = 0;
	int at = node;

	do {
		if (token(fdt, at) == FDT_BEGIN_NODE)
			depth++;
		else if (token(fdt, at) == FDT_END_NODE)
			depth--;
		at = next_token(fdt, at);
	} while (depth);

	at = skip_properties(fdt, at);
	return token(fdt, at) == FDT_BEGIN_NODE ? at : NONE;
}

int fdt_child(const void *fdt, int node, const char *name)
{
	size_t len = strlen(name);
	int at;

	for (at = fdt_first_child(fdt, node); at >= 0; at = fdt_next_sibling(fdt, at)) {
		const char *found = fdt_name(fdt, at);

		if (!strncmp(found, name, len) && (!found[len] || found[len] == '@'))
			return at;
	}
	return NONE;
}

void *fdt_property(const void *fdt, int node, const char *name, u32 *len)
{
	const char *strings = (const char *)fdt + read32(fdt, OFF_STRINGS);
	int at = next_token(fdt, node);

	for (;; at = next_token(fdt, at)) {
		u32 kind = token(fdt, at);

		if (kind == FDT_NOP)
			continue;
		if (kind != FDT_PROP)
			return NULL;
		if (strcmp(strings + token(fdt, at + 8), name))
			continue;
		if (len)
			*len = token(fdt, at + 4);
		return (void *)structure(fdt, at + 12);
	}
}

const char *fdt_string(const void *fdt, int node, const char *name)
{
	return fdt_property(fdt, node, name, NULL);
}

u64 fdt_number(const void *fdt, int node, const char *name, u64 fallback)
{
	u32 len;
	const void *value = fdt_property(fdt, node, name, &len);

	if (!value || (len != 4 && len != 8))
		return fallback;
	return fdt_read(value, len);
}
