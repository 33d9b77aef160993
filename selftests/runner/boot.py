# SPDX-License-Identifier: GPL-2.0
"""
One boot of QEMU under a time limit.

Owns the command line of the emulator and the child process. The guest has two
ways out: the serial port (kernel, hypervisor and guests, mixed as they come)
and a virtio port that carries nothing but KTAP, so that no kernel message can
tear a result line apart. Both go into one log as they arrive.
"""
import os
import selectors
import subprocess
import time

CONSOLE, KTAP = "console", "ktap"
# How long a machine whose end has begun may still explain it.
LAST_WORDS_SECONDS = 2


class Outcome:
    """What a boot left behind."""

    def __init__(self):
        self.console = []
        self.ktap = []
        self.status = None
        self.timed_out = False
        # The line on the console after which nothing was to be expected.
        self.fatal = None
        self.seconds = 0.0


class Machine:
    """What to boot: the image, its initial RAM disk, command line and shape."""

    def __init__(self, kernel, initrd, append, smp, **options):
        self.kernel = kernel
        self.initrd = initrd
        self.append = append
        self.smp = smp
        self.cpu = options.get("cpu") or "cortex-a57"
        self.memory = options.get("memory") or 1024
        self.el2 = options.get("el2", True)
        # A kernel that follows by kexec would be overwritten: Linux has the tables of
        # the interrupt translation survive by EFI alone.
        self.its = options.get("its", True)
        # A PCI device, which gets an IOMMU.
        self.device = options.get("device")
        self.icount_seed = options.get("icount_seed")
        self.shift = options.get("shift", 0)
        # More words for QEMU.
        self.extra = []

    def command(self, port_fd):
        virt = "on" if self.el2 else "off"
        its = "on" if self.its else "off"
        iommu = ",iommu=smmuv3" if self.device else ""
        command = [
            os.environ.get("QEMU", "qemu-system-aarch64"),
            "-M", f"virt,virtualization={virt},gic-version=3,its={its}{iommu}",
            "-cpu", self.cpu, "-smp", str(self.smp), "-m", str(self.memory),
            "-display", "none", "-serial", "stdio", "-monitor", "none",
            "-nic", "none", "-no-reboot",
            # The test hypervisor ends QEMU with a status of its choice this way.
            "-semihosting-config", "enable=on,target=native",
            "-add-fd", f"fd={port_fd},set=1",
            "-chardev", "file,id=ktap,path=/dev/fdset/1,append=on",
            "-device", "virtio-serial-device",
            "-device", "virtserialport,chardev=ktap,name=ktap",
            *self.extra, *(["-device", self.device] if self.device else []),
            "-kernel", self.kernel, "-initrd", self.initrd, "-append", self.append,
        ]
        if self.icount_seed is None:
            return command + ["-accel", "tcg,thread=multi"]
        return command + ["-accel", "tcg", "-icount", f"shift={self.shift},sleep=off",
                          "-seed", str(self.icount_seed), "-rtc", "base=2024-01-01,clock=vm"]


class LineReader:
    """Cuts a byte stream into lines; the last one may lack its end."""

    def __init__(self):
        self.rest = b""

    def feed(self, data):
        *lines, self.rest = (self.rest + data).split(b"\n")
        return [line.decode("utf-8", "replace").rstrip("\r") for line in lines]

    def flush(self):
        return self.feed(b"\n") if self.rest else []


def boot(machine, limit, log_path, on_line=None, fatal=None):
    """
    Boots `machine` for at most `limit` seconds. on_line(stream, line) sees it
    live, and ends it by returning True; a line of the console that matches the
    pattern `fatal` ends it, too, a moment later.
    """
    outcome = Outcome()
    began = time.monotonic()
    port_read, port_write = os.pipe()
    command = machine.command(port_write)
    with open(log_path, "w", encoding="utf-8") as log:
        log.write(" ".join(quote(word) for word in command) + "\n")
        with subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, pass_fds=(port_write,)) as qemu:
            os.close(port_write)
            try:
                _collect(qemu, port_read, began, limit, log, outcome, on_line, fatal)
            finally:
                os.close(port_read)
                if qemu.poll() is None:
                    qemu.kill()
        outcome.status = qemu.returncode
        outcome.seconds = time.monotonic() - began
        log.write(f"[runner] {outcome.seconds:.1f} s, status {outcome.status}"
                  f"{', timeout' if outcome.timed_out else ''}"
                  f"{', ended by the runner' if outcome.fatal else ''}\n")
    return outcome


def quote(word):
    return f"'{word}'" if " " in word else word


def _collect(qemu, port, began, limit, log, outcome, on_line, fatal):
    """Reads both streams until QEMU closes them or the time is over."""
    end = began + limit
    streams = {qemu.stdout.fileno(): (CONSOLE, LineReader(), outcome.console),
               port: (KTAP, LineReader(), outcome.ktap)}

    def take(lines, kind, into):
        stop = False
        for line in lines:
            into.append(line)
            elapsed = time.monotonic() - began
            log.write(f"{elapsed:7.2f} {'ktap| ' if kind == KTAP else ''}{line}\n")
            stop = bool(on_line and on_line(kind, line)) or stop
            if kind == CONSOLE and fatal and not outcome.fatal and fatal.search(line):
                outcome.fatal = line
        log.flush()
        return stop

    with selectors.DefaultSelector() as selector:
        for fd in streams:
            selector.register(fd, selectors.EVENT_READ)
        while selector.get_map():
            left = end - time.monotonic()
            if left <= 0:
                outcome.timed_out = not outcome.fatal
                qemu.kill()
                break
            for key, _ in selector.select(left):
                kind, reader, into = streams[key.fd]
                data = os.read(key.fd, 65536)
                if not data:
                    selector.unregister(key.fd)
                doomed = bool(outcome.fatal)
                if take(reader.feed(data) if data else reader.flush(), kind, into):
                    qemu.kill()
                if outcome.fatal and not doomed:
                    end = min(end, time.monotonic() + LAST_WORDS_SECONDS)
    for kind, reader, into in streams.values():
        take(reader.flush(), kind, into)
    try:
        qemu.wait(timeout=10)
    except subprocess.TimeoutExpired:
        outcome.timed_out = True
        qemu.kill()
        qemu.wait()
