# SPDX-License-Identifier: GPL-2.0
"""
Figures of the benchmarks: from the lines of a boot to tables, CSV and targets.

Owns the form of the line `# bench key=value...` that selftests/user/bench_lib.c
prints, and what the targets are.
"""
import csv
import re

LINE = re.compile(r"#\s*bench ((?:\w+=\S+ ?)+)$")
COLUMNS = ("run", "what", "size", "senders", "vms", "count", "mean_ns", "median_ns", "p99_ns",
           "per_second")
WORDS = ("run", "what")
SMALL = 32


def read(run, lines):
    """One dictionary for each line of figures of that run."""
    rows = []
    for line in lines:
        match = LINE.search(line)
        if match:
            row = dict(word.split("=", 1) for word in match.group(1).split())
            rows.append({"run": run, **{key: value if key in WORDS else int(value)
                                        for key, value in row.items()}})
    return rows


def find(rows, run, what, **wanted):
    """The row; None if the boot did not get that far."""
    wanted.update(run=run, what=what)
    found = [row for row in rows if all(row.get(key) == wanted[key] for key in wanted)]
    return found[0] if found else None


def write_csv(rows, path):
    with open(path, "w", encoding="utf-8", newline="") as out:
        writer = csv.DictWriter(out, COLUMNS, restval="")
        writer.writeheader()
        writer.writerows(rows)


class Target:
    """A ratio of two figures of one boot, and the most that it may be."""

    def __init__(self, text, most, above, below, vms=1):
        self.text = text
        self.most = most
        self.pair = ((above, vms), (below, 1))

    def ratios(self, rows, run):
        """Of the medians and of the means: neither hides what the other shows."""
        above, below = (find(rows, run, what, size=SMALL, vms=vms)
                        for what, vms in self.pair)
        if not above or not below:
            return None
        return [above[key] / below[key] for key in ("median_ns", "mean_ns")]

    def verdict(self, rows, run):
        """(met, line)"""
        ratios = self.ratios(rows, run)
        if ratios is None:
            return False, f"target {self.text}: missed, not measured"
        met = max(ratios) <= self.most
        return met, (f"target {self.text}: {ratios[0]:.3f} (median), {ratios[1]:.3f} (mean), "
                     f"at most {self.most:.2f}: {'met' if met else 'missed'}")


class ByteRate(Target):
    """The same of two ways to send bytes, at the sizes that each is good at."""

    def __init__(self, text, most, above, below):
        super().__init__(text, most, above[0], below[0])
        self.sizes = (above[1], below[1])

    def ratios(self, rows, run):
        rates = [row and row["per_second"] * size for (what, _), size in zip(self.pair, self.sizes)
                 for row in [find(rows, run, what, size=size, senders=1)]]
        return [rates[0] / rates[1]] * 2 if all(rates) else None


TARGETS = (
    Target("32-byte echo / AF_UNIX datagrams", 1.0, "hf_dgram", "unix_dgram"),
    Target("32-byte echo / floor", 2.0, "hf_dgram", "floor"),
    Target("one of 8 VMs x 4 vCPUs / 1 x 1", 1.05, "hf_8vms_4vcpus", "hf_1vm_1vcpu"),
    Target("8 VMs x 4 vCPUs in turn / 1 x 1", 1.05, "hf_8vms_4vcpus", "hf_1vm_1vcpu", vms=8),
    Target("1000 open sockets / 1", 1.05, "hf_dgram_of_1000", "hf_dgram_of_1"),
    Target("32-byte echo, AF_VSOCK / its loopback", 0.5, "hf_vsock_stream", "vsock_stream"),
    ByteRate("bytes one way, datagrams / AF_VSOCK", 1.25, ("hf_flood_to_vm", 4080),
             ("hf_vsock_to_vm", 65536)),
)


def amount(value):
    return "" if value is None else f"{value}"


def table(rows, run):
    """Lines for people, in the order in which things were measured."""
    lines = [f"{run + ': what':28}{'bytes':>6}{'senders':>8}{'VMs':>5}{'median':>10}{'99 %':>10}"
             f"{'mean':>10}{'a second':>10}"]
    for row in rows:
        if row["run"] == run:
            lines.append(
                f"{row['what']:28}{row['size']:6}{row['senders']:8}{row['vms']:5}"
                + "".join(f"{amount(row.get(key)):>10}"
                          for key in ("median_ns", "p99_ns", "mean_ns", "per_second")))
    return lines
