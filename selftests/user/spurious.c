// SPDX-License-Identifier: GPL-2.0
/*
 * A vCPU that waits for a message is run for a reason: newer hypervisors show
 * a run without one to the guest. Both the module's own counter and the
 * hypervisor's, which knows whether a run entered the guest, have to be small.
 *
 * Needs two echo guests and the test hypervisor.
 */
#include <sys/socket.h>

#include "hft_harness.h"

#define PROCESSES	4
#define ROUNDS		1000
#define WINDOW		3
#define ONE_IN		100

#undef TEST_TIMEOUT_DEFAULT
#define TEST_TIMEOUT_DEFAULT 600

static unsigned int vms[2];

static int64_t at_el2(unsigned int counter, unsigned int vm)
{
	return hft_call(HFT_COUNT, counter, HFT_VCPU(vm, 0), 0, 0, 0);
}

struct counts {
	int64_t runs, entered, waits, spurious;
};

static struct counts count(unsigned int vm)
{
	return (struct counts){
		.runs = at_el2(HFT_COUNT_RUN, vm),
		.entered = at_el2(HFT_COUNT_ENTER, vm),
		.waits = hft_vcpu_count(vm, 0, "msg_wait"),
		.spurious = hft_vcpu_count(vm, 0, "spurious"),
	};
}

/* Bursts of one to WINDOW messages, so that the next often finds nobody waiting. */
static int echo_load(void *arg)
{
	unsigned int index = *(unsigned int *)arg, i, j, n;
	int fd = hft_connect(vms[index % 2], 10);
	uint32_t out, in;

	for (i = 0; i < ROUNDS; i += n) {
		n = 1 + i % WINDOW;
		for (j = 0; j < n; j++) {
			out = i + j;
			if (send(fd, &out, sizeof(out), 0) != sizeof(out))
				return 1;
		}
		for (j = 0; j < n; j++)
			if (recv(fd, &in, sizeof(in), 0) != sizeof(in) || in != i + j)
				return 1;
	}
	return 0;
}

static int run_load(unsigned int processes)
{
	unsigned int index[PROCESSES], i;
	pid_t pid[PROCESSES];
	int err = 0;

	for (i = 0; i < processes; i++) {
		index[i] = i;
		pid[i] = hft_spawn(echo_load, &index[i]);
	}
	for (i = 0; i < processes; i++)
		err |= hft_join(pid[i], 500000);
	return err;
}

static void expect_few(struct __test_metadata *_metadata, unsigned int processes)
{
	int64_t waits = 0, spurious = 0, idle = 0;
	struct counts before[2], after;
	int i;

	for (i = 0; i < 2; i++)
		before[i] = count(vms[i]);
	ASSERT_EQ(0, run_load(processes));
	hft_sleep_ms(50);
	for (i = 0; i < 2 && i < processes; i++) {
		after = count(vms[i]);
		waits += after.waits - before[i].waits;
		spurious += after.spurious - before[i].spurious;
		idle += after.runs - after.entered - (before[i].runs - before[i].entered);
	}
	fprintf(stderr, "# %u clients: %lld waits, %lld spurious, %lld without entry at EL2\n",
		processes, (long long)waits, (long long)spurious, (long long)idle);
	/* A VM that is hardly ever idle waits too rarely to be judged alone. */
	EXPECT_LT(ONE_IN, waits);
	EXPECT_GE(waits / ONE_IN, spurious);
	EXPECT_GE(waits / ONE_IN, idle);
}

static bool find_vms(void)
{
	int i;

	for (i = 0; i < 2; i++) {
		if (!hft_guest("echo", i))
			return false;
		vms[i] = hft_guest("echo", i)->id;
	}
	return !hft_echo_once(vms[0], 10) && !hft_echo_once(vms[1], 10);
}

TEST(one_client_causes_few_spurious_runs)
{
	HFT_NEED_TESTCALL();
	if (!find_vms())
		HFT_SKIP("needs two echo guests");
	expect_few(_metadata, 1);
}

TEST(several_clients_cause_few_spurious_runs)
{
	HFT_NEED_TESTCALL();
	if (!find_vms())
		HFT_SKIP("needs two echo guests");
	expect_few(_metadata, PROCESSES);
}

TEST_HARNESS_MAIN
