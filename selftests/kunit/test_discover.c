// SPDX-License-Identifier: GPL-2.0-only
/*
 * Suite: which VMs there are, as each release of the hypervisor can be asked.
 *
 * The fake says so if a question is asked that some release answers by dying.
 */
#include "../../hf_discover.h"
#include "bed.h"

static void expect_vm(struct kunit *test, u16 id, u16 nr_vcpus, const char *what)
{
	struct hf_vm *vm = hf_vm_find(id);

	KUNIT_EXPECT_EQ_MSG(test, nr_vcpus, vm ? vm->nr_vcpus : 0, "%s: VM %d", what, id);
}

static const enum fake_release releases[] = { FAKE_V2_4, FAKE_V2_6, FAKE_V2_8, FAKE_V2_9,
					      FAKE_V2_12, FAKE_V2_14 };

/* VMs 2 and on, @count of them, with that many vCPUs or, if that is 0, as the id says. */
static void let_exist(int count, int nr_vcpus)
{
	int id;

	for (id = 2; id < FAKE_VMS; id++) {
		fake->vms[id].exists = id < count + 2;
		fake->vms[id].nr_vcpus = nr_vcpus ?: id;
	}
}

static void walk_finds_each_vm_and_asks_of_one_more(struct kunit *test)
{
	static const int counts[] = { 0, 1, 15, 40 };
	int i, r, id, asked = 0;

	for (r = 0; r < ARRAY_SIZE(releases); r++) {
		fake_be(releases[r]);
		for (i = 0; i < ARRAY_SIZE(counts); i++) {
			let_exist(counts[i], 1);
			KUNIT_EXPECT_EQ(test, 0, hf_discover());
			asked += counts[i] + 1;
			KUNIT_EXPECT_EQ(test, asked, fake_count(FAKE_VM_EXISTS));
			for (id = 0; id < FAKE_VMS; id++)
				KUNIT_EXPECT_EQ_MSG(test, id >= 2 && id < counts[i] + 2,
						    !!hf_vm_find(id), "VM %d of %d", id, counts[i]);
			hf_vm_destroy_all();
		}
	}
	KUNIT_EXPECT_EQ_MSG(test, 0, fake_count(FAKE_RUN), "some releases hang");
}

static void walk_ends_at_the_first_gap(struct kunit *test)
{
	fake_be(FAKE_V2_6);
	let_exist(5, 0);
	fake->vms[4].exists = false;
	KUNIT_EXPECT_EQ(test, 0, hf_discover());
	expect_vm(test, 3, 3, "before it");
	expect_vm(test, 4, 0, "the gap");
	expect_vm(test, 5, 0, "behind it");
}

static void injection_tells_how_many_vcpus_a_vm_has(struct kunit *test)
{
	fake_be(FAKE_V2_9);
	let_exist(15, 0);
	KUNIT_EXPECT_EQ(test, 0, hf_discover());
	expect_vm(test, 2, 2, "walk");
	expect_vm(test, 3, 3, "walk");
	expect_vm(test, 16, 16, "walk");
}

static void vcpu_that_takes_the_interrupt_is_on(struct kunit *test)
{
	struct hf_vm *vm;
	int i;

	fake_be(FAKE_V2_9);
	let_exist(4, 0);
	fake->vms[5].vcpus[1].takes_interrupt[HF_MAILBOX_READABLE_INTID] = true;
	fake->vms[5].vcpus[4].takes_interrupt[HF_MAILBOX_READABLE_INTID] = true;
	KUNIT_ASSERT_EQ(test, 0, hf_discover());
	vm = hf_vm_find(5);
	KUNIT_ASSERT_NOT_NULL(test, vm);
	for (i = 0; i < 5; i++) {
		KUNIT_EXPECT_EQ_MSG(test, i == 2 || i == 3, vm->vcpus[i].off, "vCPU %d", i);
		KUNIT_EXPECT_EQ_MSG(test, i > 0,
				    fake->vms[5].vcpus[i].injected[HF_MAILBOX_READABLE_INTID],
				    "vCPU %d: the first one needs no question", i);
	}
}

static void vm_has_one_vcpu_where_injection_does_not_tell(struct kunit *test)
{
	fake_be(FAKE_V2_12);
	let_exist(3, 0);
	KUNIT_EXPECT_EQ(test, 0, hf_discover());
	expect_vm(test, 2, 1, "v2.12");
	expect_vm(test, 4, 1, "v2.12");
	KUNIT_ASSERT_NOT_NULL(test, hf_vm_find(4));
	KUNIT_EXPECT_EQ_MSG(test, HF_VCPUS_NAMED_MAX, (int)hf_vm_find(4)->max_vcpus,
			    "others may be named");
}

static void vm_with_more_vcpus_than_can_be_asked_of_is_asked_to_the_end(struct kunit *test)
{
	fake_be(FAKE_V2_6);
	let_exist(1, 0);
	fake->vms[2].nr_vcpus = FAKE_VCPUS;
	KUNIT_EXPECT_EQ(test, 0, hf_discover());
	expect_vm(test, 2, HF_VCPUS_NAMED_MAX, "walk");
}

/* --- what the RX page holds by then --- */

static void message_of_an_earlier_load_is_dropped(struct kunit *test)
{
	fake->rx_full = true;
	hf_mailbox_clear();
	KUNIT_EXPECT_FALSE(test, fake->rx_full);
}

static void nothing_to_drop_is_no_error(struct kunit *test)
{
	fake->lenient = true;
	hf_mailbox_clear();
	KUNIT_EXPECT_EQ(test, 1, fake_count(FAKE_RX_RELEASE));
	KUNIT_EXPECT_EQ_MSG(test, 0, fake_count(FAKE_RX_FULL), "v2.4 has no such call");
}

static void page_that_a_vm_filled_unseen_is_freed(struct kunit *test)
{
	char page[64] = { 0 };

	fake_be(FAKE_V2_8);
	fake_send_unseen(page, sizeof(page));
	hf_mailbox_clear();
	KUNIT_EXPECT_FALSE(test, fake->rx_full);
	KUNIT_EXPECT_FALSE(test, fake->rx_unseen);
}

/* VMs that waited for our mailbox are told, as soon as there is somebody to be told. */
static void waiters_of_an_earlier_load_are_told_after_the_first_exit(struct kunit *test)
{
	struct hf_vcpu *vcpu;
	struct hf_vm *other;

	fake->rx_full = true;
	fake->errors[FAKE_RX_RELEASE] = 1;
	fake->vms[HF_PRIMARY_VM_ID].waiters[0] = 3;
	hf_mailbox_clear();
	KUNIT_EXPECT_EQ(test, 0, fake_count(FAKE_WAITER_GET));
	vcpu = bed_vcpu(test, 2);
	other = bed_vm(test, 3, 1);
	bed_exit_by_hand(vcpu, HF_EXIT_WFI, 0, 0, 0);
	KUNIT_EXPECT_TRUE(test, bed_requested(&other->vcpus[0], HF_REQ_INTERRUPT));
	bed_exit_by_hand(vcpu, HF_EXIT_WFI, 0, 0, 0);
	KUNIT_EXPECT_EQ_MSG(test, 2, fake_count(FAKE_WAITER_GET), "that was all");
}

static struct kunit_case discover_cases[] = {
	KUNIT_CASE(walk_finds_each_vm_and_asks_of_one_more),
	KUNIT_CASE(walk_ends_at_the_first_gap),
	KUNIT_CASE(injection_tells_how_many_vcpus_a_vm_has),
	KUNIT_CASE(vcpu_that_takes_the_interrupt_is_on),
	KUNIT_CASE(vm_has_one_vcpu_where_injection_does_not_tell),
	KUNIT_CASE(vm_with_more_vcpus_than_can_be_asked_of_is_asked_to_the_end),
	KUNIT_CASE(message_of_an_earlier_load_is_dropped),
	KUNIT_CASE(nothing_to_drop_is_no_error),
	KUNIT_CASE(page_that_a_vm_filled_unseen_is_freed),
	KUNIT_CASE(waiters_of_an_earlier_load_are_told_after_the_first_exit),
	{}
};

static struct kunit_suite discover = {
	.name = "hafnium_discover",
	.init = bed_init,
	.exit = bed_exit,
	.test_cases = discover_cases,
};

kunit_test_suite(discover);
