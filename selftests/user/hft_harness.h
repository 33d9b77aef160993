/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The kernel's kselftest_harness.h with a time limit for each test that suits
 * an emulator. TEST() takes TEST_TIMEOUT_DEFAULT where it is used, so a file
 * may define it anew before a longer test.
 */
#ifndef HFT_HARNESS_H
#define HFT_HARNESS_H

#include <kselftest_harness.h>

#include "hft.h"

#undef TEST_TIMEOUT_DEFAULT
#define TEST_TIMEOUT_DEFAULT 120

/*
 * Skip with a reason that names the test, because the harness prints nothing
 * but the reason. Ends the test's process with the status that says so: the
 * harness of 6.1 runs a test although its FIXTURE_SETUP() was skipped.
 */
#define HFT_SKIP(fmt, ...) \
	SKIP(_exit(255), "%s: " fmt, _metadata->name, ##__VA_ARGS__)

#define HFT_NEED_GUEST(var, name, nth) \
	const struct hft_guest *var = hft_guest(name, nth); \
	if (!var) \
		HFT_SKIP("no guest %s number %u in this boot", name, nth)

#define HFT_NEED_TESTCALL() do { \
	if (!hft_have_testcall()) \
		HFT_SKIP("needs hf_testcall.ko and the test hypervisor"); \
} while (0)

/* From the second load of a boot on. */
#define HFT_NEED_RELOAD() do { \
	if (hft_module_loaded()) \
		HFT_SKIP("the module stays loaded here"); \
} while (0)

/* Only where the module is loaded. VMs may overwrite what others send: v2.9 and later. */
#define HFT_NEED_FEATURE(feature, value, why) do { \
	if (hft_feature(feature) != (value)) \
		HFT_SKIP(why); \
} while (0)
#define HFT_NEED_INJECTION() \
	HFT_NEED_FEATURE("injection", 1, "this hypervisor injects no interrupts")
#define HFT_NEED_SAFE_PAGES() \
	HFT_NEED_FEATURE("rx_overwrite", 0, "this hypervisor lets VMs overwrite messages")

#define HFT_NEED_CPUS(n) do { \
	if (hft_online_cpus() < (n)) \
		HFT_SKIP("needs %u CPUs", n); \
} while (0)

#endif
