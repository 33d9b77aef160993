/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The switch of the mutants, and places to hold a thread.
 *
 * A mutant NAME is the patch NAME.patch in this directory. While hf_mutant(NAME) is
 * true, the driver does what some hypervisor's driver once did wrong or, with
 * PLANTED_x, what a detector of the kernel has to see. The module parameter
 * "mutant" chooses one. selftests/mutants/apply applies all of them; HOOKS.patch
 * gives all files of the module this header.
 */
#ifndef HF_MUTANT_H
#define HF_MUTANT_H

#include <linux/types.h>

#define HF_MUTANT_NAME_MAX	32
#define HF_WINDOW_MS		2000

extern char hf_mutant_active[HF_MUTANT_NAME_MAX];
extern int hf_mutant_fail_step;
extern int hf_window, hf_window_vm, hf_window_now;

/* Places where a test can hold a thread inside the driver; HF_WINDOW_MS at most. */
enum hf_window {
	HF_WINDOW_NONE,
	HF_WINDOW_BEFORE_LAST_LOOK,
	HF_WINDOW_AFTER_LAST_LOOK,
	HF_WINDOW_INIT_FAILS,
};

#define hf_mutant(name) hf_mutant_is(#name)
bool hf_mutant_is(const char *name);

/*
 * Parameter window names the place, window_vm whose thread is held there until
 * window is another number, window_now says that it is.
 */
void hf_mutant_window(u16 vm_id, enum hf_window place);

/* What a step of init returns that fails; threads get to run before, if held. */
int hf_mutant_failure(void);

#endif
