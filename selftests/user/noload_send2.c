// SPDX-License-Identifier: GPL-2.0
/*
 * A message by FFA_MSG_SEND2 that was in our RX page when the module went: the
 * next load, with vms= too, finds the page occupied, and frees it.
 *
 * Needs a send2 and an echo guest.
 */
#include <sys/socket.h>

#include "hft_harness.h"

#undef TEST_TIMEOUT_DEFAULT
#define TEST_TIMEOUT_DEFAULT 300

#define ROUNDS	10

/* More than can be sent until the module is gone; the rest comes after the next load. */
static int start_flood(unsigned int vm)
{
	struct { uint32_t count, size; uint64_t port; } req = { 20000, 1000, 1ull << 60 };
	int fd = hft_connect(vm, 10);
	ssize_t n = send(fd, &req, sizeof(req), 0);

	close(fd);
	return n == sizeof(req) ? 0 : -1;
}

static int load_and_jam(unsigned int vm, const char *params, unsigned int after_ms)
{
	int err = hft_module_load(params);

	if (err || start_flood(vm))
		return err ? err : -1;
	hft_sleep_ms(after_ms);
	return hft_module_unload_wait(HFT_PATIENCE_MS);
}

static bool has_send2(void)
{
	bool has;

	if (hft_module_load(""))
		return true;	/* the test that follows will say more */
	has = hft_feature("send2") == 1;
	hft_module_unload_wait(HFT_PATIENCE_MS);
	return has;
}

static int works_after_jams(unsigned int vm, unsigned int echo, const char *params)
{
	int i, err;

	for (i = 0; i < ROUNDS; i++) {
		err = load_and_jam(vm, params, i * 7);
		if (err) {
			fprintf(stderr, "# round %d, insmod or rmmod: %d\n", i, err);
			return -1;
		}
	}
	if (hft_module_load(params) || hft_echo_once(echo, 1000) || hft_echo_once(echo, 1000)) {
		hft_dump_state();
		return -1;
	}
	return hft_module_unload_wait(HFT_PATIENCE_MS);
}

TEST(load_with_a_list_after_a_jam)
{
	HFT_NEED_GUEST(guest, "send2", 0);
	HFT_NEED_GUEST(echo, "echo", 0);
	char params[256];

	if (!has_send2())
		HFT_SKIP("this hypervisor has no FFA_MSG_SEND2");
	hft_vms_parameter(params, sizeof(params));
	EXPECT_EQ(0, works_after_jams(guest->id, echo->id, params));
}

TEST(load_without_parameters_after_a_jam)
{
	HFT_NEED_GUEST(guest, "send2", 0);
	HFT_NEED_GUEST(echo, "echo", 0);

	if (!has_send2())
		HFT_SKIP("this hypervisor has no FFA_MSG_SEND2");
	EXPECT_EQ(0, works_after_jams(guest->id, echo->id, ""));
}

TEST_HARNESS_MAIN
