#!/bin/sh
# Installs the system packages that a make target needs, as root; otherwise names them and how to install them.
# Usage: ensure.sh run|test
set -eu

have() { command -v "$1" >/dev/null 2>&1; }

missing=""
need() { # need COMMAND PACKAGE...: the packages that bring the command
  command=$1
  shift
  have "$command" || missing="$missing $*"
}

need cc gcc libc6-dev
have cargo || { echo "hiji needs the Rust toolchain (cargo): https://rustup.rs" >&2; exit 2; }
need node nodejs
need npm npm
if [ "${1:-run}" = test ]; then
  need python3 python3
  python3 -c 'import venv, ensurepip' >/dev/null 2>&1 || missing="$missing python3-venv"
  have mosquitto || [ -x /usr/sbin/mosquitto ] || missing="$missing mosquitto"
  need mosquitto_pub mosquitto-clients
  ls /usr/lib/postgresql/*/bin/initdb >/dev/null 2>&1 || missing="$missing postgresql"
  need chromium chromium
  need chromedriver chromium-driver
  need pdfinfo poppler-utils
fi
[ -n "$missing" ] || exit 0

if [ "$(id -u)" = 0 ] && have apt-get; then
  echo "installing:$missing" >&2
  export DEBIAN_FRONTEND=noninteractive
  apt-get update -qq
  # shellcheck disable=SC2086
  apt-get install -y -qq --no-install-recommends $missing >/dev/null
else
  echo "missing system packages; install them with: sudo apt-get install$missing" >&2
  exit 2
fi
