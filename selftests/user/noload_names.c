// SPDX-License-Identifier: GPL-2.0
/*
 * Where the device tree names the timer's interrupts, the module takes the one that is
 * called hyp-phys, wherever it stands: a guest that computes is preempted by it.
 *
 * Needs busy, hf_names.ko; last of a boot, which keeps those names.
 */
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/syscall.h>

#include "hft_harness.h"

/* PPI 10. */
#define HYP_TIMER_HWIRQ	26

/* The number that the interrupt of the module has at the controller, -1 = it has none. */
static int module_hwirq(void)
{
	FILE *f = fopen("/proc/interrupts", "r");
	char line[300], *word;
	int hwirq = -1;

	while (f && fgets(line, sizeof(line), f)) {
		word = strstr(line, "GICv3");
		if (word && strstr(line, " hafnium\n"))
			sscanf(word, "GICv3 %d", &hwirq);
	}
	if (f)
		fclose(f);
	return hwirq;
}

TEST(interrupt_is_found_by_its_name)
{
	HFT_NEED_GUEST(guest, "busy", 0);
	int fd = open("/lib/hf_names.ko", O_RDONLY | O_CLOEXEC);
	int64_t before;

	ASSERT_EQ(0, hft_module_load(""));
	EXPECT_EQ(HYP_TIMER_HWIRQ, module_hwirq());
	ASSERT_EQ(0, hft_module_unload_wait(HFT_PATIENCE_MS));

	ASSERT_EQ(0, syscall(SYS_finit_module, fd, "", 0));
	ASSERT_EQ(0, hft_module_load(""));
	EXPECT_EQ(HYP_TIMER_HWIRQ, module_hwirq());
	before = hft_vcpu_count(guest->id, 0, "interrupt");
	EXPECT_TRUE(hft_eventually(hft_vcpu_count(guest->id, 0, "interrupt") > before + 20));
	close(fd);
}

TEST_HARNESS_MAIN
