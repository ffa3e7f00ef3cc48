#!/usr/bin/env bash
# Writes src/identity/phone/e164.bin anew. To be run when `rlibphonenumber` brings other metadata: set VERSION to
# what its read-me says, run this, and run the tests of identity::phone, the ignored ones too, with --release.
set -euo pipefail
cd "$(dirname "$0")/../.."

VERSION=9.0.42

venv=target/peers/phonenumbers-$VERSION
if [ ! -x "$venv/bin/python" ]; then
    python3 -m venv "$venv"
    "$venv/bin/pip" install --quiet "phonenumbers==$VERSION"
fi
"$venv/bin/python" benches/peers/phone_table.py src/identity/phone/e164.bin
