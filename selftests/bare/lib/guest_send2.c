// SPDX-License-Identifier: GPL-2.0
/*
 * See guest_send2.h. Uses the TX page of guest_msg.c.
 */
#include "guest_send2.h"

/* Partition message header of DEN0077A 1.1; that of 1.2 has a UUID behind it. */
struct send2_header {
	u32 flags;
	u32 reserved;
	u32 offset;
	u16 receiver;
	u16 sender;
	u32 size;
};

void send2_init(void)
{
	guest_call(FFA_VERSION, FFA_VERSION_1_1, 0, 0, 0);
	guest_mailbox_init();
}

static int try_send(const struct send2_header *header, const u64 ports[2],
		    const void *payload, u32 len)
{
	u8 *tx = (u8 *)guest_tx();
	struct guest_regs r;

	memcpy(tx, header, sizeof(*header));
	memcpy(tx + header->offset, ports, HF_MSG_HEADER);
	memcpy(tx + header->offset + HF_MSG_HEADER, payload, len);
	r = guest_call(FFA_MSG_SEND2, 0, 0, 0, 0);
	if ((u32)r.x[0] == FFA_SUCCESS)
		return 0;
	return (u32)r.x[0] == FFA_ERROR ? (s32)r.x[2] : FFA_RET_NOT_SUPPORTED;
}

int send2(u16 to, u64 src_port, u64 dst_port, const void *payload, u32 len)
{
	const u64 ports[2] = { src_port, dst_port };
	struct send2_header header = {
		.offset = sizeof(header),
		.receiver = to,
		.sender = guest_id(),
		.size = HF_MSG_HEADER + len,
	};
	int ret;

	while ((ret = try_send(&header, ports, payload, len)) == FFA_RET_BUSY)
		guest_yield();
	return ret;
}
