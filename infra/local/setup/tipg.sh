#!/usr/bin/env bash
# Installs tipg, the peer of `make bench NAME=maps`, in `.venv/tipg`: its packages do not go with
# ours. Nothing to do if it is there.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../../.."
readonly lock=requirements/tipg.lock venv=.venv/tipg
say() { printf 'setup: %s\n' "$*" >&2; }
source infra/local/setup/system.sh
source infra/local/setup/packages.sh

cmp -s "$lock" "$venv/lock" && exit 0
"$(find_python)" -m venv --clear "$venv"
if uv=$(find_uv); then
  eval "$("$(find_python)" infra/local/setup/uv_settings.py)"
  "$uv" pip install --quiet --python "$venv/bin/python" --require-hashes --requirements "$lock"
else
  "$venv/bin/python" -m pip install --quiet --no-deps --require-hashes -r "$lock"
fi
cp "$lock" "$venv/lock"
