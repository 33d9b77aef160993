/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the tests of datagram sockets share: bound sockets, messages that a VM
 * sends to a port of our choice, counters of a socket, its line in
 * /proc/net/hf, capabilities.
 *
 * As in hft.h: helpers return a value or -1 with errno, and give up by
 * themselves.
 */
#ifndef HFT_DGRAM_H
#define HFT_DGRAM_H

#include <sys/socket.h>

#include "hft.h"

/* Fails with just that error. */
#ifndef EXPECT_FAIL
#define EXPECT_FAIL(error, call) do { \
	errno = 0; \
	EXPECT_EQ(-1, call); \
	EXPECT_EQ(error, errno); \
} while (0)
#endif

/* As the calls of the same name, without casts. */
int hft_bind_to(int fd, unsigned int vm, uint64_t port);
int hft_connect_to(int fd, unsigned int vm, uint64_t port);
int hft_disconnect(int fd);
ssize_t hft_send_to(int fd, const void *buf, size_t len, unsigned int vm,
		    uint64_t port);
/* Where the message came from is written to from. */
ssize_t hft_recv_from(int fd, void *buf, size_t len, struct hf_sockaddr *from);
/* A new socket that is bound, with the time limits of hft_socket(). */
int hft_bound(unsigned int vm, uint64_t port);
/* The local port, 0 = none. */
uint64_t hft_port(int fd);
/* Is it connected to that? */
bool hft_peer_is(int fd, unsigned int vm, uint64_t port);

/*
 * A flood guest sends count messages of size bytes from its port `from` to our
 * port `to`, each with its number (u64, from 0) at the beginning. Returns when
 * all of them have been delivered or dropped. 0 or -1.
 */
int hft_flood(unsigned int vm, uint64_t from, uint64_t to, uint32_t count,
	      uint32_t size);
/* The same, without waiting. */
int hft_flood_start(unsigned int vm, uint64_t from, uint64_t to, uint32_t count,
		    uint32_t size);

/* SO_MEMINFO, one of SK_MEMINFO_...; -1 = error. */
int64_t hft_sock_mem(int fd, unsigned int which);
/* An option of SOL_SOCKET that is an int; -1 = error. */
int hft_option(int fd, int name);
int hft_set_option(int fd, int name, int value);

/* A line of /proc/net/hf. */
struct hft_line {
	char type[16];
	char state[16];
	char local[40];
	char peer[40];
	unsigned int refs, rmem, wmem, drops, uid;
};

/* The socket's line: 0, or -1 if it has none or one that is badly formed. */
int hft_proc_line(int fd, struct hft_line *line);
/* Waits until somebody, in whichever process, has that port: 0, or -1. */
int hft_proc_wait_port(uint64_t port);
/* How many sockets there are, -1 = a line is badly formed. */
int hft_proc_count(void);

/* Keeps just this capability; -1 = none. */
void hft_keep_capability(int cap);

#endif
