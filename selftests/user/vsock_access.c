// SPDX-License-Identifier: GPL-2.0
/*
 * Who may speak AF_VSOCK to a VM, in either direction: AF_HF's rule. And AF_HF
 * keeps off the port that carries it.
 *
 * Needs two vsock guests, and the parameter owners= that gives the first one to UID.
 */
#include <string.h>
#include <unistd.h>

#include "hft_vsock.h"
#include "hft_harness.h"

#define UID		1000
#define STRANGER	1001
#define PORT		6400

VSOCK_FIXTURE_OF_BOTH(access);

/* For the calls that follow; 0 = root again, with all capabilities. */
static int act_as(unsigned int uid)
{
	return seteuid(0) || seteuid(uid) ? -1 : 0;
}

/* 0, or the error of a connect() to the echo of the nth guest by a socket of that user. */
static int connect_by(unsigned int uid, int type, unsigned int nth)
{
	int fd, err = -1;

	if (!act_as(uid)) {
		fd = hft_vsock_connect(type, hft_cid(hft_guest("vsock", nth)->id), VSOCK_PORT_ECHO);
		err = fd < 0 ? errno : hft_vsock_echo(fd, 100, 1);
		close(fd);
	}
	return act_as(0) ? -1 : err;
}

TEST_F(access, owner_reaches_his_vm_only)
{
	EXPECT_EQ(0, connect_by(0, variant->type, 0));
	EXPECT_EQ(0, connect_by(0, variant->type, 1));
	EXPECT_EQ(0, connect_by(UID, variant->type, 0));
	EXPECT_EQ(EACCES, connect_by(UID, variant->type, 1));
	EXPECT_EQ(EACCES, connect_by(STRANGER, variant->type, 0));
	EXPECT_EQ(EACCES, connect_by(STRANGER, variant->type, 1));
}

/* As with AF_HF: what counts is who made the socket. */
TEST_F(access, socket_keeps_the_right_of_its_creator)
{
	int fd = hft_vsock_socket(variant->type);

	ASSERT_EQ(0, act_as(STRANGER));
	EXPECT_EQ(0, hft_vsock_connect_to(fd, self->cid, VSOCK_PORT_ECHO));
	close(fd);
	fd = hft_vsock_socket(variant->type);
	ASSERT_EQ(0, act_as(0));
	EXPECT_FAIL(EACCES, hft_vsock_connect_to(fd, self->cid, VSOCK_PORT_ECHO));
	close(fd);
}

/* A socket that has the transport from a VM that it may use does not get at another. */
TEST_F(access, refused_once_is_refused_again)
{
	unsigned int other = hft_cid(hft_guest("vsock", 1)->id);
	int fd, i;

	ASSERT_EQ(0, act_as(UID));
	fd = hft_vsock_socket(variant->type);
	for (i = 0; i < 3; i++) {
		EXPECT_FAIL(ECONNRESET, hft_vsock_connect_to(fd, self->cid, VSOCK_PORT_NOBODY));
		EXPECT_FAIL(EACCES, hft_vsock_connect_to(fd, other, VSOCK_PORT_ECHO));
	}
	EXPECT_EQ(0, hft_vsock_connect_to(fd, self->cid, VSOCK_PORT_ECHO));
	close(fd);
	ASSERT_EQ(0, act_as(0));
}

/* What comes of a connect() of the nth guest to a listener of that user. */
static uint32_t called_by(unsigned int uid, int type, unsigned int nth)
{
	struct vsock_command cmd = { .op = VSOCK_CMD_CONNECT, .flags = hft_vsock_type(type),
				     .peer_port = PORT + uid };
	struct vsock_status s = { .life = VSOCK_LIFE_NONE };
	int control = hft_vsock_connect(SOCK_STREAM, hft_cid(hft_guest("vsock", nth)->id),
					VSOCK_PORT_CONTROL);
	int fd;

	act_as(uid);
	fd = hft_vsock_listen(type, &cmd.peer_port, 1);
	act_as(0);
	if (!hft_vsock_ask(control, &cmd))
		hft_vsock_answer(control, &s);
	close(fd);
	close(control);
	return s.life;
}

TEST_F(access, vm_reaches_listeners_of_its_owner_only)
{
	EXPECT_EQ(VSOCK_LIFE_OPEN, called_by(0, variant->type, 0));
	EXPECT_EQ(VSOCK_LIFE_OPEN, called_by(0, variant->type, 1));
	EXPECT_EQ(VSOCK_LIFE_OPEN, called_by(UID, variant->type, 0));
	EXPECT_EQ(VSOCK_LIFE_REFUSED, called_by(UID, variant->type, 1));
	EXPECT_EQ(VSOCK_LIFE_REFUSED, called_by(STRANGER, variant->type, 0));
}

TEST(port_of_vsock_is_not_for_af_hf)
{
	HFT_NEED_GUEST(guest, "vsock", 0);
	struct hf_sockaddr addr = hft_address(HF_VM_ID_ANY, HF_PORT_VSOCK);
	int fd = hft_socket();
	char byte = 'A';

	EXPECT_FAIL(EACCES, bind(fd, (struct sockaddr *)&addr, sizeof(addr)));
	addr.vm_id = guest->id;
	EXPECT_FAIL(EACCES, bind(fd, (struct sockaddr *)&addr, sizeof(addr)));
	EXPECT_FAIL(EACCES, connect(fd, (struct sockaddr *)&addr, sizeof(addr)));
	EXPECT_FAIL(EACCES, sendto(fd, &byte, 1, 0, (struct sockaddr *)&addr, sizeof(addr)));
	close(fd);
}

TEST_HARNESS_MAIN
