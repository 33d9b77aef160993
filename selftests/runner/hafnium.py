# SPDX-License-Identifier: GPL-2.0
"""
What is different when a Hafnium of the user's takes the test hypervisor's place.

Owns which runs make sense there, what is cut from them, for which reasons a
test may skip, and the choice of QEMU's CPU by trying. Knows Hafnium by its
limits alone; nothing here depends on its version.
"""
import copy
import hashlib
import json
import os
import re

from . import boot, judge

# Its manifest parser takes a node whose name begins the name that it looks for: with
# vm2 to vm9 there, it takes vm1 for the vm10 that would be the next.
MOST_SECONDARIES = 7

# From the oldest on: a Hafnium that is newer than the CPU panics as it starts.
CPUS = ("cortex-a57", "cortex-a76", "max,sve=off,sme=off,pauth-impdef=on")
PROBE_SECONDS = 60

# v2.12 and later inject nothing, as the module found out.
UNKNOWN_HERE = re.compile(r"needs hf_testcall\.ko and the test hypervisor$|"
                          r"this level is not known$|this hypervisor injects no interrupts$|"
                          r"this hypervisor does not pass on the time of a yield$|"
                          r"this hypervisor has no FFA_MSG_SEND2$|"
                          r"needs 8 guests that echo$|"
                          r"the module stays loaded here$")
NO_GUEST = re.compile(r"no guest (\S+) (?:number (\d+)|with (\d+) vCPUs) in this boot$")

# What v2.9 and later say of guests that enable an interrupt of their mailbox, send to a
# mailbox that is full, or hang in their fault handler. Linux may write amid a line, of
# which the beginning has to do then, or nothing is left but Linux's time.
GUEST_ERRORS = ("api_interrupt_enable: invalid interrupt ID", "Cannot deliver message to VM ")
COMPLAINT_OF_GUESTS = "|".join([
    r"^ERROR: api_interrupt_enable: inv", r"^ERROR: Cannot d", r"^WARNING: Stage-2 page fault: ",
    *(rf"^ERROR: {re.escape(error[:end])}\[" for error in GUEST_ERRORS for end in range(15))])


def reason_against(run):
    """Why the run makes no sense on a Hafnium that is not ours; None if it does."""
    if not run.hyp:
        return "boots without a hypervisor"
    if run.module != "plain":
        return f"needs instrumentation in the module: {run.module}"
    if "hf_crash=1" in run.append:
        return "the machine's memory, which is dumped, includes the hypervisor's there"
    if any(vm.count(":") > 1 for vm in run.vms):
        return "VMs with UUIDs are partition packages there"
    if run.notify:
        return "the primary has no notifications there"
    return None


def choose(chosen):
    """
    From (run, tests) pairs to those that are booted and (run, reason) pairs. The level
    is the hypervisor's own: of runs that differ in it alone, the first is booted.
    """
    kept, skips, shapes = [], [], {}
    for run, tests in chosen:
        shape = (run.kernel, run.smp, tuple(run.vms), tuple(tests), run.icount, run.append,
                 run.params, run.memory)
        reason = reason_against(run)
        if not reason and shape in shapes:
            reason = f"differs from {shapes[shape]} in its level alone"
        if reason:
            skips.append((run, reason))
            continue
        shapes[shape] = run.name
        kept.append((cut(run), tests))
    return kept, skips


def cut(run):
    """The run with as many VMs as Hafnium's manifest can tell of: the first ones."""
    run = copy.copy(run)
    run.allow = "|".join(filter(None, (run.allow, COMPLAINT_OF_GUESTS)))
    run.vms, run.cut = run.vms[:MOST_SECONDARIES], run.vms[MOST_SECONDARIES:]
    return run


def is_fair(reason, run):
    """Whether a test may skip for this, beyond what is fair anywhere."""
    missing = NO_GUEST.search(reason)
    if not missing:
        return bool(UNKNOWN_HERE.search(reason))
    if missing[3]:
        return f"{missing[1]}:{missing[3]}" in run.cut
    there, gone = count(run.vms, missing[1]), count(run.cut, missing[1])
    return there <= int(missing[2]) < there + gone


def count(vms, guest):
    return sum(vm.partition(":")[0] == guest for vm in vms)


def find_cpu(path, memory, boots_on):
    """
    The first CPU on which the hypervisor in the file `path` brings Linux up, as
    boots_on(cpu) finds out; None if there is none. Known answers are in the file `memory`.
    """
    with open(path, "rb") as image:
        key = hashlib.sha256(image.read()).hexdigest()
    known = {}
    if os.path.exists(memory):
        with open(memory, encoding="utf-8") as file:
            known = json.load(file)
    if key not in known:
        cpu = next((cpu for cpu in CPUS if boots_on(cpu)), None)
        if not cpu:
            return None
        known[key] = cpu
        with open(memory, "w", encoding="utf-8") as file:
            json.dump(known, file, indent=1)
    return known[key]


def boots(machine, log_path, limit):
    """Whether Linux gets as far as its first process."""
    outcome = boot.boot(machine, limit, log_path,
                        lambda stream, line: stream == boot.KTAP, judge.FATAL)
    return bool(outcome.ktap)
