#!/bin/sh
# Memberships and events into PostgreSQL and SQLite, by this crate and by the databases' own tools, in one run:
#   sh benches/peers/warehouse.sh [rows, default 1000000]
# Everything is written below target/peers. A peer that is not there is skipped, with a word.
#
# The floor is `\copy` of the rows as they end: into tables like those of the contract, keys and indexes included; and,
# for the stage, into a temporary table without a key. The crate does more: it reads what is held, decides what each row
# does, upserts, writes the history and the ledger, all in one transaction a batch.
set -eu
cd "$(dirname "$0")/../.."
rows=${1:-1000000}
peers=target/peers
files=$peers/warehouse
mkdir -p "$files"

if [ -z "${DATABASE_URL:-}" ]; then
    cargo bench --quiet --bench warehouse --no-run
    exec env PGSETTINGS="-c shared_buffers=256MB -c max_wal_size=4GB" sh benches/peers/postgres.sh sh "$0" "$rows"
fi

run() { cargo bench --quiet --bench warehouse -- --rows "$rows" "$@"; }
# What follows runs psql and takes the seconds off its `\timing`.
seconds() { awk -v what="$1" -v rows="$rows" '/^Time:/ { total += $2 / 1000 }
    END { printf "%-44s %8.2f s %9.0f rows/s\n", what, total, rows / total }'; }

run --write "$files"
run --postgres "$DATABASE_URL"
run --postgres "$DATABASE_URL" --insert

url=${DATABASE_URL%%\?*}
q() { psql --quiet --no-psqlrc -v ON_ERROR_STOP=1 "$url" "$@"; }
q -c 'DROP SCHEMA IF EXISTS floor CASCADE; CREATE SCHEMA floor'
for table in audience_membership audience_membership_log events; do
    q -c "CREATE TABLE floor.$table (LIKE activation.$table INCLUDING ALL)"
done
staged="idx bigint NOT NULL, member_key text NOT NULL, op text NOT NULL, reason text NOT NULL, group_key text,
    happened_at timestamptz NOT NULL, attributes jsonb, row_hash text NOT NULL"
printf '%s\n' "CREATE TEMP TABLE staged ($(echo "$staged" | tr -d '\n'));" '\timing on' \
    "\\copy staged FROM '$files/staged.csv' CSV" | q | seconds 'psql \copy: memberships, staged'
printf '%s\n' '\timing on' "\\copy floor.audience_membership FROM '$files/memberships.csv' CSV" |
    q | seconds 'psql \copy: memberships, table alone'
printf '%s\n' '\timing on' "\\copy floor.audience_membership_log FROM '$files/log.csv' CSV" |
    q | seconds 'psql \copy: history, table alone'
printf '%s\n' '\timing on' "\\copy floor.events FROM '$files/events.csv' CSV" |
    q | seconds 'psql \copy: events, table alone'

python=$peers/py/bin/python
[ -x "$python" ] || python3 -m venv "$peers/py" || true
if "$python" -c 'import psycopg' 2>/dev/null || "$python" -m pip install --quiet 'psycopg[binary]==3.2.*'; then
    "$python" benches/peers/warehouse_insert.py "$url" "$files/memberships.csv"
else
    echo "skipped: psycopg not installed"
fi

rm -f "$files"/*.db*
run --sqlite "$files/ours.db"
if command -v sqlite3 >/dev/null; then
    # The same tables, empty; the file as durable as ours.
    sqlite3 "$files/ours.db" .schema | grep -v 'VIEW' | sqlite3 "$files/theirs.db" 2>/dev/null || true
    import() {
        begun=$(date +%s.%N)
        sqlite3 -csv "$files/theirs.db" 'PRAGMA journal_mode = WAL' 'PRAGMA synchronous = FULL' \
            ".import '$files/$2' $1" >/dev/null
        date +%s.%N | awk -v what="sqlite3 .import: $1" -v begun="$begun" -v rows="$rows" \
            '{ took = $1 - begun; printf "%-44s %8.2f s %9.0f rows/s\n", what, took, rows / took }'
    }
    import audience_membership memberships.csv
    import audience_membership_log log.csv
    import events events.csv
else
    echo "skipped: sqlite3 not installed"
fi
