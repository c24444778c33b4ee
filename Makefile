# The front door. `make demo` and `make test` do all the set-up that they need; `make help` lists the rest.
# C++ developers who want no Python: cmake --preset release (CONTRIBUTING.md).
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory
.NOTPARALLEL:

JOBS ?= $(shell nproc)
PREFIX ?= /usr/local
DESTDIR ?=
FUZZ_SECONDS ?= 300
SOAK_FUZZ_SECONDS ?= 300
TOPLOC_FUZZ_SECONDS ?= 600
ARGS ?=
LINT_FLAGS ?=
SANITIZE_ARITHMETIC ?= ON

export CMAKE_BUILD_PARALLEL_LEVEL ?= $(JOBS)
# A compiler cache where there is one; the launcher that the environment names goes first.
ifneq ($(shell command -v ccache),)
export CMAKE_CXX_COMPILER_LAUNCHER ?= ccache
endif

venv := .venv/bin
package_tree := build/python
# What reads TOPLOC proofs, signatures and fingerprints of strangers is fuzzed for longer under `make soak`.
toploc_fuzz := toploc_proof_fuzz toploc_signature_fuzz toploc_fingerprint_fuzz
other_fuzz := $(filter-out $(toploc_fuzz),$(basename $(notdir $(wildcard fuzz/*_fuzz.cc))))

.PHONY: help
help:  ## this list
	@printf 'usage: make TARGET [VARIABLE=value]\n\n'
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / {printf "  %-11s  %s\n", $$1, $$2}' $(MAKEFILE_LIST)
	@printf '\nvariables: JOBS=%s  PREFIX=%s  FUZZ_SECONDS=%s  PYTHON=python3 (to make .venv with)  ARGS= (for demo, bench)\n' \
	  '$(JOBS)' '$(PREFIX)' '$(FUZZ_SECONDS)'

.PHONY: demo
demo: build  ## capture, commit, open and verify a real model's hidden states, and catch a cheat
	@$(venv)/assay-demo $(ARGS)

.PHONY: toploc-demo
toploc-demo: build  ## prove a real model's answer with TOPLOC, check it, and try seven cheats
	@$(venv)/assay-toploc demo $(ARGS)

.PHONY: layers-demo
layers-demo: build  ## score a real model's layers, draw them, select some for verifiers, and measure what changed layers do
	@$(venv)/assay-layers demo $(ARGS)

.PHONY: audit-demo
audit-demo: build  ## audit a real model's answer from what a provider committed to, and catch five cheats
	@$(venv)/assay-audit demo $(ARGS)

.PHONY: probe-demo
probe-demo: build  ## train a probe of a real model's state, check what it does, sign its readings, and catch five cheats
	@$(venv)/assay-probe demo $(ARGS)

.PHONY: trees-demo
trees-demo: build  ## prover and verifier of each tree as two processes: sizes and times of Merkle, Verkle and Terkle
	@$(venv)/assay-trees-demo $(ARGS)

.PHONY: vllm
vllm: build  ## an environment .venv-vllm with the serving engine vLLM, on the CPU, and the package in it
	@tools/setup-vllm

.PHONY: vllm-demo
vllm-demo: vllm  ## serve a real model with vLLM, check its answers by transformers, and catch a server that cheats
	@.venv-vllm/bin/python -m assay.vllm.demo $(ARGS)

.PHONY: vllm-test
vllm-test: build  ## the tests of proofs from vLLM; each file in a process of its own, for it holds an engine
	@tools/setup-vllm test
	@status=0; for file in tests/vllm/test_*.py; do \
	  .venv-vllm/bin/python -m pytest -q -c tests/vllm/pytest.ini --rootdir tests/vllm $$file || status=1; \
	done; exit $$status

.PHONY: vllm-soak
vllm-soak: build  ## the long tests of proofs from vLLM: 500 answers of a real model, and a compiled model
	@tools/setup-vllm test
	@status=0; for file in tests/vllm/soak_*.py; do \
	  .venv-vllm/bin/python -m pytest -q -rP -c tests/vllm/pytest.ini --rootdir tests/vllm $$file || status=1; \
	done; exit $$status

.PHONY: test
test: test-build  ## all tests: C++ (ctest, with the architecture checker and replayed fuzz corpora) and Python (pytest)
	@ctest --test-dir $(package_tree) --parallel $(JOBS) --output-on-failure --label-exclude soak
	@# Several processes share the processors, so that torch's threads sleep while they wait for each other.
	@OMP_WAIT_POLICY=PASSIVE $(venv)/python -m pytest --numprocesses $(JOBS) --dist loadfile

.PHONY: lint
lint: setup lint-setup  ## clang-format, clang-tidy, arrows of includes and imports, ruff and mypy
	@tools/format --check
	@python3 tests/architecture/check_edges.py .
	@python3 tests/architecture/check_imports.py .
	@$(venv)/mypy
	@tools/lint-tidy $(LINT_FLAGS)

.PHONY: docs
docs: setup  ## the documentation as a site with search and the Python reference, in build/docs
	@tools/setup-python docs
	@$(venv)/python tools/build-docs
	@echo 'build/docs/index.html; with search: python3 -m http.server -d build/docs'

.PHONY: format
format: lint-setup  ## lay out the C++ and Python sources as `make lint` wants them
	@tools/format

.PHONY: sanitize
sanitize: clang  ## the C++ tests under AddressSanitizer and UndefinedBehaviorSanitizer
	@cmake --preset asan -DASSAY_SANITIZE_ARITHMETIC=$(SANITIZE_ARITHMETIC)
	@cmake --build --preset asan
	@ctest --preset asan --parallel $(JOBS) --label-exclude soak

.PHONY: threads
threads: system  ## the C++ tests under ThreadSanitizer
	@cmake --preset tsan
	@cmake --build --preset tsan
	@ctest --preset tsan --parallel $(JOBS) --label-exclude soak

.PHONY: aarch64
aarch64: test-build  ## all of it for 64-bit Arm: cross-compiled; the C++ tests and the tests of the command, run by qemu
	@tools/setup-system tools/debian-packages.txt tools/debian-packages-aarch64.txt
	@tools/setup-aarch64
	@cmake --preset aarch64
	@cmake --build --preset aarch64
	@ctest --preset aarch64 --parallel $(JOBS) --label-exclude soak
	@ASSAY_BIN=tools/run-aarch64 AARCH64_PROGRAM=$$PWD/build/aarch64/apps/assay/assay \
	  $(venv)/python -m pytest tests/python/cli

.PHONY: counts
counts: test-build clang  ## what fixed pieces of work cost in instructions, or products of lanes, against kept limits
	@cmake --build $(package_tree) --target counted_work counted_products
	@tests/counts/check_counts.py $(package_tree)

.PHONY: soak
soak: test-build lint-setup  ## the long tests: fuzzing each target for minutes, tests marked soak, clang's analyzer, all sanitizers, aarch64
	@tools/fuzz --each $(TOPLOC_FUZZ_SECONDS) $(toploc_fuzz)
	@tools/fuzz --each $(SOAK_FUZZ_SECONDS) $(other_fuzz)
	@ctest --test-dir $(package_tree) --output-on-failure --label-regex soak
	@$(venv)/python -m pytest -m soak || [ $$? -eq 5 ]  # 5: nothing is marked
	@tools/lint-tidy --deep
	@$(MAKE) sanitize
	@$(MAKE) threads
	@$(MAKE) aarch64

.PHONY: bench
bench: system  ## the microbenchmarks
	@cmake --preset bench
	@cmake --build --preset bench
	@for program in build/bench/*_bench; do echo "== $${program##*/}"; $$program $(ARGS); done

.PHONY: coverage
coverage: system lint-setup  ## line coverage of the C++ tests, room by room; fails under 95 % where it is promised
	@tools/coverage

.PHONY: fuzz
fuzz: clang  ## FUZZ_SECONDS of fuzzing, shared by all targets
	@tools/fuzz --total $(FUZZ_SECONDS)

.PHONY: ptau-files
ptau-files: system  ## powers 4 and 8 of small ceremonies by snarkjs, in build/ptau: what vectors/kzg keeps
	@tools/ptau-files 4 8

.PHONY: ceremony-demo
ceremony-demo: build  ## three contributors and a verifier, each a process, make an SRS and try to cheat
	@$(venv)/assay-ceremony-demo $(ARGS)

.PHONY: two-party
two-party: build  ## a provider and a verifier as two processes that share only files
	@$(venv)/assay-two-party $(ARGS)

.PHONY: install
install: system  ## the command with manual pages, completions, docs; headers and libraries; into PREFIX (DESTDIR is honoured)
	@cmake --preset package
	@cmake --build --preset package
	@DESTDIR='$(DESTDIR)' cmake --install build/package --prefix '$(PREFIX)'

.PHONY: build
build: setup  ## the command .venv/bin/assay and the Python package `assay` in .venv
	@tools/build-package

.PHONY: setup
setup: system  ## system packages (apt-get, when it may) and the Python environment .venv
	@tools/setup-python

.PHONY: clean
clean:  ## remove everything that was built or set up here
	rm -rf build dist .venv .venv-vllm .stamps .mypy_cache .ruff_cache .pytest_cache .hypothesis

# Steps of the targets above.
.PHONY: system test-build lint-setup clang
system:
	@tools/setup-system
test-build: build
	@tools/setup-python test
	@tools/build-package --tests
lint-setup:
	@tools/setup-system tools/debian-packages.txt tools/debian-packages-lint.txt
	@tools/setup-python lint
clang:
	@tools/setup-system tools/debian-packages.txt tools/debian-packages-lint.txt
