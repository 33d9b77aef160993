// SPDX-License-Identifier: GPL-2.0
/*
 * The floor under the round trips (hf_floor.ko, which wants the hypervisor to
 * itself), and what a round trip costs with few and with many VMs known to the
 * driver. Figures go to stderr and are judged by selftests/bench.
 *
 * Needs echo; for the number of VMs smp with 1 vCPU and several with 4.
 */
#include <fcntl.h>
#include <sys/syscall.h>

#include "hft_harness.h"
#include "bench.h"

#undef TEST_TIMEOUT_DEFAULT
#define TEST_TIMEOUT_DEFAULT 900

#define VMS	8

static int load_floor(unsigned int vm, size_t size)
{
	int err, fd = open("/lib/hf_floor.ko", O_RDONLY | O_CLOEXEC);
	char params[80];

	snprintf(params, sizeof(params), "vm=%u size=%zu rounds=%d", vm, size, BENCH_ROUNDS);
	err = syscall(SYS_finit_module, fd, params, 0) ? -errno : 0;
	close(fd);
	return err;
}

static long floor_result(const char *name)
{
	char path[80];
	long value = -1;
	FILE *f;

	snprintf(path, sizeof(path), "/sys/module/hf_floor/parameters/%s", name);
	f = fopen(path, "r");
	if (!f)
		return -1;
	if (fscanf(f, "%ld", &value) != 1)
		value = -1;
	fclose(f);
	return value;
}

static int floor_of(unsigned int vm, size_t size)
{
	long mean, err = load_floor(vm, size);

	if (err)
		return err;
	mean = floor_result("mean_ns");
	fprintf(stderr, "# bench what=floor size=%zu senders=1 vms=1 count=%d mean_ns=%ld median_ns=%ld p99_ns=%ld per_second=%.0f\n",
		size, BENCH_ROUNDS, mean, floor_result("median_ns"), floor_result("p99_ns"),
		1e9 / mean);
	return syscall(SYS_delete_module, "hf_floor", O_NONBLOCK) ? -errno : 0;
}

static int next_vm(void *arg)
{
	struct bench_sender *s = arg;
	int fd = s->fds[s->index++ % s->vms];
	struct bench_pair pair = { fd, fd, s->size };

	return bench_pair_round(&pair);
}

/* A guest that has just been started cannot receive yet. */
static int wait_for(unsigned int vm)
{
	int64_t end = hft_now_ns() + HFT_PATIENCE_MS * 1000000LL;

	while (hft_echo_once(vm, BENCH_SMALL)) {
		if (hft_now_ns() > end)
			return -1;
		hft_sleep_ms(100);
	}
	return 0;
}

/* Round trips to that many smp guests in turn, from the nth on. */
static int round_trips(const char *what, unsigned int nth, unsigned int vms)
{
	static struct bench_sender s;
	struct bench_row row = { what, BENCH_SMALL, 1, vms };
	unsigned int i;

	s.size = row.size;
	s.vms = vms;
	for (i = 0; i < vms; i++) {
		unsigned int vm = hft_guest("smp", nth + i)->id;

		if (wait_for(vm))
			return -1;
		s.fds[i] = bench_connect(vm, 1);
		if (s.fds[i] < 0)
			return -1;
	}
	if (bench_rounds(next_vm, &s, s.samples, BENCH_WARMUP) ||
	    bench_rounds(next_vm, &s, s.samples, BENCH_ROUNDS))
		return -1;
	bench_report(&row, s.samples, BENCH_ROUNDS);
	for (i = 0; i < vms; i++)
		close(s.fds[i]);
	return 0;
}

/*
 * Loads the module, knowing all VMs or one of them, and unloads it. One VM
 * among many is like one alone; several in turn have time to get ready again.
 */
static int with_module(const char *params, const char *what, unsigned int nth,
		       unsigned int vms)
{
	int err = hft_module_load(params);

	if (err)
		return err;
	err = round_trips(what, nth, 1);
	if (!err && vms > 1)
		err = round_trips(what, nth, vms);
	return err ?: hft_module_unload_wait(HFT_PATIENCE_MS);
}

TEST(floor_of_round_trips_by_size)
{
	HFT_NEED_GUEST(guest, "echo", 0);

	ASSERT_EQ(0, floor_of(guest->id, 1));
	ASSERT_EQ(0, floor_of(guest->id, BENCH_SMALL));
	ASSERT_EQ(0, floor_of(guest->id, 1024));
	ASSERT_EQ(0, floor_of(guest->id, HF_MSG_PAYLOAD_MAX));
}

/* The same program in all guests: the first has one vCPU, the others four. */
TEST(round_trips_with_few_and_many_vcpus)
{
	HFT_NEED_GUEST(small, "smp", 0);
	HFT_NEED_GUEST(last, "smp", VMS);
	char params[40];

	ASSERT_EQ(1, small->vcpus);
	ASSERT_EQ(4, last->vcpus);
	snprintf(params, sizeof(params), "vms=%u:1", small->id);
	ASSERT_EQ(0, with_module(params, "hf_1vm_1vcpu", 0, 1));
	ASSERT_EQ(0, with_module("", "hf_8vms_4vcpus", 1, VMS));
}

TEST_HARNESS_MAIN
