# SPDX-License-Identifier: GPL-2.0
"""
From declared runs to verdicts: builds, boots, judges, prints, counts.

Owns the command line of the primary's kernel and the form of the report. Used
by selftests/run for tests and by selftests/mutants/run for mistakes.
"""
import concurrent.futures
import copy
import json
import os
import re
import threading
import time

from . import boot, build, hafnium, judge

# The one reason for which a test may skip anywhere, if it is true and some run has
# as many; all others are in the field skips= of the run.
FEW_CPUS = re.compile(r"needs (\d+) CPUs$")
MOST_CPUS = 4
# Another is that the hypervisor cannot take its pages back: v2.4.
STAYS = re.compile(r"the module stays loaded here$")


# KASAN reports its first finding only, unless told otherwise. KCSAN watches one
# access in 2000 as it was built: in an emulator that is too few to see much.
KERNEL_WORDS = {"kasan": ("kasan_multi_shot",), "kcsan": ("kcsan.skip_watch=197",)}

# What a kernel says as it boots, by its name or by a word of its command line. If it
# does not, the run is about something else than what it was meant for.
KERNEL_SAYS = {"rt": " SMP PREEMPT_RT ",
               "irqchip.gicv3_pseudo_nmi=1": "GICv3: Pseudo-NMIs enabled"}

# What a test itself says, as opposed to the harness around it.
OWN_WORDS = re.compile(r"# (?!\s|Starting|PASSED|Totals)")


class Session:
    """One call of a program: options, builder, totals, and the printing."""

    def __init__(self, options):
        self.options = options
        self.root = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
        self.builder = build.Builder(self.root, options.verbose)
        self.lock = threading.Lock()
        self.passed = self.failed = self.skipped = 0

    def say(self, text=""):
        with self.lock:
            print(text, flush=True)

    def count(self, passed, failed, skipped=0):
        with self.lock:
            self.passed += passed
            self.failed += failed
            self.skipped += skipped

    # --- from a declared run to a machine

    def parts(self, run):
        """Builds what the run needs; returns its RAM disk."""
        if run.hyp:
            self.builder.bare()
        return self.builder.initrd(run.kernel, run.module, "demo" not in run.tags, run.programs)

    def command_line(self, run, tests):
        # The tests know id, guest and vCPUs; the rest is for discovery to find.
        vms = [f"{number}:{':'.join(vm.split(':')[:2])}" for number, vm in enumerate(run.vms, 2)]
        words = ["console=ttyAMA0", "panic=-1", "oops=panic", "nokaslr" if run.icount else "",
                 "sysctl.kernel.hung_task_timeout_secs=30", *KERNEL_WORDS.get(run.kernel, ()),
                 f"hf_run={run.name}",
                 f"hf_level={'' if self.options.hypervisor else run.level}",
                 f"hf_vms={','.join(vms) if run.hyp else ''}", *run.append,
                 "hf_demo=1" if "demo" in run.tags else f"hf_tests={','.join(tests)}"]
        if run.params:
            words.append(f'hf_params="{run.params.replace(";", " ")}"')
        for key in ("seconds", "seed", "program"):
            value = getattr(self.options, key, None)
            if value is not None:
                words.append(f"hf_{key}={value}")
        return " ".join(word for word in words if word)

    def machine(self, run, tests):
        initrd = self.parts(run)
        kernel = self.builder.kernel_image(run.kernel)
        if run.hyp:
            initrd = self.builder.bundle(run, initrd)
            kernel = self.options.hypervisor or os.path.join(self.builder.bare(), "hyp.bin")
        return boot.Machine(kernel, initrd, self.command_line(run, tests), run.smp,
                            cpu=self.options.cpu or run.cpu, memory=run.memory, el2=run.el2,
                            its="kexec" not in run.programs, device=run.device,
                            icount_seed=run.icount, shift=run.shift)

    def log_path(self, run):
        return os.path.join(self.root, "build", "log", f"{run.name}.log")

    def limit(self, run):
        extra = getattr(self.options, "seconds", None) or 0
        return (run.seconds + extra) * self.options.patience

    # --- one run

    def observe(self, run, tests, on_line=None):
        """Boots the run; on_line(stream, line) may return True to end it there."""
        machine = self.machine(run, tests)
        fatal = None if "Kernel.panic" in run.allow else judge.FATAL
        outcome = boot.boot(machine, self.limit(run), self.log_path(run), on_line, fatal)
        if run.hyp:
            os.unlink(machine.initrd)
        if not any(line.strip() for line in outcome.ktap):
            outcome.ktap = [line for line in outcome.console if not line.startswith("[")]
        verdict = judge.judge(outcome, None if "demo" in run.tags else tests, run.allow or None)
        more = hafnium.is_fair if self.options.hypervisor else None
        verdict.problems += unfair_skips(verdict, run, more)
        verdict.problems += unsaid(outcome.console, run)
        return outcome, verdict

    def describe(self, run):
        hypervisor = "no hypervisor"
        if run.hyp:
            hypervisor = f"hypervisor {self.options.hypervisor or 'level ' + run.level}"
        guests = f", {len(run.vms)} secondary VMs" if run.hyp else ""
        return (f"{run.name}: Linux {run.kernel}, {run.smp} CPU{'s' if run.smp > 1 else ''}, "
                f"{hypervisor}{guests}")

    def execute(self, run, tests):
        self.say(f"# {self.describe(run)}, at most {self.limit(run):.0f} s")
        outcome, verdict = self.observe(run, tests, self.watcher(run))
        self.report(run, outcome, verdict)
        self.note(run, verdict)
        self.count(verdict.passed + (not verdict.problems),
                   verdict.failed + bool(verdict.problems), verdict.skipped)

    def note(self, run, verdict):
        """With --rows, a line of JSON for selftests/compat."""
        if not getattr(self.options, "rows", None):
            return
        row = {"hypervisor": os.path.basename(self.options.hypervisor or f"level {run.level}"),
               "cpu": self.options.cpu or run.cpu, "run": run.base, "kernel": run.kernel,
               "smp": run.smp, "passed": verdict.passed, "failed": verdict.failed,
               "skipped": verdict.skipped, "problems": verdict.problems}
        with self.lock, open(self.options.rows, "a", encoding="utf-8") as file:
            file.write(json.dumps(row) + "\n")

    def watcher(self, run):
        """Shows the demonstration, or with -v the console, while it runs."""
        if "demo" in run.tags:
            return self.show_demo
        if self.options.verbose:
            return lambda stream, line: self.say(f"{run.name} {stream}| {line}")
        return None

    def show_demo(self, stream, line):
        if stream == boot.KTAP and line.startswith("# "):
            self.say("  " + line[2:])
        elif stream == boot.CONSOLE and re.search(r"\] hafnium: ", line):
            self.say("  " + line)

    def report(self, run, outcome, verdict):
        lines = []
        for name, leaf in verdict.leaves:
            word = "FAIL" if leaf.failed else "skip" if leaf.skipped else "ok  "
            reason = f" # {leaf.reason}" if leaf.reason else ""
            lines.append(f"{word} {run.name}/{name}{reason}")
            if leaf.failed:
                lines += [f"       {note}" for note in leaf.notes[-12:]]
            elif run.tags & {"stress", "fuzz"}:
                lines += [f"       {note}" for note in leaf.notes if OWN_WORDS.match(note)]
        lines += [f"       {problem}" for problem in verdict.problems[:20]]
        lines += [f"       {note}" for note in verdict.notes]
        if verdict.problems:
            lines.append(f"FAIL {run.name}: problems with the run itself"
                         f" ({outcome.seconds:.1f} s)")
        else:
            lines.append(f"ok   {run.name}: all reported, console clean, powered off"
                         f" ({outcome.seconds:.1f} s)")
        if not verdict.good:
            lines.append(f"       log: {os.path.relpath(self.log_path(run))}")
        self.say("\n".join(lines))

    # --- all runs

    def build(self, runs):
        """Before the first boot, so that a broken build shows at once; False if it is."""
        began = time.monotonic()
        self.say(f"# building for {len(runs)} boot{'s' if len(runs) > 1 else ''}")
        try:
            for run in runs:
                self.parts(run)
        except build.BuildError as error:
            self.say(f"FAIL build: {error}")
            self.count(0, 1)
            return False
        self.say(f"# built in {time.monotonic() - began:.1f} s")
        return True

    def each(self, work, items):
        """work(*item) for all items, as many at a time as asked for."""
        with concurrent.futures.ThreadPoolExecutor(self.options.jobs) as pool:
            for future in [pool.submit(work, *item) for item in items]:
                future.result()

    def skip(self, runs):
        """Reports runs, with reasons, that are not booted."""
        for run, reason in runs:
            self.say(f"skip {run.name} # {reason}")
        self.count(0, 0, len(runs))

    def has_cpu(self, chosen):
        """With a hypervisor of the user's: chooses QEMU's CPU, if nothing else did."""
        if not self.options.hypervisor or self.options.cpu or not chosen:
            return True
        self.options.cpu = hafnium.find_cpu(
            self.options.hypervisor, os.path.join(self.builder.out, "cpus.json"),
            lambda cpu: self.boots_on(cpu, chosen[0][0]))
        if not self.options.cpu:
            self.say(f"FAIL {self.options.hypervisor} boots Linux on none of: "
                     f"{' '.join(hafnium.CPUS)}; QEMU_CPU=<cpu> names another one\n"
                     f"       log: build/log/probe.log")
            self.count(0, 1)
            return False
        self.say(f"# {self.options.hypervisor}: -cpu {self.options.cpu}")
        return True

    def boots_on(self, cpu, run):
        """Whether the hypervisor does, with the run's kernel and no tests."""
        run = copy.copy(run)
        run.name, run.base, run.vms, run.tags = "probe", "probe", [], set()
        machine = self.machine(run, [])
        machine.cpu = cpu
        limit = hafnium.PROBE_SECONDS * self.options.patience
        try:
            return hafnium.boots(machine, self.log_path(run), limit)
        finally:
            os.unlink(machine.initrd)

    def run_all(self, chosen):
        if self.build([run for run, _ in chosen]) and self.has_cpu(chosen):
            self.each(self.execute, [item for item in chosen if not item[0].alone])
            for run, tests in chosen:
                if run.alone:
                    self.execute(run, tests)
        if chosen and all("demo" in run.tags for run, _ in chosen):
            return self.demo_verdict()
        return self.total()

    @property
    def status(self):
        return 0 if self.passed and not self.failed else 1

    def total(self):
        skipped = f", {self.skipped} skipped" if self.skipped else ""
        self.say(f"{self.passed} passed, {self.failed} failed{skipped}")
        return self.status

    def demo_verdict(self):
        steps = self.passed + self.failed
        if self.status == 0:
            self.say(f"demo: it works: {self.passed} of {steps} steps passed")
        else:
            self.say(f"demo: it does not work: {self.failed} of {steps} steps failed")
        return self.status


def unsaid(console, run):
    """What the kernel should have said as it booted, as problems, if it did not."""
    wanted = [KERNEL_SAYS[key] for key in (run.kernel, *run.append) if key in KERNEL_SAYS]
    return [f"the kernel did not say: {words.strip()}" for words in wanted
            if not any(words in line for line in console)]


def is_fair(reason, run):
    cpus = FEW_CPUS.search(reason)
    if cpus and run.smp < int(cpus[1]) <= MOST_CPUS:
        return True
    if run.level == "2.4" and STAYS.search(reason):
        return True
    return bool(run.skips and re.search(run.skips, reason))


def unfair_skips(verdict, run, more=None):
    """Skips that hide a test where there is all that a test may need. more: what else is fair."""
    return [f"{name}: must not be skipped here" for name, leaf in verdict.leaves
            if leaf.skipped and not is_fair(leaf.reason, run)
            and not (more and more(leaf.reason, run))]
