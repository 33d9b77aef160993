// SPDX-License-Identifier: GPL-2.0
/*
 * Saves the memory of the kernel that crashed, to nowhere: reads all of /proc/vmcore,
 * and succeeds if the words given are in it. Used by selftests/init-kexec, which has
 * the tests of this name.
 */
#include <elf.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define PIECE		(1 << 20)

static uint64_t total;

/* Returns false if it cannot be read; *found if the words are in it. */
static bool save(int fd, const Elf64_Phdr *part, const char *words, bool *found)
{
	uint64_t at = 0;
	static char piece[PIECE];

	while (at < part->p_filesz) {
		uint64_t left = part->p_filesz - at;
		ssize_t n = pread(fd, piece, left < PIECE ? left : PIECE, part->p_offset + at);

		if (n <= 0) {
			perror("/proc/vmcore");
			printf("%#llx bytes from %#llx, %#llx of the machine: read to %#llx\n",
			       (unsigned long long)part->p_filesz,
			       (unsigned long long)part->p_offset,
			       (unsigned long long)part->p_paddr, (unsigned long long)at);
			return false;
		}
		*found |= !!memmem(piece, n, words, strlen(words));
		at += n;
	}
	total += at;
	return true;
}

int main(int argc, char **argv)
{
	int fd = open("/proc/vmcore", O_RDONLY), i;
	bool found = false;
	Elf64_Ehdr head;
	Elf64_Phdr part;

	if (argc != 2 || fd < 0 || read(fd, &head, sizeof(head)) != sizeof(head) ||
	    memcmp(head.e_ident, ELFMAG, SELFMAG))
		return 1;
	for (i = 0; i < head.e_phnum; i++) {
		if (pread(fd, &part, sizeof(part), head.e_phoff + i * sizeof(part)) !=
		    sizeof(part))
			return 1;
		if (part.p_type == PT_LOAD && !save(fd, &part, argv[1], &found))
			return 1;
	}
	printf("%llu bytes, the words %s there\n", (unsigned long long)total,
	       found ? "are" : "are not");
	return !found;
}
