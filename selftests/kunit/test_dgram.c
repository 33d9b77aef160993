// SPDX-License-Identifier: GPL-2.0-only
/*
 * Suite: who gets a port, and which message reaches whom; SOCK_DGRAM.
 *
 * What system calls answer is tested from userspace too; here it is what only
 * a hypervisor that obeys can bring about.
 */
#include <linux/filter.h>
#include <linux/fs.h>
#include <net/sock.h>

#include "../../hf_port.h"
#include "bed.h"

/* A port of ours. */
#define PORT	5000

static struct socket *bound_socket(struct kunit *test, u16 vm_id, u64 port)
{
	struct socket *sock = bed_socket(test);

	KUNIT_ASSERT_EQ(test, 0, bed_bind(sock, vm_id, port));
	return sock;
}

static int recv_now(struct socket *sock, void *data, size_t len)
{
	return bed_recv(sock, data, len, MSG_DONTWAIT, NULL);
}

static void message_arrives_with_its_sender(struct kunit *test)
{
	struct hf_vcpu *vcpu = bed_vcpu(test, 2);
	struct socket *sock = bound_socket(test, HF_VM_ID_ANY, PORT);
	struct hf_sockaddr from;
	char data[16];

	bed_receive(test, vcpu, 0x123456789abcdef0, PORT, "hello", 5);
	KUNIT_EXPECT_EQ(test, 5, bed_recv(sock, data, sizeof(data), MSG_DONTWAIT, &from));
	KUNIT_EXPECT_EQ(test, 0, memcmp(data, "hello", 5));
	KUNIT_EXPECT_EQ(test, (u16)2, from.vm_id);
	KUNIT_EXPECT_EQ(test, 0x123456789abcdef0ULL, from.port);
	KUNIT_EXPECT_EQ(test, -EAGAIN, recv_now(sock, data, sizeof(data)));
}

static void sizes_from_none_to_the_page_arrive_whole(struct kunit *test)
{
	static const int sizes[] = { 0, 1, 7, 8, 1000, 4079, 4080 };
	struct hf_vcpu *vcpu = bed_vcpu(test, 2);
	struct socket *sock = bound_socket(test, HF_VM_ID_ANY, PORT);
	u8 *data = kunit_kzalloc(test, 4096, GFP_KERNEL);
	u8 *sent = kunit_kzalloc(test, 4096, GFP_KERNEL);
	int i;

	for (i = 0; i < 4096; i++)
		sent[i] = i ^ i >> 8;
	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		bed_receive(test, vcpu, 1, PORT, sent, sizes[i]);
		KUNIT_EXPECT_EQ(test, sizes[i], recv_now(sock, data, 4096));
		KUNIT_EXPECT_EQ(test, 0, memcmp(data, sent, sizes[i]));
	}
}

static void ports_are_64_bits_and_not_fewer(struct kunit *test)
{
	static const u64 ports[] = { 1024, 1ULL << 32 | 1024, 1ULL << 63, U64_MAX };
	struct hf_vcpu *vcpu = bed_vcpu(test, 2);
	struct socket *socks[ARRAY_SIZE(ports)];
	u64 got;
	int i;

	for (i = 0; i < ARRAY_SIZE(ports); i++) {
		socks[i] = bound_socket(test, HF_VM_ID_ANY, ports[i]);
		KUNIT_EXPECT_EQ(test, ports[i], bed_port(socks[i]));
	}
	for (i = 0; i < ARRAY_SIZE(ports); i++)
		bed_receive(test, vcpu, 1, ports[i], &ports[i], sizeof(u64));
	for (i = 0; i < ARRAY_SIZE(ports); i++) {
		KUNIT_EXPECT_EQ(test, 8, recv_now(socks[i], &got, sizeof(got)));
		KUNIT_EXPECT_EQ(test, ports[i], got);
		KUNIT_EXPECT_EQ(test, -EAGAIN, recv_now(socks[i], &got, sizeof(got)));
	}
}

static void port_belongs_to_one_socket_until_it_is_closed(struct kunit *test)
{
	struct socket *first = bound_socket(test, HF_VM_ID_ANY, PORT);
	struct socket *second = bed_socket(test);

	KUNIT_EXPECT_EQ(test, -EADDRINUSE, bed_bind(second, HF_VM_ID_ANY, PORT));
	KUNIT_EXPECT_EQ(test, 0ULL, bed_port(second));
	bed_close(first);
	KUNIT_EXPECT_EQ(test, 0, bed_bind(second, HF_VM_ID_ANY, PORT));
	KUNIT_EXPECT_EQ_MSG(test, -EINVAL, bed_bind(second, HF_VM_ID_ANY, PORT + 1),
			    "one port per socket");
}

static void free_ports_differ_and_are_not_reserved(struct kunit *test)
{
	u64 ports[20];
	int i, j;

	for (i = 0; i < ARRAY_SIZE(ports); i++) {
		ports[i] = bed_port(bound_socket(test, HF_VM_ID_ANY, HF_PORT_ANY));
		KUNIT_EXPECT_GE(test, ports[i], 0x10000ULL);
		for (j = 0; j < i; j++)
			KUNIT_EXPECT_NE(test, ports[i], ports[j]);
	}
}

static void free_ports_pass_over_those_that_are_taken(struct kunit *test)
{
	u64 next = bed_port(bound_socket(test, HF_VM_ID_ANY, HF_PORT_ANY)) + 1;

	bound_socket(test, HF_VM_ID_ANY, next);
	bound_socket(test, HF_VM_ID_ANY, next + 1);
	KUNIT_EXPECT_EQ(test, next + 2, bed_port(bound_socket(test, HF_VM_ID_ANY, HF_PORT_ANY)));
}

static void message_for_a_port_that_nobody_has_is_counted(struct kunit *test)
{
	static const u64 nobodys[] = { 0, 1, PORT - 1, PORT + 1, PORT | 1ULL << 32, U64_MAX };
	struct hf_vcpu *vcpu = bed_vcpu(test, 2);
	struct socket *sock = bound_socket(test, HF_VM_ID_ANY, PORT);
	struct socket *unbound = bed_socket(test);
	int i, data;

	for (i = 0; i < ARRAY_SIZE(nobodys); i++) {
		bed_receive(test, vcpu, 1, nobodys[i], "x", 1);
		KUNIT_EXPECT_EQ(test, 1L + i, atomic_long_read(&vcpu->vm->dropped_port));
	}
	KUNIT_EXPECT_EQ(test, -EAGAIN, recv_now(sock, &data, sizeof(data)));
	KUNIT_EXPECT_EQ(test, -ENOTCONN, recv_now(unbound, &data, sizeof(data)));
}

static void socket_bound_to_a_vm_hears_no_other(struct kunit *test)
{
	struct hf_vcpu *right = bed_vcpu(test, 2), *wrong = bed_vcpu(test, 3);
	struct socket *sock = bound_socket(test, 2, PORT);
	char data;

	bed_receive(test, wrong, 1, PORT, "w", 1);
	bed_receive(test, right, 1, PORT, "r", 1);
	KUNIT_EXPECT_EQ(test, 1, recv_now(sock, &data, 1));
	KUNIT_EXPECT_EQ(test, 'r', data);
	KUNIT_EXPECT_EQ(test, -EAGAIN, recv_now(sock, &data, 1));
	KUNIT_EXPECT_EQ(test, 1L, atomic_long_read(&wrong->vm->dropped_port));
}

static void connected_socket_hears_its_peer_only(struct kunit *test)
{
	struct hf_vcpu *peer = bed_vcpu(test, 2), *other = bed_vcpu(test, 3);
	struct socket *sock = bed_socket(test);
	char data;

	KUNIT_ASSERT_EQ(test, 0, bed_connect(sock, 2, 10));
	bed_receive(test, other, 10, bed_port(sock), "o", 1);
	bed_receive(test, peer, 11, bed_port(sock), "p", 1);
	bed_receive(test, peer, 10, bed_port(sock), "y", 1);
	KUNIT_EXPECT_EQ(test, 1, recv_now(sock, &data, 1));
	KUNIT_EXPECT_EQ(test, 'y', data);
	KUNIT_EXPECT_EQ(test, -EAGAIN, recv_now(sock, &data, 1));
}

static void sent_message_carries_both_ports(struct kunit *test)
{
	struct hf_vm *vm = bed_vm(test, 2, 1);
	struct socket *sock = bed_socket(test);
	struct hf_msg_hdr *hdr = (void *)fake_vm(vm)->mailbox;

	KUNIT_EXPECT_EQ(test, 3, bed_send_to(sock, 2, U64_MAX - 1, "abc", 3, 0));
	KUNIT_EXPECT_EQ(test, 19U, fake_vm(vm)->len);
	KUNIT_EXPECT_EQ(test, bed_port(sock), le64_to_cpu(hdr->src_port));
	KUNIT_EXPECT_EQ(test, U64_MAX - 1, le64_to_cpu(hdr->dst_port));
	KUNIT_EXPECT_EQ(test, 0, memcmp(hdr + 1, "abc", 3));
}

static void message_that_can_never_be_sent_is_reported(struct kunit *test)
{
	static const int errors[] = { -EOPNOTSUPP, -EINVAL, -ENOMEM, -EACCES, -EIO };
	struct socket *sock = bed_socket(test);
	int i;

	bed_vm(test, 2, 1);
	KUNIT_ASSERT_EQ(test, 0, bed_connect(sock, 2, 10));
	for (i = 0; i < ARRAY_SIZE(errors); i++) {
		fake->errors[FAKE_MSG_SEND] = errors[i];
		KUNIT_EXPECT_EQ(test, 1, bed_send(sock, "x", 1, 0));
		KUNIT_EXPECT_EQ_MSG(test, errors[i], bed_send(sock, "x", 1, MSG_DONTWAIT),
				    "the next call hears of it");
	}
	KUNIT_EXPECT_EQ(test, 1, bed_send(sock, "x", 1, MSG_DONTWAIT));
}

static void what_does_not_fit_is_dropped_and_counted_exactly(struct kunit *test)
{
	struct hf_vcpu *vcpu = bed_vcpu(test, 2);
	struct socket *sock = bound_socket(test, HF_VM_ID_ANY, PORT);
	u32 data, i, got = 0;

	sock->sk->sk_rcvbuf = 20000;
	for (i = 0; i < 1000; i++)
		bed_receive(test, vcpu, 1, PORT, &i, sizeof(i));
	while (recv_now(sock, &data, sizeof(data)) == sizeof(data)) {
		KUNIT_EXPECT_EQ_MSG(test, got, data, "the first ones are kept");
		got++;
	}
	KUNIT_EXPECT_GT(test, got, 2U);
	KUNIT_EXPECT_EQ(test, 1000U - got, (u32)atomic_read(&sock->sk->sk_drops));
	KUNIT_EXPECT_EQ(test, 1000L, atomic_long_read(&vcpu->vm->received));
}

static void empty_message_can_be_peeked_at_again(struct kunit *test)
{
	struct hf_vcpu *vcpu = bed_vcpu(test, 2);
	struct socket *sock = bound_socket(test, HF_VM_ID_ANY, PORT);
	char data[8];
	int i;

	bed_receive(test, vcpu, 1, PORT, "", 0);
	bed_receive(test, vcpu, 1, PORT, "abc", 3);
	for (i = 0; i < 3; i++)
		KUNIT_EXPECT_EQ(test, 0, bed_recv(sock, data, 8, MSG_DONTWAIT | MSG_PEEK, NULL));
	KUNIT_EXPECT_EQ(test, 0, recv_now(sock, data, 8));
	KUNIT_EXPECT_EQ(test, 3, bed_recv(sock, data, 8, MSG_DONTWAIT | MSG_PEEK, NULL));
	KUNIT_EXPECT_EQ(test, 3, recv_now(sock, data, 8));
}

/* As SO_ATTACH_FILTER, with a filter that lets nothing pass; detached with NULL. */
static struct sk_filter *attach_filter(struct kunit *test, struct socket *sock)
{
	static struct sock_filter drop_all = BPF_STMT(BPF_RET | BPF_K, 0);
	struct sock_fprog_kern program = { 1, &drop_all };
	struct sk_filter *filter = kunit_kzalloc(test, sizeof(*filter), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, filter);
	KUNIT_ASSERT_EQ(test, 0, bpf_prog_create(&filter->prog, &program));
	rcu_assign_pointer(sock->sk->sk_filter, filter);
	return filter;
}

static void what_a_filter_drops_is_counted(struct kunit *test)
{
	struct hf_vcpu *vcpu = bed_vcpu(test, 2);
	struct socket *sock = bound_socket(test, HF_VM_ID_ANY, PORT);
	struct sk_filter *filter = attach_filter(test, sock);
	char data;
	int i;

	for (i = 0; i < 3; i++)
		bed_receive(test, vcpu, 1, PORT, "x", 1);
	RCU_INIT_POINTER(sock->sk->sk_filter, NULL);
	bpf_prog_destroy(filter->prog);
	KUNIT_EXPECT_EQ(test, -EAGAIN, recv_now(sock, &data, 1));
	KUNIT_EXPECT_EQ(test, 3, atomic_read(&sock->sk->sk_drops));
	KUNIT_EXPECT_EQ(test, 3L, atomic_long_read(&vcpu->vm->dropped_full));
}

/* --- death --- */

static void death_is_heard_after_what_was_received(struct kunit *test)
{
	struct hf_vcpu *vcpu = bed_vcpu(test, 2);
	struct socket *sock = bed_socket(test);
	char data;

	KUNIT_ASSERT_EQ(test, 0, bed_connect(sock, 2, 10));
	bed_receive(test, vcpu, 10, bed_port(sock), "x", 1);
	bed_exit_by_hand(vcpu, HF_EXIT_ABORTED, 0, 0, 0);
	KUNIT_EXPECT_EQ(test, 1, recv_now(sock, &data, 1));
	KUNIT_EXPECT_EQ(test, -ECONNRESET, recv_now(sock, &data, 1));
	KUNIT_EXPECT_EQ(test, -EPIPE, bed_send(sock, "x", 1, 0));
	KUNIT_EXPECT_EQ(test, -ECONNRESET, bed_connect(bed_socket(test), 2, 10));
}

static void death_leaves_sockets_of_other_vms_alone(struct kunit *test)
{
	struct hf_vcpu *vcpu = bed_vcpu(test, 2);
	struct socket *sock = bed_socket(test);

	bed_vm(test, 3, 1);
	KUNIT_ASSERT_EQ(test, 0, bed_connect(sock, 3, 10));
	bed_exit_by_hand(vcpu, HF_EXIT_ABORTED, 0, 0, 0);
	KUNIT_EXPECT_EQ(test, 1, bed_send(sock, "x", 1, 0));
	KUNIT_EXPECT_EQ(test, 0, sock->sk->sk_err);
}

static void connect_to_a_dead_vm_leaves_the_socket_as_it_was(struct kunit *test)
{
	struct hf_vcpu *dead = bed_vcpu(test, 2);
	struct socket *unbound = bed_socket(test);
	struct socket *bound = bound_socket(test, HF_VM_ID_ANY, PORT);

	bed_vm(test, 3, 1);
	KUNIT_ASSERT_EQ(test, 0, bed_connect(bound, 3, 10));
	bed_exit_by_hand(dead, HF_EXIT_ABORTED, 0, 0, 0);

	KUNIT_EXPECT_EQ(test, -ECONNRESET, bed_connect(unbound, 2, 10));
	KUNIT_EXPECT_EQ(test, 0ULL, bed_port(unbound));
	KUNIT_EXPECT_EQ(test, 0, bed_connect(unbound, 3, 10));
	KUNIT_EXPECT_EQ(test, 1, bed_send(unbound, "x", 1, 0));

	KUNIT_EXPECT_EQ(test, -ECONNRESET, bed_connect(bound, 2, 10));
	KUNIT_EXPECT_EQ(test, 1, bed_send(bound, "x", 1, 0));
	KUNIT_EXPECT_EQ(test, 0, (int)bound->sk->sk_shutdown);
}

static void socket_whose_peer_died_may_have_another(struct kunit *test)
{
	struct hf_vcpu *dead = bed_vcpu(test, 2), *alive = bed_vcpu(test, 3);
	struct socket *sock = bound_socket(test, HF_VM_ID_ANY, PORT);
	char data;

	KUNIT_ASSERT_EQ(test, 0, bed_connect(sock, 2, 10));
	bed_exit_by_hand(dead, HF_EXIT_ABORTED, 0, 0, 0);
	KUNIT_EXPECT_EQ(test, 0, bed_connect(sock, 3, 10));
	KUNIT_EXPECT_EQ(test, 1, bed_send(sock, "x", 1, 0));
	KUNIT_EXPECT_EQ(test, -EAGAIN, recv_now(sock, &data, 1));
	bed_receive(test, alive, 10, PORT, "y", 1);
	KUNIT_EXPECT_EQ(test, 1, recv_now(sock, &data, 1));
	KUNIT_EXPECT_EQ(test, 'y', data);
}

/* --- whose messages a socket may have --- */

/* A socket of the owner of VMs 2 and 3. */
static struct socket *owners_socket(struct kunit *test)
{
	struct socket *sock = bed_socket(test);

	bed_vm(test, 2, 1);
	bed_vm(test, 3, 1);
	hf_vm_set_owner(2, GLOBAL_ROOT_UID, INVALID_GID);
	hf_vm_set_owner(3, GLOBAL_ROOT_UID, INVALID_GID);
	hf_sk(sock->sk)->privileged = false;
	return sock;
}

/* What a vCPU's thread does that has found the socket before it was unbound. */
static void deliver_late(struct sock *sk, u16 from_vm)
{
	struct sk_buff *skb = alloc_skb(64, GFP_KERNEL | __GFP_NOFAIL);

	HF_SKB_CB(skb)->vm = hf_vm_find(from_vm);
	HF_SKB_CB(skb)->src_port = 10;
	hf_dgram_deliver(sk, skb);
}

static void delivery_under_way_does_not_pass_a_filter_that_goes(struct kunit *test)
{
	struct socket *sock = owners_socket(test);
	struct sockaddr unspec = { .sa_family = AF_UNSPEC };

	bed_vm(test, 4, 1);
	KUNIT_ASSERT_EQ(test, 0, bed_connect(sock, 2, 10));
	KUNIT_EXPECT_EQ(test, 0, kernel_connect(sock, &unspec, sizeof(unspec), 0));
	deliver_late(sock->sk, 4);
	KUNIT_EXPECT_EQ_MSG(test, 1L, atomic_long_read(&hf_vm_find(4)->dropped_port), "AF_UNSPEC");

	bound_socket(test, HF_VM_ID_ANY, PORT);
	KUNIT_EXPECT_EQ(test, -EADDRINUSE, bed_bind(sock, 2, PORT));
	deliver_late(sock->sk, 4);
	KUNIT_EXPECT_EQ_MSG(test, 2L, atomic_long_read(&hf_vm_find(4)->dropped_port), "bind()");
}

static void connect_to_a_vm_that_the_socket_cannot_hear_is_refused(struct kunit *test)
{
	struct socket *sock = owners_socket(test);
	struct socket *bound = bound_socket(test, 2, PORT);

	KUNIT_EXPECT_EQ(test, 1, bed_send_to(sock, 2, 10, "x", 1, 0));
	KUNIT_EXPECT_EQ(test, -EINVAL, bed_connect(sock, 3, 10));
	KUNIT_EXPECT_EQ_MSG(test, -EINVAL, bed_send_to(sock, 3, 10, "x", 1, 0), "nor to send to");
	KUNIT_EXPECT_EQ(test, 0, bed_connect(sock, 2, 10));
	KUNIT_EXPECT_EQ(test, -EINVAL, bed_connect(bound, 3, 10));
	KUNIT_EXPECT_EQ(test, 0, bed_connect(bound, 2, 10));
}

/* --- the end, and what can be seen --- */

static void closing_leaves_what_was_sent_in_the_queue(struct kunit *test)
{
	struct hf_vm *vm = bed_vm(test, 2, 1);
	struct socket *sock = bed_socket(test);
	int i;

	for (i = 0; i < 3; i++)
		KUNIT_EXPECT_EQ(test, 1, bed_send_to(sock, 2, 10, "x", 1, 0));
	bed_close(sock);
	for (i = 0; i < 3; i++) {
		KUNIT_EXPECT_TRUE(test, fake_vm(vm)->full);
		fake_vm(vm)->full = false;
		bed_exit_by_hand(&vm->vcpus[0], HF_EXIT_YIELD, 0, 0, 0);
	}
	KUNIT_EXPECT_FALSE(test, fake_vm(vm)->full);
	KUNIT_EXPECT_EQ(test, 3, fake_vm(vm)->sent);
}

static void proc_shows_as_many_drops_as_there_were(struct kunit *test)
{
	struct socket *sock = bound_socket(test, HF_VM_ID_ANY, PORT);
	char *text = kunit_kzalloc(test, 4096, GFP_KERNEL);
	struct file *file = filp_open("/proc/net/hf", O_RDONLY, 0);
	loff_t pos = 0;

	KUNIT_ASSERT_FALSE(test, IS_ERR(file));
	atomic_set(&sock->sk->sk_drops, 3000000000U);
	kernel_read(file, text, 4095, &pos);
	filp_close(file, NULL);
	KUNIT_EXPECT_NOT_NULL_MSG(test, strstr(text, " 3000000000 "), "%s", text);
}

static void connections_are_not_ours(struct kunit *test)
{
	struct socket *sock;

	KUNIT_EXPECT_EQ(test, -ESOCKTNOSUPPORT,
			sock_create_kern(&init_net, PF_HF, SOCK_SEQPACKET, 0, &sock));
	KUNIT_EXPECT_EQ(test, -ESOCKTNOSUPPORT,
			sock_create_kern(&init_net, PF_HF, SOCK_STREAM, 0, &sock));
}

static struct kunit_case dgram_cases[] = {
	KUNIT_CASE(message_arrives_with_its_sender),
	KUNIT_CASE(sizes_from_none_to_the_page_arrive_whole),
	KUNIT_CASE(ports_are_64_bits_and_not_fewer),
	KUNIT_CASE(port_belongs_to_one_socket_until_it_is_closed),
	KUNIT_CASE(free_ports_differ_and_are_not_reserved),
	KUNIT_CASE(free_ports_pass_over_those_that_are_taken),
	KUNIT_CASE(message_for_a_port_that_nobody_has_is_counted),
	KUNIT_CASE(socket_bound_to_a_vm_hears_no_other),
	KUNIT_CASE(connected_socket_hears_its_peer_only),
	KUNIT_CASE(sent_message_carries_both_ports),
	KUNIT_CASE(message_that_can_never_be_sent_is_reported),
	KUNIT_CASE(what_does_not_fit_is_dropped_and_counted_exactly),
	KUNIT_CASE(empty_message_can_be_peeked_at_again),
	KUNIT_CASE(what_a_filter_drops_is_counted),
	KUNIT_CASE(death_is_heard_after_what_was_received),
	KUNIT_CASE(death_leaves_sockets_of_other_vms_alone),
	KUNIT_CASE(connect_to_a_dead_vm_leaves_the_socket_as_it_was),
	KUNIT_CASE(socket_whose_peer_died_may_have_another),
	KUNIT_CASE(delivery_under_way_does_not_pass_a_filter_that_goes),
	KUNIT_CASE(connect_to_a_vm_that_the_socket_cannot_hear_is_refused),
	KUNIT_CASE(closing_leaves_what_was_sent_in_the_queue),
	KUNIT_CASE(proc_shows_as_many_drops_as_there_were),
	KUNIT_CASE(connections_are_not_ours),
	{}
};

static struct kunit_suite dgram = {
	.name = "hafnium_dgram",
	.init = bed_init,
	.exit = bed_exit,
	.test_cases = dgram_cases,
};

kunit_test_suite(dgram);
