// SPDX-License-Identifier: GPL-2.0
/*
 * A VM that dies takes its connections with it, and no others.
 *
 * Needs three seq guests, and leaves the last one dead: once per boot.
 */
#include <poll.h>
#include <sys/socket.h>

#include "hft_seq.h"
#include "hft_harness.h"

static uint64_t buf[HF_MSG_PAYLOAD_MAX / 8 + 1];

static int kill_vm(unsigned int vm)
{
	int fd = hft_connect(vm, SEQ_PORT_DIE);
	int ret = fd < 0 || send(fd, "", 0, 0) ? -1 : 0;

	close(fd);
	return ret;
}

static int wait_for_reset(void *arg)
{
	errno = 0;
	return recv(*(int *)arg, buf, sizeof(buf), 0) < 0 && errno == ECONNRESET ? 0 : 1;
}

static int pending_connect(unsigned int vm)
{
	int fd = hft_seq_socket();

	hft_set_nonblocking(fd);
	return hft_seq_connect_to(fd, vm, SEQ_PORT_MUTE) && errno == EINPROGRESS ? fd : -1;
}

/* Messages that are there when the VM dies. */
static int unread(unsigned int vm)
{
	int fd = hft_seq_connect(vm, SEQ_PORT_SOURCE);

	if (fd < 0 || hft_seq_source(fd, 3, 16))
		return -1;
	hft_sleep_ms(300);
	return fd;
}

/* The test hypervisor ends a VM that faults; Hafnium hands a fault to the guest. */
TEST(dead_vm_resets_its_connections_and_no_others)
{
	HFT_NEED_TESTCALL();
	HFT_NEED_GUEST(victim, "seq", 2);
	HFT_NEED_GUEST(other, "seq", 0);
	int survivor = hft_seq_connect(other->id, SEQ_PORT_ECHO);
	int idle = hft_seq_connect(victim->id, SEQ_PORT_ECHO);
	int waited = hft_seq_connect(victim->id, SEQ_PORT_ECHO);
	int full = hft_seq_connect(victim->id, SEQ_PORT_DEAF);
	int pending = pending_connect(victim->id);
	int control = hft_seq_connect(victim->id, SEQ_PORT_BACK);
	int messages = unread(victim->id);
	uint64_t port = 0, i;
	int listener = hft_seq_listen(&port, 8), accepted;
	int back = hft_seq_connect(other->id, SEQ_PORT_BACK);
	pid_t pid;

	ASSERT_LE(0, pending);
	ASSERT_LE(0, messages);
	ASSERT_LT(0, hft_fill_queue(full, 1000));
	ASSERT_EQ(0, hft_seq_back(control, port, 2, SEQ_BACK_HOLD, 0));
	ASSERT_EQ(POLLIN, hft_poll(listener, POLLIN, HFT_PATIENCE_MS));
	hft_sleep_ms(100);
	pid = hft_spawn(wait_for_reset, &waited);
	ASSERT_EQ(0, kill_vm(victim->id));

	EXPECT_EQ(0, hft_join(pid, HFT_PATIENCE_MS));
	EXPECT_EQ(POLLERR | POLLHUP, hft_poll(idle, 0, HFT_PATIENCE_MS) & (POLLERR | POLLHUP));
	EXPECT_EQ(ECONNRESET, hft_error(idle));
	EXPECT_EQ(0, recv(idle, buf, sizeof(buf), 0));
	EXPECT_FAIL(EPIPE, send(idle, "x", 1, MSG_NOSIGNAL));
	EXPECT_EQ(-1, send(full, "x", 1, MSG_NOSIGNAL));
	EXPECT_TRUE(hft_poll(pending, POLLOUT, 1000) & POLLERR);
	EXPECT_EQ(ECONNRESET, hft_error(pending));
	EXPECT_FAIL(ECONNRESET, hft_seq_connect_to(hft_seq_socket(), victim->id, SEQ_PORT_ECHO));

	/* What had arrived is not taken away. */
	for (i = 0; i < 3; i++) {
		EXPECT_EQ(0, hft_seq_take(messages, i));
	}
	/* The peer had closed in an orderly way before it died. */
	EXPECT_GE(0, recv(messages, buf, sizeof(buf), 0));

	/* Those that wait to be accepted may be dead, the listener is not. */
	ASSERT_EQ(0, hft_seq_back(back, port, 1, SEQ_BACK_ECHO, 0));
	ASSERT_EQ(0, hft_set_timeout(listener, SO_RCVTIMEO, 1000));
	for (i = 0; (accepted = hft_accept(listener)) >= 0; i++) {
		struct hf_sockaddr peer = { 0 };
		socklen_t len = sizeof(peer);

		if (!getpeername(accepted, (void *)&peer, &len) && peer.vm_id == other->id) {
			EXPECT_EQ(0, hft_seq_echo(accepted, 100, 1));
		} else {
			EXPECT_GE(0, recv(accepted, buf, sizeof(buf), 0));
		}
	}
	EXPECT_LE(1, i);
	EXPECT_EQ(0, hft_seq_echo(survivor, 100, 1));
}

TEST_HARNESS_MAIN
