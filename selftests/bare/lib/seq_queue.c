// SPDX-License-Identifier: GPL-2.0
/*
 * Queues of messages over one pool of buffers; see seq_queue.h.
 *
 * Owns the pool. Invariant: the promises never add up to more than it has, so
 * that a buffer which was promised is there. Indices instead of pointers make
 * the free list cheap to set up and an end marker possible.
 */
#include "mem.h"
#include "seq.h"
#include "seq_queue.h"

/* What fits into a guest's memory of 1 MiB beside everything else. */
#define BUFFERS			176
/* As many must be left before a queue gets more than one. */
#define BUFFERS_LOW		128

struct buffer {
	u16 next;
	u16 len;
	u8 data[SEQ_PAYLOAD_MAX] __attribute__((aligned(8)));
};

static struct buffer buffers[BUFFERS];
static u16 free_buffer;
static u32 unpromised = BUFFERS;

void seq_queue_init_pool(void)
{
	for (u16 i = 0; i < BUFFERS; i++)
		buffers[i].next = i + 1 < BUFFERS ? i + 1 : SEQ_QUEUE_END;
}

void seq_queue_init(struct seq_queue *q, u32 wanted)
{
	if (unpromised < BUFFERS_LOW && wanted > 1)
		wanted = 1;
	if (wanted > unpromised)
		wanted = 0;
	unpromised -= wanted;
	*q = (struct seq_queue){ SEQ_QUEUE_END, SEQ_QUEUE_END, wanted };
}

void seq_queue_destroy(struct seq_queue *q)
{
	seq_queue_clear(q);
	unpromised += q->promised;
	q->promised = 0;
}

bool seq_queue_is_empty(const struct seq_queue *q)
{
	return q->first == SEQ_QUEUE_END;
}

void seq_queue_add(struct seq_queue *q, const void *data, u32 len)
{
	u16 index = free_buffer;
	struct buffer *b = &buffers[index];

	free_buffer = b->next;
	b->next = SEQ_QUEUE_END;
	b->len = len;
	memcpy(b->data, data, len);
	if (seq_queue_is_empty(q))
		q->first = index;
	else
		buffers[q->last].next = index;
	q->last = index;
}

const void *seq_queue_first(const struct seq_queue *q, u32 *len)
{
	*len = buffers[q->first].len;
	return buffers[q->first].data;
}

void seq_queue_drop(struct seq_queue *q)
{
	u16 index = q->first;

	q->first = buffers[index].next;
	buffers[index].next = free_buffer;
	free_buffer = index;
}

void seq_queue_clear(struct seq_queue *q)
{
	while (!seq_queue_is_empty(q))
		seq_queue_drop(q);
}
