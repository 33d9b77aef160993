// SPDX-License-Identifier: GPL-2.0
/*
 * The two functions that the compiler expects even of a freestanding program.
 *
 * Messages are copied with it, so whole words are moved where both ends are
 * aligned; a payload never is in the way of that, RX and TX being pages.
 */
#include "guest.h"

void *memcpy(void *dst, const void *src, size_t n)
{
	uint8_t *to = dst;
	const uint8_t *from = src;

	if (((uintptr_t)to | (uintptr_t)from) % sizeof(uint64_t) == 0) {
		for (; n >= sizeof(uint64_t); n -= sizeof(uint64_t)) {
			*(uint64_t *)to = *(const uint64_t *)from;
			to += sizeof(uint64_t);
			from += sizeof(uint64_t);
		}
	}
	while (n--)
		*to++ = *from++;
	return dst;
}

void *memset(void *dst, int c, size_t n)
{
	uint8_t *to = dst;

	while (n--)
		*to++ = c;
	return dst;
}
