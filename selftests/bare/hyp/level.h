/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Which version of Hafnium is played: everything that differs by version is a
 * field here, and nothing else asks for a version. A comment says from which
 * version on the fact is one; "to v2.9" includes v2.9.
 */
#ifndef HYP_LEVEL_H
#define HYP_LEVEL_H

#include "types.h"

struct level {
	const char *name;

	/* Calls. */
	u32 ffa_version;	/* FFA_VERSION: 1.0 to v2.5, 1.1 to v2.10, 1.2 to v2.13, 1.3 */
	bool sign_extended;	/* to v2.5: 64 bits in w2 of FFA_ERROR and in FFA_VERSION's -1 */
	bool version_stored;	/* v2.7+: what was asked for is the VM's version, even nonsense */
	bool version_refuses;	/* v2.10+: -1 for more than it has, or for another major */
	bool version_locks;	/* v2.12+: another FF-A call forbids a different version */
	bool features_mbz;	/* v2.9 to v2.11: FFA_FEATURES wants w2 = 0 */
	bool mem_perm;		/* v2.7 to v2.11: FEATURES(FFA_MEM_PERM_GET) */
	bool hides_msg_send;	/* v2.12+: no FEATURES(FFA_MSG_SEND, _POLL), though they work */
	bool tells_console;	/* v2.11+: FEATURES(FFA_CONSOLE_LOG), which is there from v2.9 on */
	bool debug_log;		/* to v2.9: HF_DEBUG_LOG */
	bool console_log;	/* v2.9+: FFA_CONSOLE_LOG */
	bool unknown_keeps_id;	/* v2.15: x0 of an unknown call stays as it is; before: -1 */

	/* Discovery. */
	u8 descriptor_size;	/* for any but 1.0: 8 to v2.6, 24 to v2.14, 48 */
	u8 plain_properties;	/* of a VM without UUID: 2 to v2.5, then 0 */
	bool says_aarch64;	/* v2.9+: property 0x100 for callers above 1.0 */
	bool info_flags;	/* v2.7+: w5 bit 0 asks for the number, others are refused */
	bool info_size;		/* v2.8+: the size of a descriptor is in w3 */
	bool info_dies_of_16;	/* v2.7+: EL2 panics when it lists 16 entries */
	bool lists_uuids;	/* v2.11+: an entry per UUID, none for plain VMs; panics at none */
	bool merges_below_1_2;	/* v2.13+: callers below 1.2 see an entry per VM */
	u8 info_regs;		/* FFA_PARTITION_INFO_GET_REGS, entries a call: v2.9+ 5, v2.15 2 */
	bool regs_die_of_5;	/* v2.9: a call that returns as many panics */

	/* RX. */
	bool rxtx_unmap;	/* v2.6+ */
	bool unmap_id_high;	/* v2.9+: bits 31:16 of its w1 are zero; before: 15:0 */
	bool foreign_is_denied;	/* to v2.5: MAP of a page that is not the VM's; then INVALID */
	bool release_mbz;	/* v2.8+: FFA_RX_RELEASE wants w1 = 0 */
	bool wait_mbz;		/* v2.6+: FFA_MSG_WAIT wants w1..w7 = 0 */
	bool wait_retains;	/* v2.12+: but for w2 of a VM at 1.2: bit 0 keeps RX */
	bool no_read_state;	/* v2.9+: FULL until it is taken by a call, then EMPTY at once */
	bool wait_releases;	/* v2.9, v2.10, v2.12+: FFA_MSG_WAIT that does not block frees RX */
	bool wait_returns_run;	/* v2.12+: FFA_RUN ends any FFA_MSG_WAIT and hands over nothing */

	/* Waiters. */
	bool waiter_list;	/* to v2.7: the notify flag queues the sender */
	bool waiter_calls;	/* to v2.11: WAITER_GET and WRITABLE_GET exist */
	bool release_strands;	/* v2.6, v2.7: who releases with waiters is left waiting for a message */

	/* FFA_MSG_SEND2. */
	bool send2;		/* v2.8+ */
	u16 send2_max;		/* 20 + size: 4076 to v2.10, then 4096 */
	bool send2_offset;	/* v2.11+: the offset is looked at */
	bool send2_uuid;	/* v2.13+: 40 bytes of header from 1.2 on, 1.0 may not send */
	bool send2_jams;	/* to v2.12: refused flags (v2.11+: offset) leave the VM's lock held */

	/* Notifications. */
	bool notifications;	/* v2.6+ */
	bool get_names_cpu;	/* to v2.11: a VM of several vCPUs names the CPU it calls on */
	bool get_is_swapped;	/* v2.6: w1 is VM << 16 | vCPU, the other way round */
	bool flags_mbz;		/* v2.8+: bits 31:4 of the flags of GET, 31:1 of BIND */
	bool get_reads;		/* v2.8: takes the "RX full" bit, and RX is READ */
	bool set_mbz;		/* v2.11+: bits 15:2 of the flags of SET, 31:16 of a global one */
	bool set_tells_kind;	/* v2.11+: per vCPU but bound as global, or so: INVALID, not DENIED */
	bool bind_wants_1_1;	/* v2.12+: of a VM that negotiated 1.1 */
	bool set_global;	/* v2.14+: the per-vCPU flag is refused */

	/* Virtual interrupts and timers. */
	bool inject;		/* to v2.11 */
	bool enables_any;	/* to v2.11: then ids 3, 4, 5 and 9 only */
	u32 irq_none;		/* HF_INTERRUPT_GET: 0xffff on v2.9, else 0xffffffff */
	bool timeouts;		/* to v2.11: what is left of the timer in exits, id 3 when due */
	bool physical_timer;	/* v2.12+: guests own CNTP, trapped; CNTV is the primary's */

	/* Exits and vCPUs. */
	bool wake_up_exit;	/* to v2.6: 0xff07 instead of FFA_INTERRUPT of another vCPU */
	bool preempted_w1_zero;	/* v2.7: FFA_INTERRUPT does not name the own vCPU */
	bool due_w1_zero;	/* v2.7 to v2.11: the same if the timer was due when it blocked */
	bool yield_timeout;	/* v2.10+: FFA_YIELD's w2, w3 are in its exit */
	bool says_aborted;	/* v2.10+: FFA_RUN of an aborted VM says ABORTED; before INVALID */
	bool restart_waits;	/* v2.6 to v2.13: CPU_ON after CPU_OFF waits for a message */
	bool restart_dies;	/* v2.14+: FFA_RUN after that panics */
	bool off_until_run;	/* v2.14+: CPU_ON succeeds again, and again names it, until it runs */
	bool psci_32;		/* v2.15: PSCI's errors fill 32 bits; before: 64 */
	bool off_runs;		/* v2.14+: FFA_RUN of a vCPU that never started loses the CPU */
};

/* Set once at boot, before any VM runs. */
extern const struct level *level;

/* Picks a level by name ("2.7"); false if there is none of that name. */
bool level_select(const char *name);

#endif
