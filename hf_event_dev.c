// SPDX-License-Identifier: GPL-2.0-only
/*
 * /dev/hafnium: routes from eventfds into VMs, and from VMs to eventfds.
 *
 * Owns what a file has assigned, under its lock; all of that ends with the file. A write
 * to an eventfd rings from its wait queue, in the writer's context, hard interrupts
 * included. The rest is process context. Access to a VM: hf_vm_may_use().
 *
 * Does not: hold a route's target (hf_event.c).
 */
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/miscdevice.h>
#include <linux/module.h>
#include <linux/poll.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/uaccess.h>

#include "hf_event.h"
#include "hf_vm.h"

/* Routes and listeners of a file, and of all files. */
#define ROUTES_OF_FILE	1024
#define ROUTES		65536

/* An open file. */
struct event_file {
	struct list_head node;		/* under files_lock */
	struct mutex lock;
	struct list_head routes;	/* the rest under lock */
	struct list_head listeners;
	unsigned int count;		/* of both */
	bool dead;			/* a VM of one of them is; READ_ONCE() */
	wait_queue_head_t died;
};

struct route {
	struct list_head node;
	struct hf_event event;
	struct eventfd_ctx *eventfd;
	wait_queue_entry_t wait;	/* in the eventfd's queue */
	poll_table table;
	u16 vm;				/* of its target; under the file's lock */
	bool closed;			/* the eventfd's file is gone; under the queue's lock */
};

struct listener {
	struct list_head node;
	struct eventfd_ctx *eventfd;
	u16 vm;
	u8 number;
};

static DEFINE_MUTEX(files_lock);
static LIST_HEAD(files);
static atomic_t routes_left = ATOMIC_INIT(ROUTES);
static bool may_open;

/* What routes and listeners of a file may have, both together. */
static int charge(struct event_file *file)
{
	if (file->count == ROUTES_OF_FILE)
		return -ENOSPC;
	if (atomic_dec_return_relaxed(&routes_left) < 0) {
		atomic_inc(&routes_left);
		return -ENOSPC;
	}
	file->count++;
	return 0;
}

static void uncharge(struct event_file *file)
{
	file->count--;
	atomic_inc(&routes_left);
}

/* The VM that a call is about; -ENODEV, -EACCES, -EPIPE. */
static struct hf_vm *find_vm(u32 id)
{
	struct hf_vm *vm = id > U16_MAX ? NULL : hf_vm_find(id);

	if (!vm)
		return ERR_PTR(-ENODEV);
	if (!hf_vm_may_use(vm))
		return ERR_PTR(-EACCES);
	return READ_ONCE(vm->dead) ? ERR_PTR(-EPIPE) : vm;
}

static int check_target(const struct hf_event_route *arg, struct hf_event_target *target)
{
	struct hf_vm *vm = find_vm(arg->vm);
	u64 numbers = hf_event_numbers();

	if (IS_ERR(vm))
		return PTR_ERR(vm);
	if (!numbers)
		return -EOPNOTSUPP;
	if (arg->number >= HF_EVENT_NUMBERS || !(numbers & BIT_ULL(arg->number)))
		return -EINVAL;
	if (arg->vcpu != HF_EVENT_VCPU_ANY &&
	    (arg->vcpu >= vm->max_vcpus || hf_event_mechanism() == HF_EVENT_NOTIFICATION))
		return -EINVAL;
	*target = (struct hf_event_target){
		.vm	= arg->vm,
		.vcpu	= arg->vcpu,		/* HF_EVENT_ANY is its lower half */
		.number	= arg->number,
		.masked	= arg->flags & HF_EVENT_MASKED,
	};
	return 0;
}

/* Under the eventfd's lock. */
static int eventfd_woken(wait_queue_entry_t *wait, unsigned int mode, int sync, void *key)
{
	struct route *route = container_of(wait, struct route, wait);
	__poll_t flags = key_to_poll(key);
	u64 count;

	if (flags & EPOLLIN) {
		eventfd_ctx_do_read(route->eventfd, &count);
		hf_event_ring(&route->event);
	}
	if (flags & EPOLLHUP)
		WRITE_ONCE(route->closed, true);
	return 0;
}

static void join_queue(struct file *eventfd, wait_queue_head_t *queue, poll_table *table)
{
	struct route *route = container_of(table, struct route, table);

	add_wait_queue(queue, &route->wait);
}

static struct route *find_route(struct event_file *file, const struct eventfd_ctx *eventfd)
{
	struct route *route;

	lockdep_assert_held(&file->lock);
	list_for_each_entry(route, &file->routes, node) {
		if (route->eventfd == eventfd)
			return route;
	}
	return NULL;
}

static void end_route(struct event_file *file, struct route *route)
{
	u64 count;

	lockdep_assert_held(&file->lock);
	list_del(&route->node);
	uncharge(file);
	/* Once it is out of the queue it is not rung any more. */
	eventfd_ctx_remove_wait_queue(route->eventfd, &route->wait, &count);
	hf_event_end(&route->event);
	eventfd_ctx_put(route->eventfd);
	kfree(route);
}

/* Those whose eventfd has no descriptor left; that is seen where no lock can be taken. */
static void end_closed_routes(struct event_file *file)
{
	struct route *route, *next;

	list_for_each_entry_safe(route, next, &file->routes, node) {
		if (READ_ONCE(route->closed))
			end_route(file, route);
	}
}

static int start_route(struct event_file *file, struct file *eventfd, struct eventfd_ctx *ctx,
		       const struct hf_event_target *target)
{
	struct route *route;
	int err;

	if (find_route(file, ctx))
		return -EBUSY;
	err = charge(file);
	if (err)
		return err;
	route = kzalloc(sizeof(*route), GFP_KERNEL_ACCOUNT);
	if (!route) {
		uncharge(file);
		return -ENOMEM;
	}
	route->eventfd = ctx;
	route->vm = target->vm;
	hf_event_init(&route->event, target);
	init_waitqueue_func_entry(&route->wait, eventfd_woken);
	init_poll_funcptr(&route->table, join_queue);
	list_add(&route->node, &file->routes);
	/* What was written before counts as a ring. */
	if (vfs_poll(eventfd, &route->table) & EPOLLIN)
		hf_event_ring(&route->event);
	return 0;
}

static int assign(struct event_file *file, const struct hf_event_route *arg)
{
	struct hf_event_target target;
	struct eventfd_ctx *ctx;
	struct file *eventfd;
	int err = check_target(arg, &target);

	if (err)
		return err;
	eventfd = fget(arg->fd);
	if (!eventfd)
		return -EBADF;
	ctx = eventfd_ctx_fileget(eventfd);
	err = PTR_ERR_OR_ZERO(ctx);
	if (!err) {
		err = start_route(file, eventfd, ctx, &target);
		if (err)
			eventfd_ctx_put(ctx);
	}
	fput(eventfd);
	return err;
}

/* The route of a descriptor's eventfd, NULL if there is none. */
static struct route *find_route_of(struct event_file *file, int fd)
{
	struct eventfd_ctx *ctx = eventfd_ctx_fdget(fd);
	struct route *route;

	if (IS_ERR(ctx))
		return ERR_CAST(ctx);
	route = find_route(file, ctx);
	eventfd_ctx_put(ctx);
	return route;
}

static int do_update(struct event_file *file, const struct hf_event_route *arg)
{
	struct hf_event_target target;
	struct route *route;
	int err = check_target(arg, &target);

	if (err)
		return err;
	route = find_route_of(file, arg->fd);
	if (IS_ERR_OR_NULL(route))
		return route ? PTR_ERR(route) : -ENOENT;
	route->vm = target.vm;
	hf_event_set(&route->event, &target);
	return 0;
}

/* 0 if there is none, as KVM has it. */
static int deassign(struct event_file *file, const struct hf_event_route *arg)
{
	struct route *route = find_route_of(file, arg->fd);

	if (!IS_ERR_OR_NULL(route))
		end_route(file, route);
	return PTR_ERR_OR_ZERO(route);
}

/* The eventfd of a listener that was taken out of the table must not be signalled any more. */
static void free_listeners(struct event_file *file, struct list_head *ended)
{
	struct listener *l, *next;

	if (list_empty(ended))
		return;
	synchronize_rcu();
	list_for_each_entry_safe(l, next, ended, node) {
		uncharge(file);
		eventfd_ctx_put(l->eventfd);
		kfree(l);
	}
}

static int start_listening(struct event_file *file, const struct hf_event_route *arg)
{
	struct hf_vm *vm = find_vm(arg->vm);
	struct listener *l;
	int err;

	if (IS_ERR(vm))
		return PTR_ERR(vm);
	if (arg->number >= HF_EVENT_NUMBERS || arg->vcpu != HF_EVENT_VCPU_ANY)
		return -EINVAL;
	err = charge(file);
	if (err)
		return err;
	l = kzalloc(sizeof(*l), GFP_KERNEL_ACCOUNT);
	err = -ENOMEM;
	if (!l)
		goto err_charge;
	l->vm = vm->id;
	l->number = arg->number;
	l->eventfd = eventfd_ctx_fdget(arg->fd);
	err = PTR_ERR_OR_ZERO(l->eventfd);
	if (err)
		goto err_free;
	err = hf_event_listen(vm, l->number, l->eventfd, arg->flags & HF_EVENT_BIND);
	if (err)
		goto err_eventfd;
	list_add(&l->node, &file->listeners);
	return 0;

err_eventfd:
	/* A message could have been signalled before it could not be bound. */
	synchronize_rcu();
	eventfd_ctx_put(l->eventfd);
err_free:
	kfree(l);
err_charge:
	uncharge(file);
	return err;
}

static int stop_listening(struct event_file *file, const struct hf_event_route *arg)
{
	struct listener *l, *next;
	LIST_HEAD(ended);

	list_for_each_entry_safe(l, next, &file->listeners, node) {
		if (l->vm == arg->vm && l->number == arg->number) {
			hf_event_unlisten(l->vm, l->number);
			list_move(&l->node, &ended);
		}
	}
	free_listeners(file, &ended);
	return 0;
}

static int do_assign(struct event_file *file, const struct hf_event_route *arg)
{
	return arg->flags & HF_EVENT_DEASSIGN ? deassign(file, arg) : assign(file, arg);
}

static int do_listen(struct event_file *file, const struct hf_event_route *arg)
{
	return arg->flags & HF_EVENT_DEASSIGN ? stop_listening(file, arg) :
		start_listening(file, arg);
}

static int do_ring(struct event_file *file, const struct hf_event_route *arg)
{
	struct hf_event_target target;
	int err = check_target(arg, &target);

	if (!err && arg->fd != -1)
		err = -EINVAL;
	return err ?: hf_event_ring_once(&target);
}

static int query(struct hf_event_info __user *user)
{
	struct hf_event_info info;
	struct hf_vm *vm;

	if (copy_from_user(&info, user, sizeof(info)))
		return -EFAULT;
	if (info.reserved)
		return -EINVAL;
	vm = find_vm(info.vm);
	if (IS_ERR(vm))
		return PTR_ERR(vm);
	info = (struct hf_event_info){
		.vm		= vm->id,
		.vcpus		= hf_vm_nr_vcpus(vm),
		.rings		= hf_event_mechanism(),
		.listens	= HF_EVENT_MESSAGE |
				  (hf_ffa_features.binds ? HF_EVENT_NOTIFICATION : 0),
		.numbers	= hf_event_numbers(),
	};
	return copy_to_user(user, &info, sizeof(info)) ? -EFAULT : 0;
}

static const struct {
	unsigned int cmd;
	u32 flags;
	bool locked;
	int (*call)(struct event_file *file, const struct hf_event_route *arg);
} calls[] = {
	{ HF_EVENT_ASSIGN,	HF_EVENT_DEASSIGN | HF_EVENT_MASKED,	true,	do_assign },
	{ HF_EVENT_UPDATE,	HF_EVENT_MASKED,			true,	do_update },
	{ HF_EVENT_RING,	0,					false,	do_ring },
	{ HF_EVENT_LISTEN,	HF_EVENT_DEASSIGN | HF_EVENT_BIND,	true,	do_listen },
};

static long event_ioctl(struct file *filep, unsigned int cmd, unsigned long user)
{
	struct event_file *file = filep->private_data;
	struct hf_event_route arg;
	int i, err;

	if (cmd == HF_EVENT_QUERY)
		return query((void __user *)user);
	for (i = 0; i < ARRAY_SIZE(calls) && calls[i].cmd != cmd; i++)
		;
	if (i == ARRAY_SIZE(calls))
		return -ENOTTY;
	if (copy_from_user(&arg, (void __user *)user, sizeof(arg)))
		return -EFAULT;
	if (arg.flags & ~calls[i].flags || memchr_inv(arg.reserved, 0, sizeof(arg.reserved)))
		return -EINVAL;
	if (!calls[i].locked)
		return calls[i].call(file, &arg);
	mutex_lock(&file->lock);
	end_closed_routes(file);
	err = calls[i].call(file, &arg);
	mutex_unlock(&file->lock);
	return err;
}

static __poll_t event_poll(struct file *filep, poll_table *wait)
{
	struct event_file *file = filep->private_data;

	poll_wait(filep, &file->died, wait);
	return READ_ONCE(file->dead) ? EPOLLERR | EPOLLHUP : 0;
}

static bool concerns(struct event_file *file, const struct hf_vm *vm)
{
	struct listener *l;
	struct route *route;

	lockdep_assert_held(&file->lock);
	list_for_each_entry(route, &file->routes, node) {
		if (route->vm == vm->id)
			return true;
	}
	list_for_each_entry(l, &file->listeners, node) {
		if (l->vm == vm->id)
			return true;
	}
	return false;
}

/* What is assigned after this finds the VM dead. */
void hf_event_vm_died(struct hf_vm *vm)
{
	struct event_file *file;

	mutex_lock(&files_lock);
	list_for_each_entry(file, &files, node) {
		mutex_lock(&file->lock);
		if (concerns(file, vm)) {
			WRITE_ONCE(file->dead, true);
			wake_up_poll(&file->died, EPOLLERR | EPOLLHUP);
		}
		mutex_unlock(&file->lock);
	}
	mutex_unlock(&files_lock);
}

static int event_open(struct inode *inode, struct file *filep)
{
	struct event_file *file;

	if (!READ_ONCE(may_open))
		return -ENODEV;
	file = kzalloc(sizeof(*file), GFP_KERNEL_ACCOUNT);
	if (!file)
		return -ENOMEM;
	mutex_init(&file->lock);
	INIT_LIST_HEAD(&file->routes);
	INIT_LIST_HEAD(&file->listeners);
	init_waitqueue_head(&file->died);
	filep->private_data = file;
	mutex_lock(&files_lock);
	list_add(&file->node, &files);
	mutex_unlock(&files_lock);
	return 0;
}

static int event_release(struct inode *inode, struct file *filep)
{
	struct event_file *file = filep->private_data;
	struct route *route, *next;
	struct listener *l;

	mutex_lock(&files_lock);
	list_del(&file->node);
	mutex_unlock(&files_lock);

	mutex_lock(&file->lock);
	list_for_each_entry_safe(route, next, &file->routes, node)
		end_route(file, route);
	list_for_each_entry(l, &file->listeners, node)
		hf_event_unlisten(l->vm, l->number);
	free_listeners(file, &file->listeners);
	mutex_unlock(&file->lock);
	kfree(file);
	return 0;
}

static const struct file_operations event_fops = {
	.owner		= THIS_MODULE,
	.open		= event_open,
	.release	= event_release,
	.unlocked_ioctl	= event_ioctl,
	.compat_ioctl	= compat_ptr_ioctl,
	.poll		= event_poll,
	.llseek		= noop_llseek,
};

static struct miscdevice device = {
	.minor	= MISC_DYNAMIC_MINOR,
	.name	= "hafnium",
	.mode	= 0600,
	.fops	= &event_fops,
};

int hf_event_register(void)
{
	return misc_register(&device);
}

void hf_event_allow(void)
{
	WRITE_ONCE(may_open, true);
}

void hf_event_unregister(void)
{
	misc_deregister(&device);
}
