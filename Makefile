# mvrun: containers on the VLANs of your LAN, without a daemon.
#
# Plain `make` prints the targets. Every target that needs a Debian package
# installs it first, if it is missing and only then (as root, by apt-get).

SHELL       := /bin/bash
.SHELLFLAGS := -euo pipefail -c
MAKEFLAGS   += --no-print-directory

# Where the Go distribution puts itself, for machines that have it but not in PATH.
export PATH := $(PATH):/usr/local/go/bin
# libcontainer's nsenter is C; without cgo there is no product.
export CGO_ENABLED := 1
# Without it Go compiles everything again, for other paths in the panics.
export GOFLAGS += -trimpath

PREFIX  ?= /usr/local
DESTDIR ?=
BIN     ?= bin/mvrun
# urfave_cli_no_docs leaves out a Markdown parser that every start would set up,
# runc_nocriu the checkpoints that nobody can ask for here; netgo and osusergo what
# a static program can't ask the C library for.
TAGS    := seccomp embedbusybox urfave_cli_no_docs runc_nocriu netgo osusergo

# A tag v1.2.3 names the version; without one the changelog's newest section and the commit do.
COMMIT    := $(shell git rev-parse --short=12 HEAD 2>/dev/null)
CHANGELOG := $(shell sed -n 's/^\#\# \[\([0-9][^]]*\)\].*/\1/p' CHANGELOG.md | head -n 1)
VERSION   ?= $(shell git describe --tags --match 'v[0-9]*' --dirty 2>/dev/null | sed 's/^v//')
ifeq ($(strip $(VERSION)),)
VERSION := $(CHANGELOG)-dev$(if $(COMMIT),+g$(COMMIT))
endif
# Static: mvrun starts itself twice for each container, and the dynamic linker
# would have a millisecond of each of the three.
LDFLAGS := -X main.version=$(VERSION) -linkmode external -extldflags=-static

BUILD_DEPS := gcc libc6-dev pkg-config libseccomp-dev busybox-static tini git ca-certificates
TEST_DEPS  := iproute2 util-linux e2fsprogs iputils-ping dnsmasq-base docker-registry debootstrap skopeo umoci docker.io bzip2 xz-utils zstd
DEMO_DEPS  := iproute2 util-linux tcpdump
VM_DEPS    := qemu-system-x86 debootstrap e2fsprogs xz-utils
BENCH_DEPS := hyperfine docker-registry linux-perf
BENCH_PEERS := docker.io podman containernetworking-plugins runc crun skopeo umoci

need = @tools/need

.DEFAULT_GOAL := help
.PHONY: help build static busybox test test-all ci deps packages machines checks test-unit test-integration test-vm race fuzz reference lint fmt demo bench bench-images bench-deps install clean

help: ## print the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-17s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

build: busybox ## build bin/mvrun, static, with the busybox image in it
	go build -tags '$(TAGS)' -ldflags '$(LDFLAGS)' -o bin/mvrun ./cmd/mvrun

static: build ## build bin/mvrun-static, and see that it needs no library of the host
	@ln -f bin/mvrun bin/mvrun-static
	@{ ldd bin/mvrun-static 2>&1 || true; } | grep -qE 'not a dynamic executable|statically linked' \
		|| { echo 'make: bin/mvrun-static is not static:' >&2; ldd bin/mvrun-static >&2; exit 1; }

busybox: # the image that is embedded: made here from Debian's busybox-static, never in git
	$(need) $(BUILD_DEPS)
	@go run ./cmd/mkbusybox
	@install -D -m 0755 /usr/bin/tini-static runtime/kernel/embedded/init # for run --init

test: static ## run all the tests (as root: containers are real)
	$(need) $(TEST_DEPS) $(VM_DEPS)
	@tools/beside packages='$(MAKE) packages' machines='$(MAKE) machines'

test-all: ## make test, and in the virtual machines the whole integration suite
	@MVRUN_VM_ALL=1 $(MAKE) test

# What .ci/run calls: all that a change must pass, side by side once the product
# is built, so that what one waits for is the others' time.
ci: deps static
	@tools/beside lint='$(MAKE) checks' packages='$(MAKE) packages' machines='$(MAKE) machines'

deps:
	$(need) $(BUILD_DEPS) $(TEST_DEPS) $(VM_DEPS)

# The parts of make test. They wait more than they compute (for answers from the
# LAN, for leases, for grace to end), so many run at once, also on few processors.
# Whatever hangs has a deadline of its own, which knows how fast the machine is.
# The longest begin first.
AT_ONCE := $(shell echo $$((3 * $$(nproc))))
GO_TEST := go test -vet=off -tags '$(TAGS)' -parallel $(AT_ONCE) -timeout 4h

packages:
	@rm -f bin/skipped
	MVRUN_BIN=$(CURDIR)/bin/mvrun MVRUN_SKIPPED=$(CURDIR)/bin/skipped \
		$(GO_TEST) -p $$(($$(nproc) + 1)) ./integration ./integration/images $$(go list -tags '$(TAGS)' ./... | grep -v /integration/vm$$)

machines:
	go test -c -vet=off -tags '$(TAGS)' -ldflags '-linkmode external -extldflags=-static' -o bin/integration-static.test ./integration
	MVRUN_SKIPPED=$(CURDIR)/bin/skipped MVRUN_STATIC=$(CURDIR)/bin/mvrun-static MVRUN_STATIC_TEST=$(CURDIR)/bin/integration-static.test \
		go test -vet=off -tags '$(TAGS)' -count=1 -v -timeout 4h $(if $(RUN),-run '$(RUN)') ./integration/vm/...

test-unit: busybox ## run the tests of the packages only
	$(need) $(TEST_DEPS)
	go test -tags '$(TAGS)' $$(go list -tags '$(TAGS)' ./... | grep -v /integration)

test-integration: build ## run the tests that drive the built binary; RUN=regexp chooses
	$(need) $(TEST_DEPS)
	MVRUN_BIN=$(CURDIR)/bin/mvrun $(GO_TEST) -count=1 $(if $(RUN),-v -run '$(RUN)') ./integration ./integration/hostile ./integration/images ./integration/lab ./integration/rules

test-vm: static ## run mvrun on Debian's kernel, in virtual machines; RUN=regexp chooses
	$(need) $(TEST_DEPS) $(VM_DEPS)
	@rm -f bin/skipped # of tests that may have other names today
	@$(MAKE) machines

race: busybox ## run the packages' tests under the race detector
	$(need) $(TEST_DEPS)
	go test -race -tags '$(TAGS)' $$(go list -tags '$(TAGS)' ./... | grep -v /integration)

fuzz: busybox ## run every fuzz target for FUZZTIME (default 30s) each
	@tools/fuzz '$(TAGS)' '$(or $(FUZZTIME),30s)'

reference: busybox ## write docs/commands.md from the commands
	go test -tags '$(TAGS)' -count=1 ./cmd/mvrun -run TestReferenceIsUpToDate -update

lint: busybox ## vet, staticcheck, gofumpt and the import rules
	@$(MAKE) checks

checks:
	go vet -tags '$(TAGS)' ./...
	go tool -modfile=tools/go.mod staticcheck -tags '$(TAGS)' ./...
	@out=$$(go tool -modfile=tools/go.mod gofumpt -l .); \
		[[ -z $$out ]] || { printf 'gofumpt wants changes in:\n%s\n' "$$out" >&2; exit 1; }
	go test -tags '$(TAGS)' ./integration/rules

fmt: ## format the Go files
	go tool -modfile=tools/go.mod gofumpt -w .

demo: build ## the experiment: two hosts, one trunk, VLANs 10 and 20, four containers
	$(need) $(DEMO_DEPS)
	@MVRUN=$(CURDIR)/bin/mvrun demo/demo

bench: build ## measure mvrun beside the other runtimes that are installed
	$(need) $(BENCH_DEPS)
	@go build -o bin/bundle ./bench/bundle
	@MVRUN=$(CURDIR)/bin/mvrun bench/bench
	@$(MAKE) bench-images

bench-images: build ## the part of bench that is about images: pull, load, many layers
	$(need) $(BENCH_DEPS)
	@go build -o bin/measure ./bench/measure
	@MVRUN=$(CURDIR)/bin/mvrun bench/images

bench-deps: ## install the peers that make bench compares with
	$(need) $(BENCH_DEPS) $(BENCH_PEERS)

install: ## install $(BIN) under $(DESTDIR)$(PREFIX); make build first
	@[[ -x $(BIN) ]] || { echo 'make: $(BIN) is missing: run make build first' >&2; exit 1; }
	install -D -m 0755 $(BIN) $(DESTDIR)$(PREFIX)/bin/mvrun
	install -d $(DESTDIR)$(PREFIX)/lib/systemd/system
	sed 's|/usr/local/bin|$(PREFIX)/bin|' contrib/systemd/mvrun.service >$(DESTDIR)$(PREFIX)/lib/systemd/system/mvrun.service

clean: ## remove what make wrote
	rm -rf bin image/embedded bench/results
