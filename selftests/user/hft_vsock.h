/* SPDX-License-Identifier: GPL-2.0 */
/*
 * AF_VSOCK sockets for tests, and the guest `vsock` at their other end.
 *
 * As in hft.h: helpers return a value or -1 with errno and decide no verdict,
 * and every socket has time limits. What the guest does at which port stands
 * in ../bare/lib/vsock_service.h.
 */
#ifndef HFT_VSOCK_H
#define HFT_VSOCK_H

#include <errno.h>
#include <sys/socket.h>
#include <linux/vm_sockets.h>

#include "../bare/lib/vsock.h"
#include "../bare/lib/vsock_service.h"
#include "hft.h"

/* A call that fails with this error. */
#ifndef EXPECT_FAIL
#define EXPECT_FAIL(error, call) do { \
	errno = 0; \
	EXPECT_EQ(-1, call); \
	EXPECT_EQ(error, errno); \
} while (0)
#endif

/* What a test needs: the guest, and a connection on which it takes commands. */
#define VSOCK_FIXTURE(name) \
FIXTURE(name) { \
	unsigned int cid; \
	int control; \
}; \
FIXTURE_SETUP(name) \
{ \
	const struct hft_guest *guest = hft_guest("vsock", 0); \
\
	if (!guest) \
		HFT_SKIP("no vsock guest in this boot"); \
	self->cid = hft_cid(guest->id); \
	self->control = hft_vsock_connect(SOCK_STREAM, self->cid, VSOCK_PORT_CONTROL); \
	ASSERT_LE(0, self->control); \
} \
FIXTURE_TEARDOWN(name) \
{ \
	close(self->control); \
}

/* The same for tests that do what they do with streams and with messages. */
#define VSOCK_FIXTURE_OF_BOTH(name) \
VSOCK_FIXTURE(name) \
FIXTURE_VARIANT(name) { \
	int type; \
}; \
FIXTURE_VARIANT_ADD(name, stream) { \
	.type = SOCK_STREAM, \
}; \
FIXTURE_VARIANT_ADD(name, seqpacket) { \
	.type = SOCK_SEQPACKET, \
}

/* Bytes of a packet's header behind that of the message. */
#define HFT_VSOCK_HEADER	(VSOCK_HEADER - offsetof(struct vsock_packet, src_cid))

/* One end each: how the test and how the guest names a connection. */
struct hft_vsock {
	int fd;
	uint32_t port;		/* of the guest */
	uint32_t peer_port;	/* ours */
};

/* CID of a VM, by the parameter of the module. */
unsigned int hft_cid(unsigned int vm);
struct sockaddr_vm hft_vsock_address(unsigned int cid, unsigned int port);
int hft_vsock_socket(int type);
/* Bound to *port; VMADDR_PORT_ANY = a free one, which is filled in. */
int hft_vsock_bind(int type, unsigned int *port);
int hft_vsock_listen(int type, unsigned int *port, int backlog);
int hft_vsock_accept(int fd);
int hft_vsock_connect_to(int fd, unsigned int cid, unsigned int port);
int hft_vsock_connect(int type, unsigned int cid, unsigned int port);
unsigned int hft_vsock_port(int fd);
/* The error that is pending on a socket, which this clears. */
int hft_vsock_error(int fd);
/* SO_VM_SOCKETS_BUFFER_SIZE, and the limit of it. */
int hft_vsock_set_buffer(int fd, uint64_t size);
int hft_vsock_set_nonblocking(int fd);

/* A connection to a service of the guest; fd is -1 if there is none. */
struct hft_vsock hft_vsock_open(int type, unsigned int cid, unsigned int port);
/* The guest connects to a listener of ours, which is closed; as PASSIVE or what service says. */
struct hft_vsock hft_vsock_called(int control, int type, unsigned int service);

/*
 * A connection to a mute port, for which the guest accepts by command, and its
 * end: a RST, since nobody else would confirm a close.
 */
struct hft_vsock hft_vsock_open_mute(int control, int type, unsigned int cid, unsigned int port);
void hft_vsock_close_mute(int control, int type, unsigned int cid, struct hft_vsock *v);

/* Sends a command about a connection (NULL = about none), and takes the answer. */
int hft_vsock_ask(int control, const struct vsock_command *cmd);
int hft_vsock_answer(int control, struct vsock_status *status);
/* Both; what life says is VSOCK_LIFE_NONE if it fails. */
struct vsock_status hft_vsock_do(int control, const struct hft_vsock *v,
				 enum vsock_command_op op, uint64_t size, uint32_t flags);
/* The guest sends @size bytes in messages or packets of @message; 0, or -1. */
int hft_vsock_let_send(int control, const struct hft_vsock *v, uint64_t size,
		       uint32_t message, uint32_t flags);
/* The guest sends a packet as it is, payload left out. */
int hft_vsock_raw(int control, const struct vsock_packet *p, uint64_t size);
/* A packet of the guest on a connection of that type. */
struct vsock_packet hft_vsock_packet(const struct hft_vsock *v, unsigned int cid, int type,
				     enum vsock_op op);
uint32_t hft_vsock_type(int type);

/* Sends all of it; receives as much, or to the end: bytes, -1. */
int hft_vsock_send_all(int fd, const void *buf, size_t len, int flags);
ssize_t hft_vsock_recv_all(int fd, void *buf, size_t len);
/* Receives len bytes of the pattern from @offset on: 0, or -1 with a line on stderr. */
int hft_vsock_take(int fd, uint64_t offset, size_t len);
/* Sends len bytes and demands the same back: 0, or -1 with a line on stderr. */
int hft_vsock_echo(int fd, size_t len, uint32_t seed);
/* True if the peer's end is seen within the usual time: recv() = 0. */
bool hft_vsock_at_end(int fd);
/* Waits for EPOLLRDHUP: 0, -1. */
int hft_vsock_wait_hup(int fd);
/* SIGALRM once after first_ms, then each every_ms (0 = no more), with or without SA_RESTART. */
void hft_vsock_alarm(unsigned int first_ms, unsigned int every_ms, int flags);
/* The running kernel is at least that. */
bool hft_kernel_is(unsigned int major, unsigned int minor);
/* What vsock makes of an error of its transport: before Linux 6.4 it was ENOMEM each time. */
int hft_vsock_errno(int error);

#endif
