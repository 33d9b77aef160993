/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Others' programs for tests: lines of shell, and what they print.
 */
#ifndef HFT_SHELL_H
#define HFT_SHELL_H

#include <sys/types.h>

#define HFT_OUTPUT	"/tmp/shell.out"
#define HFT_ERRORS	"/tmp/shell.err"

/* Runs a line; its exit status. What it says goes to HFT_OUTPUT and HFT_ERRORS. */
__attribute__((format(printf, 1, 2))) int hft_shell(const char *fmt, ...);
/* Begins a line of which nothing is kept, for hft_join(). */
__attribute__((format(printf, 1, 2))) pid_t hft_shell_start(const char *fmt, ...);
/* The text of a file, until the next call. */
const char *hft_text(const char *path);

#define HFT_NEED_PROGRAM(name) do { \
	if (access("/bin/" name, X_OK)) \
		HFT_SKIP("no program " name " in the PATH"); \
} while (0)

#define EXPECT_OUTPUT(expected) \
	EXPECT_STREQ(expected, hft_text(HFT_OUTPUT)) { \
		TH_LOG("it complained: %s", hft_text(HFT_ERRORS)); \
	}

#define EXPECT_TEXT(path, expected) \
	EXPECT_NE(NULL, strstr(hft_text(path), expected)) { \
		TH_LOG("no \"%s\" in: %s", expected, hft_text(path)); \
	}

#endif
