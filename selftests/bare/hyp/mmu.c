// SPDX-License-Identifier: GPL-2.0
/*
 * Page tables; see mmu.h.
 *
 * One walker serves both stages: 4 KiB granule, root at level 1. Stage 2 has a
 * root of two concatenated pages, which gives 40 bits of address (QEMU's PCI
 * windows lie at 256 and 512 GiB). A table entry only ever becomes finer, never
 * coarser, and tables are not freed, so the pool is sized for the worst case at
 * boot. The lock of a stage 2 in use is its VM's.
 */
#include "mmu.h"

#include "arch.h"
#include "console.h"
#include "mem.h"
#include "spinlock.h"

#define ROOT_LEVEL	1
#define LEAF_LEVEL	3
#define ROOT_PAGES	2
#define TABLE_ENTRIES	512
#define ENTRY_SHIFT(l)	(PAGE_SHIFT + 9 * (LEAF_LEVEL - (l)))
#define ENTRY_SIZE(l)	(1UL << ENTRY_SHIFT(l))
#define ADDRESS_MASK	0x0000fffffffff000UL

#define PTE_VALID	(1UL << 0)
#define PTE_TABLE	(1UL << 1)	/* a table above level 3, a page at level 3 */
#define PTE_INNER	(3UL << 8)
#define PTE_AF		(1UL << 10)

#define S1_NORMAL	(0UL << 2)	/* index into MAIR_EL2 */
#define S1_DEVICE	(1UL << 2)
#define S1_RES1		(1UL << 6)	/* AP[1] */
#define S1_READ_ONLY	(1UL << 7)
#define S1_XN		(1UL << 54)
#define MAIR_VALUE	0x00ffUL	/* 0: write-back, 1: device-nGnRnE */

#define S2_NORMAL	(0xfUL << 2)
#define S2_READ		(1UL << 6)
#define S2_WRITE	(1UL << 7)

/* 39 bits, root at level 1, write-back inner shareable walks, 40 bits PA. */
#define TCR_VALUE	(25UL | 1UL << 8 | 1UL << 10 | 3UL << 12 | 2UL << 16 | \
			 1UL << 23 | 1UL << 31)
/* The same with 40 bits of IPA and the root at level 1. */
#define VTCR_VALUE	(24UL | 1UL << 6 | 1UL << 8 | 1UL << 10 | 3UL << 12 | \
			 2UL << 16 | 1UL << 31)

extern u8 _hyp_start[], _hyp_text_end[], _hyp_rodata_end[], _hyp_end[];

static struct {
	struct spinlock lock;
	u64 next;
	u64 end;
} pool;

static struct page_table el2_table;

void pool_init(u64 start, u64 end)
{
	/* The root of a stage 2 must be aligned to its size. */
	pool.next = (start + ROOT_PAGES * PAGE_SIZE - 1) & ~(ROOT_PAGES * PAGE_SIZE - 1UL);
	pool.end = end;
}

static u64 *pool_alloc(unsigned int pages)
{
	u64 page;

	spin_lock(&pool.lock);
	page = pool.next;
	pool.next += pages * PAGE_SIZE;
	if (pool.next > pool.end)
		panic("out of page tables");
	spin_unlock(&pool.lock);

	return memset((void *)page, 0, pages * PAGE_SIZE);
}

void page_table_init(struct page_table *pt, bool stage2)
{
	pt->root = pool_alloc(ROOT_PAGES);
	pt->stage2 = stage2;
}

static u64 attributes(const struct page_table *pt, enum prot prot)
{
	if (pt->stage2)
		return PTE_VALID | PTE_AF | PTE_INNER | S2_NORMAL | S2_READ |
		       (prot == PROT_RW ? S2_WRITE : 0);
	return PTE_VALID | PTE_AF | PTE_INNER | S1_RES1 |
	       (prot == PROT_DEVICE ? S1_DEVICE : S1_NORMAL) |
	       (prot == PROT_RO || prot == PROT_CODE ? S1_READ_ONLY : 0) |
	       (prot == PROT_CODE ? 0 : S1_XN);
}

static bool is_table(u64 entry, int level)
{
	return level < LEAF_LEVEL && (entry & PTE_VALID) && (entry & PTE_TABLE);
}

static u64 *table_of(u64 entry)
{
	return (u64 *)(entry & ADDRESS_MASK);
}

/* A table that maps what the block @entry maps, in smaller pieces. */
static u64 *split(u64 entry, int level)
{
	u64 *table = pool_alloc(1);
	u64 leaf = level + 1 == LEAF_LEVEL ? PTE_TABLE : 0;

	if (entry & PTE_VALID) {
		for (u64 i = 0; i < TABLE_ENTRIES; i++)
			table[i] = (entry + i * ENTRY_SIZE(level + 1)) | leaf;
	}
	return table;
}

static u64 index_of(u64 address, int level)
{
	u64 mask = level == ROOT_LEVEL ? ROOT_PAGES * TABLE_ENTRIES - 1 : TABLE_ENTRIES - 1;

	return address >> ENTRY_SHIFT(level) & mask;
}

void page_table_map(struct page_table *pt, u64 start, u64 end, enum prot prot)
{
	u64 address = start;

	while (address < end) {
		u64 *entry = &pt->root[index_of(address, ROOT_LEVEL)];
		int level = ROOT_LEVEL;

		while (level < LEAF_LEVEL && (is_table(*entry, level) ||
		       address % ENTRY_SIZE(level) || end - address < ENTRY_SIZE(level))) {
			if (!is_table(*entry, level))
				*entry = (u64)split(*entry, level) | PTE_TABLE | PTE_VALID;
			level++;
			entry = &table_of(*entry)[index_of(address, level)];
		}
		*entry = address | attributes(pt, prot) | (level == LEAF_LEVEL ? PTE_TABLE : 0);
		address += ENTRY_SIZE(level);
	}
}

/* Replaces a live entry as the architecture wants it: break, invalidate, make. */
static void replace(u64 *entry, u64 value)
{
	*(volatile u64 *)entry = 0;
	dsb(ishst);
	tlbi(vmalls12e1is);
	dsb(ish);
	*(volatile u64 *)entry = value;
	dsb(ishst);
	isb();
}

void stage2_protect(struct page_table *pt, u64 ipa, enum prot prot)
{
	u64 *entry = &pt->root[index_of(ipa, ROOT_LEVEL)];

	for (int level = ROOT_LEVEL; level < LEAF_LEVEL; level++) {
		if (!is_table(*entry, level)) {
			u64 *table = split(*entry, level);

			dsb(ishst);
			replace(entry, (u64)table | PTE_TABLE | PTE_VALID);
		}
		entry = &table_of(*entry)[index_of(ipa, level + 1)];
	}
	replace(entry, ipa | attributes(pt, prot) | PTE_TABLE);
}

/* The entry that maps @ipa, 0 if there is none. */
static u64 lookup(const struct page_table *pt, u64 ipa)
{
	int level = ROOT_LEVEL;
	u64 entry;

	if (ipa >> ENTRY_SHIFT(ROOT_LEVEL) >= ROOT_PAGES * TABLE_ENTRIES)
		return 0;
	entry = pt->root[index_of(ipa, level)];
	while (is_table(entry, level)) {
		level++;
		entry = table_of(entry)[index_of(ipa, level)];
	}
	return entry & PTE_VALID ? entry : 0;
}

bool stage2_allows(const struct page_table *pt, u64 ipa, bool write)
{
	return lookup(pt, ipa) & (write ? S2_WRITE : S2_READ);
}

u64 stage2_vttbr(const struct page_table *pt, u16 vmid)
{
	return (u64)vmid << 48 | (u64)pt->root;
}

void mmu_init(u64 ram_start, u64 ram_end)
{
	const u64 hyp = (u64)_hyp_start;

	page_table_init(&el2_table, false);
	page_table_map(&el2_table, UART_BASE, UART_BASE + PAGE_SIZE, PROT_DEVICE);
	page_table_map(&el2_table, ram_start, hyp, PROT_RW);
	page_table_map(&el2_table, hyp, (u64)_hyp_text_end, PROT_CODE);
	page_table_map(&el2_table, (u64)_hyp_text_end, (u64)_hyp_rodata_end, PROT_RO);
	page_table_map(&el2_table, (u64)_hyp_rodata_end, ram_end, PROT_RW);
	dsb(sy);
}

void mmu_on(void)
{
	write_sysreg(mair_el2, MAIR_VALUE);
	write_sysreg(tcr_el2, TCR_VALUE);
	write_sysreg(ttbr0_el2, el2_table.root);
	write_sysreg(vtcr_el2, VTCR_VALUE);
	isb();
	tlbi(alle2);
	tlbi(alle1);
	asm volatile("ic iallu" : : : "memory");
	dsb(sy);
	isb();
	write_sysreg(sctlr_el2, SCTLR_EL2_ON);
	isb();
}
