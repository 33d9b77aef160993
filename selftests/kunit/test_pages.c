// SPDX-License-Identifier: GPL-2.0-only
/*
 * Suite: the life of the RX and TX pages, and of the set of VMs.
 *
 * These tests begin without pages: bed.c's are given back first.
 */
#include <linux/io.h>
#include <linux/slab.h>

#include "../../hf_pages.h"
#include "bed.h"

/* What hf_ffa.c can return, for any call. */
static const int errors[] = { -EOPNOTSUPP, -EINVAL, -ENOMEM, -EACCES, -EIO, -EBUSY, -EAGAIN };

static void mapped_pages_are_two_and_the_same_each_time(struct kunit *test)
{
	phys_addr_t tx = fake->tx, rx = fake->rx;

	KUNIT_EXPECT_NE(test, fake->tx, fake->rx);
	KUNIT_EXPECT_TRUE(test, PAGE_ALIGNED(fake->tx));
	KUNIT_EXPECT_TRUE(test, PAGE_ALIGNED(fake->rx));
	KUNIT_EXPECT_PTR_EQ(test, phys_to_virt(fake->tx), hf_pages_tx());
	KUNIT_EXPECT_PTR_EQ(test, (const void *)phys_to_virt(fake->rx), hf_pages_rx());
	hf_pages_exit();
	KUNIT_EXPECT_EQ(test, 0, hf_pages_init());
	KUNIT_EXPECT_EQ(test, tx, fake->tx);
	KUNIT_EXPECT_EQ(test, rx, fake->rx);
}

static void each_error_of_the_mapping_is_returned(struct kunit *test)
{
	int i;

	hf_pages_exit();
	fake->fail_for_good = true;
	for (i = 0; i < ARRAY_SIZE(errors); i++) {
		fake->errors[FAKE_RXTX_MAP] = errors[i];
		KUNIT_EXPECT_EQ(test, errors[i], hf_pages_init());
		KUNIT_EXPECT_NULL(test, hf_pages_tx());
		KUNIT_EXPECT_NULL(test, hf_pages_rx());
	}
	fake->errors[FAKE_RXTX_MAP] = 0;
	KUNIT_EXPECT_EQ_MSG(test, 0, hf_pages_init(), "the next try works");
}

/* Of a kernel that crashed, say. */
static void pages_that_are_mapped_already_are_unmapped_first(struct kunit *test)
{
	int unmapped = fake_count(FAKE_RXTX_UNMAP);

	fake->errors[FAKE_RXTX_UNMAP] = -EIO;
	hf_pages_exit();
	KUNIT_EXPECT_TRUE(test, fake->mapped);
	KUNIT_EXPECT_EQ(test, 0, hf_pages_init());
	KUNIT_EXPECT_EQ(test, unmapped + 2, fake_count(FAKE_RXTX_UNMAP));
}

static void pages_that_cannot_be_unmapped_are_never_freed(struct kunit *test)
{
	phys_addr_t tx = fake->tx;
	int i;

	fake->fail_for_good = true;
	for (i = 0; i < ARRAY_SIZE(errors); i++) {
		fake->errors[FAKE_RXTX_UNMAP] = errors[i];
		hf_pages_exit();
		KUNIT_EXPECT_EQ(test, 1, page_count(phys_to_page(tx)));
		KUNIT_EXPECT_EQ_MSG(test, -EBUSY, hf_pages_init(), "EL2 takes no second pair");
		KUNIT_EXPECT_NULL(test, hf_pages_tx());
	}
	fake->errors[FAKE_RXTX_UNMAP] = 0;
	KUNIT_EXPECT_EQ(test, 0, hf_pages_init());
}

static void pages_are_unmapped_once(struct kunit *test)
{
	int unmapped = fake_count(FAKE_RXTX_UNMAP);

	hf_pages_exit();
	hf_pages_exit();
	KUNIT_EXPECT_EQ(test, unmapped + 1, fake_count(FAKE_RXTX_UNMAP));
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
	int id;

	for (id = 2; id <= 5; id++)
		bed_vm(test, id, 1);
	KUNIT_EXPECT_FALSE(test, hf_vm_owned_by_current(hf_vm_find(2)));
	/* This thread is root's, user and group 0. */
	KUNIT_EXPECT_EQ(test, 0, hf_vm_set_owner(2, KUIDT_INIT(1), KGIDT_INIT(1)));
	KUNIT_EXPECT_FALSE(test, hf_vm_owned_by_current(hf_vm_find(2)));
	KUNIT_EXPECT_EQ(test, 0, hf_vm_set_owner(3, GLOBAL_ROOT_UID, INVALID_GID));
	KUNIT_EXPECT_TRUE(test, hf_vm_owned_by_current(hf_vm_find(3)));
	KUNIT_EXPECT_EQ(test, 0, hf_vm_set_owner(4, INVALID_UID, GLOBAL_ROOT_GID));
	KUNIT_EXPECT_TRUE(test, hf_vm_owned_by_current(hf_vm_find(4)));
	KUNIT_EXPECT_EQ(test, 0, hf_vm_set_owner(5, INVALID_UID, INVALID_GID));
	KUNIT_EXPECT_FALSE(test, hf_vm_owned_by_current(hf_vm_find(5)));
	for (id = 2; id <= 4; id++)
		KUNIT_EXPECT_EQ(test, -EEXIST, hf_vm_set_owner(id, INVALID_UID, INVALID_GID));
	KUNIT_EXPECT_EQ(test, -ENODEV, hf_vm_set_owner(6, GLOBAL_ROOT_UID, GLOBAL_ROOT_GID));
}

static struct kunit_case pages_cases[] = {
	KUNIT_CASE(mapped_pages_are_two_and_the_same_each_time),
	KUNIT_CASE(each_error_of_the_mapping_is_returned),
	KUNIT_CASE(pages_that_are_mapped_already_are_unmapped_first),
	KUNIT_CASE(pages_that_cannot_be_unmapped_are_never_freed),
	KUNIT_CASE(pages_are_unmapped_once),
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
