// SPDX-License-Identifier: GPL-2.0
/*
 * The tool hfping, as an administrator's script sees it: exit status and the
 * numbers it prints.
 *
 * Needs hfping in the PATH, an echo guest, and a mute one for what gets lost.
 */
#include "hft_harness.h"

static char output[8192];

/* Runs a shell command; its exit status, and what it printed in output. */
static int run(const char *format, unsigned int vm)
{
	char command[200];
	FILE *pipe;
	int status;
	size_t n;

	snprintf(command, sizeof(command), format, vm);
	strcat(command, " 2>&1");
	pipe = popen(command, "r");
	if (!pipe)
		return -1;
	n = fread(output, 1, sizeof(output) - 1, pipe);
	output[n] = '\0';
	status = pclose(pipe);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

#define EXPECT_OUTPUT(text) \
	EXPECT_NE(NULL, strstr(output, text)) { \
		TH_LOG("hfping printed: %s", output); \
	}

TEST(everything_came_back)
{
	HFT_NEED_GUEST(guest, "echo", 0);

	EXPECT_EQ(0, run("hfping -c 3 -i 0 %u", guest->id));
	EXPECT_OUTPUT("3 sent, 3 received, 0 wrong, 0% lost");
	EXPECT_OUTPUT("56 bytes from VM");
	EXPECT_OUTPUT("min/avg/max/mdev");
}

TEST(smallest_and_largest_message)
{
	HFT_NEED_GUEST(guest, "echo", 0);

	EXPECT_EQ(0, run("hfping -c 2 -i 0 -s 0 %u", guest->id));
	EXPECT_OUTPUT("2 received");
	EXPECT_EQ(0, run("hfping -c 2 -i 0 -s 7 %u 0xffffffffffffffff", guest->id));
	EXPECT_EQ(0, run("hfping -c 2 -i 0 -s 4080 %u 1", guest->id));
}

TEST(nothing_comes_back_from_a_mute_guest)
{
	HFT_NEED_GUEST(guest, "mute", 0);

	EXPECT_EQ(1, run("hfping -c 2 -i 0 -W 100 %u", guest->id));
	EXPECT_OUTPUT("no reply within 100 ms");
	EXPECT_OUTPUT("2 sent, 0 received, 0 wrong, 100% lost");
}

TEST(unknown_vm_is_an_error_of_its_own)
{
	HFT_NEED_GUEST(guest, "echo", 0);

	EXPECT_EQ(2, run("hfping -c 1 %u", HFT_NO_VM));
	EXPECT_OUTPUT("unreachable");
	EXPECT_EQ(2, run("hfping -c 1 %u", HF_VM_ID_PRIMARY));
}

TEST(vm_can_be_named_by_its_cid)
{
	HFT_NEED_GUEST(guest, "echo", 0);

	EXPECT_EQ(0, run("hfping -c 1 -i 0 cid:%u", guest->id + 1));
	EXPECT_OUTPUT("(CID ");
	EXPECT_OUTPUT("1 received");
	EXPECT_EQ(2, run("hfping -c 1 cid:%u", HFT_NO_VM + 1));
	EXPECT_OUTPUT("unreachable");
	EXPECT_EQ(2, run("hfping cid:0", 0));
	EXPECT_OUTPUT("VM n has the CID n + 1");
	EXPECT_EQ(2, run("hfping cid:%u", 70000));
}

TEST(wrong_usage_is_explained)
{
	HFT_NEED_GUEST(guest, "echo", 0);

	EXPECT_EQ(2, run("hfping", 0));
	EXPECT_OUTPUT("usage:");
	EXPECT_EQ(2, run("hfping -s 4081 %u", guest->id));
	EXPECT_EQ(2, run("hfping -c -1 %u", guest->id));
	EXPECT_EQ(2, run("hfping -c x %u", guest->id));
	EXPECT_EQ(2, run("hfping 70000", 0));
	EXPECT_EQ(2, run("hfping %u 1 2", guest->id));
	EXPECT_EQ(0, run("hfping -h", 0));
}

TEST_HARNESS_MAIN
