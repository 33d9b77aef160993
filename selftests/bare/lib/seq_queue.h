/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Queues of messages over one pool of buffers. Each queue is promised a number
 * of buffers, and may be given no more messages than that: so one that nobody
 * drains does not take the others' room.
 */
#ifndef HF_BARE_SEQ_QUEUE_H
#define HF_BARE_SEQ_QUEUE_H

#include "types.h"

#define SEQ_QUEUE_END		0xffff

struct seq_queue {
	u16 first, last;	/* SEQ_QUEUE_END = empty */
	u32 promised;
};

void seq_queue_init_pool(void);
/* As many of the wanted buffers as are left; 1 if they get scarce. */
void seq_queue_init(struct seq_queue *q, u32 wanted);
/* Drops all messages and takes the promise back. */
void seq_queue_destroy(struct seq_queue *q);
bool seq_queue_is_empty(const struct seq_queue *q);
void seq_queue_add(struct seq_queue *q, const void *data, u32 len);
/* The first one, which must exist; lent until it is dropped. */
const void *seq_queue_first(const struct seq_queue *q, u32 *len);
void seq_queue_drop(struct seq_queue *q);
void seq_queue_clear(struct seq_queue *q);

#endif
