// SPDX-License-Identifier: GPL-2.0
/*
 * Loads hafnium_test.ko, whose KUnit suites run at load, and hands their KTAP on.
 *
 * KUnit writes into the kernel log only. Each of its lines is a record of
 * /dev/kmsg, so that no other message can tear one apart; what is no KTAP is
 * left out, a record that was lost is a failure. The plan, which Linux 6.1 does
 * not print for modules, comes from debugfs, where each suite has a directory.
 *
 * hf_params, from the kernel's command line, are the module's parameters.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define MODULE	"/lib/hafnium_test.ko"
#define RESULTS	"/sys/kernel/debug/kunit"

static bool failed;

static void fail(const char *what)
{
	printf("# %s: %s\n", what, strerror(errno));
	failed = true;
}

static bool starts_with(const char *text, const char *start)
{
	return !strncmp(text, start, strlen(start));
}

/* A line of KTAP, other than what this program says itself at the top level. */
static bool is_ktap(const char *text)
{
	const char *word = text + strspn(text, " ");

	if (starts_with(word, "KTAP version ") || starts_with(word, "1.."))
		return word != text;
	return starts_with(word, "ok ") || starts_with(word, "not ok ") || starts_with(word, "# ");
}

/* Writes the text of a record, in which other characters than letters may be "\xNN". */
static void print_text(char *text)
{
	char *escape;

	while ((escape = strstr(text, "\\x0a"))) {
		printf("%.*s\n    # ", (int)(escape - text), text);
		text = escape + strlen("\\x0a");
	}
	printf("%s\n", text);
	fflush(stdout);
}

/* One record: "priority,number,time,flags;text\n key=value\n". False at the end. */
static bool take_record(int kmsg)
{
	char record[8192];
	ssize_t len = read(kmsg, record, sizeof(record) - 1);
	char *text;

	if (len < 0) {
		if (errno == EPIPE)
			fail("lines of the kernel log were lost");
		return errno == EPIPE;
	}
	record[len] = 0;
	text = strchr(record, ';');
	if (text) {
		text++;
		text[strcspn(text, "\n")] = 0;
		if (is_ktap(text)) {
			failed |= starts_with(text + strspn(text, " "), "not ok");
			print_text(text);
		}
	}
	return true;
}

static int load(void)
{
	const char *params = getenv("hf_params");
	int fd = open(MODULE, O_RDONLY | O_CLOEXEC);

	return fd >= 0 && !syscall(SYS_finit_module, fd, params ? params : "", 0) ? 0 : errno;
}

/* Hands on what the suites say while they run. Returns what the load did. */
static int load_and_listen(int kmsg)
{
	struct pollfd wait = { .fd = kmsg, .events = POLLIN };
	int status = 0;
	pid_t child;

	fflush(stdout);
	child = fork();
	if (!child)
		_exit(load());
	while (waitpid(child, &status, WNOHANG) != child) {
		poll(&wait, 1, 100);
		while (take_record(kmsg))
			;
	}
	while (take_record(kmsg))
		;
	return WIFEXITED(status) ? WEXITSTATUS(status) : EINTR;
}

static int count_suites(void)
{
	struct dirent *entry;
	DIR *dir = opendir(RESULTS);
	int count = 0;

	if (!dir) {
		fail(RESULTS);
		return 0;
	}
	while ((entry = readdir(dir)))
		count += starts_with(entry->d_name, "hafnium_");
	closedir(dir);
	return count;
}

int main(void)
{
	int kmsg = open("/dev/kmsg", O_RDONLY | O_NONBLOCK | O_CLOEXEC);

	printf("KTAP version 1\n");
	if (kmsg < 0 || lseek(kmsg, 0, SEEK_END) < 0) {
		fail("/dev/kmsg");
		return 1;
	}
	errno = load_and_listen(kmsg);
	if (errno)
		fail("insmod " MODULE);
	printf("1..%d\n", count_suites());
	if (syscall(SYS_delete_module, "hafnium_test", O_NONBLOCK))
		fail("rmmod hafnium_test");
	return failed;
}
