// SPDX-License-Identifier: GPL-2.0
/*
 * hfevent: rings a secondary VM, tells when one rings, and what each can do.
 *
 * A watcher prints a line for each number that rang whenever it wakes up; the
 * counts in it are those of eventfds, which lose none.
 *
 * Exit status: 0 done, 1 the VM is dead or does not take what it was rung by,
 * 2 it could not be tried (usage, no such VM, no permission, module not loaded).
 */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>

#include <hf/hafnium.h>

#define DEVICE		"/dev/hafnium"
#define VM_LOWEST	2
#define VM_HIGHEST	(UINT16_MAX - 1)

struct options {
	unsigned long times;
	unsigned int vcpu;
	bool bind;
};

struct watched {
	unsigned int number;
	unsigned long long sum;
};

static void usage(FILE *to)
{
	fprintf(to,
		"usage: hfevent ring [-c vcpu] [-n times] vm number\n"
		"       hfevent watch [-b] [-n lines] vm number...\n"
		"       hfevent query [vm...]\n"
		"       hfevent -h | -V\n"
		"  -b        bind notifications to the VM, too\n"
		"  -c vcpu   which vCPU to ring (any)\n"
		"  -n times  how often to ring (1)\n"
		"  -n lines  how many to print (0 = until interrupted)\n"
		"  vm        its id\n"
		"  number    of the doorbell, 0 to %d: interrupt, or bit of a notification\n",
		HF_EVENT_NUMBERS - 1);
}

static void wrong_usage(void)
{
	usage(stderr);
	exit(2);
}

static unsigned long number(const char *text, const char *what, unsigned long most)
{
	unsigned long long value;
	char *end;

	errno = 0;
	value = strtoull(text, &end, 0);
	if (errno || end == text || *end || strchr(text, '-') || value > most) {
		fprintf(stderr, "hfevent: %s: '%s' is not a number from 0 to %lu\n", what, text,
			most);
		exit(2);
	}
	return value;
}

static unsigned int vm_number(const char *text)
{
	return number(text, "VM id", UINT16_MAX);
}

static unsigned int bell_number(const char *text)
{
	return number(text, "number", HF_EVENT_NUMBERS - 1);
}

static int open_device(void)
{
	int dev = open(DEVICE, O_RDWR | O_CLOEXEC);

	if (dev >= 0)
		return dev;
	fprintf(stderr, "hfevent: " DEVICE ": %s%s\n", strerror(errno),
		errno == ENOENT ? " (is hafnium.ko loaded?)" : "");
	exit(2);
}

/* 0 or -errno. */
static int query(int dev, unsigned int vm, struct hf_event_info *info)
{
	*info = (struct hf_event_info){ .vm = vm };
	return ioctl(dev, HF_EVENT_QUERY, info) < 0 ? -errno : 0;
}

/* Ends if the VM cannot be used; what is said later is about the call itself. */
static struct hf_event_info need_vm(int dev, unsigned int vm)
{
	struct hf_event_info info;
	int err = query(dev, vm, &info);

	if (!err)
		return info;
	fprintf(stderr, "hfevent: VM %u: %s\n", vm,
		err == -ENODEV ? "there is none" :
		err == -EACCES ? "needs CAP_SYS_ADMIN, or to own the VM" :
		err == -EPIPE ? "dead" : strerror(-err));
	exit(err == -EPIPE ? 1 : 2);
}

static const char *kind(const struct hf_event_info *info)
{
	return info->rings == HF_EVENT_INTERRUPT ? "interrupt" : "notification";
}

static int failed_to_ring(const struct hf_event_info *info, unsigned int bell, int err)
{
	fprintf(stderr, "hfevent: VM %u, number %u: %s\n", info->vm, bell,
		err == EACCES ? "the VM has not bound this notification" :
		err == EPIPE ? "the VM is dead" :
		err == EOPNOTSUPP ? "the hypervisor knows no such vCPU" :
		err == EINVAL && info->numbers >> bell & 1 ? "no such vCPU can be named" :
		err == EINVAL ? "the VM cannot be rung by it" : strerror(err));
	return err == EACCES || err == EPIPE ? 1 : 2;
}

static int ring(const struct options *o, int argc, char **argv)
{
	struct hf_event_route route = { .fd = -1, .vcpu = o->vcpu };
	struct hf_event_info info;
	unsigned long i;
	int dev;

	if (argc != 2)
		wrong_usage();
	route.vm = vm_number(argv[0]);
	route.number = bell_number(argv[1]);
	dev = open_device();
	info = need_vm(dev, route.vm);
	if (!info.rings) {
		fprintf(stderr, "hfevent: this hypervisor has no way to ring a VM\n");
		return 2;
	}
	for (i = 0; i < o->times; i++) {
		if (ioctl(dev, HF_EVENT_RING, &route) < 0)
			return failed_to_ring(&info, route.number, errno);
	}
	printf("VM %u: %s %u, rung %lu times\n", route.vm, kind(&info), route.number, i);
	return 0;
}

/* Prints what one eventfd has; whether that was anything. */
static bool tell(int fd, unsigned int vm, struct watched *bell)
{
	eventfd_t count;

	if (eventfd_read(fd, &count))
		return false;
	bell->sum += count;
	printf("VM %u: number %u: %llu rings, %llu in all\n", vm, bell->number,
	       (unsigned long long)count, bell->sum);
	return true;
}

static int watch_all(const struct options *o, struct pollfd *fds, unsigned int vm,
		     struct watched *bells, int count)
{
	unsigned long lines = 0;
	int i;

	for (;;) {
		if (poll(fds, count + 1, -1) < 0 && errno != EINTR) {
			perror("hfevent: poll");
			return 2;
		}
		for (i = 0; i < count; i++) {
			lines += tell(fds[i].fd, vm, &bells[i]);
			if (o->times && lines == o->times)
				return 0;
		}
		if (fds[count].revents) {
			fprintf(stderr, "hfevent: VM %u is dead\n", vm);
			return 1;
		}
	}
}

static const char *listen_error(int err)
{
	switch (err) {
	case EBUSY:
		return "there is a listener, or another VM has the notification";
	case EOPNOTSUPP:
		return "the primary binds no notifications on this hypervisor";
	default:
		return strerror(err);
	}
}

static int watch(const struct options *o, int argc, char **argv)
{
	struct watched bells[HF_EVENT_NUMBERS] = { 0 };
	struct pollfd fds[HF_EVENT_NUMBERS + 1];
	struct hf_event_route route = { .vcpu = HF_EVENT_VCPU_ANY };
	int i, dev;

	if (argc < 2 || argc > HF_EVENT_NUMBERS + 1)
		wrong_usage();
	route.vm = vm_number(argv[0]);
	for (i = 0; i < argc - 1; i++)
		bells[i].number = bell_number(argv[i + 1]);
	route.flags = o->bind ? HF_EVENT_BIND : 0;
	dev = open_device();
	need_vm(dev, route.vm);
	for (i = 0; i < argc - 1; i++) {
		route.fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
		route.number = bells[i].number;
		if (route.fd < 0 || ioctl(dev, HF_EVENT_LISTEN, &route) < 0) {
			fprintf(stderr, "hfevent: VM %u, number %u: %s\n", route.vm, route.number,
				listen_error(errno));
			return errno == EPIPE ? 1 : 2;
		}
		fds[i] = (struct pollfd){ .fd = route.fd, .events = POLLIN };
	}
	fds[i] = (struct pollfd){ .fd = dev };
	printf("hfevent: VM %u, %d numbers\n", route.vm, i);
	return watch_all(o, fds, route.vm, bells, i);
}

/* As "0,4-63". */
static void print_numbers(uint64_t bits)
{
	const char *comma = "";
	int first, last;

	for (first = 0; first < HF_EVENT_NUMBERS; first = last + 1) {
		last = first;
		if (!(bits >> first & 1))
			continue;
		while (last + 1 < HF_EVENT_NUMBERS && bits >> (last + 1) & 1)
			last++;
		printf("%s%d", comma, first);
		if (last > first)
			printf("-%d", last);
		comma = ",";
	}
}

static void print_info(const struct hf_event_info *info)
{
	printf("VM %u: vcpus=%u rings=%s numbers=", info->vm, info->vcpus,
	       info->rings ? kind(info) : "none");
	print_numbers(info->numbers);
	printf(" listens=message%s\n",
	       info->listens & HF_EVENT_NOTIFICATION ? ",notification" : "");
}

static int query_all(int dev)
{
	struct hf_event_info info;
	unsigned int vm, found = 0;
	int err;

	for (vm = VM_LOWEST; vm <= VM_HIGHEST; vm++) {
		err = query(dev, vm, &info);
		if (err == -ENODEV || err == -EACCES)
			continue;
		found++;
		if (err)
			printf("VM %u: %s\n", vm, err == -EPIPE ? "dead" : strerror(-err));
		else
			print_info(&info);
	}
	if (found)
		return 0;
	fprintf(stderr, "hfevent: there is no VM that you may use\n");
	return 2;
}

static int query_some(const struct options *o, int argc, char **argv)
{
	struct hf_event_info info;
	int i, dev;

	(void)o;
	for (i = 0; i < argc; i++)
		vm_number(argv[i]);
	dev = open_device();
	for (i = 0; i < argc; i++) {
		info = need_vm(dev, vm_number(argv[i]));
		print_info(&info);
	}
	return argc ? 0 : query_all(dev);
}

static const struct {
	const char *name, *options;
	unsigned long times;	/* unless given */
	int (*run)(const struct options *o, int argc, char **argv);
} commands[] = {
	{ "ring",	"c:n:h",	1,	ring },
	{ "watch",	"bn:h",		0,	watch },
	{ "query",	"h",		0,	query_some },
};

static void parse(struct options *o, int argc, char **argv, const char *options)
{
	int c;

	while ((c = getopt(argc, argv, options)) != -1) {
		switch (c) {
		case 'b':
			o->bind = true;
			break;
		case 'c':
			o->vcpu = number(optarg, "vCPU", UINT16_MAX);
			break;
		case 'n':
			o->times = number(optarg, "times", UINT32_MAX);
			break;
		case 'h':
			usage(stdout);
			exit(0);
		default:
			wrong_usage();
		}
	}
}

int main(int argc, char **argv)
{
	struct options o = { .vcpu = HF_EVENT_VCPU_ANY };
	unsigned int i;

	if (argc > 1 && !strcmp(argv[1], "-h")) {
		usage(stdout);
		return 0;
	}
	if (argc > 1 && !strcmp(argv[1], "-V")) {
		puts("hfevent " HF_VERSION);
		return 0;
	}
	for (i = 0; argc > 1 && i < sizeof(commands) / sizeof(commands[0]); i++) {
		if (strcmp(argv[1], commands[i].name))
			continue;
		o.times = commands[i].times;
		parse(&o, argc - 1, argv + 1, commands[i].options);
		setvbuf(stdout, NULL, _IOLBF, 0);
		return commands[i].run(&o, argc - 1 - optind, argv + 1 + optind);
	}
	wrong_usage();
}
