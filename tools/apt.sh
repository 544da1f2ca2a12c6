#!/usr/bin/env bash
# Installs the Debian packages that tests need and that are missing: tools/apt.sh COMMAND[=PACKAGE] ...
# Where it may not (no root, no apt), it says what is missing and goes on: the tests that need it will say so too.
set -euo pipefail

missing=()
for wanted in "$@"; do
  command -v "${wanted%%=*}" >/dev/null || missing+=("${wanted##*=}")
done
[ ${#missing[@]} -gt 0 ] || exit 0

if ! command -v apt-get >/dev/null; then
  echo "tools/apt.sh: please install ${missing[*]} yourself; there is no apt-get here" >&2
  exit 0
fi
as_root=()
if [ "$(id -u)" -ne 0 ]; then
  if ! sudo -n true 2>/dev/null; then
    echo "tools/apt.sh: please run as root: apt-get install ${missing[*]}" >&2
    exit 0
  fi
  as_root=(sudo -n)
fi
"${as_root[@]}" apt-get update -qq
DEBIAN_FRONTEND=noninteractive "${as_root[@]}" apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
