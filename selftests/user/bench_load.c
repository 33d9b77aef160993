// SPDX-License-Identifier: GPL-2.0
/*
 * Round trips of several senders at several VMs at the same time, and how many
 * messages a second go one way. Figures go to stderr and are judged by
 * selftests/bench; what fails here is what gets lost.
 *
 * Needs eight smp with 4 vCPUs behind one with another number, sink, flood, vsock.
 */
#include <sys/socket.h>

#include "hft_vsock.h"
#include "hft_harness.h"
#include "bench.h"

#define VMS		8
#define SENDERS		16
#define WRITE_SIZE	65536	/* of a stream */

#undef TEST_TIMEOUT_DEFAULT
#define TEST_TIMEOUT_DEFAULT 900

static int connect_to_all(struct bench_sender *s)
{
	unsigned int i;

	for (i = 0; i < s->vms; i++) {
		s->fds[i] = bench_connect(hft_guest("smp", 1 + i)->id, 1);
		if (s->fds[i] < 0)
			return -1;
	}
	return 0;
}

static int next_vm(void *arg)
{
	struct bench_sender *s = arg;
	int fd = s->fds[s->index++ % s->vms];
	struct bench_pair pair = { fd, fd, s->size };

	return bench_pair_round(&pair);
}

static int warm_up(struct bench_sender *s)
{
	return connect_to_all(s) || bench_rounds(next_vm, s, s->samples, 50);
}

static int ping_all(struct bench_sender *s)
{
	return bench_rounds(next_vm, s, s->samples, s->rounds);
}

/* Each sender goes round the VMs, each starting with another one. */
static int measure_round_trips(unsigned int senders, unsigned int vms)
{
	struct bench_sender *s = bench_senders(senders);
	struct bench_row row = { "hf_echo_load", BENCH_SMALL, senders, vms };
	int64_t *samples = hft_shared(BENCH_ROUNDS * sizeof(*samples));
	size_t rounds = BENCH_ROUNDS / senders;
	int64_t took_ns;
	unsigned int i;

	for (i = 0; i < senders; i++) {
		s[i].index = i;
		s[i].size = row.size;
		s[i].vms = vms;
		s[i].rounds = rounds;
		s[i].prepare = warm_up;
		s[i].work = ping_all;
	}
	took_ns = bench_run(s, senders);
	if (took_ns < 0)
		return -1;
	for (i = 0; i < senders; i++)
		memcpy(samples + i * rounds, s[i].samples, rounds * sizeof(*samples));
	bench_report_rate(&row, samples, senders * rounds, took_ns);
	return 0;
}

static int connect_to_sink(struct bench_sender *s)
{
	s->fds[0] = bench_connect(hft_guest("sink", 0)->id, 1);
	return s->fds[0] < 0 ? -1 : 0;
}

/* How many messages the sink took since it was last asked, -1 = no answer. */
static int64_t ask_sink(int fd)
{
	uint64_t question = UINT64_MAX, count;

	if (send(fd, &question, sizeof(question), 0) != sizeof(question) ||
	    recv(fd, &count, sizeof(count), 0) != sizeof(count))
		return -1;
	return count;
}

/* The question comes after our own messages, so its answer means they arrived. */
static int flood_sink(struct bench_sender *s)
{
	static char buf[HF_MSG_PAYLOAD_MAX];
	size_t i;

	for (i = 0; i < s->rounds; i++)
		if (send(s->fds[0], buf, s->size, 0) != s->size)
			return -1;
	s->samples[0] = ask_sink(s->fds[0]);
	return s->samples[0] < 0 ? -1 : 0;
}

static int measure_flood_to_vm(unsigned int senders, size_t size)
{
	struct bench_sender *s = bench_senders(senders);
	struct bench_row row = { "hf_flood_to_vm", size, senders, 1 };
	int64_t took_ns, arrived = 0;
	unsigned int i;

	for (i = 0; i < senders; i++) {
		s[i].size = size;
		s[i].rounds = BENCH_ROUNDS / senders;
		s[i].prepare = connect_to_sink;
		s[i].work = flood_sink;
	}
	took_ns = bench_run(s, senders);
	for (i = 0; i < senders; i++)
		arrived += s[i].samples[0];
	if (took_ns < 0 || arrived != BENCH_ROUNDS)
		return -1;
	bench_report_rate(&row, NULL, arrived, took_ns);
	return 0;
}

/* The same number of bytes as floods of the largest messages, to a guest that counts, too. */
static int measure_stream_to_vm(void)
{
	struct bench_row row = { "hf_vsock_to_vm", WRITE_SIZE, 1, 1 };
	int i, writes = BENCH_ROUNDS * HF_MSG_PAYLOAD_MAX / WRITE_SIZE;
	int fd = socket(AF_VSOCK, SOCK_STREAM, 0);
	static char buf[WRITE_SIZE];
	struct vsock_sum sum;
	int64_t start;

	if (hft_vsock_connect_to(fd, hft_cid(hft_guest("vsock", 0)->id), VSOCK_PORT_DISCARD))
		return -1;
	start = hft_now_ns();
	for (i = 0; i < writes; i++)
		if (hft_vsock_send_all(fd, buf, sizeof(buf), 0))
			return -1;
	if (shutdown(fd, SHUT_WR) || hft_vsock_recv_all(fd, &sum, sizeof(sum)) != sizeof(sum) ||
	    sum.bytes != (uint64_t)writes * sizeof(buf))
		return -1;
	bench_report_rate(&row, NULL, writes, hft_now_ns() - start);
	close(fd);
	return 0;
}

/* Room for all of it, because the guest does not wait for us. */
static int measure_flood_from_vm(size_t size)
{
	struct {
		uint32_t count;
		uint32_t size;
		uint64_t port;
	} request = { BENCH_ROUNDS, size, 0 };
	struct bench_row row = { "hf_flood_from_vm", size, 1, 1 };
	int fd = bench_connect(hft_guest("flood", 0)->id, 1);
	int i, room = BENCH_ROUNDS * 2 * (HF_MSG_PAYLOAD_MAX + 1024);
	static char buf[HF_MSG_PAYLOAD_MAX];
	int64_t start = hft_now_ns();

	if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &room, sizeof(room)) ||
	    hft_set_timeout(fd, SO_RCVTIMEO, HFT_PATIENCE_MS) ||
	    send(fd, &request, sizeof(request), 0) < 0)
		return -1;
	for (i = 0; i < BENCH_ROUNDS; i++)
		if (recv(fd, buf, sizeof(buf), 0) != size)
			return -1;
	bench_report_rate(&row, NULL, i, hft_now_ns() - start);
	close(fd);
	return 0;
}

TEST(round_trips_by_senders_and_vms)
{
	static const unsigned int senders[] = { 1, 4, SENDERS }, vms[] = { 1, 4, VMS };
	int i, j;

	HFT_NEED_GUEST(last, "smp", VMS);
	ASSERT_EQ(4, last->vcpus);
	for (i = 0; i < ARRAY_SIZE(senders); i++)
		for (j = 0; j < ARRAY_SIZE(vms); j++)
			ASSERT_EQ(0, measure_round_trips(senders[i], vms[j]));
}

TEST(floods_to_a_vm_arrive_whole)
{
	HFT_NEED_GUEST(sink, "sink", 0);
	ASSERT_LE(0, ask_sink(bench_connect(sink->id, 1)));
	ASSERT_EQ(0, measure_flood_to_vm(1, BENCH_SMALL));
	ASSERT_EQ(0, measure_flood_to_vm(1, 1024));
	ASSERT_EQ(0, measure_flood_to_vm(1, HF_MSG_PAYLOAD_MAX));
	ASSERT_EQ(0, measure_flood_to_vm(4, BENCH_SMALL));
	ASSERT_EQ(0, measure_flood_to_vm(SENDERS, BENCH_SMALL));
}

TEST(stream_to_a_vm_arrives_whole)
{
	HFT_NEED_GUEST(guest, "vsock", 0);
	ASSERT_LT(0, guest->id);
	ASSERT_EQ(0, measure_stream_to_vm());
}

TEST(floods_from_a_vm_arrive_whole)
{
	HFT_NEED_GUEST(flood, "flood", 0);
	ASSERT_LT(0, flood->id);
	ASSERT_EQ(0, measure_flood_from_vm(BENCH_SMALL));
	ASSERT_EQ(0, measure_flood_from_vm(1024));
	ASSERT_EQ(0, measure_flood_from_vm(HF_MSG_PAYLOAD_MAX));
}

TEST_HARNESS_MAIN
