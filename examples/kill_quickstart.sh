#!/usr/bin/env bash
# Kills the quickstart at random moments, starts it again each time, and wants every run that comes to its end to end
# equal. The moments are random, and the same for the same seed.
#
#   examples/kill_quickstart.sh [kills] [seed] [longest wait in seconds]
set -euo pipefail
kills=${1:-20} seed=${2:-1} longest=${3:-12}
cd "$(dirname "$0")/.."
cargo build --quiet --release --example quickstart
program=${CARGO_TARGET_DIR:-target}/release/examples/quickstart
dir=$(mktemp -d)
log=$dir/log
RANDOM=$seed
killed=0 ended=0 fresh=--fresh

fail() {
    echo "FAILED after $killed kills (seed $seed): $1; the last output is in $log, the run's folder is $dir"
    exit 1
}

weeks() {
    if [[ -f $dir/weeks.jsonl ]]; then wc -l <"$dir/weeks.jsonl"; else echo 0; fi
}

finish() { # the exit code
    [[ $1 -eq 0 ]] || fail "a run ended with exit code $1"
    grep -q '^EQUAL' "$log" || fail "a run ended without saying that all is equal"
    ended=$((ended + 1))
}

while ((killed < kills)); do
    "$program" --dir "$dir" $fresh >"$log" 2>&1 &
    run=$!
    fresh=
    wait_ms=$(((RANDOM * 32768 + RANDOM) % (longest * 1000)))
    # Looks several times a second whether the run has ended by itself.
    for ((at = 0; at < wait_ms; at += 50)); do
        kill -0 "$run" 2>/dev/null || break
        sleep 0.05
    done
    if kill -9 "$run" 2>/dev/null; then
        wait "$run" 2>/dev/null && code=0 || code=$?
        if ((code == 137)); then
            killed=$((killed + 1))
            echo "kill $killed of $kills: after $wait_ms ms, with $(weeks) weeks done"
            continue
        fi
    else
        wait "$run" && code=0 || code=$?
    fi
    finish "$code"
done
"$program" --dir "$dir" $fresh >"$log" 2>&1 && code=0 || code=$?
finish "$code"
grep -E '^(EQUAL|[0-9]+ weeks were interrupted)' "$log"
echo "$killed kills, $ended runs to the end, all of them equal (seed $seed)"
rm -r "$dir"
