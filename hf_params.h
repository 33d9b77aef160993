/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Parsing of module parameters, apart from module init so that it can be tested.
 */
#ifndef HF_PARAMS_H
#define HF_PARAMS_H

#include <linux/types.h>
#include <linux/uidgid.h>

/**
 * hf_params_vms() - parse "id:vcpus,..." and hand each VM to @create
 * @create: Called with each id and count; its error ends the parsing.
 *
 * Context: may sleep. Return: 0; -EINVAL, and a line says what is allowed;
 * -ENOMEM; what @create returned.
 */
int hf_params_vms(const char *text, int (*create)(u16 id, u16 nr_vcpus));

/**
 * hf_params_owners() - parse "vm:uid:gid,..." and hand each entry to @set
 * @set: Called with each VM, user and group, INVALID_UID or _GID for "-".
 *
 * Context: may sleep. Return: 0; -EINVAL, and a line says what is allowed;
 * -ENODEV if @set says so, and a line names the VM; -ENOMEM.
 */
int hf_params_owners(const char *text, int (*set)(u16 id, kuid_t uid, kgid_t gid));

#endif
