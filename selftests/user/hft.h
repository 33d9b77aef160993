/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the userspace tests share: which guests this boot has, sockets with a
 * time limit, the module's counters, the hypervisor's test calls, loading and
 * unloading the module, and its lines in the kernel log.
 *
 * Helpers return a value or -1 with errno; they never decide a verdict. That
 * stays with the EXPECT and ASSERT macros of the test that called them.
 *
 * Invariant: whatever waits here gives up by itself (HFT_PATIENCE_MS), so that
 * a stall is reported as a failed test and not as a run that never ends.
 */
#ifndef HFT_H
#define HFT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include <hf/socket.h>

#include "../bare/lib/testcall.h"

#define HFT_NO_VM		4711	/* an id that no boot of ours hands out */
#define HFT_PATIENCE_MS		20000	/* later than this counts as a stall */

#define HFT_VCPU(vm, vcpu)	((uint32_t)(vm) << 16 | (vcpu))

/* hft_guests.c: HF_VMS="2:echo:1 3:smp:4" in the environment. */
struct hft_guest {
	unsigned int id;
	unsigned int vcpus;
	unsigned int uuids;	/* in its FF-A manifest, 0 = it has none */
	char name[24];
};

/* The nth (from 0) guest of that name, NULL = any name; NULL if there is none. */
const struct hft_guest *hft_guest(const char *name, unsigned int nth);
unsigned int hft_guest_count(const char *name);
/* All of them as the module's parameter vms=; returns buf. */
char *hft_vms_parameter(char *buf, size_t size);
/* 24, 27, 32 for a v2.4, v2.7, v2.12 hypervisor (HF_LEVEL), 0 if unknown. */
unsigned int hft_level(void);

/* hft_socket.c */
int hft_socket(void);
int hft_connect(unsigned int vm, uint64_t port);
struct hf_sockaddr hft_address(unsigned int vm, uint64_t port);
void hft_fill(void *buf, size_t len, uint32_t seed);
/* Sends len bytes and demands the same back: 0, or -1 with a line on stderr. */
int hft_echo(int fd, size_t len, uint32_t seed);
/* Connects, echoes once, closes. */
int hft_echo_once(unsigned int vm, size_t len);
int hft_poll(int fd, short events, int timeout_ms);
/* Sends without blocking until EAGAIN; returns how many went in, -1 = other error. */
int hft_fill_queue(int fd, size_t len);
int hft_set_timeout(int fd, int option, unsigned int ms);
/* Reads a message: its time, by SO_TIMESTAMP or the like, in ns of the real time; -1 = none. */
int64_t hft_recv_stamp(int fd);
int64_t hft_real_ns(void);
/* SCM_RIGHTS over a socket of AF_UNIX. hft_take_fd() returns it, or -1. */
int hft_pass_fd(int channel, int fd);
int hft_take_fd(int channel);

/* hft_time.c: clocks, children, CPUs. */
int64_t hft_now_ns(void);
/*
 * What the kernel's time limits go by: ticks, of which a busy emulator delivers
 * some late, so that in real time a wait may be too short.
 */
int64_t hft_ticks_ns(void);
void hft_sleep_ms(unsigned int ms);
/* A child that dies with the test; body's result is its exit status. */
pid_t hft_spawn(int (*body)(void *arg), void *arg);
/* Exit status of a child, -1 if it was killed or did not end in time. */
int hft_join(pid_t pid, unsigned int timeout_ms);
/* Anonymous memory that children of the test share with it. */
void *hft_shared(size_t size);
unsigned int hft_online_cpus(void);
/* HFT_PATIENCE_MS, or more for many processes on a kernel that its detectors slow down. */
unsigned int hft_patience_ms(void);
/* Whether it comes true within that time. */
#define hft_eventually(condition) ({					\
	int64_t end_ = hft_now_ns() + hft_patience_ms() * 1000000LL;	\
									\
	while (!(condition) && hft_now_ns() < end_)			\
		hft_sleep_ms(10);					\
	(condition);							\
})
/* How late timers of 1 ms end our sleep, sorted, in ns; prints it as beside that guest. */
void hft_lateness(const char *guest, int64_t *late, unsigned int periods);
int hft_pin(pid_t pid, unsigned int cpu);
int hft_set_online(unsigned int cpu, bool online);
/* First thread of that name (kernel threads included), -1 if there is none. */
pid_t hft_find_thread(const char *name);

/* hft_state.c: /sys/kernel/debug/hafnium and hf_testcall. -1 = not there. */
int64_t hft_vm_count(unsigned int vm, const char *key);
int64_t hft_vms_count(const char *key);
int64_t hft_vcpu_count(unsigned int vm, unsigned int vcpu, const char *key);
int64_t hft_vcpus_count(unsigned int vm, const char *key);
/* The value of a word such as state=alive; buf is empty if it is not there. */
void hft_vm_word(unsigned int vm, const char *key, char *buf, size_t size);
/* A word of debugfs' features, -1 = not there; the version as hft_level() has it, 1.1 = 11. */
int64_t hft_feature(const char *key);
unsigned int hft_ffa_version(void);
void hft_dump_state(void);
/* Write to a file of the kernel's: 0 or the negative errno. */
int hft_put(const char *path, const char *text);
bool hft_have_testcall(void);
int64_t hft_call(uint32_t fn, uint64_t x1, uint64_t x2, uint64_t x3,
		 uint64_t x4, uint64_t x5);

/* hft_module.c: hafnium.ko at $HF_MODULE. 0 or a negative errno. */
int hft_module_load(const char *params);
int hft_module_unload(void);
/* Tries again while the module is in use, up to timeout_ms. */
int hft_module_unload_wait(unsigned int timeout_ms);
/*
 * How often the module is held, -1 = not loaded. Sockets are freed some time
 * after close(): settled = once the last test's are gone; wait = until it is
 * at most that, or stays above it.
 */
int hft_module_refs(void);
int hft_module_refs_settled(void);
int hft_module_refs_wait(int most);
bool hft_module_loaded(void);
/* The kernel log from now on; then the module's lines of level <= severity. */
int hft_log_open(void);
int hft_log_lines(int fd, int severity, char *last, size_t size);

#define HFT_LOG_WARNING	4
#define HFT_LOG_NOTICE	5
#define HFT_LOG_INFO	6

#endif
