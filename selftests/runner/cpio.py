# SPDX-License-Identifier: GPL-2.0
"""
Writes the kernel's initramfs format (cpio newc).

The same files give the same bytes: no times, no owners. Not compressed,
because unpacking costs more in an emulator than reading.
"""
import os
import stat


class Archive:
    """Collects entries, then writes them in one go."""

    def __init__(self):
        self.entries = {}

    def directory(self, name):
        self._parents(name)
        self.entries.setdefault(name, (stat.S_IFDIR | 0o755, b""))

    def file(self, name, source, mode=0o644):
        with open(source, "rb") as content:
            self.add(name, content.read(), mode)

    def add(self, name, content, mode=0o644):
        self._parents(name)
        self.entries[name] = (stat.S_IFREG | mode, content)

    def _parents(self, name):
        parent = os.path.dirname(name)
        if parent and parent not in self.entries:
            self.directory(parent)

    def write(self, path):
        """Leaves the file alone if nothing changed."""
        data = b"".join(entry(number, name, mode, content) for number, (name, (mode, content))
                        in enumerate(self.entries.items(), 1))
        data += entry(0, "TRAILER!!!", 0, b"")
        try:
            with open(path, "rb") as old:
                if old.read() == data:
                    return
        except FileNotFoundError:
            pass
        with open(path + ".new", "wb") as out:
            out.write(data)
        os.replace(path + ".new", path)


def entry(inode, name, mode, content):
    """One header, name and content, each padded to four bytes."""
    raw = name.encode() + b"\0"
    links = 2 if stat.S_ISDIR(mode) else 1
    fields = (inode, mode, 0, 0, links, 0, len(content), 0, 0, 0, 0, len(raw), 0)
    header = b"070701" + b"".join(b"%08x" % field for field in fields)
    return pad(header + raw) + pad(content)


def pad(data):
    return data + b"\0" * (-len(data) % 4)
