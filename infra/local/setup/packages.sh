# The virtual environment with its locked packages, by uv, or by pip where uv cannot be had.
# Sourced by setup.sh.

readonly python=$venv/bin/python

fingerprint() { cat "$lock" pyproject.toml | sha256sum | cut -d' ' -f1; }

venv_works() {
  "$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1
}

# What was installed for tests has all that the demo needs.
packages_ready() {
  local stamp=$venv/.setup/${lock##*/}
  [ "$(cat "$stamp" 2>/dev/null)" = "$(fingerprint)" ] && venv_works
}

install_packages() {
  local uv stamps=$venv/.setup
  venv_works || "$(find_python)" -m venv --without-pip --clear "$venv"
  mkdir -p "$stamps"
  say "installing $(grep -c '==' "$lock") locked packages of $lock"
  if uv=$(find_uv); then
    eval "$("$python" infra/local/setup/uv_settings.py)"
    if by_uv "$uv"; then
      fingerprint >"$stamps/${lock##*/}"
      return
    fi
  fi
  say "without uv: pip takes a minute or two"
  by_pip
  fingerprint >"$stamps/${lock##*/}"
}

by_uv() {
  "$1" pip install --quiet --python "$python" --require-hashes --requirements "$lock" &&
    "$1" pip install --quiet --python "$python" --no-deps --no-build-isolation --editable .
}

by_pip() {
  local pip=("$python" -m pip --disable-pip-version-check)
  "${pip[@]}" --version >/dev/null 2>&1 || "$python" -m ensurepip >/dev/null
  "${pip[@]}" install --progress-bar off --no-deps --require-hashes -r "$lock" |
    sed -un -e 's/^Collecting \([^ ]*\).*/setup:   \1/p' \
      -e 's/^Installing collected.*/setup:   unpacking/p' >&2
  "${pip[@]}" install --quiet --no-deps --no-build-isolation --editable . >&2
}

# The uv on PATH, or that of the cache which all clones share, fetched by pip if it is not there.
find_uv() {
  local version folder draft
  [ "${JINGWEI_UV:-auto}" != off ] || return 1
  command -v uv && return 0
  version=$(sed -n 's/^uv==\([0-9.]*\).*/\1/p' requirements/uv.lock)
  folder=${XDG_CACHE_HOME:-$HOME/.cache}/jingwei/uv-$version
  if ! [ -x "$folder/bin/uv" ]; then
    say "fetching uv $version"
    mkdir -p "${folder%/*}"
    draft=$(mktemp -d "${folder%/*}/fetching-XXXXXX")
    if "$(find_python)" -m venv "$draft/venv" >&2 &&
      "$draft/venv/bin/python" -m pip install --quiet --disable-pip-version-check --no-deps \
        --require-hashes --target "$draft/uv" -r requirements/uv.lock >&2; then
      # Another clone may have been faster; its uv is the same.
      mv -T "$draft/uv" "$folder" 2>/dev/null || true
    fi
    rm -rf "$draft"
  fi
  "$folder/bin/uv" --version >/dev/null 2>&1 && echo "$folder/bin/uv"
}
