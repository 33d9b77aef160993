// SPDX-License-Identifier: GPL-2.0-only
/*
 * Ports: which socket gets a message.
 *
 * Owns the table: VM and local port -> socket. Lookups are under RCU; sockets are
 * freed after a grace period (SOCK_RCU_FREE). Any context.
 *
 * Invariant: a socket's key is constant while it stands in the table. Of each port
 * either a socket of all VMs stands there, or sockets of different VMs.
 */
#include <linux/mutex.h>
#include <linux/random.h>
#include <linux/rhashtable.h>

#include "hf_port.h"
#include "hf_vm.h"

/* Free ports begin here or later, anew at each load: a guest may answer one of the last load. */
#define FIRST_FREE_PORT		0x10000

static const struct rhashtable_params port_params = {
	.key_len = sizeof(struct hf_port),
	.key_offset = offsetof(struct hf_sock, key),
	.head_offset = offsetof(struct hf_sock, port_node),
	.automatic_shrinking = true,
};

static struct rhashtable ports;
static atomic64_t last_free_port;

/* Serialises the search for what stands in the way of a port, and its insertion. */
static DEFINE_MUTEX(bind_lock);

/* Under RCU. */
static struct hf_sock *find_socket(u64 vm_id, u64 port)
{
	struct hf_port key = { port, vm_id };

	return rhashtable_lookup(&ports, &key, port_params);
}

/* Whether another socket has the port, of all VMs or of one of those of @vm_id. */
static bool is_taken(u16 vm_id, u64 port)
{
	struct hf_sock *taken;
	struct hf_vm *vm;
	unsigned long id;

	rcu_read_lock();
	taken = find_socket(HF_VM_ID_ANY, port) ?: find_socket(vm_id, port);
	if (vm_id == HF_VM_ID_ANY) {
		hf_for_each_vm(vm, id)
			taken = taken ?: find_socket(id, port);
	}
	rcu_read_unlock();
	return taken;
}

static int insert_port(struct hf_sock *hs, u64 port)
{
	int err = -EADDRINUSE;

	hs->key = (struct hf_port){ port, hs->from_vm };
	mutex_lock(&bind_lock);
	if (!is_taken(hs->from_vm, port))
		err = rhashtable_insert_fast(&ports, &hs->port_node, port_params);
	mutex_unlock(&bind_lock);
	if (err)
		return err;
	hs->bound = true;
	/* Not before: a message with the port of another socket would have its answer go there. */
	WRITE_ONCE(hs->local_port, port);
	return 0;
}

int hf_port_bind(struct hf_sock *hs, u64 port)
{
	int err;

	if (port != HF_PORT_ANY)
		return insert_port(hs, port);
	do {
		err = insert_port(hs, atomic64_inc_return_relaxed(&last_free_port));
	} while (err == -EADDRINUSE);
	return err;
}

void hf_port_unbind(struct hf_sock *hs)
{
	if (!hs->bound)
		return;
	rhashtable_remove_fast(&ports, &hs->port_node, port_params);
	hs->bound = false;
	WRITE_ONCE(hs->local_port, HF_PORT_ANY);
}

struct sock *hf_port_find(u16 vm_id, u64 port)
{
	struct hf_sock *hs = find_socket(HF_VM_ID_ANY, port) ?: find_socket(vm_id, port);

	return hs ? &hs->sk : NULL;
}

int hf_port_init(void)
{
	atomic64_set(&last_free_port, FIRST_FREE_PORT + ((u64)get_random_u32() << 16));
	return rhashtable_init(&ports, &port_params);
}

void hf_port_exit(void)
{
	rhashtable_destroy(&ports);
}
