// SPDX-License-Identifier: GPL-2.0
/*
 * Old binary cpio, as Hafnium reads it: a header of thirteen little-endian
 * 16-bit words, the name, the contents, both padded to an even length. Numbers
 * of 32 bits have their high half first.
 */
#include "bundle.h"

#include "mem.h"

#define CPIO_MAGIC	070707
#define HEADER_SIZE	26
#define WORD_MAGIC	0
#define WORD_NAME_SIZE	10
#define WORD_SIZE_HIGH	11
#define WORD_SIZE_LOW	12

static u32 word(const u8 *header, unsigned int index)
{
	return header[2 * index] | (u32)header[2 * index + 1] << 8;
}

static u64 even(u64 n)
{
	return (n + 1) & ~1UL;
}

bool bundle_find(const u8 *start, u64 size, const char *name, struct file *file)
{
	const u8 *end = start + size;
	const u8 *at = start;

	while (end - at > HEADER_SIZE && word(at, WORD_MAGIC) == CPIO_MAGIC) {
		u64 name_size = word(at, WORD_NAME_SIZE);
		u64 file_size = (u64)word(at, WORD_SIZE_HIGH) << 16 | word(at, WORD_SIZE_LOW);
		const char *entry = (const char *)at + HEADER_SIZE;
		const u8 *data = at + HEADER_SIZE + even(name_size);

		if (name_size > (u64)(end - at) || file_size > (u64)(end - data))
			return false;
		if (name_size == strlen(name) + 1 && !memcmp(entry, name, name_size)) {
			file->start = data;
			file->size = file_size;
			return true;
		}
		at = data + even(file_size);
	}
	return false;
}
