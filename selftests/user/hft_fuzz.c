// SPDX-License-Identifier: GPL-2.0
/*
 * Random programs: processes, random numbers, and time. See hft_fuzz.h.
 *
 * A timer's signal interrupts whatever waits, some ten times a second, so that
 * a call that does not return is the kernel's fault.
 */
#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include "hft.h"
#include "hft_dgram.h"
#include "hft_fuzz.h"

/* Splitmix64: good numbers from any seed, also from 0, 1, 2. */
static uint64_t mix(uint64_t x)
{
	x += 0x9e3779b97f4a7c15ull;
	x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9ull;
	x = (x ^ x >> 27) * 0x94d049bb133111ebull;
	return x ^ x >> 31;
}

uint64_t fuzz_any(struct fuzz_task *t)
{
	t->random += 0x9e3779b97f4a7c15ull;
	return mix(t->random);
}

uint32_t fuzz_pick(struct fuzz_task *t, uint32_t n)
{
	return (fuzz_any(t) >> 32) % n;
}

/* Each step draws from a sequence of its own. */
static void begin_step(struct fuzz_task *t, uint64_t number, unsigned int step)
{
	t->random = mix(mix(mix(t->worker->seed) + number) + t->index * 1000 + step);
}

static void on_alarm(int number)
{
}

static void interrupt_every(unsigned int ms)
{
	struct sigaction action = { .sa_handler = on_alarm };
	struct itimerval every = { { 0, ms * 1000 }, { 0, ms * 1000 } };

	sigaction(SIGALRM, &action, NULL);
	signal(SIGPIPE, SIG_IGN);
	setitimer(ITIMER_REAL, &every, NULL);
}

/* A buffer whose end is known: what reads or writes beyond it gets EFAULT. */
static uint8_t *map_buffer(void)
{
	uint8_t *p = mmap(NULL, FUZZ_BUF + 4096, PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED)
		_exit(1);
	munmap(p + FUZZ_BUF, 4096);
	return p;
}

static void run_steps(struct fuzz_task *t, uint64_t number)
{
	struct fuzz_now *now = &t->worker->now[t->index];
	unsigned int step, steps;
	bool worked;

	begin_step(t, number, 0);
	steps = 8 + fuzz_pick(t, FUZZ_STEPS - 8);
	interrupt_every(20 + fuzz_pick(t, 100));
	t->buf = map_buffer();
	for (step = 1; step <= steps; step++) {
		begin_step(t, number, step);
		now->since_ns = hft_now_ns();
		worked = fuzz_call(t, step - 1);
		now->since_ns = 0;
		__atomic_add_fetch(&t->worker->calls, 1, __ATOMIC_RELAXED);
		__atomic_add_fetch(&t->worker->worked, worked, __ATOMIC_RELAXED);
	}
}

static int wait_for(pid_t pid)
{
	int status;

	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return -1;
	return status ? -1 : 0;
}

/* The first process of a program: starts the others, and is one itself. */
static int run_tasks(struct fuzz_worker *w, uint64_t number)
{
	struct fuzz_task task = { .worker = w, .index = FUZZ_TASKS };
	pid_t pid[FUZZ_TASKS] = { 0 };
	unsigned int i, tasks;
	int ret = 0;

	begin_step(&task, number, 0);
	tasks = 1 + fuzz_pick(&task, FUZZ_TASKS);
	/* Without the capability, for its checks: all that works is to be refused. */
	if (!fuzz_pick(&task, 16))
		hft_keep_capability(-1);
	socketpair(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0, task.unix_fd);
	for (i = 0; i < FUZZ_FDS; i++)
		w->fd[i] = -1;
	for (i = 1; i < tasks; i++) {
		pid[i] = syscall(SYS_clone, CLONE_FILES | SIGCHLD, 0, 0, 0, 0);
		if (!pid[i]) {
			task.index = i;
			run_steps(&task, number);
			_exit(0);
		}
	}
	task.index = 0;
	run_steps(&task, number);
	for (i = 1; i < tasks; i++)
		ret |= pid[i] > 0 ? wait_for(pid[i]) : -1;
	return ret;
}

int fuzz_program(struct fuzz_worker *w, uint64_t number)
{
	char name[16];
	pid_t pid;

	w->program = number;
	pid = fork();
	if (pid < 0)
		return -1;
	if (!pid) {
		/* A report of the kernel names the process, and so the program. */
		snprintf(name, sizeof(name), "fuzz/%llu", (unsigned long long)number);
		prctl(PR_SET_NAME, name);
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		_exit(run_tasks(w, number) ? 1 : 0);
	}
	return wait_for(pid);
}

int64_t fuzz_longest_ms(const struct fuzz_worker *w, const struct fuzz_now **now)
{
	int64_t longest = 0, since, ms;
	unsigned int i;

	for (i = 0; i < FUZZ_TASKS; i++) {
		since = w->now[i].since_ns;
		ms = since ? (hft_now_ns() - since) / 1000000 : 0;
		if (ms > longest) {
			longest = ms;
			*now = &w->now[i];
		}
	}
	return longest;
}
