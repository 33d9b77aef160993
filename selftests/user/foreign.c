// SPDX-License-Identifier: GPL-2.0
/*
 * Programs that know nothing of AF_HF: socat, which takes a family and an
 * address as numbers, and strace, which watches it.
 *
 * Needs two echo guests, and both programs in the PATH, as Debian ships them.
 */
#include <fcntl.h>
#include <sys/wait.h>

#include "hft_seq.h"
#include "hft_harness.h"
#include "hft_dgram.h"

#define OUTPUT	"/tmp/foreign.out"

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

static bool have(const char *program)
{
	char path[64];

	snprintf(path, sizeof(path), "/bin/%s", program);
	return !access(path, X_OK);
}

#define NEED_PROGRAM(name) do { \
	if (!have(name)) \
		HFT_SKIP("no program %s in the PATH", name); \
} while (0)

/* Runs a line of shell; its exit status. What it says is in OUTPUT. */
static int shell(const char *fmt, ...)
{
	char line[512];
	va_list args;
	int status, len;

	va_start(args, fmt);
	len = vsnprintf(line, sizeof(line), fmt, args);
	va_end(args);
	snprintf(line + len, sizeof(line) - len, " >" OUTPUT " 2>" OUTPUT ".err");
	status = system(line);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static const char *read_file(const char *path)
{
	static char text[16384];
	int fd = open(path, O_RDONLY), n;

	n = fd < 0 ? 0 : read(fd, text, sizeof(text) - 1);
	text[n < 0 ? 0 : n] = '\0';
	close(fd);
	return text;
}

#define EXPECT_OUTPUT(expected) do { \
	EXPECT_STREQ(expected, read_file(OUTPUT)) { \
		TH_LOG("it complained: %s", read_file(OUTPUT ".err")); \
	} \
} while (0)

TEST(socat_connects_a_datagram_socket)
{
	HFT_NEED_GUEST(guest, "echo", 0);
	NEED_PROGRAM("socat");
	EXPECT_EQ(0, shell("echo over a connection | timeout 20 socat -t 3 - "
			   "SOCKET-CONNECT:%d:0:%s,so-type=%d",
			   AF_HF, hex(guest->id, 10), SOCK_DGRAM));
	EXPECT_OUTPUT("over a connection\n");
}

TEST(socat_sends_datagrams_to_an_address)
{
	HFT_NEED_GUEST(guest, "echo", 1);
	NEED_PROGRAM("socat");
	EXPECT_EQ(0, shell("echo to an address | timeout 20 socat -t 3 - "
			   "SOCKET-SENDTO:%d:%d:0:%s",
			   AF_HF, SOCK_DGRAM, hex(guest->id, 10)));
	EXPECT_OUTPUT("to an address\n");
}

TEST(socat_binds_a_port_of_ours)
{
	HFT_NEED_GUEST(guest, "echo", 0);
	NEED_PROGRAM("socat");
	EXPECT_EQ(0, shell("echo from a port | timeout 20 socat -t 3 - "
			   "SOCKET-SENDTO:%d:%d:0:%s,bind=%s",
			   AF_HF, SOCK_DGRAM, hex(guest->id, 10), hex(HF_VM_ID_ANY, 4242)));
	EXPECT_OUTPUT("from a port\n");
}

TEST(socat_hears_a_vm_that_speaks_first)
{
	HFT_NEED_GUEST(guest, "flood", 0);
	NEED_PROGRAM("socat");
	char line[256];
	pid_t child;

	snprintf(line, sizeof(line),
		 "timeout 20 socat -u -T 3 SOCKET-RECV:%d:%d:0:%s - >/tmp/heard",
		 AF_HF, SOCK_DGRAM, hex(HF_VM_ID_ANY, 4243));
	child = hft_spawn((int (*)(void *))system, line);
	ASSERT_EQ(0, hft_proc_wait_port(4243));
	ASSERT_EQ(0, hft_flood(guest->id, 1, 4243, 3, 100));
	EXPECT_EQ(0, hft_join(child, 5 * HFT_PATIENCE_MS));
	EXPECT_EQ(0, shell("wc -c </tmp/heard"));
	EXPECT_OUTPUT("300\n");
}

TEST(socat_carries_a_sequenced_packet_connection)
{
	HFT_NEED_GUEST(guest, "seq", 0);
	NEED_PROGRAM("socat");
	EXPECT_EQ(0, shell("echo in sequence | timeout 20 socat -t 3 - "
			   "SOCKET-CONNECT:%d:0:%s,so-type=%d",
			   AF_HF, hex(guest->id, SEQ_PORT_ECHO), SOCK_SEQPACKET));
	EXPECT_OUTPUT("in sequence\n");
}

TEST(strace_shows_the_calls)
{
	HFT_NEED_GUEST(guest, "echo", 0);
	NEED_PROGRAM("socat");
	NEED_PROGRAM("strace");
	const char *trace;

	EXPECT_EQ(0, shell("echo watched | timeout 40 strace -f -e trace=network -o /tmp/foreign.trace "
			   "socat -t 3 - SOCKET-SENDTO:%d:%d:0:%s",
			   AF_HF, SOCK_DGRAM, hex(guest->id, 10)));
	EXPECT_OUTPUT("watched\n");
	trace = read_file("/tmp/foreign.trace");
	EXPECT_NE(NULL, strstr(trace, "SOCK_DGRAM"));
	EXPECT_NE(NULL, strstr(trace, "sendto("));
	EXPECT_NE(NULL, strstr(trace, "recvfrom("));
	EXPECT_NE(NULL, strstr(trace, "exited with 0")) {
		TH_LOG("%s", trace);
	}
}

TEST_HARNESS_MAIN
