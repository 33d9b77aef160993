// SPDX-License-Identifier: GPL-2.0
/*
 * Packets of vsock that no honest guest sends, one at a time: what is malformed
 * has no effect, and what is forged has none on others.
 *
 * Needs two vsock guests.
 */
#include <poll.h>
#include <unistd.h>

#include "hft_vsock.h"
#include "hft_harness.h"

#define HEADER			HFT_VSOCK_HEADER

FIXTURE(wire) {
	unsigned int cid, other;
	int control, other_control;
	struct hft_vsock v;
};

/* The first guest has a connection, and both may send whatever they like. */
FIXTURE_SETUP(wire)
{
	const struct hft_guest *guest = hft_guest("vsock", 0), *other = hft_guest("vsock", 1);

	if (!other)
		HFT_SKIP("no two vsock guests in this boot");
	self->cid = hft_cid(guest->id);
	self->other = hft_cid(other->id);
	self->control = hft_vsock_connect(SOCK_STREAM, self->cid, VSOCK_PORT_CONTROL);
	self->other_control = hft_vsock_connect(SOCK_STREAM, self->other, VSOCK_PORT_CONTROL);
	self->v = hft_vsock_open(SOCK_STREAM, self->cid, VSOCK_PORT_ECHO);
	ASSERT_LE(0, self->control);
	ASSERT_LE(0, self->other_control);
	ASSERT_LE(0, self->v.fd);
}

/* Whatever was sent, this connection lives. */
FIXTURE_TEARDOWN(wire)
{
	EXPECT_EQ(0, hft_vsock_echo(self->v.fd, 100, 1));
	close(self->v.fd);
	close(self->control);
	close(self->other_control);
}

TEST_F(wire, truncated_header_is_dropped)
{
	struct vsock_packet p = hft_vsock_packet(&self->v, self->cid, SOCK_STREAM, VSOCK_RST);
	int i;

	for (i = 0; i < HEADER; i++)
		EXPECT_EQ(0, hft_vsock_raw(self->control, &p, i));
}

TEST_F(wire, length_that_lies_is_dropped)
{
	struct vsock_packet p = hft_vsock_packet(&self->v, self->cid, SOCK_STREAM, VSOCK_RW);
	static const uint32_t lens[] = { 1, 99, 101, 4036, 4037, 65536, 0x7fffffff, 0xffffffff };
	char byte;
	int i;

	for (i = 0; i < sizeof(lens) / sizeof(lens[0]); i++) {
		p.len = lens[i];
		EXPECT_EQ(0, hft_vsock_raw(self->control, &p, HEADER + 100));
		if (lens[i] > 4036) {
			EXPECT_EQ(0, hft_vsock_raw(self->control, &p, 4080));
		}
	}
	EXPECT_FAIL(EAGAIN, recv(self->v.fd, &byte, 1, MSG_DONTWAIT));
}

TEST_F(wire, other_guest_cannot_speak_for_it)
{
	struct vsock_packet p = hft_vsock_packet(&self->v, self->cid, SOCK_STREAM, VSOCK_RST);
	char byte;

	EXPECT_EQ(0, hft_vsock_raw(self->other_control, &p, HEADER));
	p.op = VSOCK_SHUTDOWN;
	p.flags = VSOCK_SHUT_BOTH;
	EXPECT_EQ(0, hft_vsock_raw(self->other_control, &p, HEADER));
	p.op = VSOCK_RW;
	p.flags = 0;
	p.len = 1;
	EXPECT_EQ(0, hft_vsock_raw(self->other_control, &p, HEADER + 1));
	/* In its own name it is another connection. */
	p.src_cid = self->other;
	p.op = VSOCK_RST;
	p.len = 0;
	EXPECT_EQ(0, hft_vsock_raw(self->other_control, &p, HEADER));
	EXPECT_FAIL(EAGAIN, recv(self->v.fd, &byte, 1, MSG_DONTWAIT));
}

TEST_F(wire, forged_cid_is_dropped)
{
	static const uint64_t cids[] = { 0, 1, 2, UINT32_MAX, UINT64_MAX };
	struct vsock_packet p = hft_vsock_packet(&self->v, self->cid, SOCK_STREAM, VSOCK_RST);
	int i;

	for (i = 0; i < sizeof(cids) / sizeof(cids[0]); i++) {
		p.src_cid = cids[i];
		EXPECT_EQ(0, hft_vsock_raw(self->control, &p, HEADER));
	}
	p.src_cid = self->cid | 1ull << 32;
	EXPECT_EQ(0, hft_vsock_raw(self->control, &p, HEADER));
	p.src_cid = self->cid;
	for (i = 0; i < sizeof(cids) / sizeof(cids[0]); i++) {
		p.dst_cid = cids[i];
		if (cids[i] != VSOCK_CID_HOST) {
			EXPECT_EQ(0, hft_vsock_raw(self->control, &p, HEADER));
		}
	}
	p.dst_cid = VSOCK_CID_HOST | 1ull << 32;
	EXPECT_EQ(0, hft_vsock_raw(self->control, &p, HEADER));
}

TEST_F(wire, unknown_type_or_operation_is_dropped)
{
	struct vsock_packet p = hft_vsock_packet(&self->v, self->cid, SOCK_STREAM, VSOCK_RST);

	p.type = 0;
	EXPECT_EQ(0, hft_vsock_raw(self->control, &p, HEADER));
	p.type = 3;
	EXPECT_EQ(0, hft_vsock_raw(self->control, &p, HEADER));
	p.type = VSOCK_STREAM;
	p.op = 0;
	EXPECT_EQ(0, hft_vsock_raw(self->control, &p, HEADER));
	p.op = 8;
	EXPECT_EQ(0, hft_vsock_raw(self->control, &p, HEADER));
}

/* Credit that is not there is not used, or at least bounded. */
TEST_F(wire, boundless_credit_is_bounded)
{
	struct hft_vsock v = hft_vsock_open(SOCK_STREAM, self->cid, VSOCK_PORT_DEAF);
	struct vsock_packet p = hft_vsock_packet(&v, self->cid, SOCK_STREAM, VSOCK_CREDIT_UPDATE);
	static char buf[4096];
	size_t total = 0;
	ssize_t n;

	p.buf_alloc = UINT32_MAX;
	ASSERT_EQ(0, hft_vsock_raw(self->control, &p, HEADER));
	/* The guest resets what goes beyond its real window: until then it is bounded. */
	while (total < 16 * 1024 * 1024) {
		n = send(v.fd, buf, sizeof(buf), MSG_DONTWAIT | MSG_NOSIGNAL);
		if (n < 0)
			break;
		total += n;
	}
	EXPECT_GE(1024 * 1024, total);
	close(v.fd);
}

/* More than our window: the connection is reset, and nothing is kept. */
TEST_F(wire, sender_beyond_the_window_is_reset)
{
	struct hft_vsock v = hft_vsock_open(SOCK_STREAM, self->cid, VSOCK_PORT_PASSIVE);
	struct vsock_packet p = hft_vsock_packet(&v, self->cid, SOCK_STREAM, VSOCK_RW);
	int i;

	ASSERT_EQ(0, hft_vsock_set_buffer(v.fd, 8192));
	p.len = 4036;
	for (i = 0; i < 4; i++)
		EXPECT_EQ(0, hft_vsock_raw(self->control, &p, HEADER + p.len));
	EXPECT_EQ(VSOCK_LIFE_BROKEN,
		  hft_vsock_do(self->control, &v, VSOCK_CMD_WAIT_END, 0, 0).life);
	close(v.fd);
}

TEST_F(wire, what_belongs_to_no_connection_is_reset)
{
	struct hft_vsock none = { .port = VSOCK_PORT_MUTE + 3, .peer_port = 4711 };
	static const int ops[] = { VSOCK_RESPONSE, VSOCK_SHUTDOWN, VSOCK_RW, VSOCK_CREDIT_UPDATE };
	struct vsock_packet p;
	struct vsock_status s;
	int i;

	hft_vsock_do(self->control, NULL, VSOCK_CMD_HEARD, 0, 0);
	for (i = 0; i < sizeof(ops) / sizeof(ops[0]); i++) {
		p = hft_vsock_packet(&none, self->cid, SOCK_STREAM, ops[i]);
		p.len = ops[i] == VSOCK_RW;
		EXPECT_EQ(0, hft_vsock_raw(self->control, &p, HEADER + p.len));
	}
	p = hft_vsock_packet(&none, self->cid, SOCK_STREAM, VSOCK_RST);
	EXPECT_EQ(0, hft_vsock_raw(self->control, &p, HEADER));
	hft_sleep_ms(100);
	s = hft_vsock_do(self->control, NULL, VSOCK_CMD_HEARD, 0, 0);
	EXPECT_EQ(sizeof(ops) / sizeof(ops[0]), s.heard_count);
	for (i = 0; i < s.heard_count && i < VSOCK_HEARD_MAX; i++)
		EXPECT_EQ(VSOCK_RST, s.heard[i].op);
}

TEST_F(wire, credit_request_is_answered)
{
	struct hft_vsock v = hft_vsock_open_mute(self->control, SOCK_STREAM, self->cid,
						 VSOCK_PORT_MUTE + 4);
	struct vsock_packet p;
	struct vsock_status s;

	ASSERT_LE(0, v.fd);
	p = hft_vsock_packet(&v, self->cid, SOCK_STREAM, VSOCK_CREDIT_REQUEST);
	ASSERT_EQ(0, hft_vsock_raw(self->control, &p, HEADER));
	hft_sleep_ms(100);
	s = hft_vsock_do(self->control, NULL, VSOCK_CMD_HEARD, 0, 0);
	EXPECT_EQ(1, s.heard_count);
	EXPECT_EQ(VSOCK_CREDIT_UPDATE, s.heard[0].op);
	EXPECT_LT(0, s.heard[0].buf_alloc);
	hft_vsock_close_mute(self->control, SOCK_STREAM, self->cid, &v);
}

TEST_HARNESS_MAIN
