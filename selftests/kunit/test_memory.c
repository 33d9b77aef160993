// SPDX-License-Identifier: GPL-2.0-only
/*
 * Suite: a frame from a VM, and memory that is not there at once.
 *
 * The nth allocation of the thread that hears of the frame fails, for n = 1, 2,
 * and so on until none is left; as everywhere, only those that may not sleep,
 * for the others wait. The first ones belong to a new connection, which is refused,
 * or to a RESET, which is not sent then; the last few are for the buffer of the next
 * message: no message is ever lost.
 */
#include <linux/io.h>
#include <linux/sched.h>
#include <net/sock.h>

#include "../../hf_rx.h"
#include "../../hf_sock.h"
#include "bed_seq.h"

/* A port of ours. */
#define PORT	5000

/* More allocations than there are anywhere. */
#define MANY	1000

/* What a message takes: the socket buffer, and what it holds. */
#define FOR_MESSAGE	2
/* What a connection takes: the socket, the flow to its peer, and who that is. */
#define FOR_CONNECTION	3
/* What a RESET takes: its flow. */
#define FOR_RESET	1

/* Elements from which on the table of connections has to grow at once. */
#define TABLE_FULL	65

static void fail_nth(unsigned int nth)
{
	current->fail_nth = nth;
}

/* No failures from here on. How many allocations were missing to the nth, 0 if that failed. */
static unsigned int left(void)
{
	unsigned int rest = current->fail_nth;

	current->fail_nth = 0;
	return rest;
}

/* Those that there are, of the driver's family. */
static int sockets(struct kunit *test)
{
	struct socket *sock = bed_socket(test, SOCK_SEQPACKET);
	struct proto *prot = sock->sk->sk_prot;

	bed_close(sock);
	return sock_prot_inuse_get(&init_net, prot);
}

static void expect_nothing_left(struct kunit *test, struct hf_vm *vm, int sockets_before)
{
	KUNIT_EXPECT_EQ(test, 0, (int)bed_heard_but_credit(vm));
	KUNIT_EXPECT_TRUE(test, list_empty(&vm->flows));
	KUNIT_EXPECT_EQ(test, 0, (int)vm->closed_flows);
	KUNIT_EXPECT_EQ(test, sockets_before, sockets(test));
	KUNIT_EXPECT_EQ_MSG(test, (long)fake_count(FAKE_RX_RELEASE),
			    atomic_long_read(&vm->received), "each message counts");
}

/* The guest's request was accepted: messages pass in both directions. */
static void expect_connection(struct kunit *test, struct hf_vcpu *vcpu, struct socket *listener)
{
	struct socket *sock = bed_accept(test, listener);
	struct seq_frame frame = bed_frame(PORT, DATA, 0, 2);
	char data[8];

	KUNIT_ASSERT_NOT_NULL(test, sock);
	bed_deliver(test, vcpu, &frame, "hello", 5);
	KUNIT_EXPECT_EQ(test, 5, bed_recv(sock, data, sizeof(data), MSG_DONTWAIT, NULL));
	KUNIT_EXPECT_EQ(test, 0, memcmp(data, "hello", 5));
	KUNIT_EXPECT_EQ(test, 1, bed_send(sock, "x", 1, MSG_DONTWAIT));
	KUNIT_EXPECT_EQ(test, (int)DATA, (int)bed_heard_but_credit(vcpu->vm));
	bed_close(sock);
	KUNIT_EXPECT_EQ(test, (int)SHUTDOWN, (int)bed_heard_but_credit(vcpu->vm));
}

/* The same for a request without any failure. */
static void expect_next_request_to_work(struct kunit *test, struct hf_vcpu *vcpu,
					struct socket *listener)
{
	bed_say(test, vcpu, PORT, REQUEST, 0, 1);
	KUNIT_EXPECT_EQ(test, (int)ACCEPT, (int)bed_heard_but_credit(vcpu->vm));
	expect_connection(test, vcpu, listener);
}

static void request_without_memory_is_refused_and_the_next_one_works(struct kunit *test)
{
	struct hf_vcpu *vcpu = bed_vcpu(test, 2);
	struct socket *listener = bed_listener(test, HF_VM_ID_ANY, PORT, 5);
	int before = sockets(test), waited = 0, refused = 0;
	unsigned int nth = 0, rest;

	do {
		fail_nth(++nth);
		bed_say(test, vcpu, PORT, REQUEST, 0, 1);
		rest = left();
		if (bed_heard_but_credit(vcpu->vm) == ACCEPT) {
			waited += !rest;
			expect_connection(test, vcpu, listener);
		} else {
			refused++;
			KUNIT_EXPECT_EQ_MSG(test, (int)RESET, (int)bed_last.type,
					    "failure %u", nth);
			KUNIT_EXPECT_EQ(test, (u64)PORT, le64_to_cpu(bed_last.src_port));
			KUNIT_EXPECT_EQ(test, (u64)PEER_PORT, le64_to_cpu(bed_last.dst_port));
			KUNIT_EXPECT_NULL(test, bed_accept(test, listener));
		}
		expect_next_request_to_work(test, vcpu, listener);
		expect_nothing_left(test, vcpu->vm, before);
	} while (!rest && nth < MANY);
	KUNIT_EXPECT_EQ_MSG(test, 1U, rest, "only the last one had none that failed");
	KUNIT_EXPECT_GE(test, waited, FOR_MESSAGE);
	KUNIT_EXPECT_GE(test, refused, FOR_CONNECTION);
}

static void request_that_takes_over_and_is_refused_ends_what_was_before(struct kunit *test)
{
	struct hf_vcpu *vcpu = bed_vcpu(test, 2);
	struct socket *listener = bed_listener(test, HF_VM_ID_ANY, PORT, 5), *sock;
	int before = sockets(test), refused = 0;
	unsigned int nth = 0, rest;
	char c;

	do {
		bed_say(test, vcpu, PORT, REQUEST, 0, 1);
		KUNIT_EXPECT_EQ(test, (int)ACCEPT, (int)bed_heard_but_credit(vcpu->vm));
		sock = bed_accept(test, listener);
		KUNIT_ASSERT_NOT_NULL(test, sock);
		while (bed_heard(vcpu->vm))
			;
		fail_nth(++nth);
		bed_say(test, vcpu, PORT, REQUEST, 0, 1);
		rest = left();
		KUNIT_EXPECT_EQ(test, -ECONNRESET, bed_recv(sock, &c, 1, MSG_DONTWAIT, NULL));
		bed_close(sock);
		if (bed_heard_but_credit(vcpu->vm) == ACCEPT) {
			expect_connection(test, vcpu, listener);
		} else {
			KUNIT_EXPECT_EQ_MSG(test, (int)RESET, (int)bed_last.type,
					    "failure %u", nth);
			refused++;
		}
		expect_nothing_left(test, vcpu->vm, before);
	} while (!rest && nth < MANY);
	KUNIT_EXPECT_GE(test, refused, FOR_CONNECTION);
}

/* As bed_deliver() of a request, without any memory of the test's, and not asleep. */
static void request_at_once(struct hf_vcpu *vcpu, u64 src_port)
{
	struct seq_frame frame = bed_frame(PORT, REQUEST, 0, 1);

	frame.src_port = cpu_to_le64(src_port);
	memcpy(phys_to_virt(fake->rx), &frame, sizeof(frame));
	fake->rx_full = true;
	bed_exit_by_hand(vcpu, HF_EXIT_MSG_SEND, vcpu->vm->id, HF_PRIMARY_VM_ID, sizeof(frame));
}

static void expect_heard(struct kunit *test, struct hf_vm *vm, u8 type, u64 dst_port)
{
	KUNIT_EXPECT_EQ_MSG(test, (int)type, (int)bed_heard_but_credit(vm), "port %llu", dst_port);
	KUNIT_EXPECT_EQ(test, dst_port, le64_to_cpu(bed_last.dst_port));
}

/*
 * The table grows in a worker, long before it has to. That runs on our CPU, or
 * rather does not, until we have filled the table.
 */
static void table_that_cannot_grow_refuses_a_request(struct kunit *test)
{
	struct hf_vcpu *vcpu = bed_vcpu(test, 2);
	int before = sockets(test), i;
	struct socket *listener = bed_listener(test, HF_VM_ID_ANY, PORT, 2 * TABLE_FULL);
	struct seq_frame data;
	unsigned int rest;

	preempt_disable();
	for (i = 0; i < TABLE_FULL; i++)
		request_at_once(vcpu, PEER_PORT + i);
	fail_nth(FOR_CONNECTION + 1);
	request_at_once(vcpu, PEER_PORT + i);
	rest = left();
	request_at_once(vcpu, PEER_PORT + i);
	preempt_enable();

	KUNIT_EXPECT_EQ_MSG(test, 0U, rest, "the table did not have to grow");
	for (i = 0; i < TABLE_FULL; i++)
		expect_heard(test, vcpu->vm, ACCEPT, PEER_PORT + i);
	expect_heard(test, vcpu->vm, RESET, PEER_PORT + i);
	expect_heard(test, vcpu->vm, ACCEPT, PEER_PORT + i);

	for (i = 0; i <= TABLE_FULL; i++) {
		data = bed_frame(PORT, DATA, 0, 1);
		data.src_port = cpu_to_le64(PEER_PORT + i);
		bed_deliver(test, vcpu, &data, "x", 1);
	}
	KUNIT_EXPECT_EQ_MSG(test, 1L, atomic_long_read(&vcpu->vm->dropped_port),
			    "only the request that was refused found nobody");
	bed_close(listener);
	for (i = 0; i <= TABLE_FULL; i++)
		expect_heard(test, vcpu->vm, RESET, PEER_PORT + i);
	expect_nothing_left(test, vcpu->vm, before);
}

static void reset_without_memory_is_not_sent_and_the_next_one_is(struct kunit *test)
{
	struct hf_vcpu *vcpu = bed_vcpu(test, 2);
	int before = sockets(test), silent = 0;
	unsigned int nth = 0, rest;
	u8 answer;

	do {
		fail_nth(++nth);
		bed_say(test, vcpu, PORT, DATA, 0, 1);
		rest = left();
		answer = bed_heard(vcpu->vm);
		KUNIT_EXPECT_EQ_MSG(test, (int)(nth > FOR_RESET ? RESET : 0),
				    (int)answer, "failure %u", nth);
		silent += !answer;
		bed_say(test, vcpu, PORT, DATA, 0, 1);
		KUNIT_EXPECT_EQ(test, (int)RESET, (int)bed_heard(vcpu->vm));
		KUNIT_EXPECT_EQ(test, 2L * nth, atomic_long_read(&vcpu->vm->dropped_port));
		expect_nothing_left(test, vcpu->vm, before);
	} while (!rest && nth < MANY);
	KUNIT_EXPECT_GE(test, silent, FOR_RESET);
}

static void frames_of_a_connection_wait_for_memory(struct kunit *test)
{
	struct hf_vcpu *vcpu = bed_vcpu(test, 2);
	struct socket *sock;
	struct seq_frame data;
	unsigned int nth;
	char got[8];

	for (nth = 1; nth <= FOR_MESSAGE; nth++) {
		sock = bed_connecting(test, vcpu);
		fail_nth(nth);
		bed_say(test, vcpu, bed_port(sock), ACCEPT, 0, 1);
		KUNIT_EXPECT_EQ(test, 0U, left());
		KUNIT_EXPECT_EQ(test, -EISCONN, bed_connect(sock, 2, PEER_PORT, 0));

		data = bed_frame(bed_port(sock), DATA, 0, 1);
		fail_nth(nth);
		bed_deliver(test, vcpu, &data, "hello", 5);
		KUNIT_EXPECT_EQ(test, 0U, left());
		KUNIT_EXPECT_EQ(test, 5, bed_recv(sock, got, sizeof(got), MSG_DONTWAIT, NULL));
		KUNIT_EXPECT_EQ(test, 0, memcmp(got, "hello", 5));

		KUNIT_EXPECT_EQ(test, 1, bed_send(sock, "x", 1, MSG_DONTWAIT));
		KUNIT_EXPECT_EQ(test, -EAGAIN, bed_send(sock, "x", 1, MSG_DONTWAIT));
		fail_nth(nth);
		bed_say(test, vcpu, bed_port(sock), CREDIT, 0, 2);
		KUNIT_EXPECT_EQ(test, 0U, left());
		KUNIT_EXPECT_EQ(test, 1, bed_send(sock, "x", 1, MSG_DONTWAIT));

		fail_nth(nth);
		bed_say(test, vcpu, bed_port(sock), RESET, 0, 0);
		KUNIT_EXPECT_EQ(test, 0U, left());
		KUNIT_EXPECT_EQ(test, -ECONNRESET, bed_recv(sock, got, 1, MSG_DONTWAIT, NULL));
		bed_close(sock);
		while (bed_heard(vcpu->vm))
			;
	}
}

static void datagram_waits_for_memory_and_arrives_whole(struct kunit *test)
{
	struct hf_vcpu *vcpu = bed_vcpu(test, 2);
	struct socket *sock = bed_socket(test, SOCK_DGRAM);
	u8 *sent = kunit_kzalloc(test, 4080, GFP_KERNEL);
	u8 *got = kunit_kzalloc(test, 4080, GFP_KERNEL);
	unsigned int nth = 0, rest, i;

	KUNIT_ASSERT_EQ(test, 0, bed_bind(sock, HF_VM_ID_ANY, PORT));
	for (i = 0; i < 4080; i++)
		sent[i] = i ^ i >> 8;
	do {
		fail_nth(++nth);
		bed_receive(test, vcpu, PEER_PORT, PORT, sent, 4080);
		rest = left();
		KUNIT_EXPECT_EQ(test, (int)nth, fake_count(FAKE_RX_RELEASE));
		KUNIT_EXPECT_EQ(test, 4080, bed_recv(sock, got, 4080, MSG_DONTWAIT, NULL));
		KUNIT_EXPECT_EQ_MSG(test, 0, memcmp(got, sent, 4080), "failure %u", nth);
	} while (!rest && nth < MANY);
	KUNIT_EXPECT_GT(test, nth, (unsigned int)FOR_MESSAGE);
}

/* What happens in a guest's run, in whatever thread that is. */
static unsigned int nth_inside, left_inside;
static struct task_struct *who;
static bool seen;

static void fail_inside(struct hf_vcpu *vcpu)
{
	fail_nth(nth_inside);
}

static void look_inside(struct hf_vcpu *vcpu)
{
	left_inside = left();
	who = current;
	WRITE_ONCE(seen, true);
}

/* The guest sends @message, and the nth allocation for it fails; then it waits. */
static void answer_without_memory(struct kunit *test, struct hf_vcpu *vcpu, unsigned int nth,
				  const void *message, u32 len)
{
	seen = false;
	nth_inside = nth;
	fake_step(vcpu, &(struct fake_step){
		.exit = { .func = FFA_MSG_SEND, .vm = 2, .vcpu = HF_PRIMARY_VM_ID, .len = len },
		.inside = fail_inside,
		.takes = true,
		.sends = message,
		.len = len,
	});
	fake_step(vcpu, &(struct fake_step){
		.exit = { .func = FFA_MSG_WAIT, .vm = 2 },
		.inside = look_inside,
	});
}

static void thread_of_a_vcpu_waits_for_memory(struct kunit *test)
{
	struct hf_vcpu *vcpu = bed_vcpu(test, 2);
	struct socket *sock = bed_socket(test, SOCK_DGRAM);
	void *message = bed_message(test, PEER_PORT, PORT, "hello", 5);
	unsigned int nth;
	char got[8];

	KUNIT_ASSERT_EQ(test, 0, bed_bind(sock, HF_VM_ID_ANY, PORT));
	bed_start();
	for (nth = 1; nth <= FOR_MESSAGE; nth++) {
		BED_EXPECT_BLOCKED(test, vcpu);
		answer_without_memory(test, vcpu, nth, message, sizeof(struct hf_msg_hdr) + 5);
		hf_vcpu_request(vcpu, HF_REQ_WAKE);
		KUNIT_ASSERT_TRUE(test, bed_eventually(READ_ONCE(seen)));
		KUNIT_EXPECT_PTR_EQ(test, vcpu->task, who);
		KUNIT_EXPECT_EQ(test, 0U, left_inside);
		KUNIT_EXPECT_EQ(test, 5, bed_recv(sock, got, sizeof(got), MSG_DONTWAIT, NULL));
		KUNIT_EXPECT_EQ(test, 0, memcmp(got, "hello", 5));
	}
}

/* It may not sleep: without memory for what comes next it leaves the vCPU to its thread. */
static void sender_without_memory_leaves_the_vcpu_to_its_thread(struct kunit *test)
{
	struct hf_vcpu *vcpu = bed_vcpu(test, 2);
	struct socket *sock = bed_socket(test, SOCK_DGRAM);
	int preempt = preempt_count();
	unsigned int nth;
	void *message;
	char got[8];

	/* A sender gives way to whoever wants its CPU: nobody may. */
	sched_set_fifo(current);
	fake_exit(vcpu, FFA_MSG_WAIT, 0, 0);
	bed_start();
	KUNIT_ASSERT_EQ(test, 0, bed_connect(sock, 2, PEER_PORT, 0));
	message = bed_message(test, PEER_PORT, bed_port(sock), "hello", 5);
	for (nth = 1; nth <= FOR_MESSAGE; nth++) {
		BED_EXPECT_BLOCKED(test, vcpu);
		answer_without_memory(test, vcpu, nth, message, sizeof(struct hf_msg_hdr) + 5);
		KUNIT_EXPECT_EQ(test, 1, bed_send(sock, "x", 1, 0));
		KUNIT_EXPECT_EQ(test, preempt, preempt_count());
		KUNIT_EXPECT_EQ_MSG(test, 0U, left(), "it was the sender that had none");
		KUNIT_ASSERT_TRUE(test, bed_eventually(READ_ONCE(seen)));
		KUNIT_EXPECT_PTR_EQ(test, vcpu->task, who);
		KUNIT_EXPECT_EQ(test, 5, bed_recv(sock, got, sizeof(got), MSG_DONTWAIT, NULL));
		KUNIT_EXPECT_EQ(test, 0, memcmp(got, "hello", 5));
	}
}

static struct kunit_case memory_cases[] = {
	KUNIT_CASE(request_without_memory_is_refused_and_the_next_one_works),
	KUNIT_CASE(request_that_takes_over_and_is_refused_ends_what_was_before),
	KUNIT_CASE(table_that_cannot_grow_refuses_a_request),
	KUNIT_CASE(reset_without_memory_is_not_sent_and_the_next_one_is),
	KUNIT_CASE(frames_of_a_connection_wait_for_memory),
	KUNIT_CASE(datagram_waits_for_memory_and_arrives_whole),
	KUNIT_CASE(thread_of_a_vcpu_waits_for_memory),
	KUNIT_CASE(sender_without_memory_leaves_the_vcpu_to_its_thread),
	{}
};

/* On one CPU, whose buffers for messages are all there: so the allocations can be counted. */
static int begin(struct kunit *test)
{
	int err = bed_init(test);

	if (!err)
		err = set_cpus_allowed_ptr(current, cpumask_of(0));
	if (!err && !hf_rx_refill(GFP_KERNEL))
		err = -ENOMEM;
	return err;
}

static struct kunit_suite memory = {
	.name = "hafnium_memory",
	.init = begin,
	.exit = bed_exit,
	.test_cases = memory_cases,
};

kunit_test_suite(memory);
