// SPDX-License-Identifier: GPL-2.0-only
/*
 * Suite: which VMs there are, as each release of the hypervisor can be asked.
 *
 * The fake says so if a question is asked that some release answers by dying.
 */
#include <linux/io.h>

#include "../../hf_discover.h"
#include "bed.h"

/* What hf_ffa.c can return, for any call. */
static const int errors[] = { -EOPNOTSUPP, -EINVAL, -ENOMEM, -EACCES, -EIO, -EBUSY, -EAGAIN };

static void expect_vm(struct kunit *test, u16 id, u16 nr_vcpus, const char *what)
{
	struct hf_vm *vm = hf_vm_find(id);

	KUNIT_EXPECT_EQ_MSG(test, nr_vcpus, vm ? vm->nr_vcpus : 0, "%s: VM %d", what, id);
}

/* --- FF-A 1.0: a list --- */

/* What FFA_PARTITION_INFO_GET tells. */
static const struct {
	const char *what;
	u32 count;
	u16 ids[5], vcpus[5];
	int err;
	u16 vcpus_of_2, vcpus_of_3;
} lists[] = {
	{ "as it should be", 3, { 1, 2, 3 }, { 4, 1, 2 }, 0, 1, 2 },
	{ "in another order", 3, { 3, 2, 1 }, { 8, 3, 1 }, 0, 3, 8 },
	{ "secure partition and twice the same", 5, { 1, 0x8001, 2, 2, 0xffff },
	  { 1, 1, 2, 2, 1 }, 0, 2, 0 },
	{ "only the primary", 1, { 1 }, { 1 }, 0, 0, 0 },
	{ "without the primary", 2, { 2, 3 }, { 1, 1 }, 0, 1, 1 },
	{ "empty", 0, { 0 }, { 0 }, 0, 0, 0 },
	{ "the most vCPUs", 2, { 1, 2 }, { 1, HF_VM_VCPUS_MAX }, 0, HF_VM_VCPUS_MAX, 0 },
	{ "too many vCPUs", 2, { 1, 2 }, { 1, HF_VM_VCPUS_MAX + 1 }, -EPROTO, 0, 0 },
	{ "a VM without vCPUs", 3, { 1, 2, 3 }, { 1, 1, 0 }, -EPROTO, 1, 0 },
	{ "a VM 0", 2, { 1, 0 }, { 1, 1 }, -EPROTO, 0, 0 },
	{ "more than the page holds", 513, { 1, 2 }, { 1, 1 }, -EPROTO, 0, 0 },
	{ "count of all bits", 0xffff, { 1, 2 }, { 1, 1 }, -EPROTO, 0, 0 },
};

/* Let the fake tell list @i. */
static void tell(int i)
{
	static struct hf_partition_desc descs[5];
	int j;

	for (j = 0; j < ARRAY_SIZE(descs); j++) {
		descs[j].id = cpu_to_le16(lists[i].ids[j]);
		descs[j].vcpu_count = cpu_to_le16(lists[i].vcpus[j]);
		descs[j].properties = cpu_to_le32(0x5a5a5a5a);
	}
	fake->descs = descs;
	fake->descs_len = min(lists[i].count, 5U) * sizeof(*descs);
	fake->desc_count = lists[i].count;
}

static void lists_of_every_kind_create_their_vms(struct kunit *test)
{
	int i;

	for (i = 0; i < ARRAY_SIZE(lists); i++) {
		tell(i);
		memset(phys_to_virt(fake->rx), 0, HF_MAILBOX_SIZE);
		KUNIT_EXPECT_EQ_MSG(test, lists[i].err, hf_discover(), "%s", lists[i].what);
		KUNIT_EXPECT_FALSE_MSG(test, fake->rx_full, "%s: RX page kept", lists[i].what);
		expect_vm(test, 1, 0, lists[i].what);
		expect_vm(test, 2, lists[i].vcpus_of_2, lists[i].what);
		expect_vm(test, 3, lists[i].vcpus_of_3, lists[i].what);
		expect_vm(test, 0x8001, 0, lists[i].what);
		hf_vm_destroy_all();
	}
	KUNIT_EXPECT_EQ_MSG(test, 0, fake_count(FAKE_INJECT), "the list tells of vCPUs");
}

static void list_with_as_many_vms_as_a_page_holds_creates_all(struct kunit *test)
{
	struct hf_partition_desc *descs = kunit_kzalloc(test, HF_MAILBOX_SIZE, GFP_KERNEL);
	int count = HF_MAILBOX_SIZE / sizeof(*descs), i;

	KUNIT_ASSERT_NOT_NULL(test, descs);
	/* Most of them in the secure world: each of ours costs a thread. */
	for (i = 0; i < count; i++) {
		descs[i].id = cpu_to_le16(i < 15 ? i + 1 : 0x8000 + i);
		descs[i].vcpu_count = cpu_to_le16(1);
	}
	descs[count - 1].id = cpu_to_le16(0x7fff);
	fake->descs = descs;
	fake->descs_len = HF_MAILBOX_SIZE;
	fake->desc_count = count;
	KUNIT_EXPECT_EQ(test, 0, hf_discover());
	expect_vm(test, 15, 1, "the last small one");
	expect_vm(test, 0x7fff, 1, "the last of the page");
	expect_vm(test, 0x8010, 0, "secure");
}

static void vcpus_of_a_list_are_off_but_for_the_first(struct kunit *test)
{
	struct hf_vm *vm;
	int i;

	tell(1);
	KUNIT_ASSERT_EQ(test, 0, hf_discover());
	vm = hf_vm_find(3);
	KUNIT_ASSERT_NOT_NULL(test, vm);
	for (i = 0; i < 8; i++)
		KUNIT_EXPECT_EQ(test, i > 0, vm->vcpus[i].off);
}

static void each_error_of_the_list_is_returned(struct kunit *test)
{
	int i;

	for (i = 0; i < ARRAY_SIZE(errors); i++) {
		fake->errors[FAKE_PARTITION_INFO_GET] = errors[i];
		KUNIT_EXPECT_EQ(test, errors[i], hf_discover());
	}
	KUNIT_EXPECT_NULL(test, hf_vm_find(2));
	KUNIT_EXPECT_EQ_MSG(test, 0, fake_count(FAKE_RX_RELEASE), "nothing was written");
}

/* --- later: one VM after the other --- */

static const enum fake_release releases[] = { FAKE_V2_6, FAKE_V2_8, FAKE_V2_9, FAKE_V2_12,
					      FAKE_V2_14 };

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
	KUNIT_EXPECT_EQ_MSG(test, 0, fake_count(FAKE_PARTITION_INFO_GET), "some releases panic");
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

/* --- before either --- */

static void message_of_an_earlier_load_is_dropped(struct kunit *test)
{
	tell(0);
	fake->rx_full = true;
	hf_mailbox_clear();
	KUNIT_EXPECT_FALSE(test, fake->rx_full);
	KUNIT_EXPECT_EQ(test, 0, hf_discover());
	expect_vm(test, 3, 2, "after a release");
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
	KUNIT_CASE(lists_of_every_kind_create_their_vms),
	KUNIT_CASE(list_with_as_many_vms_as_a_page_holds_creates_all),
	KUNIT_CASE(vcpus_of_a_list_are_off_but_for_the_first),
	KUNIT_CASE(each_error_of_the_list_is_returned),
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
