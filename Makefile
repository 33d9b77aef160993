# SPDX-License-Identifier: GPL-2.0
#
# Verbs only. What belongs to the module stands in Kbuild, the boots in
# selftests/runs.conf, what a test needs is fetched by selftests/setup.

VERSION	:= $(shell cat VERSION)
KDIR	?= /lib/modules/$(shell uname -r)/build
ifneq ($(shell uname -m),aarch64)
CROSS_COMPILE ?= aarch64-linux-gnu-
endif
KBUILD	= $(MAKE) -C $(KDIR) M=$(CURDIR) ARCH=arm64 \
	  $(if $(CROSS_COMPILE),CROSS_COMPILE=$(CROSS_COMPILE))

SETUP	:= selftests/setup
BOOT	:= tools kernel-6.1 busybox
TEST	:= $(BOOT) kernel-6.12 foreign kexec source
CORE	:= $(TEST) kernel-rt kernel-preempt

# What the user may hand through to the runner.
HOW	= $(if $(J),-j $(J)) $(if $(V),-v)
RUN	= selftests/run $(if $(HYPERVISOR),--hypervisor $(HYPERVISOR)) \
	  $(if $(QEMU_CPU),--cpu $(QEMU_CPU)) $(HOW)

.PHONY: all modules modules_install install dist deb packages-test demo test test-all check proofs mutants kunit stress
.PHONY: matrix sanitize faults planted seeds fuzz coverage bench profile setup help clean

all: modules

# The kernel's own build, with everything given on the command line.
modules modules_install:
	@test -d $(KDIR) || { echo "make: no kernel headers in $(KDIR); say KDIR=<headers>," \
		"or 'make demo' for a kernel in an emulator" >&2; exit 1; }
	$(KBUILD) $(if $(DESTDIR),INSTALL_MOD_PATH=$(DESTDIR)) $@

# Tools and manual pages, below $(DESTDIR)$(prefix).
install:
	$(MAKE) -C tools CROSS_COMPILE=$(CROSS_COMPILE) install

# What is committed; the same commit gives the same bytes.
dist:
	@mkdir -p build
	@git -c tar.umask=0022 archive --prefix=hafnium-$(VERSION)/ HEAD | \
		gzip -9n >build/hafnium-$(VERSION).tar.gz
	@echo build/hafnium-$(VERSION).tar.gz

deb:
	@$(SETUP) deb
	@packaging/deb

# In chroots with Debian 12 and 13; as root.
packages-test:
	@$(SETUP) deb $(addprefix debian-,$(or $(T),12 13))
	@selftests/packages $(T)

demo:
	@$(SETUP) $(BOOT)
	@$(RUN) demo

test:
	@$(SETUP) $(CORE)
	@$(RUN) $(T)

# Hours. The first part is `make test` with all cells of the matrix.
test-all:
	@$(SETUP) $(CORE)
	@selftests/tally "make -s check" "$(strip $(RUN)) --tag core,full,stress" "make -s proofs" \
		"make -s kunit" "make -s mutants" "make -s matrix" "make -s sanitize" "make -s faults" \
		"make -s planted" "make -s coverage" "make -s seeds" "make -s fuzz"

# The newest kernel of Debian 13's backports: as root, in a Debian 13 of its own.
matrix:
	@$(SETUP) $(TEST) lint kernel-7
	@selftests/tally "selftests/lint/check --kernel 6.1 6.12 7" \
		"$(strip $(RUN)) --tag matrix $(T)"

sanitize:
	@$(SETUP) $(BOOT) source kernel-kasan kernel-kcsan
	@$(RUN) --tag kasan,kcsan --within kasan,kcsan,ci $(T)

planted:
	@$(SETUP) $(BOOT) source kernel-kasan kernel-kcsan
	@selftests/mutants/run --by detector $(HOW) $(T)

faults:
	@$(SETUP) $(TEST) kernel-kasan
	@$(RUN) --tag faults $(T)

# Random choices begin where SEED says; without it, elsewhere each time.
FUZZ_SEED := $(or $(SEED),$(shell date +%j%H%M%S))
fuzz:
	@$(SETUP) $(BOOT) source kernel-kasan
	@$(RUN) --tag fuzz --seconds $(or $(SECONDS),300) --seed $(FUZZ_SEED) \
		$(if $(PROGRAM),--program $(PROGRAM)) $(T)

check:
	@$(SETUP) tools lint kernel-6.1 kernel-6.12 source
	@selftests/lint/check $(T)

proofs:
	@$(SETUP) tools proofs
	@selftests/tally selftests/litmus/run selftests/spin/run

mutants:
	@$(SETUP) $(TEST) kernel-kunit
	@selftests/mutants/run $(HOW) $(T)

kunit:
	@$(SETUP) tools busybox source kernel-kunit
	@selftests/tally "selftests/run --tag kunit $(HOW)" \
		"selftests/mutants/run --by kunit $(HOW)"

stress:
	@$(SETUP) $(TEST)
	@$(RUN) --tag stress $(if $(SECONDS),--seconds $(SECONDS)) $(if $(SEED),--seed $(SEED)) $(T)

seeds:
	@$(SETUP) $(BOOT) source
	@selftests/tally "selftests/seeds $(if $(SEED),--seed $(SEED)) \
		$(if $(COUNT),--count $(COUNT)) $(HOW)" \
		"selftests/mutants/run --by seeds $(HOW)"

coverage:
	@$(SETUP) tools busybox source kernel-kunit
	@selftests/coverage $(HOW) $(T)

bench:
	@$(SETUP) $(BOOT) source
	@selftests/bench $(if $(V),-v) $(if $(STRICT),--strict) $(T)

profile:
	@$(SETUP) $(BOOT) source profile
	@selftests/profile $(if $(V),-v)

setup:
	@$(SETUP) $(CORE) lint proofs profile kernel-kunit kernel-kasan kernel-kcsan

help:
	@echo 'make                 hafnium.ko for KDIR (default: the running kernel)'
	@echo 'make install         tools and manual pages, below DESTDIR and prefix (/usr/local)'
	@echo 'make modules_install the modules, for KDIR, below DESTDIR'
	@echo 'make dist            build/hafnium-$(VERSION).tar.gz, of what is committed'
	@echo 'make deb             the Debian packages hafnium-dkms and hafnium-tools, in build/deb'
	@echo 'make demo            boot Linux, a hypervisor and two VMs in QEMU; send and receive'
	@echo 'make test            the core tests in QEMU'
	@echo 'make test-all        everything: all kernels, CPU counts and levels, long runs, and'
	@echo '                     all of the verbs below that judge; takes hours'
	@echo 'make check           lint, no emulator'
	@echo 'make proofs          litmus tests and Spin models of the wake-up protocol'
	@echo 'make mutants         historic mistakes compiled in: each is caught by a named test'
	@echo 'make kunit           unit tests of the module on a made-up hypervisor; the mistakes again'
	@echo 'make stress          random load and hotplug; SECONDS=, SEED='
	@echo 'make matrix          the module for 6.1, 6.12 and the newest 7.x, and tests on that; as root'
	@echo 'make sanitize        tests and stress on kernels with KASAN, lockdep, KCSAN (built once)'
	@echo 'make faults          allocations, copies and hypercalls fail, each in turn'
	@echo 'make seeds           random schedules, replayable; COUNT= (200), SEED= the first one'
	@echo 'make fuzz            random system calls, random packets; SECONDS=, SEED=, PROGRAM='
	@echo 'make planted         made-up defects compiled in: each is seen by a named detector'
	@echo 'make coverage        lines and branches of hf_*.c that tests reach, and what is not reached'
	@echo 'make bench           how long messages take, beside AF_UNIX, pipes and vsock;'
	@echo '                     T=bench-icount counts instructions only; STRICT=1'
	@echo 'make profile         where the instructions of a round trip go'
	@echo 'make packages-test   install, build by DKMS, upgrade and purge the packages in Debian 12'
	@echo '                     and 13, T=12 or T=13; as root'
	@echo 'make setup           install and fetch all that the above but matrix and packages-test need'
	@echo 'make clean           remove what was built (the download cache stays)'
	@echo
	@echo 'HYPERVISOR=<file>    demo, test, stress: boot this hafnium.bin instead of the test'
	@echo '                     hypervisor, on the first CPU that it boots on; QEMU_CPU=<cpu>'
	@echo '                     names another one'
	@echo 'J=<n>                boots at the same time: all that boot, but demo, bench and profile'
	@echo 'V=1                  show builds and consoles: all that boot, but demo'
	@echo 'T=<names>            only these, with * and ?: runs, tests or run/test of test, stress,'
	@echo '                     matrix, sanitize, faults, fuzz, bench; runs of coverage;'
	@echo '                     mistakes of mutants, planted; words of the names of checks'
	@echo 'selftests/run -l     the list of runs;  selftests/run -h  more options'

clean:
	rm -rf build
	rm -f *.o *.ko *.mod *.mod.c .*.cmd Module.symvers modules.order .module-common.o
