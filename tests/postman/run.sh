#!/usr/bin/env bash
# Runs docs/muster.postman_collection.json against a freshly started, empty server.
# Usage: tests/postman/run.sh [path of muster]; needs node and npm.
set -euo pipefail
muster="$(realpath "${1:-target/release/muster}")"
cd "$(dirname "$0")"

npm ci --no-audit --no-fund --loglevel=error

place="$(mktemp -d)"
server=""
finish() {
  if [ -n "$server" ]; then kill "$server" 2>/dev/null || true; wait "$server" 2>/dev/null || true; fi
  rm -rf "$place"
}
trap finish EXIT

token="$("$muster" token create --role admin --name newman --data-dir "$place/data")"
"$muster" serve --data-dir "$place/data" --listen 127.0.0.1:0 2>"$place/log" &
server=$!
base=""
for _ in $(seq 100); do
  base="$(sed -n 's/.*serving \(http:[^ ]*\).*/\1/p' "$place/log" | head -n 1)"
  [ -z "$base" ] || break
  kill -0 "$server" || { cat "$place/log" >&2; exit 1; }
  sleep 0.1
done
[ -n "$base" ] || { echo "the server did not start" >&2; cat "$place/log" >&2; exit 1; }

npx newman run ../../docs/muster.postman_collection.json \
  --env-var "baseUrl=${base%/}" --env-var "authToken=$token" --reporters cli --color off --disable-unicode \
  --reporter-cli-no-banner "${@:2}" || { tail -n 30 "$place/log" >&2; exit 1; }
