// SPDX-License-Identifier: GPL-2.0-only
/*
 * Suite: how SEQPACKET connections end, in an orderly way or not.
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

static void say_shutdown(struct kunit *test, struct hf_vcpu *vcpu, struct socket *sock, u16 flags)
{
	struct seq_frame frame = bed_frame(bed_port(sock), SHUTDOWN, 0, 1);

	frame.flags = cpu_to_le16(flags);
	bed_deliver(test, vcpu, &frame, "", 0);
}

static void peer_that_sends_no_more_ends_the_stream_after_its_last_message(struct kunit *test)
{
	struct hf_vcpu *vcpu = bed_vcpu(test, 2);
	struct socket *sock = bed_connected(test, vcpu, 1);
	char data;

	bed_say_data(test, vcpu, bed_port(sock), 0, "x", 1);
	say_shutdown(test, vcpu, sock, NO_SEND);
	KUNIT_EXPECT_EQ(test, 1, recv_now(sock, &data, 1));
	KUNIT_EXPECT_EQ(test, 0, recv_now(sock, &data, 1));
	KUNIT_EXPECT_EQ_MSG(test, 1, send_now(sock, "x", 1), "the other way is open");
}

static void peer_that_receives_no_more_breaks_the_pipe(struct kunit *test)
{
	struct hf_vcpu *vcpu = bed_vcpu(test, 2);
	struct socket *sock = bed_connected(test, vcpu, 5);
	char data;

	say_shutdown(test, vcpu, sock, NO_RECEIVE);
	KUNIT_EXPECT_EQ(test, -EPIPE, send_now(sock, "x", 1));
	KUNIT_EXPECT_EQ(test, -EAGAIN, recv_now(sock, &data, 1));
	bed_say_data(test, vcpu, bed_port(sock), 0, "x", 1);
	KUNIT_EXPECT_EQ(test, 1, recv_now(sock, &data, 1));
}

static void peer_that_receives_no_more_is_still_told_that_it_was_accepted(struct kunit *test)
{
	struct hf_vcpu *vcpu = bed_vcpu(test, 2);
	struct socket *listener = bed_listener(test, HF_VM_ID_ANY, 5000, 5), *sock;
	u32 embryo;

	bed_say(test, vcpu, 5000, REQUEST, 0, 1);
	sock = bed_accept(test, listener);
	KUNIT_ASSERT_NOT_NULL(test, sock);
	say_shutdown(test, vcpu, sock, NO_RECEIVE);
	KUNIT_EXPECT_EQ(test, (int)ACCEPT, (int)bed_heard(vcpu->vm));
	embryo = le32_to_cpu(bed_last.credit);
	KUNIT_EXPECT_EQ(test, (int)CREDIT, (int)bed_heard(vcpu->vm));
	KUNIT_EXPECT_GT(test, le32_to_cpu(bed_last.credit), embryo);
}

static void peer_that_receives_no_more_still_hears_that_we_send_no_more(struct kunit *test)
{
	struct hf_vcpu *vcpu = bed_vcpu(test, 2);
	struct socket *sock = bed_connected(test, vcpu, 5);

	KUNIT_EXPECT_EQ(test, 1, send_now(sock, "x", 1));
	KUNIT_EXPECT_EQ(test, 1, send_now(sock, "y", 1));
	KUNIT_EXPECT_EQ(test, 0, kernel_sock_shutdown(sock, SHUT_WR));
	say_shutdown(test, vcpu, sock, NO_RECEIVE);
	KUNIT_EXPECT_EQ(test, (int)DATA, (int)bed_heard_but_credit(vcpu->vm));
	KUNIT_EXPECT_EQ_MSG(test, (int)SHUTDOWN, (int)bed_heard_but_credit(vcpu->vm),
			    "the second message is for nobody");
}

static void goodbye_of_the_peer_ends_both_ways_without_an_answer(struct kunit *test)
{
	struct hf_vcpu *vcpu = bed_vcpu(test, 2);
	struct socket *sock = bed_connected(test, vcpu, 5);
	char data;

	say_shutdown(test, vcpu, sock, NO_SEND | NO_RECEIVE);
	KUNIT_EXPECT_EQ(test, -EPIPE, send_now(sock, "x", 1));
	KUNIT_EXPECT_EQ(test, 0, recv_now(sock, &data, 1));
	bed_close(sock);
	KUNIT_EXPECT_EQ(test, 0, (int)bed_heard_but_credit(vcpu->vm));
}

static void halves_that_both_ends_shut_end_the_connection(struct kunit *test)
{
	struct hf_vcpu *vcpu = bed_vcpu(test, 2);
	struct socket *sock = bed_connected(test, vcpu, 5);

	KUNIT_EXPECT_EQ(test, 0, kernel_sock_shutdown(sock, SHUT_WR));
	KUNIT_EXPECT_EQ(test, (int)SHUTDOWN, (int)bed_heard_but_credit(vcpu->vm));
	KUNIT_EXPECT_EQ(test, NO_SEND, (int)le16_to_cpu(bed_last.flags));
	say_shutdown(test, vcpu, sock, NO_SEND);
	KUNIT_EXPECT_EQ(test, -ENOTCONN, kernel_sock_shutdown(sock, SHUT_RD));
	bed_close(sock);
	while (bed_heard(vcpu->vm))
		KUNIT_EXPECT_NE_MSG(test, (int)RESET, (int)bed_last.type, "a polite end");
}

static void halves_that_both_ends_shut_are_an_orderly_end(struct kunit *test)
{
	struct hf_vcpu *vcpu = bed_vcpu(test, 2);
	struct socket *first = bed_connected(test, vcpu, 5), *last = bed_connected(test, vcpu, 5);
	char data;

	KUNIT_EXPECT_EQ(test, 0, kernel_sock_shutdown(first, SHUT_WR));
	KUNIT_EXPECT_EQ(test, (int)SHUTDOWN, (int)bed_heard_but_credit(vcpu->vm));
	say_shutdown(test, vcpu, first, NO_SEND);
	say_shutdown(test, vcpu, last, NO_SEND);
	KUNIT_EXPECT_EQ(test, 0, kernel_sock_shutdown(last, SHUT_WR));
	KUNIT_EXPECT_EQ(test, (int)SHUTDOWN, (int)bed_heard_but_credit(vcpu->vm));

	/* What becomes of the guest after that is nothing to them. */
	bed_say(test, vcpu, bed_port(first), REQUEST, 0, 1);
	bed_say(test, vcpu, bed_port(last), REQUEST, 0, 1);
	KUNIT_EXPECT_EQ(test, 0, recv_now(first, &data, 1));
	KUNIT_EXPECT_EQ(test, 0, recv_now(last, &data, 1));
	while (bed_heard(vcpu->vm))
		;
	bed_close(first);
	bed_close(last);
	KUNIT_EXPECT_EQ(test, 0, (int)bed_heard(vcpu->vm));
}

static void connection_that_is_over_makes_room_for_another(struct kunit *test)
{
	struct hf_vcpu *vcpu = bed_vcpu(test, 2);
	struct socket *sock = bed_connected(test, vcpu, 5);

	KUNIT_EXPECT_EQ(test, 0, kernel_sock_shutdown(sock, SHUT_RDWR));
	KUNIT_EXPECT_EQ_MSG(test, 0, (int)bed_heard(vcpu->vm) - SHUTDOWN, "it was told");
	KUNIT_EXPECT_EQ(test, -EINPROGRESS, bed_connect(sock, 2, PEER_PORT, O_NONBLOCK));
	KUNIT_EXPECT_EQ(test, (int)REQUEST, (int)bed_heard(vcpu->vm));
}

static void death_after_an_orderly_end_is_no_error(struct kunit *test)
{
	struct hf_vcpu *vcpu = bed_vcpu(test, 2);
	struct socket *sock = bed_connected(test, vcpu, 5), *late = bed_connected(test, vcpu, 5);
	char data;

	KUNIT_EXPECT_EQ(test, 0, kernel_sock_shutdown(sock, SHUT_RDWR));
	KUNIT_EXPECT_EQ(test, (int)SHUTDOWN, (int)bed_heard_but_credit(vcpu->vm));
	KUNIT_EXPECT_EQ(test, 1, send_now(late, "x", 1));
	KUNIT_EXPECT_EQ(test, 0, kernel_sock_shutdown(late, SHUT_RDWR));
	bed_exit_by_hand(vcpu, HF_EXIT_ABORTED, 0, 0, 0);
	KUNIT_EXPECT_EQ(test, 0, recv_now(sock, &data, 1));
	KUNIT_EXPECT_EQ_MSG(test, -ECONNRESET, recv_now(late, &data, 1), "it was not told");
}

static void end_of_the_peer_keeps_nothing_from_being_sent(struct kunit *test)
{
	struct hf_vcpu *vcpu = bed_vcpu(test, 2);
	struct socket *sock = bed_connected(test, vcpu, 5);
	int i;

	for (i = 0; i < 3; i++)
		KUNIT_EXPECT_EQ(test, 1, send_now(sock, "x", 1));
	KUNIT_EXPECT_EQ(test, 0, kernel_sock_shutdown(sock, SHUT_WR));
	say_shutdown(test, vcpu, sock, NO_SEND);
	bed_close(sock);
	for (i = 0; i < 3; i++)
		KUNIT_EXPECT_EQ(test, (int)DATA, (int)bed_heard_but_credit(vcpu->vm));
	KUNIT_EXPECT_EQ(test, (int)SHUTDOWN, (int)bed_heard_but_credit(vcpu->vm));
	KUNIT_EXPECT_EQ(test, 0, (int)bed_heard(vcpu->vm));
}

static void shutdown_leaves_after_what_was_sent_before(struct kunit *test)
{
	struct hf_vcpu *vcpu = bed_vcpu(test, 2);
	struct socket *sock = bed_connected(test, vcpu, 5);
	int i;

	for (i = 0; i < 3; i++)
		KUNIT_EXPECT_EQ(test, 1, send_now(sock, "x", 1));
	KUNIT_EXPECT_EQ(test, 0, kernel_sock_shutdown(sock, SHUT_WR));
	for (i = 0; i < 3; i++)
		KUNIT_EXPECT_EQ(test, (int)DATA, (int)bed_heard(vcpu->vm));
	KUNIT_EXPECT_EQ(test, (int)SHUTDOWN, (int)bed_heard(vcpu->vm));
}

static void close_sends_what_is_queued_and_says_goodbye(struct kunit *test)
{
	struct hf_vcpu *vcpu = bed_vcpu(test, 2);
	struct socket *sock = bed_connected(test, vcpu, 5);
	int i;

	for (i = 0; i < 3; i++)
		KUNIT_EXPECT_EQ(test, 1, send_now(sock, "x", 1));
	bed_close(sock);
	for (i = 0; i < 3; i++)
		KUNIT_EXPECT_EQ(test, (int)DATA, (int)bed_heard(vcpu->vm));
	KUNIT_EXPECT_EQ(test, (int)SHUTDOWN, (int)bed_heard(vcpu->vm));
	KUNIT_EXPECT_EQ(test, NO_SEND | NO_RECEIVE, (int)le16_to_cpu(bed_last.flags));
	KUNIT_EXPECT_EQ(test, 0, (int)bed_heard(vcpu->vm));
}

static void close_with_something_unread_resets(struct kunit *test)
{
	struct hf_vcpu *vcpu = bed_vcpu(test, 2);
	struct socket *sock = bed_connected(test, vcpu, 5);

	bed_say_data(test, vcpu, bed_port(sock), 0, "x", 1);
	KUNIT_EXPECT_EQ(test, 1, send_now(sock, "x", 1));
	KUNIT_EXPECT_EQ(test, 1, send_now(sock, "x", 1));
	bed_close(sock);
	KUNIT_EXPECT_EQ_MSG(test, (int)DATA, (int)bed_heard_but_credit(vcpu->vm),
			    "that one had left");
	KUNIT_EXPECT_EQ(test, (int)RESET, (int)bed_heard_but_credit(vcpu->vm));
	KUNIT_EXPECT_EQ(test, 0, (int)bed_heard(vcpu->vm));
}

/* --- closed while the VM does not read --- */

/* Send more than is kept of closed sockets. */
static void send_too_much(struct kunit *test, struct hf_vcpu *vcpu, struct socket *sock)
{
	u8 *data = kunit_kzalloc(test, 4064, GFP_KERNEL);

	sock->sk->sk_sndbuf = INT_MAX;
	while (vcpu->vm->queued_bytes < HF_FLOW_CLOSED_BYTES + 100000)
		KUNIT_ASSERT_EQ(test, 4064, send_now(sock, data, 4064));
}

static void close_that_loses_something_resets(struct kunit *test)
{
	struct hf_vcpu *vcpu = bed_vcpu(test, 2);
	struct socket *sock = bed_connected(test, vcpu, 1000);
	long queued;

	send_too_much(test, vcpu, sock);
	queued = vcpu->vm->queued;
	bed_close(sock);
	KUNIT_EXPECT_EQ(test, queued, atomic_long_read(&vcpu->vm->dropped_unsent));
	KUNIT_EXPECT_EQ(test, 0U, vcpu->vm->closed_bytes);
	KUNIT_EXPECT_EQ_MSG(test, (int)DATA, (int)bed_heard_but_credit(vcpu->vm),
			    "that one had left");
	KUNIT_EXPECT_EQ(test, (int)RESET, (int)bed_heard_but_credit(vcpu->vm));
	KUNIT_EXPECT_EQ(test, 0, (int)bed_heard(vcpu->vm));
	KUNIT_EXPECT_EQ(test, 0U, vcpu->vm->closed_flows);
}

static void strays_do_not_keep_a_close_from_being_polite(struct kunit *test)
{
	struct hf_vcpu *vcpu = bed_vcpu(test, 2);
	struct socket *sock = bed_connected(test, vcpu, 5);
	struct seq_frame stray = bed_frame(5000, DATA, 0, 0);
	int i, resets = 0, data = 0, shutdowns = 0;
	u8 heard;

	for (i = 0; i < HF_FLOW_CLOSED_MAX + 10; i++) {
		stray.src_port = cpu_to_le64(PEER_PORT + 1 + i);
		bed_deliver(test, vcpu, &stray, "", 0);
	}
	for (i = 0; i < 3; i++)
		KUNIT_EXPECT_EQ(test, 1, send_now(sock, "x", 1));
	bed_close(sock);
	while ((heard = bed_heard(vcpu->vm))) {
		resets += heard == RESET;
		data += heard == DATA;
		shutdowns += heard == SHUTDOWN;
	}
	KUNIT_EXPECT_EQ(test, 3, data);
	KUNIT_EXPECT_EQ(test, 1, shutdowns);
	KUNIT_EXPECT_GE(test, resets, 100);
	KUNIT_EXPECT_LE_MSG(test, resets, HF_FLOW_CLOSED_MAX + 1,
			    "what the primary remembers of strays is limited");
}

/* --- closed, and still sending --- */

/* A connection of port 5000 that leaves four messages of five when it is closed. */
static void close_with_four_queued(struct kunit *test, struct hf_vcpu *vcpu)
{
	struct socket *sock = bed_socket(test, SOCK_SEQPACKET);
	int i;

	KUNIT_ASSERT_EQ(test, 0, bed_bind(sock, HF_VM_ID_ANY, 5000));
	KUNIT_ASSERT_EQ(test, -EINPROGRESS, bed_connect(sock, 2, PEER_PORT, O_NONBLOCK));
	KUNIT_ASSERT_EQ(test, (int)REQUEST, (int)bed_heard(vcpu->vm));
	bed_say(test, vcpu, 5000, ACCEPT, 0, 5);
	for (i = 0; i < 5; i++)
		KUNIT_ASSERT_EQ(test, 1, send_now(sock, "x", 1));
	bed_close(sock);
}

static void expect_rest(struct kunit *test, struct hf_vcpu *vcpu)
{
	int i;

	for (i = 0; i < 5; i++)
		KUNIT_EXPECT_EQ(test, (int)DATA, (int)bed_heard(vcpu->vm));
	KUNIT_EXPECT_EQ(test, (int)SHUTDOWN, (int)bed_heard(vcpu->vm));
}

static void ports_are_in_use_until_what_was_queued_is_sent(struct kunit *test)
{
	struct hf_vcpu *vcpu = bed_vcpu(test, 2);
	struct socket *sock;

	close_with_four_queued(test, vcpu);
	sock = bed_socket(test, SOCK_SEQPACKET);
	KUNIT_ASSERT_EQ(test, 0, bed_bind(sock, HF_VM_ID_ANY, 5000));
	KUNIT_EXPECT_EQ(test, -EADDRINUSE, bed_connect(sock, 2, PEER_PORT, O_NONBLOCK));
	KUNIT_EXPECT_EQ(test, -ENOTCONN, send_now(sock, "x", 1));
	expect_rest(test, vcpu);
	KUNIT_EXPECT_EQ(test, -EINPROGRESS, bed_connect(sock, 2, PEER_PORT, O_NONBLOCK));
	KUNIT_EXPECT_EQ(test, (int)REQUEST, (int)bed_heard(vcpu->vm));
}

static void answer_that_nobody_reads_stops_nothing(struct kunit *test)
{
	struct hf_vcpu *vcpu = bed_vcpu(test, 2);

	close_with_four_queued(test, vcpu);
	bed_say_data(test, vcpu, 5000, 0, "y", 1);
	bed_say(test, vcpu, 5000, CREDIT, 0, 9);
	expect_rest(test, vcpu);
	KUNIT_EXPECT_EQ(test, 0, (int)bed_heard(vcpu->vm));
	bed_say_data(test, vcpu, 5000, 1, "y", 1);
	KUNIT_EXPECT_EQ_MSG(test, (int)RESET, (int)bed_heard(vcpu->vm), "now it is a stray");
}

static void peer_that_wants_no_more_gets_no_more(struct kunit *test)
{
	static const struct {
		u8 type;
		u16 flags;
		u8 answer;
	} ends[] = {
		{ RESET, 0, 0 }, { SHUTDOWN, NO_SEND | NO_RECEIVE, 0 }, { REQUEST, 0, RESET },
	};
	struct hf_vcpu *vcpu = bed_vcpu(test, 2);
	int i;

	for (i = 0; i < ARRAY_SIZE(ends); i++) {
		struct seq_frame frame = bed_frame(5000, ends[i].type, 0, 1);

		frame.flags = cpu_to_le16(ends[i].flags);
		close_with_four_queued(test, vcpu);
		bed_deliver(test, vcpu, &frame, "", 0);
		KUNIT_EXPECT_EQ_MSG(test, (int)DATA, (int)bed_heard(vcpu->vm), "that had left");
		KUNIT_EXPECT_EQ_MSG(test, (int)ends[i].answer, (int)bed_heard(vcpu->vm),
				    "type %u", ends[i].type);
		KUNIT_EXPECT_EQ(test, 0, (int)bed_heard(vcpu->vm));
		KUNIT_EXPECT_EQ(test, 0U, vcpu->vm->closed_flows);
	}
}

static struct kunit_case end_cases[] = {
	KUNIT_CASE(peer_that_sends_no_more_ends_the_stream_after_its_last_message),
	KUNIT_CASE(peer_that_receives_no_more_breaks_the_pipe),
	KUNIT_CASE(peer_that_receives_no_more_is_still_told_that_it_was_accepted),
	KUNIT_CASE(peer_that_receives_no_more_still_hears_that_we_send_no_more),
	KUNIT_CASE(goodbye_of_the_peer_ends_both_ways_without_an_answer),
	KUNIT_CASE(halves_that_both_ends_shut_end_the_connection),
	KUNIT_CASE(halves_that_both_ends_shut_are_an_orderly_end),
	KUNIT_CASE(connection_that_is_over_makes_room_for_another),
	KUNIT_CASE(death_after_an_orderly_end_is_no_error),
	KUNIT_CASE(end_of_the_peer_keeps_nothing_from_being_sent),
	KUNIT_CASE(shutdown_leaves_after_what_was_sent_before),
	KUNIT_CASE(close_sends_what_is_queued_and_says_goodbye),
	KUNIT_CASE(close_with_something_unread_resets),
	KUNIT_CASE(close_that_loses_something_resets),
	KUNIT_CASE(strays_do_not_keep_a_close_from_being_polite),
	KUNIT_CASE(ports_are_in_use_until_what_was_queued_is_sent),
	KUNIT_CASE(answer_that_nobody_reads_stops_nothing),
	KUNIT_CASE(peer_that_wants_no_more_gets_no_more),
	{}
};

static struct kunit_suite end = {
	.name = "hafnium_end",
	.init = bed_init,
	.exit = bed_exit,
	.test_cases = end_cases,
};

kunit_test_suite(end);
