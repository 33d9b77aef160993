/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Linux from 6.1 on: what newer kernels call otherwise. The code uses the new
 * names; Kbuild looks into the kernel's headers for what there is.
 */
#ifndef HF_COMPAT_H
#define HF_COMPAT_H

#include <linux/hrtimer.h>
#include <linux/sched.h>
#include <linux/socket.h>
#include <linux/workqueue.h>

/* 6.13 */
#ifndef HF_HAVE_HRTIMER_SETUP
static inline void hrtimer_setup(struct hrtimer *timer,
				 enum hrtimer_restart (*function)(struct hrtimer *),
				 clockid_t clock, enum hrtimer_mode mode)
{
	hrtimer_init(timer, clock, mode);
	timer->function = function;
}
#endif

/* 6.13: where preemption is lazy, need_resched() does not tell that others want the CPU. */
static inline bool hf_need_resched(void)
{
#ifdef TIF_NEED_RESCHED_LAZY
	if (test_thread_flag(TIF_NEED_RESCHED_LAZY))
		return true;
#endif
	return need_resched();
}

/* 6.18 */
#ifndef HF_HAVE_SYSTEM_DFL_WQ
#define system_dfl_wq system_unbound_wq
#endif

/* 6.19 */
#ifndef HF_HAVE_SOCKADDR_UNSIZED
#define sockaddr_unsized sockaddr
#endif

#endif
