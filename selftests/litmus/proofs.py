# SPDX-License-Identifier: GPL-2.0
"""What the proofs (litmus tests, Promela models) and their runners have in common.

A proof says in its head comment, by fixed keys, what it is about:

    Sites:  hf_vcpu.c:(B) kick_runner(), hf_vcpu.c:hf_vcpu_stop()
    Twins:  B, C+D                      (litmus: barriers to take away, one twin each)
    Mutant: NAME  what is wrong in it   (spin: one -D define each)

A value may go on in the following lines, indented deeper than the key. litmus/run, spin/run and
lint/check-ordering read heads with this module, so that they cannot understand them differently.
"""

import pathlib
import re

SELFTESTS = pathlib.Path(__file__).resolve().parent.parent
LITMUS = SELFTESTS / "litmus"
SPIN = SELFTESTS / "spin"

KEY = re.compile(r"^( ?)(Result|Sites|Twins|Mutant|Report|Run|Proves): +(.*)$")
SITE = re.compile(r"^(hf_\w+\.[ch]):(?:\((\w+)\) +)?(\w+)\(\)$")
LABEL = re.compile(r"//\s*\((\w+)\)(?:\s*->\s*(.*\S))?\s*$")


class ProofError(Exception):
    """A proof that cannot be understood; the text says which one and why."""


class Head:
    """The keys of one proof: a list of values for each key, in the order of the file."""

    def __init__(self, path):
        self.path = path
        self.values = {}
        comment = re.search(r"\(\*(.*?)\*\)" if path.suffix == ".litmus" else r"/\*\n(.*?)\*/",
                            path.read_text(), re.S)
        if not comment:
            raise ProofError(f"{path.name}: no head comment")
        last = None
        for line in comment.group(1).splitlines():
            line = re.sub(r"^ ?\*", "", line)
            key = KEY.match(line)
            if key:
                last = self.values.setdefault(key.group(2), [])
                last.append(key.group(3).strip())
            elif last and line.startswith("    ") and line.strip():
                last[-1] += " " + line.strip()
            else:
                last = None

    def one(self, key):
        """The only value of a key that must be there."""
        values = self.values.get(key, [])
        if len(values) != 1:
            raise ProofError(f"{self.path.name}: needs exactly one '{key}:' in its head")
        return values[0]

    def all(self, key):
        """All values of a key."""
        return self.values.get(key, [])

    def sites(self):
        """The places in the C code that this proof is about: (file, label or None, function)."""
        found = []
        for text in self.one("Sites").split(","):
            site = SITE.match(text.strip())
            if not site:
                raise ProofError(f"{self.path.name}: cannot read the site '{text.strip()}'")
            found.append(site.groups())
        return found


def litmus_twins(path):
    """{name: text} of the twins of a litmus test.

    A barrier's line carries its label, and what to write instead if it cannot just go:
        smp_mb(); // (D)
        smp_store_mb(*state, 1); // (E) -> WRITE_ONCE(*state, 1);
    So a twin differs from its test in that barrier and in nothing else.
    """
    lines = path.read_text().splitlines()
    labels = {m.group(1) for m in map(LABEL.search, lines) if m}
    twins = {}
    wanted = [t.strip() for t in Head(path).one("Twins").split(",")]
    for twin in wanted:
        away = twin.split("+")
        missing = set(away) - labels
        if missing:
            raise ProofError(f"{path.name}: twin {twin}: no line is labelled ({missing.pop()})")
        name = f"{path.stem}-broken-{twin}"
        body = []
        for line in lines:
            label = LABEL.search(line)
            if label and label.group(1) in away:
                line = "\t" + (label.group(2) or "") + f" // without ({label.group(1)})"
            body.append(line)
        body[0] = f"C {name}"
        twins[name] = "\n".join(body) + "\n"
    unused = labels - {label for twin in wanted for label in twin.split("+")}
    if unused:
        raise ProofError(f"{path.name}: no twin takes ({unused.pop()}) away")
    return twins


class Ktap:
    """Results as KTAP on standard output; the exit status and the last line sum them up."""

    def __init__(self, plan):
        self.plan, self.passed, self.failed = plan, 0, 0
        print(f"KTAP version 1\n1..{plan}", flush=True)

    def result(self, good, name, note=""):
        """One test."""
        self.passed += bool(good)
        self.failed += not good
        number = self.passed + self.failed
        print(f"{'' if good else 'not '}ok {number} {name}", flush=True)
        for line in note.splitlines() if not good else []:
            print(f"# {line}", flush=True)

    def finish(self):
        """The summary; returns the exit status."""
        print(f"{self.passed} passed, {self.failed} failed", flush=True)
        return 0 if not self.failed and self.passed == self.plan else 1
