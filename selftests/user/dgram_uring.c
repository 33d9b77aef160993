// SPDX-License-Identifier: GPL-2.0
/*
 * io_uring on datagram sockets, by its system calls alone. It uses the same
 * operations as everybody else, and poll where they would have to wait.
 *
 * Needs an echo guest. Owns a ring of a few entries that is used one request at
 * a time: submit, then wait for the completion.
 */
#include <linux/io_uring.h>
#include <poll.h>
#include <sys/mman.h>
#include <sys/syscall.h>

#include "hft_harness.h"
#include "hft_dgram.h"

struct ring {
	int fd;
	struct io_uring_params params;
	void *queues;
	struct io_uring_sqe *sqes;
};

static uint32_t *word(struct ring *ring, uint32_t offset)
{
	return ring->queues + offset;
}

static int ring_open(struct ring *ring)
{
	size_t size;

	memset(ring, 0, sizeof(*ring));
	ring->fd = syscall(__NR_io_uring_setup, 8, &ring->params);
	if (ring->fd < 0)
		return -1;
	if (!(ring->params.features & IORING_FEAT_SINGLE_MMAP))
		return -1;
	size = ring->params.cq_off.cqes +
	       ring->params.cq_entries * sizeof(struct io_uring_cqe);
	ring->queues = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED,
			    ring->fd, IORING_OFF_SQ_RING);
	ring->sqes = mmap(NULL, ring->params.sq_entries * sizeof(*ring->sqes),
			  PROT_READ | PROT_WRITE, MAP_SHARED, ring->fd,
			  IORING_OFF_SQES);
	return ring->queues == MAP_FAILED || ring->sqes == MAP_FAILED ? -1 : 0;
}

static int ring_submit(struct ring *ring, const struct io_uring_sqe *sqe)
{
	uint32_t mask = *word(ring, ring->params.sq_off.ring_mask);
	uint32_t *tail = word(ring, ring->params.sq_off.tail);

	ring->sqes[*tail & mask] = *sqe;
	word(ring, ring->params.sq_off.array)[*tail & mask] = *tail & mask;
	__atomic_store_n(tail, *tail + 1, __ATOMIC_RELEASE);
	return syscall(__NR_io_uring_enter, ring->fd, 1, 0, 0, NULL, 0);
}

/* The next completion's result; -ETIME if it does not come. */
static int ring_wait(struct ring *ring)
{
	struct io_uring_cqe *cqes = ring->queues + ring->params.cq_off.cqes;
	uint32_t mask = *word(ring, ring->params.cq_off.ring_mask);
	uint32_t *head = word(ring, ring->params.cq_off.head);
	uint32_t *tail = word(ring, ring->params.cq_off.tail);
	int res;

	if (*head == __atomic_load_n(tail, __ATOMIC_ACQUIRE) &&
	    hft_poll(ring->fd, POLLIN, HFT_PATIENCE_MS) != POLLIN)
		return -ETIME;
	res = cqes[*head & mask].res;
	__atomic_store_n(head, *head + 1, __ATOMIC_RELEASE);
	return res;
}

static int ring_do(struct ring *ring, const struct io_uring_sqe *sqe)
{
	return ring_submit(ring, sqe) == 1 ? ring_wait(ring) : -EIO;
}

FIXTURE(uring) {
	struct ring ring;
	unsigned int vm;
	int fd;
};

FIXTURE_SETUP(uring)
{
	const struct hft_guest *guest = hft_guest("echo", 0);

	self->fd = self->ring.fd = -1;
	if (!guest)
		HFT_SKIP("no echo guest in this boot");
	if (ring_open(&self->ring))
		HFT_SKIP("this kernel has no io_uring");
	self->vm = guest->id;
	self->fd = hft_connect(guest->id, 10);
	ASSERT_LE(0, self->fd);
}

FIXTURE_TEARDOWN(uring)
{
	close(self->fd);
	close(self->ring.fd);
}

static struct io_uring_sqe operation(uint8_t opcode, int fd, const void *buf,
				     uint32_t len)
{
	struct io_uring_sqe sqe = {
		.opcode = opcode, .fd = fd, .addr = (uintptr_t)buf, .len = len,
	};

	return sqe;
}

TEST_F(uring, sends_and_receives)
{
	static char buf[HF_MSG_PAYLOAD_MAX], in[HF_MSG_PAYLOAD_MAX];
	struct io_uring_sqe out = operation(IORING_OP_SEND, self->fd, buf, sizeof(buf));
	struct io_uring_sqe rcv = operation(IORING_OP_RECV, self->fd, in, sizeof(in));
	int i;

	for (i = 0; i < 20; i++) {
		hft_fill(buf, sizeof(buf), i);
		ASSERT_EQ(sizeof(buf), ring_do(&self->ring, &out));
		ASSERT_EQ(sizeof(in), ring_do(&self->ring, &rcv));
		ASSERT_EQ(0, memcmp(buf, in, sizeof(in)));
	}
}

TEST_F(uring, receive_that_is_early_waits_for_its_message)
{
	char in[8];
	struct io_uring_sqe rcv = operation(IORING_OP_RECV, self->fd, in, sizeof(in));

	ASSERT_EQ(1, ring_submit(&self->ring, &rcv));
	hft_sleep_ms(100);
	ASSERT_EQ(3, send(self->fd, "abc", 3, 0));
	EXPECT_EQ(3, ring_wait(&self->ring));
	EXPECT_EQ(0, memcmp(in, "abc", 3));
}

TEST_F(uring, addresses_go_both_ways)
{
	struct hf_sockaddr addr = hft_address(self->vm, 99), from = { 0 };
	char out[] = "out", in[8];
	struct iovec iov = { out, 3 };
	struct msghdr msg = { .msg_name = &addr, .msg_namelen = sizeof(addr),
			      .msg_iov = &iov, .msg_iovlen = 1 };
	int fd = hft_socket();
	struct io_uring_sqe snd = operation(IORING_OP_SENDMSG, fd, &msg, 1);
	struct io_uring_sqe rcv = operation(IORING_OP_RECVMSG, fd, &msg, 1);

	ASSERT_EQ(3, ring_do(&self->ring, &snd));
	msg.msg_name = &from;
	iov.iov_base = in;
	iov.iov_len = sizeof(in);
	ASSERT_EQ(3, ring_do(&self->ring, &rcv));
	EXPECT_EQ(self->vm, from.vm_id);
	EXPECT_EQ(99, from.port);
	close(fd);
}

TEST_F(uring, connects)
{
	struct hf_sockaddr addr = hft_address(self->vm, 10);
	int fd = hft_socket();
	struct io_uring_sqe sqe = operation(IORING_OP_CONNECT, fd, &addr, 0);

	sqe.off = sizeof(addr);
	EXPECT_EQ(0, ring_do(&self->ring, &sqe));
	EXPECT_TRUE(hft_peer_is(fd, self->vm, 10));
	EXPECT_EQ(0, hft_echo(fd, 100, 1));
	close(fd);
}

TEST_F(uring, errors_are_those_of_the_calls)
{
	static char big[HF_MSG_PAYLOAD_MAX + 1];
	struct io_uring_sqe sqe = operation(IORING_OP_SEND, self->fd, big, sizeof(big));

	EXPECT_EQ(-EMSGSIZE, ring_do(&self->ring, &sqe));
	sqe = operation(IORING_OP_RECV, self->fd, big, sizeof(big));
	sqe.msg_flags = MSG_DONTWAIT;
	EXPECT_EQ(-EAGAIN, ring_do(&self->ring, &sqe));
	ASSERT_EQ(0, shutdown(self->fd, SHUT_WR));
	sqe = operation(IORING_OP_SEND, self->fd, big, 1);
	EXPECT_EQ(-EPIPE, ring_do(&self->ring, &sqe));
}

TEST_F(uring, poll_tells_when_a_message_is_there)
{
	struct io_uring_sqe sqe = operation(IORING_OP_POLL_ADD, self->fd, NULL, 0);

	sqe.poll32_events = POLLIN;
	ASSERT_EQ(1, ring_submit(&self->ring, &sqe));
	ASSERT_EQ(3, send(self->fd, "abc", 3, 0));
	EXPECT_EQ(POLLIN, ring_wait(&self->ring) & POLLIN);
}

TEST_F(uring, closing_ends_a_receive_that_waits)
{
	char in[8];
	struct io_uring_sqe rcv = operation(IORING_OP_RECV, self->fd, in, sizeof(in));

	ASSERT_EQ(1, ring_submit(&self->ring, &rcv));
	ASSERT_EQ(0, shutdown(self->fd, SHUT_RD));
	EXPECT_EQ(0, ring_wait(&self->ring));
}

TEST_HARNESS_MAIN
