// SPDX-License-Identifier: GPL-2.0-only
/*
 * Suite: the life of the RX and TX pages, and the VMs that they tell of.
 *
 * These tests begin without pages: bed.c's are given back first.
 */
#include <linux/io.h>
#include <linux/slab.h>

#include "../../hf_pages.h"
#include "bed.h"

/* What hf_ffa.c can return, for any call. */
static const int errors[] = { -EOPNOTSUPP, -EINVAL, -ENOMEM, -EACCES, -EIO, -EBUSY, -EAGAIN };

static void mapped_pages_are_two_and_free_of_data(struct kunit *test)
{
	KUNIT_EXPECT_NE(test, fake->tx, fake->rx);
	KUNIT_EXPECT_TRUE(test, PAGE_ALIGNED(fake->tx));
	KUNIT_EXPECT_TRUE(test, PAGE_ALIGNED(fake->rx));
	KUNIT_EXPECT_PTR_EQ(test, phys_to_virt(fake->tx), hf_pages_tx());
	KUNIT_EXPECT_PTR_EQ(test, (const void *)phys_to_virt(fake->rx), hf_pages_rx());
	KUNIT_EXPECT_NULL(test, memchr_inv(hf_pages_tx(), 0, PAGE_SIZE));
	KUNIT_EXPECT_NULL(test, memchr_inv(hf_pages_rx(), 0, PAGE_SIZE));
}

static void each_error_of_the_mapping_is_returned(struct kunit *test)
{
	int i;

	hf_pages_exit();
	for (i = 0; i < ARRAY_SIZE(errors); i++) {
		fake->errors[FAKE_RXTX_MAP] = errors[i];
		KUNIT_EXPECT_EQ(test, errors[i], hf_pages_init(0, 0));
		KUNIT_EXPECT_NULL(test, hf_pages_tx());
		KUNIT_EXPECT_NULL(test, hf_pages_rx());
	}
	KUNIT_EXPECT_EQ_MSG(test, 0, hf_pages_init(0, 0), "the next try works");
}

/* An unload that could not unmap; returns with the pages still EL2's. */
static void unload_without_unmap(phys_addr_t *tx, phys_addr_t *rx, int err)
{
	*tx = fake->tx;
	*rx = fake->rx;
	fake->errors[FAKE_RXTX_UNMAP] = err;
	hf_pages_exit();
}

static void pages_that_stay_with_el2_are_never_freed(struct kunit *test)
{
	phys_addr_t tx, rx;
	int i;

	for (i = 0; i < ARRAY_SIZE(errors); i++) {
		unload_without_unmap(&tx, &rx, errors[i]);
		KUNIT_EXPECT_EQ(test, 1, page_count(phys_to_page(tx)));
		KUNIT_EXPECT_EQ(test, 1, page_count(phys_to_page(rx)));
		fake->errors[FAKE_RXTX_MAP] = -EBUSY;
		fake->mapped = false;
		KUNIT_EXPECT_EQ_MSG(test, 0, hf_pages_init(tx, rx), "the next load adopts them");
		KUNIT_EXPECT_PTR_EQ(test, phys_to_virt(tx), hf_pages_tx());
		KUNIT_EXPECT_PTR_EQ(test, (const void *)phys_to_virt(rx), hf_pages_rx());
		fake->mapped = true;
	}
}

static void adopted_pages_lose_their_signature(struct kunit *test)
{
	phys_addr_t tx, rx;

	unload_without_unmap(&tx, &rx, -EOPNOTSUPP);
	fake->mapped = false;
	KUNIT_EXPECT_EQ(test, 0, hf_pages_init(tx, rx));
	KUNIT_EXPECT_NULL(test, memchr_inv(hf_pages_tx(), 0, 64));
	hf_pages_exit();
	KUNIT_EXPECT_EQ_MSG(test, -EINVAL, hf_pages_init(tx, rx), "freed pages are not adopted");
	KUNIT_EXPECT_EQ(test, 0, hf_pages_init(0, 0));
}

static void pages_of_others_are_not_adopted(struct kunit *test)
{
	phys_addr_t tx, rx;

	unload_without_unmap(&tx, &rx, -EOPNOTSUPP);
	fake->mapped = false;
	KUNIT_EXPECT_EQ(test, -EINVAL, hf_pages_init(rx, tx));
	KUNIT_EXPECT_EQ(test, -EINVAL, hf_pages_init(tx, tx));
	KUNIT_EXPECT_EQ(test, -EINVAL, hf_pages_init(tx, rx + PAGE_SIZE));
	KUNIT_EXPECT_EQ(test, -EINVAL, hf_pages_init(PAGE_SIZE, 2 * PAGE_SIZE));
	KUNIT_EXPECT_EQ(test, -EINVAL, hf_pages_init(1ULL << 47, (1ULL << 47) + PAGE_SIZE));
	KUNIT_EXPECT_EQ(test, 1, fake_count(FAKE_RXTX_MAP));

	((char *)phys_to_virt(tx))[0] ^= 1;
	KUNIT_EXPECT_EQ(test, -EINVAL, hf_pages_init(tx, rx));
	((char *)phys_to_virt(tx))[0] ^= 1;
	KUNIT_EXPECT_EQ(test, 0, hf_pages_init(tx, rx));
}

static void error_other_than_mapped_already_refuses_the_adoption(struct kunit *test)
{
	phys_addr_t tx, rx;
	int i;

	unload_without_unmap(&tx, &rx, -EOPNOTSUPP);
	fake->mapped = false;
	for (i = 0; i < ARRAY_SIZE(errors); i++) {
		if (errors[i] == -EBUSY)
			continue;
		fake->errors[FAKE_RXTX_MAP] = errors[i];
		KUNIT_EXPECT_EQ(test, errors[i], hf_pages_init(tx, rx));
		KUNIT_EXPECT_EQ(test, 1, page_count(phys_to_page(tx)));
	}
	KUNIT_EXPECT_EQ_MSG(test, 0, hf_pages_init(tx, rx), "they can still be adopted");
}

/* What hypervisors tell; each descriptor is @size bytes, the first four are id and vCPUs. */
static const struct {
	const char *what;
	u32 size, named, count;
	u16 ids[5], vcpus[5];
	int err;
	u16 vcpus_of_2, vcpus_of_3;
} lists[] = {
	{ "v1.0", 8, 0, 3, { 1, 2, 3 }, { 4, 1, 2 }, 0, 1, 2 },
	{ "v1.0, named", 8, 8, 2, { 1, 2 }, { 4, 1 }, 0, 1, 0 },
	{ "v1.1", 24, 24, 3, { 1, 2, 3 }, { 4, 1, 8 }, 0, 1, 8 },
	{ "v1.1, size not named", 24, 0, 2, { 2, 1 }, { 3, 1 }, 0, 3, 0 },
	{ "v1.1, wrong size named", 24, 7, 2, { 2, 1 }, { 3, 1 }, 0, 3, 0 },
	{ "later and longer", 32, 32, 2, { 1, 2 }, { 1, 5 }, 0, 5, 0 },
	{ "secure partition and twice the same", 8, 8, 5, { 1, 0x8001, 2, 2, 0xffff },
	  { 1, 1, 2, 2, 1 }, 0, 2, 0 },
	{ "only the primary", 8, 0, 1, { 1 }, { 1 }, 0, 0, 0 },
	{ "empty", 8, 0, 0, { 0 }, { 0 }, -EPROTO, 0, 0 },
	{ "without the primary", 8, 8, 2, { 2, 3 }, { 1, 1 }, -EPROTO, 0, 0 },
	{ "a VM without vCPUs", 8, 8, 2, { 1, 2 }, { 1, 0 }, -EPROTO, 0, 0 },
	{ "a VM 0", 8, 8, 2, { 1, 0 }, { 1, 1 }, -EPROTO, 0, 0 },
	{ "more than the page holds", 8, 8, 513, { 1 }, { 1 }, -EPROTO, 0, 0 },
	{ "count of all bits", 8, 0, 0xffff, { 1 }, { 1 }, -EPROTO, 0, 0 },
	{ "size of all bits", 8, U32_MAX, 2, { 1, 2 }, { 1, 1 }, 0, 1, 0 },
	{ "size that overflows", 8, 0x80000000, 2, { 1, 2 }, { 1, 1 }, 0, 1, 0 },
};

/* Let the fake tell list @i. */
static void tell(int i)
{
	static u8 descs[5 * 32];
	int j;

	memset(descs, 0, sizeof(descs));
	for (j = 0; j < 5; j++) {
		struct hf_partition_desc *desc = (void *)descs + lists[i].size * j;

		/* Longer ones have a UUID, which must not be taken for anything. */
		memset(desc, lists[i].size > 8 ? 0x5a : 0, lists[i].size);
		desc->id = cpu_to_le16(lists[i].ids[j]);
		desc->vcpu_count = cpu_to_le16(lists[i].vcpus[j]);
	}
	fake->descs = descs;
	fake->descs_len = min(lists[i].count, 5U) * lists[i].size;
	fake->desc_size = lists[i].named;
	fake->desc_count = lists[i].count;
}

static void expect_vm(struct kunit *test, u16 id, u16 nr_vcpus, const char *what)
{
	struct hf_vm *vm = hf_vm_find(id);

	KUNIT_EXPECT_EQ_MSG(test, nr_vcpus, vm ? vm->nr_vcpus : 0, "%s: VM %d", what, id);
}

static void lists_of_every_form_create_their_vms(struct kunit *test)
{
	int i;

	for (i = 0; i < ARRAY_SIZE(lists); i++) {
		tell(i);
		hf_ffa_features.desc_size = 0;
		memset(phys_to_virt(fake->rx), 0, HF_MAILBOX_SIZE);

		KUNIT_EXPECT_EQ_MSG(test, lists[i].err, hf_pages_discover(), "%s", lists[i].what);
		KUNIT_EXPECT_EQ_MSG(test, lists[i].err ? 0U : lists[i].size,
				    (u32)hf_ffa_features.desc_size, "%s", lists[i].what);
		KUNIT_EXPECT_FALSE_MSG(test, fake->rx_full, "%s: RX page kept", lists[i].what);
		expect_vm(test, 1, 0, lists[i].what);
		expect_vm(test, 2, lists[i].vcpus_of_2, lists[i].what);
		expect_vm(test, 3, lists[i].vcpus_of_3, lists[i].what);
		expect_vm(test, 0x8001, 0, lists[i].what);
		hf_vm_destroy_all();
	}
}

static void each_error_of_the_list_is_returned(struct kunit *test)
{
	int i;

	for (i = 0; i < ARRAY_SIZE(errors); i++) {
		fake->lenient = true;
		fake->fail_for_good = true;
		fake->errors[FAKE_PARTITION_INFO_GET] = errors[i];
		KUNIT_EXPECT_EQ(test, errors[i], hf_pages_discover());
	}
	KUNIT_EXPECT_NULL(test, hf_vm_find(2));
}

static void message_of_an_earlier_load_does_not_hide_the_list(struct kunit *test)
{
	tell(0);
	fake->rx_full = true;
	fake->errors[FAKE_PARTITION_INFO_GET] = -EAGAIN;
	KUNIT_EXPECT_EQ(test, 0, hf_pages_discover());
	expect_vm(test, 3, 2, "after a release");
	KUNIT_EXPECT_EQ(test, 2, fake_count(FAKE_RX_RELEASE));
}

static void id_that_is_taken_creates_nothing(struct kunit *test)
{
	struct hf_vm *vm = bed_vm(test, 2, 1);

	KUNIT_EXPECT_EQ(test, -EEXIST, hf_vm_create(2, 3));
	KUNIT_EXPECT_PTR_EQ(test, vm, hf_vm_find(2));
	KUNIT_EXPECT_EQ(test, 1, (int)vm->nr_vcpus);
}

static void vms_are_found_by_their_id_only(struct kunit *test)
{
	struct hf_vm *far, *near = bed_vm(test, 2, 1);

	KUNIT_ASSERT_EQ(test, 0, hf_vm_create(0xfffe, 1));
	far = hf_vm_find(0xfffe);
	KUNIT_EXPECT_EQ(test, (u16)0xfffe, far->id);
	KUNIT_EXPECT_PTR_EQ(test, near, hf_vm_find(2));
	KUNIT_EXPECT_NULL(test, hf_vm_find(0));
	KUNIT_EXPECT_NULL(test, hf_vm_find(1));
	KUNIT_EXPECT_NULL(test, hf_vm_find(3));
	KUNIT_EXPECT_NULL(test, hf_vm_find(0xffff));
	hf_vm_destroy_all();
	KUNIT_EXPECT_NULL(test, hf_vm_find(2));
}

static void vm_belongs_to_nobody_until_it_is_given_an_owner(struct kunit *test)
{
	struct hf_vm *vm = bed_vm(test, 2, 1);

	KUNIT_EXPECT_FALSE(test, hf_vm_owned_by_current(vm));
	/* This thread is root's, user and group 0. */
	KUNIT_EXPECT_EQ(test, 0, hf_vm_set_owner(2, KUIDT_INIT(1), KGIDT_INIT(1)));
	KUNIT_EXPECT_FALSE(test, hf_vm_owned_by_current(vm));
	KUNIT_EXPECT_EQ(test, 0, hf_vm_set_owner(2, GLOBAL_ROOT_UID, INVALID_GID));
	KUNIT_EXPECT_TRUE(test, hf_vm_owned_by_current(vm));
	KUNIT_EXPECT_EQ(test, 0, hf_vm_set_owner(2, INVALID_UID, GLOBAL_ROOT_GID));
	KUNIT_EXPECT_TRUE(test, hf_vm_owned_by_current(vm));
	KUNIT_EXPECT_EQ(test, 0, hf_vm_set_owner(2, INVALID_UID, INVALID_GID));
	KUNIT_EXPECT_FALSE(test, hf_vm_owned_by_current(vm));
	KUNIT_EXPECT_EQ(test, -ENODEV, hf_vm_set_owner(3, GLOBAL_ROOT_UID, GLOBAL_ROOT_GID));
}

static struct kunit_case pages_cases[] = {
	KUNIT_CASE(mapped_pages_are_two_and_free_of_data),
	KUNIT_CASE(each_error_of_the_mapping_is_returned),
	KUNIT_CASE(pages_that_stay_with_el2_are_never_freed),
	KUNIT_CASE(adopted_pages_lose_their_signature),
	KUNIT_CASE(pages_of_others_are_not_adopted),
	KUNIT_CASE(error_other_than_mapped_already_refuses_the_adoption),
	KUNIT_CASE(lists_of_every_form_create_their_vms),
	KUNIT_CASE(each_error_of_the_list_is_returned),
	KUNIT_CASE(message_of_an_earlier_load_does_not_hide_the_list),
	KUNIT_CASE(id_that_is_taken_creates_nothing),
	KUNIT_CASE(vms_are_found_by_their_id_only),
	KUNIT_CASE(vm_belongs_to_nobody_until_it_is_given_an_owner),
	{}
};

static struct kunit_suite pages = {
	.name = "hafnium_pages",
	.init = bed_init,
	.exit = bed_exit,
	.test_cases = pages_cases,
};

kunit_test_suite(pages);
