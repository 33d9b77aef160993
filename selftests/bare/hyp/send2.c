// SPDX-License-Identifier: GPL-2.0
/*
 * FFA_MSG_SEND2: a message that is not announced. Its receiver's mailbox becomes
 * full and the framework's notification "RX full" pending; nothing exits, nothing
 * is woken, and RX cannot be released before the notification was asked for.
 */
#include "mailbox.h"

#include "console.h"
#include "hypercall.h"
#include "level.h"
#include "mem.h"
#include "vm.h"

struct header {
	u32 flags;
	u32 reserved;
	u32 offset;
	u16 receiver;
	u16 sender;
	u32 size;
};

/* Refused here, the sender's lock stays held: what follows is silence at EL2. */
static struct ffa_value refuse(const struct vm *from, const char *what)
{
	if (level->send2_jams)
		panic("FFA_MSG_SEND2 of VM %u with %s: its lock is never released", from->id,
		      what);
	return ffa_error(FFA_RET_INVALID_PARAMETERS);
}

static bool header_is_good(const struct vm *from, const struct header *header)
{
	/* Nobody negotiated: the newest. */
	u32 min = from->ffa_version == FFA_VERSION_1_1 ? FFA_SEND2_HEADER_1_1 :
							 FFA_SEND2_HEADER_1_2;

	/* The offset is not looked at, nor needed, before it may vary. */
	if (!level->send2_uuid)
		return (u64)FFA_SEND2_HEADER_1_1 + header->size <= level->send2_max;
	return header->offset >= min && (u64)header->offset + header->size <= level->send2_max;
}

/* Both VMs are locked. */
static struct ffa_value deliver_locked(struct vm *from, struct vm *to,
				       const struct header *header)
{
	u32 offset = level->send2_uuid ? header->offset : FFA_SEND2_HEADER_1_1;

	if (to->mailbox.state != MAILBOX_EMPTY || !to->mailbox.recv)
		return ffa_error(FFA_RET_BUSY);
	if (!header_is_good(from, header))
		return ffa_error(FFA_RET_INVALID_PARAMETERS);
	mailbox_put_locked(from, to, offset + header->size, true);
	notification_rx_full_locked(to);
	return ffa_success();
}

/* The page is the guest's: its header is looked at once. */
static bool copy_header(struct vm *from, struct header *header)
{
	bool mapped;

	spin_lock(&from->lock);
	mapped = from->mailbox.send;
	if (mapped)
		memcpy(header, from->mailbox.send, sizeof(*header));
	spin_unlock(&from->lock);
	return mapped;
}

struct ffa_value mailbox_send2(struct vcpu *current, u32 zero, u32 flags)
{
	struct vm *from = current->vm;
	struct ffa_value result;
	struct header header;
	struct vm *to;

	if (zero)
		return ffa_error(FFA_RET_INVALID_PARAMETERS);
	if (level->send2_uuid && from->ffa_version == FFA_VERSION_1_0)
		return ffa_error(FFA_RET_NOT_SUPPORTED);
	if (!copy_header(from, &header))
		return ffa_error(FFA_RET_DENIED);
	if (header.sender != from->id || header.receiver == from->id)
		return ffa_error(FFA_RET_INVALID_PARAMETERS);
	if (flags)
		return refuse(from, "flags");
	to = vm_find(header.receiver);
	if (!to)
		return ffa_error(FFA_RET_INVALID_PARAMETERS);
	if (level->send2_offset && !level->send2_uuid && header.offset != FFA_SEND2_HEADER_1_1)
		return refuse(from, "another offset than 20");

	vm_lock_both(from, to);
	result = from->mailbox.send ? deliver_locked(from, to, &header) :
				      ffa_error(FFA_RET_DENIED);
	vm_unlock_both(from, to);
	return result;
}
