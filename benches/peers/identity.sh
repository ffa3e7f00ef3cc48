#!/bin/sh
# What four fields of a member cost from text to SHA-256 hex, here and in other libraries, in one run on one machine:
#   sh benches/peers/identity.sh [members, default 200000]
# Everything is installed and written below target/peers. A peer that cannot be installed is skipped, with a word.
#
# The peers do the same work: trim, lower case, digits of the phone, letters of the names, SHA-256, hex. On clean values
# all digests are compared by a checksum. They do less where values are not clean: none parses or checks a phone number.
set -eu
cd "$(dirname "$0")/../.."
members=${1:-200000}
here=benches/peers
peers=target/peers
mkdir -p "$peers/members"

cargo bench --quiet --bench identity -- --write "$peers/members" --members "$members"

python=
if command -v python3 >/dev/null; then
    [ -x "$peers/py/bin/python" ] || python3 -m venv "$peers/py" || true
    if "$peers/py/bin/python" -c 'import facebook_business' 2>/dev/null ||
        "$peers/py/bin/pip" install --quiet facebook-business==26.0.3; then
        python=$peers/py/bin/python
    else
        echo "skipped: facebook-business not installed"
    fi
else
    echo "skipped: python3 not installed"
fi

node=
if command -v node >/dev/null && command -v npm >/dev/null; then
    mkdir -p "$peers/node"
    cp "$here/package.json" "$peers/node/package.json"
    if [ -d "$peers/node/node_modules/@segment/action-destinations" ] ||
        (cd "$peers/node" && npm install --ignore-scripts --no-audit --no-fund --silent); then
        node=node
    else
        echo "skipped: @segment/action-destinations not installed"
    fi
else
    echo "skipped: node not installed"
fi

for kind in clean typed; do
    file=$peers/members/$kind.tsv
    {
        cargo bench --quiet --bench identity -- --file "$file" | sed 's/^/ours, /'
        if [ -n "$python" ]; then "$python" "$here/identity.py" "$file"; fi
        if [ -n "$node" ]; then NODE_PATH="$peers/node/node_modules" node "$here/identity.cjs" "$file"; fi
    } >"$peers/$kind.out"
    printf '\n%s members, values %s\n' "$members" "$([ $kind = clean ] && echo clean || echo 'as people type them')"
    awk -F '\t' '
        { name[NR] = $1; ns[NR] = $2; sum[NR] = $3 }
        $1 == "ours, columns" { columns = $2; digests = $3 }
        $1 == "ours, one by one" { single = $2 }
        $1 == "ours, phone" { phone = $2 }
        END {
            printf "%-52s %10s %12s %14s %14s  %s\n", "", "ns", "per second", "to columns", "to one by one", "same digests"
            for (line = 1; line <= NR; line++) {
                same = sum[line] == "-" ? "" : (sum[line] "") == (digests "") ? "yes" : "no"
                if (name[line] ~ /phone/) { a = ns[line] / phone; b = "" }
                else { a = ns[line] / columns; b = sprintf("%.1fx", ns[line] / single) }
                printf "%-52s %10.0f %12.0f %13.1fx %14s  %s\n", name[line], ns[line], 1e9 / ns[line], a, b, same
            }
        }' "$peers/$kind.out"
done
