// SPDX-License-Identifier: GPL-2.0
/*
 * Malformed messages from a guest are counted and dropped, and the next
 * well-formed one gets through.
 *
 * Needs a rogue guest. What only the hypervisor could get wrong (sizes above a
 * page, unknown senders) is forged in exits.c.
 */
#include <sys/socket.h>

#include "hft_harness.h"

#define COUNT 20

struct __attribute__((packed)) request {
	uint8_t kind;
	uint32_t count;
};

FIXTURE(rogue) {
	unsigned int vm;
	int fd;
};

FIXTURE_SETUP(rogue)
{
	const struct hft_guest *guest = hft_guest("rogue", 0);

	if (!guest)
		HFT_SKIP("no rogue guest in this boot");
	self->vm = guest->id;
	self->fd = hft_connect(guest->id, 10);
	ASSERT_LE(0, self->fd);
}

FIXTURE_TEARDOWN(rogue)
{
	close(self->fd);
}

static int ask(int fd, char kind)
{
	struct request req = { kind, COUNT };

	return send(fd, &req, sizeof(req), 0) == sizeof(req) ? 0 : -1;
}

static int is_done(int fd)
{
	char buf[8];

	return recv(fd, buf, sizeof(buf), 0) == 4 && !memcmp(buf, "done", 4);
}

static void expect_dropped(struct __test_metadata *_metadata,
			   FIXTURE_DATA(rogue) *self, char kind, const char *key)
{
	int64_t before = hft_vm_count(self->vm, key);

	ASSERT_LE(0, before);
	ASSERT_EQ(0, ask(self->fd, kind));
	EXPECT_TRUE(is_done(self->fd));
	EXPECT_EQ(before + COUNT, hft_vm_count(self->vm, key));
}

TEST_F(rogue, three_bytes_are_no_message)
{
	expect_dropped(_metadata, self, 's', "dropped_short");
}

TEST_F(rogue, no_bytes_are_no_message)
{
	expect_dropped(_metadata, self, 'z', "dropped_short");
}

TEST_F(rogue, one_byte_less_than_a_header_is_no_message)
{
	expect_dropped(_metadata, self, 'h', "dropped_short");
}

TEST_F(rogue, unknown_port_is_dropped)
{
	expect_dropped(_metadata, self, 'p', "dropped_port");
}

TEST_F(rogue, header_alone_is_an_empty_message)
{
	char byte;
	int i;

	ASSERT_EQ(0, ask(self->fd, 'b'));
	for (i = 0; i < COUNT; i++)
		ASSERT_EQ(0, recv(self->fd, &byte, 1, 0));
	EXPECT_TRUE(is_done(self->fd));
}

TEST_HARNESS_MAIN
