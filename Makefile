# Everything is run from here; `make help` lists it. From a fresh clone only python3 (3.11 or newer) is
# needed for the virtual environment, and java and mvn for what runs on a real Kafka broker.

SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help

VENV := .venv
PY := $(VENV)/bin/python
UV := $(VENV)/bin/uv
STAMP := $(VENV)/.installed
PACKAGES := everfresh streams reactors sinks
TYPED := $(PACKAGES) tests tools

# What tests call, each with its Debian package where that has another name.
PROGRAMS := java=openjdk-17-jre-headless javac=openjdk-17-jdk-headless mvn=maven kcat \
	prometheus-alertmanager \
	pg_ctlcluster=postgresql promtool=prometheus

# Three processes: two for what touches the world, one for what only computes (tests/conftest.py).
BESIDE := -n 3

# What the demo is told: LOG=kafka runs it on a real broker, JSON=FILE keeps the figures, TAMPER=1 plants
# an error that its verification must find.
DEMO_OPTIONS := $(if $(LOG),--log $(LOG)) $(if $(JSON),--json $(JSON)) $(if $(TAMPER),--tamper)

# A module that is planned but not there yet ends in one clear sentence instead of a traceback.
planned = @test -e $(1) || { echo "make $@: $(1) is not there yet; see CHANGELOG.md for what is." >&2; exit 1; }

.PHONY: help venv demo test test-long check bench faults simulate parity lock clean

help: ## this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /\1|/' | column -t -s '|'

venv: $(STAMP) ## the virtual environment, exactly as the locks say

# A stamp, so that it costs nothing when nothing changed. pip only ever installs uv, by its hash.
$(STAMP): requirements/uv.txt requirements/dev.txt pyproject.toml
	test -x $(PY) || python3 -m venv $(VENV)
	$(PY) -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/uv.txt
	VIRTUAL_ENV=$(VENV) $(UV) pip sync --quiet --require-hashes requirements/dev.txt
	VIRTUAL_ENV=$(VENV) $(UV) pip install --quiet --no-deps --no-build-isolation --editable .
	touch $@

demo: $(STAMP) ## a year of real flights, verified (LOG=kafka: on a real broker; JSON=FILE; TAMPER=1)
	$(call planned,examples/nycflights)
	$(if $(filter kafka,$(LOG)),bash tools/apt.sh $(PROGRAMS))
	$(PY) -m examples.nycflights $(DEMO_OPTIONS)

test: $(STAMP) ## every test but the long ones, with a real Kafka broker in it
	bash tools/apt.sh $(PROGRAMS)
	$(PY) -m pytest -q -m "not long" $(BESIDE)

test-long: $(STAMP) ## every test, the long ones too
	bash tools/apt.sh $(PROGRAMS)
	$(PY) -m pytest -q $(BESIDE)

check: $(STAMP) ## style, types, structure
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/mypy $(wildcard $(TYPED))
	$(VENV)/bin/lint-imports
	$(PY) -m pytest -q tests/test_architecture.py
	@if command -v duplicates >/dev/null; then duplicates; fi

bench: $(STAMP) ## the figures: hop, ingest, idle, economy, fold
	$(call planned,bench)
	$(PY) -m bench

faults: $(STAMP) ## kill each role again and again on a real broker, then check what the topics say
	bash tools/apt.sh $(PROGRAMS)
	$(PY) -m pytest -q -m faults

simulate: $(STAMP) ## thousands of random graphs, traces and crashes in virtual time (SEEDS=A:B, JOBS=N); goes on where it was ended
	$(PY) -m tests.core.simulation --seeds $(or $(SEEDS),500000:502000) --jobs $(or $(JOBS),1)

PARITY := .venv-parity

parity: $(STAMP) ## docs/parity.md against Dagster and Airflow, in an environment of their own
	test -x $(PARITY)/bin/python || python3 -m venv $(PARITY)
	VIRTUAL_ENV=$(PARITY) $(UV) pip sync --quiet --require-hashes requirements/parity.txt
	$(PARITY)/bin/python -m tools.parity

# Keeps every version that still fits; UPGRADE=1 takes the newest.
COMPILE = UV_CUSTOM_COMPILE_COMMAND="make lock" VIRTUAL_ENV=$(VENV) $(UV) pip compile --quiet --universal \
	--generate-hashes --python-version 3.11 --no-emit-index-url $(if $(UPGRADE),--upgrade)

lock: ## requirements/*.txt anew from the *.in files and pyproject.toml (UPGRADE=1: the newest versions)
	test -x $(UV) || { python3 -m venv $(VENV) && \
	  $(PY) -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/uv.txt; }
	$(COMPILE) requirements/uv.in -o requirements/uv.txt
	$(COMPILE) pyproject.toml --all-extras -o requirements/runtime.txt
	$(COMPILE) requirements/dev.in pyproject.toml --all-extras -c requirements/runtime.txt -o requirements/dev.txt
	$(COMPILE) requirements/parity.in -o requirements/parity.txt

clean: ## the virtual environment and what tools left behind
	rm -rf $(VENV) $(PARITY) .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis dist
