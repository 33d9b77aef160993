// SPDX-License-Identifier: GPL-2.0
/*
 * Connections of AF_VSOCK to a VM that dies are reset at once.
 *
 * Needs two vsock guests and hf_testcall.ko; the second one dies, last program
 * of a boot.
 */
#include <poll.h>
#include <unistd.h>

#include "hft_vsock.h"
#include "hft_harness.h"

TEST(dead_vm_resets_its_connections_only)
{
	HFT_NEED_GUEST(lives, "vsock", 0);
	HFT_NEED_GUEST(dies, "vsock", 1);
	struct vsock_command die = { .op = VSOCK_CMD_DIE };
	unsigned int cid = hft_cid(dies->id);
	int other, control, reader, full, waiting;
	static char buf[VSOCK_DEAF_WINDOW];
	int64_t start;
	char byte;

	HFT_NEED_TESTCALL();
	other = hft_vsock_connect(SOCK_STREAM, hft_cid(lives->id), VSOCK_PORT_ECHO);
	control = hft_vsock_connect(SOCK_STREAM, cid, VSOCK_PORT_CONTROL);
	reader = hft_vsock_connect(SOCK_SEQPACKET, cid, VSOCK_PORT_PASSIVE);
	full = hft_vsock_connect(SOCK_STREAM, cid, VSOCK_PORT_DEAF);
	waiting = hft_vsock_socket(SOCK_STREAM);
	hft_vsock_set_nonblocking(waiting);
	EXPECT_FAIL(EINPROGRESS, hft_vsock_connect_to(waiting, cid, VSOCK_PORT_MUTE));
	ASSERT_EQ(0, hft_vsock_send_all(full, buf, sizeof(buf), 0));
	start = hft_now_ns();
	ASSERT_EQ(0, hft_vsock_ask(control, &die));
	EXPECT_GE(0, recv(reader, &byte, 1, 0));
	EXPECT_EQ(-1, send(full, &byte, 1, MSG_NOSIGNAL));
	EXPECT_TRUE(errno == EPIPE || errno == ECONNRESET);
	EXPECT_NE(0, hft_poll(waiting, POLLOUT, HFT_PATIENCE_MS));
	EXPECT_EQ(ECONNRESET, hft_vsock_error(waiting));
	EXPECT_GT(HFT_PATIENCE_MS, (hft_now_ns() - start) / 1000000);
	EXPECT_FAIL(ECONNRESET, hft_vsock_connect(SOCK_STREAM, cid, VSOCK_PORT_ECHO));
	EXPECT_EQ(0, hft_vsock_echo(other, 20000, 1));
	close(control);
	close(reader);
	close(full);
	close(waiting);
	close(other);
}

TEST_HARNESS_MAIN
