/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Page tables: stage 1 of EL2 (identity, built once at boot) and stage 2 of
 * every VM (identity too: IPA = PA). All memory is Normal write-back inner
 * shareable for EL2 and the guests alike, so both see the same bytes.
 */
#ifndef HYP_MMU_H
#define HYP_MMU_H

#include "types.h"

/* Root and number of its entries (1 GiB each); tables are never freed. */
struct page_table {
	u64 *root;
	bool stage2;
};

enum prot {
	PROT_RW,	/* stage 2: and executable */
	PROT_RO,
	PROT_CODE,	/* stage 1: read and execute */
	PROT_DEVICE,	/* stage 1 only */
};

/* Memory for page tables, before anything is mapped. Zeroed on allocation. */
void pool_init(u64 start, u64 end);

void page_table_init(struct page_table *pt, bool stage2);

/* [start, end) is page aligned. For tables that no CPU walks yet. */
void page_table_map(struct page_table *pt, u64 start, u64 end, enum prot prot);

/*
 * Changes one page of a stage 2 that is in use. Must run on a CPU that has
 * this stage 2 loaded; concurrent accesses by other CPUs may fault meanwhile
 * and have to be retried (stage2_allows() under the same VM lock).
 */
void stage2_protect(struct page_table *pt, u64 ipa, enum prot prot);

/* The page is mapped, or mapped writable. */
bool stage2_allows(const struct page_table *pt, u64 ipa, bool write);

/* VTTBR_EL2 for this stage 2. */
u64 stage2_vttbr(const struct page_table *pt, u16 vmid);

/* EL2's own address space; mmu_on() on every CPU. */
void mmu_init(u64 ram_start, u64 ram_end);
void mmu_on(void);

#endif
