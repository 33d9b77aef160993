// SPDX-License-Identifier: GPL-2.0
/*
 * Echo on every vCPU: vCPU 0 starts all others, then each of them waits for
 * messages of the one mailbox that the VM has. Which of them gets a message is
 * the primary's choice. The lock covers RX and TX; it is free again before the
 * release, because up to v2.6 a release may block its vCPU.
 *
 * From Hafnium v2.9 on, one vCPU's FFA_MSG_WAIT gives back the page that another
 * one is reading; a guest whose vCPUs all wait cannot prevent that.
 */
#include "guest.h"

static void serve(void)
{
	struct guest_msg msg;

	for (;;) {
		if (!guest_msg_wait(&msg))
			continue;
		guest_lock();
		guest_msg_answer(&msg);
		guest_unlock();
		guest_msg_release();
	}
}

void guest_main(void)
{
	unsigned int cpu = 1;

	guest_mailbox_init();
	while (guest_cpu_on(cpu, serve))
		cpu++;
	serve();
}
