/* SPDX-License-Identifier: GPL-2.0 */
/*
 * /dev/hafnium, and the guest event, whose head comment has what it answers.
 */
#ifndef HFT_EVENT_H
#define HFT_EVENT_H

#include <hf/hafnium.h>
#include <stdbool.h>
#include <stdint.h>

#define HFT_EVENT_DEVICE	"/dev/hafnium"
/* The interrupt by which the guest's vCPU 0 tells another what to switch. */
#define HFT_EVENT_CONTROL	8

/* The device, or -errno. */
int hft_event_open(void);
/* 0 or -errno. */
int hft_event_query(int dev, unsigned int vm, struct hf_event_info *info);
/* A call with a route to one vCPU; 0 or -errno. */
int hft_event_call(int dev, unsigned long cmd, int fd, unsigned int vm, unsigned int vcpu,
		   unsigned int number, unsigned int flags);
int hft_eventfd(void);
/* Add 1; 0 or -1. */
int hft_event_write(int fd);
/* What was added since it was last read, 0 if nothing. */
uint64_t hft_event_read(int fd);

/* Of the guest, by a socket that is connected to it. 0; a count; negative on failure. */
int hft_event_zero(int sock);
int64_t hft_event_count(int sock, unsigned int vcpu, unsigned int number);
/* Of all numbers of that vCPU but one. */
int64_t hft_event_others(int sock, unsigned int vcpu, unsigned int number);
int hft_event_enable(int sock, unsigned int vcpu, unsigned int number, bool on);
/* When that vCPU last woke up, in ticks of the counter; 0 on failure. */
uint64_t hft_event_woken(int sock, unsigned int vcpu);
/* It sets notifications of the primary that many times; what the last is answered by. */
int hft_event_notify(int sock, uint64_t bits, uint32_t times);
/* It sends so many messages with these bits to HF_PORT_EVENT. */
int hft_event_send(int sock, uint64_t bits, uint32_t times);

#endif
