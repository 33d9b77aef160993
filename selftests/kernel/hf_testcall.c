// SPDX-License-Identifier: GPL-2.0
/*
 * hf_testcall: lets userspace tests reach the test calls of the hypervisor
 * under selftests/bare/hyp.
 *
 * Owns debugfs hf_testcall/call: writing "fn x1 x2 x3 x4 x5" (decimal or
 * 0x..., missing arguments are 0) issues HVC #0 on the CPU of the writer;
 * reading returns the signed x0 of the last call of this open file.
 *
 * Context: process context only; the call itself may spin at EL2.
 * Invariant: no HVC is issued, not even the probe, unless this kernel runs at
 * EL1 under something that can take it.
 *
 * It does not share anything with hafnium.ko, which only ever sees the
 * consequences, and it must never be loaded outside tests: it passes on
 * whatever it is given.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/arm-smccc.h>
#include <linux/debugfs.h>
#include <linux/fs.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/slab.h>
#include <linux/uaccess.h>
#include <asm/cputype.h>
#include <asm/sysreg.h>
#include <asm/virt.h>

#include "testcall.h"

#define CALL_ARGS	6
#define CALL_TEXT	160

struct call_file {
	struct mutex lock;	/* one call and its result at a time */
	long result;
};

static struct dentry *call_dir;

static long testcall(const u64 arg[CALL_ARGS])
{
	struct arm_smccc_1_2_regs regs = {
		.a0 = arg[0], .a1 = arg[1], .a2 = arg[2],
		.a3 = arg[3], .a4 = arg[4], .a5 = arg[5],
	};

	arm_smccc_1_2_hvc(&regs, &regs);
	return (long)regs.a0;
}

/*
 * HVC is undefined where EL2 does not exist, and loops back into a kernel
 * that lives at EL2 itself (VHE): both would be an oops, not an answer.
 */
static bool hvc_is_safe(void)
{
	u64 pfr0 = read_cpuid(ID_AA64PFR0_EL1);
	bool has_el2 = (pfr0 >> ID_AA64PFR0_EL1_EL2_SHIFT) & 0xf;

	return has_el2 && !is_kernel_in_hyp_mode();
}

static int call_open(struct inode *inode, struct file *file)
{
	struct call_file *call = kzalloc(sizeof(*call), GFP_KERNEL);

	if (!call)
		return -ENOMEM;
	mutex_init(&call->lock);
	file->private_data = call;
	return 0;
}

static int call_release(struct inode *inode, struct file *file)
{
	kfree(file->private_data);
	return 0;
}

static int call_parse(char *text, u64 arg[CALL_ARGS])
{
	char *word;
	int n = 0;

	text = strim(text);
	while ((word = strsep(&text, " \t\n"))) {
		if (!*word)
			continue;
		if (n == CALL_ARGS)
			return -E2BIG;
		/* kstrtou64() takes no sign; negative results are arguments here. */
		if (*word == '-' ? kstrtos64(word, 0, (s64 *)&arg[n]) :
				   kstrtou64(word, 0, &arg[n]))
			return -EINVAL;
		n++;
	}
	return n ? 0 : -EINVAL;
}

static ssize_t call_write(struct file *file, const char __user *buf,
			  size_t len, loff_t *pos)
{
	struct call_file *call = file->private_data;
	u64 arg[CALL_ARGS] = { 0 };
	char text[CALL_TEXT];
	int err;

	if (len >= sizeof(text))
		return -EINVAL;
	if (copy_from_user(text, buf, len))
		return -EFAULT;
	text[len] = '\0';
	err = call_parse(text, arg);
	if (err)
		return err;

	mutex_lock(&call->lock);
	call->result = testcall(arg);
	mutex_unlock(&call->lock);
	return len;
}

static ssize_t call_read(struct file *file, char __user *buf, size_t len,
			 loff_t *pos)
{
	struct call_file *call = file->private_data;
	char text[32];
	int n;

	mutex_lock(&call->lock);
	n = scnprintf(text, sizeof(text), "%ld\n", call->result);
	mutex_unlock(&call->lock);
	return simple_read_from_buffer(buf, len, pos, text, n);
}

static const struct file_operations call_fops = {
	.owner = THIS_MODULE,
	.open = call_open,
	.release = call_release,
	.read = call_read,
	.write = call_write,
	.llseek = default_llseek,
};

static int __init testcall_init(void)
{
	const u64 probe[CALL_ARGS] = { HFT_VERSION };

	if (!hvc_is_safe() || testcall(probe) != HFT_MAGIC) {
		pr_info("this is not the test hypervisor\n");
		return -ENODEV;
	}
	call_dir = debugfs_create_dir(KBUILD_MODNAME, NULL);
	debugfs_create_file("call", 0600, call_dir, NULL, &call_fops);
	return 0;
}

static void __exit testcall_exit(void)
{
	debugfs_remove_recursive(call_dir);
}

module_init(testcall_init);
module_exit(testcall_exit);

MODULE_DESCRIPTION("Reaches the test calls of Hafnium's stand-in (tests only)");
MODULE_LICENSE("GPL");
