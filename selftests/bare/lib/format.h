/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A small vsnprintf().
 *
 * Knows %d %u %x %c %s %p %%, the length l (or ll), and a width with or
 * without leading zeros (%08x, %16lx). Anything else is copied as it stands.
 */
#ifndef HF_BARE_FORMAT_H
#define HF_BARE_FORMAT_H

#include <stdarg.h>

#include "types.h"

/* Always ends @buf with a zero byte. Returns the number of characters stored. */
size_t format_va(char *buf, size_t size, const char *fmt, va_list args);

#endif
