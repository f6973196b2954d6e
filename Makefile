# `make demo` and `make test` set up everything that they need; see `make help`.
SHELL := /bin/bash
.DEFAULT_GOAL := help
.PHONY: help setup demo test sim lint bench lock clean

BIN := .venv/bin
# uv leaves compiling to the first import (all of it at once takes 26 s); without the result each
# process would compile all it imports.
unexport PYTHONDONTWRITEBYTECODE
# make demo: seconds to run (until interrupted), a map to import (the made city), a JSON file,
# anything to open the console in a browser.
FOR ?=
CITY ?=
SUMMARY ?=
OPEN ?=
# make test: what else to give pytest, busy processes a core beside it. make bench: which benchmark.
ARGS ?=
LOAD ?=
NAME ?=
# make sim: one seed, seeds from 1, fresh seeds for so many seconds (FOR), a known bug or all.
SEED ?=
RUNS ?=
BUG ?=

help: ## say what there is
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):[^#]*## (.*)/  make \1\t\2/' | expand -t 16

setup: ## everything for working on it: packages, .venv, the locked requirements
	@bash infra/local/setup/setup.sh dev

demo: ## a city into Kafka, incidents out of it: FOR=60 CITY=map.osm SUMMARY=file.json OPEN=1
	@bash infra/local/setup/setup.sh demo
	@exec $(BIN)/jingwei demo $(if $(FOR),--for $(FOR)) $(if $(CITY),--city "$(CITY)") $(if $(SUMMARY),--summary "$(SUMMARY)") $(if $(OPEN),--open)

# On a virtual machine whose memory is slow to find, large pages halve what computing takes: 153 s
# instead of 312 for tests/intake and tests/geo. Where there are none, both are without effect.
test: export GLIBC_TUNABLES ?= glibc.malloc.hugetlb=1
test: export PYTHONMALLOC ?= malloc
test: setup ## the tests, on services of their own: ARGS='tests/geo -k fence' LOAD=2
	@exec $(if $(LOAD),.ci/loaded $(LOAD)) $(BIN)/python -m pytest $(or $(ARGS),--numprocesses 2 --dist loadfile --no-loadscope-reorder)

sim: export GLIBC_TUNABLES ?= glibc.malloc.hugetlb=1
sim: export PYTHONMALLOC ?= malloc
sim: setup ## the stream shell under faults from seeds: SEED=42, RUNS=1000, FOR=60 or BUG=all
	@exec $(BIN)/python -m tests.simulation $(if $(SEED),--seed $(SEED)) $(if $(RUNS),--runs $(RUNS)) $(if $(FOR),--for $(FOR)) $(if $(BUG),--bug $(BUG))

lint: ## ruff, mypy, import-linter
	@bash infra/local/setup/setup.sh lint
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: ## benchmarks, as JSON: NAME=pipeline
	@bash infra/local/setup/setup.sh bench
	@[ "$(NAME)" != streets ] || bash infra/local/setup/setup.sh streets || echo "bench: without Valhalla" >&2
	@case "$(NAME)" in gateway) bash infra/local/setup/tipg.sh || echo "bench: without tipg" >&2 ;; esac
	@exec $(BIN)/python -m bench $(NAME) --json

lock: ## resolve the requirements anew into requirements/: UPGRADE=1 takes new versions
	@bash infra/local/setup/lock.sh

clean: ## caches and builds; the local stack's data goes by `jingwei down --wipe`
	rm -rf build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -not -path './.venv/*' -prune -exec rm -rf {} +
