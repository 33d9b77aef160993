// SPDX-License-Identifier: GPL-2.0
/*
 * The programs of af_hf(7), taken from there by the Makefile, so that what
 * people copy is what was tested.
 *
 * Needs an echo guest, a flood guest, which sends to a port of ours, and for
 * connections the guest seq.
 */
#include <poll.h>
#include <signal.h>

#include "hft_seq.h"
#include "hft_harness.h"
#include "hft_dgram.h"

#define main dgram_client
#include "man_dgram_client.c"
#undef main
#define main dgram_server
#include "man_dgram_server.c"
#undef main
#define main seq_client
#include "man_seq_client.c"
#undef main
#define main seq_server
#include "man_seq_server.c"
#undef main

#define PORT		"6100"
#define SEQ_ECHO	"100"	/* SEQ_PORT_ECHO */

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

TEST(sequenced_packet_client_gets_its_answer)
{
	HFT_NEED_GUEST(guest, "seq", 0);
	struct program client = { .main = seq_client, .argv = { "", number(guest->id), SEQ_ECHO } };

	ASSERT_EQ(0, start(&client));
	EXPECT_TRUE(prints(&client, "answer: hello\n"));
	EXPECT_EQ(0, hft_join(client.pid, HFT_PATIENCE_MS));
}

TEST(sequenced_packet_server_serves_a_vm_that_connects)
{
	HFT_NEED_GUEST(guest, "seq", 0);
	struct program server = { .main = seq_server, .argv = { "", PORT } };
	int fd;

	ASSERT_EQ(0, start(&server));
	ASSERT_EQ(0, hft_proc_wait_port(atoi(PORT)));
	fd = hft_seq_connect(guest->id, SEQ_PORT_BACK);
	ASSERT_LE(0, fd);
	ASSERT_EQ(0, hft_seq_back(fd, atoi(PORT), 5, SEQ_BACK_SEND, 100));
	EXPECT_TRUE(prints(&server, "end\n"));
	stop(&server);
	close(fd);
}

TEST_HARNESS_MAIN
