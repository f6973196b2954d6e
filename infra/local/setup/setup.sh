#!/usr/bin/env bash
# setup.sh USE: makes a fresh Debian machine ready for one use, in an environment `.venv`.
#
#   worker  what a worker needs          demo   also the gateway, brokers, maps and pictures
#   gateway what a gateway needs
#   dev     also tests and linters       bench  what `demo` has, and the benchmarks' peers
#   lint    as `dev`, no services        streets  the peers of `make bench NAME=streets`
#
# Run again it does nothing, in a moment; interrupted it is run again; two at once take turns.
# Exit code 3 when something that is needed is missing and cannot be installed from here.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../../.."
readonly use=${1:-dev} venv=.venv
readonly lock=requirements/${use/lint/dev}.lock
source infra/local/setup/system.sh
source infra/local/setup/packages.sh
source infra/local/setup/pages.sh

say() { printf 'setup: %s\n' "$*" >&2; }

# timed WHAT COMMAND...: runs a step and tells how long it took.
timed() {
  local what=$1 begin=${EPOCHREALTIME/[.,]/} took
  shift
  "$@"
  took=$(((${EPOCHREALTIME/[.,]/} - begin) / 100000))
  say "$what $((took / 10)).$((took % 10)) s"
}

# Kafka's jars need Java and Maven only, so they come while packages are installed.
services() {
  system_packages
  if [ "${JINGWEI_MAVEN:-auto}" != off ] && has_java && command -v mvn >/dev/null; then
    "$(find_python)" -m infra.local.jars || say "no Apache Kafka yet: \`jingwei up\` says why"
  fi
}

[ -f "$lock" ] || { say "no use \`$use\`: give worker, gateway, demo, dev, lint, bench or streets" && exit 2; }
exec 9<pyproject.toml
flock --nonblock 9 || { say "another setup is at work: waiting for it" && flock 9; }

need_python
services_at=
if [ "$use" != lint ] && ! services_ready; then
  timed "system packages, Apache Kafka" services &
  services_at=$!
fi
pages_at=
if [[ " demo dev gateway " == *" $use "* ]] && ! pages_ready; then
  timed "operators' pages" build_pages &
  pages_at=$!
fi
packages_ready || timed "packages" install_packages
if [ -n "$services_at" ]; then
  wait "$services_at"
  touch "$venv/.setup/services"
fi
[ -z "$pages_at" ] || wait "$pages_at"
