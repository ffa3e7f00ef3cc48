#!/usr/bin/env bash
# Compares `examples/diff` with DuckDB and Polars on the same files, alternately, and prints medians and ratios.
# Usage: benches/peers/diff.sh [MEMBERS...], by default 1000000 10000000. Wants python3; installs the peers from PyPI.
set -euo pipefail
cd "$(dirname "$0")/../.."
here=${TMPDIR:-/tmp}/audience-sync-diff-bench
mkdir -p "$here"
[ -d "$here/venv" ] || { python3 -m venv "$here/venv"; "$here/venv/bin/pip" -q install duckdb polars; }
cargo build --release --quiet --features parquet --example diff
exec "$here/venv/bin/python" benches/peers/diff.py "$here" "${CARGO_TARGET_DIR:-target}/release/examples/diff" "${RUNS:-5}" "${@:-1000000}"
