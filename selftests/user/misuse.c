// SPDX-License-Identifier: GPL-2.0
/*
 * Every misuse of the socket gets its error, and the socket survives it.
 *
 * Needs one echo guest. The errors of a VM that died are in guest_fault.c.
 */
#include <linux/capability.h>
#include <poll.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>

#include "hft_harness.h"
#include "hft_dgram.h"

static int connect_raw(int fd, const void *addr, socklen_t len)
{
	return connect(fd, addr, len);
}

FIXTURE(misuse) {
	struct hf_sockaddr addr;
	int fd;		/* not connected */
};

FIXTURE_SETUP(misuse)
{
	const struct hft_guest *guest = hft_guest("echo", 0);

	if (!guest)
		HFT_SKIP("no echo guest in this boot");
	self->addr = hft_address(guest->id, 10);
	self->fd = hft_socket();
	ASSERT_LE(0, self->fd);
}

FIXTURE_TEARDOWN(misuse)
{
	close(self->fd);
}

TEST(stream_socket_is_not_supported)
{
	EXPECT_FAIL(ESOCKTNOSUPPORT, socket(AF_HF, SOCK_STREAM, 0));
	EXPECT_FAIL(ESOCKTNOSUPPORT, socket(AF_HF, SOCK_RAW, 0));
	EXPECT_FAIL(ESOCKTNOSUPPORT, socket(AF_HF, SOCK_RDM, 0));
}

/* Connections are AF_VSOCK's. */
TEST(sequenced_packets_are_not_supported)
{
	EXPECT_FAIL(ESOCKTNOSUPPORT, socket(AF_HF, SOCK_SEQPACKET, 0));
	EXPECT_FAIL(ESOCKTNOSUPPORT, socket(AF_HF, SOCK_SEQPACKET | SOCK_NONBLOCK, 0));
}

TEST(protocol_is_not_supported)
{
	EXPECT_FAIL(EPROTONOSUPPORT, socket(AF_HF, SOCK_DGRAM, 1));
	EXPECT_FAIL(EPROTONOSUPPORT, socket(AF_HF, SOCK_DGRAM, 255));
}

TEST(without_capability_socket_says_eperm)
{
	hft_keep_capability(-1);
	EXPECT_FAIL(EPERM, socket(AF_HF, SOCK_DGRAM, 0));
}

TEST(other_capabilities_do_not_help)
{
	hft_keep_capability(CAP_NET_ADMIN);
	EXPECT_FAIL(EPERM, socket(AF_HF, SOCK_DGRAM, 0));
}

/* Containers have it, with the host's network namespace as without. */
TEST(cap_net_raw_is_not_enough)
{
	hft_keep_capability(CAP_NET_RAW);
	EXPECT_FAIL(EPERM, socket(AF_HF, SOCK_DGRAM, 0));
}

TEST(cap_sys_admin_is_enough)
{
	hft_keep_capability(CAP_SYS_ADMIN);
	EXPECT_LE(0, socket(AF_HF, SOCK_DGRAM, 0));
}

TEST(unprivileged_user_says_eperm)
{
	ASSERT_EQ(0, setgid(65534));
	ASSERT_EQ(0, setuid(65534));
	EXPECT_FAIL(EPERM, socket(AF_HF, SOCK_DGRAM, 0));
}

TEST(capabilities_of_a_user_namespace_do_not_count)
{
	if (unshare(CLONE_NEWUSER))
		HFT_SKIP("this kernel has no user namespaces");
	EXPECT_FAIL(EPERM, socket(AF_HF, SOCK_DGRAM, 0));
}

TEST(other_network_namespace_has_no_such_family)
{
	if (unshare(CLONE_NEWNET))
		HFT_SKIP("this kernel has no network namespaces");
	EXPECT_FAIL(EAFNOSUPPORT, socket(AF_HF, SOCK_DGRAM, 0));
}

TEST_F(misuse, connect_with_wrong_family_says_einval)
{
	self->addr.family = AF_INET;
	EXPECT_FAIL(EINVAL, connect_raw(self->fd, &self->addr, 16));
}

TEST_F(misuse, connect_with_short_address_says_einval)
{
	static const int lengths[] = { 0, 1, 2, 4, 8, 15 };
	size_t i;

	for (i = 0; i < ARRAY_SIZE(lengths); i++)
		EXPECT_FAIL(EINVAL, connect_raw(self->fd, &self->addr, lengths[i]));
}

TEST_F(misuse, connect_with_bad_pointer_says_efault)
{
	EXPECT_FAIL(EFAULT, connect_raw(self->fd, NULL, 16));
	EXPECT_FAIL(EFAULT, connect_raw(self->fd, (void *)8, 16));
	EXPECT_FAIL(EINVAL, connect_raw(self->fd, &self->addr, -1));
}

TEST_F(misuse, connect_to_unknown_vm_says_enetunreach)
{
	self->addr.vm_id = HFT_NO_VM;
	EXPECT_FAIL(ENETUNREACH, connect_raw(self->fd, &self->addr, 16));
	self->addr.vm_id = 0;
	EXPECT_FAIL(ENETUNREACH, connect_raw(self->fd, &self->addr, 16));
	self->addr.vm_id = 0xffff;
	EXPECT_FAIL(ENETUNREACH, connect_raw(self->fd, &self->addr, 16));
}

TEST_F(misuse, connect_to_primary_says_enetunreach)
{
	self->addr.vm_id = HF_VM_ID_PRIMARY;
	EXPECT_FAIL(ENETUNREACH, connect_raw(self->fd, &self->addr, 16));
}

TEST_F(misuse, second_connect_says_eisconn)
{
	ASSERT_EQ(0, connect_raw(self->fd, &self->addr, 16));
	EXPECT_FAIL(EISCONN, connect_raw(self->fd, &self->addr, 16));
	self->addr.port++;
	EXPECT_FAIL(EISCONN, connect_raw(self->fd, &self->addr, 16));
	EXPECT_EQ(0, hft_echo(self->fd, 100, 1));
}

TEST_F(misuse, failed_connect_does_not_spoil_the_socket)
{
	struct hf_sockaddr nowhere = hft_address(HFT_NO_VM, 10);

	EXPECT_FAIL(ENETUNREACH, connect_raw(self->fd, &nowhere, 16));
	ASSERT_EQ(0, connect_raw(self->fd, &self->addr, 16));
	EXPECT_EQ(0, hft_echo(self->fd, 100, 1));
}

TEST_F(misuse, unconnected_socket_says_enotconn)
{
	struct hf_sockaddr peer;
	socklen_t len = sizeof(peer);

	char byte;

	EXPECT_FAIL(ENOTCONN, send(self->fd, "abc", 3, 0));
	EXPECT_FAIL(ENOTCONN, recv(self->fd, &byte, 1, MSG_DONTWAIT));
	EXPECT_FAIL(ENOTCONN, getpeername(self->fd, (void *)&peer, &len));
}

TEST_F(misuse, unconnected_getsockname_works)
{
	struct hf_sockaddr me = { 0 };
	socklen_t len = sizeof(me);

	EXPECT_EQ(0, getsockname(self->fd, (void *)&me, &len));
	EXPECT_EQ(AF_HF, me.family);
}

TEST_F(misuse, sendto_somebody_else_says_eisconn)
{
	struct hf_sockaddr other = self->addr;

	ASSERT_EQ(0, connect_raw(self->fd, &self->addr, 16));
	other.port++;
	EXPECT_FAIL(EISCONN, sendto(self->fd, "abc", 3, 0, (void *)&other, 16));
	other = hft_address(HFT_NO_VM, 10);
	EXPECT_FAIL(EISCONN, sendto(self->fd, "abc", 3, 0, (void *)&other, 16));
	EXPECT_FAIL(EINVAL, sendto(self->fd, "abc", 3, 0, (void *)&other, 8));
	other.family = AF_INET;
	EXPECT_FAIL(EINVAL, sendto(self->fd, "abc", 3, 0, (void *)&other, 16));
	EXPECT_EQ(0, hft_echo(self->fd, 100, 1));
}

TEST_F(misuse, too_long_message_says_emsgsize)
{
	static char big[1 << 20];

	ASSERT_EQ(0, connect_raw(self->fd, &self->addr, 16));
	EXPECT_FAIL(EMSGSIZE, send(self->fd, big, HF_MSG_PAYLOAD_MAX + 1, 0));
	EXPECT_FAIL(EMSGSIZE, send(self->fd, big, 4096, 0));
	EXPECT_FAIL(EMSGSIZE, send(self->fd, big, sizeof(big), 0));
	EXPECT_EQ(0, hft_echo(self->fd, HF_MSG_PAYLOAD_MAX, 1));
}

TEST_F(misuse, bad_buffers_say_efault)
{
	ASSERT_EQ(0, connect_raw(self->fd, &self->addr, 16));
	EXPECT_FAIL(EFAULT, send(self->fd, NULL, 10, 0));
	EXPECT_FAIL(EFAULT, send(self->fd, (void *)16, HF_MSG_PAYLOAD_MAX, 0));
	ASSERT_EQ(3, send(self->fd, "abc", 3, 0));
	EXPECT_EQ(POLLIN, hft_poll(self->fd, POLLIN, HFT_PATIENCE_MS));
	EXPECT_FAIL(EFAULT, recv(self->fd, NULL, 10, 0));
}

TEST_F(misuse, out_of_band_data_is_not_supported)
{
	char byte = 0;

	ASSERT_EQ(0, connect_raw(self->fd, &self->addr, 16));
	EXPECT_FAIL(EOPNOTSUPP, send(self->fd, &byte, 1, MSG_OOB));
	EXPECT_FAIL(EOPNOTSUPP, recv(self->fd, &byte, 1, MSG_OOB));
	EXPECT_EQ(0, hft_echo(self->fd, 100, 1));
}

TEST_F(misuse, calls_for_other_kinds_of_sockets_are_not_supported)
{
	int pair[2];

	EXPECT_FAIL(EOPNOTSUPP, listen(self->fd, 1));
	EXPECT_FAIL(EOPNOTSUPP, accept(self->fd, NULL, NULL));
	EXPECT_FAIL(EOPNOTSUPP, socketpair(AF_HF, SOCK_DGRAM, 0, pair));
}

TEST_F(misuse, unknown_option_and_ioctl_are_refused)
{
	int value = 1;
	socklen_t len = sizeof(value);

	EXPECT_EQ(-1, setsockopt(self->fd, 4242, 1, &value, sizeof(value)));
	EXPECT_EQ(-1, getsockopt(self->fd, 4242, 1, &value, &len));
	EXPECT_EQ(-1, ioctl(self->fd, 0xdead, &value));
}

TEST_F(misuse, odd_file_operations_do_no_harm)
{
	char byte;

	ASSERT_EQ(0, connect_raw(self->fd, &self->addr, 16));
	EXPECT_FAIL(ESPIPE, lseek(self->fd, 0, SEEK_SET));
	EXPECT_FAIL(ESPIPE, pread(self->fd, &byte, 1, 0));
	EXPECT_EQ(MAP_FAILED,
		  mmap(NULL, 4096, PROT_READ, MAP_SHARED, self->fd, 0));
	EXPECT_EQ(0, hft_echo(self->fd, 100, 1));
}

TEST_HARNESS_MAIN
