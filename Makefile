# What a newcomer needs: `make run`, `make test`. What a change needs: `make check`.
# Everything runs from .venv, which is made from pinned and hashed requirements.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# Tests that start processes share two cores; more workers than that only make them slow.
WORKERS ?= 2

# Names what .venv was made from: lock, project file and interpreter. With another stamp it is brought up to date.
STAMP = $(VENV)/.made-from-$(shell { cat requirements/dev.txt pyproject.toml; $(PYTHON) -V; } | cksum | tr ' ' -)

# The jars of Kafka for tests and `make stack`, named after the list that pins them.
JARS = build/servers/.made-from-$(shell cksum < tools/servers/jars.sha256 | tr ' ' -)

export PIP_DISABLE_PIP_VERSION_CHECK := 1

.PHONY: help install run stack test test-unit test-contract test-worlds test-integration test-acceptance test-chaos chaos worlds check format lock bench clean

help:
	@echo "make run      start Sojourn with the reference insurer on this machine"
	@echo "make stack    start production on this machine: Kafka, PostgreSQL, two workers, the console"
	@echo "make test     all tests: unit, contract, worlds, integration, acceptance, chaos in its short form"
	@echo "make chaos    kill everything: real servers, three workers, 50,000 events, compared with simulate"
	@echo "make worlds   100,000 simulated worlds, a night's work"
	@echo "make check    style, types, layers, docs"
	@echo "make format   put the code into the house's format"
	@echo "make bench    the benchmarks of benchmarks/"
	@echo "make lock     resolve requirements/*.in anew into the hashed locks"
	@echo "make clean    remove the environment and caches; var/ with its data stays"

install:
	@test -e $(STAMP) || $(MAKE) --no-print-directory -s venv
	@test -e $(JARS) || $(MAKE) --no-print-directory -s servers

.PHONY: venv
venv:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
	  || { echo "Sojourn needs Python 3.11 or newer, and $(PYTHON) is older; say make PYTHON=python3.11 ..."; exit 1; }
	@echo "Making $(VENV) from requirements/dev.txt (once, about half a minute) ..."
	@rm -f $(VENV)/.made-from-*
	@$(PYTHON) -m venv --upgrade $(VENV) 2>/dev/null || $(PYTHON) -m venv --clear $(VENV)
	@$(BIN)/python -m pip install --quiet --require-hashes -r requirements/dev.txt
	@$(BIN)/python -m pip install --quiet --no-deps --no-build-isolation --editable .
	@touch $(STAMP)

.PHONY: servers
servers:
	@rm -f build/servers/.made-from-*
	@$(BIN)/python -m tools.servers
	@touch $(JARS)

run: install
	@exec $(BIN)/sojourn run --sample

stack: install
	@exec $(BIN)/python -m tools.stack

test: test-unit test-contract test-worlds test-integration test-acceptance test-chaos

test-unit: install
	@$(BIN)/python -m pytest tests/unit tests/docs -q -n $(WORKERS)

test-contract: install
	@$(BIN)/python -m pytest tests/contract -q -n $(WORKERS)

# Whole worlds on a virtual clock, from seeds: a thousand here, a hundred thousand in `make worlds`.
test-worlds: install
	@$(BIN)/python -m pytest tests/worlds -q -n $(WORKERS) -m "not serial"
	@$(BIN)/python -m pytest tests/worlds -q -m serial

# Mostly waiting for real servers and processes: two files side by side, each with servers of its own. Brokers and
# databases that start, die and freeze beside each other can starve a test of time, so what failed runs once more, alone.
ALONE = { echo "Once more, alone:"; $(BIN)/python -m pytest $(1) -q --last-failed --last-failed-no-failures none; }

test-integration: install
	@$(BIN)/python -m pytest tests/integration -q -n $(WORKERS) --dist loadfile -m "not serial" \
	  || $(call ALONE,tests/integration -m "not serial")
	@$(BIN)/python -m pytest tests/integration -q -m serial

test-acceptance: install
	@$(BIN)/python -m pytest tests/acceptance -q -n $(WORKERS) --dist loadfile || $(call ALONE,tests/acceptance)

# Real servers and workers, killed: the short form; `make chaos` is the long one.
test-chaos: install
	@$(BIN)/python -m pytest tests/chaos -q

chaos: install
	@$(BIN)/python -m tests.chaos

worlds: install
	@$(BIN)/python -m tests.worlds --count 100000

check: install
	@$(BIN)/ruff check --quiet .
	@$(BIN)/ruff format --check --quiet .
	@$(BIN)/mypy --strict --no-error-summary $(wildcard sojourn agents schemas tools benchmarks)
	@$(BIN)/lint-imports --no-logo
	@$(BIN)/python tools/check_repo.py
	@if docker compose version > /dev/null 2>&1; then docker compose --profile '*' config --quiet; fi

format: install
	@$(BIN)/ruff format --quiet .
	@$(BIN)/ruff check --quiet --fix .

# uv only resolves; nothing is installed with it. It lives in a throw-away environment.
lock:
	@rm -rf build/lock && $(PYTHON) -m venv build/lock && build/lock/bin/python -m pip install --quiet uv
	@for set in runtime dev; do \
	  build/lock/bin/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --upgrade \
	    --no-header --no-emit-index-url --no-emit-find-links \
	    requirements/$$set.in --output-file requirements/$$set.txt || exit 1; \
	done
	@rm -rf build/lock

bench: install
	@$(BIN)/python -m benchmarks

clean:
	@rm -rf $(VENV) build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +
