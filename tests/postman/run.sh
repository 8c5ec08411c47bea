#!/usr/bin/env bash
# Runs docs/muster.postman_collection.json against a freshly started, empty server.
# Usage: tests/postman/run.sh [path of muster]; needs node and npm.
set -euo pipefail
muster="$(realpath "${1:-target/release/muster}")"
cd "$(dirname "$0")"

npm ci --no-audit --no-fund --loglevel=error

. ../serve.sh
serve
token="$("$muster" token create --role admin --name newman --data-dir "$place/data")"

npx newman run ../../docs/muster.postman_collection.json \
  --env-var "baseUrl=$base" --env-var "authToken=$token" --reporters cli --color off --disable-unicode \
  --reporter-cli-no-banner "${@:2}" || { tail -n 30 "$place/log" >&2; exit 1; }
