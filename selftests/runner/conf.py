# SPDX-License-Identifier: GPL-2.0
"""
selftests/runs.conf: which boots there are.

Owns the format of the table (described at its head) and the selection of runs
by name, tag and test.
"""
import fnmatch
import itertools
import os


# Kernels on which each boot ends by asking the detectors what they saw, and who asks.
SCANNED = {"kasan": "detectors", "kcsan": "detectors_kcsan"}


class ConfError(Exception):
    """The table, or the request, names something that does not exist."""


class Run:
    """One boot, as declared."""

    # Fields of a row and their defaults; those in PRODUCT multiply the row.
    DEFAULTS = {"kernel": "6.1", "smp": "2", "level": "2.7", "vms": "", "tests": "",
                "seconds": "300", "tags": "", "hyp": "yes", "cpu": "cortex-a57",
                "el2": "on", "memory": "1024", "params": "", "mem": "", "skips": "",
                "allow": "", "icount": "", "shift": "0", "module": "plain", "append": "",
                "programs": "", "alone": "no", "notify": "no", "device": "",
                "cells": "", "core": ""}
    PRODUCT = ("kernel", "smp", "level", "cpu", "el2")
    # A cell of the matrix is kernel/smp/level.
    CELL = ("kernel", "smp", "level")

    def __init__(self, name, base, fields):
        self.name = name
        self.base = base
        self.kernel = fields["kernel"]
        self.smp = int(fields["smp"])
        self.level = fields["level"]
        self.vms = fields["vms"]
        # Those of its VMs that this boot does without.
        self.cut = []
        self.tests = fields["tests"]
        self.seconds = int(fields["seconds"])
        self.tags = set(fields["tags"].split(",")) - {""}
        self.hyp = fields["hyp"] == "yes"
        self.cpu = fields["cpu"]
        self.el2 = fields["el2"] == "on"
        self.memory = int(fields["memory"])
        self.params = fields["params"]
        self.mem = [word for word in fields["mem"].split(",") if word]
        self.skips = fields["skips"]
        self.allow = fields["allow"]
        self.icount = int(fields["icount"]) if fields["icount"] else None
        self.shift = int(fields["shift"])
        self.module = fields["module"]
        self.append = tuple(word for word in fields["append"].split(";") if word)
        self.alone = fields["alone"] == "yes"
        self.notify = fields["notify"] == "yes"
        self.device = fields["device"]
        self.programs = tuple(word for word in fields["programs"].split(",") if word)
        last = SCANNED.get(self.kernel)
        if last and self.tests[-1:] != [last]:
            raise ConfError(f"{name}: on kernel {self.kernel} the last test is {last}")


class Table:
    """The parsed table."""

    def __init__(self, path):
        self.sets = {"vms": {}, "tests": {}, "cells": {}}
        self.runs = []
        with open(path, encoding="utf-8") as conf:
            for number, line in enumerate(join_lines(conf), 1):
                words = line.split("#", 1)[0].split()
                if not words:
                    continue
                try:
                    self._row(words)
                except (ConfError, ValueError) as error:
                    raise ConfError(f"{path}: row {number}: {error}") from error
        names = [run.name for run in self.runs]
        for name in names:
            if names.count(name) > 1:
                raise ConfError(f"{path}: two runs are called {name}")

    def _row(self, words):
        kind, name, *rest = words
        if kind in self.sets:
            self.sets[kind][name] = self._expand(kind, rest)
        elif kind == "run":
            self.runs += self._runs(name, rest)
        else:
            raise ConfError(f"unknown kind of row: {kind}")

    def _expand(self, kind, words):
        """Words of a set; @name is the content of another one."""
        expanded = []
        for word in words:
            if not word.startswith("@"):
                expanded.append(word)
            elif word[1:] in self.sets[kind]:
                expanded += self.sets[kind][word[1:]]
            else:
                raise ConfError(f"no set of {kind} called {word[1:]}")
        return expanded

    def _runs(self, base, words):
        fields = dict(Run.DEFAULTS)
        for word in words:
            key, _, value = word.partition("=")
            if key not in fields:
                raise ConfError(f"unknown field: {key}")
            fields[key] = value
        for kind in self.sets:
            fields[kind] = self._expand(kind, fields[kind].replace(",", " ").split())
        cells, core = fields.pop("cells"), fields.pop("core").split(",")
        if cells:
            unknown = [cell for cell in core if cell and cell not in cells]
            if unknown:
                raise ConfError(f"core, but no cell of {base}: {' '.join(unknown)}")
            for cell in cells:
                values = dict(zip(Run.CELL, cell.split("/"), strict=True))
                if cell in core:
                    values["tags"] = f"core,{fields['tags']}"
                yield named(base, dict(fields, **values), Run.CELL)
            return
        choices = [fields[key].split(",") for key in Run.PRODUCT]
        several = [key for key, choice in zip(Run.PRODUCT, choices) if len(choice) > 1]
        for values in itertools.product(*choices):
            yield named(base, dict(fields, **dict(zip(Run.PRODUCT, values))), several)

    def all_tests(self):
        return {test for run in self.runs for test in run.tests}

    def select(self, patterns, tags, within=None):
        """
        (run, tests) pairs. A pattern is the name of a run, the name of a row
        (all of its runs), of a test, or run/test, each with * and ?; without
        patterns the tags select. `within` are the tags of the runs that patterns
        may choose from, None = all. Who reads the detectors is never left out.
        """
        runs = [run for run in self.runs if within is None or run.tags & within]
        if not patterns:
            every = [(run, run.tests) for run in runs if run.tags & tags]
            if not every:
                raise ConfError(f"no run has tag {' or '.join(sorted(tags))}")
            return every
        chosen = {}
        for pattern in patterns:
            found = list(match(pattern, runs, tags))
            if not found:
                among = f" with tag {' or '.join(sorted(within))}" if within else ""
                raise ConfError(f"no run{among}, and no test of one, called {pattern}")
            for run, tests in found:
                have = chosen.setdefault(run.name, (run, []))[1]
                have += [test for test in tests if test not in have]
        return [(run, [test for test in run.tests
                       if test in tests or test == SCANNED.get(run.kernel)])
                for run, tests in chosen.values()]


def match(pattern, runs, tags):
    """(run, tests) pairs of one pattern."""
    run_part, _, test_part = pattern.partition("/")
    for run in runs:
        if any(fnmatch.fnmatchcase(name, run_part) for name in (run.name, run.base)):
            tests = fnmatch.filter(run.tests, test_part or "*")
            if tests or not test_part:
                yield run, tests
    if test_part:
        return
    holders = [run for run in runs if fnmatch.filter(run.tests, pattern)]
    # A test alone means the runs that would be done anyway, if it is there.
    for run in [run for run in holders if run.tags & tags] or holders:
        yield run, fnmatch.filter(run.tests, pattern)


def named(base, fields, keys):
    """A run called after those of its fields that tell it from its siblings."""
    return Run("-".join([base] + [mark(key, fields[key]) for key in keys]), base, fields)


def mark(key, value):
    """How a field shows in the name of a run."""
    if key == "el2":
        return f"el2{value}"
    return {"smp": "smp", "level": "v"}.get(key, "") + value


def share(seconds, jobs, runs):
    """
    Seconds for each boot, so that those beside each other take as long as was
    asked for. What is alone comes on top.
    """
    boots = len([run for run in runs if not run.alone])
    if not boots:
        boots, jobs = len(runs), 1
    return max(1, seconds * min(jobs, boots) // boots)


def join_lines(lines):
    """Lines that end in a backslash continue."""
    whole = ""
    for line in lines:
        whole += line.rstrip("\n")
        if whole.endswith("\\"):
            whole = whole[:-1] + " "
            continue
        yield whole
        whole = ""
    if whole:
        yield whole


def cache_dir():
    base = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
    return os.path.join(base, "hafnium-driver")
