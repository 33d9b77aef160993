// SPDX-License-Identifier: GPL-2.0
/*
 * Which guests this boot has, from the environment that selftests/init sets
 * (by hand: HF_VMS="2:echo:1 3:smp:4 4:echo:1:2", HF_LEVEL=2.7).
 *
 * Owns the table; it is built once, at the first question, by whichever
 * process asks. It does not ask the hypervisor: a test must know what it was
 * promised, so that a VM missing from discovery fails instead of being skipped.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "hft.h"

#define MAX_GUESTS 64

static struct hft_guest guests[MAX_GUESTS];
static unsigned int guest_count;

static void read_environment(void)
{
	static bool done;
	const char *env = getenv("HF_VMS");
	int used;

	if (done)
		return;
	done = true;
	while (env && guest_count < MAX_GUESTS) {
		struct hft_guest *g = &guests[guest_count];

		if (sscanf(env, " %u:%23[^: ]:%u%n", &g->id, g->name, &g->vcpus,
			   &used) != 3)
			break;
		env += used;
		if (sscanf(env, ":%u%n", &g->uuids, &used) == 1)
			env += used;
		env += strspn(env, ", ");
		guest_count++;
	}
}

const struct hft_guest *hft_guest(const char *name, unsigned int nth)
{
	unsigned int i;

	read_environment();
	for (i = 0; i < guest_count; i++)
		if ((!name || !strcmp(name, guests[i].name)) && !nth--)
			return &guests[i];
	return NULL;
}

unsigned int hft_guest_count(const char *name)
{
	unsigned int n = 0;

	while (hft_guest(name, n))
		n++;
	return n;
}

char *hft_vms_parameter(char *buf, size_t size)
{
	unsigned int i;
	size_t len;

	read_environment();
	len = snprintf(buf, size, "vms=");
	for (i = 0; i < guest_count && len < size; i++)
		len += snprintf(buf + len, size - len, "%s%u:%u", i ? "," : "", guests[i].id,
				guests[i].vcpus);
	return buf;
}

unsigned int hft_level(void)
{
	const char *level = getenv("HF_LEVEL");
	unsigned int major, minor;

	if (!level || sscanf(level + (*level == 'v'), "%u.%u", &major, &minor) != 2)
		return 0;
	return major * 10 + minor;
}
