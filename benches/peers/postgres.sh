#!/bin/sh
# Runs a command beside a PostgreSQL server of its own, which ends with it; DATABASE_URL says where it is:
#   sh benches/peers/postgres.sh command arguments…
# The server runs as `postgres` where we are root, for it refuses to be root. fsync is on, as it is in earnest.
set -eu
bin=$(ls -d /usr/lib/postgresql/*/bin 2>/dev/null | sort -V | tail -n 1)
[ -x "$bin/initdb" ] || { echo "PostgreSQL is not installed: apt-get install postgresql" >&2; exit 69; }
folder=$(mktemp -d "${TMPDIR:-/tmp}/audience-postgres-bench.XXXXXX")
as() { "$@"; }
if [ "$(id -u)" = 0 ]; then
    chown postgres "$folder"
    as() { (cd / && setpriv --reuid=postgres --regid=postgres --clear-groups "$@"); }
fi
port=${PGPORT:-$((20000 + $$ % 20000))}
trap 'as "$bin/pg_ctl" -D "$folder/data" -m fast stop >/dev/null 2>&1 || true; rm -rf "$folder"' EXIT
trap 'exit 130' INT TERM
as "$bin/initdb" -A trust -U postgres -E UTF8 --locale=C -D "$folder/data" >/dev/null
as "$bin/pg_ctl" -D "$folder/data" -l "$folder/log" -w start >/dev/null \
    -o "-p $port -c listen_addresses=127.0.0.1 -c unix_socket_directories=$folder ${PGSETTINGS:-}"
DATABASE_URL="postgres://postgres@127.0.0.1:$port/postgres?sslmode=disable" "$@"
