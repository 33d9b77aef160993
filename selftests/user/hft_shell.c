// SPDX-License-Identifier: GPL-2.0
/*
 * Lines of shell: see hft_shell.h.
 */
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "hft.h"
#include "hft_shell.h"

#define LINE_MAX_LEN	1024

static int run_line(void *line)
{
	int status = system(line);

	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

int hft_shell(const char *fmt, ...)
{
	char line[LINE_MAX_LEN];
	va_list args;
	int len;

	va_start(args, fmt);
	len = snprintf(line, sizeof(line), "{ ");
	len += vsnprintf(line + len, sizeof(line) - len, fmt, args);
	va_end(args);
	snprintf(line + len, sizeof(line) - len, "; } >" HFT_OUTPUT " 2>" HFT_ERRORS);
	return run_line(line);
}

pid_t hft_shell_start(const char *fmt, ...)
{
	static char line[LINE_MAX_LEN];
	va_list args;

	va_start(args, fmt);
	vsnprintf(line, sizeof(line), fmt, args);
	va_end(args);
	return hft_spawn(run_line, line);
}

const char *hft_text(const char *path)
{
	static char text[16384];
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? 0 : read(fd, text, sizeof(text) - 1);

	text[n < 0 ? 0 : n] = '\0';
	close(fd);
	return text;
}
