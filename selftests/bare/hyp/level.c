// SPDX-License-Identifier: GPL-2.0
/*
 * The table of versions; see level.h. A row begins with the facts it is there
 * for, as seen from the primary and from guests.
 */
#include "level.h"

#include "ffa.h"
#include "mem.h"

#define NONE_IS_32_BITS		0xffffffff
#define NONE_IS_16_BITS		0xffff

static const struct level levels[] = {
	/*
	 * FF-A 1.0: no notifications, no UNMAP, 8 bytes a descriptor. The waiter
	 * list is safe. RX is READ until it is released, injection, timers.
	 */
	{
		.name = "2.4",
		.ffa_version = FFA_VERSION_1_0,
		.sign_extended = true,
		.debug_log = true,
		.descriptor_size = 8,
		.plain_properties = 2,
		.foreign_is_denied = true,
		.waiter_list = true,
		.waiter_calls = true,
		.inject = true,
		.enables_any = true,
		.irq_none = NONE_IS_32_BITS,
		.timeouts = true,
		.wake_up_exit = true,
	},
	/*
	 * Says 1.1 and knows notifications, lists as 1.0. A release with waiters
	 * strands its vCPU: the next message becomes the release's result.
	 */
	{
		.name = "2.6",
		.ffa_version = FFA_VERSION_1_1,
		.debug_log = true,
		.descriptor_size = 8,
		.rxtx_unmap = true,
		.wait_mbz = true,
		.waiter_list = true,
		.waiter_calls = true,
		.release_strands = true,
		.notifications = true,
		.get_names_cpu = true,
		.get_is_swapped = true,
		.inject = true,
		.enables_any = true,
		.irq_none = NONE_IS_32_BITS,
		.timeouts = true,
		.wake_up_exit = true,
		.restart_waits = true,
	},
	/*
	 * As v2.6, strands too; FFA_INTERRUPT with w1 = 0 is "run again", with
	 * another vCPU "wake that one". 24 bytes a descriptor; 16 VMs are one too many.
	 */
	{
		.name = "2.7",
		.ffa_version = FFA_VERSION_1_1,
		.version_stored = true,
		.mem_perm = true,
		.debug_log = true,
		.descriptor_size = 24,
		.info_flags = true,
		.info_dies_of_16 = true,
		.rxtx_unmap = true,
		.wait_mbz = true,
		.waiter_list = true,
		.waiter_calls = true,
		.release_strands = true,
		.notifications = true,
		.get_names_cpu = true,
		.inject = true,
		.enables_any = true,
		.irq_none = NONE_IS_32_BITS,
		.timeouts = true,
		.preempted_w1_zero = true,
		.due_w1_zero = true,
		.restart_waits = true,
	},
	/*
	 * FFA_MSG_SEND2, whose message is RECEIVED until NOTIFICATION_GET. The
	 * notify flag is ignored, WAITER_GET answers -1.
	 */
	{
		.name = "2.8",
		.ffa_version = FFA_VERSION_1_1,
		.version_stored = true,
		.mem_perm = true,
		.debug_log = true,
		.descriptor_size = 24,
		.info_flags = true,
		.info_size = true,
		.info_dies_of_16 = true,
		.rxtx_unmap = true,
		.release_mbz = true,
		.wait_mbz = true,
		.waiter_calls = true,
		.send2 = true,
		.send2_max = 4076,
		.send2_jams = true,
		.notifications = true,
		.get_names_cpu = true,
		.flags_mbz = true,
		.get_reads = true,
		.inject = true,
		.enables_any = true,
		.irq_none = NONE_IS_32_BITS,
		.timeouts = true,
		.due_w1_zero = true,
		.restart_waits = true,
	},
	/*
	 * No READ any more: a message that is handed over by FFA_RUN stays FULL (a
	 * second waiting vCPU gets it again), one that is taken by a call leaves RX
	 * EMPTY at once. FFA_MSG_WAIT and FFA_RX_RELEASE may discard a newer one.
	 */
	{
		.name = "2.9",
		.ffa_version = FFA_VERSION_1_1,
		.version_stored = true,
		.features_mbz = true,
		.mem_perm = true,
		.debug_log = true,
		.console_log = true,
		.descriptor_size = 24,
		.says_aarch64 = true,
		.info_flags = true,
		.info_size = true,
		.info_dies_of_16 = true,
		.info_regs = 5,
		.regs_die_of_5 = true,
		.rxtx_unmap = true,
		.unmap_id_high = true,
		.release_mbz = true,
		.wait_mbz = true,
		.no_read_state = true,
		.wait_releases = true,
		.waiter_calls = true,
		.send2 = true,
		.send2_max = 4076,
		.send2_jams = true,
		.notifications = true,
		.get_names_cpu = true,
		.flags_mbz = true,
		.inject = true,
		.enables_any = true,
		.irq_none = NONE_IS_16_BITS,
		.timeouts = true,
		.due_w1_zero = true,
		.restart_waits = true,
	},
	/*
	 * FF-A 1.2: -1 for versions above, lists UUIDs and panics where there is
	 * none. The last with hand-over, injection and timeouts; FFA_MSG_WAIT frees
	 * nothing. FFA_YIELD tells how long.
	 */
	{
		.name = "2.11",
		.ffa_version = FFA_VERSION_1_2,
		.version_stored = true,
		.version_refuses = true,
		.features_mbz = true,
		.mem_perm = true,
		.tells_console = true,
		.console_log = true,
		.descriptor_size = 24,
		.says_aarch64 = true,
		.info_flags = true,
		.info_size = true,
		.info_dies_of_16 = true,
		.lists_uuids = true,
		.info_regs = 5,
		.rxtx_unmap = true,
		.unmap_id_high = true,
		.release_mbz = true,
		.wait_mbz = true,
		.no_read_state = true,
		.waiter_calls = true,
		.send2 = true,
		.send2_max = 4096,
		.send2_offset = true,
		.send2_jams = true,
		.notifications = true,
		.get_names_cpu = true,
		.flags_mbz = true,
		.set_mbz = true,
		.set_tells_kind = true,
		.inject = true,
		.enables_any = true,
		.irq_none = NONE_IS_32_BITS,
		.timeouts = true,
		.due_w1_zero = true,
		.yield_timeout = true,
		.says_aborted = true,
		.restart_waits = true,
	},
	/*
	 * Every FFA_RUN ends FFA_MSG_WAIT, and the guest asks again for its message;
	 * no injection, no waiter calls, no time left in exits. Guests use CNTP. The
	 * version is locked by the first other call.
	 */
	{
		.name = "2.12",
		.ffa_version = FFA_VERSION_1_2,
		.version_stored = true,
		.version_refuses = true,
		.version_locks = true,
		.hides_msg_send = true,
		.tells_console = true,
		.console_log = true,
		.descriptor_size = 24,
		.says_aarch64 = true,
		.info_flags = true,
		.info_size = true,
		.info_dies_of_16 = true,
		.lists_uuids = true,
		.info_regs = 5,
		.rxtx_unmap = true,
		.unmap_id_high = true,
		.release_mbz = true,
		.wait_mbz = true,
		.wait_retains = true,
		.no_read_state = true,
		.wait_releases = true,
		.wait_returns_run = true,
		.send2 = true,
		.send2_max = 4096,
		.send2_offset = true,
		.send2_jams = true,
		.notifications = true,
		.flags_mbz = true,
		.set_mbz = true,
		.set_tells_kind = true,
		.bind_wants_1_1 = true,
		.irq_none = NONE_IS_32_BITS,
		.physical_timer = true,
		.yield_timeout = true,
		.says_aborted = true,
		.restart_waits = true,
	},
	/*
	 * FF-A 1.3: 48 bytes a descriptor, unknown calls return their own number,
	 * 40 bytes of header; a vCPU that never started must not be run.
	 */
	{
		.name = "2.15",
		.ffa_version = FFA_VERSION_1_3,
		.version_stored = true,
		.version_refuses = true,
		.version_locks = true,
		.hides_msg_send = true,
		.tells_console = true,
		.console_log = true,
		.unknown_keeps_id = true,
		.descriptor_size = 48,
		.says_aarch64 = true,
		.info_flags = true,
		.info_size = true,
		.info_dies_of_16 = true,
		.lists_uuids = true,
		.merges_below_1_2 = true,
		.info_regs = 2,
		.rxtx_unmap = true,
		.unmap_id_high = true,
		.release_mbz = true,
		.wait_mbz = true,
		.wait_retains = true,
		.no_read_state = true,
		.wait_releases = true,
		.wait_returns_run = true,
		.send2 = true,
		.send2_max = 4096,
		.send2_offset = true,
		.send2_uuid = true,
		.notifications = true,
		.flags_mbz = true,
		.set_mbz = true,
		.set_tells_kind = true,
		.bind_wants_1_1 = true,
		.set_global = true,
		.irq_none = NONE_IS_32_BITS,
		.physical_timer = true,
		.yield_timeout = true,
		.says_aborted = true,
		.restart_dies = true,
		.off_until_run = true,
		.psci_32 = true,
		.off_runs = true,
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
