# SPDX-License-Identifier: GPL-2.0
"""
The tables of Documentation/performance.rst, from figures.

Owns what stands there between `.. begin <name>` and `.. end <name>`; the words
around it are their author's.
"""
import os
import re

from . import figures

PAGE = "Documentation/performance.rst"
SIZES = (1, 32, 1024, 4080)
NAMES = (("floor", "the floor"), ("hf_dgram", "AF_HF datagrams"),
         ("hf_vsock_stream", "AF_VSOCK streams"), ("hf_vsock_seqpacket", "AF_VSOCK messages"),
         ("unix_dgram", "AF_UNIX datagrams"), ("pipe", "two pipes"),
         ("vsock_stream", "vsock loopback, streams"),
         ("vsock_seqpacket", "vsock loopback, messages"))
# The largest packet of AF_VSOCK to a VM, in the column of the largest datagram.
VSOCK_MAX = 4036


def grid(head, body):
    """A simple table of reStructuredText; all but the first column to the right."""
    rows = [[cell or "\\-" for cell in row] for row in [head, *body]]
    widths = [max(len(row[i]) for row in rows) for i in range(len(head))]
    bar = " ".join("=" * width for width in widths)
    lines = [" ".join(cell.rjust(widths[i]) if i else cell.ljust(widths[i])
                      for i, cell in enumerate(row)) for row in rows]
    return "\n".join([bar, lines[0], bar, *lines[1:], bar])


def number(value):
    return None if value is None else f"{value:,}".replace(",", " ")


class Tables:
    """All tables that one boot fills."""

    def __init__(self, rows, run):
        self.rows = rows
        self.run = run

    def value(self, what, key, **wanted):
        row = figures.find(self.rows, self.run, what, **wanted)
        return row and row.get(key)

    def trip(self, what, size, key="median_ns"):
        found = self.value(what, key, size=size)
        return found if found or size != SIZES[-1] else self.value(what, key, size=VSOCK_MAX)

    def measured(self):
        return [(what, name) for what, name in NAMES if self.trip(what, figures.SMALL)]

    def trips(self):
        body = [[name, *(number(self.trip(what, size)) for size in SIZES),
                 *(number(self.trip(what, figures.SMALL, key)) for key in ("mean_ns", "p99_ns"))]
                for what, name in self.measured()]
        return grid(["round trip", "1 byte", "32", "1024", "4080", "32: mean", "99 %"], body)

    def microseconds(self):
        body = [[name, *(number(round(self.trip(what, size) / 1000)) for size in SIZES)]
                for what, name in self.measured()]
        return grid(["round trip", "1 byte", "32", "1024", "4080"], body)

    def targets(self):
        body = []
        for target in figures.TARGETS:
            ratios = target.ratios(self.rows, self.run) or (float("nan"), float("nan"))
            body.append([target.text, *(f"{ratio:.3f}" for ratio in ratios), f"{target.most:.2f}",
                         "met" if target.verdict(self.rows, self.run)[0] else "missed"])
        return grid(["ratio", "median", "mean", "at most", "target"], body)

    def senders(self):
        body = [[str(count), *(number(self.value("hf_echo_load", "per_second", senders=count,
                                                 vms=vms)) for vms in (1, 4, 8))]
                for count in (1, 4, 16)]
        return grid(["senders", "1 VM", "4 VMs", "8 VMs"], body)

    def floods(self):
        body = [[f"{text}, {count} sender{'s' if count > 1 else ''}",
                 *(number(self.value(what, "per_second", size=size, senders=count))
                   for size in SIZES[1:])]
                for what, text, counts in (("hf_flood_to_vm", "to a VM", (1, 4, 16)),
                                           ("hf_flood_from_vm", "from a VM", (1,)))
                for count in counts]
        return grid(["messages a second", "32 bytes", "1024", "4080"], body)


def counted(rows, run):
    """name -> table, of the boot that counts instructions."""
    tables = Tables(rows, run)
    return {"trips": tables.trips(), "targets": tables.targets(), "senders": tables.senders(),
            "floods": tables.floods()}


def fill(root, tables):
    """Puts each table where the page has room for it."""
    path = os.path.join(root, PAGE)
    with open(path, encoding="utf-8") as page:
        text = page.read()
    for name, table in tables.items():
        place = re.compile(rf"(\.\. begin {name}\n\n).*?(\n\.\. end {name}\n)", re.S)
        if not place.search(text):
            raise ValueError(f"{PAGE} has no place called {name}")
        text = place.sub(lambda match, table=table: f"{match[1]}{table}\n{match[2]}", text)
    with open(path, "w", encoding="utf-8") as page:
        page.write(text)
