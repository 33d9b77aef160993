// SPDX-License-Identifier: GPL-2.0
/* The table of versions; see level.h. */
#include "level.h"

#include "ffa.h"
#include "mem.h"

static const struct level levels[] = {
	{
		.name = "2.4",
		.ffa_version = FFA_VERSION_1_0,
		.sign_extended_errors = true,
		.wake_up_exit = true,
		.waiter_list = true,
		.inject = true,
		.timeouts = true,
	},
	{
		.name = "2.7",
		.ffa_version = FFA_VERSION_1_1,
		.rxtx_unmap = true,
		.notification_ids = true,
		.waiter_list = true,
		.inject = true,
		.timeouts = true,
	},
	{
		.name = "2.8",
		.ffa_version = FFA_VERSION_1_1,
		.rxtx_unmap = true,
		.notification_ids = true,
		.inject = true,
		.timeouts = true,
		.msg_send2 = true,
	},
	{
		.name = "2.9",
		.ffa_version = FFA_VERSION_1_1,
		.rxtx_unmap = true,
		.notification_ids = true,
		.inject = true,
		.timeouts = true,
		.msg_send2 = true,
		.rx_overwrite = true,
	},
	{
		.name = "2.12",
		.ffa_version = FFA_VERSION_1_2,
		.rxtx_unmap = true,
		.notification_ids = true,
		.msg_send2 = true,
		.rx_overwrite = true,
		.wait_returns_run = true,
	},
};

const struct level *level;

bool level_select(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(levels); i++) {
		if (!strcmp(levels[i].name, name)) {
			level = &levels[i];
			return true;
		}
	}
	return false;
}
