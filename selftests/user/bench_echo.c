// SPDX-License-Identifier: GPL-2.0
/*
 * How long a round trip takes: a message to a VM that echoes, and what the
 * kernel's own means between two processes take in the same boot.
 *
 * All do the same: send() of the whole message, recv() of the answer, both
 * blocking, on a connected socket, after a warm-up; the other process receives
 * and sends. Pipes get write() and read(). Figures go to stderr and are judged
 * by selftests/bench; what fails here is what does not echo. Needs echo and vsock.
 */
#include <sys/resource.h>
#include <sys/socket.h>
#include <linux/vm_sockets.h>

#include "hft_vsock.h"
#include "hft_harness.h"
#include "bench.h"

#define OPEN_SOCKETS	1000
#define VSOCK_PORT	1234

#undef TEST_TIMEOUT_DEFAULT
#define TEST_TIMEOUT_DEFAULT 900

static const size_t sizes[] = { 1, 32, 1024, 4080 };
static int64_t samples[BENCH_ROUNDS];

struct kind {
	const char *name;
	bench_round round;
	int mark;
};

static const struct kind hf = { "hf_dgram", bench_pair_round, BENCH_HF };
static const struct kind hf_first = { "hf_dgram_of_1", bench_pair_round, BENCH_NOTHING };
static const struct kind hf_among_many = { "hf_dgram_of_1000", bench_pair_round, BENCH_NOTHING };
static const struct kind unix_dgram = { "unix_dgram", bench_pair_round, BENCH_UNIX };
static const struct kind pipes = { "pipe", bench_pipe_round, BENCH_PIPE };
static const struct kind hf_vsock_stream = { "hf_vsock_stream", bench_pair_round, BENCH_NOTHING };
static const struct kind hf_vsock_seq = { "hf_vsock_seqpacket", bench_pair_round, BENCH_NOTHING };
static const struct kind vsock_stream = { "vsock_stream", bench_pair_round, BENCH_NOTHING };
static const struct kind vsock_seq = { "vsock_seqpacket", bench_pair_round, BENCH_VSOCK };

/* The number is part of the instruction, hence no argument of it. */
static void mark(int number)
{
	switch (number) {
	case BENCH_HF:
		BENCH_MARK(BENCH_HF);
		break;
	case BENCH_UNIX:
		BENCH_MARK(BENCH_UNIX);
		break;
	case BENCH_PIPE:
		BENCH_MARK(BENCH_PIPE);
		break;
	case BENCH_VSOCK:
		BENCH_MARK(BENCH_VSOCK);
		break;
	default:
		BENCH_MARK(BENCH_NOTHING);
	}
}

static int measure(const struct kind *kind, struct bench_pair *pair)
{
	struct bench_row row = { kind->name, pair->size, 1, 1 };
	int err;

	if (bench_rounds(kind->round, pair, samples, BENCH_WARMUP))
		return -1;
	mark(pair->size == BENCH_SMALL ? kind->mark : BENCH_NOTHING);
	err = bench_rounds(kind->round, pair, samples, BENCH_ROUNDS);
	mark(BENCH_NOTHING);
	if (!err)
		bench_report(&row, samples, BENCH_ROUNDS);
	return err;
}

static int measure_hf(const struct kind *kind, int fd, size_t size)
{
	struct bench_pair pair = { fd, fd, size };

	return measure(kind, &pair);
}

static int measure_unix(size_t size)
{
	struct bench_pair here, there;
	int fds[2], err;
	pid_t child;

	if (socketpair(AF_UNIX, SOCK_DGRAM, 0, fds))
		return -1;
	here = (struct bench_pair){ fds[0], fds[0], size };
	there = (struct bench_pair){ fds[1], fds[1], size };
	child = hft_spawn(bench_pair_answer, &there);
	err = measure(&unix_dgram, &here);
	/* A message of nothing ends it: of a datagram socket close() is not seen. */
	send(fds[0], NULL, 0, 0);
	err |= hft_join(child, HFT_PATIENCE_MS);
	close(fds[0]);
	close(fds[1]);
	return err;
}

static int measure_pipe(size_t size)
{
	struct bench_pair here, there;
	int forth[2], back[2], err;
	pid_t child;

	if (pipe(forth) || pipe(back))
		return -1;
	here = (struct bench_pair){ forth[1], back[0], size };
	there = (struct bench_pair){ back[1], forth[0], size };
	child = hft_spawn(bench_pipe_answer, &there);
	err = measure(&pipes, &here);
	kill(child, SIGKILL);
	hft_join(child, HFT_PATIENCE_MS);
	close(forth[0]);
	close(forth[1]);
	close(back[0]);
	close(back[1]);
	return err;
}

static int vsock_server(void *arg)
{
	struct bench_pair pair = { 0 };
	int fd = accept(*(int *)arg, NULL, NULL);

	pair.to = fd;
	pair.from = fd;
	return fd < 0 ? 1 : bench_pair_answer(&pair);
}

/* A connection to ourselves; -1 if this kernel has no loopback for vsock. */
static int loopback_connect(int type, pid_t *child)
{
	struct sockaddr_vm addr = { .svm_family = AF_VSOCK, .svm_cid = VMADDR_CID_LOCAL,
				    .svm_port = VSOCK_PORT };
	int listener = socket(AF_VSOCK, type, 0);
	int fd = socket(AF_VSOCK, type, 0);

	*child = -1;
	if (listener >= 0 && !bind(listener, (void *)&addr, sizeof(addr)) &&
	    !listen(listener, 1)) {
		*child = hft_spawn(vsock_server, &listener);
		if (connect(fd, (void *)&addr, sizeof(addr))) {
			close(fd);
			fd = -1;
		}
	} else {
		close(fd);
		fd = -1;
	}
	close(listener);
	return fd;
}

TEST(echo_round_trips_by_size)
{
	HFT_NEED_GUEST(guest, "echo", 0);
	int fd = bench_connect(guest->id, 1);
	int i;

	ASSERT_LE(0, fd);
	for (i = 0; i < ARRAY_SIZE(sizes); i++)
		ASSERT_EQ(0, measure_hf(&hf, fd, sizes[i]));
	close(fd);
}

TEST(unix_datagram_round_trips_by_size)
{
	int i;

	for (i = 0; i < ARRAY_SIZE(sizes); i++)
		ASSERT_EQ(0, measure_unix(sizes[i]));
}

TEST(pipe_round_trips_by_size)
{
	int i;

	for (i = 0; i < ARRAY_SIZE(sizes); i++)
		ASSERT_EQ(0, measure_pipe(sizes[i]));
}

static int measure_loopback(const struct kind *kind, int type)
{
	pid_t child;
	int i, err = 0, fd = loopback_connect(type, &child);

	if (fd < 0)
		return -ENODEV;
	for (i = 0; i < ARRAY_SIZE(sizes) && !err; i++)
		err = measure_hf(kind, fd, sizes[i]);
	close(fd);
	/* It has a copy of our end, so that it never sees the connection close. */
	kill(child, SIGKILL);
	hft_join(child, HFT_PATIENCE_MS);
	return err;
}

TEST(vsock_loopback_round_trips_by_size)
{
	int err = measure_loopback(&vsock_stream, SOCK_STREAM);

	if (err == -ENODEV)
		HFT_SKIP("this kernel has no vsock loopback");
	EXPECT_EQ(0, err);
	EXPECT_EQ(0, measure_loopback(&vsock_seq, SOCK_SEQPACKET));
}

static int measure_vsock(const struct kind *kind, int type, unsigned int vm)
{
	int fd = socket(AF_VSOCK, type, 0);
	int i, err = hft_vsock_connect_to(fd, hft_cid(vm), VSOCK_PORT_ECHO);

	/* What one packet takes. */
	for (i = 0; i < ARRAY_SIZE(sizes) && !err; i++)
		err = measure_hf(kind, fd, sizes[i] < VSOCK_PAYLOAD_MAX ? sizes[i] :
						      VSOCK_PAYLOAD_MAX);
	close(fd);
	return err;
}

TEST(vsock_round_trips_by_size)
{
	HFT_NEED_GUEST(guest, "vsock", 0);

	EXPECT_EQ(0, measure_vsock(&hf_vsock_stream, SOCK_STREAM, guest->id));
	EXPECT_EQ(0, measure_vsock(&hf_vsock_seq, SOCK_SEQPACKET, guest->id));
}

TEST(echo_round_trips_beside_many_open_sockets)
{
	HFT_NEED_GUEST(guest, "echo", 0);
	struct rlimit limit = { OPEN_SOCKETS + 64, OPEN_SOCKETS + 64 };
	int i, fd = bench_connect(guest->id, 1);

	ASSERT_LE(0, fd);
	ASSERT_EQ(0, setrlimit(RLIMIT_NOFILE, &limit));
	ASSERT_EQ(0, measure_hf(&hf_first, fd, BENCH_SMALL));
	for (i = 1; i < OPEN_SOCKETS; i++)
		ASSERT_LE(0, bench_connect(guest->id, 1));
	ASSERT_EQ(0, measure_hf(&hf_among_many, fd, BENCH_SMALL));
}

TEST_HARNESS_MAIN
