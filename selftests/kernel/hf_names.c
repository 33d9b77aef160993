// SPDX-License-Identifier: GPL-2.0
/*
 * hf_names: from now on the device tree names the interrupts of the timer, and has
 * them in another order: the last of the first four comes first.
 *
 * That is what interrupt-names are for; QEMU's tree has none. The kernel's own timer
 * driver has read the node by then. Stays until the machine is reset.
 */
#include <linux/module.h>
#include <linux/of.h>

#define INTERRUPTS	4
#define CELLS		3

static __be32 cells[INTERRUPTS * CELLS];
static const char names[] = "hyp-phys\0virt\0phys\0sec-phys";

static struct property interrupts = {
	.name = "interrupts", .value = cells, .length = sizeof(cells),
};

static struct property interrupt_names = {
	.name = "interrupt-names", .value = (void *)names, .length = sizeof(names),
};

static int __init hf_names_init(void)
{
	struct device_node *node = of_find_compatible_node(NULL, NULL, "arm,armv8-timer");
	struct property *old = of_find_property(node, "interrupts", NULL);
	int i, err;

	if (!old || old->length < sizeof(cells))
		return -ENODEV;
	for (i = 0; i < INTERRUPTS; i++)
		memcpy(&cells[i * CELLS],
		       (__be32 *)old->value + (INTERRUPTS - 1 - i) * CELLS,
		       CELLS * sizeof(*cells));
	err = of_remove_property(node, old);
	err = err ?: of_add_property(node, &interrupts);
	return err ?: of_add_property(node, &interrupt_names);
}

module_init(hf_names_init);

MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("Names for the interrupts of the architected timer, for tests");
