// SPDX-License-Identifier: GPL-2.0
/*
 * The programs of af_hf(7), hf_vsock(4) and hafnium(4), and the lines of README.md
 * about AF_VSOCK, taken from there by the Makefile, so that what people copy is
 * what was tested.
 *
 * Needs a vsock guest as VM 2, an echo guest, a flood guest, which sends to a
 * port of ours, the guest vsock_example, and an event guest.
 */
#include <poll.h>
#include <signal.h>

#include "hft_event.h"
#include "hft_vsock.h"
#include "hft_harness.h"
#include "hft_dgram.h"

#define main dgram_client
#include "man_dgram_client.c"
#undef main
#define main dgram_server
#include "man_dgram_server.c"
#undef main
#define main vsock_stream
#include "man_vsock_stream.c"
#undef main
#define main vsock_seqpacket
#include "man_vsock_seqpacket.c"
#undef main
#define main vsock_server
#include "man_vsock_server.c"
#undef main
#define main event_ring
#include "man_event_ring.c"
#undef main
#define main event_listen
#include "man_event_listen.c"
#undef main

#define PORT		"6100"
#define VSOCK_ECHO	"7"	/* VSOCK_PORT_ECHO, and the port of vsock_example */

struct program {
	int (*main)(int argc, char **argv);
	char *argv[4];
	int channel[2];		/* its output can be read at [0] */
	pid_t pid;
};

static int run_program(void *arg)
{
	struct program *program = arg;
	int argc = 0, status;

	while (program->argv[argc])
		argc++;
	if (dup2(program->channel[1], STDOUT_FILENO) < 0)
		return 100;
	status = program->main(argc, program->argv);
	fflush(stdout);
	return status;
}

static int start(struct program *program)
{
	if (pipe(program->channel))
		return -1;
	program->argv[0] = "example";
	program->pid = hft_spawn(run_program, program);
	return program->pid < 0 ? -1 : 0;
}

/* Waits until the output has that text. */
static bool prints(struct program *program, const char *text)
{
	static char output[1024];
	size_t len = 0;
	ssize_t n;

	output[0] = '\0';
	while (hft_poll(program->channel[0], POLLIN, HFT_PATIENCE_MS) & POLLIN) {
		n = read(program->channel[0], output + len, sizeof(output) - 1 - len);
		if (n <= 0)
			break;
		len += n;
		output[len] = '\0';
		if (strstr(output, text))
			return true;
		/* Only what may be the beginning of it is kept. */
		if (len > sizeof(output) / 2) {
			n = strlen(text);
			memmove(output, output + len - n, n + 1);
			len = n;
		}
	}
	fprintf(stderr, "# not there: %s\n# but: %s\n", text, output);
	return false;
}

static void stop(struct program *program)
{
	kill(program->pid, SIGKILL);
	waitpid(program->pid, NULL, 0);
}

static char *number(unsigned int value)
{
	static char text[16];

	snprintf(text, sizeof(text), "%u", value);
	return text;
}

TEST(datagram_client_gets_its_answer)
{
	HFT_NEED_GUEST(guest, "echo", 0);
	struct program client = { .main = dgram_client, .argv = { "", number(guest->id), "10" } };

	ASSERT_EQ(0, start(&client));
	EXPECT_TRUE(prints(&client, "answer: hello\n"));
	EXPECT_EQ(0, hft_join(client.pid, HFT_PATIENCE_MS));
}

TEST(datagram_server_hears_a_vm_that_speaks_first)
{
	HFT_NEED_GUEST(guest, "flood", 0);
	struct program server = { .main = dgram_server, .argv = { "", PORT } };
	char line[40];

	ASSERT_EQ(0, start(&server));
	ASSERT_EQ(0, hft_proc_wait_port(atoi(PORT)));
	ASSERT_EQ(0, hft_flood(guest->id, 1, atoi(PORT), 1, 8));
	snprintf(line, sizeof(line), "8 bytes from VM %u\n", guest->id);
	EXPECT_TRUE(prints(&server, line));
	stop(&server);
}

TEST(datagram_server_tells_what_was_lost)
{
	HFT_NEED_GUEST(guest, "flood", 0);
	struct program server = { .main = dgram_server, .argv = { "", PORT } };

	ASSERT_EQ(0, start(&server));
	ASSERT_EQ(0, hft_proc_wait_port(atoi(PORT)));
	ASSERT_EQ(0, kill(server.pid, SIGSTOP));
	ASSERT_EQ(0, hft_flood(guest->id, 1, atoi(PORT), 1000, 8));
	ASSERT_EQ(0, kill(server.pid, SIGCONT));
	hft_sleep_ms(500);
	ASSERT_EQ(0, hft_flood(guest->id, 1, atoi(PORT), 1, 8));
	EXPECT_TRUE(prints(&server, "lost so far\n"));
	stop(&server);
}

static bool client_is_answered(int (*main)(int argc, char **argv), unsigned int vm)
{
	struct program client = { .main = main, .argv = { "", number(hft_cid(vm)), VSOCK_ECHO } };
	bool answered;

	if (start(&client))
		return false;
	answered = prints(&client, "hello\n");
	return hft_join(client.pid, HFT_PATIENCE_MS) == 0 && answered;
}

TEST(stream_client_gets_its_answer)
{
	HFT_NEED_GUEST(guest, "vsock", 0);
	HFT_NEED_GUEST(example, "vsock_example", 0);

	EXPECT_TRUE(client_is_answered(vsock_stream, guest->id));
	EXPECT_TRUE(client_is_answered(vsock_stream, example->id));
}

TEST(message_client_gets_its_answer)
{
	HFT_NEED_GUEST(guest, "vsock", 0);

	EXPECT_TRUE(client_is_answered(vsock_seqpacket, guest->id));
}

/* Tries again until the program listens. */
static int let_guest_connect(int control, struct hft_vsock *v)
{
	struct vsock_command cmd = { .op = VSOCK_CMD_CONNECT, .flags = VSOCK_STREAM,
				     .peer_port = v->peer_port };
	int64_t end = hft_now_ns() + HFT_PATIENCE_MS * 1000000LL;
	struct vsock_status s;

	while (hft_now_ns() < end) {
		if (hft_vsock_ask(control, &cmd) || hft_vsock_answer(control, &s))
			return -1;
		v->port = s.port;
		if (s.life == VSOCK_LIFE_OPEN)
			return 0;
		hft_sleep_ms(10);
	}
	return -1;
}

TEST(server_serves_a_vm_that_connects)
{
	HFT_NEED_GUEST(guest, "vsock", 0);
	struct program server = { .main = vsock_server, .argv = { "", PORT } };
	struct hft_vsock v = { .peer_port = atoi(PORT) };
	int control = hft_vsock_connect(SOCK_STREAM, hft_cid(guest->id), VSOCK_PORT_CONTROL);
	char line[40];

	ASSERT_LE(0, control);
	ASSERT_EQ(0, start(&server));
	ASSERT_EQ(0, let_guest_connect(control, &v));
	ASSERT_EQ(0, hft_vsock_let_send(control, &v, 100000, 0, 0));
	hft_vsock_do(control, &v, VSOCK_CMD_SHUTDOWN, 0, VSOCK_SHUT_SEND);
	snprintf(line, sizeof(line), "100000 bytes from CID %u, end\n", hft_cid(guest->id));
	EXPECT_TRUE(prints(&server, line));
	stop(&server);
	close(control);
}

/* What README.md has instead of a program. */
static int readme_vsock(void)
{
#include "readme_vsock.c"
	return fd;
}

TEST(lines_of_the_readme_reach_the_guest)
{
	HFT_NEED_GUEST(guest, "vsock", 0);
	char answer[5] = "";
	int fd;

	if (hft_cid(guest->id) != 3)
		HFT_SKIP("VM 2 is not a vsock in this boot");
	fd = readme_vsock();
	ASSERT_LE(0, fd);
	EXPECT_EQ(5, hft_vsock_recv_all(fd, answer, sizeof(answer)));
	EXPECT_EQ(0, memcmp(answer, "hello", 5));
	close(fd);
}

TEST(eventfd_rings_the_vm)
{
	HFT_NEED_GUEST(guest, "event", 0);
	struct program ring = { .main = event_ring, .argv = { "", number(guest->id), "10" } };
	struct hf_event_info info;
	int dev = hft_event_open();
	int sock = hft_connect(guest->id, 10);

	ASSERT_LE(0, dev);
	ASSERT_EQ(0, hft_event_query(dev, guest->id, &info));
	close(dev);
	if (info.rings != HF_EVENT_INTERRUPT)
		HFT_SKIP("this hypervisor injects no interrupts");
	ASSERT_LE(0, sock);
	ASSERT_EQ(0, hft_event_zero(sock));
	ASSERT_EQ(0, start(&ring));
	EXPECT_TRUE(prints(&ring, " by 10\n"));
	EXPECT_EQ(0, hft_join(ring.pid, HFT_PATIENCE_MS));
	EXPECT_TRUE(hft_eventually(hft_event_count(sock, 0, 10) +
				   hft_event_count(sock, 1, 10) >= 1));
	close(sock);
}

TEST(listener_tells_how_often_the_vm_rang)
{
	HFT_NEED_GUEST(guest, "event", 0);
	struct program listen = { .main = event_listen, .argv = { "", number(guest->id), "5" } };
	int sock = hft_connect(guest->id, 10);
	char line[40];

	ASSERT_LE(0, sock);
	ASSERT_EQ(0, start(&listen));
	ASSERT_TRUE(prints(&listen, "listening\n"));
	ASSERT_EQ(0, hft_event_send(sock, 1 << 5, 1));
	snprintf(line, sizeof(line), "VM %u rang 1 times\n", guest->id);
	EXPECT_TRUE(prints(&listen, line));
	stop(&listen);
	close(sock);
}

/* The smallest guest, with more than it has room for, which comes back in order. */
TEST(example_guest_sends_all_of_it_back)
{
	HFT_NEED_GUEST(guest, "vsock_example", 0);
	int fd = hft_vsock_connect(SOCK_STREAM, hft_cid(guest->id), VSOCK_PORT_ECHO);

	ASSERT_LE(0, fd);
	EXPECT_EQ(0, hft_vsock_echo(fd, 200000, 1));
	EXPECT_FAIL(ECONNRESET, hft_vsock_connect(SOCK_STREAM, hft_cid(guest->id),
						  VSOCK_PORT_ECHO));
	shutdown(fd, SHUT_WR);
	EXPECT_TRUE(hft_vsock_at_end(fd));
	close(fd);
}

TEST_HARNESS_MAIN
