# Debian's packages that Jingwei stands on. Sourced by setup.sh.

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

# Debian's package manager with the rights it needs, or nothing.
apt_command() {
  # Another apt-get, or one that an interrupted setup left at work, is waited for.
  local options=(apt-get -o DPkg::Lock::Timeout=300)
  if ! command -v apt-get >/dev/null; then
    return 1
  elif [ "$(id -u)" -eq 0 ]; then
    echo env DEBIAN_FRONTEND=noninteractive "${options[@]}"
  elif sudo -n true >/dev/null 2>&1; then
    echo sudo -n DEBIAN_FRONTEND=noninteractive "${options[@]}"
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

need_python() {
  venv_works || find_python >/dev/null && return 0
  apt_install python3-venv || true
  find_python >/dev/null && return 0
  say "needed and missing (Python 3.11 or newer): sudo apt-get install python3-venv"
  exit 3
}

# The tests look at the operators' pages.
has_browser() { [ "$use" != dev ] || command -v chromium >/dev/null; }

services_ready() { has_postgis && has_browser && [ -e "$venv/.setup/services" ]; }

# Without PostGIS nothing runs. Without Java and Maven there is the embedded broker, without the
# font maps show boxes.
system_packages() {
  local needed=() liked=()
  has_postgis || needed+=(postgresql postgresql-postgis)
  has_java || liked+=(default-jre-headless)
  command -v mvn >/dev/null || liked+=(maven)
  has_chinese_font || liked+=(fonts-noto-cjk)
  has_browser || liked+=(chromium)
  [ $((${#needed[@]} + ${#liked[@]})) -eq 0 ] || apt_install "${needed[@]}" "${liked[@]}" || true
  if ! has_postgis; then
    say "needed and missing (PostgreSQL with PostGIS): sudo apt-get install ${needed[*]}"
    exit 3
  fi
  if ! { has_java && command -v mvn >/dev/null && has_chinese_font && has_browser; }; then
    say "better with: sudo apt-get install ${liked[*]}"
  fi
  if [ "${CI:-}" = true ] && ! { has_java && command -v mvn >/dev/null; }; then
    say "CI needs Java 17 and Maven for Apache Kafka: sudo apt-get install ${liked[*]}"
    exit 3
  fi
}
