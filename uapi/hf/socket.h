/* SPDX-License-Identifier: GPL-2.0 WITH Linux-syscall-note */
/*
 * AF_HF: sockets between the primary VM's userspace and Hafnium's secondary VMs.
 *
 * The layout and the numbers below are those of the driver that Hafnium used
 * to ship; binaries built against it keep working.
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

/* Largest payload of one message in bytes: the mailbox page less the message header. */
#define HF_MSG_PAYLOAD_MAX 4080

/**
 * struct hf_sockaddr - address of an AF_HF socket
 * @family: AF_HF.
 * @vm_id:  VM at this end; HF_VM_ID_PRIMARY in what getsockname() returns.
 * @port:   Port within that VM. Four bytes of padding precede it.
 */
struct hf_sockaddr {
	__kernel_sa_family_t family;
	__u16 vm_id;
	__u64 port;
};

#endif /* _UAPI_HF_SOCKET_H */
