#!/usr/bin/env bash
# Makes a fresh Debian machine ready: system packages, the virtual environment `.venv` with the
# locked requirements, and the project itself. Run again it does nothing, in a moment.
#
# Exit code 3 when something that is needed is missing and cannot be installed from here.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

readonly venv=.venv
readonly stamp=$venv/.jingwei-setup

say() { printf 'setup: %s\n' "$*" >&2; }

fingerprint() { sha256sum requirements.lock pyproject.toml | sha256sum | cut -d' ' -f1; }

has_postgis() {
  local control version
  for control in /usr/share/postgresql/*/extension/postgis.control; do
    version=$(basename "$(dirname "$(dirname "$control")")")
    [ -x "/usr/lib/postgresql/$version/bin/postgres" ] && return 0
  done
  return 1
}

has_java() {
  local java=${JAVA_HOME:+$JAVA_HOME/bin/}java major
  major=$("$java" -version 2>&1 | sed -n 's/.*version "\([0-9]*\).*/\1/p') || return 1
  [ "${major:-0}" -ge 17 ]
}

has_chinese_font() {
  [ -n "$(find /usr/share/fonts \( -name '*CJK*' -o -name 'wqy*' \) -print -quit 2>/dev/null)" ]
}

# The version that the lock was made with comes first, then newer ones.
find_python() {
  local candidate
  for candidate in python3.11 python3.12 python3.13 python3; do
    if "$candidate" -c 'import ensurepip, sys, venv; sys.exit(sys.version_info < (3, 11))' \
      >/dev/null 2>&1; then
      command -v "$candidate"
      return 0
    fi
  done
  return 1
}

venv_works() {
  "$venv/bin/python" -c 'import pip, sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1
}

# Debian's package manager with the rights it needs, or nothing.
apt_command() {
  if ! command -v apt-get >/dev/null; then
    return 1
  elif [ "$(id -u)" -eq 0 ]; then
    echo env DEBIAN_FRONTEND=noninteractive apt-get
  elif sudo -n true >/dev/null 2>&1; then
    echo sudo -n DEBIAN_FRONTEND=noninteractive apt-get
  else
    return 1
  fi
}

apt_install() {
  local apt
  apt=$(apt_command) || return 1
  say "installing by apt-get: $*"
  $apt update -qq >&2 || say "apt-get update failed; going on with what is known"
  $apt install -y -q --no-install-recommends "$@" >&2
}

need() {
  local missing=()
  has_postgis || missing+=(postgresql postgresql-postgis)
  venv_works || find_python >/dev/null || missing+=(python3-venv)
  [ ${#missing[@]} -eq 0 ] && return 0
  apt_install "${missing[@]}" || true
  if ! has_postgis || ! { venv_works || find_python >/dev/null; }; then
    say "needed and missing (PostgreSQL with PostGIS, Python 3.11 or newer): install them by"
    say "  sudo apt-get install ${missing[*]}"
    exit 3
  fi
}

# Without Java and Maven there is the embedded broker, without the font maps show boxes.
like() {
  local missing=()
  has_java || missing+=(default-jre-headless)
  command -v mvn >/dev/null || missing+=(maven)
  has_chinese_font || missing+=(fonts-noto-cjk)
  if [ ${#missing[@]} -gt 0 ] && ! apt_install "${missing[@]}"; then
    say "better with: sudo apt-get install ${missing[*]}"
  fi
  if [ "${CI:-}" = true ] && ! { has_java && command -v mvn >/dev/null; }; then
    say "CI needs Java 17 and Maven for Apache Kafka: sudo apt-get install ${missing[*]}"
    exit 3
  fi
}

install_locked() {
  local python=$venv/bin/python
  if ! venv_works; then
    say "making $venv with $(find_python)"
    "$(find_python)" -m venv --clear "$venv"
  fi
  say "installing $(grep -c '==' requirements.lock) locked packages"
  if ! { command -v uv >/dev/null &&
    uv pip install --python "$python" --require-hashes -r requirements.lock >&2; }; then
    "$python" -m pip install --disable-pip-version-check --progress-bar off \
      --no-deps --require-hashes -r requirements.lock | show_progress
  fi
  say "installing the project"
  "$python" -m pip install --disable-pip-version-check --quiet \
    --no-deps --no-build-isolation --editable . >&2
}

# One line a package out of what pip says.
show_progress() {
  sed -un -e 's/^Collecting \([^ ]*\).*/setup:   \1/p' -e 's/^Installing collected.*/setup:   unpacking/p' >&2
}

exec 9<pyproject.toml
flock --nonblock 9 || { say "another setup is at work: waiting for it" && flock 9; }
need
if [ "$(cat "$stamp" 2>/dev/null)" != "$(fingerprint)" ] || ! venv_works; then
  begin=$SECONDS
  like
  install_locked
  fingerprint >"$stamp"
  say "done in $((SECONDS - begin)) s"
fi
