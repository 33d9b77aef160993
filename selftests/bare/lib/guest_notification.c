// SPDX-License-Identifier: GPL-2.0
/*
 * FF-A notifications of a VM that has support for them. From Hafnium v2.12 on, only
 * a VM that agreed on FF-A 1.1 may bind any.
 */
#include "guest_asm.h"

static int call(u64 fn, u16 sender, u16 receiver, u64 bits)
{
	struct guest_regs r = guest_call(fn, (u32)sender << 16 | receiver, 0, (u32)bits,
					 bits >> 32);

	if ((u32)r.x[0] == FFA_SUCCESS)
		return 0;
	return (u32)r.x[0] == FFA_ERROR ? (s32)r.x[2] : FFA_RET_NOT_SUPPORTED;
}

int guest_notification_bind(u16 sender, u64 bits)
{
	return call(FFA_NOTIFICATION_BIND, sender, guest_id(), bits);
}

int guest_notification_set(u16 receiver, u64 bits)
{
	return call(FFA_NOTIFICATION_SET, guest_id(), receiver, bits);
}

static bool get(u16 high, u16 low, u64 *bits)
{
	struct guest_regs r = guest_call(FFA_NOTIFICATION_GET, (u32)high << 16 | low,
					 FFA_NOTIFICATION_FROM_VM, 0, 0);

	*bits = (u32)r.x[4] | r.x[5] << 32;
	return (u32)r.x[0] == FFA_SUCCESS;
}

/*
 * Up to v2.11 a VM of several vCPUs names the CPU that it runs on, which it does not
 * know, and v2.6 has the two halves swapped. A CPU with a higher number than the VM's
 * last vCPU has no good answer: what is set stays so.
 */
u64 guest_notification_get(void)
{
	u64 bits;

	for (u16 vcpu = 0; vcpu < GUEST_CPUS; vcpu++) {
		if (get(vcpu, guest_id(), &bits) || get(guest_id(), vcpu, &bits))
			return bits;
	}
	return 0;
}
