# make install · demo · dev · services · test · check · format · bench · chaos · docs · lock
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PACKAGES := shared agent controller cli
SOURCES := $(PACKAGES) tests deploy docs

.PHONY: install demo dev services test check format bench chaos docs lock clean

install: $(VENV)/.installed

$(VENV)/.installed: requirements/dev.txt $(PACKAGES:%=%/pyproject.toml) $(wildcard agent/keeper/*.*) agent/hatch_build.py
	@echo "Installing Tocsin into $(VENV) (hash-pinned; about a minute) ..."
	@$(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/dev.txt
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation $(PACKAGES:%=-e ./%)
	@touch $@
	@echo "Installed: $(BIN)/tocsin, $(BIN)/tocsin-controller, $(BIN)/tocsin-agent"

# The main job, shown on the terminal: a controller, two agents, jobs that run.
demo: install
	@$(BIN)/python -m deploy.demo

# The demo's fleet, kept running on 127.0.0.1:8080 with its data in ./.tocsin.
dev: install
	@$(BIN)/python -m deploy.dev

# The servers that tests of task types speak to, from Debian's packages; none is left running. Needs root once.
# Tests of a server that is missing are skipped.
services:
	@deploy/services.sh

test: install
	$(BIN)/python -m pytest -n 4 --dist loadfile

check: install
	$(BIN)/ruff check $(SOURCES)
	$(BIN)/ruff format --check $(SOURCES)
	$(BIN)/mypy $(PACKAGES) tests deploy docs
	$(BIN)/lint-imports
	$(BIN)/python -m docs.generate --check

format: install
	$(BIN)/ruff check --fix $(SOURCES)
	$(BIN)/ruff format $(SOURCES)

# Prints Tocsin's figures beside a floor measured in the same run. No thresholds.
bench: install
	$(BIN)/python -m tests.bench

# Every fault on purpose, then ten minutes of all of them; exits with 1 when a promise was broken.
# make chaos ARGS='--seed 7 --only F12'
chaos: install
	$(BIN)/python -m tests.chaos $(ARGS)

# Rewrites the reference pages that are generated from the code.
docs: install
	$(BIN)/python -m docs.generate

# Rewrites requirements/*.txt and the locks of published clients. Needs uv and npm.
lock:
	requirements/lock.sh

clean:
	rm -rf $(VENV) .tocsin .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
