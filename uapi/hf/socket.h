/* SPDX-License-Identifier: GPL-2.0 WITH Linux-syscall-note */
/*
 * AF_HF: sockets between the primary VM's userspace and Hafnium's secondary VMs.
 *
 * The layout and the numbers below are those of the driver that Hafnium used
 * to ship; binaries built against it keep working. The manual is af_hf(7).
 */
#ifndef _UAPI_HF_SOCKET_H
#define _UAPI_HF_SOCKET_H

#include <linux/socket.h>
#include <linux/types.h>

/* Address and protocol family: the number of Econet, which Linux no longer has. */
#ifndef AF_HF
#define AF_HF 19
#define PF_HF AF_HF
#endif

/* VM id of the primary, that is, of the machine that runs this program. */
#define HF_VM_ID_PRIMARY 1

/* In bind(): messages from any VM, and the port is taken for all of them. */
#define HF_VM_ID_ANY 0xffff

/* In bind(): any free port. */
#define HF_PORT_ANY 0

/* Ports below this one need CAP_NET_BIND_SERVICE. */
#define HF_PORT_RESERVED 1024

/* Both ports of messages that carry AF_VSOCK; no socket of AF_HF can have or reach it. */
#define HF_PORT_VSOCK 0x800000000000002c

/* Largest payload of a SOCK_DGRAM message in bytes: the mailbox page less the message header. */
#define HF_MSG_PAYLOAD_MAX 4080

/**
 * struct hf_sockaddr - address of an AF_HF socket
 * @family: AF_HF.
 * @vm_id:  VM at this end; HF_VM_ID_PRIMARY in what getsockname() returns. In
 *          bind(): the VM whose messages are wanted, or HF_VM_ID_ANY.
 * @port:   Port within that VM. Four bytes of padding precede it.
 */
struct hf_sockaddr {
	__kernel_sa_family_t family;
	__u16 vm_id;
	__u64 port;
};

#endif /* _UAPI_HF_SOCKET_H */
