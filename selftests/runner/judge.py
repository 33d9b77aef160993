# SPDX-License-Identifier: GPL-2.0
"""
The verdict of a run: KTAP, kernel log, emulator.

Owns the list of lines that no console may show, the rule whose data race is
whose, and the rule that whatever is missing counts as a failure.
"""
import re

from . import ktap

# Each is a complaint of the kernel, of one of its detectors, of a hypervisor or
# of a guest.
COMPLAINTS = re.compile("|".join((
    r"WARNING:", r"\bBUG\b", r"\bOops\b", r"cut here", r"Kernel panic", r"Call trace:",
    r"Unable to handle kernel", r"Internal error", r"unhandled signal", r"segfault",
    r"INFO: task .* blocked for more than", r"soft lockup", r"hard LOCKUP",
    r"rcu.*(?:stall|self-detected)", r"possible (?:circular|recursive) locking",
    r"inconsistent lock state", r"suspicious RCU usage", r"bad unlock balance",
    r"held lock freed", r"sleeping function called", r"scheduling while atomic",
    r"KASAN", r"KCSAN", r"UBSAN", r"refcount_t:", r"kmemleak: \d+ new suspected",
    r"ODEBUG:", r"list_(?:add|del) corruption", r"unable to enumerate",
    r"huh, entered softirq", r"debugfs: .*already present",
    # Said once a boot, to blame a module or a program of ours. The host may be to blame
    # for a work item that is slow, unless it is ours.
    r"\bdeprecated\b", r"\bobsolete\b", r"\bwill (?:be removed|stop working)\b",
    r"\[(?:hafnium|hf_\w+)\] hogged CPU", r"Freezing .* failed after",
    # The module's own: its stall detector had to help, whoever got an answer.
    r"a lost wake-up",
    # What is not shown may be a complaint.
    r"printk messages dropped",
    # A detector that gives up finds nothing any more.
    r"kmemleak: (?:Cannot|.*disabled|.*Memory pool empty)", r"lockdep is turned off",
    r"trying to register non-static key", r"turning off the locking correctness",
    r"PANIC", r"[Uu]nhandled (?:guest )?exception",
    # Hafnium's own: it writes the level of a line first.
    r"^ERROR: ", r"\bPanic: ",
)))

# What Hafnium says of itself as it boots on a machine whose device tree has no node
# for either: whole lines, for only a line of Linux has a time in front.
HAFNIUMS_CHATTER = re.compile(
    r"WARNING: (?:Device memory not provided, defaulting to 1 TB\.|"
    r"Missing NS memory ranges, default to 1TB\.)")

# After these nothing comes that a test could say. Hafnium spins, for ever.
FATAL = re.compile(r"\bPanic: |HYP PANIC|Kernel panic - ")


RACE = re.compile(r"BUG: KCSAN: ")
RACE_COMPLETE = re.compile(r"Reported by Kernel Concurrency Sanitizer")
# One of the two accesses, and what it is followed by: who did it, his caller, ...
ACCESS = re.compile(r"\b(?:read|write|read-write|assert \S+)\b.* of \d+ bytes by ")
FRAME = re.compile(r"\s\S+\+0x[0-9a-f]+/0x[0-9a-f]+")
OUR_FRAME = re.compile(r"\[(?:hafnium|hf_\w+)\]")
# An access is ours if it is in our code or in a function that we call, as
# find_first_bit(). What is further away, say in the waker of a poll(), has
# rules that we cannot keep or break. Functions of rhashtable.h are compiled into
# the module; what they call is the hash table's, as it grows beside insertions.
OUR_DEPTH = 2
HEADERS_FRAME = re.compile(r"\s_*(?:rhashtable|rht)_\S+\+0x")
# capable() notes in the caller's own flags that it was asked; the scheduler reads them.
# sk_common_release() says of itself that messages may still be on their way to the
# socket that it takes from its process: others read what it clears. A race with either
# is ours only if the other access is in our code.
OTHERS_AFFAIR = re.compile(r"\b(?:(?:ns_)?capable(?:_noaudit)?|sk_common_release)\b")
# The hash table moves its chains. An insertion that the compiler has put into a function
# of ours locks them, marked as what it is; other accesses there are ours.
TABLE_MOVES = re.compile(r"\brht_deferred_worker\b")
MARKED = re.compile(r"\(marked\)")


def is_ours(frame, depth, deepest):
    """Whether the function makes the access ours; the first one is where it is."""
    if not OUR_FRAME.search(frame):
        return False
    return depth <= deepest and (depth == 1 or not HEADERS_FRAME.search(frame))


def strangers_races(console):
    """
    Indices of the titles of KCSAN's reports about what is not ours. Core
    kernel code has races that its authors know of; ours are marked as such
    or are mistakes. A report that is cut off could have been ours.
    """
    titles, title, ours, depth, deepest = [], None, False, 0, 0
    for index, line in enumerate(console):
        if RACE.search(line):
            title, ours, depth = index, False, 0
            moves = TABLE_MOVES.search(line)
            most = deepest = 1 if OTHERS_AFFAIR.search(line) else OUR_DEPTH
        elif title is not None and ACCESS.search(line):
            depth, deepest = 0, 0 if moves and MARKED.search(line) else most
        elif FRAME.search(line):
            depth += 1
            ours = ours or is_ours(line, depth, deepest)
        if RACE_COMPLETE.search(line):
            if title is not None and not ours:
                titles.append(title)
            title = None
    return titles


def complaints(console, allowed=None):
    """Lines of the console that must not be there."""
    allow = re.compile(allowed) if allowed else None
    races = set(strangers_races(console))
    return [line for index, line in enumerate(console)
            if COMPLAINTS.search(line) and index not in races
            and not HAFNIUMS_CHATTER.fullmatch(line)
            and not (allow and allow.search(line))]


class Verdict:
    """What a run showed: results by name, and what is wrong with the whole."""

    def __init__(self, results, problems, notes=()):
        self.leaves = [leaf for result in results for leaf in result.leaves()]
        self.problems = problems
        self.notes = list(notes)

    @property
    def passed(self):
        return sum(not leaf.failed and not leaf.skipped for _, leaf in self.leaves)

    @property
    def skipped(self):
        return sum(leaf.skipped for _, leaf in self.leaves)

    @property
    def failed(self):
        return sum(leaf.failed for _, leaf in self.leaves)

    @property
    def good(self):
        return not self.failed and not self.problems


def judge(outcome, expected, allowed=None):
    """
    outcome: what boot.Boot left behind. expected: names of the tests that the
    run was told to run, in order, or None. allowed: a pattern of complaints
    that belong to the run.
    """
    results, problems = ktap.parse(outcome.ktap)
    got = [result.name for result in results]
    if expected is not None and got != expected:
        missing = [name for name in expected if name not in got]
        problems.append(f"asked for {len(expected)} tests, got {len(got)}"
                        + (f"; missing: {', '.join(missing)}" if missing else ""))
    for result in results:
        if expected and not result.children and not result.skipped and not result.failed:
            problems.append(f"{result.name}: reported no subtests")
    problems += [f"console: {line.strip()}" for line in complaints(outcome.console, allowed)
                 if line != outcome.fatal]
    if outcome.fatal:
        problems.insert(0, f"the machine stopped: {outcome.fatal.strip()}")
    elif outcome.timed_out:
        problems.append(f"timeout after {outcome.seconds:.0f} s")
    elif outcome.status != 0:
        problems.append(f"qemu ended with status {outcome.status}")
    races = len(strangers_races(outcome.console))
    return Verdict(results, problems,
                   [f"{races} data races in the kernel alone, not judged"] if races else ())
