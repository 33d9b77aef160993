// SPDX-License-Identifier: GPL-2.0
/*
 * The console and the end of the machine; see console.h.
 *
 * Any CPU, at EL2. A line is formatted first and written under one lock, so
 * that lines of several CPUs do not mix; the primary writes to the same UART
 * without that lock, so a line may begin in the middle of one of Linux's.
 */
#include "console.h"

#include "arch.h"
#include "ffa.h"
#include "format.h"
#include "spinlock.h"

#define UART_DR		0x00
#define UART_FR		0x18
#define UART_FR_TXFF	0x20

#define LINE_MAX	320
#define PANIC_STATUS	99

#define SYS_EXIT_EXTENDED		0x20
#define ADP_STOPPED_APPLICATION_EXIT	0x20026

static struct spinlock console_lock;

static void uart_put(char c)
{
	volatile u32 *fr = (volatile u32 *)(UART_BASE + UART_FR);
	volatile u32 *dr = (volatile u32 *)(UART_BASE + UART_DR);

	while (*fr & UART_FR_TXFF)
		cpu_relax();
	*dr = (u8)c;
}

static void uart_string(const char *s)
{
	for (; *s; s++) {
		if (*s == '\n')
			uart_put('\r');
		uart_put(*s);
	}
}

void log_line(const char *fmt, ...)
{
	char line[LINE_MAX];
	va_list args;

	va_start(args, fmt);
	format_va(line, sizeof(line), fmt, args);
	va_end(args);

	spin_lock(&console_lock);
	uart_string(line);
	uart_string("\n");
	spin_unlock(&console_lock);
}

/*
 * Semihosting is the only way to an exit status, and an undefined instruction
 * where QEMU runs without it; semihosting_exit() in vectors.S steps over it.
 */
void semihosting_exit(u64 op, const u64 *block);

static void __attribute__((noreturn)) power_off(u32 status)
{
	const u64 block[2] = { ADP_STOPPED_APPLICATION_EXIT, status };

	semihosting_exit(SYS_EXIT_EXTENDED, block);
	for (;;)
		smc(PSCI_SYSTEM_OFF, 0, 0, 0);
}

/* Takes no lock: the CPU that holds it may be the one that panics. */
void panic(const char *fmt, ...)
{
	char line[LINE_MAX];
	va_list args;

	va_start(args, fmt);
	format_va(line, sizeof(line), fmt, args);
	va_end(args);

	uart_string("\nHYP PANIC: ");
	uart_string(line);
	uart_string("\n");
	power_off(PANIC_STATUS);
}

void quit(u32 status)
{
	log_line("HYP QUIT %u", status);
	power_off(status);
}
