// SPDX-License-Identifier: GPL-2.0
/*
 * hafstat: what the VMs and vCPUs of this machine do, each second.
 *
 * Its source is the driver's file "stats" in debugfs (Documentation/stats.rst), two
 * samples of which make rates; guest time is that of the vCPUs' threads in /proc. Words
 * that it does not know are passed on by -j, so that a newer driver does no harm.
 *
 * Exit status: 0 done, 2 it could not be tried (usage, module not loaded, no debugfs,
 * no permission, a version of the file that is not known).
 */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#include "hafstat.h"

#define LEVELS		"vm vcpus vcpu tid requests message_pending waiting readers sendq"

struct options {
	double seconds;
	unsigned long count;		/* 0 = until interrupted */
	bool json;
};

static volatile sig_atomic_t interrupted;
static struct termios cooked;
static bool on_screen;

static void on_interrupt(int sig)
{
	(void)sig;
	interrupted = 1;
}

static void leave_screen(void)
{
	if (on_screen)
		tcsetattr(STDIN_FILENO, TCSANOW, &cooked);
	on_screen = false;
}

void fail(const char *format, ...)
{
	va_list args;

	leave_screen();
	fprintf(stderr, "hafstat: ");
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fputc('\n', stderr);
	exit(2);
}

void *or_fail(void *memory)
{
	if (!memory)
		fail("out of memory");
	return memory;
}

/* --- tables --- */

/* Whether a word is in a list of them, of which one that ends in * stands for several. */
static bool is_listed(const char *word, const char *list)
{
	size_t len;

	for (; *list; list += len + (list[len] == ' ')) {
		len = strcspn(list, " ");
		if (list[len - 1] == '*' ? !strncmp(word, list, len - 1) :
		    strlen(word) == len && !strncmp(word, list, len))
			return true;
	}
	return false;
}

struct column {
	const char *title;
	const char *words;	/* their sum */
	enum { RATE, LEVEL, PERCENT } kind;
};

static const struct column vm_columns[] = {
	{ "RUNS",   "runs",		RATE },
	{ "IN",     "received",		RATE },
	{ "OUT",    "sent",		RATE },
	{ "DROPS",  "dropped_*",	RATE },
	{ "RINGS",  "rings",		RATE },
	{ "QUEUE",  "sendq",		LEVEL },
	{ "KICKS",  "kicks",		RATE },
	{ "WAKES",  "wakes",		RATE },
	{ "SPUR",   "spurious",		RATE },
	{ "GUEST%", "guest_ms",		PERCENT },
	{ 0 },
};

static const struct column vcpu_columns[] = {
	{ "RUNS",   "runs",		RATE },
	{ "SEND",   "msg_send",		RATE },
	{ "WAIT",   "msg_wait",		RATE },
	{ "WFI",    "wfi",		RATE },
	{ "YIELD",  "yield",		RATE },
	{ "IRQ",    "interrupt",	RATE },
	{ "OTHER",  "interrupt_other wake_up rx_release aborted busy off error unknown", RATE },
	{ "KICKS",  "kicks",		RATE },
	{ "WAKES",  "wakes",		RATE },
	{ "GUEST%", "guest_ms",		PERCENT },
	{ 0 },
};

/* The sum of a column's words, over a VM's vCPUs as well. False if there is no such word. */
static bool sum(const struct sample *s, const struct sample *old, const struct line *of,
		const struct column *c, double *total)
{
	bool found = false;
	int i, w;

	*total = 0;
	for (i = 0; i < s->count; i++) {
		const struct line *line = &s->lines[i], *before;

		if (line->vm != of->vm || (of->vcpu >= 0 && line->vcpu != of->vcpu))
			continue;
		before = c->kind == LEVEL ? NULL : sample_find(old, line, i);
		for (w = 0; w < line->count; w++) {
			if (!is_listed(line->words[w].name, c->words))
				continue;
			*total += line_growth(line, before, line->words[w].name);
			found = true;
		}
	}
	return found;
}

/* In five columns. */
static const char *short_number(double value)
{
	static char text[32];

	if (value > 0 && value < 9.95)
		snprintf(text, sizeof(text), "%.1f", value);
	else if (value < 99999.5)
		snprintf(text, sizeof(text), "%.0f", value);
	else if (value < 9999500)
		snprintf(text, sizeof(text), "%.0fk", value / 1e3);
	else
		snprintf(text, sizeof(text), "%.0fM", value / 1e6);
	return text;
}

static void print_titles(FILE *out, const char *first, const struct column *c)
{
	fputs(first, out);
	for (; c->title; c++)
		fprintf(out, " %5s", c->title);
	fputc('\n', out);
}

static void print_row(FILE *out, const struct sample *s, const struct sample *old,
		      const struct line *line, const struct column *c)
{
	double seconds = s->seconds - old->seconds, value;

	for (; c->title; c++) {
		if (!sum(s, old, line, c, &value))
			fprintf(out, " %*s", c->kind == PERCENT ? 6 : 5, "-");
		else if (c->kind == PERCENT)
			fprintf(out, " %6.1f", value / 10 / seconds);
		else
			fprintf(out, " %5s",
				short_number(c->kind == RATE ? value / seconds : value));
	}
	fputc('\n', out);
}

struct rank {
	const struct line *line;
	double runs;
};

static int compare_ranks(const void *a, const void *b)
{
	const struct rank *x = a, *y = b;

	if (x->runs != y->runs)
		return x->runs < y->runs ? 1 : -1;
	return x->line < y->line ? -1 : 1;
}

/* All vCPUs, the one with the most runs first. */
static int rank_vcpus(const struct sample *s, const struct sample *old, struct rank *ranks)
{
	int i, n = 0;

	for (i = 0; i < s->count; i++) {
		const struct line *line = &s->lines[i];

		if (line->vcpu >= 0)
			ranks[n++] = (struct rank){
				line, line_growth(line, sample_find(old, line, i), "runs")
			};
	}
	qsort(ranks, n, sizeof(*ranks), compare_ranks);
	return n;
}

static const char *or_dash(const char *text)
{
	return text ? text : "-";
}

static void print_tables(FILE *out, const struct sample *s, const struct sample *old)
{
	struct rank *ranks = or_fail(calloc(s->count + 1, sizeof(*ranks)));
	int vcpus = rank_vcpus(s, old, ranks), i;
	time_t t = time(NULL);
	char clock[16], name[32];

	strftime(clock, sizeof(clock), "%H:%M:%S", localtime(&t));
	fprintf(out, "hafstat %s: %d VMs, %d vCPUs; each second, over %.1f s\n", clock,
		s->count - vcpus, vcpus, s->seconds - old->seconds);
	print_titles(out, "   VM  STATE VCPUS", vm_columns);
	for (i = 0; i < s->count; i++) {
		const struct line *line = &s->lines[i];

		if (line->vcpu >= 0)
			continue;
		fprintf(out, "%5lu %6.6s %5.5s", line->vm, or_dash(line_word(line, "state")),
			or_dash(line_word(line, "vcpus")));
		print_row(out, s, old, line, vm_columns);
	}
	print_titles(out, "\n  VM.VCPU     MODE", vcpu_columns);
	for (i = 0; i < vcpus; i++) {
		snprintf(name, sizeof(name), "%lu.%ld", ranks[i].line->vm, ranks[i].line->vcpu);
		fprintf(out, "%9s %8.8s", name, or_dash(line_word(ranks[i].line, "mode")));
		print_row(out, s, old, ranks[i].line, vcpu_columns);
	}
	free(ranks);
}

/* Overwrites what is there, in one write, so that nothing flickers. */
static void print_screen(char *text)
{
	struct winsize size = { 0 };
	char *row, *rest = text, *out;
	size_t len;
	FILE *f;
	int i;

	if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) || !size.ws_row || !size.ws_col)
		size = (struct winsize){ .ws_row = 24, .ws_col = 80 };
	f = or_fail(open_memstream(&out, &len));
	fputs("\033[H", f);
	for (i = 0; i < size.ws_row && *rest && (row = strsep(&rest, "\n")); i++) {
		if (i == size.ws_row - 1 && *rest)
			row = "... and more, for which this window has no room";
		fprintf(f, "%s%.*s\033[K", i ? "\r\n" : "", size.ws_col - 1, row);
	}
	fputs("\033[J", f);
	fclose(f);
	fwrite(out, 1, len, stdout);
	free(out);
}

static void show(const struct sample *s, const struct sample *old, bool first)
{
	char *text;
	size_t len;
	FILE *f = or_fail(open_memstream(&text, &len));

	print_tables(f, s, old);
	fclose(f);
	if (on_screen)
		print_screen(text);
	else
		printf("%s%s", first ? "" : "\n", text);
	free(text);
}

/* --- JSON --- */

static void print_json_line(const struct line *line, const struct line *before, double seconds)
{
	const char *comma = "";
	unsigned long long n;
	int i;

	putchar('{');
	for (i = 0; i < line->count; i++) {
		const struct word *w = &line->words[i];

		if (to_number(w->text, &n))
			printf("%s\"%s\":%llu", comma, w->name, n);
		else
			printf("%s\"%s\":\"%s\"", comma, w->name, w->text);
		comma = ",";
	}
	printf(",\"per_second\":{");
	comma = "";
	for (i = 0; i < line->count; i++) {
		const char *name = line->words[i].name;

		if (!to_number(line->words[i].text, &n) || is_listed(name, LEVELS))
			continue;
		printf("%s\"%s\":%.2f", comma, name, line_growth(line, before, name) / seconds);
		comma = ",";
	}
	printf("}}");
}

static void print_json(const struct sample *s, const struct sample *old)
{
	double seconds = s->seconds - old->seconds;
	int vcpu, i;

	printf("{\"version\":%d,\"time\":%.3f,\"seconds\":%.3f", STATS_VERSION, now(CLOCK_REALTIME),
	       seconds);
	for (vcpu = 0; vcpu < 2; vcpu++) {
		const char *comma = "";

		printf(",\"%s\":[", vcpu ? "vcpus" : "vms");
		for (i = 0; i < s->count; i++) {
			const struct line *line = &s->lines[i];

			if ((line->vcpu >= 0) != vcpu)
				continue;
			fputs(comma, stdout);
			print_json_line(line, sample_find(old, line, i), seconds);
			comma = ",";
		}
		putchar(']');
	}
	printf("}\n");
}

/* --- the loop --- */

/* False if it is over, by a signal or the key q. */
static bool pause_for(double seconds)
{
	double end = now(CLOCK_MONOTONIC) + seconds, left;
	struct pollfd in = { .fd = on_screen ? STDIN_FILENO : -1, .events = POLLIN };
	char key;

	while (!interrupted && (left = end - now(CLOCK_MONOTONIC)) > 0) {
		if (poll(&in, 1, left * 1000 + 1) <= 0)
			continue;
		if (read(in.fd, &key, 1) != 1)
			in.fd = -1;
		else if (key == 'q')
			return false;
	}
	return !interrupted;
}

static void enter_screen(void)
{
	struct termios raw;

	if (tcgetattr(STDIN_FILENO, &cooked))
		return;
	raw = cooked;
	raw.c_lflag &= ~(ICANON | ECHO);
	on_screen = !tcsetattr(STDIN_FILENO, TCSANOW, &raw);
}

static int watch(const struct options *o)
{
	struct sample old = sample_take(), s;
	unsigned long i;

	if (!o->json && o->count != 1 && isatty(STDOUT_FILENO))
		enter_screen();
	for (i = 0; !o->count || i < o->count; i++) {
		/* Something soon, however long it takes until the next. */
		if (!pause_for(on_screen && !i && o->seconds > 1 ? 1 : o->seconds))
			break;
		s = sample_take();
		if (o->json)
			print_json(&s, &old);
		else
			show(&s, &old, !i);
		if (fflush(stdout))
			fail("cannot write: %s", strerror(errno));
		sample_free(&old);
		old = s;
	}
	if (on_screen)
		printf("\r\n");
	leave_screen();
	sample_free(&old);
	return 0;
}

static void usage(FILE *to)
{
	fprintf(to,
		"usage: hafstat [-1j] [-d seconds] [-n count]\n"
		"       hafstat -h | -V\n"
		"  -1          print once and end, as -n 1\n"
		"  -d seconds  time between two looks, 0.1 to 3600 (1)\n"
		"  -j          JSON, one line for each look\n"
		"  -n count    end after so many (0 = when interrupted, or by the key q)\n");
}

static void parse(struct options *o, int argc, char **argv)
{
	char *end = "";
	int c;

	while ((c = getopt(argc, argv, "1d:jn:Vh")) != -1 && !*end) {
		switch (c) {
		case '1':
			o->count = 1;
			break;
		case 'd':
			o->seconds = strtod(optarg, &end);
			if (end == optarg || !(o->seconds >= 0.1 && o->seconds <= 3600))
				end = "?";
			break;
		case 'j':
			o->json = true;
			break;
		case 'n':
			o->count = strtoul(optarg, &end, 10);
			if (end == optarg || strchr(optarg, '-'))
				end = "?";
			break;
		case 'V':
			puts("hafstat " HF_VERSION);
			exit(0);
		case 'h':
			usage(stdout);
			exit(0);
		default:
			end = "?";
		}
	}
	if (*end || optind < argc) {
		usage(stderr);
		exit(2);
	}
}

int main(int argc, char **argv)
{
	struct options o = { .seconds = 1 };
	struct sigaction action = { .sa_handler = on_interrupt };

	parse(&o, argc, argv);
	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
	return watch(&o);
}
