// SPDX-License-Identifier: GPL-2.0
/*
 * The tool hfevent, as an administrator's script sees it: exit status and the
 * lines it prints.
 *
 * Needs hfevent in the PATH, and an event guest with two or more vCPUs.
 */
#include "hft_event.h"
#include "hft_harness.h"

#define ID	10

static char output[8192];

/* What was printed until that text, or the end; whether the text came. */
static bool read_until(FILE *pipe, const char *text)
{
	size_t len = 0;
	int c;

	while (len < sizeof(output) - 1 && (c = fgetc(pipe)) != EOF) {
		output[len++] = c;
		output[len] = '\0';
		if (text && len >= strlen(text) && !strcmp(output + len - strlen(text), text))
			return true;
	}
	output[len] = '\0';
	return false;
}

static int status_of(FILE *pipe)
{
	int status = pclose(pipe);

	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

/* Runs a shell command; its exit status, and what it printed in output. */
static int run(const char *format, unsigned int vm)
{
	char command[200];
	FILE *pipe;

	snprintf(command, sizeof(command), format, vm);
	strcat(command, " 2>&1");
	pipe = popen(command, "r");
	if (!pipe)
		return -1;
	read_until(pipe, NULL);
	return status_of(pipe);
}

#define EXPECT_OUTPUT(text) \
	EXPECT_NE(NULL, strstr(output, text)) { \
		TH_LOG("hfevent printed: %s", output); \
	}

FIXTURE(hfevent) {
	unsigned int vm;
	struct hf_event_info info;
	int sock;
};

FIXTURE_SETUP(hfevent)
{
	int dev;

	if (!hft_guest("event", 0))
		HFT_SKIP("no guest %s number %u in this boot", "event", 0);
	self->vm = hft_guest("event", 0)->id;
	self->sock = hft_connect(self->vm, 10);
	ASSERT_LE(0, self->sock);
	ASSERT_EQ(0, hft_event_zero(self->sock));
	dev = hft_event_open();
	ASSERT_LE(0, dev);
	ASSERT_EQ(0, hft_event_query(dev, self->vm, &self->info));
	close(dev);
}

FIXTURE_TEARDOWN(hfevent)
{
	close(self->sock);
}

static long counts(int sock, unsigned int vcpus)
{
	long sum = 0;

	while (vcpus--)
		sum += hft_event_count(sock, vcpus, ID);
	return sum;
}

TEST_F(hfevent, ring_reaches_the_guest)
{
	EXPECT_EQ(0, run("hfevent ring %u 10", self->vm));
	EXPECT_OUTPUT(" 10, rung 1 times");
	EXPECT_TRUE(hft_eventually(counts(self->sock, self->info.vcpus) >= 1));
	EXPECT_EQ(0, run("hfevent ring -n 5 %u 0xa", self->vm));
	EXPECT_OUTPUT(" 10, rung 5 times");
}

TEST_F(hfevent, vcpu_is_named_where_that_is_possible)
{
	if (self->info.rings != HF_EVENT_INTERRUPT) {
		EXPECT_EQ(2, run("hfevent ring -c 1 %u 10", self->vm));
		EXPECT_OUTPUT("no such vCPU can be named");
		return;
	}
	EXPECT_EQ(0, run("hfevent ring %u 10 -c 1", self->vm));
	EXPECT_TRUE(hft_eventually(hft_event_count(self->sock, 1, ID) == 1));
	EXPECT_EQ(2, run("hfevent ring -c 5000 %u 10", self->vm));
	EXPECT_OUTPUT("no such vCPU can be named");
	EXPECT_EQ(2, run("hfevent ring %u 3", self->vm));
	EXPECT_OUTPUT("cannot be rung by it");
}

TEST_F(hfevent, watch_tells_each_ring)
{
	char command[80];
	FILE *pipe;

	snprintf(command, sizeof(command), "hfevent watch -n 2 %u 5 6 2>&1", self->vm);
	pipe = popen(command, "r");
	ASSERT_NE(NULL, pipe);
	ASSERT_TRUE(read_until(pipe, "2 numbers\n"));
	EXPECT_EQ(2, run("hfevent watch -n 1 %u 5", self->vm));
	EXPECT_OUTPUT("there is a listener");
	ASSERT_EQ(0, hft_event_send(self->sock, 1 << 5 | 1 << 7, 1));
	ASSERT_TRUE(read_until(pipe, "number 5: 1 rings, 1 in all\n"));
	ASSERT_EQ(0, hft_event_send(self->sock, 1 << 6, 1));
	EXPECT_TRUE(read_until(pipe, "number 6: 1 rings, 1 in all\n"));
	EXPECT_EQ(0, status_of(pipe));
}

TEST_F(hfevent, notifications_are_watched_where_the_primary_has_any)
{
	int want = self->info.listens & HF_EVENT_NOTIFICATION ? 0 : 2;
	char command[80];
	FILE *pipe;

	snprintf(command, sizeof(command), "hfevent watch -b -n 1 %u 5 2>&1", self->vm);
	pipe = popen(command, "r");
	ASSERT_NE(NULL, pipe);
	if (read_until(pipe, "1 numbers\n")) {
		EXPECT_EQ(0, hft_event_notify(self->sock, 1 << 5, 1));
		EXPECT_TRUE(read_until(pipe, "1 in all\n"));
	} else {
		EXPECT_OUTPUT("binds no notifications");
	}
	EXPECT_EQ(want, status_of(pipe));
}

TEST_F(hfevent, query_has_a_line_for_each_vm)
{
	char line[80];

	snprintf(line, sizeof(line), "VM %u: vcpus=%u rings=", self->vm, self->info.vcpus);
	EXPECT_EQ(0, run("hfevent query %u", self->vm));
	EXPECT_OUTPUT(line);
	EXPECT_OUTPUT(self->info.rings == HF_EVENT_INTERRUPT ? "interrupt numbers=0,4-63 " :
		      self->info.rings ? "notification numbers=0-63 " : "none numbers= ");
	EXPECT_OUTPUT("listens=message");
	EXPECT_EQ(0, run("hfevent query", 0));
	EXPECT_OUTPUT(line);
}

TEST_F(hfevent, what_cannot_be_tried_is_an_error_of_its_own)
{
	EXPECT_EQ(2, run("hfevent ring %u 10", HFT_NO_VM));
	EXPECT_OUTPUT("there is none");
	EXPECT_EQ(2, run("hfevent watch %u 10", HF_VM_ID_PRIMARY));
	EXPECT_EQ(2, run("hfevent query %u", HFT_NO_VM));
}

TEST_F(hfevent, wrong_usage_is_explained)
{
	EXPECT_EQ(2, run("hfevent", 0));
	EXPECT_OUTPUT("usage:");
	EXPECT_EQ(2, run("hfevent knock %u 10", self->vm));
	EXPECT_EQ(2, run("hfevent ring %u", self->vm));
	EXPECT_EQ(2, run("hfevent ring %u 64", self->vm));
	EXPECT_EQ(2, run("hfevent ring -n -1 %u 10", self->vm));
	EXPECT_EQ(2, run("hfevent ring 70000 10", 0));
	EXPECT_EQ(2, run("hfevent watch %u", self->vm));
	EXPECT_EQ(2, run("hfevent watch -c 1 %u 5", self->vm));
	EXPECT_EQ(0, run("hfevent -h", 0));
	EXPECT_EQ(0, run("hfevent ring -h", 0));
}

TEST_HARNESS_MAIN
