// SPDX-License-Identifier: GPL-2.0-only
/*
 * The switch of the mutants, and places to hold a thread: in a module of the tests only.
 */
#include <linux/delay.h>
#include <linux/errno.h>
#include <linux/module.h>
#include <linux/sched.h>
#include <linux/string.h>

#include "hf_mutant.h"

char hf_mutant_active[HF_MUTANT_NAME_MAX];
module_param_string(mutant, hf_mutant_active, sizeof(hf_mutant_active), 0644);
int hf_mutant_fail_step = -1;
module_param_named(fail_step, hf_mutant_fail_step, int, 0444);
int hf_window, hf_window_vm, hf_window_now;
module_param_named(window, hf_window, int, 0644);
module_param_named(window_vm, hf_window_vm, int, 0444);
module_param_named(window_now, hf_window_now, int, 0444);

bool hf_mutant_is(const char *name)
{
	return !strcmp(hf_mutant_active, name);
}

void hf_mutant_window(u16 vm_id, enum hf_window place)
{
	int i;

	if (READ_ONCE(hf_window) != place || vm_id != hf_window_vm)
		return;
	WRITE_ONCE(hf_window_now, place);
	for (i = 0; i < HF_WINDOW_MS && READ_ONCE(hf_window) == place; i++) {
		mdelay(1);
		if (place == HF_WINDOW_INIT_FAILS)
			cond_resched();
	}
	WRITE_ONCE(hf_window_now, HF_WINDOW_NONE);
}

int hf_mutant_failure(void)
{
	hf_mutant_window(hf_window_vm, HF_WINDOW_INIT_FAILS);
	return -ENOMEM;
}
