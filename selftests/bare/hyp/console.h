/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Output on the PL011, which the primary uses too, and the two ways to end.
 */
#ifndef HYP_CONSOLE_H
#define HYP_CONSOLE_H

#include "types.h"

/* The UART of QEMU's virt machine: the only device that EL2 touches. */
#define UART_BASE	0x09000000UL

/* Prints one line; the end of line is added. Any CPU. */
void log_line(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/*
 * Prints "HYP PANIC: ..." and powers the machine off. The runner takes the
 * words for a failure; under QEMU's -semihosting the exit status says so too.
 */
void panic(const char *fmt, ...) __attribute__((format(printf, 1, 2), noreturn));

/* Ends QEMU, with @status where semihosting is on; prints "HYP QUIT <status>". */
void quit(u32 status) __attribute__((noreturn));

#endif
