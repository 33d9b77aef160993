/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * SEQPACKET connections: the wire format, and what the files behind them share.
 *
 * Private to hf_seq.c (system calls), hf_conn.c (what frames and time-outs do to a
 * connection) and hf_frame.c (the frames that it sends).
 */
#ifndef HF_SEQ_H
#define HF_SEQ_H

#include "hf_abi.h"
#include "hf_sock.h"

/* SEQPACKET connections: Documentation/seqpacket.rst. */
#define HF_SEQ_MAGIC			0x51534648	/* "HFSQ" */
#define HF_SEQ_VERSION			1

enum hf_seq_type {
	HF_SEQ_REQUEST = 1,
	HF_SEQ_ACCEPT,
	HF_SEQ_RESET,
	HF_SEQ_DATA,
	HF_SEQ_CREDIT,
	HF_SEQ_SHUTDOWN,
};

/* Flags of HF_SEQ_SHUTDOWN: what its sender no longer does. */
#define HF_SEQ_NO_SEND			BIT(0)
#define HF_SEQ_NO_RECEIVE		BIT(1)

/**
 * struct hf_seq_hdr - follows struct hf_msg_hdr on connections
 * @magic:   HF_SEQ_MAGIC.
 * @version: HF_SEQ_VERSION.
 * @type:    enum hf_seq_type.
 * @flags:   Of HF_SEQ_SHUTDOWN, else 0.
 * @seq:     Of HF_SEQ_DATA: how many were sent before it, else 0.
 * @credit:  How many HF_SEQ_DATA its sender is ready to have been sent.
 *
 * All little endian. Numbers count from the start of the connection, mod 2^32.
 */
struct hf_seq_hdr {
	__le32 magic;
	__u8 version;
	__u8 type;
	__le16 flags;
	__le32 seq;
	__le32 credit;
};

/* How long a VM may take to answer. */
#define HF_CONNECT_TIMEOUT	(5 * HZ)

/* Frames that a connection owes: the bits of struct hf_flow.owed. */
#define HF_OWE_REQUEST		BIT(HF_SEQ_REQUEST)
#define HF_OWE_ACCEPT		BIT(HF_SEQ_ACCEPT)
#define HF_OWE_RESET_NOW	BIT(HF_SEQ_RESET)
#define HF_OWE_CREDIT		BIT(HF_SEQ_CREDIT)
#define HF_OWE_SHUTDOWN		BIT(HF_SEQ_SHUTDOWN + 16)	/* after what is queued */

/* Both headers of a frame; the payload follows. */
struct hf_seq_frame {
	struct hf_msg_hdr msg;
	struct hf_seq_hdr seq;
};

/* What a connection sends, and what its frames are made of. */
struct hf_seq_flow {
	struct hf_flow flow;		/* must be first: it is freed with it */

	/* Constant. */
	u64 src_port;
	u64 dst_port;

	/* Under the socket's conn_lock; read when a frame is made. */
	u32 credit;
	u16 flags;
};

/* A flow for a connection, not yet anybody's. NULL without memory. */
struct hf_seq_flow *hf_frame_create_flow(struct hf_vm *vm, struct sock *sk, u64 src_port,
					 u64 dst_port, gfp_t gfp);

/*
 * Whether messages of a connection that is gone still wait for @vm, between these
 * ports. With @stop nothing of it is sent any more. May hold spinlocks.
 */
bool hf_frame_is_sending(struct hf_vm *vm, u64 src_port, u64 dst_port, bool stop);

/* Refuse a frame that belongs to no connection. Without memory the peer hears nothing. */
void hf_frame_refuse(const struct hf_skb_cb *cb);

/* Write both headers, seq 0. Under conn_lock or vm->tx_lock. */
void hf_frame_fill(const struct hf_seq_flow *tx, struct hf_seq_frame *frame, u8 type);

/*
 * Ask @vm for a connection, to be told by what happens to sk_state. @tx is taken.
 * 0, or -EADDRINUSE or -ENOMEM from the table.
 */
int hf_conn_request(struct sock *sk, struct hf_vm *vm, u64 peer_port, struct hf_seq_flow *tx);

/* The connection ends, in both directions; sk_err = @err if not 0. Under conn_lock. */
void hf_conn_end_locked(struct sock *sk, int err);

/*
 * Whether each direction was closed by one of its ends, and the peer can know. Such a
 * connection is left when there is a reason to. Under conn_lock.
 */
bool hf_conn_is_over_locked(struct sock *sk);
void hf_conn_leave_if_over(struct sock *sk);

/* Let the peer send as much as there is room for. Under conn_lock. */
void hf_conn_grant_locked(struct hf_sock *hs);

/* Forget the connection and the socket; what it owes is still sent. May not sleep. */
void hf_conn_destroy(struct sock *sk);

/* Work function of hf_sock.connect_timeout; puts the reference that it was armed with. */
void hf_conn_timed_out(struct work_struct *work);

/* Give up a child, or any connection that nobody reads: the peer gets a RESET. May not sleep. */
void hf_conn_abort(struct sock *sk);

#endif
