/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * kthread_create() that fails when a test says so. Included before hf_vcpu.c.
 */
#ifndef HF_KUNIT_FAKE_THREAD_H
#define HF_KUNIT_FAKE_THREAD_H

/* As hf_vcpu.c has it, before anything that prints. */
#ifndef pr_fmt
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt
#endif

#include <linux/err.h>
#include <linux/kthread.h>

/* Whether the next one has to fail. */
bool fake_no_thread(void);

#undef kthread_create
#define kthread_create(function, data, ...)				\
	(fake_no_thread() ? ERR_PTR(-ENOMEM) :				\
	 kthread_create_on_node(function, data, NUMA_NO_NODE, __VA_ARGS__))

#endif
