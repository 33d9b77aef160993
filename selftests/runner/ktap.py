# SPDX-License-Identifier: GPL-2.0
"""
A strict reader of KTAP.

Owns the grammar: versions, plans, results, nesting by indentation. It does
not know what a run is or whether a skip is acceptable.

What is strict about it: a level without a plan, a plan that is not fulfilled,
a number out of sequence and a parent that passed over a failed child are all
problems, because each of them is how a test that died looks from outside.
"""
import re

VERSION = re.compile(r"(K?TAP) version (\d+)$")
PLAN = re.compile(r"1\.\.(\d+)(?:\s+#\s*SKIP\b\s*(.*))?$", re.I)
RESULT = re.compile(r"(not )?ok\b(?:\s+(\d+))?(?:\s+-)?\s*(.*)$")
DIRECTIVE = re.compile(r"(?:^|\s)#\s*(SKIP|TO[D]O|XFAIL|TIMEOUT|ERROR)\b:?\s*(.*)$", re.I)
# The harness numbers a skipped test but does not name it; this names it.
STARTED = re.compile(r"#\s+RUN\s+(\S+)\s+\.\.\.")


class Result:
    """One line `ok` or `not ok`, with the results nested before it."""

    def __init__(self, passed, number, name, directive, reason):
        self.passed = passed
        self.number = number
        self.name = name
        self.directive = directive
        self.reason = reason
        self.children = []
        self.notes = []

    @property
    def skipped(self):
        return self.passed and self.directive == "SKIP"

    @property
    def failed(self):
        return not self.passed or self.directive not in (None, "SKIP")

    def leaves(self, prefix=""):
        """Every result that stands for itself: none is below it, or it failed alone."""
        name = f"{prefix}{self.name}"
        alone = self.failed and not any(child.failed for child in self.children)
        if alone or not self.children:
            yield name, self
        for child in self.children:
            yield from child.leaves(f"{name}: ")


class Level:
    """The results of one indentation, until the parent's result closes it."""

    def __init__(self, indent, where):
        self.indent = indent
        self.where = where
        self.plan = None
        self.skip_all = None
        self.results = []
        self.notes = []
        self.started = None


class Parser:
    """Fed line by line; finish() returns (results, problems)."""

    def __init__(self):
        self.problems = []
        # The last is the deepest one that is open.
        self.levels = [Level(0, "top level")]
        self.seen_version = False

    def feed(self, line):
        text = line.strip()
        if not text:
            return
        indent = len(line) - len(line.lstrip(" "))
        if VERSION.match(text):
            self._open(indent)
            self.seen_version = self.seen_version or indent == 0
        elif PLAN.match(text):
            self._plan(indent, PLAN.match(text))
        elif RESULT.match(text):
            self._result(indent, RESULT.match(text))
        else:
            self._note(indent, text)

    def finish(self):
        while len(self.levels) > 1:
            level = self.levels.pop()
            self.problems.append(f"{level.where}: never got a result of its own")
            self._close(level)
        top = self.levels[0]
        if not self.seen_version:
            self.problems.append("no KTAP version line")
        self._close(top)
        return top.results, self.problems

    def _open(self, indent):
        """A version line starts a level, unless one is just starting there."""
        if indent > self.levels[-1].indent:
            parent = self.levels[-1]
            self.levels.append(Level(indent, f"{parent.where}, {len(parent.results) + 1}"))
        elif indent < self.levels[-1].indent or self.levels[-1].plan is not None:
            self.problems.append(f"{self.levels[-1].where}: a version line in the middle")

    def _at(self, indent):
        """The open level of this indentation; a plan may open one without a version."""
        if indent > self.levels[-1].indent:
            self._open(indent)
        return self.levels[-1]

    def _plan(self, indent, match):
        level = self._at(indent)
        if indent < level.indent:
            self.problems.append(f"{level.where}: the parent's plan in the middle")
            return
        if level.plan is not None:
            self.problems.append(f"{level.where}: a second plan")
            return
        level.plan = int(match.group(1))
        level.skip_all = match.group(2)

    def _result(self, indent, match):
        children, notes = None, []
        while len(self.levels) > 1 and self.levels[-1].indent > indent:
            child = self.levels.pop()
            self._close(child)
            children, notes = child, notes + child.notes
        level = self._at(indent)
        number = int(match.group(2)) if match.group(2) else None
        name, directive, reason = match.group(3), None, ""
        found = DIRECTIVE.search(name)
        if found:
            directive, reason = found[1].upper(), found[2]
            name = name[:found.start()].strip()
        result = Result(not match.group(1), number, name or level.started or f"#{number}",
                        directive, reason)
        result.notes = level.notes + notes
        level.notes, level.started = [], None
        if number != len(level.results) + 1:
            self.problems.append(f"{level.where}: result {len(level.results) + 1} says {number}")
        level.results.append(result)
        if children is not None:
            result.children = children.results
            self._agree(result, children)

    def _agree(self, result, children):
        bad = any(child.failed for child in children.results)
        if bad and not result.failed:
            self.problems.append(f"{result.name}: passed over a failed subtest")
        if children.skip_all is not None and not result.directive and not result.failed:
            result.directive, result.reason = "SKIP", children.skip_all

    def _note(self, indent, text):
        level = self.levels[-1]
        started = STARTED.match(text)
        if started and indent >= level.indent:
            level.started = started.group(1)
            level.notes = []
            return
        if text.startswith("Bail out!"):
            self.problems.append(f"{level.where}: {text}")
        level.notes.append(text)

    def _close(self, level):
        if level.plan is None:
            self.problems.append(f"{level.where}: no plan")
        elif level.plan != len(level.results):
            self.problems.append(
                f"{level.where}: {len(level.results)} results, {level.plan} planned")


def parse(lines):
    """(results, problems) of complete KTAP output."""
    parser = Parser()
    for line in lines:
        parser.feed(line)
    return parser.finish()
