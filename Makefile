# `make demo` and `make test` set up everything that they need; see `make help`.
SHELL := /bin/bash
.DEFAULT_GOAL := help
.PHONY: help setup demo test lint bench lock clean

BIN := .venv/bin
# make demo: seconds to run (until interrupted), a map to import (the made city), a JSON file.
FOR ?=
CITY ?=
SUMMARY ?=
# make test: what else to give pytest. make bench: which benchmark.
ARGS ?=
NAME ?=

help: ## say what there is
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):[^#]*## (.*)/  make \1\t\2/' | expand -t 16

setup: ## packages, .venv and the locked requirements
	@bash infra/local/setup.sh

demo: setup ## a city into Kafka, incidents out of it: FOR=60 CITY=map.osm SUMMARY=file.json
	@exec $(BIN)/jingwei demo $(if $(FOR),--for $(FOR)) $(if $(CITY),--city "$(CITY)") $(if $(SUMMARY),--summary "$(SUMMARY)")

test: setup ## the tests, on services of their own: ARGS='tests/geo -k fence'
	@exec $(BIN)/python -m pytest $(or $(ARGS),--numprocesses 2 --dist loadfile)

lint: setup ## ruff, mypy, import-linter
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: setup ## benchmarks, as JSON: NAME=pipeline
	@[ "$(NAME)" != streets ] || $(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --require-hashes -r bench/peers.lock >&2 || echo "bench: without Valhalla" >&2
	@exec $(BIN)/python -m bench $(NAME) --json

lock: setup ## resolve the requirements anew into requirements.lock
	$(BIN)/python -m pip install --quiet uv
	$(BIN)/python -m uv pip compile --no-emit-index-url --generate-hashes --extra bench --extra dev pyproject.toml -o requirements.lock

clean: ## caches and builds; the local stack's data goes by `jingwei down --wipe`
	rm -rf build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -not -path './.venv/*' -prune -exec rm -rf {} +
