// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A plugin for QEMU's TCG: how many instructions are executed where, between
 * two marks of the program that runs inside.
 *
 * Owns one counter per translated block and window. A mark is a HINT that no
 * CPU knows (selftests/user/bench.h): the first opens its window, the last
 * closes it. At the end a line for each block goes to the file out=:
 * window, address, instructions per execution, executions.
 *
 * QEMU runs one CPU at a time here (-icount), so nothing is locked. A block
 * that an exception leaves in its middle counts whole.
 *
 * Debian has no package with qemu-plugin.h, so the few declarations of QEMU's
 * documented plugin interface that are used stand here.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define EXPORT	__attribute__((visibility("default")))

#ifndef PLUGIN_VERSION
#define PLUGIN_VERSION	1
#endif

typedef uint64_t qemu_plugin_id_t;
struct qemu_plugin_tb;
struct qemu_plugin_insn;
enum { QEMU_PLUGIN_CB_NO_REGS };

typedef void (*tb_trans_cb)(qemu_plugin_id_t id, struct qemu_plugin_tb *tb);
typedef void (*exec_cb)(unsigned int cpu, void *data);
typedef void (*exit_cb)(qemu_plugin_id_t id, void *data);

void qemu_plugin_register_vcpu_tb_trans_cb(qemu_plugin_id_t id, tb_trans_cb cb);
void qemu_plugin_register_vcpu_tb_exec_cb(struct qemu_plugin_tb *tb, exec_cb cb, int flags,
					  void *data);
void qemu_plugin_register_vcpu_insn_exec_cb(struct qemu_plugin_insn *insn, exec_cb cb, int flags,
					    void *data);
void qemu_plugin_register_atexit_cb(qemu_plugin_id_t id, exit_cb cb, void *data);
size_t qemu_plugin_tb_n_insns(const struct qemu_plugin_tb *tb);
uint64_t qemu_plugin_tb_vaddr(const struct qemu_plugin_tb *tb);
struct qemu_plugin_insn *qemu_plugin_tb_get_insn(const struct qemu_plugin_tb *tb, size_t i);
const void *qemu_plugin_insn_data(const struct qemu_plugin_insn *insn);

EXPORT int qemu_plugin_version = PLUGIN_VERSION;

#define HINT(n)		(0xd503201fu | (n) << 5)
#define FIRST_MARK	112
#define WINDOWS		8	/* 0 is closed */

struct block {
	struct block *next;
	uint64_t address;
	uint64_t length;
	uint64_t executed[WINDOWS];
};

static struct block *blocks;
static uintptr_t window;
static FILE *out;

static void block_executed(unsigned int cpu, void *data)
{
	struct block *block = data;

	(void)cpu;
	block->executed[window]++;
}

static void mark_executed(unsigned int cpu, void *data)
{
	(void)cpu;
	window = (uintptr_t)data;
}

static struct block *new_block(uint64_t address, uint64_t length)
{
	struct block *block = calloc(1, sizeof(*block));

	if (!block)
		abort();
	block->address = address;
	block->length = length;
	block->next = blocks;
	blocks = block;
	return block;
}

/* The number of a mark's window, -1 = another instruction. */
static int mark_window(const struct qemu_plugin_insn *insn)
{
	uint32_t code;

	memcpy(&code, qemu_plugin_insn_data(insn), sizeof(code));
	if (code < HINT(FIRST_MARK) || (code - HINT(FIRST_MARK)) % 32)
		return -1;
	code = (code - HINT(FIRST_MARK)) / 32;
	return code < WINDOWS ? (int)code : -1;
}

static void block_translated(qemu_plugin_id_t id, struct qemu_plugin_tb *tb)
{
	size_t i, length = qemu_plugin_tb_n_insns(tb);
	struct block *block = new_block(qemu_plugin_tb_vaddr(tb), length);

	(void)id;
	qemu_plugin_register_vcpu_tb_exec_cb(tb, block_executed, QEMU_PLUGIN_CB_NO_REGS, block);
	for (i = 0; i < length; i++) {
		struct qemu_plugin_insn *insn = qemu_plugin_tb_get_insn(tb, i);
		int number = mark_window(insn);

		if (number >= 0)
			qemu_plugin_register_vcpu_insn_exec_cb(insn, mark_executed,
				QEMU_PLUGIN_CB_NO_REGS, (void *)(intptr_t)number);
	}
}

static void write_block(const struct block *block)
{
	int i;

	for (i = 1; i < WINDOWS; i++)
		if (block->executed[i])
			fprintf(out, "%d %#llx %llu %llu\n", i,
				(unsigned long long)block->address,
				(unsigned long long)block->length,
				(unsigned long long)block->executed[i]);
}

static void write_down(qemu_plugin_id_t id, void *data)
{
	const struct block *block;

	(void)id;
	(void)data;
	for (block = blocks; block; block = block->next)
		write_block(block);
	fclose(out);
}

EXPORT int qemu_plugin_install(qemu_plugin_id_t id, const void *info, int argc, char **argv)
{
	int i;

	(void)info;
	for (i = 0; i < argc; i++)
		if (!strncmp(argv[i], "out=", 4))
			out = fopen(argv[i] + 4, "w");
	if (!out) {
		fprintf(stderr, "count.so: out=<file> is missing or cannot be written\n");
		return -1;
	}
	qemu_plugin_register_vcpu_tb_trans_cb(id, block_translated);
	qemu_plugin_register_atexit_cb(id, write_down, NULL);
	return 0;
}
