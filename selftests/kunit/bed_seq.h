/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The guest's end of SEQPACKET connections, frame by frame.
 *
 * Numbers are those of Documentation/seqpacket.rst, not those of hf_abi.h.
 */
#ifndef HF_KUNIT_BED_SEQ_H
#define HF_KUNIT_BED_SEQ_H

#include "bed.h"

enum { REQUEST = 1, ACCEPT, RESET, DATA, CREDIT, SHUTDOWN };

/* Flags of SHUTDOWN. */
enum { NO_SEND = 1, NO_RECEIVE = 2 };

/* Port of the guest in all tests that need only one. */
#define PEER_PORT	100

struct seq_frame {
	__le64 src_port, dst_port;
	__le32 magic;
	u8 version, type;
	__le16 flags;
	__le32 seq, credit;
};

/* A well-formed frame from the guest's PEER_PORT, to be changed at will. */
struct seq_frame bed_frame(u64 dst_port, u8 type, u32 seq, u32 credit);

/* Hand over a frame and its payload. */
void bed_deliver(struct kunit *test, struct hf_vcpu *vcpu, const struct seq_frame *frame,
		 const void *payload, size_t len);

/* The same for a frame that needs no change. */
void bed_say(struct kunit *test, struct hf_vcpu *vcpu, u64 dst_port, u8 type, u32 seq, u32 credit);

/* The same for the guest's message number @seq. */
void bed_say_data(struct kunit *test, struct hf_vcpu *vcpu, u64 dst_port, u32 seq,
		  const void *payload, size_t len);

/* Type of the next frame that the driver sent to the VM, 0 if there is none. */
u8 bed_heard(struct hf_vm *vm);

/* That frame, and its payload. */
extern struct seq_frame bed_last;
extern u8 bed_last_payload[4096];
extern int bed_last_len;

/* Pass over frames of credit, which may come at any time. */
u8 bed_heard_but_credit(struct hf_vm *vm);

/* A socket that is connecting: its request was heard. */
struct socket *bed_connecting(struct kunit *test, struct hf_vcpu *vcpu);

/* A connection, with room for @credit messages at the peer. */
struct socket *bed_connected(struct kunit *test, struct hf_vcpu *vcpu, u32 credit);

/* A listener, and accept() without waiting: NULL if there is nobody. */
struct socket *bed_listener(struct kunit *test, u16 from_vm, u64 port, int backlog);
struct socket *bed_accept(struct kunit *test, struct socket *listener);

#endif
