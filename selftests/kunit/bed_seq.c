// SPDX-License-Identifier: GPL-2.0-only
/*
 * The guest's end of SEQPACKET connections, frame by frame.
 */
#include <linux/net.h>

#include "bed_seq.h"

#define MAGIC	0x51534648

struct seq_frame bed_last;
u8 bed_last_payload[4096];
int bed_last_len;

struct seq_frame bed_frame(u64 dst_port, u8 type, u32 seq, u32 credit)
{
	return (struct seq_frame){
		.src_port = cpu_to_le64(PEER_PORT),
		.dst_port = cpu_to_le64(dst_port),
		.magic = cpu_to_le32(MAGIC),
		.version = 1,
		.type = type,
		.seq = cpu_to_le32(seq),
		.credit = cpu_to_le32(credit),
	};
}

void bed_deliver(struct kunit *test, struct hf_vcpu *vcpu, const struct seq_frame *frame,
		 const void *payload, size_t len)
{
	size_t hdr_len = sizeof(*frame) - offsetof(struct seq_frame, magic);
	u8 *data = kunit_kmalloc(test, hdr_len + len, GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, data);
	memcpy(data, &frame->magic, hdr_len);
	memcpy(data + hdr_len, payload, len);
	bed_receive(test, vcpu, le64_to_cpu(frame->src_port), le64_to_cpu(frame->dst_port),
		    data, hdr_len + len);
	kunit_kfree(test, data);
}

void bed_say(struct kunit *test, struct hf_vcpu *vcpu, u64 dst_port, u8 type, u32 seq, u32 credit)
{
	struct seq_frame frame = bed_frame(dst_port, type, seq, credit);

	bed_deliver(test, vcpu, &frame, "", 0);
}

void bed_say_data(struct kunit *test, struct hf_vcpu *vcpu, u64 dst_port, u32 seq,
		  const void *payload, size_t len)
{
	struct seq_frame frame = bed_frame(dst_port, DATA, seq, 1);

	bed_deliver(test, vcpu, &frame, payload, len);
}

u8 bed_heard(struct hf_vm *vm)
{
	struct fake_vm *mine = fake_vm(vm);
	bool full = mine->full;

	memset(&bed_last, 0, sizeof(bed_last));
	if (full) {
		memcpy(&bed_last, mine->mailbox, sizeof(bed_last));
		bed_last_len = mine->len - sizeof(bed_last);
		memcpy(bed_last_payload, mine->mailbox + sizeof(bed_last), max(bed_last_len, 0));
		mine->full = false;
	}
	bed_exit_by_hand(&vm->vcpus[0], HF_EXIT_YIELD, 0, 0, 0);
	/* Whatever is no frame has no type that a test waits for. */
	return full && bed_last.magic != cpu_to_le32(MAGIC) ? U8_MAX : bed_last.type;
}

u8 bed_heard_but_credit(struct hf_vm *vm)
{
	u8 type;

	do {
		type = bed_heard(vm);
	} while (type == CREDIT);
	return type;
}

struct socket *bed_connecting(struct kunit *test, struct hf_vcpu *vcpu)
{
	struct socket *sock = bed_socket(test, SOCK_SEQPACKET);

	KUNIT_ASSERT_EQ(test, -EINPROGRESS,
			bed_connect(sock, vcpu->vm->id, PEER_PORT, O_NONBLOCK));
	KUNIT_ASSERT_EQ(test, (int)REQUEST, (int)bed_heard(vcpu->vm));
	return sock;
}

struct socket *bed_connected(struct kunit *test, struct hf_vcpu *vcpu, u32 credit)
{
	struct socket *sock = bed_connecting(test, vcpu);

	bed_say(test, vcpu, bed_port(sock), ACCEPT, 0, credit);
	KUNIT_ASSERT_EQ(test, -EISCONN, bed_connect(sock, vcpu->vm->id, PEER_PORT, 0));
	return sock;
}

struct socket *bed_listener(struct kunit *test, u16 from_vm, u64 port, int backlog)
{
	struct socket *sock = bed_socket(test, SOCK_SEQPACKET);

	KUNIT_ASSERT_EQ(test, 0, bed_bind(sock, from_vm, port));
	KUNIT_ASSERT_EQ(test, 0, kernel_listen(sock, backlog));
	return sock;
}

struct socket *bed_accept(struct kunit *test, struct socket *listener)
{
	struct socket *sock;
	int err = kernel_accept(listener, &sock, O_NONBLOCK);

	if (err == -EAGAIN)
		return NULL;
	KUNIT_ASSERT_EQ(test, 0, err);
	return bed_socket_keep(test, sock);
}
