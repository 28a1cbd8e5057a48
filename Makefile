# make install · demo · dev · test · check · bench
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PACKAGES := shared agent controller cli

.PHONY: install demo dev test check format bench docs lock clean

install: $(VENV)/.installed

$(VENV)/.installed: requirements/dev.txt $(PACKAGES:%=%/pyproject.toml)
	@echo "Installing Tocsin into $(VENV) (hash-pinned; about a minute) ..."
	@$(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --require-hashes -r requirements/dev.txt
	@$(BIN)/python -m pip install --quiet --no-deps --no-build-isolation $(PACKAGES:%=-e ./%)
	@touch $@
	@echo "Installed: $(BIN)/tocsin, $(BIN)/tocsin-controller, $(BIN)/tocsin-agent"

