# Everything a contributor runs. `make check` is exactly what CI runs.

PYTHON ?= python3
SEED ?= 0
BIN := .venv/bin
READY := .venv/.ready

.DEFAULT_GOAL := help
.PHONY: help setup format lint types layers test check bench examples docs quickstart

help:  ## this list
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*##/\t/' | expand -t 14

setup: $(READY)  ## .venv with exact versions; instant when nothing changed

$(READY): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit("guerdon needs Python 3.11 or newer, this is " + sys.version.split()[0] + "; set PYTHON=" if sys.version_info < (3, 11) else 0)'
	@test -x $(BIN)/python || { echo "setup: creating .venv"; $(PYTHON) -m venv .venv; }
	@echo "setup: installing pinned packages (minutes, once)"
	@# torch first and by its exact pin, so that a CPU build is taken where an index offers one
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check "$$(grep '^torch==' constraints.txt)"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev]'
	@touch $@

format: $(READY)  ## rewrite files as ruff likes them
	$(BIN)/ruff check --fix-only --quiet .
	$(BIN)/ruff format .

lint: $(READY)  ## style and simple mistakes
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(READY)  ## mypy
	$(BIN)/mypy

layers: $(READY)  ## imports point down
	$(BIN)/lint-imports --no-cache

test: $(READY)  ## all tests, in two processes
	$(BIN)/python -m pytest -n 2 --dist loadfile

check: lint types layers test  ## what CI runs

bench: $(READY)  ## the benchmarks of benchmarks/, one JSON line each
	$(BIN)/python benchmarks/generate.py
	$(BIN)/python benchmarks/grpo_step.py

examples: $(READY)  ## train the examples and compare their curves with the recorded ones (minutes)
	$(BIN)/python examples/compare.py

docs: $(READY)  ## links between the pages lead somewhere
	$(BIN)/python -m pytest tests/test_docs.py

quickstart: $(READY)  ## train a tiny policy to cross frozen lakes: make quickstart SEED=1
	$(BIN)/guerdon train --config-name quickstart run.seed=$(SEED) run.name=quickstart-$(SEED) run.overwrite=true
