#!/bin/sh
# Installs what the tests need and the machine lacks: Debian packages (requirements/debian.txt), and for the
# interoperability tests the npm packages and an environment for Python clients (requirements/interop.txt).
# Where it may not, it names what is missing; the tests that need it are then listed as skipped.
set -eu
cd "$(dirname "$0")/.."
tools=tests/interop/.tools

is_met() { # PACKAGE NEED
  case "$2" in
    perl:*) perl "-M${2#perl:}" -e 1 2>/dev/null ;;
    ruby:*) ruby -e "require '${2#ruby:}'" 2>/dev/null ;;
    lib:*) /sbin/ldconfig -p | grep -q "${2#lib:}" ;;
    # shellcheck disable=SC2086  # a pattern, to be expanded
    file:*) ls -d ${2#file:} >/dev/null 2>&1 ;;
    unpack) [ -d "$tools/$1" ] ;;
    *) command -v "$2" >/dev/null ;;
  esac
}

missing="" unpacked=""
while read -r package need; do
  case "$package" in "#"* | "") continue ;; esac
  is_met "$package" "$need" && continue
  if [ "$need" = unpack ]; then unpacked="$unpacked $package"; else missing="$missing $package"; fi
done <requirements/debian.txt

is_root() { [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; }

if [ -n "$missing$unpacked" ] && is_root; then
  apt-get update -q
fi
if [ -n "$missing" ]; then
  if is_root; then
    # shellcheck disable=SC2086  # a list of package names
    DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends $missing
  else
    echo "missing for some tests (as root: apt-get install$missing):$missing" >&2
  fi
fi
for package in $unpacked; do
  archive=$(mktemp -d)
  if (cd "$archive" && apt-get download -q "$package") >/dev/null 2>&1; then
    mkdir -p "$tools/$package"
    dpkg -x "$archive"/*.deb "$tools/$package"
  else
    echo "missing for some tests (apt-get download $package failed): $package" >&2
  fi
  rm -r "$archive"
done

if command -v npm >/dev/null && ! cmp -s tests/interop/package-lock.json tests/interop/node_modules/.made-from; then
  npm ci --prefix tests/interop --silent --no-audit --no-fund
  cp tests/interop/package-lock.json tests/interop/node_modules/.made-from
fi

python=tests/interop/.venv
if ! cmp -s requirements/interop.txt "$python/made-from"; then
  uv=$(command -v uv || echo .tools/bin/uv)
  [ -x "$uv" ] || python3 -m pip install -q --target .tools uv
  "$uv" venv -q --clear --python python3 "$python"
  "$uv" pip install -q --python "$python/bin/python" --require-hashes -r requirements/interop.txt
  cp requirements/interop.txt "$python/made-from"
fi
