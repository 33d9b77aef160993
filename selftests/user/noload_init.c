// SPDX-License-Identifier: GPL-2.0
/*
 * Each call that module init makes to the hypervisor, and each of its steps,
 * fails in turn: loading reports it, leaves nothing behind, and the next load
 * works.
 *
 * Needs an echo guest, the test hypervisor for the calls (HFT_FAIL), and a
 * module with the mutants in for the steps.
 */
#include "hft_harness.h"

#define FFA_VERSION		0x84000063
#define FFA_RX_RELEASE		0x84000065
#define FFA_RXTX_MAP		0xc4000066
#define FFA_RXTX_UNMAP		0x84000067
#define FFA_ID_GET		0x84000069
#define FFA_MSG_SEND		0x8400006e

#define RET_NOT_SUPPORTED	(-1)
#define RET_INVALID		(-2)
#define RET_NO_MEMORY		(-3)
#define RET_BUSY		(-4)
#define RET_DENIED		(-6)

#define ANY_ERROR		0

struct step {
	const char *name;
	uint32_t fn;
	int32_t ffa_error;
	int error;	/* that loading reports */
};

static const struct step steps[] = {
	{ "FFA_VERSION",	FFA_VERSION,	RET_NOT_SUPPORTED, ENODEV },
	{ "FFA_ID_GET",		FFA_ID_GET,	RET_NOT_SUPPORTED, ANY_ERROR },
	{ "FFA_ID_GET",		FFA_ID_GET,	RET_DENIED, ANY_ERROR },
	{ "FFA_RXTX_MAP",	FFA_RXTX_MAP,	RET_NO_MEMORY, ENOMEM },
	{ "FFA_RXTX_MAP",	FFA_RXTX_MAP,	RET_INVALID, EINVAL },
	{ "FFA_RXTX_MAP",	FFA_RXTX_MAP,	RET_NOT_SUPPORTED, ANY_ERROR },
	/* As if arm_ffa had mapped its own. */
	{ "FFA_RXTX_MAP",	FFA_RXTX_MAP,	RET_DENIED, EBUSY },
};

static int arm(uint32_t fn, int32_t error, unsigned int times)
{
	return hft_call(HFT_FAIL, fn, (uint32_t)error, times, 0, 0);
}

static int load_and_echo(void)
{
	const struct hft_guest *guest = hft_guest("echo", 0);
	int err = hft_module_load("");

	if (err) {
		fprintf(stderr, "# load: %s\n", strerror(-err));
		return -1;
	}
	err = guest ? hft_echo_once(guest->id, 1000) : 0;
	return hft_module_unload_wait(HFT_PATIENCE_MS) ?: err;
}

/* 0 if loading fails with that step as it should, and works again afterwards. */
static int fails_in_turn(const struct step *step)
{
	int log = hft_log_open(), err, lines;
	char line[256];

	/* Some are asked again: FFA_VERSION for each version. */
	if (arm(step->fn, step->ffa_error, 4))
		return -1;
	err = hft_module_load("");
	arm(step->fn, 0, 0);
	lines = hft_log_lines(log, HFT_LOG_WARNING, line, sizeof(line));
	close(log);
	fprintf(stderr, "# %s %d: %s; %d: %s\n", step->name, step->ffa_error,
		strerror(-err), lines, line);
	if (!err) {
		hft_module_unload_wait(HFT_PATIENCE_MS);
		return -1;
	}
	if ((step->error != ANY_ERROR && err != -step->error) || !lines ||
	    hft_module_loaded())
		return -1;
	return load_and_echo();
}

TEST(each_step_of_loading_fails_in_turn)
{
	HFT_NEED_TESTCALL();
	size_t i;

	ASSERT_EQ(0, load_and_echo());
	for (i = 0; i < ARRAY_SIZE(steps); i++)
		EXPECT_EQ(0, fails_in_turn(&steps[i]));
}

TEST(failing_again_and_again_leaks_nothing)
{
	HFT_NEED_TESTCALL();
	int i;

	for (i = 0; i < 20; i++) {
		ASSERT_EQ(0, arm(FFA_RXTX_MAP, RET_NO_MEMORY, 1));
		ASSERT_NE(0, hft_module_load(""));
	}
	EXPECT_EQ(0, load_and_echo());
}

TEST(failed_release_does_not_block_the_next_load)
{
	HFT_NEED_TESTCALL();
	int err;

	ASSERT_EQ(0, arm(FFA_RX_RELEASE, RET_DENIED, 1));
	err = hft_module_load("");
	arm(FFA_RX_RELEASE, 0, 0);
	if (!err)
		EXPECT_EQ(0, hft_module_unload_wait(HFT_PATIENCE_MS));
	EXPECT_EQ(0, load_and_echo());
}

/* Pages that EL2 did not give back stay EL2's: the next load must cope. */
TEST(failed_unmap_keeps_the_pages)
{
	HFT_NEED_TESTCALL();

	ASSERT_EQ(0, hft_module_load(""));
	ASSERT_EQ(0, arm(FFA_RXTX_UNMAP, RET_INVALID, 1));
	ASSERT_EQ(0, hft_module_unload_wait(HFT_PATIENCE_MS));
	arm(FFA_RXTX_UNMAP, 0, 0);
	EXPECT_EQ(0, load_and_echo());
}

TEST(each_step_of_init_is_undone)
{
	char params[40];
	int step, err;

	for (step = 0; step < 40; step++) {
		snprintf(params, sizeof(params), "mutant=INIT_FAILS fail_step=%d", step);
		err = hft_module_load(params);
		if (!err)
			break;
		EXPECT_EQ(-ENOMEM, err);
		EXPECT_FALSE(hft_module_loaded());
		ASSERT_EQ(0, load_and_echo());
	}
	/* Past the last step nothing fails. */
	EXPECT_EQ(0, err);
	EXPECT_EQ(0, hft_module_unload_wait(HFT_PATIENCE_MS));
	EXPECT_LT(4, step);
}

TEST_HARNESS_MAIN
