// SPDX-License-Identifier: GPL-2.0
/*
 * Datagrams by programs that know nothing of AF_HF: socat, which takes a family
 * and an address as numbers, and strace, which watches it.
 *
 * Needs two echo guests, one that floods, and both programs in the PATH, as Debian ships them.
 */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "hft_dgram.h"
#include "hft_harness.h"
#include "hft_shell.h"

/* The bytes of an address behind its family, in socat's notation. */
static const char *hex(unsigned int vm, uint64_t port)
{
	static char text[4][40];
	static unsigned int next;
	char *p = text[next++ % 4];
	struct hf_sockaddr addr = hft_address(vm, port);
	const uint8_t *bytes = (const uint8_t *)&addr;
	size_t i;

	p[0] = 'x';
	for (i = 2; i < sizeof(addr); i++)
		snprintf(p + 2 * i - 3, 3, "%02x", bytes[i]);
	return p;
}

TEST(socat_connects_a_datagram_socket)
{
	HFT_NEED_GUEST(guest, "echo", 0);
	HFT_NEED_PROGRAM("socat");
	EXPECT_EQ(0, hft_shell("echo over a connection | timeout 20 socat -t 3 - "
			       "SOCKET-CONNECT:%d:0:%s,so-type=%d",
			       AF_HF, hex(guest->id, 10), SOCK_DGRAM));
	EXPECT_OUTPUT("over a connection\n");
}

TEST(socat_sends_datagrams_to_an_address)
{
	HFT_NEED_GUEST(guest, "echo", 1);
	HFT_NEED_PROGRAM("socat");
	EXPECT_EQ(0, hft_shell("echo to an address | timeout 20 socat -t 3 - "
			       "SOCKET-SENDTO:%d:%d:0:%s",
			       AF_HF, SOCK_DGRAM, hex(guest->id, 10)));
	EXPECT_OUTPUT("to an address\n");
}

TEST(socat_binds_a_port_of_ours)
{
	HFT_NEED_GUEST(guest, "echo", 0);
	HFT_NEED_PROGRAM("socat");
	EXPECT_EQ(0, hft_shell("echo from a port | timeout 20 socat -t 3 - "
			       "SOCKET-SENDTO:%d:%d:0:%s,bind=%s",
			       AF_HF, SOCK_DGRAM, hex(guest->id, 10), hex(HF_VM_ID_ANY, 4242)));
	EXPECT_OUTPUT("from a port\n");
}

TEST(socat_hears_a_vm_that_speaks_first)
{
	HFT_NEED_GUEST(guest, "flood", 0);
	HFT_NEED_PROGRAM("socat");
	pid_t child;

	child = hft_shell_start("timeout 20 socat -u -T 3 SOCKET-RECV:%d:%d:0:%s - >/tmp/heard",
				AF_HF, SOCK_DGRAM, hex(HF_VM_ID_ANY, 4243));
	ASSERT_EQ(0, hft_proc_wait_port(4243));
	ASSERT_EQ(0, hft_flood(guest->id, 1, 4243, 3, 100));
	EXPECT_EQ(0, hft_join(child, 5 * HFT_PATIENCE_MS));
	EXPECT_EQ(0, hft_shell("wc -c </tmp/heard"));
	EXPECT_OUTPUT("300\n");
}

TEST(strace_shows_the_calls)
{
	HFT_NEED_GUEST(guest, "echo", 0);
	HFT_NEED_PROGRAM("socat");
	HFT_NEED_PROGRAM("strace");
	const char *trace;

	EXPECT_EQ(0, hft_shell("echo watched | timeout 40 strace -f -e trace=network "
			       "-o /tmp/foreign.trace "
			       "socat -t 3 - SOCKET-SENDTO:%d:%d:0:%s",
			       AF_HF, SOCK_DGRAM, hex(guest->id, 10)));
	EXPECT_OUTPUT("watched\n");
	trace = hft_text("/tmp/foreign.trace");
	EXPECT_NE(NULL, strstr(trace, "SOCK_DGRAM"));
	EXPECT_NE(NULL, strstr(trace, "sendto("));
	EXPECT_NE(NULL, strstr(trace, "recvfrom("));
	EXPECT_NE(NULL, strstr(trace, "exited with 0")) {
		TH_LOG("%s", trace);
	}
}

TEST_HARNESS_MAIN
