// SPDX-License-Identifier: GPL-2.0
/*
 * Test calls; see lib/testcall.h for what each of them does.
 *
 * Counters and holds are atomic variables, because a CPU that is held spins
 * without a lock; failure rules and forged exits are under one lock. The
 * counters of a whole VM (messages) are those of its vCPU 0.
 *
 * HFT_POINT_CPU_ON holds the vCPU that called CPU_ON.
 */
#include "testcalls.h"

#include "console.h"

#define HOLD_SECONDS	2
#define RULES_MAX	16

struct rule {
	u32 func;
	s32 error;
	u64 count;	/* 0 = free */
	u64 skip;
};

static struct spinlock lock;
static struct rule rules[RULES_MAX];

/* Most calls fail nothing: they look here only. */
static u32 rules_active;

/* Atomic each; 0 = no delays. CPUs that race here only make it more random. */
static u64 jitter_state;
static u64 jitter_one_in;
static u64 jitter_ticks;

static u32 load(const u32 *p)
{
	return __atomic_load_n(p, __ATOMIC_ACQUIRE);
}

static void store(u32 *p, u32 value)
{
	__atomic_store_n(p, value, __ATOMIC_RELEASE);
}

static struct vcpu *vcpu_of(u64 id)
{
	return vcpu_find(id >> 16, id & 0xffff);
}

void testcall_count(struct vcpu *vcpu, unsigned int counter)
{
	__atomic_fetch_add(&vcpu->counts[counter], 1, __ATOMIC_RELAXED);
}

static s64 count_all(u64 counter)
{
	u64 sum = 0;

	for (unsigned int i = 0; i < vm_count; i++) {
		for (u16 j = 0; j < vms[i].vcpu_count; j++)
			sum += __atomic_load_n(&vms[i].vcpus[j].counts[counter],
					       __ATOMIC_RELAXED);
	}
	return (s64)sum;
}

/* Messages are counted per VM, whichever vCPU is named. */
static bool is_of_vm(u64 counter)
{
	switch (counter) {
	case HFT_COUNT_SEND:
	case HFT_COUNT_RECEIVE:
	case HFT_COUNT_OVERWRITE:
	case HFT_COUNT_DISCARD:
	case HFT_COUNT_TWICE:
	case HFT_COUNT_NOTIFICATION_GET:
		return true;
	}
	return false;
}

static s64 count_get(u64 counter, u64 id)
{
	struct vcpu *vcpu;

	if (counter >= ARRAY_SIZE(vcpu->counts))
		return -1;
	if (id == HFT_ALL)
		return count_all(counter);
	if (is_of_vm(counter))
		id &= ~0xffffUL;
	vcpu = vcpu_of(id);
	return vcpu ? (s64)__atomic_load_n(&vcpu->counts[counter], __ATOMIC_RELAXED) : -1;
}

static s64 hold_arm(struct vcpu *vcpu, u32 point, u32 skip)
{
	if (!vcpu || point >= HFT_POINTS)
		return -1;
	store(&vcpu->hold.point, HFT_POINT_NONE);
	store(&vcpu->hold.skip, skip);
	store(&vcpu->hold.point, point);
	return 0;
}

static s64 hold_release(struct vcpu *vcpu)
{
	if (!vcpu)
		return -1;
	/* The held CPU goes on when it sees that it is not held any more. */
	return __atomic_exchange_n(&vcpu->hold.held, HFT_POINT_NONE, __ATOMIC_ACQ_REL) ? 0 : -1;
}

static s64 jitter_set(u64 seed, u64 one_in, u64 longest_ns)
{
	if (!one_in)
		return -1;
	__atomic_store_n(&jitter_one_in, one_in, __ATOMIC_RELAXED);
	__atomic_store_n(&jitter_ticks, longest_ns * counter_hz() / 1000000000,
			 __ATOMIC_RELAXED);
	__atomic_store_n(&jitter_state, seed, __ATOMIC_RELAXED);
	return 0;
}

/* While a CPU yields, others run: under QEMU's icount there is no other moment. */
void testcall_jitter(void)
{
	u64 random = __atomic_load_n(&jitter_state, __ATOMIC_RELAXED);
	u64 deadline;

	if (!random)
		return;
	random ^= random << 13;
	random ^= random >> 7;
	random ^= random << 17;
	__atomic_store_n(&jitter_state, random, __ATOMIC_RELAXED);
	if ((random >> 8) % __atomic_load_n(&jitter_one_in, __ATOMIC_RELAXED))
		return;

	deadline = __atomic_load_n(&jitter_ticks, __ATOMIC_RELAXED) >> (random >> 32) % 8;
	deadline = counter() + (random >> 40) % (deadline + 1);
	do {
		cpu_relax();
	} while (counter() < deadline);
}

void testcall_point(struct vcpu *vcpu, u32 point)
{
	u64 deadline;

	testcall_jitter();
	if (load(&vcpu->hold.point) != point)
		return;
	if (vcpu->hold.skip) {
		store(&vcpu->hold.skip, vcpu->hold.skip - 1);
		return;
	}

	deadline = counter() + HOLD_SECONDS * counter_hz();
	store(&vcpu->hold.point, HFT_POINT_NONE);
	store(&vcpu->hold.held, point);
	while (load(&vcpu->hold.held) && counter() < deadline)
		cpu_relax();
	store(&vcpu->hold.held, HFT_POINT_NONE);
}

static struct rule *rule_for(u32 func)
{
	struct rule *unused = NULL;

	for (unsigned int i = 0; i < RULES_MAX; i++) {
		if (rules[i].count && rules[i].func == func)
			return &rules[i];
		if (!rules[i].count)
			unused = &rules[i];
	}
	return unused;
}

static s64 rule_set(u32 func, s32 error, u64 count, u64 skip)
{
	struct rule *rule;
	u32 active = 0;
	s64 left = -1;

	spin_lock(&lock);
	rule = rule_for(func);
	if (rule) {
		left = count ? 0 : (s64)rule->count;
		*rule = (struct rule){ func, error, count, skip };
	}
	for (unsigned int i = 0; i < RULES_MAX; i++)
		active += rules[i].count != 0;
	store(&rules_active, active);
	spin_unlock(&lock);
	return left;
}

bool testcall_fails(u32 func, s32 *error)
{
	struct rule *rule;
	bool fails = false;

	if (!load(&rules_active))
		return false;

	spin_lock(&lock);
	rule = rule_for(func);
	if (rule && rule->count) {
		if (rule->skip) {
			rule->skip--;
		} else {
			fails = true;
			*error = rule->error;
			if (!--rule->count)
				store(&rules_active, rules_active - 1);
		}
	}
	spin_unlock(&lock);
	return fails;
}

static s64 forge_exit(struct vcpu *vcpu, const u64 *w)
{
	s64 result = -1;

	if (!vcpu)
		return -1;
	spin_lock(&lock);
	if (!vcpu->forged.armed) {
		vcpu->forged.value = (struct ffa_value){ .w = { w[0], w[1], w[2], w[3] } };
		__atomic_store_n(&vcpu->forged.armed, true, __ATOMIC_RELEASE);
		result = 0;
	}
	spin_unlock(&lock);
	return result;
}

bool testcall_forged_exit(struct vcpu *vcpu, struct ffa_value *value)
{
	struct vm *primary = &vms[0];
	bool forged;

	if (!__atomic_load_n(&vcpu->forged.armed, __ATOMIC_ACQUIRE))
		return false;

	spin_lock(&lock);
	forged = vcpu->forged.armed;
	*value = vcpu->forged.value;
	vcpu->forged.armed = false;
	spin_unlock(&lock);

	if (forged && (u32)value->w[0] == FFA_MSG_SEND &&
	    (value->w[1] & 0xffff) == HF_PRIMARY_ID) {
		spin_lock(&primary->lock);
		mailbox_own_locked(primary);
		spin_unlock(&primary->lock);
	}
	return forged;
}

/* Seen when a vCPU of it is run, or leaves its guest. */
static s64 kill(u64 id)
{
	struct vm *vm = vm_find(id);

	if (!vm || vm_is_primary(vm))
		return -1;
	__atomic_store_n(&vm->killed, true, __ATOMIC_RELEASE);
	return 0;
}

static s64 signal_set(u64 id, u64 number)
{
	struct vm *vm = vm_find(id);

	if (!vm)
		return -1;
	__atomic_store_n(&vm->signal, number, __ATOMIC_RELAXED);
	return 0;
}

u64 testcall_signal(const struct vm *vm)
{
	return __atomic_load_n(&vm->signal, __ATOMIC_RELAXED);
}

void testcall_kill(struct vcpu *vcpu, struct exit *exit)
{
	log_line("HYP VM %u aborted: by a test call of its own", vcpu->vm->id);
	exit_abort(exit, vcpu);
}

bool testcall(const u64 *x, s64 *result)
{
	struct vcpu *vcpu = vcpu_of(x[1]);

	switch (x[0]) {
	case HFT_VERSION:
		*result = HFT_MAGIC;
		return true;
	case HFT_COUNT:
		*result = count_get(x[1], (u32)x[2]);
		return true;
	case HFT_HOLD:
		*result = hold_arm(vcpu, (u32)x[2], (u32)x[3]);
		return true;
	case HFT_RELEASE:
		*result = hold_release(vcpu);
		return true;
	case HFT_HELD:
		*result = vcpu ? (s64)load(&vcpu->hold.held) : -1;
		return true;
	case HFT_FAIL:
		*result = rule_set((u32)x[1], (s32)x[2], x[3], x[4]);
		return true;
	case HFT_EXIT:
		*result = forge_exit(vcpu, &x[2]);
		return true;
	case HFT_QUIT:
		quit((u32)x[1]);
	case HFT_JITTER:
		*result = jitter_set(x[1], x[2], x[3]);
		return true;
	case HFT_KILL:
		*result = kill(x[1]);
		return true;
	case HFT_SIGNAL:
		*result = signal_set(x[1], x[2]);
		return true;
	}
	return false;
}
