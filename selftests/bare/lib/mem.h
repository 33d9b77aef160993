/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The part of <string.h> that a compiler and bare code need.
 *
 * The compiler may call the mem* functions on its own, hence the standard
 * names. They use aligned accesses only, so they work with the MMU off.
 */
#ifndef HF_BARE_MEM_H
#define HF_BARE_MEM_H

#include "types.h"

void *memcpy(void *dst, const void *src, size_t len);
void *memmove(void *dst, const void *src, size_t len);
void *memset(void *dst, int byte, size_t len);
int memcmp(const void *a, const void *b, size_t len);
size_t strlen(const char *s);
int strcmp(const char *a, const char *b);
int strncmp(const char *a, const char *b, size_t max);

#endif
