#!/bin/sh
# Installs the Debian packages of requirements/debian.txt whose program is missing, and the npm packages of the
# interoperability tests. Where it may not, it names what is missing; the tests that need it are then listed as skipped.
set -eu
cd "$(dirname "$0")/.."
missing=""
while read -r package program; do
  case "$package" in "#"* | "") continue ;; esac
  case "$program" in
    perl:*) perl "-M${program#perl:}" -e 1 2>/dev/null || missing="$missing $package" ;;
    *) command -v "$program" >/dev/null || missing="$missing $package" ;;
  esac
done <requirements/debian.txt
if [ -n "$missing" ]; then
  if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
    export DEBIAN_FRONTEND=noninteractive
    apt-get update -q
    # shellcheck disable=SC2086  # a list of package names
    apt-get install -q -y --no-install-recommends $missing
  else
    echo "missing for some tests (as root: apt-get install$missing):$missing" >&2
  fi
fi
if command -v npm >/dev/null && [ ! -d tests/interop/node_modules ]; then
  npm ci --prefix tests/interop --silent --no-audit --no-fund
fi
