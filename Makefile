# The verbs of daily work; each does its own set-up. `make run` and `make test` are all that a reader needs.
.PHONY: help setup run test check cover soak bench docs lock clean

VENV := .venv
READY := $(VENV)/.ready
READY_TEST := $(VENV)/.ready-test
JOBS ?= auto

help:
	@echo "make run    set up and start the deck on loopback (Ctrl-C ends it)"
	@echo "make test   set up and run the whole test suite"
	@echo "make check  lint, types, import order, generated documents"
	@echo "make cover  the tests under coverage, every package against its bar"
	@echo "make docs   write the generated reference pages"
	@echo "make soak   the slow crash and fuzz rounds"
	@echo "make bench  the benchmarks, three minutes (BENCH=--quick: half a minute)"

setup: $(READY)

NEEDS := pyproject.toml requirements/runtime.txt requirements/compiled.txt scripts/setup deploy/debian/run.txt

$(READY): $(NEEDS)
	@scripts/setup run

$(READY_TEST): $(NEEDS) requirements/dev.txt deploy/debian/test.txt
	@scripts/setup test

run: $(READY)
	@$(VENV)/bin/mead run

test: $(READY_TEST) check
	$(VENV)/bin/pytest -n $(JOBS) --dist loadgroup

check: $(READY_TEST)
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check src tests benchmarks
	$(VENV)/bin/mypy
	$(VENV)/bin/lint-imports
	$(VENV)/bin/python scripts/reference.py --check

cover: $(READY_TEST)
	@$(VENV)/bin/python scripts/cover.py $(COVER)

soak: $(READY_TEST)
	$(VENV)/bin/pytest -m soak --timeout 3600

bench: $(READY_TEST)
	@$(VENV)/bin/python benchmarks/run.py $(BENCH)

docs: $(READY)
	$(VENV)/bin/python scripts/reference.py

# Pins with hashes and without any download address. Needs `uv` on the path.
lock:
	@command -v uv >/dev/null || { echo "make lock needs uv on the path: pip install uv (in an environment of its own)"; exit 11; }
	@for name in runtime compiled dev; do \
	  uv pip compile --quiet --universal --generate-hashes --no-header --no-annotate \
	    --no-emit-index-url --no-emit-find-links --python-version 3.11 \
	    requirements/$$name.in -o requirements/$$name.txt; done

clean:
	rm -rf $(VENV) build dist .mypy_cache .pytest_cache .ruff_cache .hypothesis .import_linter_cache .coverage
