// SPDX-License-Identifier: GPL-2.0
/*
 * Each hypercall that the module makes, while it is loaded and while it works,
 * answers each error code once: loading fails cleanly or succeeds; a working
 * module carries on, or gives up a VM and says so. Whatever happened, the
 * module can be unloaded, and the next load works. Each kind of call is demanded
 * to have been made.
 *
 * Needs two echo guests and an echo_irq guest, and the test hypervisor
 * (HFT_FAIL). Which errno loading answers is tested in noload_init.c.
 */
#include <sys/socket.h>

#include "hft_harness.h"

#define FFA_VERSION		0x84000063
#define FFA_FEATURES		0x84000064
#define FFA_RX_RELEASE		0x84000065
#define FFA_RXTX_MAP		0xc4000066
#define FFA_RXTX_UNMAP		0x84000067
#define FFA_PARTITION_INFO_GET	0x84000068
#define FFA_ID_GET		0x84000069
#define FFA_RUN			0x8400006d
#define FFA_MSG_SEND		0x8400006e
#define HF_MAILBOX_WRITABLE_GET	0xff01
#define HF_MAILBOX_WAITER_GET	0xff02
#define HF_INTERRUPT_INJECT	0xff05

/* NOT_SUPPORTED is -1, NO_DATA is -9; beyond them, what no specification knows. */
static const int errors[] = { -1, -2, -3, -4, -5, -6, -7, -8, -9, -10, 7 };

struct call {
	const char *name;
	uint32_t fn;
	bool needs_crowd;	/* echoes one by one do not make it */
};

static const struct call at_load[] = {
	{ .name = "FFA_VERSION", .fn = FFA_VERSION },
	{ .name = "FFA_FEATURES", .fn = FFA_FEATURES },
	{ .name = "FFA_ID_GET", .fn = FFA_ID_GET },
	{ .name = "FFA_RXTX_MAP", .fn = FFA_RXTX_MAP },
	{ .name = "FFA_PARTITION_INFO_GET", .fn = FFA_PARTITION_INFO_GET },
	{ .name = "FFA_RX_RELEASE", .fn = FFA_RX_RELEASE },
	{ .name = "FFA_RUN", .fn = FFA_RUN },
};

static const struct call at_work[] = {
	{ .name = "FFA_RUN", .fn = FFA_RUN },
	{ .name = "FFA_MSG_SEND", .fn = FFA_MSG_SEND },
	{ .name = "FFA_RX_RELEASE", .fn = FFA_RX_RELEASE },
	{ .name = "HF_MAILBOX_WRITABLE_GET", .fn = HF_MAILBOX_WRITABLE_GET, .needs_crowd = true },
	{ .name = "HF_MAILBOX_WAITER_GET", .fn = HF_MAILBOX_WAITER_GET, .needs_crowd = true },
	{ .name = "HF_INTERRUPT_INJECT", .fn = HF_INTERRUPT_INJECT },
};

/* Hafnium's own calls know one answer that is an error. */
static unsigned int codes(const struct call *call)
{
	return call->fn < 0x10000 ? 1 : ARRAY_SIZE(errors);
}

/* How many calls of a kind pass before the one that fails. */
#define PASSES_MAX	6
/* A message that is lost is known to be by then. */
#define LOST_MS		2000
/* Of a crowd, and how many messages each of them sends at once. */
#define SENDERS		4
#define MESSAGES	4

#undef TEST_TIMEOUT_DEFAULT
#define TEST_TIMEOUT_DEFAULT 900

static int arm(uint32_t fn, int32_t error, unsigned int pass)
{
	return hft_call(HFT_FAIL, fn, (uint32_t)error, 1, pass, 0);
}

/* True if the call did fail. */
static bool disarm(uint32_t fn)
{
	return hft_call(HFT_FAIL, fn, 0, 0, 0, 0) == 0;
}

/* An echo that may be lost: 0 = it came, 1 = not. */
static int lost(unsigned int vm)
{
	int fd = hft_connect(vm, 10), ret = 1;
	char c = 'x';

	if (fd < 0)
		return 1;
	hft_set_timeout(fd, SO_RCVTIMEO, LOST_MS);
	hft_set_timeout(fd, SO_SNDTIMEO, LOST_MS);
	if (send(fd, &c, 1, MSG_NOSIGNAL) == 1 && recv(fd, &c, 1, 0) == 1)
		ret = 0;
	close(fd);
	return ret;
}

/*
 * More messages than there is room for in the mailbox of a guest that does not
 * wait for any: EL2 tells when it is free, and is asked who wanted to know.
 */
static void crowd(unsigned int vm)
{
	int fds[SENDERS], i, j;
	char c;

	for (i = 0; i < SENDERS; i++) {
		fds[i] = hft_connect(vm, 10);
		hft_set_timeout(fds[i], SO_RCVTIMEO, LOST_MS);
	}
	/* Who may not wait does not run the guest in between. */
	for (i = 0; i < SENDERS * MESSAGES; i++)
		send(fds[i % SENDERS], "x", 1, MSG_DONTWAIT | MSG_NOSIGNAL);
	for (i = 0; i < SENDERS; i++) {
		for (j = 0; j < MESSAGES && recv(fds[i], &c, 1, 0) == 1; j++)
			;
		close(fds[i]);
	}
}

/* What a guest was asked before the module was loaded again it may answer now. */
static int echoes(unsigned int vm)
{
	return hft_echo_once(vm, 1000) && hft_echo_once(vm, 1000);
}

/* Without any failure: loads, every guest answers, unloads. */
static int works(void)
{
	int err = hft_module_load(""), i;

	if (err) {
		fprintf(stderr, "# load: %s\n", strerror(-err));
		return -1;
	}
	for (i = 0; i < 2 && !err; i++)
		err = echoes(hft_guest("echo", i)->id);
	if (!err)
		err = echoes(hft_guest("echo_irq", 0)->id);
	return hft_module_unload_wait(HFT_PATIENCE_MS) ?: err;
}

FIXTURE(hypercalls) {
	int log;
};

FIXTURE_SETUP(hypercalls)
{
	HFT_NEED_TESTCALL();
	if (!hft_guest("echo", 1) || !hft_guest("echo_irq", 0))
		HFT_SKIP("needs two echo guests and an echo_irq guest");
	self->log = hft_log_open();
	ASSERT_LE(0, self->log);
	ASSERT_EQ(0, works());
}

FIXTURE_TEARDOWN(hypercalls)
{
	close(self->log);
}

/* 1 = the call failed and all is well, 0 = it was not made, -1 = not well. */
static int fails_at_load(const struct call *call, int error, int pass, int log)
{
	char line[256];
	int err, said;

	hft_log_lines(log, HFT_LOG_WARNING, NULL, 0);
	if (arm(call->fn, error, pass))
		return -1;
	err = hft_module_load("");
	hft_sleep_ms(err ? 0 : 20);
	if (!disarm(call->fn)) {
		hft_module_unload_wait(HFT_PATIENCE_MS);
		return err ? -1 : 0;
	}
	said = hft_log_lines(log, HFT_LOG_WARNING, line, sizeof(line));
	if (err && !said) {
		fprintf(stderr, "# %s %d: %s, and no word of it in the log\n",
			call->name, error, strerror(-err));
		return -1;
	}
	if (!err && hft_module_unload_wait(HFT_PATIENCE_MS))
		return -1;
	if (hft_module_loaded() || works()) {
		fprintf(stderr, "# %s %d, call %d: nothing works afterwards\n",
			call->name, error, pass);
		return -1;
	}
	return 1;
}

TEST_F(hypercalls, each_error_of_each_call_while_loading)
{
	unsigned int i, j;
	int pass, ret, made;

	for (i = 0; i < ARRAY_SIZE(at_load); i++) {
		for (j = 0, made = 0; j < codes(&at_load[i]); j++) {
			for (pass = 0; pass < PASSES_MAX; pass++) {
				ret = fails_at_load(&at_load[i], errors[j],
						    pass, self->log);
				ASSERT_LE(0, ret) TH_LOG("%s %d, call %d",
					at_load[i].name, errors[j], pass);
				if (!ret)
					break;
				made++;
			}
		}
		fprintf(stderr, "# %s: %d failures\n", at_load[i].name, made);
		EXPECT_LT(0, made) TH_LOG("%s was never called", at_load[i].name);
	}
}

/*
 * As above, for a module at work. A failed call may cost a message, or the VM
 * that it was for, but no more than that.
 */
static int fails_at_work(const struct call *call, int error, int pass)
{
	unsigned int vm[3] = { hft_guest("echo", 0)->id, hft_guest("echo", 1)->id,
			       hft_guest("echo_irq", 0)->id };
	int i, gone = 0;
	bool made;

	if (hft_module_load("") || arm(call->fn, error, pass))
		return -1;
	for (i = 0; i < 3; i++)
		lost(vm[i]);
	if (call->needs_crowd)
		crowd(vm[2]);
	made = disarm(call->fn);
	for (i = 0; i < 3; i++)
		gone += lost(vm[i]);
	if (gone > (made ? 1 : 0)) {
		fprintf(stderr, "# %s %d, call %d: %d VMs do not answer\n",
			call->name, error, pass, gone);
		hft_dump_state();
		return -1;
	}
	if (gone)
		fprintf(stderr, "# %s %d, call %d: a VM does not answer any more\n",
			call->name, error, pass);
	if (hft_module_unload_wait(HFT_PATIENCE_MS) || works()) {
		fprintf(stderr, "# %s %d, call %d: nothing works afterwards\n",
			call->name, error, pass);
		return -1;
	}
	return made;
}

TEST_F(hypercalls, each_error_of_each_call_while_working)
{
	unsigned int i, j;
	int pass, ret, made;

	for (i = 0; i < ARRAY_SIZE(at_work); i++) {
		for (j = 0, made = 0; j < codes(&at_work[i]); j++) {
			for (pass = 0; pass < PASSES_MAX; pass++) {
				ret = fails_at_work(&at_work[i], errors[j], pass);
				ASSERT_LE(0, ret) TH_LOG("%s %d, call %d",
					at_work[i].name, errors[j], pass);
				if (!ret)
					break;
				made++;
			}
		}
		fprintf(stderr, "# %s: %d failures\n", at_work[i].name, made);
		EXPECT_LT(0, made) TH_LOG("%s was never called", at_work[i].name);
	}
}

/* The pages stay EL2's then, and the next load unmaps them; noload_init.c, too. */
TEST_F(hypercalls, each_error_of_the_call_that_unmaps_the_pages)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(errors); i++) {
		ASSERT_EQ(0, hft_module_load(""));
		ASSERT_EQ(0, arm(FFA_RXTX_UNMAP, errors[i], 0));
		ASSERT_EQ(0, hft_module_unload_wait(HFT_PATIENCE_MS));
		ASSERT_TRUE(disarm(FFA_RXTX_UNMAP));
		ASSERT_EQ(0, works()) TH_LOG("error %d", errors[i]);
	}
}

TEST_HARNESS_MAIN
