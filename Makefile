# fairnb: two commands on a fresh machine (Linux, Python 3.11 or 3.12, make):
#   make reproduce   and   make test
SHELL := /bin/bash
.DEFAULT_GOAL := help
# The first interpreter that runs and fits (a version manager's shim may exist and not run).
PYTHON ?= $(shell for p in python3 python3.12 python3.11; do $$p -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 12))' 2>/dev/null && echo $$p && break; done)
TIER ?= quick
ONLY ?=
SEEDS ?= $(FAIRNB_SEEDS)
PRESET ?= $(FAIRNB_PRESET)
ATTRIBUTES ?= $(FAIRNB_ATTRIBUTES)
JOBS ?=
SCHEDULER ?=
FORCE ?=
BUDGET ?= 60
DRY ?=
KEY ?=
SEED ?= 0
KERNEL ?=
# Which build of torch: cuda (the lock as it is) or cpu; when not said, the one that .venv already has.
TORCH ?= $(if $(wildcard .venv/.ready-cpu),cpu,cuda)
READY := .venv/.ready$(filter-out -cuda,-$(TORCH))
BIN := .venv/bin
export FAIRNB_SEEDS := $(SEEDS)
export FAIRNB_PRESET := $(PRESET)
export FAIRNB_ATTRIBUTES := $(ATTRIBUTES)
# Small processes with one thread each beat one process with many threads (and torch collapses when they compete).
export OMP_NUM_THREADS := 1

.PHONY: help env reproduce test test-fast test-portable lint lab plan decide evidence audit-evidence verify reference site site-check data check clean course course-check lock

help:  ## this list
	@echo "fairnb: rerun five papers on fairness-aware fine-tuning, and check their claims"
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-15s%s\n", $$1, $$2}' $(MAKEFILE_LIST)
	@echo "settings: TIER=smoke|quick|open|paper  ONLY=10_aimfair  SEEDS=3 or 0,1,2  PRESET=code|paper|ours  JOBS=2  SCHEDULER=tcp://host:8786  FORCE=1"
	@echo "of FineFACE's Tables 6 to 8: ATTRIBUTES=smiling,bangs"
	@echo "of decide: BUDGET=60 (minutes)  ONLY=A7 or aimfair  DRY=1; of audit-evidence: KEY=<experiment key>"
	@echo "of course and course-check: SEED=2026  ONLY=1_measuring; of course-check: KERNEL=1"
	@echo "real data: FAIRNB_DATA=/folder make data"

env: $(READY)  ## build .venv from requirements.lock (TORCH=cpu: without CUDA)

$(READY): requirements.lock pyproject.toml
	@[ "$(TORCH)" = cuda ] || [ "$(TORCH)" = cpu ] || { echo "TORCH=$(TORCH) is no build of torch: say TORCH=cuda or TORCH=cpu"; exit 2; }
	@[ -n "$(PYTHON)" ] || { echo "fairnb needs Python 3.11 or 3.12 and found neither: install one, or say make PYTHON=/path/to/python3.12"; exit 2; }
	@[ -z "$(filter-out $@,$(wildcard .venv/.ready*))" ] || rm -rf .venv  # it has the other build
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check "uv>=0.7"
	@grep -vE '^($(if $(filter cpu,$(TORCH)),nvidia|cuda|triton,#))' requirements.lock > .venv/requirements.txt
	$(BIN)/uv pip install --quiet --compile-bytecode --python $(BIN)/python $(if $(filter cpu,$(TORCH)),--torch-backend=cpu) -r .venv/requirements.txt
	$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps -e .
	@touch $@

reproduce: env  ## run every notebook at TIER, write results/
	@$(BIN)/fairnb reproduce --tier "$(TIER)" --only "$(ONLY)" --jobs "$(JOBS)" --scheduler "$(SCHEDULER)" $(if $(FORCE),--force)

test: env  ## run all tests
	@$(BIN)/python -m pytest -n $${JOBS:-auto} --dist loadfile

# As on this processor, on AMD's with bfloat16, and on one without it (x86-64 alone has these settings).
PROCESSORS := ONEDNN_MAX_CPU_ISA=DEFAULT
ifeq ($(shell uname -m),x86_64)
PROCESSORS += ONEDNN_MAX_CPU_ISA=AVX512_CORE_BF16 ONEDNN_MAX_CPU_ISA=AVX2,ATEN_CPU_CAPABILITY=avx2
endif
test-portable: env  ## run the tests of numerics as on other processors
	@failed=; for words in $(PROCESSORS); do echo "as on a processor with $$words:"; \
	  env $${words//,/ } $(BIN)/python -m pytest -m numerics -n $${JOBS:-auto} --dist loadfile || failed="$$failed $$words"; \
	done; [ -z "$$failed" ] || { echo "tests of numerics failed:$$failed"; exit 1; }

test-fast: env  ## run the tests that are not marked slow
	@$(BIN)/python -m pytest -n $${JOBS:-auto} --dist loadfile -m "not slow"

lint: env  ## check style and types (ruff, mypy)
	@$(BIN)/ruff check . && $(BIN)/ruff format --check . && $(BIN)/mypy

lab: env  ## open the notebooks in JupyterLab
	@$(BIN)/jupyter lab notebooks

plan: env  ## what reproduce would run, why, and how long; what each claim needs
	@$(BIN)/fairnb plan --tier "$(TIER)" --only "$(ONLY)"

decide: env  ## run the seeds that decide most claims in BUDGET minutes
	@$(BIN)/fairnb decide --tier "$(TIER)" --budget "$(BUDGET)" --only "$(ONLY)" --jobs "$(JOBS)" $(if $(DRY),--dry)

evidence: env  ## give this machine's runs to the ledger, results/evidence/
	@$(BIN)/fairnb evidence --tier "$(TIER)"

audit-evidence: env  ## run a line of the ledger again: is it credible?
	@$(BIN)/fairnb audit-evidence --tier "$(TIER)" $(KEY)

verify: env  ## compare fresh results with results/reference/TIER
	@$(BIN)/fairnb verify --tier "$(TIER)"

reference: env  ## make the fresh results of TIER the new reference
	@$(BIN)/fairnb reference --tier "$(TIER)" && $(BIN)/fairnb readme

site: env  ## build build/site/: everything to be read without running it
	@$(BIN)/fairnb site --tier "$(TIER)"

site-check: env  ## check build/site/: links, pictures, and each page in Chromium
	@$(BIN)/fairnb site-check

data: env  ## which real data sets are here, how to get the rest
	@$(BIN)/fairnb data

check: env  ## check this machine
	@$(BIN)/fairnb check

clean:  ## remove results, the site and .venv (never what git keeps, never data)
	@[ ! -x $(BIN)/fairnb ] || $(BIN)/fairnb clean
	@rm -rf build/site build/site-sources
	@if [ -f .venv/pyvenv.cfg ] && [ ! -L .venv ]; then rm -rf .venv; \
	elif [ -e .venv ] || [ -L .venv ]; then echo "left: .venv, which is a link or no environment of Python's"; fi

course: env  ## write the course for a class to build/course (SEED=...)
	@$(BIN)/fairnb course --seed "$(SEED)" --only "$(ONLY)"

course-check: env  ## check every exercise of the course (SEED=..., KERNEL=1)
	@$(BIN)/fairnb course-check --seed "$(SEED)" --only "$(ONLY)" $(if $(JOBS),--jobs "$(JOBS)") $(if $(KERNEL),--kernel)

lock: env  ## resolve pyproject.toml again (Python 3.11 and 3.12)
	PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/python scripts/lock.py
