#!/usr/bin/env bash
# The tests that more repetitions make stronger, run far longer than CI runs them: kills, load, histories, random operations
# and the cache's interleavings. With the default numbers the result is written into docs/soak.md, with others only printed.
#
# Usage: tests/soak.sh [KILLS [LOAD_SECONDS [SEEDS]]]     needs dist/muster, which `just release` builds
set -euo pipefail
cd "$(dirname "$0")/.."
kills="${1:-200}" seconds="${2:-300}" seeds="${3:-10}"
test -x dist/muster || { echo "dist/muster is missing; run: just release" >&2; exit 1; }

output="$(mktemp)"
trap 'rm -f "$output"' EXIT
rows=()

# part NAME AMOUNT PATTERN: begins a part of the table, whose result are the lines of its output that match the pattern.
part() {
  finish
  part="$1" amount="$2" pattern="$3" began="$SECONDS"
  : > "$output"
}

# run NAME=VALUE… COMMAND…: runs a command of the part.
run() {
  printf '\n== %s: %s\n' "$part" "$*"
  env "$@" 2>&1 | tee -a "$output"
}

finish() {
  [ -n "${part:-}" ] || return 0
  local lines
  lines="$({ grep -oE "$pattern" "$output" || true; } | sort | uniq -c | sed -E 's/^ *1 //; s/^ *([0-9]+) (.*)/\2 (\1 times)/' | paste -sd ';')"
  rows+=("| $part | $amount | ${lines//;/; } | $((SECONDS - began)) s |")
}

tests=(cargo test --test main)

part "kills at random moments, under a mixed load" "$kills" '^[0-9]+ kills, [0-9]+ acknowledgements'
run MUSTER_KILL_ROUNDS="$kills" "${tests[@]}" nothing_acknowledged_is_missing -- --nocapture

part "kills of the store alone" "$kills" '^[0-9]+ kills, [0-9]+ acknowledgements'
run MUSTER_KILL_ROUNDS="$kills" "${tests[@]}" kills_lose_nothing -- --nocapture

part "kills with an administrator's mistakes between them" "$kills" '^[0-9]+ kills with mistakes, [^:]*'
run MUSTER_MISTAKE_ROUNDS="$kills" "${tests[@]}" whatever_an_administrator_does -- --nocapture

part "64 writers and 256 readers" "$seconds s" '^(writes|reads|memory at most|the backup has).*'
run MUSTER_LOAD_SECONDS="$seconds" MUSTER_LOAD_BINARY=dist/muster "${tests[@]}" sixty_four_writers -- --nocapture

part "histories of 30 s, each answer judged" "$seeds seeds" '^[0-9]+ reads lacked an import after [^;]*|test result: [^;]*'
for ((seed = 1; seed <= seeds; seed++)); do
  run MUSTER_TEST_SEED="$seed" "${tests[@]}" no_read_lacks_an_acknowledged_write_or -- --nocapture
done

part "10,000 random operations against a model" "$seeds seeds" 'test result: [^;]*'
for ((seed = 1; seed <= seeds; seed++)); do
  run MUSTER_TEST_SEED="$seed" "${tests[@]}" ten_thousand_random_operations
done

part "interleavings of the cache, some thousand each" "$seeds seeds" 'test result: [^;]*'
for ((seed = 1; seed <= seeds; seed++)); do
  run MUSTER_TEST_SEED="$seed" just interleavings
done
finish

result="$(
  machine="$(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -n 1), $(nproc) cores, Linux $(uname -r)"
  echo "$(dist/muster --version), $(date -u +%F), $machine:"
  echo
  echo "| what | how much | result | took |"
  echo "|---|---|---|---|"
  printf '%s\n' "${rows[@]}"
)"
printf '\n%s\n' "$result"
if (($# == 0)); then
  # What stands behind the last heading is the last result.
  before="$(sed '/^## Last result$/q' docs/soak.md)"
  printf '%s\n\n%s\n' "$before" "$result" > docs/soak.md
  echo "written into docs/soak.md"
fi
