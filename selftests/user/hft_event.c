// SPDX-License-Identifier: GPL-2.0
/* See hft_event.h. */
#include "hft_event.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

int hft_event_open(void)
{
	int dev = open(HFT_EVENT_DEVICE, O_RDWR | O_CLOEXEC);

	return dev < 0 ? -errno : dev;
}

int hft_event_query(int dev, unsigned int vm, struct hf_event_info *info)
{
	*info = (struct hf_event_info){ .vm = vm };
	return ioctl(dev, HF_EVENT_QUERY, info) ? -errno : 0;
}

int hft_event_call(int dev, unsigned long cmd, int fd, unsigned int vm, unsigned int vcpu,
		   unsigned int number, unsigned int flags)
{
	struct hf_event_route route = {
		.fd = fd, .flags = flags, .vm = vm, .vcpu = vcpu, .number = number,
	};
	int ret = ioctl(dev, cmd, &route);

	return ret < 0 ? -errno : ret;
}

int hft_eventfd(void)
{
	return eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
}

int hft_event_write(int fd)
{
	uint64_t one = 1;

	return write(fd, &one, sizeof(one)) == sizeof(one) ? 0 : -1;
}

uint64_t hft_event_read(int fd)
{
	uint64_t count = 0;

	return read(fd, &count, sizeof(count)) == sizeof(count) ? count : 0;
}

static int ask(int sock, const void *request, size_t len, void *answer, size_t size)
{
	if (send(sock, request, len, 0) != (ssize_t)len)
		return -1;
	return recv(sock, answer, size, 0) == (ssize_t)size ? 0 : -1;
}

int hft_event_zero(int sock)
{
	return ask(sock, "Z", 1, NULL, 0);
}

static int get_counts(int sock, uint8_t vcpu, uint64_t counts[HF_EVENT_NUMBERS])
{
	uint8_t request[] = { 'C', vcpu };

	return ask(sock, request, sizeof(request), counts,
		   HF_EVENT_NUMBERS * sizeof(*counts));
}

int64_t hft_event_count(int sock, unsigned int vcpu, unsigned int number)
{
	uint64_t counts[HF_EVENT_NUMBERS];

	return get_counts(sock, vcpu, counts) ? -1 : (int64_t)counts[number];
}

int64_t hft_event_others(int sock, unsigned int vcpu, unsigned int number)
{
	uint64_t counts[HF_EVENT_NUMBERS];
	int64_t all = 0;
	unsigned int i;

	if (get_counts(sock, vcpu, counts))
		return -1;
	for (i = 0; i < HF_EVENT_NUMBERS; i++)
		all += i == number ? 0 : counts[i];
	return all;
}

int hft_event_enable(int sock, unsigned int vcpu, unsigned int number, bool on)
{
	uint8_t request[] = { 'E', vcpu, number, on };
	int32_t answer;

	return ask(sock, request, sizeof(request), &answer, sizeof(answer)) ?: answer;
}

uint64_t hft_event_woken(int sock, unsigned int vcpu)
{
	uint8_t request[] = { 'T', vcpu };
	uint64_t ticks;

	return ask(sock, request, sizeof(request), &ticks, sizeof(ticks)) ? 0 : ticks;
}

static int ask_for_events(int sock, uint8_t command, uint64_t bits, uint32_t times,
			  void *answer, size_t size)
{
	struct __attribute__((packed)) {
		uint8_t command;
		uint64_t bits;
		uint32_t times;
	} request = { command, bits, times };

	return ask(sock, &request, sizeof(request), answer, size);
}

int hft_event_send(int sock, uint64_t bits, uint32_t times)
{
	return ask_for_events(sock, 'D', bits, times, NULL, 0);
}

int hft_event_notify(int sock, uint64_t bits, uint32_t times)
{
	int32_t status;

	return ask_for_events(sock, 'N', bits, times, &status, sizeof(status)) ?: status;
}
