// SPDX-License-Identifier: GPL-2.0-only
/*
 * What people see of the driver's state: debugfs, and the stall detector.
 *
 * /sys/kernel/debug/hafnium/{features,vms,vcpus} answer "why is this vCPU not
 * running"; programs read the lines of the last two in stats. The detector looks
 * every second for what the wake-up protocol excludes: work for a VM all of whose
 * vCPUs sleep and are not being woken. It says so once a VM, with the same text, and
 * runs the VM's vCPUs.
 *
 * Process context. Reads what other threads write without a lock: each value
 * is whole, but the values of a line need not be of the same instant.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/bitmap.h>
#include <linux/debugfs.h>
#include <linux/printk.h>
#include <linux/sched.h>
#include <linux/seq_file.h>

#include "hf_compat.h"
#include "hf_state.h"
#include "hf_vcpu.h"
#include "hf_vm.h"

static const char * const mode_names[] = {
	[HF_VCPU_OUTSIDE]	= "outside",
	[HF_VCPU_IN_GUEST]	= "in_guest",
	[HF_VCPU_EXITING]	= "exiting",
	[HF_VCPU_BLOCKED]	= "blocked",
};

#define DETECTOR_PERIOD	HZ

static struct dentry *dir;
static void detect(struct work_struct *work);
static DECLARE_DELAYED_WORK(detector, detect);

/* The same text to debugfs and to the kernel log, a line a VM or vCPU. */
static void vm_line(const struct hf_vm *vm, char *line, size_t size)
{
	const struct {
		const char *name;
		const atomic_long_t *count;
	} counters[] = {
		{ "sent",		&vm->sent },
		{ "received",		&vm->received },
		{ "dropped_short",	&vm->dropped_short },
		{ "dropped_size",	&vm->dropped_size },
		{ "dropped_sender",	&vm->dropped_sender },
		{ "dropped_port",	&vm->dropped_port },
		{ "dropped_full",	&vm->dropped_full },
		{ "dropped_unsent",	&vm->dropped_unsent },
		{ "dropped_vsock",	&vm->dropped_vsock },
		{ "rings",		&vm->rings },
		{ "rings_refused",	&vm->rings_refused },
	};
	int i, len;

	len = scnprintf(line, size, "vm=%u vcpus=%u state=%s", vm->id, hf_vm_nr_vcpus(vm),
			READ_ONCE(vm->dead) ? "dead" : "alive");
	len += scnprintf(line + len, size - len,
			 " message_pending=%d waiting=%u readers=%u sendq=%u",
			 READ_ONCE(vm->message_pending),
			 /* Any recent number will do. */
			 data_race(bitmap_weight(vm->waiting, vm->max_vcpus)),
			 /* The same. */
			 data_race(bitmap_weight(vm->readers, vm->max_vcpus)),
			 READ_ONCE(vm->txq.queued));
	for (i = 0; i < ARRAY_SIZE(counters); i++)
		len += scnprintf(line + len, size - len, " %s=%ld", counters[i].name,
				 atomic_long_read(counters[i].count));
}

static void vcpu_line(const struct hf_vcpu *vcpu, char *line, size_t size)
{
	int kind, len;

	len = scnprintf(line, size, "vm=%u vcpu=%u tid=%d mode=%s requests=%#lx last=%s",
			vcpu->vm->id, vcpu->index, task_pid_nr(vcpu->task),
			mode_names[READ_ONCE(vcpu->mode)], READ_ONCE(vcpu->requests),
			hf_exit_name(READ_ONCE(vcpu->last_exit)));
	len += scnprintf(line + len, size - len, " runs=%llu spurious=%llu kicks=%ld wakes=%llu",
			 READ_ONCE(vcpu->runs), READ_ONCE(vcpu->spurious),
			 atomic_long_read(&vcpu->kicks), READ_ONCE(vcpu->wakes));
	for (kind = HF_EXIT_NONE + 1; kind < HF_EXIT_COUNT; kind++)
		len += scnprintf(line + len, size - len, " %s=%llu",
				 hf_exit_name(kind), READ_ONCE(vcpu->exits[kind]));
}

/* Longest line: 30 words of at most 32 characters. */
#define LINE_SIZE	1024

static int vms_show(struct seq_file *seq, void *unused)
{
	char line[LINE_SIZE];
	struct hf_vm *vm;
	unsigned long id;

	hf_for_each_vm(vm, id) {
		vm_line(vm, line, sizeof(line));
		seq_printf(seq, "%s\n", line);
	}
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(vms);

static int vcpus_show(struct seq_file *seq, void *unused)
{
	char line[LINE_SIZE];
	struct hf_vm *vm;
	unsigned long id;
	u16 i;

	hf_for_each_vm(vm, id) {
		for (i = 0; i < hf_vm_nr_vcpus(vm); i++) {
			vcpu_line(&vm->vcpus[i], line, sizeof(line));
			seq_printf(seq, "%s\n", line);
		}
	}
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(vcpus);

/* For programs; Documentation/stats.rst says what makes this number grow. */
#define STATS_VERSION	1

static int stats_show(struct seq_file *seq, void *unused)
{
	seq_printf(seq, "version=%d\n", STATS_VERSION);
	vms_show(seq, unused);
	return vcpus_show(seq, unused);
}
DEFINE_SHOW_ATTRIBUTE(stats);

static int features_show(struct seq_file *seq, void *unused)
{
	const struct hf_ffa_features *f = &hf_ffa_features;

	seq_printf(seq, "version=%u.%u\n", f->version >> 16, f->version & 0xffff);
	seq_printf(seq, "waiter_list=%d\n", f->waiter_list);
	seq_printf(seq, "notifications=%d\n", f->notifications);
	seq_printf(seq, "binds=%d\n", f->binds);
	seq_printf(seq, "send2=%d\n", f->send2);
	seq_printf(seq, "rx_overwrite=%d\n", f->rx_overwrite);
	seq_printf(seq, "hands_twice=%d\n", f->hands_twice);
	seq_printf(seq, "wait_returns=%d\n", f->wait_returns);
	seq_printf(seq, "restart_waits=%d\n", f->restart_waits);
	seq_printf(seq, "restart_panics=%d\n", f->restart_panics);
	seq_printf(seq, "rxtx_unmap=%d\n", f->rxtx_unmap);
	seq_printf(seq, "injection=%d\n", READ_ONCE(f->injection));
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(features);

/* The sum of all runs, or 0 if the VM has no work, or a vCPU that will do it. */
static u64 stalled_at(const struct hf_vm *vm)
{
	/* Wrong now and then, but not at two looks. */
	bool nobody = data_race(bitmap_empty(vm->waiting, vm->max_vcpus));
	bool work = READ_ONCE(vm->message_pending) && !nobody;
	u64 runs = 1;
	u16 i;

	if (READ_ONCE(vm->dead))
		return 0;
	for (i = 0; i < hf_vm_nr_vcpus(vm); i++) {
		const struct hf_vcpu *vcpu = &vm->vcpus[i];

		/* One that was woken, or is frozen, has another state. */
		if (READ_ONCE(vcpu->mode) != HF_VCPU_BLOCKED ||
		    READ_ONCE(vcpu->task->__state) != (TASK_IDLE | TASK_FREEZABLE))
			return 0;
		work |= READ_ONCE(vcpu->requests);
		runs += READ_ONCE(vcpu->runs);
	}
	return work ? runs : 0;
}

static void report_stall(struct hf_vm *vm)
{
	char line[LINE_SIZE];
	u16 i;

	pr_err("VM %u has work, but all of its vCPUs sleep: a lost wake-up; running them\n",
	       vm->id);
	vm_line(vm, line, sizeof(line));
	pr_err("%s\n", line);
	for (i = 0; i < hf_vm_nr_vcpus(vm); i++) {
		vcpu_line(&vm->vcpus[i], line, sizeof(line));
		pr_err("%s\n", line);
	}
}

/* Stalled means: in this state at two looks, and nothing ran between them. */
static void detect(struct work_struct *work)
{
	struct hf_vm *vm;
	unsigned long id;
	u16 i;

	hf_for_each_vm(vm, id) {
		u64 now = stalled_at(vm);

		if (now && now == vm->stalled_at) {
			if (!vm->stall_reported)
				report_stall(vm);
			vm->stall_reported = true;
			for (i = 0; i < hf_vm_nr_vcpus(vm); i++)
				hf_vcpu_request(&vm->vcpus[i], HF_REQ_WAKE);
		}
		vm->stalled_at = now;
		if (READ_ONCE(vm->txq.stuck) && !vm->stuck_reported) {
			pr_warn("VM %u waits for messages, but its mailbox stays full: it has lost one, or does not release them\n",
				vm->id);
			vm->stuck_reported = true;
		}
	}
	queue_delayed_work(system_dfl_wq, &detector, round_jiffies_relative(DETECTOR_PERIOD));
}

int hf_state_init(void)
{
	dir = debugfs_create_dir("hafnium", NULL);
	debugfs_create_file("features", 0444, dir, NULL, &features_fops);
	debugfs_create_file("vms", 0444, dir, NULL, &vms_fops);
	debugfs_create_file("vcpus", 0444, dir, NULL, &vcpus_fops);
	debugfs_create_file("stats", 0444, dir, NULL, &stats_fops);
	queue_delayed_work(system_dfl_wq, &detector, round_jiffies_relative(DETECTOR_PERIOD));
	return 0;
}

void hf_state_exit(void)
{
	cancel_delayed_work_sync(&detector);
	debugfs_remove(dir);
}
