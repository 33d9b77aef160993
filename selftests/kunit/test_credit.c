// SPDX-License-Identifier: GPL-2.0-only
/*
 * Suite: messages and credit of a SEQPACKET connection.
 *
 * The test is the guest: it says and hears single frames.
 */
#include <net/sock.h>

#include "../../hf_sock.h"
#include "bed_seq.h"

static int send_now(struct socket *sock, const void *data, size_t len)
{
	return bed_send(sock, data, len, MSG_DONTWAIT);
}

static int recv_now(struct socket *sock, void *data, size_t len)
{
	return bed_recv(sock, data, len, MSG_DONTWAIT, NULL);
}

/* What the guest may have sent in all, as the driver said last. */
static u32 granted(struct socket *sock)
{
	return hf_sk(sock->sk)->rx_credit;
}

static void messages_keep_their_bounds_in_both_directions(struct kunit *test)
{
	static const int sizes[] = { 0, 1, 31, 4064 };
	struct hf_vcpu *vcpu = bed_vcpu(test, 2);
	struct socket *sock = bed_connected(test, vcpu, 100);
	u8 *data = kunit_kzalloc(test, 8192, GFP_KERNEL);
	int i;

	for (i = 0; i < 4064; i++)
		data[i] = i ^ i >> 8;
	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		KUNIT_EXPECT_EQ(test, sizes[i], send_now(sock, data, sizes[i]));
		KUNIT_EXPECT_EQ(test, (int)DATA, (int)bed_heard_but_credit(vcpu->vm));
		KUNIT_EXPECT_EQ(test, (u32)i, le32_to_cpu(bed_last.seq));
		KUNIT_EXPECT_EQ(test, sizes[i], bed_last_len);
		KUNIT_EXPECT_EQ(test, 0, memcmp(bed_last_payload, data, sizes[i]));

		bed_say_data(test, vcpu, bed_port(sock), i, data, sizes[i]);
		KUNIT_EXPECT_EQ(test, sizes[i], recv_now(sock, data + 4096, 4096));
		KUNIT_EXPECT_EQ(test, 0, memcmp(data + 4096, data, sizes[i]));
	}
	KUNIT_EXPECT_EQ(test, -EMSGSIZE, send_now(sock, data, 4065));
}

static void nothing_is_sent_without_credit(struct kunit *test)
{
	struct hf_vcpu *vcpu = bed_vcpu(test, 2);
	struct socket *sock = bed_connected(test, vcpu, 3);
	int i;

	for (i = 0; i < 3; i++)
		KUNIT_EXPECT_EQ(test, 1, send_now(sock, "x", 1));
	KUNIT_EXPECT_EQ(test, -EAGAIN, send_now(sock, "x", 1));
	for (i = 0; i < 3; i++)
		KUNIT_EXPECT_EQ(test, (int)DATA, (int)bed_heard(vcpu->vm));
	KUNIT_EXPECT_EQ(test, 0, (int)bed_heard(vcpu->vm));
	KUNIT_EXPECT_EQ_MSG(test, -EAGAIN, send_now(sock, "x", 1),
			    "that they left gives no credit");

	bed_say(test, vcpu, bed_port(sock), CREDIT, 0, 4);
	KUNIT_EXPECT_EQ(test, 1, send_now(sock, "x", 1));
	KUNIT_EXPECT_EQ(test, -EAGAIN, send_now(sock, "x", 1));
}

static void credit_comes_with_any_frame_and_never_goes_back(struct kunit *test)
{
	struct hf_vcpu *vcpu = bed_vcpu(test, 2);
	struct socket *sock = bed_connected(test, vcpu, 2);
	struct seq_frame data = bed_frame(bed_port(sock), DATA, 0, 1);
	int i;

	bed_deliver(test, vcpu, &data, "x", 1);
	bed_say(test, vcpu, bed_port(sock), CREDIT, 0, 0);
	bed_say(test, vcpu, bed_port(sock), CREDIT, 0, U32_MAX);
	bed_say(test, vcpu, bed_port(sock), CREDIT, 0, 0x80000002);
	for (i = 0; i < 2; i++)
		KUNIT_EXPECT_EQ(test, 1, send_now(sock, "x", 1));
	KUNIT_EXPECT_EQ(test, -EAGAIN, send_now(sock, "x", 1));

	data = bed_frame(bed_port(sock), DATA, 1, 3);
	bed_deliver(test, vcpu, &data, "x", 1);
	KUNIT_EXPECT_EQ(test, 1, send_now(sock, "x", 1));
	KUNIT_EXPECT_EQ(test, -EAGAIN, send_now(sock, "x", 1));
}

static void numbers_pass_two_to_the_32nd(struct kunit *test)
{
	struct hf_vcpu *vcpu = bed_vcpu(test, 2);
	struct socket *sock = bed_connected(test, vcpu, 1);
	struct hf_sock *hs = hf_sk(sock->sk);
	u32 first = U32_MAX - 1, i;
	char data;

	/* As if four billion messages had been exchanged. */
	hs->tx_seq = first;
	hs->tx_credit = first + 1;
	hs->rx_credit += first - hs->rx_seq;
	hs->rx_seq = first;
	bed_say(test, vcpu, bed_port(sock), CREDIT, 0, first + 4);
	for (i = 0; i < 4; i++) {
		KUNIT_EXPECT_EQ(test, 1, send_now(sock, "x", 1));
		KUNIT_EXPECT_EQ(test, (int)DATA, (int)bed_heard_but_credit(vcpu->vm));
		KUNIT_EXPECT_EQ(test, first + i, le32_to_cpu(bed_last.seq));
		bed_say_data(test, vcpu, bed_port(sock), first + i, "y", 1);
		KUNIT_EXPECT_EQ(test, 1, recv_now(sock, &data, 1));
	}
	KUNIT_EXPECT_EQ(test, -EAGAIN, send_now(sock, "x", 1));
}

static void slow_reader_stops_its_peer_and_loses_nothing(struct kunit *test)
{
	struct hf_vcpu *vcpu = bed_vcpu(test, 2);
	struct socket *sock = bed_connected(test, vcpu, 1);
	u8 *data = kunit_kzalloc(test, 4064, GFP_KERNEL);
	u32 sent = 0, got = 0;
	int round;

	for (round = 0; round < 5; round++) {
		/* All that it may send, each as large as can be. */
		while ((s32)(granted(sock) - sent) > 0 && sent < 1000)
			bed_say_data(test, vcpu, bed_port(sock), sent++, data, 4064);
		KUNIT_EXPECT_LT_MSG(test, sent, 1000U, "credit without end");
		KUNIT_EXPECT_LE(test, atomic_read(&sock->sk->sk_rmem_alloc),
				READ_ONCE(sock->sk->sk_rcvbuf));
		while (recv_now(sock, data, 4064) == 4064)
			got++;
		KUNIT_EXPECT_EQ_MSG(test, sent, got, "round %d", round);
	}
	KUNIT_EXPECT_GT_MSG(test, sent, 20U, "reading gave credit");
	KUNIT_EXPECT_EQ(test, 0, atomic_read(&sock->sk->sk_drops));
}

static void smallest_buffer_still_lets_one_message_through(struct kunit *test)
{
	struct hf_vcpu *vcpu = bed_vcpu(test, 2);
	struct socket *sock = bed_socket(test, SOCK_SEQPACKET);
	u32 i;
	char data;

	sock->sk->sk_rcvbuf = 1;
	KUNIT_ASSERT_EQ(test, -EINPROGRESS, bed_connect(sock, 2, PEER_PORT, O_NONBLOCK));
	bed_say(test, vcpu, bed_port(sock), ACCEPT, 0, 1);
	for (i = 0; i < 10; i++) {
		KUNIT_EXPECT_EQ(test, i + 1, granted(sock));
		bed_say_data(test, vcpu, bed_port(sock), i, "x", 1);
		KUNIT_EXPECT_EQ(test, 1, recv_now(sock, &data, 1));
	}
}

static void connection_that_nobody_accepted_gets_little_credit(struct kunit *test)
{
	struct hf_vcpu *vcpu = bed_vcpu(test, 2);
	u32 credit;

	bed_listener(test, HF_VM_ID_ANY, 5000, 5);
	bed_say(test, vcpu, 5000, REQUEST, 0, 1);
	KUNIT_EXPECT_EQ(test, (int)ACCEPT, (int)bed_heard(vcpu->vm));
	credit = le32_to_cpu(bed_last.credit);
	KUNIT_EXPECT_GE(test, credit, 1U);
	KUNIT_EXPECT_LE(test, credit, 4U);
}

/* Frames that break a rule on a connection. */
static const struct {
	const char *what;
	u32 magic;
	u8 version, type;
	u32 seq;
} bad_frames[] = {
	{ "no magic", 0, 1, DATA, 0 },
	{ "magic the wrong way round", 0x48465351, 1, DATA, 0 },
	{ "version 0", 0x51534648, 0, DATA, 0 },
	{ "version 2", 0x51534648, 2, DATA, 0 },
	{ "type 0", 0x51534648, 1, 0, 0 },
	{ "type 7", 0x51534648, 1, 7, 0 },
	{ "type 255", 0x51534648, 1, 255, 0 },
	{ "message left out", 0x51534648, 1, DATA, 1 },
	{ "message before the first", 0x51534648, 1, DATA, U32_MAX },
	{ "far message", 0x51534648, 1, DATA, 0x80000000 },
};

static void frame_against_the_rules_resets_its_connection_and_no_other(struct kunit *test)
{
	struct hf_vcpu *vcpu = bed_vcpu(test, 2);
	struct socket *other = bed_connected(test, vcpu, 100);
	int i;

	for (i = 0; i < ARRAY_SIZE(bad_frames); i++) {
		struct socket *sock = bed_connected(test, vcpu, 1);
		struct seq_frame frame = bed_frame(bed_port(sock), bad_frames[i].type,
						   bad_frames[i].seq, 0);
		u64 port = bed_port(sock);

		frame.magic = cpu_to_le32(bad_frames[i].magic);
		frame.version = bad_frames[i].version;
		bed_deliver(test, vcpu, &frame, "x", 1);
		KUNIT_EXPECT_EQ_MSG(test, (int)RESET, (int)bed_heard_but_credit(vcpu->vm), "%s",
				    bad_frames[i].what);
		KUNIT_EXPECT_EQ(test, port, le64_to_cpu(bed_last.src_port));
		KUNIT_EXPECT_LT_MSG(test, send_now(sock, "x", 1), 0, "%s", bad_frames[i].what);
		KUNIT_EXPECT_EQ_MSG(test, 0, (int)bed_heard(vcpu->vm), "%s", bad_frames[i].what);
		KUNIT_EXPECT_EQ(test, 1, send_now(other, "x", 1));
		KUNIT_EXPECT_EQ(test, (int)DATA, (int)bed_heard(vcpu->vm));
		bed_close(sock);
	}
}

static void frames_shorter_than_their_head_reset_the_connection(struct kunit *test)
{
	static const int lengths[] = { 0, 1, 4, 15 };
	struct hf_vcpu *vcpu = bed_vcpu(test, 2);
	int i;

	for (i = 0; i < ARRAY_SIZE(lengths); i++) {
		struct socket *sock = bed_connected(test, vcpu, 1);
		struct seq_frame frame = bed_frame(bed_port(sock), CREDIT, 0, 5);

		bed_receive(test, vcpu, PEER_PORT, bed_port(sock), &frame.magic, lengths[i]);
		KUNIT_EXPECT_EQ_MSG(test, (int)RESET, (int)bed_heard_but_credit(vcpu->vm),
				    "%d bytes", lengths[i]);
		bed_close(sock);
	}
}

static void message_beyond_the_credit_resets_and_what_came_before_is_kept(struct kunit *test)
{
	struct hf_vcpu *vcpu = bed_vcpu(test, 2);
	struct socket *sock = bed_connected(test, vcpu, 1);
	u8 *data = kunit_kzalloc(test, 4064, GFP_KERNEL);
	u32 credit, i;

	for (i = 0; (s32)(granted(sock) - i) > 0 && i < 1000; i++)
		bed_say_data(test, vcpu, bed_port(sock), i, data, 4064);
	credit = i;
	bed_say_data(test, vcpu, bed_port(sock), i, data, 4064);
	KUNIT_EXPECT_EQ(test, (int)RESET, (int)bed_heard_but_credit(vcpu->vm));
	for (i = 0; i < credit; i++)
		KUNIT_EXPECT_EQ(test, 4064, recv_now(sock, data, 4064));
	KUNIT_EXPECT_EQ(test, -EPROTO, recv_now(sock, data, 4064));
	KUNIT_EXPECT_EQ(test, 0, recv_now(sock, data, 4064));
}

static void connections_are_told_apart_by_vm_and_both_ports(struct kunit *test)
{
	struct hf_vcpu *vcpu = bed_vcpu(test, 2), *other = bed_vcpu(test, 3);
	struct socket *sock = bed_connected(test, vcpu, 1);
	struct seq_frame frame = bed_frame(bed_port(sock), RESET, 0, 0);

	bed_deliver(test, other, &frame, "", 0);
	frame.src_port = cpu_to_le64(PEER_PORT + 1);
	bed_deliver(test, vcpu, &frame, "", 0);
	frame.src_port = cpu_to_le64(PEER_PORT | 1ULL << 32);
	bed_deliver(test, vcpu, &frame, "", 0);
	frame = bed_frame(bed_port(sock) + 1, RESET, 0, 0);
	bed_deliver(test, vcpu, &frame, "", 0);
	KUNIT_EXPECT_EQ(test, 1, send_now(sock, "x", 1));
	frame = bed_frame(bed_port(sock), RESET, 0, 0);
	bed_deliver(test, vcpu, &frame, "", 0);
	KUNIT_EXPECT_EQ(test, -ECONNRESET, send_now(sock, "x", 1));
}

static void each_error_of_a_send_is_heard_by_the_sender(struct kunit *test)
{
	static const int errors[] = { -EOPNOTSUPP, -EINVAL, -ENOMEM, -EACCES, -EIO };
	struct hf_vcpu *vcpu = bed_vcpu(test, 2);
	int i;

	for (i = 0; i < ARRAY_SIZE(errors); i++) {
		struct socket *sock = bed_connected(test, vcpu, 5);

		fake->errors[FAKE_MSG_SEND] = errors[i];
		KUNIT_EXPECT_EQ(test, 1, send_now(sock, "x", 1));
		KUNIT_EXPECT_EQ(test, errors[i], send_now(sock, "x", 1));
		bed_close(sock);
		while (bed_heard(vcpu->vm))
			;
	}
}

static struct kunit_case credit_cases[] = {
	KUNIT_CASE(messages_keep_their_bounds_in_both_directions),
	KUNIT_CASE(nothing_is_sent_without_credit),
	KUNIT_CASE(credit_comes_with_any_frame_and_never_goes_back),
	KUNIT_CASE(numbers_pass_two_to_the_32nd),
	KUNIT_CASE(slow_reader_stops_its_peer_and_loses_nothing),
	KUNIT_CASE(smallest_buffer_still_lets_one_message_through),
	KUNIT_CASE(connection_that_nobody_accepted_gets_little_credit),
	KUNIT_CASE(frame_against_the_rules_resets_its_connection_and_no_other),
	KUNIT_CASE(frames_shorter_than_their_head_reset_the_connection),
	KUNIT_CASE(message_beyond_the_credit_resets_and_what_came_before_is_kept),
	KUNIT_CASE(connections_are_told_apart_by_vm_and_both_ports),
	KUNIT_CASE(each_error_of_a_send_is_heard_by_the_sender),
	{}
};

static struct kunit_suite credit = {
	.name = "hafnium_credit",
	.init = bed_init,
	.exit = bed_exit,
	.test_cases = credit_cases,
};

kunit_test_suite(credit);
