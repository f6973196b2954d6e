#!/usr/bin/env bash
# Resolves pyproject.toml into the lock files in `requirements/`, one for each use: `make lock`.
#
# dev.lock comes first and binds the others, so that a package has one version in all of them.
# Versions that are locked stay as they are unless they have to change; UPGRADE=1 takes new ones.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../../.."
readonly venv=.venv
say() { printf 'lock: %s\n' "$*" >&2; }
source infra/local/setup/system.sh
source infra/local/setup/packages.sh

uv=$(find_uv) || { say "needs uv, which could not be fetched" && exit 3; }
eval "$("$(find_python)" infra/local/setup/uv_settings.py)"

compile() { # NAME OPTION...
  local name=$1
  shift
  UV_CUSTOM_COMPILE_COMMAND='make lock' "$uv" pip compile --quiet --universal --python-version 3.11 \
    --no-emit-index-url --generate-hashes ${UPGRADE:+--upgrade} "$@" pyproject.toml \
    --output-file "requirements/$name.lock"
}

extras=(--extra gateway --extra local --extra maps --extra tables --extra pictures --extra reader)
compile dev "${extras[@]}" --group build --group dev
for name in worker gateway demo bench; do
  case $name in
    worker) options=(--group build) ;;
    gateway) options=(--extra gateway --group build) ;;
    demo) options=("${extras[@]}" --group build) ;;
    bench) options=("${extras[@]}" --group build --group bench) ;;
  esac
  compile "$name" --constraint requirements/dev.lock "${options[@]}"
done
for name in uv node; do
  UV_CUSTOM_COMPILE_COMMAND='make lock' "$uv" pip compile --quiet --no-emit-index-url \
    --generate-hashes --group "$name" --output-file "requirements/$name.lock"
done
