#!/bin/sh
# Runs a command with a PostgreSQL of its own on a free port; TEST_POSTGRES is its admin URL. Nothing stays behind.
set -eu

bin=$(ls -d /usr/lib/postgresql/*/bin | sort -V | tail -n 1)
dir=$(mktemp -d /tmp/hiji-postgres.XXXXXX)
port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')

# PostgreSQL does not run as root.
if [ "$(id -u)" = 0 ]; then
  chown postgres "$dir"
  as() { runuser -u postgres -- "$@"; }
else
  as() { "$@"; }
fi

as "$bin/initdb" -D "$dir/data" -U hiji --auth=trust --encoding=UTF8 --no-sync >"$dir/initdb.log" 2>&1 ||
  { cat "$dir/initdb.log" >&2; exit 1; }
stop() {
  as "$bin/pg_ctl" -D "$dir/data" -m immediate stop >/dev/null 2>&1 || true
  rm -rf "$dir"
}
trap stop EXIT INT TERM
as "$bin/pg_ctl" -D "$dir/data" -w -l "$dir/data/log" \
  -o "-p $port -c listen_addresses=127.0.0.1 -c unix_socket_directories=$dir -c max_connections=300" start >/dev/null ||
  { cat "$dir/data/log" >&2; exit 1; }

TEST_POSTGRES="postgres://hiji@127.0.0.1:$port/postgres"
export TEST_POSTGRES
"$@"
