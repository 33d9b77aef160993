// SPDX-License-Identifier: GPL-2.0
/*
 * Ports of two owners who need not trust each other, and of who may use all VMs:
 * a port belongs to a VM, or to all of them. Who that is, and who is asked.
 *
 * Needs two flood guests; loads the module by itself.
 */
#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <poll.h>

#include "hft_harness.h"
#include "hft_dgram.h"

#define UID	1000	/* owns VM a */
#define OTHER	1001	/* owns VM b */
#define GID	44	/* owns both */
#define PORT	6300

FIXTURE(owners) {
	unsigned int a, b;	/* flood guests */
	bool loaded;
};

FIXTURE_SETUP(owners)
{
	char params[128];

	self->loaded = false;
	if (hft_guest_count("flood") < 2)
		HFT_SKIP("no two flood guests in this boot");
	self->a = hft_guest("flood", 0)->id;
	self->b = hft_guest("flood", 1)->id;
	snprintf(params, sizeof(params), "owners=%u:%u:%u,%u:%u:%u", self->a, UID, GID,
		 self->b, OTHER, GID);
	ASSERT_EQ(0, hft_module_load(params));
	self->loaded = true;
}

FIXTURE_TEARDOWN(owners)
{
	if (seteuid(0) || setegid(0))
		abort();
	if (self->loaded)
		EXPECT_EQ(0, hft_module_unload_wait(HFT_PATIENCE_MS));
}

/* For the calls that follow; 0 = root again, with all capabilities. */
static int act_as(unsigned int uid)
{
	return seteuid(0) || seteuid(uid) ? -1 : 0;
}

static int act_as_owner_of_both(void)
{
	return setgroups(0, NULL) || setegid(GID) || seteuid(65534) ? -1 : 0;
}

/* A socket of that user, bound; -1 = it cannot be. */
static int bound_by(unsigned int uid, unsigned int vm, uint64_t port)
{
	int fd, err;

	if (act_as(uid))
		return -2;
	fd = hft_bound(vm, port);
	err = errno;
	if (act_as(0))
		return -2;
	errno = err;
	return fd;
}

/* Has the VM's message come, and is it the only one? */
static bool heard(int fd, unsigned int vm)
{
	struct hf_sockaddr from;
	uint64_t seq;

	return hft_poll(fd, POLLIN, 0) == POLLIN &&
	       hft_recv_from(fd, &seq, sizeof(seq), &from) == sizeof(seq) &&
	       from.vm_id == vm && !hft_poll(fd, POLLIN, 0);
}

TEST_F(owners, have_the_same_port_each_for_his_vm)
{
	int a = bound_by(UID, self->a, PORT), b = bound_by(OTHER, self->b, PORT);

	ASSERT_LE(0, a);
	ASSERT_LE(0, b);
	EXPECT_EQ(PORT, hft_port(a));
	EXPECT_EQ(PORT, hft_port(b));
	ASSERT_EQ(0, hft_flood(self->a, 1, PORT, 1, 8));
	ASSERT_EQ(0, hft_flood(self->b, 1, PORT, 1, 8));
	EXPECT_TRUE(heard(a, self->a));
	EXPECT_TRUE(heard(b, self->b));
	/* Each keeps it when the other goes. */
	close(a);
	EXPECT_FAIL(EADDRINUSE, bound_by(OTHER, self->b, PORT));
	ASSERT_EQ(0, hft_flood(self->a, 1, PORT, 1, 8));
	ASSERT_EQ(0, hft_flood(self->b, 1, PORT, 1, 8));
	EXPECT_TRUE(heard(b, self->b));
	a = bound_by(UID, self->a, PORT);
	EXPECT_LE(0, a);
	close(a);
	close(b);
}

TEST_F(owners, cannot_take_a_port_of_another_vm)
{
	int a = bound_by(UID, self->a, PORT);

	ASSERT_LE(0, a);
	EXPECT_FAIL(EACCES, bound_by(UID, self->b, PORT));
	EXPECT_FAIL(EACCES, bound_by(UID, HF_VM_ID_ANY, PORT));
	EXPECT_FAIL(EADDRINUSE, bound_by(UID, self->a, PORT));
	EXPECT_FAIL(EADDRINUSE, bound_by(0, self->a, PORT));
	close(a);
}

TEST_F(owners, port_of_all_vms_is_one_of_each)
{
	int all = bound_by(0, HF_VM_ID_ANY, PORT), a;

	ASSERT_LE(0, all);
	EXPECT_FAIL(EADDRINUSE, bound_by(UID, self->a, PORT));
	EXPECT_FAIL(EADDRINUSE, bound_by(0, HF_VM_ID_ANY, PORT));
	close(all);
	a = bound_by(UID, self->a, PORT);
	ASSERT_LE(0, a);
	EXPECT_FAIL(EADDRINUSE, bound_by(0, HF_VM_ID_ANY, PORT));
	EXPECT_FAIL(EADDRINUSE, bound_by(0, HF_VM_ID_PRIMARY, PORT));
	close(a);
	all = bound_by(0, HF_VM_ID_PRIMARY, PORT);
	EXPECT_LE(0, all);
	close(all);
}

/* There it may be another one's, who would get the answer. */
TEST_F(owners, port_of_one_vm_is_not_used_to_speak_to_another)
{
	int fd, unbound;

	ASSERT_EQ(0, act_as_owner_of_both());
	fd = hft_bound(self->a, PORT);
	unbound = hft_socket();
	ASSERT_LE(0, fd);
	EXPECT_FAIL(EINVAL, hft_send_to(fd, "x", 1, self->b, 1));
	EXPECT_FAIL(EINVAL, hft_connect_to(fd, self->b, 1));
	EXPECT_EQ(1, hft_send_to(fd, "x", 1, self->a, 1));
	/* The first message gives it a port of that VM. */
	EXPECT_EQ(1, hft_send_to(unbound, "x", 1, self->a, 1));
	EXPECT_FAIL(EINVAL, hft_send_to(unbound, "x", 1, self->b, 1));
	close(fd);
	close(unbound);
}

struct race {
	unsigned int vm;
	int ready, go, won[2];
};

static int bind_as(struct race *race, unsigned int uid, unsigned int vm)
{
	int fd;

	if (act_as(uid))
		return 100;
	fd = hft_socket();
	__atomic_fetch_add(&race->ready, 1, __ATOMIC_SEQ_CST);
	while (!__atomic_load_n(&race->go, __ATOMIC_SEQ_CST))
		;
	if (!hft_bind_to(fd, vm, PORT))
		race->won[!uid] = 1;
	else if (errno != EADDRINUSE)
		return 1;
	/* Not given back before both have tried. */
	__atomic_fetch_sub(&race->ready, 1, __ATOMIC_SEQ_CST);
	while (__atomic_load_n(&race->ready, __ATOMIC_SEQ_CST))
		hft_sleep_ms(1);
	return 0;
}

static int bind_to_one(void *arg)
{
	return bind_as(arg, UID, ((struct race *)arg)->vm);
}

static int bind_to_all(void *arg)
{
	return bind_as(arg, 0, HF_VM_ID_ANY);
}

TEST_F(owners, of_one_vm_and_all_vms_at_the_same_time_one_gets_the_port)
{
	struct race *race = hft_shared(sizeof(*race));
	pid_t one, all;
	int i;

	HFT_NEED_CPUS(2);
	for (i = 0; i < 20; i++) {
		*race = (struct race){ .vm = self->a };
		one = hft_spawn(bind_to_one, race);
		all = hft_spawn(bind_to_all, race);
		while (__atomic_load_n(&race->ready, __ATOMIC_SEQ_CST) < 2)
			hft_sleep_ms(1);
		__atomic_store_n(&race->go, 1, __ATOMIC_SEQ_CST);
		ASSERT_EQ(0, hft_join(one, 2 * HFT_PATIENCE_MS));
		ASSERT_EQ(0, hft_join(all, 2 * HFT_PATIENCE_MS));
		ASSERT_EQ(1, race->won[0] + race->won[1]);
	}
}

#define TRACING	"/sys/kernel/tracing/"

static int trace(const char *file, const char *text)
{
	char path[128];
	FILE *f;

	snprintf(path, sizeof(path), TRACING "%s", file);
	f = fopen(path, "w");
	if (!f)
		return -1;
	fputs(text, f);
	return fclose(f);
}

/* How often the kernel was asked for a capability, to be audited if it is not there. */
static int audited(void)
{
	FILE *f = fopen(TRACING "trace", "r");
	unsigned int opts;
	char line[256];
	int count = 0;

	while (fgets(line, sizeof(line), f)) {
		char *at = strstr(line, "opts=0x");

		if (line[0] != '#' && at && sscanf(at, "opts=0x%x", &opts) == 1)
			count += !(opts & 2);	/* CAP_OPT_NOAUDIT */
	}
	fclose(f);
	return count;
}

/* Socket calls of that user; returns audited(). */
static int audited_calls(unsigned int uid, unsigned int vm)
{
	char filter[80];
	int fd;

	/* What seteuid() is asked for is another matter. */
	snprintf(filter, sizeof(filter), "common_pid == %d && (cap == %d || cap == %d)\n", getpid(),
		 CAP_SYS_ADMIN, CAP_NET_RAW);
	if (trace("events/kprobes/hft_capable/filter", filter) || trace("trace", "") ||
	    trace("events/kprobes/hft_capable/enable", "1") || act_as(uid))
		return -1;
	fd = hft_socket();
	if (fd >= 0 && hft_send_to(fd, "x", 1, vm, 1) == 1)
		close(fd);
	if (act_as(0) || trace("events/kprobes/hft_capable/enable", "0"))
		return -1;
	return audited();
}

TEST_F(owners, leave_no_audit_record)
{
	if (trace("kprobe_events", "p:hft_capable cap_capable cap=%x2:u32 opts=%x3:x32\n"))
		HFT_SKIP("no kprobe events here");
	EXPECT_EQ(0, audited_calls(UID, self->a));
	/* A stranger does. */
	EXPECT_LT(0, audited_calls(OTHER + 1, self->a));
	trace("kprobe_events", "-:hft_capable\n");
}

/* Does the next socket reach both VMs? */
static bool reaches_both(unsigned int a, unsigned int b)
{
	int fd = hft_socket();
	bool both = fd >= 0 && hft_send_to(fd, "x", 1, a, 1) == 1 &&
		    hft_send_to(fd, "x", 1, b, 1) == 1;

	close(fd);
	return both;
}

/* Loads the module anew: CAP_NET_RAW is what they have, and they own VM a or none. */
static int reload(unsigned int vm, unsigned int owner, const char *more)
{
	char params[80];

	snprintf(params, sizeof(params), "owners=%u:%u:- %s", vm, owner, more);
	return hft_module_unload_wait(HFT_PATIENCE_MS) ?: hft_module_load(params);
}

static int use_with_net_raw(void *arg)
{
	unsigned int *vm = arg;

	hft_keep_capability(CAP_NET_RAW);
	return reaches_both(vm[0], vm[1]);
}

static int use_with_sys_admin(void *arg)
{
	unsigned int *vm = arg;

	hft_keep_capability(CAP_SYS_ADMIN);
	return reaches_both(vm[0], vm[1]);
}

/* Whom root is, whether he owns one of them or not. */
TEST_F(owners, capability_reaches_all_vms_of_an_owner_as_well)
{
	unsigned int vm[] = { self->a, self->b }, owner;

	for (owner = 0; owner < 2; owner++) {
		ASSERT_EQ(0, reload(self->a, owner, ""));
		EXPECT_EQ(1, hft_join(hft_spawn(use_with_sys_admin, vm), HFT_PATIENCE_MS));
		EXPECT_EQ(0, hft_join(hft_spawn(use_with_net_raw, vm), HFT_PATIENCE_MS));
		ASSERT_EQ(0, reload(self->a, owner, "net_raw=1"));
		EXPECT_EQ(1, hft_join(hft_spawn(use_with_sys_admin, vm), HFT_PATIENCE_MS));
		EXPECT_EQ(1, hft_join(hft_spawn(use_with_net_raw, vm), HFT_PATIENCE_MS));
	}
}

static int has_no_alias(const char *module)
{
	static char image[1 << 24];
	FILE *f = fopen(module, "r");
	size_t n = f ? fread(image, 1, sizeof(image), f) : 0;

	if (f)
		fclose(f);
	return n && n < sizeof(image) && !memmem(image, n, "alias=", 6) &&
	       memmem(image, n, "license=GPL", 11);
}

/* Else socket() of any user would start all VMs. */
TEST_F(owners, and_others_do_not_load_the_module)
{
	EXPECT_TRUE(has_no_alias(getenv("HF_MODULE")));
}

TEST_HARNESS_MAIN
