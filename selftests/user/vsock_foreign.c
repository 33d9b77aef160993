// SPDX-License-Identifier: GPL-2.0
/*
 * AF_VSOCK by programs that know nothing of this driver: socat, ncat, ss,
 * tcpdump, systemd's socket activation, ssh. Each as Debian ships it, with its
 * own notation of an address, against the echo and the connector of a guest.
 *
 * Needs a vsock guest, the programs in the PATH, and the kernel's vsock_diag
 * and vsockmon. Documentation/vsock-programs.rst shows what they print.
 */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "hft_vsock.h"
#include "hft_harness.h"
#include "hft_shell.h"

#define SENT	"/tmp/sent"
#define HEARD	"/tmp/heard"
#define SAID	"/tmp/said"
#define SIZE	100000

VSOCK_FIXTURE(foreign);

/* What each Debian has; there modprobe loads the modules when they are asked for. */
static int prepare_system(void)
{
	return hft_shell("for module in vsock_diag vsockmon; do "
			 "[ ! -e /lib/$module.ko -o -d /sys/module/$module ] || "
			 "insmod /lib/$module.ko || exit; done; mkdir -p /etc /run/sshd && "
			 "printf '%%s\\n' root:x:0:0:root:/root:/bin/sh "
			 "sshd:x:100:65534::/run/sshd:/bin/false >/etc/passwd");
}

/* A connection of the guest to a program that listens as soon as it can: 0, -1 = it does not. */
static int call(int control, uint32_t port, struct hft_vsock *v)
{
	struct vsock_command cmd = { .op = VSOCK_CMD_CONNECT, .flags = VSOCK_STREAM,
				     .service = VSOCK_PORT_PASSIVE, .peer_port = port };
	int64_t end = hft_now_ns() + 2 * HFT_PATIENCE_MS * 1000000LL;
	struct vsock_status s;

	do {
		if (hft_vsock_ask(control, &cmd) || hft_vsock_answer(control, &s))
			return -1;
		*v = (struct hft_vsock){ -1, s.port, s.peer_port };
		if (s.life == VSOCK_LIFE_OPEN)
			return 0;
		hft_sleep_ms(50);
	} while (hft_now_ns() < end);
	return -1;
}

/* The guest calls a program that listens, sends SIZE bytes, and nothing after that. */
static int call_and_send(int control, uint32_t port, struct hft_vsock *v)
{
	if (call(control, port, v) || hft_vsock_let_send(control, v, SIZE, 0, 0))
		return -1;
	hft_vsock_do(control, v, VSOCK_CMD_SHUTDOWN, 0, VSOCK_SHUT_SEND);
	return 0;
}

/* A file holds what the guest sends: 0, -1 = not that. */
static int check_pattern(const char *path)
{
	FILE *f = fopen(path, "r");
	bool same = true;
	uint64_t len;
	int byte;

	if (!f)
		return -1;
	for (len = 0; (byte = fgetc(f)) != EOF; len++)
		same &= byte == vsock_pattern(len);
	fclose(f);
	if (len == SIZE && same)
		return 0;
	fprintf(stderr, "# %llu bytes came, %s\n", (unsigned long long)len,
		same ? "none wrong" : "wrong ones");
	return -1;
}

static uint64_t hash_of_pattern(void)
{
	uint64_t i, hash = 0;

	for (i = 0; i < SIZE; i++)
		hash = vsock_hash(hash, &(uint8_t){ vsock_pattern(i) }, 1, 0);
	return hash;
}

static int wait_for_text(const char *path, const char *text)
{
	int64_t end = hft_now_ns() + 2 * HFT_PATIENCE_MS * 1000000LL;

	while (!strstr(hft_text(path), text)) {
		if (hft_now_ns() > end)
			return -1;
		hft_sleep_ms(50);
	}
	return 0;
}

static int make_file_to_send(void)
{
	return hft_shell("head -c %u /dev/urandom >" SENT, SIZE);
}

TEST_F(foreign, socat_connects)
{
	HFT_NEED_PROGRAM("socat");
	EXPECT_EQ(0, hft_shell("echo through socat | timeout 20 socat -t 5 - VSOCK-CONNECT:%u:%u",
			       self->cid, VSOCK_PORT_ECHO));
	EXPECT_OUTPUT("through socat\n");
	ASSERT_EQ(0, make_file_to_send());
	EXPECT_EQ(0, hft_shell("timeout 20 socat -t 5 - VSOCK-CONNECT:%u:%u <" SENT " | cmp - " SENT,
			       self->cid, VSOCK_PORT_ECHO));
	EXPECT_OUTPUT("");
}

TEST_F(foreign, socat_is_refused_by_a_closed_port)
{
	HFT_NEED_PROGRAM("socat");
	EXPECT_EQ(1, hft_shell("timeout 20 socat - VSOCK-CONNECT:%u:%u </dev/null",
			       self->cid, VSOCK_PORT_NOBODY));
	EXPECT_TEXT(HFT_ERRORS, "Connection reset by peer");
}

TEST_F(foreign, socat_listens)
{
	struct hft_vsock v;
	pid_t child;

	HFT_NEED_PROGRAM("socat");
	child = hft_shell_start("timeout 20 socat -u VSOCK-LISTEN:7000 - >" HEARD);
	ASSERT_EQ(0, call_and_send(self->control, 7000, &v));
	EXPECT_EQ(0, hft_join(child, 4 * HFT_PATIENCE_MS));
	EXPECT_EQ(0, check_pattern(HEARD));
}

TEST_F(foreign, ncat_connects)
{
	HFT_NEED_PROGRAM("ncat");
	EXPECT_EQ(0, hft_shell("echo through ncat | timeout 20 ncat --vsock %u %u",
			       self->cid, VSOCK_PORT_ECHO));
	EXPECT_OUTPUT("through ncat\n");
	ASSERT_EQ(0, make_file_to_send());
	EXPECT_EQ(0, hft_shell("timeout 20 ncat --vsock %u %u <" SENT " | cmp - " SENT,
			       self->cid, VSOCK_PORT_ECHO));
	EXPECT_OUTPUT("");
	EXPECT_EQ(1, hft_shell("timeout 20 ncat --vsock %u %u </dev/null",
			       self->cid, VSOCK_PORT_NOBODY));
	EXPECT_TEXT(HFT_ERRORS, "Connection reset by peer");
}

TEST_F(foreign, ncat_listens)
{
	struct hft_vsock v;
	pid_t child;

	HFT_NEED_PROGRAM("ncat");
	child = hft_shell_start("timeout 20 ncat -l --vsock 7001 >" HEARD " </dev/null");
	ASSERT_EQ(0, call_and_send(self->control, 7001, &v));
	EXPECT_EQ(0, hft_join(child, 4 * HFT_PATIENCE_MS));
	EXPECT_EQ(0, check_pattern(HEARD));
}

TEST_F(foreign, ss_shows_listeners_and_connections)
{
	struct hft_vsock active, passive;
	unsigned int port = 7002;
	char line[64];
	int listener;

	HFT_NEED_PROGRAM("ss");
	ASSERT_EQ(0, prepare_system());
	listener = hft_vsock_listen(SOCK_STREAM, &port, 1);
	ASSERT_LE(0, listener);
	active = hft_vsock_open(SOCK_STREAM, self->cid, VSOCK_PORT_ECHO);
	ASSERT_LE(0, active.fd);
	ASSERT_EQ(0, call(self->control, port, &passive));
	passive.fd = hft_vsock_accept(listener);
	EXPECT_EQ(0, hft_shell("ss --vsock -a -n | tr -s ' '"));
	EXPECT_TEXT(HFT_OUTPUT, "v_str LISTEN 0 0 *:7002 *:*");
	/* vsock leaves the CID open of who connects. */
	snprintf(line, sizeof(line), "v_str ESTAB 0 0 *:%u %u:%u",
		 active.peer_port, self->cid, active.port);
	EXPECT_TEXT(HFT_OUTPUT, line);
	snprintf(line, sizeof(line), "v_str ESTAB 0 0 %u:%u %u:%u",
		 VMADDR_CID_HOST, port, self->cid, passive.port);
	EXPECT_TEXT(HFT_OUTPUT, line);
	close(passive.fd);
	close(active.fd);
	close(listener);
}

/* Finds a line about a packet of that connection behind *text, and goes on there. */
static bool find_packet(const char **text, const char *fmt, unsigned int cid, unsigned int port,
			unsigned int peer_cid, unsigned int peer_port)
{
	char line[96];
	const char *found;

	snprintf(line, sizeof(line), fmt, cid, port, peer_cid, peer_port);
	found = strstr(*text, line);
	if (!found)
		return false;
	*text = found + strlen(line);
	return true;
}

/* A connection of the host's from its beginning; packets of earlier ones may be there, too. */
static bool shows_connection(unsigned int peer)
{
	static const char connect[] = "\t%u.%u > %u.%u CONNECT, length 76\n";
	static const char payload[] = "\t%u.%u > %u.%u PAYLOAD, length 85\n"
				      "\t0x0000:  6361 7074 7572 6564 0a\n";
	static const char end[] = "\t%u.%u > %u.%u DISCONNECT, length 76\n";
	unsigned int cid = VMADDR_CID_HOST, port;
	const char *text = strstr(hft_text(HEARD), "op REQUEST");

	return text && sscanf(text, "%*[^\n]\n\t2.%u", &port) == 1 &&
	       find_packet(&text, connect, cid, port, peer, VSOCK_PORT_ECHO) &&
	       find_packet(&text, connect, peer, VSOCK_PORT_ECHO, cid, port) &&
	       find_packet(&text, payload, cid, port, peer, VSOCK_PORT_ECHO) &&
	       find_packet(&text, payload, peer, VSOCK_PORT_ECHO, cid, port) &&
	       find_packet(&text, end, cid, port, peer, VSOCK_PORT_ECHO);
}

TEST_F(foreign, tcpdump_shows_packets)
{
	pid_t child;

	HFT_NEED_PROGRAM("tcpdump");
	HFT_NEED_PROGRAM("socat");
	ASSERT_EQ(0, prepare_system());
	/* By its path, for busybox has one of its own. */
	ASSERT_EQ(0, hft_shell("/bin/ip -V && /bin/ip link add type vsockmon && "
			       "/bin/ip link set vsockmon0 up"));
	EXPECT_TEXT(HFT_OUTPUT, "iproute2");
	child = hft_shell_start("tcpdump -Z root -l -vvv -i vsockmon0 >" HEARD " 2>" SAID);
	ASSERT_EQ(0, wait_for_text(SAID, "listening on vsockmon0, link-type VSOCK"));
	EXPECT_EQ(0, hft_shell("echo captured | timeout 20 socat -t 5 - VSOCK-CONNECT:%u:%u",
			       self->cid, VSOCK_PORT_ECHO));
	EXPECT_TRUE(hft_eventually(shows_connection(self->cid))) {
		TH_LOG("this is not there in order: %s", hft_text(HEARD));
	}
	EXPECT_EQ(0, hft_shell("killall -INT tcpdump"));
	EXPECT_EQ(0, hft_join(child, HFT_PATIENCE_MS));
	EXPECT_EQ(0, hft_shell("/bin/ip link delete vsockmon0"));
}

#define UNITS	"/etc/systemd/user"

TEST_F(foreign, systemd_listens_for_a_unit)
{
	struct vsock_status s;
	struct hft_vsock v;
	pid_t child;

	HFT_NEED_PROGRAM("systemd");
	ASSERT_EQ(0, prepare_system());
	/* As a user's manager, which need not have booted the machine; no target is there. */
	ASSERT_EQ(0, hft_shell("mkdir -p /run/systemd/system " UNITS " && "
			       "mount -t cgroup2 cgroup2 /sys/fs/cgroup && cd " UNITS " && "
			       "printf '%%s\\n' [Unit] DefaultDependencies=no [Socket] "
			       "ListenStream=vsock::7003 Accept=yes >echo.socket && "
			       "printf '%%s\\n' [Unit] DefaultDependencies=no [Service] "
			       "ExecStart=/bin/cat StandardInput=socket >echo@.service"));
	child = hft_shell_start("XDG_RUNTIME_DIR=/run systemd --user --unit=echo.socket "
				"--log-target=console");
	EXPECT_EQ(0, call_and_send(self->control, 7003, &v));
	s = hft_vsock_do(self->control, &v, VSOCK_CMD_WAIT, SIZE, VSOCK_SHUT_SEND);
	EXPECT_EQ(SIZE, s.sum.bytes);
	EXPECT_EQ(hash_of_pattern(), s.sum.hash);
	EXPECT_EQ(0, hft_shell("killall -KILL systemd"));
	hft_join(child, HFT_PATIENCE_MS);
}

/*
 * There is no VM with an SSH server, so this one sits between two connections to the
 * echo: each byte of the session goes through the VM, one way or the other.
 */
TEST_F(foreign, ssh_goes_through_a_proxy_command)
{
	HFT_NEED_PROGRAM("ncat");
	HFT_NEED_PROGRAM("socat");
	HFT_NEED_PROGRAM("ssh");
	HFT_NEED_PROGRAM("sshd");
	HFT_NEED_PROGRAM("ssh-keygen");
	ASSERT_EQ(0, prepare_system());
	ASSERT_EQ(0, hft_shell("cd /tmp && rm -f key* && ssh-keygen -q -t ed25519 -N '' -f key"));
	EXPECT_EQ(0, hft_shell("timeout 40 ssh -i /tmp/key -o StrictHostKeyChecking=no "
			       "-o UserKnownHostsFile=/dev/null -o ProxyCommand='"
			       "ncat --vsock %u %u | "
			       "/bin/sshd -i -e -f /dev/null -o StrictModes=no "
			       "-o HostKey=/tmp/key -o AuthorizedKeysFile=/tmp/key.pub | "
			       "socat - VSOCK-CONNECT:%u:%u' root@vm echo through ssh",
			       self->cid, VSOCK_PORT_ECHO, self->cid, VSOCK_PORT_ECHO));
	EXPECT_OUTPUT("through ssh\n");
}

TEST_HARNESS_MAIN
