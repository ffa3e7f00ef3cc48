#!/usr/bin/env bash
# Compares our phone numbers with those of the Python package `phonenumbers` of the same metadata: 200,000 numbers of
# all regions in the formats people write, with a fixed seed. Prints every class of difference with its count.
set -euo pipefail
cd "$(dirname "$0")/../.."

VERSION=$(sed -n 's/^VERSION=//p' benches/peers/phone_table.sh)
COUNT=${1:-200000}

venv=target/peers/phonenumbers-$VERSION
if [ ! -x "$venv/bin/python" ]; then
    python3 -m venv "$venv"
    "$venv/bin/pip" install --quiet "phonenumbers==$VERSION"
fi
dir=$PWD/target/peers/phones
mkdir -p "$dir"
"$venv/bin/python" benches/peers/phones.py write "$COUNT" "$dir/in.ndjson"
PHONES_IN=$dir/in.ndjson PHONES_OUT=$dir/out.ndjson cargo test --quiet --all-features --test phones -- --ignored
"$venv/bin/python" benches/peers/phones.py compare "$dir/in.ndjson" "$dir/out.ndjson"
