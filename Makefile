# usher: one makefile, no recursion. `make help` lists the targets.
#
#   V=1                  show the commands
#   SAN=address,undefined | SAN=thread
#                        build and test with sanitizers, in a build folder of their own
#   DEBUG=1              -O0 and symbols
#   WERROR=1             warnings are errors (CI)

MAKEFLAGS += --no-builtin-rules
.DEFAULT_GOAL := all
.DELETE_ON_ERROR:

VERSION := 0.1.0

# Debian keeps haproxy and mosquitto where an ordinary user's PATH does not look.
export PATH := $(PATH):/usr/sbin

comma := ,
B := build/$(if $(SAN),san-$(subst $(comma),-,$(SAN)),$(if $(DEBUG),debug,release))
Q := $(if $(V),,@)

# Where `make install` puts things.
PREFIX  ?= /usr/local
DESTDIR ?=

CC := gcc
STD := -std=c11 -D_GNU_SOURCE
WARN := -Wall -Wextra -Wno-unused-parameter -Wshadow -Wstrict-prototypes -Wmissing-prototypes \
	-Wpointer-arith -Wcast-qual -Wwrite-strings -Wvla -Wformat=2 $(if $(WERROR),-Werror)
OPT := $(if $(SAN)$(DEBUG),-O1 -g,-O2 -g)
HARDEN := $(if $(SAN)$(DEBUG),,-D_FORTIFY_SOURCE=2 -fstack-protector-strong -fPIE)
SANFLAGS := $(if $(SAN),-fsanitize=$(SAN) -fno-sanitize-recover=all -fno-omit-frame-pointer)
# The program is linked across its files: a sixth off each decision. Objects hold ordinary code as
# well, for libspop.a and for the tests, which link fast.
LTO := $(if $(SAN)$(DEBUG),,-flto -ffat-lto-objects)
CFLAGS += $(STD) $(OPT) $(LTO) $(WARN) $(HARDEN) $(SANFLAGS) -pthread -I. -DUSHER_VERSION='"$(VERSION)"'
LDFLAGS += -pthread $(if $(LTO),-fno-lto) $(SANFLAGS) $(if $(SAN)$(DEBUG),,-pie -Wl,-z,relro,-z,now)

# Libraries that only compute: all that core may link.
CORE_LIBS := -ljansson -lpcre2-8 -lxxhash -lm
# Libraries that wait.
IO_LIBS := -lev -lcares -lhiredis -lmicrohttpd
TLS_LIBS := -lssl -lcrypto
CHECK_LIBS := -lcheck -lsubunit -lrt -lm

# ---- sources ----------------------------------------------------------------------------------

SPOE_SRC := $(wildcard spoe/*.c)
CORE_SRC := $(wildcard agent/core/*/*.c)
IO_SRC   := $(wildcard agent/io/*.c)
TLS_SRC  := $(wildcard agent/tls/*.c)
LIVE_SRC := $(wildcard agent/store/*.c agent/engine/*.c agent/spoa/*.c agent/health/*.c agent/names/*.c agent/proxy/*.c agent/standby/*.c agent/runtime/*.c agent/admin/*.c agent/cli/*.c)
MAIN_SRC := $(wildcard agent/*.c)

objs = $(patsubst %.c,$(B)/%.o,$(1))

.PHONY: all
all: $(B)/usher $(B)/libspop.a

$(B)/libspop.a: $(call objs,$(SPOE_SRC))
$(B)/libcore.a: $(call objs,$(CORE_SRC))
$(B)/libio.a:   $(call objs,$(IO_SRC))
$(B)/libtls.a:  $(call objs,$(TLS_SRC))
$(B)/liblive.a: $(call objs,$(LIVE_SRC))
$(B)/%.a:
	@echo "  AR      $@"
	$(Q)rm -f $@ && ar rcs $@ $^

$(B)/usher: $(call objs,$(MAIN_SRC)) $(B)/liblive.a $(B)/libtls.a $(B)/libio.a $(B)/libcore.a $(B)/libspop.a
	@echo "  LINK    $@"
	$(Q)$(CC) $(LDFLAGS) $(if $(LTO),$(OPT) -flto=auto) -o $@ $^ $(TLS_LIBS) $(IO_LIBS) $(CORE_LIBS)

$(B)/%.o: %.c Makefile | build-deps
	@echo "  CC      $<"
	@mkdir -p $(@D)
	$(Q)$(CC) $(CFLAGS) -MMD -MP -c -o $@ $<

-include $(shell find $(B) -name '*.d' 2>/dev/null)

# What each group of targets needs from Debian; deps.sh is quiet and quick when all is there.
.PHONY: build-deps demo-deps check-deps fuzz-deps
build-deps:
	$(Q)tests/deps.sh build
demo-deps:
	$(Q)tests/deps.sh demo
check-deps:
	$(Q)tests/deps.sh check
fuzz-deps:
	$(Q)tests/deps.sh check clang libclang-rt-14-dev llvm

# ---- tests ------------------------------------------------------------------------------------

UNIT_SPOE   := $(patsubst %.c,$(B)/%,$(wildcard tests/unit/spoe/test_*.c))
UNIT_CORE   := $(patsubst %.c,$(B)/%,$(wildcard tests/unit/core/test_*.c))
UNIT_IO     := $(patsubst %.c,$(B)/%,$(wildcard tests/unit/io/test_*.c))
UNIT_TLS    := $(patsubst %.c,$(B)/%,$(wildcard tests/unit/tls/test_*.c))
UNIT_ENGINE := $(patsubst %.c,$(B)/%,$(wildcard tests/unit/engine/test_*.c tests/unit/health/test_*.c tests/unit/names/test_*.c tests/unit/standby/test_*.c tests/unit/runtime/test_*.c tests/unit/admin/test_*.c))
UNIT := $(UNIT_SPOE) $(UNIT_CORE) $(UNIT_IO) $(UNIT_TLS) $(UNIT_ENGINE)

# These link lines are a check of their own: libspop needs libc alone, and core is pure.
$(UNIT_SPOE): $(B)/%: $(B)/%.o $(B)/libspop.a
	@echo "  LINK    $@"
	$(Q)$(CC) $(LDFLAGS) -o $@ $^ $(CHECK_LIBS)
$(UNIT_CORE): $(B)/%: $(B)/%.o $(B)/libcore.a
	@echo "  LINK    $@"
	$(Q)$(CC) $(LDFLAGS) -o $@ $^ $(CHECK_LIBS) $(CORE_LIBS)
$(UNIT_IO): $(B)/%: $(B)/%.o $(B)/libio.a $(B)/libcore.a
	@echo "  LINK    $@"
	$(Q)$(CC) $(LDFLAGS) -o $@ $^ $(CHECK_LIBS) $(IO_LIBS) $(CORE_LIBS)
$(UNIT_TLS): $(B)/%: $(B)/%.o $(B)/libtls.a $(B)/libio.a $(B)/libcore.a
	@echo "  LINK    $@"
	$(Q)$(CC) $(LDFLAGS) -o $@ $^ $(CHECK_LIBS) $(TLS_LIBS) $(IO_LIBS) $(CORE_LIBS)
$(UNIT_ENGINE): $(B)/%: $(B)/%.o $(B)/liblive.a $(B)/libtls.a $(B)/libio.a $(B)/libcore.a $(B)/libspop.a
	@echo "  LINK    $@"
	$(Q)$(CC) $(LDFLAGS) -o $@ $^ $(CHECK_LIBS) $(TLS_LIBS) $(IO_LIBS) $(CORE_LIBS)

# The manual of haproxy.cfg is printed from the tables by which it is read.
CONFIGURATION := $(B)/tests/docs/configuration
$(CONFIGURATION): $(B)/tests/docs/configuration.o $(B)/libcore.a
	@echo "  LINK    $@"
	$(Q)$(CC) $(LDFLAGS) -o $@ $^ $(CORE_LIBS)
.PHONY: docs/configuration.md
docs/configuration.md: $(CONFIGURATION)
	$(Q)$(CONFIGURATION) tests/docs/configuration.head.md >$@

.PHONY: unit layers headers corpora config-pairs
unit: check-deps $(UNIT)
	$(Q)set -e; for t in $(UNIT); do $$t; done

layers:
	$(Q)tests/layers.sh
headers: build-deps
	$(Q)CC="$(CC)" CFLAGS="$(CFLAGS)" tests/headers.sh

# Each fuzz target is built twice: with replay.c for `make corpora`, with libFuzzer for `make fuzz`.
FUZZ := $(patsubst tests/fuzz/%.c,%,$(wildcard tests/fuzz/fuzz_*.c))
REPLAY := $(FUZZ:%=$(B)/tests/fuzz/%)
# Parsers are pure, but for those of TLS.
$(filter $(B)/tests/fuzz/fuzz_tls_%,$(REPLAY)): $(B)/libtls.a $(B)/libio.a
$(filter $(B)/tests/fuzz/fuzz_tls_%,$(REPLAY)): FUZZ_LIBS := $(TLS_LIBS) $(IO_LIBS)
$(REPLAY): $(B)/tests/fuzz/%: $(B)/tests/fuzz/%.o $(B)/tests/fuzz/replay.o $(B)/libcore.a $(B)/libspop.a
	@echo "  LINK    $@"
	$(Q)$(CC) $(LDFLAGS) -o $@ $(filter %.o,$^) -Wl,--start-group $(filter %.a,$^) -Wl,--end-group $(FUZZ_LIBS) $(CORE_LIBS)
corpora: check-deps $(REPLAY)
	$(Q)set -e; for f in $(FUZZ); do $(B)/tests/fuzz/$$f tests/fuzz/corpus/$$f; done

# Our alerts about haproxy.cfg, word for word, and our expressions' values against the real one's;
# its words against our tables, and those against the manual.
config-pairs: check-deps $(CONFIGURATION)
	$(Q)$(CONFIGURATION) tests/docs/configuration.head.md | diff -u docs/configuration.md - || \
		{ echo "docs/configuration.md is not what the tables say: make docs/configuration.md"; \
		exit 1; }
	$(Q)/usr/bin/python3 tests/config/language-against-haproxy.py $(CONFIGURATION)
	$(Q)tests/config/against-haproxy.sh
	$(Q)/usr/bin/python3 tests/config/expr-against-haproxy.py
	$(Q)CC="$(CC)" /usr/bin/python3 tests/config/rules-against-haproxy.py

FUZZ_SECONDS ?= 60
FUZZ_SRC := $(SPOE_SRC) $(CORE_SRC)
FUZZ_BIN := $(FUZZ:%=build/fuzz/%)
$(filter build/fuzz/fuzz_tls_%,$(FUZZ_BIN)): $(TLS_SRC) $(IO_SRC)
$(filter build/fuzz/fuzz_tls_%,$(FUZZ_BIN)): FUZZ_LIBS := $(TLS_LIBS) $(IO_LIBS)
$(FUZZ_BIN): build/fuzz/%: tests/fuzz/%.c $(FUZZ_SRC) | fuzz-deps
	@echo "  FUZZ    $@"
	@mkdir -p $(@D)
	$(Q)clang $(STD) -g -O1 -I. -fsanitize=fuzzer,address,undefined -fno-sanitize-recover=all \
		-o $@ $(filter %.c,$^) $(FUZZ_LIBS) $(CORE_LIBS)
.PHONY: fuzz
fuzz: $(FUZZ_BIN)
	$(Q)set -e; for f in $(FUZZ); do mkdir -p build/fuzz/found/$$f; \
		echo "== $$f"; build/fuzz/$$f -max_total_time=$(FUZZ_SECONDS) -print_final_stats=1 \
		-artifact_prefix=build/fuzz/found/ build/fuzz/found/$$f tests/fuzz/corpus/$$f; done

# Scenarios mostly wait: files of them run side by side.
JOBS ?= 2
# A process that misbehaves in a sanitizer build says so by exit code 66, which the tests look for.
PYTEST := USHER=$(abspath $(B)/usher) USHER_SAN=$(SAN) ASAN_OPTIONS=exitcode=66 \
	UBSAN_OPTIONS=print_stacktrace=1:exitcode=66 TSAN_OPTIONS=exitcode=66 \
	/usr/bin/python3 -m pytest -p no:cacheprovider -q -rs --durations=8 -n $(JOBS) --dist loadfile
.PHONY: e2e e2e-full check demo
e2e: check-deps all
	$(Q)$(PYTEST) tests/e2e -m "not full"
e2e-full: check-deps all
	$(Q)tests/deps.sh debootstrap chromium chromium-driver python3-selenium libnss3-tools
	$(Q)command -v npm >/dev/null || tests/deps.sh npm
	$(Q)USHER_FULL=1 $(PYTEST) tests/e2e

check: check-deps
	$(Q)$(MAKE) --no-print-directory layers headers unit corpora config-pairs e2e

demo: demo-deps all
	$(Q)USHER=$(abspath $(B)/usher) /usr/bin/python3 tests/e2e/demo.py

# The stack of compose/ in containers, by Debian's docker.io and docker-compose; a daemon of its own.
.PHONY: compose-check
compose-check: check-deps all
	$(Q)tests/deps.sh compose
	$(Q)$(PYTEST) tests/e2e/test_compose_files.py
	$(Q)tests/compose/with-docker.sh tests/compose/check.sh

# ---- measurements -----------------------------------------------------------------------------

BENCH := $(patsubst %.c,$(B)/%,$(wildcard tests/bench/*.c))
$(BENCH): $(B)/%: $(B)/%.o $(B)/libspop.a
	@echo "  LINK    $@"
	$(Q)$(CC) $(LDFLAGS) -o $@ $^

.PHONY: bench bench-spoe bench-proxy bench-takeover soak
bench: bench-spoe bench-proxy bench-takeover
# Prints ratios, asserts no timing: docs/performance.md says what they mean.
bench-spoe: demo-deps all $(BENCH)
	$(Q)USHER=$(abspath $(B)/usher) BENCH=$(abspath $(B)/tests/bench) \
		/usr/bin/python3 tests/bench/spoe.py
bench-proxy: demo-deps all $(BENCH)
	$(Q)USHER=$(abspath $(B)/usher) BENCH=$(abspath $(B)/tests/bench) \
		/usr/bin/python3 tests/bench/proxy.py

bench-takeover: demo-deps all
	$(Q)USHER=$(abspath $(B)/usher) /usr/bin/python3 tests/bench/takeover.py

SOAK_SECONDS ?= 600
soak: demo-deps all
	$(Q)USHER=$(abspath $(B)/usher) USHER_SAN=$(SAN) SOAK_SECONDS=$(SOAK_SECONDS) \
		/usr/bin/python3 tests/e2e/soak.py

# ---- housekeeping -----------------------------------------------------------------------------

C_FILES := $(shell git ls-files '*.c' '*.h' 2>/dev/null)
.PHONY: format lint install uninstall clean help
format:
	clang-format -i $(C_FILES)
lint:
	cppcheck --quiet --enable=warning,performance,portability --inline-suppr \
		--suppress=missingInclude --error-exitcode=1 -I. $(STD:-std=%=--std=%) agent spoe
	clang-tidy --quiet $(filter %.c,$(C_FILES)) -- $(CFLAGS)

install: all
	install -D -m 755 $(B)/usher $(DESTDIR)$(PREFIX)/sbin/usher
	install -D -m 644 docs/usher.8 $(DESTDIR)$(PREFIX)/share/man/man8/usher.8
	install -D -m 644 haproxy/sysctl.d/60-usher.conf $(DESTDIR)$(PREFIX)/lib/sysctl.d/60-usher.conf
	for f in spoe-usher.conf usher.lua keepalived.conf; do \
		install -D -m 644 haproxy/$$f $(DESTDIR)$(PREFIX)/share/usher/$$f; done
uninstall:
	rm -f $(DESTDIR)$(PREFIX)/sbin/usher $(DESTDIR)$(PREFIX)/share/man/man8/usher.8
	rm -f $(DESTDIR)$(PREFIX)/lib/sysctl.d/60-usher.conf
	rm -rf $(DESTDIR)$(PREFIX)/share/usher

clean:
	rm -rf build

help:
	@printf '%s\n' \
	'make               build usher and libspop.a' \
	'make demo          install what is missing, build, and show the main job on this machine' \
	'make check         install what is missing, build, run every test (under 10 minutes)' \
	'make unit          the part of check that starts no server' \
	'make e2e-full      the end-to-end scenarios with full counts, HAProxy 2.6, 3.0 and 3.2' \
	'make compose-check the stack of compose/ in containers, with a Docker daemon of its own' \
	'make fuzz          search with libFuzzer (FUZZ_SECONDS=60 for each target)' \
	'make bench         what usher costs: bench-spoe, bench-proxy as ratios to HAProxy; bench-takeover' \
	'make soak          everything goes wrong at random for SOAK_SECONDS=600' \
	'make install       and uninstall; DESTDIR and PREFIX are honoured' \
	'make format lint   clang-format; cppcheck and clang-tidy' \
	'SAN=address,undefined or SAN=thread before any of them: a sanitizer build'
