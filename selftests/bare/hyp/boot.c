// SPDX-License-Identifier: GPL-2.0
/*
 * From QEMU's device tree and the bundle to running VMs.
 *
 * boot_main() runs once, on CPU 0; the other CPUs come through cpu_main() each
 * time the primary switches them on. Memory from the top of RAM downwards: page
 * tables, then the secondaries in the order of the manifest; the primary gets
 * the rest above the hypervisor, the bundle and the device tree included. The
 * device tree is patched in place: where memory is and where the initrd lies.
 */
#include "bundle.h"
#include "console.h"
#include "fdt.h"
#include "level.h"
#include "mem.h"
#include "psci.h"
#include "run.h"

#define DEFAULT_LEVEL		"2.7"
#define HYP_LIMIT		0x40200000UL	/* hyp.lds keeps below it */
#define DEVICES_END		0x40000000UL
#define PCI_START		0x4000000000UL	/* high ECAM and windows */
#define PCI_END			0x10000000000UL
#define BLOCK			0x200000UL
/* One table for each 2 MiB that may be split, and the fixed ones. */
#define POOL_SIZE(ram)		((ram) / (BLOCK / PAGE_SIZE) + BLOCK)

#define IMAGE_MAGIC		0x644d5241	/* "ARM\x64" */
#define IMAGE_MAGIC_OFFSET	56
#define IMAGE_SIZE_OFFSET	16

struct machine {
	u8 *fdt;
	u64 ram_start;
	u64 ram_end;
	u64 free_end;		/* RAM above belongs to the hypervisor or a VM */
	u16 cpus;
	struct file bundle;
	const u8 *manifest;
	int hypervisor;		/* node of the manifest */
};

void boot_main(u8 *fdt) __attribute__((noreturn));
void cpu_main(void) __attribute__((noreturn));

static int machine_node(const struct machine *m, const char *name)
{
	int node = fdt_child(m->fdt, fdt_root(m->fdt), name);

	if (node < 0)
		panic("no /%s in the device tree", name);
	return node;
}

/* QEMU describes its RAM by one pair of 64-bit numbers. */
static u8 *memory_reg(const struct machine *m)
{
	u32 len;
	u8 *reg = fdt_property(m->fdt, machine_node(m, "memory"), "reg", &len);

	if (!reg || len != 16)
		panic("/memory is not one range");
	return reg;
}

static u16 count_cpus(const struct machine *m)
{
	int node = fdt_first_child(m->fdt, machine_node(m, "cpus"));
	u16 count = 0;

	for (; node >= 0; node = fdt_next_sibling(m->fdt, node)) {
		if (!strncmp(fdt_name(m->fdt, node), "cpu@", 4))
			count++;
	}
	if (count > CPUS_MAX)
		panic("%u CPUs, at most %u", count, CPUS_MAX);
	return count;
}

static void read_machine(struct machine *m, u8 *fdt)
{
	int chosen;
	u64 start;
	u64 end;

	if (!fdt_valid(fdt))
		panic("no device tree at %p", fdt);
	m->fdt = fdt;
	m->ram_start = fdt_read(memory_reg(m), 8);
	m->ram_end = m->ram_start + fdt_read(memory_reg(m) + 8, 8);
	m->cpus = count_cpus(m);

	chosen = machine_node(m, "chosen");
	start = fdt_number(fdt, chosen, "linux,initrd-start", 0);
	end = fdt_number(fdt, chosen, "linux,initrd-end", 0);
	if (!start || end <= start)
		panic("no bundle: QEMU has no -initrd");
	m->bundle = (struct file){ .start = (const u8 *)start, .size = end - start };
}

static void read_manifest(struct machine *m)
{
	struct file file;
	const char *name;

	if (!bundle_find(m->bundle.start, m->bundle.size, "manifest.dtb", &file) ||
	    !fdt_valid(file.start))
		panic("no manifest.dtb in the bundle");
	m->manifest = file.start;
	m->hypervisor = fdt_child(file.start, fdt_root(file.start), "hypervisor");
	if (m->hypervisor < 0)
		panic("no /hypervisor in the manifest");

	name = fdt_string(m->manifest, m->hypervisor, "hyp_level");
	if (!level_select(name ? name : DEFAULT_LEVEL))
		panic("hyp_level %s is not known", name);
}

static u64 page_align(u64 size)
{
	return (size + PAGE_SIZE - 1) & ~(PAGE_SIZE - 1UL);
}

/* @size is page aligned. */
static u64 take_memory(struct machine *m, u64 size)
{
	const u8 *fdt_end = m->fdt + fdt_size(m->fdt);

	if (size > m->free_end - m->ram_start)
		panic("not enough memory");
	m->free_end -= size;
	if (m->free_end < (u64)m->bundle.start + m->bundle.size || m->free_end < (u64)fdt_end)
		panic("not enough memory above bundle and device tree");
	return m->free_end;
}

static void find_file(const struct machine *m, int node, const char *property,
		      struct file *file)
{
	const char *name = fdt_string(m->manifest, node, property);

	if (!name || !bundle_find(m->bundle.start, m->bundle.size, name, file))
		panic("manifest %s: no %s in the bundle", fdt_name(m->manifest, node), property);
}

static void load_file(u64 to, const struct file *file)
{
	memmove((void *)to, file->start, file->size);
	cache_clean((void *)to, file->size);
}

/* Hafnium reads UUIDs from another manifest; a VM that has some is an FF-A partition. */
static u8 secondary_uuids(const struct machine *m, int node)
{
	u64 count = fdt_number(m->manifest, node, "hyp_uuids", 0);

	if (count > UUIDS_MAX)
		panic("manifest %s: at most %u UUIDs", fdt_name(m->manifest, node), UUIDS_MAX);
	return (u8)count;
}

/* From there, too. */
static bool has_notifications(const struct machine *m, int node)
{
	return fdt_number(m->manifest, node, "hyp_notifications", 0);
}

static void create_secondary(struct machine *m, int node)
{
	const void *manifest = m->manifest;
	u64 size = page_align(fdt_number(manifest, node, "mem_size", 0));
	u16 vcpus = (u16)fdt_number(manifest, node, "vcpu_count", 1);
	const char *name = fdt_string(manifest, node, "debug_name");
	struct vm *vm = vm_create(vcpus, name ? name : "?");
	struct file file;

	find_file(m, node, "kernel_filename", &file);
	if (file.size > size)
		panic("VM %u: image is larger than mem_size", vm->id);
	vm->mem_start = take_memory(m, size);
	vm->mem_end = vm->mem_start + size;
	vm->uuid_count = secondary_uuids(m, node);
	vm->notifies = has_notifications(m, node);
	page_table_map(&vm->stage2, vm->mem_start, vm->mem_end, PROT_RW);

	memset((void *)vm->mem_start, 0, size);
	load_file(vm->mem_start, &file);
	cache_clean((void *)vm->mem_start, size);
	vcpu_reset(&vm->vcpus[0], vm->mem_start, size);
	vm->vcpus[0].state = VCPU_READY;
	log_line("HYP VM %u: %s, %u vcpu, %lx-%lx", vm->id, vm->name, vcpus, vm->mem_start,
		 vm->mem_end);
}

/* Children are called vm2, vm3, ... without gaps; vm1 is the primary. */
static int manifest_vm(const struct machine *m, unsigned int id)
{
	char name[] = "vm00";
	char *p = name + 2;

	if (id >= 10)
		*p++ = (char)('0' + id / 10);
	*p++ = (char)('0' + id % 10);
	*p = '\0';
	return fdt_child(m->manifest, m->hypervisor, name);
}

static void create_secondaries(struct machine *m)
{
	int node;

	/* One too many ends in vm_create(). */
	for (unsigned int id = HF_SECONDARY_MIN; (node = manifest_vm(m, id)) >= 0; id++)
		create_secondary(m, node);
}

/* Everything that exists except the hypervisor's and the secondaries' memory. */
static struct vm *create_primary(const struct machine *m)
{
	struct vm *vm = vm_create(m->cpus, "primary");

	vm->mem_start = HYP_LIMIT;
	page_table_map(&vm->stage2, 0, DEVICES_END, PROT_RW);
	page_table_map(&vm->stage2, PCI_START, PCI_END, PROT_RW);
	return vm;
}

static void set_number(const struct machine *m, int node, const char *name, u64 number)
{
	u32 len;
	void *value = fdt_property(m->fdt, node, name, &len);

	if (value)
		fdt_write(value, len, number);
}

static void load_primary(struct machine *m, struct vm *vm)
{
	int node = manifest_vm(m, HF_PRIMARY_ID);
	int chosen = machine_node(m, "chosen");
	struct file kernel;
	struct file ramdisk;
	u64 image_size;
	u64 entry;

	if (node < 0)
		panic("no vm1 in the manifest");
	find_file(m, node, "kernel_filename", &kernel);
	find_file(m, node, "ramdisk_filename", &ramdisk);
	entry = fdt_number(m->manifest, node, "boot_address", HYP_LIMIT);

	vm->notifies = has_notifications(m, node);
	vm->mem_end = m->free_end;
	page_table_map(&vm->stage2, vm->mem_start, vm->mem_end, PROT_RW);
	fdt_write(memory_reg(m), 8, vm->mem_start);
	fdt_write(memory_reg(m) + 8, 8, vm->mem_end - vm->mem_start);
	set_number(m, chosen, "linux,initrd-start", (u64)ramdisk.start);
	set_number(m, chosen, "linux,initrd-end", (u64)ramdisk.start + ramdisk.size);
	cache_clean(m->fdt, fdt_size(m->fdt));

	if (kernel.size < IMAGE_MAGIC_OFFSET + 4 ||
	    *(const u32 *)(kernel.start + IMAGE_MAGIC_OFFSET) != IMAGE_MAGIC)
		panic("the primary's kernel is not a raw arm64 Image");
	image_size = *(const u64 *)(kernel.start + IMAGE_SIZE_OFFSET);
	if (entry < HYP_LIMIT || entry + image_size > (u64)m->bundle.start)
		panic("the primary's kernel does not fit between boot_address and the bundle");
	load_file(entry, &kernel);
	vcpu_reset(&vm->vcpus[0], entry, (u64)m->fdt);
}

/* What EL2 registers hold for good, whoever runs. */
static void cpu_init(void)
{
	mmu_on();
	write_sysreg(cptr_el2, CPTR_RES1);
	write_sysreg(hstr_el2, 0);
	write_sysreg(cntvoff_el2, 0);
	write_sysreg(cnthp_ctl_el2, 0);
	write_sysreg(vpidr_el2, read_sysreg(midr_el1));
	write_sysreg(mdcr_el2, read_sysreg(pmcr_el0) >> 11 & MDCR_HPMN_MASK);
	write_sysreg(ICC_SRE_EL2, ICC_SRE_SRE | ICC_SRE_ENABLE);
	isb();
}

void boot_main(u8 *fdt)
{
	static struct machine m;
	struct vm *primary;

	read_machine(&m, fdt);
	m.free_end = m.ram_end - POOL_SIZE(m.ram_end - m.ram_start);
	pool_init(m.free_end, m.ram_end);
	mmu_init(m.ram_start, m.ram_end);
	cpu_init();

	read_manifest(&m);
	log_line("HYP test hypervisor, level %s, %u cpus, RAM %lx-%lx", level->name, m.cpus,
		 m.ram_start, m.ram_end);
	primary = create_primary(&m);
	create_secondaries(&m);
	load_primary(&m, primary);
	asm volatile("ic ialluis" : : : "memory");
	dsb(sy);
	psci_init();
	run_primary(&primary->vcpus[0]);
}

void cpu_main(void)
{
	cpu_init();
	run_primary(&vms[0].vcpus[read_sysreg(mpidr_el1) & 0xff]);
}
