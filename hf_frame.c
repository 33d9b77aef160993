// SPDX-License-Identifier: GPL-2.0-only
/*
 * SEQPACKET: the frames that a connection sends, and the flow that sends them.
 *
 * Process context; never sleeps but for memory. The wire format:
 * Documentation/seqpacket.rst.
 *
 * Does not: know the state of a connection (hf_conn.c). A flow can outlive it.
 */
#include <linux/slab.h>

#include "hf_seq.h"

void hf_frame_fill(const struct hf_seq_flow *tx, struct hf_seq_frame *frame, u8 type)
{
	memset(frame, 0, sizeof(*frame));
	frame->msg.src_port = cpu_to_le64(tx->src_port);
	frame->msg.dst_port = cpu_to_le64(tx->dst_port);
	frame->seq.magic = cpu_to_le32(HF_SEQ_MAGIC);
	frame->seq.version = HF_SEQ_VERSION;
	frame->seq.type = type;
	if (type == HF_SEQ_SHUTDOWN)
		frame->seq.flags = cpu_to_le16(READ_ONCE(tx->flags));
	frame->seq.credit = cpu_to_le32(READ_ONCE(tx->credit));
}

static size_t build_frame(struct hf_flow *flow, unsigned int owed, void *buffer)
{
	struct hf_seq_flow *tx = container_of(flow, struct hf_seq_flow, flow);

	BUILD_BUG_ON(sizeof(struct hf_seq_frame) > HF_FLOW_FRAME_MAX);
	hf_frame_fill(tx, buffer, owed < 16 ? owed : owed - 16);
	return sizeof(struct hf_seq_frame);
}

struct hf_seq_flow *hf_frame_create_flow(struct hf_vm *vm, struct sock *sk, u64 src_port,
					 u64 dst_port, gfp_t gfp)
{
	struct hf_seq_flow *tx = kzalloc(sizeof(*tx), gfp);

	if (!tx)
		return NULL;
	hf_flow_init(&tx->flow, vm, sk, build_frame);
	tx->flow.if_dropped = HF_OWE_RESET_NOW;
	tx->src_port = src_port;
	tx->dst_port = dst_port;
	return tx;
}

void hf_frame_refuse(const struct hf_skb_cb *cb)
{
	struct hf_seq_flow *tx = hf_frame_create_flow(cb->vm, NULL, cb->dst_port, cb->src_port,
						      GFP_NOWAIT | __GFP_NOWARN);

	if (!tx)
		return;
	hf_flow_owe(&tx->flow, HF_OWE_RESET_NOW);
	hf_flow_close(&tx->flow);
}

struct ports {
	u64 src, dst;
};

static bool has_ports(const struct hf_flow *flow, const void *arg)
{
	const struct hf_seq_flow *tx = container_of(flow, struct hf_seq_flow, flow);
	const struct ports *ports = arg;

	return flow->build == build_frame && tx->src_port == ports->src &&
	       tx->dst_port == ports->dst;
}

bool hf_frame_is_sending(struct hf_vm *vm, u64 src_port, u64 dst_port, bool stop)
{
	const struct ports ports = { src_port, dst_port };

	return hf_flow_is_sending(vm, has_ports, &ports, stop);
}
