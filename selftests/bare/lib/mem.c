// SPDX-License-Identifier: GPL-2.0
/*
 * mem* and str* for bare code; see mem.h.
 *
 * Built with -fno-builtin so that the loops are not turned into calls of the
 * functions they implement. Words are used where both pointers allow it: a
 * message is a page, a guest image several, and all of it runs under emulation.
 */
#include "mem.h"

#define WORD	sizeof(u64)
#define HALF	sizeof(u32)

static bool aligned(const void *p)
{
	return ((uintptr_t)p & (WORD - 1)) == 0;
}

void *memcpy(void *dst, const void *src, size_t len)
{
	size_t apart = (uintptr_t)dst ^ (uintptr_t)src;
	u8 *d = dst;
	const u8 *s = src;
	bool words = aligned(d) && aligned(s);

	if (!words && !(apart & (WORD - 1))) {
		for (; len && !aligned(d); len--)
			*d++ = *s++;
		words = true;
	}
	if (words) {
		for (; len >= WORD; len -= WORD, d += WORD, s += WORD)
			*(u64 *)d = *(const u64 *)s;
	} else if (!(apart & (HALF - 1))) {
		for (; len && (uintptr_t)d & (HALF - 1); len--)
			*d++ = *s++;
		for (; len >= HALF; len -= HALF, d += HALF, s += HALF)
			*(u32 *)d = *(const u32 *)s;
	}
	while (len--)
		*d++ = *s++;
	return dst;
}

void *memmove(void *dst, const void *src, size_t len)
{
	u8 *d = dst;
	const u8 *s = src;

	if (d <= s || d >= s + len)
		return memcpy(dst, src, len);
	while (len--)
		d[len] = s[len];
	return dst;
}

void *memset(void *dst, int byte, size_t len)
{
	u64 word = 0x0101010101010101ULL * (u8)byte;
	u8 *d = dst;

	if (aligned(d)) {
		for (; len >= WORD; len -= WORD, d += WORD)
			*(u64 *)d = word;
	}
	while (len--)
		*d++ = (u8)byte;
	return dst;
}

int memcmp(const void *a, const void *b, size_t len)
{
	const u8 *x = a;
	const u8 *y = b;

	for (; len--; x++, y++) {
		if (*x != *y)
			return *x - *y;
	}
	return 0;
}

size_t strlen(const char *s)
{
	size_t n = 0;

	while (s[n])
		n++;
	return n;
}

int strncmp(const char *a, const char *b, size_t max)
{
	for (; max; max--, a++, b++) {
		if (*a != *b)
			return (u8)*a - (u8)*b;
		if (!*a)
			return 0;
	}
	return 0;
}

int strcmp(const char *a, const char *b)
{
	return strncmp(a, b, SIZE_MAX);
}
