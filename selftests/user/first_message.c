// SPDX-License-Identifier: GPL-2.0
/*
 * The program that README.md shows to newcomers, taken from there by the
 * Makefile, so that what people copy is what was tested.
 *
 * Needs an echo guest as VM 2.
 */
#include "hft_harness.h"

#define main readme_main
#include "readme_example.c"
#undef main

static int run_with_output_to(void *fd)
{
	int status;

	if (dup2(*(int *)fd, STDOUT_FILENO) < 0)
		return 100;
	status = readme_main();
	fflush(stdout);
	return status;
}

TEST(program_of_the_readme_gets_its_answer)
{
	HFT_NEED_GUEST(guest, "echo", 0);
	char output[256] = "";
	int channel[2];
	pid_t child;

	if (guest->id != 2)
		HFT_SKIP("VM 2 is not an echo in this boot");
	ASSERT_EQ(0, pipe(channel));
	child = hft_spawn(run_with_output_to, &channel[1]);
	ASSERT_EQ(0, hft_join(child, HFT_PATIENCE_MS));
	ASSERT_LT(0, read(channel[0], output, sizeof(output) - 1));
	EXPECT_NE(NULL, strstr(output, "hello")) {
		TH_LOG("it printed: %s", output);
	}
}

TEST_HARNESS_MAIN
