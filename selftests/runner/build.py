# SPDX-License-Identifier: GPL-2.0
"""
Everything that a boot needs, built into build/.

Owns the layout of build/: <kernel>/<variant>/ is a mirror of the module's
sources in links (a kernel build writes beside the sources, and each kernel
needs its own objects), mutated/ the sources with all mutants in, bare/, user/
and tools/ are what their Makefiles make of them, run/ holds the bundles.
Whether something is up to date is left to make; this file only decides what
goes together.
"""
import contextlib
import glob
import lzma
import os
import re
import shutil
import subprocess
import tempfile

from . import cpio
from .conf import cache_dir

CROSS = "aarch64-linux-gnu-"
# Built in on some kernels, modules on others.
STOCK = ("drivers/virtio/virtio_ring.ko", "drivers/virtio/virtio.ko",
         "drivers/virtio/virtio_mmio.ko", "drivers/char/virtio_console.ko",
         "net/vmw_vsock/vsock.ko", "net/vmw_vsock/vmw_vsock_virtio_transport_common.ko",
         "net/vmw_vsock/vsock_loopback.ko", "net/vmw_vsock/vsock_diag.ko",
         "drivers/net/vsockmon.ko",
         "virt/lib/irqbypass.ko", "drivers/vfio/vfio.ko", "drivers/vfio/vfio_virqfd.ko",
         "drivers/vfio/vfio_iommu_type1.ko", "drivers/vfio/pci/vfio-pci-core.ko",
         "drivers/vfio/pci/vfio-pci.ko", "drivers/uio/uio.ko", "drivers/uio/uio_pci_generic.ko")
PROGRAM_DIRS = ("lib/systemd", "usr/bin", "bin", "usr/sbin", "sbin")
LIBRARY_DIRS = ("lib/aarch64-linux-gnu", "usr/lib/aarch64-linux-gnu",
                "usr/lib/aarch64-linux-gnu/systemd")


class BuildError(Exception):
    """A part could not be built; its output was shown."""


class Builder:
    """Builds each part once per object, however many runs ask for it."""

    def __init__(self, root, verbose=False):
        self.root = root
        self.out = os.path.join(root, "build")
        self.cache = cache_dir()
        self.verbose = verbose
        self.done = {}
        os.makedirs(os.path.join(self.out, "log"), exist_ok=True)

    def once(self, key, make):
        if key not in self.done:
            self.done[key] = make()
        return self.done[key]

    def command(self, name, argv):
        """Runs a build step; its output goes to build/log/build-<name>.log."""
        path = os.path.join(self.out, "log", f"build-{name}.log")
        env = {key: value for key, value in os.environ.items()
               if key not in ("MAKEFLAGS", "MFLAGS", "MAKELEVEL", "MAKEOVERRIDES", "T")}
        with open(path, "w", encoding="utf-8") as log:
            status = subprocess.run(argv, stdin=subprocess.DEVNULL, stdout=log,
                                    stderr=subprocess.STDOUT, cwd=self.root, env=env,
                                    check=False).returncode
        if status or self.verbose:
            with open(path, encoding="utf-8", errors="replace") as log:
                print(log.read(), end="")
        if status:
            raise BuildError(f"{' '.join(argv)}: status {status}")

    def make(self, name, directory, *words):
        self.command(name, ["make", "-s", f"-j{os.cpu_count() or 1}",
                            "-C", os.path.join(self.root, directory), *words])

    # --- kernel modules

    def cached(self, item):
        path = os.path.join(self.cache, item)
        if not os.path.exists(path):
            raise BuildError(f"{item} is not in the cache: run selftests/setup {item}")
        return path

    def headers(self, kernel):
        return os.path.join(self.cached(f"kernel-{kernel}"), "headers")

    def kernel_words(self):
        # Debian's headers name the compiler that built the kernel, and ask for
        # BTF, which is of no use here and needs another tool.
        return ["ARCH=arm64", f"CROSS_COMPILE={CROSS}", f"CC={CROSS}gcc", "W=1",
                "CONFIG_DEBUG_INFO_BTF_MODULES="]

    @contextlib.contextmanager
    def kbuild(self, kernel, out, sub="."):
        """
        The words that build the modules of out/sub. The newest kernel wants the compiler
        and the libraries of a newer Debian: it is built in a copy, inside of that.
        """
        words = ["make", "-s", f"-j{os.cpu_count() or 1}", *self.kernel_words()]
        root = os.path.join(self.cached(f"kernel-{kernel}"), "root")
        if not os.path.isdir(root):
            yield [*words, "-C", self.headers(kernel), f"M={os.path.join(out, sub)}"]
            return
        with tempfile.TemporaryDirectory(prefix="build.", dir=root) as inside:
            copy = os.path.join(inside, "m")
            shutil.copytree(out, copy, ignore=shutil.ignore_patterns("*.ko"))
            yield ["chroot", root, *words, "-C", "/headers",
                   f"M=/{os.path.relpath(os.path.join(copy, sub), root)}"]
            for path in glob.glob(os.path.join(copy, "**", "*.ko"), recursive=True):
                shutil.copy(path, os.path.join(out, os.path.relpath(path, copy)))

    def module(self, kernel, variant="plain"):
        """
        The module for that kernel; variant is plain, mutants, or kunit: hafnium_test.ko.
        With "-gcov" behind it, it counts what it executes.
        """
        return self.once(("module", kernel, variant), lambda: self._module(kernel, variant))

    def _module(self, kernel, variant):
        out = os.path.join(self.out, kernel, variant)
        kind, _, counts = variant.partition("-")
        mirror(self.root if kind == "plain" else self.mutated(), out)
        words = ["GCOV_PROFILE=y"] if counts == "gcov" else []
        sub, name = ".", "hafnium.ko"
        if kind == "kunit":
            sub, name = "selftests/kunit", "hafnium_test.ko"
        with self.kbuild(kernel, out, sub) as make:
            self.command(f"{kernel}-{variant}", [*make, *words, "modules"])
        return os.path.join(out, sub, name)

    def mutated(self):
        """The module's sources with all mutants of selftests/mutants."""
        return self.once("mutated", self._mutated)

    def _mutated(self):
        out = os.path.join(self.out, "mutated")
        self.command("mutated", [os.path.join(self.root, "selftests/mutants/apply"), out])
        return out

    def testcall(self, kernel):
        return self.once(("testcall", kernel), lambda: self._testcall(kernel))

    def _testcall(self, kernel):
        out = os.path.join(self.out, kernel, "testcall")
        self.make(f"{kernel}-testcall-sources", "selftests/kernel", f"OUT={out}", "sources")
        with self.kbuild(kernel, out) as make:
            self.command(f"{kernel}-testcall", [*make, "modules"])
        return os.path.join(out, "hf_testcall.ko")

    def beside_testcall(self, kernel, name):
        return os.path.join(os.path.dirname(self.testcall(kernel)), name)

    # --- everything else

    def bare(self):
        return self.once("bare", lambda: self._part("bare", "selftests/bare"))

    def user(self):
        ksft = os.path.join(self.cache, "source/tools/testing/selftests")
        return self.once("user", lambda: self._part(
            "user", "selftests/user", f"KSFT={ksft}", f"UAPI={self.root}/uapi"))

    def tools(self):
        return self.once("tools", lambda: self._part("tools", "tools"))

    def _part(self, name, directory, *words):
        out = os.path.join(self.out, name)
        os.makedirs(out, exist_ok=True)
        self.make(name, directory, f"CROSS_COMPILE={CROSS}", f"O={out}", *words)
        return out

    def tests(self):
        return sorted(os.path.basename(path) for path in programs(self.user()))

    def initrd(self, kernel, variant, with_tests, foreign=()):
        """The primary's RAM disk: init, busybox, modules, tools, tests, others' programs."""
        return self.once(("initrd", kernel, variant, with_tests, foreign),
                         lambda: self._initrd(kernel, variant, with_tests, foreign))

    def _initrd(self, kernel, variant, with_tests, foreign):
        name = "-".join(["initrd", variant, *([] if with_tests else ["demo"]), *foreign])
        path = os.path.join(self.out, kernel, name)
        modules = os.path.join(self.cached(f"kernel-{kernel}"), "modules/kernel")
        archive = cpio.Archive()
        archive.file("init", os.path.join(self.root, "selftests/init"), 0o755)
        archive.file("bin/busybox", os.path.join(self.cached("busybox"), "bin/busybox"), 0o755)
        for directory in ("dev", "proc", "sys", "tmp", "tests"):
            archive.directory(directory)
        for name in STOCK:
            content = stock_module(os.path.join(modules, name))
            if content:
                archive.add(f"lib/{os.path.basename(name)}", content)
        module = self.module(kernel, variant)
        archive.file(f"lib/{os.path.basename(module)}", module)
        beside = os.path.join(os.path.dirname(module), "hf_vsock.ko")
        if os.path.exists(beside):
            archive.file("lib/hf_vsock.ko", beside)
        for tool in programs(self.tools()):
            archive.file(f"bin/{os.path.basename(tool)}", tool, 0o755)
        if with_tests:
            archive.file("lib/hf_testcall.ko", self.testcall(kernel))
            for name in ("hf_floor.ko", "hf_names.ko"):
                archive.file(f"lib/{name}", self.beside_testcall(kernel, name))
            for test in programs(self.user()):
                archive.file(f"tests/{os.path.basename(test)}", test, 0o755)
        if foreign:
            self.add_foreign(archive, foreign)
        if "kexec" in foreign:
            archive.file("boot/Image", self.kernel_image(kernel))
            archive.file("init-kexec", os.path.join(self.root, "selftests/init-kexec"))
        archive.write(path)
        return path

    def add_foreign(self, archive, names):
        """Debian's programs and the libraries that they load."""
        todo = []
        for name in names:
            root = self.cached("kexec" if name == "kexec" else "foreign")
            todo.append((root, find_file(root, PROGRAM_DIRS, name)))
        while todo:
            root, path = todo.pop()
            path = os.path.join(root, path)
            name = os.path.basename(path)
            archive.file(f"{'lib' if '.so' in name else 'bin'}/{name}", path, 0o755)
            for needed in needed_libraries(path):
                if f"lib/{needed}" not in archive.entries:
                    todo.append((root, find_file(root, LIBRARY_DIRS, needed)))

    def kernel_image(self, kernel):
        return os.path.join(self.cached(f"kernel-{kernel}"), "vmlinuz")

    def bundle(self, run, initrd):
        """What the hypervisor reads: manifest, the primary's kernel, guests."""
        os.makedirs(os.path.join(self.out, "run"), exist_ok=True)
        path = os.path.join(self.out, "run", f"{run.name}.img")
        argv = [os.path.join(self.root, "selftests/bare/pack"),
                "--kernel", self.kernel_image(run.kernel), "--ramdisk", initrd,
                "--out", path, "--guests-dir", self.bare(), "--level", run.level]
        for vm in run.vms:
            argv += ["--vm", vm]
        if run.notify:
            argv.append("--notify")
        for word in run.mem:
            argv += ["--mem", word.replace(":", "=")]
        self.command(f"pack-{run.name}", argv)
        return path


def programs(directory):
    """The executables that a Makefile left at the top of its output."""
    return sorted(path for path in glob.glob(os.path.join(directory, "*"))
                  if os.path.isfile(path) and os.access(path, os.X_OK))


def needed_libraries(path):
    """Names of the shared libraries that a program or a library loads."""
    done = subprocess.run([f"{CROSS}readelf", "-d", path], stdout=subprocess.PIPE, text=True,
                          env=dict(os.environ, LC_ALL="C"), check=True)
    return re.findall(r"\(NEEDED\).*\[(.+)\]", done.stdout)


def find_file(root, directories, name):
    """Where a program or a library lies below the root, as a path relative to it."""
    for directory in directories:
        if os.path.exists(os.path.join(root, directory, name)):
            return os.path.join(directory, name)
    raise BuildError(f"{name} is not in {root}: run selftests/setup --refresh foreign kexec")


def stock_module(path):
    """A module of Debian's kernel, which newer ones keep compressed; None if built in."""
    if os.path.exists(path + ".xz"):
        with lzma.open(path + ".xz") as packed:
            return packed.read()
    if os.path.exists(path):
        with open(path, "rb") as plain:
            return plain.read()
    return None


def module_sources(root):
    """Paths, relative to the root, of what the module is built from."""
    names = ["Kbuild", "VERSION"] + glob.glob("hf_*.[ch]", root_dir=root)
    names += glob.glob("uapi/**/*.h", root_dir=root, recursive=True)
    names += ["selftests/kunit/Kbuild"] + glob.glob("selftests/kunit/*.[ch]", root_dir=root)
    names += glob.glob("selftests/mutants/*.[ch]", root_dir=root)
    return sorted(names)


def mirror(root, out):
    """Makes `out` a tree of links to the module's sources."""
    wanted = {os.path.join(out, name): os.path.join(root, name)
              for name in module_sources(root)}
    for path in glob.glob(os.path.join(out, "**"), recursive=True):
        if os.path.islink(path) and path not in wanted:
            os.unlink(path)
    for path, target in wanted.items():
        os.makedirs(os.path.dirname(path), exist_ok=True)
        if not os.path.islink(path) or os.readlink(path) != target:
            if os.path.lexists(path):
                os.unlink(path)
            os.symlink(target, path)


def clean(root):
    shutil.rmtree(os.path.join(root, "build"), ignore_errors=True)
