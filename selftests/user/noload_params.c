// SPDX-License-Identifier: GPL-2.0
/*
 * Module parameters: what is well-formed overrides discovery, everything else
 * refuses to load with one clear line in the kernel log.
 *
 * Needs echo guests as VMs 2 and 3. Loads and unloads the module itself.
 */
#include "hft_harness.h"

static const char *const malformed[] = {
	"", ",", ":", "2", "2:", ":1", "2:0", "2:1,", ",2:1", "2:1,,3:1",
	"2:1,2:1", "2:1,3:1,2:2", "1:1", "0:1", "65536:1", "2:65536",
	"4294967298:1", "2:4294967297", "-2:1", "2:-1", "abc", "2:x",
	"x:1", "2:1x", "2:1;3:1", "2;1", "2:1:1", "2.1", "0x:1", "2:0x",
	"99999999999999999999999:1",
};

/* One refusal: -EINVAL, one line that names the parameter, nothing left. */
static int refused(const char *params, const char *name)
{
	int log = hft_log_open(), err, lines;
	char line[256];

	err = hft_module_load(params);
	lines = hft_log_lines(log, HFT_LOG_WARNING, line, sizeof(line));
	close(log);
	if (err == -EINVAL && lines == 1 && strstr(line, name) &&
	    !hft_module_loaded())
		return 0;
	fprintf(stderr, "# '%s': %s, %d lines, '%s'\n", params, strerror(-err),
		lines, line);
	if (!err)
		hft_module_unload_wait(HFT_PATIENCE_MS);
	return -1;
}

static int connects(unsigned int vm)
{
	int fd = hft_connect(vm, 10);

	if (fd < 0)
		return errno;
	close(fd);
	return 0;
}

TEST(malformed_lists_of_vms_are_refused)
{
	HFT_NEED_GUEST(guest, "echo", 0);
	char params[64];
	size_t i;

	for (i = 0; i < ARRAY_SIZE(malformed); i++) {
		snprintf(params, sizeof(params), "vms=%s", malformed[i]);
		EXPECT_EQ(0, refused(params, "vms"));
	}
}

TEST(very_long_list_of_vms_is_refused)
{
	HFT_NEED_GUEST(guest, "echo", 0);
	static char params[3000] = "vms=2:1";
	size_t i;

	for (i = strlen(params); i < sizeof(params) - 5; i += 4)
		memcpy(params + i, ",2:1", 4);
	/* The same VM again and again; and more than the kernel takes for a word. */
	EXPECT_NE(0, hft_module_load(params));
	EXPECT_FALSE(hft_module_loaded());
}

TEST(quoted_list_with_spaces_is_refused)
{
	HFT_NEED_GUEST(guest, "echo", 0);
	EXPECT_EQ(0, refused("vms=\"2:1, 3:1\"", "vms"));
	EXPECT_EQ(0, refused("vms=\" 2:1\"", "vms"));
}

/* As of any module: the kernel warns. The pages to share are not root's to choose. */
TEST(parameters_that_do_not_exist_are_the_kernels_business)
{
	HFT_NEED_GUEST(guest, "echo", 0);
	static const char *const unknown[] = { "nonsense=1", "rxtx=0x48000000,0x48001000" };
	char line[256];
	size_t i;

	for (i = 0; i < ARRAY_SIZE(unknown); i++) {
		int log = hft_log_open();

		EXPECT_EQ(0, hft_module_load(unknown[i]));
		EXPECT_EQ(1, hft_log_lines(log, HFT_LOG_WARNING, line, sizeof(line)));
		EXPECT_NE(NULL, strstr(line, "unknown parameter"));
		close(log);
		EXPECT_EQ(0, hft_echo_once(guest->id, 100));
		EXPECT_EQ(0, hft_module_unload_wait(HFT_PATIENCE_MS));
	}
}

TEST(list_of_vms_overrides_discovery)
{
	HFT_NEED_GUEST(a, "echo", 0);
	HFT_NEED_GUEST(b, "echo", 1);
	char params[64];

	snprintf(params, sizeof(params), "vms=%u:%u", b->id, b->vcpus);
	ASSERT_EQ(0, hft_module_load(params));
	EXPECT_EQ(ENETUNREACH, connects(a->id));
	EXPECT_EQ(0, hft_echo_once(b->id, 100));
	ASSERT_EQ(0, hft_module_unload_wait(HFT_PATIENCE_MS));

	snprintf(params, sizeof(params), "vms=%u:%u,%u:%u", b->id, b->vcpus,
		 a->id, a->vcpus);
	ASSERT_EQ(0, hft_module_load(params));
	EXPECT_EQ(0, hft_echo_once(a->id, 100));
	EXPECT_EQ(0, hft_echo_once(b->id, 100));
	EXPECT_EQ(0, hft_module_unload_wait(HFT_PATIENCE_MS));
}

TEST(discovery_finds_every_vm)
{
	HFT_NEED_GUEST(first, "echo", 0);
	unsigned int i;

	ASSERT_EQ(0, hft_module_load(""));
	for (i = 0; i < hft_guest_count(NULL); i++)
		EXPECT_EQ(0, connects(hft_guest(NULL, i)->id));
	EXPECT_EQ(ENETUNREACH, connects(hft_guest(NULL, i - 1)->id + 1));
	EXPECT_EQ(0, hft_module_unload_wait(HFT_PATIENCE_MS));
}

TEST(vm_that_does_not_exist_does_no_harm)
{
	HFT_NEED_GUEST(guest, "echo", 0);
	char params[64];

	snprintf(params, sizeof(params), "vms=%u:1,%u:3", guest->id, HFT_NO_VM);
	ASSERT_EQ(0, hft_module_load(params));
	EXPECT_EQ(0, hft_echo_once(guest->id, 100));
	EXPECT_EQ(0, hft_module_unload_wait(HFT_PATIENCE_MS));
}

TEST(more_vcpus_than_the_vm_has_do_no_harm)
{
	HFT_NEED_GUEST(guest, "echo", 0);
	char params[64];

	snprintf(params, sizeof(params), "vms=%u:%u", guest->id,
		 guest->vcpus + 5);
	ASSERT_EQ(0, hft_module_load(params));
	EXPECT_EQ(0, hft_echo_once(guest->id, 100));
	EXPECT_EQ(0, hft_module_unload_wait(HFT_PATIENCE_MS));
}

TEST_HARNESS_MAIN
