// SPDX-License-Identifier: GPL-2.0
/*
 * The tool hafstat: its screen on a terminal, its tables and its JSON, beside a load;
 * and what it says where it cannot read anything.
 *
 * A file of ours in the place of the driver's shows what no boot has: many VMs, vCPUs
 * that appear, another version. Needs hafstat in the PATH, echo x 2 and busy.
 */
#include <ctype.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <termios.h>

#include "hft_harness.h"
#include "hft_load.h"
#include "hft_shell.h"

#define DEBUGFS		"/sys/kernel/debug"
#define STATS		DEBUGFS "/hafnium/stats"
#define FAKE		"/tmp/stats"
#define ROWS		24
#define COLUMNS		80
#define VM_TITLES	"   VM  STATE VCPUS  RUNS    IN   OUT DROPS RINGS QUEUE KICKS WAKES  SPUR GUEST%"
#define VCPU_TITLES	"  VM.VCPU     MODE  RUNS  SEND  WAIT   WFI YIELD   IRQ OTHER KICKS WAKES GUEST%"

/* --- a terminal --- */

struct screen {
	char cells[ROWS][COLUMNS + 1];
	int row, col, scrolled;
	bool wrong;		/* a long line, an escape that is not needed, a screen cleared first */
};

static void clear_row(struct screen *s, int row, int from)
{
	memset(s->cells[row] + from, ' ', COLUMNS - from);
}

static void next_row(struct screen *s)
{
	if (++s->row < ROWS)
		return;
	memmove(s->cells[0], s->cells[1], sizeof(s->cells) - sizeof(s->cells[0]));
	s->row = ROWS - 1;
	clear_row(s, s->row, 0);
	s->scrolled++;
}

static void do_escape(struct screen *s, char c)
{
	int row;

	switch (c) {
	case 'H':
		s->row = 0;
		s->col = 0;
		break;
	case 'J':
		s->wrong |= !s->row && !s->col;
		for (row = s->row + 1; row < ROWS; row++)
			clear_row(s, row, 0);
		clear_row(s, s->row, s->col);
		break;
	case 'K':
		clear_row(s, s->row, s->col);
		break;
	default:
		s->wrong = true;
	}
}

static void show_text(struct screen *s, const char *text, ssize_t len)
{
	static int escape;	/* of ESC [ letter, how much has come */

	for (; len > 0; text++, len--) {
		if (escape) {
			s->wrong |= escape == 1 && *text != '[';
			if (escape == 2)
				do_escape(s, *text);
			escape = escape == 1 ? 2 : 0;
		} else if (*text == '\033') {
			escape = 1;
		} else if (*text == '\r') {
			s->col = 0;
		} else if (*text == '\n') {
			next_row(s);
		} else if (isprint(*text) && s->col < COLUMNS) {
			s->cells[s->row][s->col++] = *text;
		} else {
			s->wrong = true;
		}
	}
}

/* Runs hafstat on a terminal of this size; the other end of that, or -1. */
static int start_on_terminal(const char *options, pid_t *pid)
{
	struct winsize size = { .ws_row = ROWS, .ws_col = COLUMNS };
	char command[80], *name;
	int end, slave;

	if ((mkdir("/dev/pts", 0755) && errno != EEXIST) ||
	    (access("/dev/pts/ptmx", F_OK) && mount("devpts", "/dev/pts", "devpts", 0, NULL)))
		return -1;
	end = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
	name = end < 0 || grantpt(end) || unlockpt(end) ? NULL : ptsname(end);
	slave = name ? open(name, O_RDWR | O_NOCTTY | O_CLOEXEC) : -1;
	if (slave < 0 || ioctl(slave, TIOCSWINSZ, &size))
		return -1;
	snprintf(command, sizeof(command), "exec hafstat %s", options);
	*pid = fork();
	if (!*pid) {
		dup2(slave, 0);
		dup2(slave, 1);
		dup2(slave, 2);
		execl("/bin/sh", "sh", "-c", command, NULL);
		_exit(127);
	}
	close(slave);
	return end;
}

/* What is on the screen when the program has ended: its exit status. */
static int watch_terminal(int end, pid_t pid, struct screen *s)
{
	char text[4096];
	ssize_t n;
	int row;

	memset(s, 0, sizeof(*s));
	for (row = 0; row < ROWS; row++)
		clear_row(s, row, 0);
	while (hft_poll(end, POLLIN, HFT_PATIENCE_MS) > 0) {
		n = read(end, text, sizeof(text));
		if (n <= 0)
			break;
		show_text(s, text, n);
	}
	close(end);
	for (row = 0; row < ROWS; row++)
		fprintf(stderr, "# |%s|\n", s->cells[row]);
	return hft_join(pid, HFT_PATIENCE_MS);
}

/* --- what it prints --- */

static const char *json_value(const char *p);

/* Members or elements up to the bracket that closes them. */
static const char *json_members(const char *p, char close, bool named)
{
	if (*p == close)
		return p + 1;
	for (;; p++) {
		if (named) {
			p = *p == '"' ? json_value(p) : NULL;
			if (!p || *p++ != ':')
				return NULL;
		}
		p = json_value(p);
		if (!p || *p == close)
			return p ? p + 1 : NULL;
		if (*p != ',')
			return NULL;
	}
}

/* What follows a value, without blanks between; NULL if it is none. */
static const char *json_value(const char *p)
{
	char *end;

	if (*p == '{')
		return json_members(p + 1, '}', true);
	if (*p == '[')
		return json_members(p + 1, ']', false);
	if (*p == '"') {
		p += 1 + strcspn(p + 1, "\"\\\n");
		return *p == '"' ? p + 1 : NULL;
	}
	if (!isdigit(*p))
		return NULL;
	strtod(p, &end);
	return end;
}

/* A number of the VM's object, or of that of its first vCPU; -1 = it has none. */
static double json_number(const char *line, unsigned int vm, const char *path, bool rate)
{
	char key[64];
	const char *p;

	snprintf(key, sizeof(key), "{\"vm\":%u,\"vcpu%s", vm, path[0] == 'v' ? "\":0," : "s\":");
	p = strstr(line, key);
	if (p && rate)
		p = strstr(p, "\"per_second\":");
	snprintf(key, sizeof(key), "\"%s\":", path + 1);
	p = p ? strstr(p, key) : NULL;
	return p ? strtod(p + strlen(key), NULL) : -1;
}

#define OF_VM(name)	("." name)
#define OF_VCPU(name)	("v" name)

/* How many lines it is, none of them too long for 80 columns; -1 = one is. */
static int count_lines(const char *text)
{
	int count = 0;
	size_t len;

	for (; *text; text += len + (text[len] == '\n'), count++) {
		len = strcspn(text, "\n");
		if (len >= COLUMNS)
			return -1;
	}
	return count;
}

#define EXPECT_COMPLAINT(text) EXPECT_TEXT(HFT_ERRORS, text)

/* --- a file of ours --- */

/* In this process and its children. */
static int own_mounts(void)
{
	return unshare(CLONE_NEWNS) || mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL);
}

static int fake(const char *text)
{
	int fd = open(FAKE, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	int err = fd < 0 || write(fd, text, strlen(text)) < 0;

	close(fd);
	return err || own_mounts() || mount(FAKE, STATS, NULL, MS_BIND, NULL);
}

/* The same, or more of it; readers find nothing missing meanwhile. */
static int change_fake(const char *text)
{
	return hft_put(FAKE, text);
}

#define FAKE_VM(vm, vcpus, sent) \
	"vm=" #vm " vcpus=" #vcpus " state=alive sendq=7 sent=" #sent " received=5 new_word=9\n"
#define FAKE_VCPU(vm, vcpu, runs) \
	"vm=" #vm " vcpu=" #vcpu " tid=1 mode=blocked requests=0x8 runs=" #runs " msg_send=0\n"

/* Reads lines up to one that has the text: the last one. */
static bool read_line_with(FILE *pipe, const char *text, char *line, int size)
{
	while (fgets(line, size, pipe))
		if (strstr(line, text))
			return true;
	return false;
}

/* --- tests --- */

TEST(screen_has_a_row_for_each_vm_and_vcpu)
{
	struct hft_load *load;
	unsigned int id, vcpus, all = 0, i;
	struct screen s;
	double runs, last = 1e12;
	char state[16], name[16];
	pid_t pid;
	int end, row = 2;

	HFT_NEED_GUEST(guest, "echo", 1);
	load = hft_load_start(AF_HF, SOCK_DGRAM, 2);
	ASSERT_NE(NULL, load);
	end = start_on_terminal("-d 1 -n 3", &pid);
	ASSERT_LE(0, end);
	EXPECT_EQ(0, watch_terminal(end, pid, &s));
	EXPECT_TRUE(hft_load_stop(load));
	EXPECT_FALSE(s.wrong);
	EXPECT_EQ(0, s.scrolled);
	EXPECT_EQ(0, strncmp("hafstat ", s.cells[0], 8));
	EXPECT_EQ(0, strncmp(VM_TITLES, s.cells[1], strlen(VM_TITLES)));
	for (i = 0; i < hft_guest_count(NULL); i++, row++) {
		ASSERT_EQ(3, sscanf(s.cells[row], "%u %15s %u", &id, state, &vcpus));
		EXPECT_EQ(hft_guest(NULL, i)->id, id);
		EXPECT_STREQ("alive", state);
		EXPECT_EQ(hft_vm_count(id, "vcpus"), vcpus);
		all += vcpus;
	}
	EXPECT_EQ(COLUMNS, strspn(s.cells[row], " "));
	EXPECT_EQ(0, strncmp(VCPU_TITLES, s.cells[row + 1], strlen(VCPU_TITLES)));
	for (row += 2; all; all--, row++) {
		ASSERT_EQ(3, sscanf(s.cells[row], "%15s %15s %lf", name, state, &runs));
		EXPECT_LE(runs, last);
		last = runs;
	}
	for (; row < ROWS; row++)
		EXPECT_EQ(COLUMNS, strspn(s.cells[row], " "));
}

TEST(window_that_is_too_small_says_so)
{
	char text[8192] = "version=1\n";
	struct screen s;
	pid_t pid;
	int end, i;

	for (i = 2; i < 50; i++)
		snprintf(text + strlen(text), sizeof(text) - strlen(text),
			 "vm=%d vcpus=1 state=dead sendq=123456789 sent=1\n", i);
	ASSERT_EQ(0, fake(text));
	end = start_on_terminal("-d 0.2 -n 2", &pid);
	ASSERT_LE(0, end);
	EXPECT_EQ(0, watch_terminal(end, pid, &s));
	EXPECT_FALSE(s.wrong);
	/* By the last line, for the shell. */
	EXPECT_EQ(1, s.scrolled);
	EXPECT_EQ(0, strncmp(VM_TITLES, s.cells[0], strlen(VM_TITLES)));
	EXPECT_EQ(0, strncmp("    2   dead     1", s.cells[1], 18));
	EXPECT_NE(NULL, strstr(s.cells[1], "  123M "));
	EXPECT_EQ(0, strncmp("... and more", s.cells[ROWS - 2], 12));
}

TEST(key_ends_it_and_the_terminal_is_as_before)
{
	struct termios mode;
	pid_t pid;
	int end, keep;

	end = start_on_terminal("-d 3600", &pid);
	ASSERT_LE(0, end);
	/* Else its mode is gone with it. */
	keep = open(ptsname(end), O_RDWR | O_NOCTTY | O_CLOEXEC);
	ASSERT_TRUE(hft_eventually(!tcgetattr(keep, &mode) && !(mode.c_lflag & ICANON)));
	ASSERT_EQ(1, write(end, "q", 1));
	EXPECT_EQ(0, hft_join(pid, HFT_PATIENCE_MS));
	EXPECT_EQ(0, tcgetattr(keep, &mode));
	EXPECT_EQ(ICANON | ECHO, mode.c_lflag & (ICANON | ECHO));
	close(keep);
	close(end);
}

TEST(once_is_a_table_without_escapes)
{
	HFT_NEED_GUEST(guest, "echo", 0);
	const char *text;

	ASSERT_EQ(0, hft_shell("hafstat -1 -d 0.2"));
	text = hft_text(HFT_OUTPUT);
	EXPECT_EQ(NULL, strchr(text, '\033'));
	EXPECT_EQ(4 + hft_guest_count(NULL) + hft_vms_count("vcpus"), count_lines(text));
	EXPECT_TEXT(HFT_OUTPUT, "\n" VM_TITLES "\n    2  alive ");
	EXPECT_TEXT(HFT_OUTPUT, "\n\n" VCPU_TITLES "\n");
	EXPECT_STREQ("", hft_text(HFT_ERRORS));
}

TEST(json_counts_what_the_load_does)
{
	static const char *const growing[] = {
		OF_VM("sent"), OF_VM("received"), OF_VCPU("runs"), OF_VCPU("msg_send"),
		OF_VCPU("msg_wait"),
	};
	double before[ARRAY_SIZE(growing)] = { 0 };
	struct hft_load *load;
	static char line[32768];
	const char *end;
	int lines = 0, i;
	FILE *pipe;

	HFT_NEED_GUEST(guest, "echo", 1);
	load = hft_load_start(AF_HF, SOCK_DGRAM, 2);
	ASSERT_NE(NULL, load);
	pipe = popen("hafstat -j -n 3 -d 0.5", "r");
	ASSERT_NE(NULL, pipe);
	while (fgets(line, sizeof(line), pipe)) {
		end = json_value(line);
		ASSERT_NE(NULL, end) {
			TH_LOG("no JSON: %s", line);
		}
		EXPECT_STREQ("\n", end);
		EXPECT_EQ(0, strncmp("{\"version\":1,\"time\":", line, 20));
		for (i = 0; i < ARRAY_SIZE(growing); i++) {
			double n = json_number(line, guest->id, growing[i], false);
			double rate = json_number(line, guest->id, growing[i], true);

			EXPECT_LT(before[i], n);
			EXPECT_LT(0, rate);
			/* 0.5 s or more have gone by. */
			if (lines) {
				EXPECT_GE((n - before[i]) * 2 + 1, rate);
			}
			before[i] = n;
		}
		lines++;
	}
	EXPECT_EQ(3, lines);
	EXPECT_EQ(0, pclose(pipe));
	EXPECT_TRUE(hft_load_stop(load));
	EXPECT_GE(hft_vm_count(guest->id, "sent"), before[0]);
}

TEST(guest_that_computes_has_guest_time)
{
	HFT_NEED_GUEST(busy, "busy", 0);
	double ms;

	ASSERT_EQ(0, hft_shell("hafstat -1j -d 2"));
	ms = json_number(hft_text(HFT_OUTPUT), busy->id, OF_VCPU("guest_ms"), true);
	fprintf(stderr, "# %.0f ms a second\n", ms);
	EXPECT_LT(100, ms);
	EXPECT_GE(1100, ms);
}

TEST(vcpu_that_appears_is_shown)
{
	FILE *pipe;
	char line[4096];

	ASSERT_EQ(0, fake("version=1\n" FAKE_VM(2, 1, 100) FAKE_VCPU(2, 0, 50)));
	pipe = popen("hafstat -j -n 50 -d 0.2", "r");
	ASSERT_NE(NULL, pipe);
	ASSERT_NE(NULL, fgets(line, sizeof(line), pipe));
	EXPECT_EQ(NULL, strstr(line, "\"vcpu\":1"));
	EXPECT_EQ(9, json_number(line, 2, OF_VM("new_word"), false));
	ASSERT_EQ(0, change_fake("version=1\n" FAKE_VM(2, 2, 100) FAKE_VCPU(2, 0, 50)
				 FAKE_VCPU(2, 1, 30) FAKE_VM(3, 1, 9) FAKE_VCPU(3, 0, 40)));
	ASSERT_TRUE(read_line_with(pipe, "{\"vm\":2,\"vcpu\":1,", line, sizeof(line)));
	EXPECT_LT(0, json_number(line, 3, OF_VCPU("runs"), true));
	EXPECT_EQ(0, json_number(line, 2, OF_VCPU("runs"), true));
	/* A load of the module later all counters begin anew. */
	ASSERT_EQ(0, change_fake("version=1\n" FAKE_VM(2, 2, 100) FAKE_VCPU(2, 0, 10)));
	ASSERT_TRUE(read_line_with(pipe, "\"runs\":10,", line, sizeof(line)));
	EXPECT_LT(0, json_number(line, 2, OF_VCPU("runs"), true));
	EXPECT_GE(50, json_number(line, 2, OF_VCPU("runs"), true));
	pclose(pipe);
}

TEST(another_version_is_refused)
{
	ASSERT_EQ(0, fake("version=2\n" FAKE_VM(2, 1, 100)));
	EXPECT_EQ(2, hft_shell("hafstat -1"));
	EXPECT_COMPLAINT("has version 2, hafstat knows 1");
}

TEST(older_module_is_told)
{
	ASSERT_EQ(0, own_mounts());
	ASSERT_EQ(0, mount("none", DEBUGFS "/hafnium", "tmpfs", 0, NULL));
	EXPECT_EQ(2, hft_shell("hafstat -1"));
	EXPECT_COMPLAINT("older than hafstat");
}

TEST(debugfs_that_is_not_mounted_is_told)
{
	ASSERT_EQ(0, own_mounts());
	ASSERT_EQ(0, umount2(DEBUGFS, MNT_DETACH));
	EXPECT_EQ(2, hft_shell("hafstat -1"));
	EXPECT_COMPLAINT("debugfs is not mounted; try: mount -t debugfs debugfs " DEBUGFS);
}

TEST(user_who_may_not_read_it_is_told)
{
	chmod("/tmp", 01777);
	unlink(HFT_OUTPUT);
	unlink(HFT_ERRORS);
	ASSERT_EQ(0, setresuid(65534, 65534, 65534));
	EXPECT_EQ(2, hft_shell("hafstat -1"));
	EXPECT_COMPLAINT("no permission to read " STATS "; try: sudo hafstat");
	unlink(HFT_OUTPUT);
	unlink(HFT_ERRORS);
}

TEST(wrong_usage_is_explained)
{
	EXPECT_EQ(2, hft_shell("hafstat -d 0"));
	EXPECT_COMPLAINT("usage:");
	EXPECT_EQ(2, hft_shell("hafstat -d 1s"));
	EXPECT_EQ(2, hft_shell("hafstat -n -1"));
	EXPECT_EQ(2, hft_shell("hafstat -x"));
	EXPECT_EQ(2, hft_shell("hafstat 2"));
	EXPECT_EQ(0, hft_shell("hafstat -h"));
	EXPECT_EQ(2, hft_shell("hafstat -1 >/dev/full"));
	EXPECT_COMPLAINT("cannot write");
}

TEST_HARNESS_MAIN
