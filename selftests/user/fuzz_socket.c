// SPDX-License-Identifier: GPL-2.0
/*
 * Random programs of socket system calls, three at a time, harm nobody: each
 * call returns, VM 2 answers after each batch, and no socket is left at the end.
 * Crashes, leaks and lost references are for the kernel's detectors to see.
 *
 * HF_SEED (1) and the program's number say what a program does. HF_ROUNDS (300)
 * is how many there are, or HF_SECONDS for how long. HF_PROGRAM is the number of
 * the only one, which is then run over and over.
 *
 * VM 2 must echo; all others are the programs' to talk to.
 */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "hft_dgram.h"
#include "hft_fuzz.h"
#include "hft_load.h"
#include "hft_harness.h"

#define WORKERS		3
#define BATCH		20	/* programs */
#define STUCK_MS	30000	/* the machine may be busy, and calls are interrupted */

/* SECONDS= may be an hour. */
#undef TEST_TIMEOUT_DEFAULT
#define TEST_TIMEOUT_DEFAULT 4000

static struct shared {
	struct fuzz_worker worker[WORKERS];
	uint64_t next, end;
	volatile uint64_t only;		/* the number of the only one, or 0 */
	volatile bool died;
} *all;

static int work(void *arg)
{
	struct fuzz_worker *w = arg;
	uint64_t number;

	while ((number = __atomic_fetch_add(&all->next, 1, __ATOMIC_SEQ_CST)) < all->end) {
		if (fuzz_program(w, all->only ? all->only : number)) {
			fprintf(stderr, "# program %llu: a process of it died\n",
				(unsigned long long)w->program);
			all->died = true;
		}
	}
	return 0;
}

/* True if the worker is stuck in a call; says in which. */
static bool is_stuck(const struct fuzz_worker *w)
{
	const struct fuzz_now *now;

	if (fuzz_longest_ms(w, &now) < STUCK_MS)
		return false;
	fprintf(stderr, "# program %llu does not return from %s()\n",
		(unsigned long long)w->program, now->call);
	hft_dump_state();
	return true;
}

/* True if the worker has ended; a death of its own is a finding as well. */
static bool has_ended(struct fuzz_worker *w)
{
	int status;

	if (!w->pid || waitpid(w->pid, &status, WNOHANG) != w->pid)
		return false;
	w->pid = 0;
	if (status) {
		fprintf(stderr, "# program %llu: its worker died, status %#x\n",
			(unsigned long long)w->program, status);
		all->died = true;
	}
	return true;
}

/* Waits for all; false if one of them is stuck. */
static bool wait_for_workers(void)
{
	unsigned int i, left = WORKERS;

	while (left) {
		for (i = 0; i < WORKERS; i++) {
			struct fuzz_worker *w = &all->worker[i];

			left -= has_ended(w);
			if (is_stuck(w))
				return false;
		}
		hft_sleep_ms(10);
	}
	return true;
}

/* For those who read the kernel's log after a crash. */
static void note_batch(uint64_t seed)
{
	FILE *log = fopen("/dev/kmsg", "w");

	if (!log)
		return;
	fprintf(log, "fuzz_socket: seed %llu, programs %llu to %llu\n", (unsigned long long)seed,
		(unsigned long long)all->next, (unsigned long long)all->end - 1);
	fclose(log);
}

static bool run_batch(uint64_t seed, uint64_t programs)
{
	unsigned int i;

	all->end = all->next + programs;
	note_batch(seed);
	for (i = 0; i < WORKERS; i++) {
		all->worker[i].seed = seed;
		all->worker[i].pid = hft_spawn(work, &all->worker[i]);
		if (all->worker[i].pid < 0)
			return false;
	}
	if (!wait_for_workers())
		return false;
	/* Those that took more than their share. */
	all->next = all->end;
	return !all->died;
}

/* Sockets of our protocols that exist; what is in memory, not what is listed. */
static int sockets_left(void)
{
	FILE *f = fopen("/proc/net/protocols", "r");
	char line[256], name[32];
	int left = 0, size, sockets;

	while (f && fgets(line, sizeof(line), f))
		if (sscanf(line, "%31s %d %d", name, &size, &sockets) == 3 &&
		    !strncmp(name, "HF", 2))
			left += sockets;
	if (f)
		fclose(f);
	return left;
}

static void wait_until_gone(void)
{
	int64_t end = hft_now_ns() + HFT_PATIENCE_MS * 1000000LL;

	while ((hft_proc_count() || sockets_left()) && hft_now_ns() < end)
		hft_sleep_ms(20);
}

TEST(random_programs_harm_nobody)
{
	unsigned long seconds = hft_number("HF_SECONDS", 0), seed = hft_number("HF_SEED", 1);
	unsigned long rounds = hft_number("HF_ROUNDS", 300);
	uint64_t calls = 0, worked = 0;
	int64_t end = hft_now_ns() + seconds * 1000000000LL;
	int refs = hft_module_refs_settled();
	bool good = true;
	unsigned int i;

	if (hft_guest_count(NULL) < 2)
		HFT_SKIP("needs a VM that echoes and others");
	all = hft_shared(sizeof(*all));
	ASSERT_NE(NULL, all);
	all->next = 1;
	all->only = hft_number("HF_PROGRAM", 0);
	while (good && (seconds ? hft_now_ns() < end : all->next <= rounds)) {
		good = run_batch(seed, BATCH);
		EXPECT_EQ(0, hft_echo_once(hft_guest(NULL, 0)->id, 100))
			good = false;
	}
	EXPECT_TRUE(good);
	for (i = 0; i < WORKERS; i++) {
		calls += all->worker[i].calls;
		worked += all->worker[i].worked;
	}
	fprintf(stderr, "# seed %lu: %llu programs, %llu calls, %llu of which worked\n", seed,
		(unsigned long long)all->next - 1, (unsigned long long)calls,
		(unsigned long long)worked);
	fprintf(stderr, "# %llu messages received, %llu found no room\n",
		(unsigned long long)hft_vms_count("received"),
		(unsigned long long)hft_vms_count("dropped_full"));
	/* Else too little was tried. */
	EXPECT_LT(calls / 5, worked);

	wait_until_gone();
	EXPECT_EQ(0, hft_proc_count());
	EXPECT_EQ(0, sockets_left());
	EXPECT_EQ(refs, hft_module_refs_wait(refs));
}

TEST_HARNESS_MAIN
