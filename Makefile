# Covergen. `make help` lists what can be asked for; nothing but make and Python 3.11, 3.12 or 3.13 is needed.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory

VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --no-input
SOURCES := contracts adapters nodes edge ops tests
# The newest that every pinned package has wheels for; `make PYTHON=/path/to/python3 run` chooses another.
CANDIDATES := python3.13 python3.12 python3.11 python3 python
SUPPORTED := import sys, venv, ensurepip; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))

.PHONY: help run test chaos fuzz lint types check bench lock clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "make %-8s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

run: $(VENV)/.installed ## install, start everything, make a first cover (TITLE="…"), stay up
	@exec $(BIN)/covergen up --first-cover $(if $(TITLE),"$(TITLE)")

# What starts whole stacks, or kills them, mostly waits: two at a time. What measures has the machine to itself.
WHOLE := tests/e2e tests/chaos tests/bench
test: $(VENV)/.installed-dev ## install, run the tests
	@$(BIN)/pytest --numprocesses 3 --dist loadfile $(addprefix --ignore ,$(WHOLE)) $(ARGS)
	@$(BIN)/pytest --numprocesses 2 --dist loadfile tests/e2e $(SHORT) $(ARGS)
	@$(BIN)/pytest tests/bench $(ARGS)

# What mostly waits runs two at a time; what loads the machine, or measures it, has it to itself.
LOADED := $(addprefix tests/chaos/test_,$(addsuffix .py,rampage overload rolling))
SHORT := $(addprefix tests/chaos/test_,$(addsuffix .py,kills short_rampage))
chaos: $(VENV)/.installed-dev ## run every test that kills, beside the short ones of `make test` (15 minutes)
	@$(BIN)/pytest --numprocesses 2 --dist load tests/chaos $(addprefix --ignore ,$(LOADED) $(SHORT)) $(ARGS)
	@$(BIN)/pytest $(LOADED) $(ARGS)
	@COVERGEN_TEST_IDLE=5000 $(BIN)/pytest tests/edge/test_edge_abuse.py -k idle $(ARGS)

fuzz: $(VENV)/.installed-dev ## many more generated requests against the OpenAPI document (20 minutes)
	@FUZZ_PHASES=examples,coverage,fuzzing,stateful FUZZ_EXAMPLES=50 FUZZ_SECONDS=480 \
		$(BIN)/pytest -s tests/e2e/test_openapi_fuzz.py $(ARGS)

lint: $(VENV)/.installed-dev ## style and the layers' import rules
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/lint-imports

types: $(VENV)/.installed-dev ## mypy, strict
	@$(BIN)/mypy

check: lint types test ## all of these, and that generated files are fresh
	@$(BIN)/covergen nats render --check

bench: $(VENV)/.installed-bench ## print the ratio tables
	@$(BIN)/python -m tests.bench $(ARGS)

lock: $(BIN)/python ## renew the lock files from pyproject.toml
	@$(PIP) install --quiet 'uv>=0.9'
	@$(BIN)/uv pip compile --quiet --universal --generate-hashes --no-header --no-annotate \
		--python-version 3.11 --extra embedded -o requirements.lock pyproject.toml
	@$(BIN)/uv pip compile --quiet --universal --generate-hashes --no-header --no-annotate \
		--python-version 3.11 -c requirements.lock -o requirements-image.lock pyproject.toml
	@$(BIN)/uv pip compile --quiet --universal --generate-hashes --no-header --no-annotate \
		--python-version 3.11 --extra dev -c requirements.lock -o requirements-dev.lock pyproject.toml
	@$(BIN)/uv pip compile --quiet --universal --generate-hashes --no-header --no-annotate \
		--python-version 3.11 --extra bench -c requirements-dev.lock -o requirements-bench.lock pyproject.toml

clean: ## remove the virtual environment and caches; data in ./var stays
	@rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis .schemathesis .import_linter_cache dist
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(BIN)/python:
	@python=""; \
	for candidate in $(or $(PYTHON),$(CANDIDATES)); do \
		if "$$candidate" -c '$(SUPPORTED)' >/dev/null 2>&1; then python="$$candidate"; break; fi; \
	done; \
	if [ -z "$$python" ]; then \
		echo "Covergen needs Python 3.11, 3.12 or 3.13 with the venv module, and found none of:" >&2; \
		echo "  $(or $(PYTHON),$(CANDIDATES))" >&2; \
		echo "On Debian or Ubuntu: apt install python3 python3-venv. Or: make PYTHON=/path/to/python3 $(MAKECMDGOALS)" >&2; \
		exit 1; \
	fi; \
	echo "Making $(VENV) with $$("$$python" --version)"; \
	"$$python" -m venv $(VENV)

# A stamp is renewed when its list changes. The development list holds everything that the other one does.
$(VENV)/.installed: requirements.lock pyproject.toml | $(BIN)/python
	@echo "Installing what requirements.lock names"
	@$(PIP) install --quiet --require-hashes -r requirements.lock
	@$(PIP) install --quiet --no-deps -e .
	@touch $@

$(VENV)/.installed-dev: requirements-dev.lock requirements.lock pyproject.toml | $(BIN)/python
	@echo "Installing what requirements-dev.lock names"
	@$(PIP) install --quiet --require-hashes -r requirements-dev.lock
	@$(PIP) install --quiet --no-deps -e .
	@touch $(VENV)/.installed $@

$(VENV)/.installed-bench: requirements-bench.lock | $(VENV)/.installed-dev
	@echo "Installing what requirements-bench.lock names"
	@$(PIP) install --quiet --require-hashes -r requirements-bench.lock
	@touch $@
