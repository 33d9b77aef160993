// SPDX-License-Identifier: GPL-2.0
/*
 * Which VMs and vCPUs there are: found without a parameter on every version,
 * never by a question that some version answers by dying, and a list that is
 * wrong in either direction does no harm.
 *
 * Works with any set of guests that start all of their vCPUs, and with none.
 */
#include "hft_harness.h"

#undef TEST_TIMEOUT_DEFAULT
#define TEST_TIMEOUT_DEFAULT 300

/* At EL2: FFA_RUN of vCPUs that were never named, or are off. */
static int64_t runs_of_what_is_off(void)
{
	if (hft_have_testcall())
		return hft_call(HFT_COUNT, HFT_COUNT_RUN_OFF, HFT_ALL, 0, 0, 0);
	return 0;
}

/* Lines of debugfs' file of VMs. */
static unsigned int known_vms(void)
{
	FILE *f = fopen("/sys/kernel/debug/hafnium/vms", "r");
	unsigned int lines = 0;
	int c;

	while (f && (c = fgetc(f)) != EOF)
		lines += c == '\n';
	if (f)
		fclose(f);
	return lines;
}

/* Guests start their vCPUs when they first run, so some are found later. */
static bool has_vcpus(const struct hft_guest *guest)
{
	int64_t end = hft_now_ns() + HFT_PATIENCE_MS * 1000000LL, found;

	while ((found = hft_vm_count(guest->id, "vcpus")) != guest->vcpus && hft_now_ns() < end)
		hft_sleep_ms(20);
	if (found != guest->vcpus)
		fprintf(stderr, "# VM %u (%s): %lld vCPUs instead of %u\n", guest->id,
			guest->name, (long long)found, guest->vcpus);
	return found == guest->vcpus;
}

static int all_echo(void)
{
	const struct hft_guest *guest;
	unsigned int i;

	for (i = 0; (guest = hft_guest(NULL, i)); i++)
		if (hft_echo_once(guest->id, 1000))
			return -1;
	return 0;
}

/*
 * vCPUs are counted where VMs can be listed. Elsewhere an exit names each when the
 * guest turns it on, once: what was on before this load stays unknown.
 */
static bool counts_vcpus(unsigned int load)
{
	return !load || (hft_ffa_version() < 12 && hft_guest_count(NULL) < 15);
}

TEST(load_without_parameters_finds_all_vms_and_vcpus)
{
	int64_t before = runs_of_what_is_off();
	unsigned int i, round;

	for (round = 0; round < 3 && !hft_module_loaded(); round++) {
		ASSERT_EQ(0, hft_module_load(""));
		EXPECT_EQ(hft_guest_count(NULL), known_vms());
		for (i = 0; i < hft_guest_count(NULL) && counts_vcpus(round); i++)
			EXPECT_TRUE(has_vcpus(hft_guest(NULL, i)));
		EXPECT_EQ(0, all_echo());
		EXPECT_EQ(hft_feature("rxtx_unmap") ? 0 : -EWOULDBLOCK, hft_module_unload());
	}
	EXPECT_EQ(before, runs_of_what_is_off());
}

TEST(list_that_is_right_finds_the_same)
{
	char params[256];
	unsigned int i;

	if (!hft_guest(NULL, 0))
		HFT_SKIP("no guest in this boot");
	HFT_NEED_RELOAD();
	ASSERT_EQ(0, hft_module_load(hft_vms_parameter(params, sizeof(params))));
	EXPECT_EQ(hft_guest_count(NULL), known_vms());
	for (i = 0; i < hft_guest_count(NULL); i++)
		EXPECT_TRUE(has_vcpus(hft_guest(NULL, i)));
	EXPECT_EQ(0, all_echo());
	EXPECT_EQ(0, hft_module_unload_wait(HFT_PATIENCE_MS));
}

/* Loads or refuses; if it loads, every VM that is named and exists answers. */
static int survives(const char *params, unsigned int vms)
{
	int64_t before = runs_of_what_is_off();
	const struct hft_guest *guest;
	int err = hft_module_load(params);
	unsigned int i;

	if (err) {
		fprintf(stderr, "# '%s' is refused: %s\n", params, strerror(-err));
		return hft_module_loaded() ? -1 : 0;
	}
	for (i = 0; i < vms && (guest = hft_guest(NULL, i)) && !err; i++)
		err = hft_echo_once(guest->id, 100);
	/* Threads of vCPUs and VMs that do not exist have had their turn by now. */
	hft_sleep_ms(300);
	if (hft_module_unload_wait(HFT_PATIENCE_MS))
		return -1;
	if (runs_of_what_is_off() != before) {
		fprintf(stderr, "# '%s': runs what is off\n", params);
		return -1;
	}
	return err;
}

/* A list of all VMs in which each has so many vCPUs. */
static char *list_with(char *buf, size_t size, unsigned int vcpus)
{
	const struct hft_guest *guest;
	size_t len = snprintf(buf, size, "vms=");
	unsigned int i;

	for (i = 0; (guest = hft_guest(NULL, i)) && len < size; i++)
		len += snprintf(buf + len, size - len, "%s%u:%u", i ? "," : "", guest->id, vcpus);
	return buf;
}

TEST(list_with_too_many_vcpus_is_survived)
{
	char params[256];

	if (!hft_guest(NULL, 0))
		HFT_SKIP("no guest in this boot");
	HFT_NEED_RELOAD();
	EXPECT_EQ(0, survives(list_with(params, sizeof(params), 8), UINT32_MAX));
	EXPECT_EQ(0, survives(list_with(params, sizeof(params), 2), UINT32_MAX));
}

TEST(list_with_too_few_vcpus_is_survived)
{
	char params[256];

	if (!hft_guest(NULL, 0))
		HFT_SKIP("no guest in this boot");
	HFT_NEED_RELOAD();
	EXPECT_EQ(0, survives(list_with(params, sizeof(params), 1), UINT32_MAX));
}

TEST(list_with_vms_that_do_not_exist_is_survived)
{
	char params[256];
	size_t len;

	if (!hft_guest(NULL, 0))
		HFT_SKIP("no guest in this boot");
	HFT_NEED_RELOAD();
	len = strlen(hft_vms_parameter(params, sizeof(params)));
	snprintf(params + len, sizeof(params) - len, ",40:1,41:8,32000:1");
	EXPECT_EQ(0, survives(params, UINT32_MAX));
}

TEST(list_with_only_the_first_vm_is_survived)
{
	char params[64];

	if (!hft_guest(NULL, 0))
		HFT_SKIP("no guest in this boot");
	HFT_NEED_RELOAD();
	snprintf(params, sizeof(params), "vms=%u:%u", hft_guest(NULL, 0)->id,
		 hft_guest(NULL, 0)->vcpus);
	EXPECT_EQ(0, survives(params, 1));
	/* And all of them are there again. */
	EXPECT_EQ(0, survives("", UINT32_MAX));
}

TEST_HARNESS_MAIN
