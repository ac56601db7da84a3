# What a person needs: make run, make test, make up. Everything lands in .venv and var of this folder.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed

# A company, made by the simulator, lives through its last three nights: a PostgreSQL server, an API and files.
CUSTOMERS ?= 2000
SEED ?= 1
FROM ?= 2025-12-29
TO ?= 2025-12-31
COMPANY := var/company

export CKM_HOME ?= $(CURDIR)/var
export CKM_SOURCES ?= $(CURDIR)/$(COMPANY)/sources.yml
export DO_NOT_TRACK := 1
export PYTHONDONTWRITEBYTECODE := 1

.DEFAULT_GOAL := help
.PHONY: help setup run test test-fast test-long test-stack test-gates prove prove-input prove-kills lint lock clean

help:  ## Show the targets.
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*##/\t/' | expand -t 14

setup: $(STAMP)  ## Make the project's own environment.

$(STAMP): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' \
		|| { echo "make: Python 3.11, 3.12 or 3.13 is needed: make PYTHON=python3.11 $(MAKECMDGOALS)"; exit 2; }
	@echo "Setting up $(VENV) …"
	@$(PYTHON) -m venv --clear $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check uv
	@$(BIN)/uv pip install --quiet --python $(BIN)/python --require-hashes --compile-bytecode -r requirements.lock
	@$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps --editable .
	@touch $(STAMP)

WITH_SYSTEMS = $(BIN)/python examples/nordlicht/systems.py $(COMPANY) \
	--customers $(CUSTOMERS) --seed $(SEED) --until $(TO) --

# Whoever names a sources.yml of his own has systems of his own.
IF_DEMONSTRATION = $(if $(filter $(CURDIR)/$(COMPANY)/sources.yml,$(CKM_SOURCES)),$(WITH_SYSTEMS))

run: $(STAMP)  ## Load three nights of a company through Airflow, its database and its API running.
	@$(IF_DEMONSTRATION) $(MAKE) --no-print-directory run-dag FROM=$(FROM) TO=$(TO)

test: $(STAMP)  ## Run all tests but those of the stack, fast ones first.
	@$(BIN)/python -m pytest -q -n 2 -m "not slow and not stack and not prove"
	@$(BIN)/python -m pytest -q -n 2 -m "slow and not prove"

test-fast: $(STAMP)  ## Run the fast tests only.
	@$(BIN)/python -m pytest -q -n 2 -m "not slow and not stack and not prove"

test-long: $(STAMP)  ## Run the tests that live through many nights: every kind of bad input, killed nights, late corrections, an upgrade.
	@$(BIN)/python -m pytest -q -n 2 -m prove

test-stack: $(STAMP)  ## Run the tests that start Airflow's own processes and let its scheduler load a night.
	@$(BIN)/python -m pytest -q -m stack

test-gates: $(STAMP)  ## Try ways in which a night can be wrong and show which rule catches each.
	@$(BIN)/python -m benchmarks.wrong_nights

prove: prove-input prove-kills  ## Try every kind of bad input, kill nights anywhere, and write docs/reliability.md.

prove-input: $(STAMP)  ## Try every kind of bad input; SHORT=1 tries a few.
	@$(BIN)/python -m benchmarks.reliability $(if $(SHORT),--short)

prove-kills: $(STAMP)  ## Kill nights anywhere, take disk and systems away; SHORT=1 kills one night a few times.
	@$(BIN)/python -m benchmarks.disturbance $(if $(SHORT),--short)

lint: $(STAMP)  ## Check style of Python, SQL and YAML.
	@$(BIN)/ruff check . && $(BIN)/ruff format --check .
	@$(BIN)/yamllint --strict .
	@mkdir -p $(VENV)/lint && CKM_HOME=$(VENV)/lint $(BIN)/sqlfluff lint --nocolor dbt_project/models dbt_project/tests

lock: $(STAMP)  ## Resolve pyproject.toml into requirements.lock.
	@$(BIN)/uv pip compile pyproject.toml --quiet --extra airflow --extra dev --universal \
		--python-version 3.11 --generate-hashes --no-emit-index-url --no-header --output-file requirements.lock

clean:  ## Remove the warehouse and the small company, keep the environment.
	@rm -rf var .airflow

include airflow.mk

