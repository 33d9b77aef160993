// SPDX-License-Identifier: GPL-2.0-only
/*
 * Suite: how SEQPACKET connections begin and end.
 *
 * The test is the guest: it says and hears single frames.
 */
#include <linux/poll.h>
#include <linux/workqueue.h>

#include "../../hf_sock.h"
#include "bed_seq.h"

/* A port of ours. */
#define PORT	5000

static int recv_now(struct socket *sock)
{
	char data[8];

	return bed_recv(sock, data, sizeof(data), MSG_DONTWAIT, NULL);
}

static int send_now(struct socket *sock)
{
	return bed_send(sock, "x", 1, MSG_DONTWAIT);
}

/* The state that connect() left for the next system call. */
static int error_of(struct socket *sock)
{
	return sock_error(sock->sk);
}

static __poll_t poll_now(struct socket *sock)
{
	return sock->ops->poll(NULL, sock, NULL);
}

static void request_is_as_documented(struct kunit *test)
{
	struct hf_vcpu *vcpu = bed_vcpu(test, 2);
	struct socket *sock = bed_connecting(test, vcpu);

	KUNIT_EXPECT_EQ(test, bed_port(sock), le64_to_cpu(bed_last.src_port));
	KUNIT_EXPECT_EQ(test, (u64)PEER_PORT, le64_to_cpu(bed_last.dst_port));
	KUNIT_EXPECT_EQ(test, 1, (int)bed_last.version);
	KUNIT_EXPECT_EQ(test, 0, (int)le16_to_cpu(bed_last.flags));
	KUNIT_EXPECT_EQ(test, 0U, le32_to_cpu(bed_last.seq));
	KUNIT_EXPECT_GT(test, le32_to_cpu(bed_last.credit), 0U);
	KUNIT_EXPECT_EQ(test, 0, bed_last_len);
	KUNIT_EXPECT_EQ_MSG(test, 0, (int)bed_heard(vcpu->vm), "and nothing else");
}

static void accept_connects(struct kunit *test)
{
	struct hf_vcpu *vcpu = bed_vcpu(test, 2);
	struct socket *sock = bed_connecting(test, vcpu);

	KUNIT_EXPECT_EQ(test, -EALREADY, bed_connect(sock, 2, PEER_PORT, O_NONBLOCK));
	KUNIT_EXPECT_EQ(test, -ENOTCONN, send_now(sock));
	KUNIT_EXPECT_EQ(test, -ENOTCONN, recv_now(sock));
	bed_say(test, vcpu, bed_port(sock), ACCEPT, 0, 1);
	KUNIT_EXPECT_EQ(test, -EISCONN, bed_connect(sock, 2, PEER_PORT, O_NONBLOCK));
	KUNIT_EXPECT_EQ(test, 1, send_now(sock));
	KUNIT_EXPECT_EQ(test, -EAGAIN, recv_now(sock));
}

static void connect_waits_until_the_vm_has_answered(struct kunit *test)
{
	struct hf_vcpu *vcpu = bed_vcpu(test, 2);
	struct socket *sock = bed_socket(test, SOCK_SEQPACKET);
	struct seq_frame accept = bed_frame(PORT, ACCEPT, 0, 1);

	KUNIT_ASSERT_EQ(test, 0, bed_bind(sock, 2, PORT));
	bed_start();
	BED_EXPECT_BLOCKED(test, vcpu);
	fake_step(vcpu, &(struct fake_step){
		.exit = {
			.func = FFA_MSG_SEND,
			.vm = 2,
			.vcpu = HF_PRIMARY_VM_ID,
			.len = sizeof(accept),
		},
		.takes = true,
		.sends = &accept,
		.len = sizeof(accept),
	});
	KUNIT_EXPECT_EQ(test, 0, bed_connect(sock, 2, PEER_PORT, 0));
	KUNIT_EXPECT_EQ(test, 1, send_now(sock));
}

static void second_accept_changes_nothing(struct kunit *test)
{
	struct hf_vcpu *vcpu = bed_vcpu(test, 2);
	struct socket *sock = bed_connected(test, vcpu, 1);

	bed_say(test, vcpu, bed_port(sock), ACCEPT, 0, 1);
	KUNIT_EXPECT_EQ(test, 0, (int)bed_heard(vcpu->vm));
	KUNIT_EXPECT_EQ(test, 1, send_now(sock));
	KUNIT_EXPECT_EQ(test, (int)DATA, (int)bed_heard(vcpu->vm));
}

static void answers_other_than_accept_refuse_and_the_next_try_may_work(struct kunit *test)
{
	static const u8 answers[] = { REQUEST, RESET, DATA, CREDIT, SHUTDOWN, 0, 7, 255 };
	struct hf_vcpu *vcpu = bed_vcpu(test, 2);
	int i;

	for (i = 0; i < ARRAY_SIZE(answers); i++) {
		struct socket *sock = bed_connecting(test, vcpu);

		bed_say(test, vcpu, bed_port(sock), answers[i], 0, 0);
		if (answers[i] != RESET)
			KUNIT_EXPECT_EQ_MSG(test, (int)RESET, (int)bed_heard(vcpu->vm),
					    "type %u is no answer", answers[i]);
		KUNIT_EXPECT_EQ_MSG(test, -ECONNREFUSED, bed_connect(sock, 2, PEER_PORT, 0),
				    "type %u", answers[i]);
		KUNIT_EXPECT_EQ(test, -EINPROGRESS, bed_connect(sock, 2, PEER_PORT, O_NONBLOCK));
		KUNIT_EXPECT_EQ(test, (int)REQUEST, (int)bed_heard(vcpu->vm));
		bed_say(test, vcpu, bed_port(sock), ACCEPT, 0, 1);
		KUNIT_EXPECT_EQ_MSG(test, 1, send_now(sock), "type %u", answers[i]);
		KUNIT_EXPECT_EQ(test, (int)DATA, (int)bed_heard_but_credit(vcpu->vm));
		bed_close(sock);
		KUNIT_EXPECT_EQ(test, (int)SHUTDOWN, (int)bed_heard_but_credit(vcpu->vm));
	}
}

static void refusal_that_was_fetched_is_no_success_of_the_next_connect(struct kunit *test)
{
	struct hf_vcpu *vcpu = bed_vcpu(test, 2);
	struct socket *sock = bed_connecting(test, vcpu);
	int err;

	bed_say(test, vcpu, bed_port(sock), RESET, 0, 0);
	KUNIT_EXPECT_EQ_MSG(test, -ECONNREFUSED, error_of(sock), "as getsockopt(SO_ERROR)");
	err = bed_connect(sock, 2, PEER_PORT, O_NONBLOCK);
	KUNIT_EXPECT_TRUE_MSG(test, err == -EINPROGRESS || err == -ECONNABORTED,
			      "connect() said %d", err);
}

static void failed_connect_leaves_an_unconnected_socket(struct kunit *test)
{
	struct hf_vcpu *vcpu = bed_vcpu(test, 2);
	struct socket *sock = bed_socket(test, SOCK_SEQPACKET);

	KUNIT_ASSERT_EQ(test, 0, bed_bind(sock, HF_VM_ID_ANY, PORT));
	KUNIT_ASSERT_EQ(test, -EINPROGRESS, bed_connect(sock, 2, PEER_PORT, O_NONBLOCK));
	KUNIT_ASSERT_EQ(test, (int)REQUEST, (int)bed_heard(vcpu->vm));
	bed_say(test, vcpu, PORT, RESET, 0, 0);
	KUNIT_EXPECT_EQ(test, EPOLLERR | EPOLLHUP,
			(__force int)(poll_now(sock) & (EPOLLERR | EPOLLHUP)));
	KUNIT_EXPECT_EQ(test, -ECONNREFUSED, bed_connect(sock, 2, PEER_PORT, O_NONBLOCK));
	KUNIT_EXPECT_EQ(test, -ENOTCONN, recv_now(sock));
	KUNIT_EXPECT_EQ(test, -ENOTCONN, send_now(sock));

	KUNIT_EXPECT_EQ(test, 0, kernel_listen(sock, 1));
	KUNIT_EXPECT_EQ_MSG(test, 0, (__force int)poll_now(sock), "nobody is there to accept");
	bed_say(test, vcpu, PORT, REQUEST, 0, 1);
	KUNIT_EXPECT_EQ(test, EPOLLIN | EPOLLRDNORM, (__force int)poll_now(sock));
}

static void refusal_is_heard_by_recv_once(struct kunit *test)
{
	struct hf_vcpu *vcpu = bed_vcpu(test, 2);
	struct socket *sock = bed_connecting(test, vcpu);

	bed_say(test, vcpu, bed_port(sock), RESET, 0, 0);
	KUNIT_EXPECT_EQ(test, -ECONNREFUSED, recv_now(sock));
	KUNIT_EXPECT_EQ(test, -ENOTCONN, recv_now(sock));
}

static void end_of_a_connection_is_no_answer_to_the_next_connect(struct kunit *test)
{
	struct hf_vcpu *vcpu = bed_vcpu(test, 2);
	struct socket *sock = bed_connecting(test, vcpu);

	/* As nonblocking programs do it: they look for the answer, and connect() no more. */
	bed_say(test, vcpu, bed_port(sock), ACCEPT, 0, 1);
	KUNIT_EXPECT_EQ(test, 0, error_of(sock));
	KUNIT_EXPECT_EQ(test, 1, send_now(sock));
	bed_say(test, vcpu, bed_port(sock), RESET, 0, 0);
	KUNIT_EXPECT_EQ(test, -EINPROGRESS, bed_connect(sock, 2, PEER_PORT, O_NONBLOCK));
}

static void new_connection_begins_without_messages_of_the_old_one(struct kunit *test)
{
	struct hf_vcpu *vcpu = bed_vcpu(test, 2);
	struct socket *sock = bed_connected(test, vcpu, 1);
	u32 credit = hf_sk(sock->sk)->rx_credit;

	bed_say_data(test, vcpu, bed_port(sock), 0, "old", 3);
	bed_say(test, vcpu, bed_port(sock), RESET, 0, 0);
	KUNIT_EXPECT_EQ(test, -EINPROGRESS, bed_connect(sock, 2, PEER_PORT, O_NONBLOCK));
	KUNIT_EXPECT_EQ(test, (int)REQUEST, (int)bed_heard(vcpu->vm));
	KUNIT_EXPECT_EQ(test, credit, le32_to_cpu(bed_last.credit));
	bed_say(test, vcpu, bed_port(sock), ACCEPT, 0, 1);
	KUNIT_EXPECT_EQ(test, -EAGAIN, recv_now(sock));
}

static void silence_times_out_and_the_peer_is_told(struct kunit *test)
{
	struct hf_vcpu *vcpu = bed_vcpu(test, 2);
	struct socket *sock = bed_connecting(test, vcpu);

	hf_sk(sock->sk)->connect_until = jiffies;
	KUNIT_EXPECT_TRUE_MSG(test, mod_delayed_work(system_dfl_wq,
						     &hf_sk(sock->sk)->connect_timeout, 0),
			      "a time limit is set");
	KUNIT_EXPECT_TRUE(test, bed_eventually(READ_ONCE(sock->sk->sk_err)));
	KUNIT_EXPECT_EQ(test, -ETIMEDOUT, bed_connect(sock, 2, PEER_PORT, 0));
	KUNIT_EXPECT_EQ(test, (int)RESET, (int)bed_heard(vcpu->vm));
	bed_say(test, vcpu, bed_port(sock), ACCEPT, 0, 5);
	KUNIT_EXPECT_EQ_MSG(test, (int)RESET, (int)bed_heard(vcpu->vm), "too late");
}

static void time_limit_of_the_attempt_before_does_not_end_this_one(struct kunit *test)
{
	struct hf_vcpu *vcpu = bed_vcpu(test, 2);
	struct socket *sock = bed_connecting(test, vcpu);

	mod_delayed_work(system_dfl_wq, &hf_sk(sock->sk)->connect_timeout, 0);
	flush_delayed_work(&hf_sk(sock->sk)->connect_timeout);
	KUNIT_EXPECT_EQ(test, -EALREADY, bed_connect(sock, 2, PEER_PORT, O_NONBLOCK));
	bed_say(test, vcpu, bed_port(sock), ACCEPT, 0, 1);
	KUNIT_EXPECT_EQ(test, 1, send_now(sock));
}

static void time_limit_does_not_end_what_is_connected(struct kunit *test)
{
	struct hf_vcpu *vcpu = bed_vcpu(test, 2);
	struct socket *sock = bed_connected(test, vcpu, 1);

	hf_sk(sock->sk)->connect_until = jiffies;
	mod_delayed_work(system_dfl_wq, &hf_sk(sock->sk)->connect_timeout, 0);
	flush_delayed_work(&hf_sk(sock->sk)->connect_timeout);
	KUNIT_EXPECT_EQ(test, 1, send_now(sock));
}

static void connect_to_the_dead_fails_and_death_ends_an_attempt(struct kunit *test)
{
	struct hf_vcpu *vcpu = bed_vcpu(test, 2);
	struct socket *sock = bed_connecting(test, vcpu);

	bed_exit_by_hand(vcpu, HF_EXIT_ABORTED, 0, 0, 0);
	KUNIT_EXPECT_EQ(test, -ECONNRESET, bed_connect(sock, 2, PEER_PORT, 0));
	KUNIT_EXPECT_EQ(test, -ECONNRESET,
			bed_connect(bed_socket(test, SOCK_SEQPACKET), 2, PEER_PORT, 0));
}

/* --- the other way round --- */

static void request_to_a_listener_is_accepted(struct kunit *test)
{
	struct hf_vcpu *vcpu = bed_vcpu(test, 2);
	struct socket *listener = bed_listener(test, HF_VM_ID_ANY, PORT, 5), *sock;
	struct hf_sockaddr peer;

	KUNIT_EXPECT_NULL(test, bed_accept(test, listener));
	bed_say(test, vcpu, PORT, REQUEST, 0, 2);
	KUNIT_EXPECT_EQ(test, (int)ACCEPT, (int)bed_heard(vcpu->vm));
	KUNIT_EXPECT_EQ(test, (u64)PORT, le64_to_cpu(bed_last.src_port));
	KUNIT_EXPECT_EQ(test, (u64)PEER_PORT, le64_to_cpu(bed_last.dst_port));
	KUNIT_EXPECT_GT(test, le32_to_cpu(bed_last.credit), 0U);

	sock = bed_accept(test, listener);
	KUNIT_ASSERT_NOT_NULL(test, sock);
	KUNIT_EXPECT_EQ(test, (u64)PORT, bed_port(sock));
	KUNIT_EXPECT_GT(test, kernel_getpeername(sock, (struct sockaddr *)&peer), 0);
	KUNIT_EXPECT_EQ(test, (u16)2, peer.vm_id);
	KUNIT_EXPECT_EQ(test, (u64)PEER_PORT, peer.port);
	KUNIT_EXPECT_EQ(test, 1, send_now(sock));
	KUNIT_EXPECT_EQ(test, (int)DATA, (int)bed_heard_but_credit(vcpu->vm));
}

static void accepted_socket_that_connects_anew_has_a_port_of_its_own(struct kunit *test)
{
	struct hf_vcpu *vcpu = bed_vcpu(test, 2);
	struct socket *listener = bed_listener(test, HF_VM_ID_ANY, PORT, 5), *sock;

	bed_say(test, vcpu, PORT, REQUEST, 0, 2);
	KUNIT_EXPECT_EQ(test, (int)ACCEPT, (int)bed_heard(vcpu->vm));
	sock = bed_accept(test, listener);
	KUNIT_ASSERT_NOT_NULL(test, sock);
	bed_say(test, vcpu, PORT, RESET, 0, 0);
	KUNIT_EXPECT_EQ(test, -ECONNRESET, sock_error(sock->sk));
	KUNIT_EXPECT_EQ(test, -EINPROGRESS, bed_connect(sock, 2, PEER_PORT, O_NONBLOCK));
	KUNIT_EXPECT_EQ(test, (int)REQUEST, (int)bed_heard_but_credit(vcpu->vm));
	KUNIT_EXPECT_NE_MSG(test, (u64)PORT, le64_to_cpu(bed_last.src_port), "the listener's");
	KUNIT_EXPECT_EQ(test, bed_port(sock), le64_to_cpu(bed_last.src_port));
}

static void requests_that_nobody_listens_for_are_refused(struct kunit *test)
{
	struct hf_vcpu *vcpu = bed_vcpu(test, 2);
	struct socket *bound = bed_socket(test, SOCK_SEQPACKET);

	KUNIT_ASSERT_EQ(test, 0, bed_bind(bound, HF_VM_ID_ANY, PORT + 1));
	bed_listener(test, 3 - 1, PORT + 2, 5);
	bed_vcpu(test, 3);
	bed_listener(test, 3, PORT + 3, 5);
	bed_say(test, vcpu, PORT, REQUEST, 0, 1);
	KUNIT_EXPECT_EQ_MSG(test, (int)RESET, (int)bed_heard(vcpu->vm), "nobody");
	bed_say(test, vcpu, PORT + 1, REQUEST, 0, 1);
	KUNIT_EXPECT_EQ_MSG(test, (int)RESET, (int)bed_heard(vcpu->vm), "bound only");
	bed_say(test, vcpu, PORT + 2, REQUEST, 0, 1);
	KUNIT_EXPECT_EQ_MSG(test, (int)ACCEPT, (int)bed_heard(vcpu->vm), "for this VM");
	bed_say(test, vcpu, PORT + 3, REQUEST, 0, 1);
	KUNIT_EXPECT_EQ_MSG(test, (int)RESET, (int)bed_heard(vcpu->vm), "for another VM");
}

static void frames_of_no_connection_are_reset_unless_that_could_go_on_for_ever(struct kunit *test)
{
	static const struct {
		u8 type, answer;
	} frames[] = {
		{ REQUEST, RESET }, { ACCEPT, RESET }, { DATA, RESET }, { RESET, 0 },
		{ CREDIT, 0 }, { SHUTDOWN, 0 }, { 0, 0 }, { 7, 0 }, { 255, 0 },
	};
	struct hf_vcpu *vcpu = bed_vcpu(test, 2);
	int i;

	for (i = 0; i < ARRAY_SIZE(frames); i++) {
		bed_say(test, vcpu, PORT, frames[i].type, 0, 0);
		KUNIT_EXPECT_EQ_MSG(test, frames[i].answer, bed_heard(vcpu->vm), "type %u",
				    frames[i].type);
		if (!frames[i].answer)
			continue;
		KUNIT_EXPECT_EQ(test, (u64)PORT, le64_to_cpu(bed_last.src_port));
		KUNIT_EXPECT_EQ(test, (u64)PEER_PORT, le64_to_cpu(bed_last.dst_port));
	}
	KUNIT_EXPECT_EQ(test, (long)ARRAY_SIZE(frames), atomic_long_read(&vcpu->vm->dropped_port));
}

static void full_backlog_refuses_until_somebody_accepts(struct kunit *test)
{
	struct hf_vcpu *vcpu = bed_vcpu(test, 2);
	struct socket *listener = bed_listener(test, HF_VM_ID_ANY, PORT, 2);
	struct seq_frame request = bed_frame(PORT, REQUEST, 0, 1);
	int i;

	for (i = 0; i < 5; i++) {
		request.src_port = cpu_to_le64(PEER_PORT + i);
		bed_deliver(test, vcpu, &request, "", 0);
		KUNIT_EXPECT_EQ_MSG(test, (int)(i < 3 ? ACCEPT : RESET),
				    (int)bed_heard_but_credit(vcpu->vm), "request %d", i + 1);
	}
	KUNIT_EXPECT_NOT_NULL(test, bed_accept(test, listener));
	request.src_port = cpu_to_le64(PEER_PORT + i);
	bed_deliver(test, vcpu, &request, "", 0);
	KUNIT_EXPECT_EQ(test, (int)ACCEPT, (int)bed_heard_but_credit(vcpu->vm));
}

static void closing_a_listener_resets_who_was_not_accepted(struct kunit *test)
{
	struct hf_vcpu *vcpu = bed_vcpu(test, 2);
	struct socket *listener = bed_listener(test, HF_VM_ID_ANY, PORT, 5), *sock;

	bed_say(test, vcpu, PORT, REQUEST, 0, 1);
	KUNIT_EXPECT_EQ(test, (int)ACCEPT, (int)bed_heard(vcpu->vm));
	sock = bed_accept(test, listener);
	KUNIT_ASSERT_NOT_NULL(test, sock);
	while (bed_heard(vcpu->vm))
		;
	bed_close(listener);
	KUNIT_EXPECT_EQ_MSG(test, 0, (int)bed_heard(vcpu->vm), "an accepted one lives on");

	listener = bed_listener(test, HF_VM_ID_ANY, PORT, 5);
	bed_vcpu(test, 3);
	bed_say(test, &hf_vm_find(3)->vcpus[0], PORT, REQUEST, 0, 1);
	KUNIT_EXPECT_EQ(test, (int)ACCEPT, (int)bed_heard(hf_vm_find(3)));
	bed_close(listener);
	KUNIT_EXPECT_EQ(test, (int)RESET, (int)bed_heard(hf_vm_find(3)));
	KUNIT_EXPECT_EQ(test, 1, send_now(sock));
}

static void request_on_a_connection_ends_it_and_begins_another(struct kunit *test)
{
	struct hf_vcpu *vcpu = bed_vcpu(test, 2);
	struct socket *listener = bed_listener(test, HF_VM_ID_ANY, PORT, 5), *first, *second;

	bed_say(test, vcpu, PORT, REQUEST, 0, 1);
	first = bed_accept(test, listener);
	KUNIT_ASSERT_NOT_NULL(test, first);
	while (bed_heard(vcpu->vm))
		;
	bed_say(test, vcpu, PORT, REQUEST, 0, 1);
	KUNIT_EXPECT_EQ(test, (int)ACCEPT, (int)bed_heard_but_credit(vcpu->vm));
	second = bed_accept(test, listener);
	KUNIT_ASSERT_NOT_NULL(test, second);
	KUNIT_EXPECT_EQ(test, -ECONNRESET, recv_now(first));
	KUNIT_EXPECT_EQ(test, 1, send_now(second));
}

static void request_on_a_connection_that_we_began_ends_it_with_a_reset(struct kunit *test)
{
	struct hf_vcpu *vcpu = bed_vcpu(test, 2);
	struct socket *sock = bed_connected(test, vcpu, 1);

	bed_say(test, vcpu, bed_port(sock), REQUEST, 0, 1);
	KUNIT_EXPECT_EQ(test, (int)RESET, (int)bed_heard_but_credit(vcpu->vm));
	KUNIT_EXPECT_EQ(test, -ECONNRESET, send_now(sock));
	KUNIT_EXPECT_EQ_MSG(test, -EPIPE, send_now(sock), "once");
}

static struct kunit_case seq_cases[] = {
	KUNIT_CASE(request_is_as_documented),
	KUNIT_CASE(accept_connects),
	KUNIT_CASE(connect_waits_until_the_vm_has_answered),
	KUNIT_CASE(second_accept_changes_nothing),
	KUNIT_CASE(answers_other_than_accept_refuse_and_the_next_try_may_work),
	KUNIT_CASE(refusal_that_was_fetched_is_no_success_of_the_next_connect),
	KUNIT_CASE(failed_connect_leaves_an_unconnected_socket),
	KUNIT_CASE(refusal_is_heard_by_recv_once),
	KUNIT_CASE(end_of_a_connection_is_no_answer_to_the_next_connect),
	KUNIT_CASE(new_connection_begins_without_messages_of_the_old_one),
	KUNIT_CASE(silence_times_out_and_the_peer_is_told),
	KUNIT_CASE(time_limit_of_the_attempt_before_does_not_end_this_one),
	KUNIT_CASE(time_limit_does_not_end_what_is_connected),
	KUNIT_CASE(connect_to_the_dead_fails_and_death_ends_an_attempt),
	KUNIT_CASE(request_to_a_listener_is_accepted),
	KUNIT_CASE(accepted_socket_that_connects_anew_has_a_port_of_its_own),
	KUNIT_CASE(requests_that_nobody_listens_for_are_refused),
	KUNIT_CASE(frames_of_no_connection_are_reset_unless_that_could_go_on_for_ever),
	KUNIT_CASE(full_backlog_refuses_until_somebody_accepts),
	KUNIT_CASE(closing_a_listener_resets_who_was_not_accepted),
	KUNIT_CASE(request_on_a_connection_ends_it_and_begins_another),
	KUNIT_CASE(request_on_a_connection_that_we_began_ends_it_with_a_reset),
	{}
};

static struct kunit_suite seq = {
	.name = "hafnium_seq",
	.init = bed_init,
	.exit = bed_exit,
	.test_cases = seq_cases,
};

kunit_test_suite(seq);
