// SPDX-License-Identifier: GPL-2.0
/*
 * Interrupts of a device reach a VM: by VFIO, without a program in between, and by
 * UIO with one.
 *
 * Needs QEMU's PCI device edu, which interrupts whenever it is told to, behind an
 * IOMMU, and an event guest with two vCPUs where interrupts are injected.
 */
#include <dirent.h>
#include <fcntl.h>
#include <linux/vfio.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "hft_event.h"
#include "hft_shell.h"
#include "hft_harness.h"

#define ID		10
#define DONE		5	/* doorbell by which the guest says that the cause is gone */
#define TIMES		50
#define DEVICES		"/sys/bus/pci/devices"

/* Registers of edu: to raise an interrupt, and to take it back. */
#define EDU_RAISE	(0x60 / 4)
#define EDU_ACK		(0x64 / 4)
#define EDU_SIZE	(1 << 20)

/* Offset of the command register in configuration space; masks INTx. */
#define PCI_COMMAND	4
#define INTX_DISABLE	0x400

static bool is_edu(const char *device)
{
	char path[300];

	snprintf(path, sizeof(path), DEVICES "/%s/device", device);
	return !strncmp(hft_text(path), "0x11e8", 6);
}

/* Its name in sysfs; false if there is none. */
static bool find_edu(char *name, size_t size)
{
	DIR *dir = opendir(DEVICES);
	struct dirent *entry;
	bool found = false;

	while (dir && !found && (entry = readdir(dir))) {
		found = is_edu(entry->d_name);
		if (found)
			snprintf(name, size, "%.15s", entry->d_name);
	}
	if (dir)
		closedir(dir);
	return found;
}

FIXTURE(event_device) {
	unsigned int vm;
	int dev, sock, fd;
	char edu[16];
	volatile uint32_t *regs;
	int container, group, vfio;
};

static int give_to(const char *edu, const char *driver, const char *modules)
{
	return hft_shell("for m in %s; do [ ! -e /lib/$m.ko ] || [ -d /sys/module/${m//-/_} ] || "
			 "insmod /lib/$m.ko || exit; done; cd " DEVICES "/%s && "
			 "echo %s >driver_override && { [ ! -e driver ] || echo %s >driver/unbind; } && "
			 "echo %s >/sys/bus/pci/drivers_probe && [ -e driver ]",
			 modules, edu, driver, edu, edu);
}

FIXTURE_SETUP(event_device)
{
	self->container = -1;
	self->group = -1;
	self->vfio = -1;
	self->regs = MAP_FAILED;
	HFT_NEED_INJECTION();
	if (!hft_guest("event", 0))
		HFT_SKIP("no guest %s number %u in this boot", "event", 0);
	if (!find_edu(self->edu, sizeof(self->edu)))
		HFT_SKIP("no device %s in this boot", "edu");
	self->vm = hft_guest("event", 0)->id;
	self->dev = hft_event_open();
	self->sock = hft_connect(self->vm, 10);
	self->fd = hft_eventfd();
	ASSERT_LE(0, self->dev);
	ASSERT_LE(0, self->sock);
	ASSERT_EQ(0, hft_event_zero(self->sock));
}

FIXTURE_TEARDOWN(event_device)
{
	if (self->regs != MAP_FAILED)
		munmap((void *)self->regs, EDU_SIZE);
	close(self->vfio);
	close(self->group);
	close(self->container);
	close(self->dev);
	close(self->sock);
	close(self->fd);
}

#define COUNT()		hft_event_count(self->sock, 1, ID)
#define CALL(cmd, fd, vcpu, number) \
	hft_event_call(self->dev, HF_EVENT_##cmd, fd, self->vm, vcpu, number, 0)

static int open_group(const char *edu)
{
	char path[64], link[128];
	ssize_t len;

	snprintf(path, sizeof(path), DEVICES "/%s/iommu_group", edu);
	len = readlink(path, link, sizeof(link) - 1);
	if (len < 0)
		return -1;
	link[len] = '\0';
	snprintf(path, sizeof(path), "/dev/vfio/%s", strrchr(link, '/') + 1);
	return open(path, O_RDWR | O_CLOEXEC);
}

static volatile uint32_t *map_vfio(int vfio)
{
	struct vfio_region_info bar = {
		.argsz = sizeof(bar), .index = VFIO_PCI_BAR0_REGION_INDEX,
	};

	if (ioctl(vfio, VFIO_DEVICE_GET_REGION_INFO, &bar))
		return MAP_FAILED;
	return mmap(NULL, EDU_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, vfio, bar.offset);
}

/* The device's INTx: what it does to the eventfd, or the eventfd to it. */
static int wire(int vfio, uint32_t action, int eventfd)
{
	struct {
		struct vfio_irq_set set;
		int32_t fd;
	} irq = {
		.set = {
			.argsz = sizeof(irq),
			.flags = VFIO_IRQ_SET_DATA_EVENTFD | action,
			.index = VFIO_PCI_INTX_IRQ_INDEX,
			.count = 1,
		},
		.fd = eventfd,
	};

	return ioctl(vfio, VFIO_DEVICE_SET_IRQS, &irq);
}

/* VFIO signals the route's eventfd, and a doorbell of the VM lets the next one come. */
TEST_F(event_device, vfio_interrupt_reaches_the_vm_and_is_unmasked_by_it)
{
	int done = hft_eventfd();
	int i;

	ASSERT_EQ(0, give_to(self->edu, "vfio-pci", "irqbypass vfio vfio_virqfd "
			     "vfio_iommu_type1 vfio-pci-core vfio-pci")) {
		TH_LOG("%s", hft_text(HFT_ERRORS));
	}
	self->container = open("/dev/vfio/vfio", O_RDWR | O_CLOEXEC);
	self->group = open_group(self->edu);
	ASSERT_LE(0, self->group);
	ASSERT_EQ(0, ioctl(self->group, VFIO_GROUP_SET_CONTAINER, &self->container));
	ASSERT_EQ(0, ioctl(self->container, VFIO_SET_IOMMU, VFIO_TYPE1v2_IOMMU));
	self->vfio = ioctl(self->group, VFIO_GROUP_GET_DEVICE_FD, self->edu);
	ASSERT_LE(0, self->vfio);
	self->regs = map_vfio(self->vfio);
	ASSERT_NE(MAP_FAILED, self->regs);

	ASSERT_EQ(0, CALL(ASSIGN, self->fd, 1, ID));
	ASSERT_EQ(0, CALL(LISTEN, done, HF_EVENT_VCPU_ANY, DONE));
	ASSERT_EQ(0, wire(self->vfio, VFIO_IRQ_SET_ACTION_TRIGGER, self->fd));
	ASSERT_EQ(0, wire(self->vfio, VFIO_IRQ_SET_ACTION_UNMASK, done));
	for (i = 1; i <= TIMES; i++) {
		self->regs[EDU_RAISE] = 1;
		ASSERT_TRUE(hft_eventually(COUNT() == i));
		/* Masked, whatever the device says. */
		self->regs[EDU_RAISE] = 2;
		self->regs[EDU_ACK] = 3;
		EXPECT_EQ(i, COUNT());
		ASSERT_EQ(0, hft_event_send(self->sock, 1 << DONE, 1));
	}
	close(done);
}

static int open_config(const char *edu)
{
	char path[64];

	snprintf(path, sizeof(path), DEVICES "/%s/config", edu);
	return open(path, O_RDWR | O_CLOEXEC);
}

struct forwarder {
	int uio, config, dev, done;
	struct hf_event_route route;
};

/* What a program for UIO does: ring, wait for the guest, let the next one come. */
static int forward(void *arg)
{
	struct forwarder *f = arg;
	uint16_t command;
	uint32_t count;
	uint64_t times;

	while (read(f->uio, &count, sizeof(count)) == sizeof(count)) {
		if (ioctl(f->dev, HF_EVENT_RING, &f->route) < 0 ||
		    hft_poll(f->done, POLLIN, HFT_PATIENCE_MS) <= 0 ||
		    read(f->done, &times, sizeof(times)) != sizeof(times))
			return 1;
		if (pread(f->config, &command, sizeof(command), PCI_COMMAND) != sizeof(command))
			return 2;
		command &= ~INTX_DISABLE;
		if (pwrite(f->config, &command, sizeof(command), PCI_COMMAND) != sizeof(command))
			return 3;
	}
	return 4;
}

TEST_F(event_device, uio_interrupt_reaches_the_vm_by_a_program)
{
	struct forwarder f = {
		.dev = self->dev, .done = self->fd,
		.route = { .fd = -1, .vm = self->vm, .vcpu = 1, .number = ID },
	};
	char path[64];
	pid_t pid;
	int bar, i;

	ASSERT_EQ(0, give_to(self->edu, "uio_pci_generic", "uio uio_pci_generic")) {
		TH_LOG("%s", hft_text(HFT_ERRORS));
	}
	snprintf(path, sizeof(path), DEVICES "/%s/resource0", self->edu);
	bar = open(path, O_RDWR | O_CLOEXEC);
	self->regs = mmap(NULL, EDU_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, bar, 0);
	close(bar);
	ASSERT_NE(MAP_FAILED, self->regs);
	f.uio = open("/dev/uio0", O_RDWR | O_CLOEXEC);
	f.config = open_config(self->edu);
	ASSERT_LE(0, f.uio);
	ASSERT_LE(0, f.config);
	ASSERT_EQ(0, CALL(LISTEN, f.done, HF_EVENT_VCPU_ANY, DONE));
	pid = hft_spawn(forward, &f);
	for (i = 1; i <= TIMES; i++) {
		self->regs[EDU_RAISE] = 1;
		ASSERT_TRUE(hft_eventually(COUNT() == i));
		self->regs[EDU_ACK] = 1;
		ASSERT_EQ(0, hft_event_send(self->sock, 1 << DONE, 1));
	}
	EXPECT_EQ(0, waitpid(pid, NULL, WNOHANG));
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	close(f.uio);
	close(f.config);
}

TEST_HARNESS_MAIN
