// SPDX-License-Identifier: GPL-2.0
/*
 * Who may talk to a VM: those with a capability, and the owners that the
 * parameter owners= names; everybody else is refused, and a descriptor that was
 * had lawfully goes on working.
 *
 * Needs two echo guests and two flood guests; loads the module by itself.
 */
#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <poll.h>
#include <sched.h>
#include <sys/prctl.h>

#include "hft_harness.h"
#include "hft_dgram.h"

#define UID	1000
#define GID	44
#define PORT	5600

FIXTURE(access) {
	unsigned int mine;	/* UID's: an echo guest */
	unsigned int ours;	/* GID's: an echo guest */
	unsigned int flood;	/* UID's */
	unsigned int nobodys;
	bool loaded;
};

FIXTURE_SETUP(access)
{
	char params[128];

	self->loaded = false;
	if (hft_guest_count("echo") < 2 || hft_guest_count("flood") < 2)
		HFT_SKIP("no two echo and two flood guests in this boot");
	self->mine = hft_guest("echo", 0)->id;
	self->ours = hft_guest("echo", 1)->id;
	self->flood = hft_guest("flood", 0)->id;
	self->nobodys = hft_guest("flood", 1)->id;
	snprintf(params, sizeof(params), "owners=%u:%u:-,%u:-:%u,%u:%u:%u",
		 self->mine, UID, self->ours, GID, self->flood, UID, GID);
	ASSERT_EQ(0, hft_module_load(params));
	self->loaded = true;
}

FIXTURE_TEARDOWN(access)
{
	if (self->loaded)
		EXPECT_EQ(0, hft_module_unload_wait(HFT_PATIENCE_MS));
}

/* Becomes that user; no capability stays. */
static int become(unsigned int uid, unsigned int gid, unsigned int supplementary)
{
	gid_t groups[] = { supplementary };

	return setgroups(1, groups) || setgid(gid) || setuid(uid) ? -1 : 0;
}

/*
 * Each test changes who it is in a child, because the module is unloaded by who
 * it was. A body returns 0, or the number of the step that went wrong.
 */
struct who {
	unsigned int mine, ours, flood, nobodys;
	int fd;
	int channel[2];
};

#define BY_ANOTHER(body, who) \
	hft_join(hft_spawn(body, who), 2 * HFT_PATIENCE_MS)

#define WHO(self) { (self)->mine, (self)->ours, (self)->flood, (self)->nobodys, -1, { -1, -1 } }

static bool refused(int error, int result)
{
	return result == -1 && errno == error;
}

/* A socket that can be had, and reaches that VM and not the other. */
static int reaches_only(unsigned int mine, unsigned int other)
{
	int fd = hft_socket(), third = hft_socket();

	if (fd < 0 || third < 0)
		return 1;
	if (!refused(EACCES, hft_connect_to(fd, other, 10)))
		return 2;
	if (!refused(EACCES, hft_send_to(third, "x", 1, other, 10)))
		return 3;
	if (hft_connect_to(fd, mine, 10) || hft_echo(fd, 100, 1))
		return 4;
	if (hft_send_to(third, "x", 1, mine, 10) != 1 ||
	    hft_poll(third, POLLIN, HFT_PATIENCE_MS) != POLLIN)
		return 5;
	return 0;
}

static int as_user(void *arg)
{
	struct who *who = arg;

	if (become(UID, 65534, 65534))
		return 100;
	return reaches_only(who->mine, who->ours) ?: reaches_only(who->mine, who->nobodys);
}

TEST_F(access, user_reaches_his_vm_and_no_other)
{
	struct who who = WHO(self);

	EXPECT_EQ(0, BY_ANOTHER(as_user, &who));
}

static int as_member(void *arg)
{
	struct who *who = arg;

	return become(65534, GID, 65534) ? 100 : reaches_only(who->ours, who->mine);
}

TEST_F(access, member_of_the_group_reaches_its_vm)
{
	struct who who = WHO(self);

	EXPECT_EQ(0, BY_ANOTHER(as_member, &who));
}

static int as_supplementary_member(void *arg)
{
	struct who *who = arg;

	return become(65534, 65534, GID) ? 100 : reaches_only(who->ours, who->mine);
}

TEST_F(access, supplementary_group_counts_as_well)
{
	struct who who = WHO(self);

	EXPECT_EQ(0, BY_ANOTHER(as_supplementary_member, &who));
}

static int as_stranger(void *arg)
{
	if (become(UID + 1, 65534, 65534))
		return 100;
	return refused(EPERM, socket(AF_HF, SOCK_DGRAM, 0)) ? 0 : 1;
}

TEST_F(access, stranger_gets_no_socket)
{
	EXPECT_EQ(0, BY_ANOTHER(as_stranger, NULL));
}

static int as_root_without_capabilities(void *arg)
{
	hft_keep_capability(-1);
	return refused(EPERM, socket(AF_HF, SOCK_DGRAM, 0)) ? 0 : 1;
}

TEST_F(access, root_without_capabilities_is_a_stranger)
{
	EXPECT_EQ(0, BY_ANOTHER(as_root_without_capabilities, NULL));
}

static int bind_as_user(void *arg)
{
	struct who *who = arg;
	int fd;

	if (become(UID, 65534, 65534))
		return 100;
	fd = hft_socket();
	if (!refused(EACCES, hft_bind_to(fd, HF_VM_ID_ANY, PORT)) ||
	    !refused(EACCES, hft_bind_to(fd, HF_VM_ID_PRIMARY, PORT)))
		return 1;
	if (!refused(EACCES, hft_bind_to(fd, who->ours, PORT)) ||
	    !refused(EACCES, hft_bind_to(fd, who->nobodys, PORT)))
		return 2;
	if (!refused(EACCES, hft_bind_to(fd, who->flood, HF_PORT_RESERVED - 1)))
		return 3;
	if (!refused(EADDRNOTAVAIL, hft_bind_to(fd, HFT_NO_VM, PORT)) && errno != EACCES)
		return 4;
	if (hft_bind_to(fd, who->flood, PORT))
		return 5;
	/* Bound to a VM: what it hears is from there alone. */
	return hft_flood(who->flood, 1, PORT, 1, 8) ||
	       hft_poll(fd, POLLIN, 0) != POLLIN ? 6 : 0;
}

TEST_F(access, owner_binds_to_his_vm_and_not_to_all)
{
	struct who who = WHO(self);

	EXPECT_EQ(0, BY_ANOTHER(bind_as_user, &who));
}

/* A port from sendto() hears every VM, unless the socket may not. */
static int hears_only_own_vms(void *arg)
{
	struct who *who = arg;
	char buf[8];
	int fd;

	if (become(UID, 65534, 65534))
		return 100;
	fd = hft_socket();
	if (hft_send_to(fd, "abc", 3, who->mine, 10) != 3 ||
	    recv(fd, buf, sizeof(buf), 0) != 3)
		return 1;
	snprintf(buf, sizeof(buf), "%d", (int)hft_port(fd));
	if (write(who->channel[1], buf, sizeof(buf)) != sizeof(buf) ||
	    read(who->channel[1], buf, 1) != 1)
		return 2;
	return hft_poll(fd, POLLIN, 0) ? 3 : 0;
}

TEST_F(access, unprivileged_socket_does_not_hear_vms_of_others)
{
	struct who who = WHO(self);
	char buf[8];
	pid_t child;

	ASSERT_EQ(0, socketpair(AF_UNIX, SOCK_STREAM, 0, who.channel));
	child = hft_spawn(hears_only_own_vms, &who);
	ASSERT_EQ(sizeof(buf), read(who.channel[0], buf, sizeof(buf)));
	EXPECT_EQ(0, hft_flood(self->nobodys, 1, atoi(buf), 1, 8));
	ASSERT_EQ(1, write(who.channel[0], "", 1));
	EXPECT_EQ(0, hft_join(child, HFT_PATIENCE_MS));
}

static int drop_everything_and_use(void *arg)
{
	struct who *who = arg;

	if (become(65534, 65534, 65534))
		return 100;
	if (hft_connect_to(who->fd, who->nobodys, 10))
		return 1;
	if (hft_disconnect(who->fd) || hft_connect_to(who->fd, who->ours, 10))
		return 2;
	return hft_echo(who->fd, 100, 1) ? 3 : 0;
}

TEST_F(access, privileged_socket_stays_so_after_setuid)
{
	struct who who = WHO(self);

	who.fd = hft_socket();
	EXPECT_EQ(0, BY_ANOTHER(drop_everything_and_use, &who));
	close(who.fd);
}

static int take_and_use(void *arg)
{
	struct who *who = arg;

	if (become(65534, 65534, 65534))
		return 100;
	who->fd = hft_take_fd(who->channel[1]);
	if (who->fd < 0)
		return 101;
	return hft_connect_to(who->fd, who->mine, 10) || hft_echo(who->fd, 100, 1) ? 1 : 0;
}

TEST_F(access, privileged_socket_stays_so_when_it_is_passed)
{
	struct who who = WHO(self);
	int fd = hft_socket();
	pid_t child;

	ASSERT_EQ(0, socketpair(AF_UNIX, SOCK_DGRAM, 0, who.channel));
	child = hft_spawn(take_and_use, &who);
	ASSERT_EQ(0, hft_pass_fd(who.channel[0], fd));
	EXPECT_EQ(0, hft_join(child, 2 * HFT_PATIENCE_MS));
	close(fd);
}

static int give_away_own(void *arg)
{
	struct who *who = arg;
	int fd;

	if (become(UID, 65534, 65534))
		return 100;
	fd = hft_socket();
	return fd < 0 || hft_pass_fd(who->channel[0], fd);
}

static int take_as_stranger(void *arg)
{
	struct who *who = arg;

	if (become(UID + 1, 65534, 65534))
		return 100;
	who->fd = hft_take_fd(who->channel[1]);
	if (who->fd < 0)
		return 101;
	return refused(EACCES, hft_connect_to(who->fd, who->mine, 10)) ? 0 : 1;
}

TEST_F(access, unprivileged_socket_is_what_its_user_is)
{
	struct who who = WHO(self);
	pid_t child;

	ASSERT_EQ(0, socketpair(AF_UNIX, SOCK_DGRAM, 0, who.channel));
	child = hft_spawn(take_as_stranger, &who);
	EXPECT_EQ(0, BY_ANOTHER(give_away_own, &who));
	EXPECT_EQ(0, hft_join(child, HFT_PATIENCE_MS));
}

#define NO_NAMESPACE	200

static bool have_user_namespaces(void)
{
	return !access("/proc/self/ns/user", F_OK);
}

/* Who has changed his ids may not write the map before he is dumpable again. */
static int map_to_root(unsigned int uid)
{
	char line[32];
	int fd = prctl(PR_SET_DUMPABLE, 1) ? -1 : open("/proc/self/uid_map", O_WRONLY);
	int len = snprintf(line, sizeof(line), "0 %u 1\n", uid);
	bool ok = fd >= 0 && write(fd, line, len) == len;

	close(fd);
	return ok ? 0 : -1;
}

static int root_of_a_user_namespace(void *arg)
{
	struct who *who = arg;

	if (become(UID, 65534, 65534))
		return 100;
	if (unshare(CLONE_NEWUSER) || map_to_root(UID))
		return NO_NAMESPACE;
	/* All capabilities there, none here; but still the owner. */
	return reaches_only(who->mine, who->ours);
}

TEST_F(access, root_of_a_user_namespace_is_who_he_is_outside)
{
	struct who who = WHO(self);
	int status = BY_ANOTHER(root_of_a_user_namespace, &who);

	EXPECT_TRUE(status == 0 || (status == NO_NAMESPACE && !have_user_namespaces()));
}

static int stranger_in_a_user_namespace(void *arg)
{
	if (become(UID + 1, 65534, 65534))
		return 100;
	if (unshare(CLONE_NEWUSER) || map_to_root(UID + 1))
		return NO_NAMESPACE;
	return refused(EPERM, socket(AF_HF, SOCK_DGRAM, 0)) ? 0 : 1;
}

TEST_F(access, root_of_a_user_namespace_can_be_a_stranger)
{
	int status = BY_ANOTHER(stranger_in_a_user_namespace, NULL);

	EXPECT_TRUE(status == 0 || (status == NO_NAMESPACE && !have_user_namespaces()));
}

static int other_network(void *arg)
{
	struct who *who = arg;

	if (unshare(CLONE_NEWNET))
		return 0;
	if (!refused(EAFNOSUPPORT, socket(AF_HF, SOCK_DGRAM, 0)))
		return 1;
	/* What was opened outside is still what it was. */
	return hft_echo(who->fd, 100, 1) ? 2 : 0;
}

TEST_F(access, other_network_namespace_opens_none_and_keeps_those_it_has)
{
	struct who who = WHO(self);

	who.fd = hft_connect(self->mine, 10);
	EXPECT_EQ(0, BY_ANOTHER(other_network, &who));
	close(who.fd);
}

static int as_user_without_owners(void *arg)
{
	if (become(UID, GID, GID))
		return 100;
	return refused(EPERM, socket(AF_HF, SOCK_DGRAM, 0)) ? 0 : 1;
}

TEST(without_the_parameter_nobody_owns_a_vm)
{
	HFT_NEED_GUEST(guest, "echo", 0);

	ASSERT_EQ(0, hft_module_load(""));
	EXPECT_EQ(0, BY_ANOTHER(as_user_without_owners, NULL));
	EXPECT_EQ(0, hft_module_unload_wait(HFT_PATIENCE_MS));
}

TEST(malformed_owners_are_refused_with_a_line_in_the_log)
{
	static const char * const bad[] = {
		"owners=2", "owners=2:", "owners=2:1000", "owners=2:1000:", "owners=:1:1",
		"owners=2:1000:-:", "owners=2:1000:-,", "owners=,2:1000:-", "owners=2:-1:-",
		"owners=2:a:-", "owners=2:1000:-;3:1:1", "owners=1:1000:-", "owners=0:1000:-",
		"owners=65536:1000:-", "owners=2:4294967295:-", "owners=2:4294967296:-",
		"owners=2:--:-",
	};
	char line[256];
	size_t i;

	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		int log = hft_log_open(), err = hft_module_load(bad[i]);

		EXPECT_EQ(-EINVAL, err) {
			fprintf(stderr, "# '%s'\n", bad[i]);
		}
		EXPECT_EQ(1, hft_log_lines(log, HFT_LOG_WARNING, line, sizeof(line)));
		close(log);
		if (!err)
			hft_module_unload_wait(HFT_PATIENCE_MS);
	}
}

TEST(owner_of_a_vm_that_does_not_exist_is_refused)
{
	char params[64], line[256];
	int log = hft_log_open();

	snprintf(params, sizeof(params), "owners=%u:%u:-", HFT_NO_VM, UID);
	EXPECT_EQ(-ENODEV, hft_module_load(params));
	/* Where the pages stay the hypervisor's, one more line says so. */
	EXPECT_LE(1, hft_log_lines(log, HFT_LOG_WARNING, line, sizeof(line)));
	EXPECT_FALSE(hft_module_loaded());
	close(log);
}

TEST_HARNESS_MAIN
