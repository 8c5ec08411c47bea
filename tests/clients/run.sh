#!/usr/bin/env bash
# Generates a TypeScript and a Python client from the OpenAPI document of a freshly started server, compiles both, and
# calls the server with each. Usage: tests/clients/run.sh [path of muster]; needs node, npm, and python3 with venv.
set -euo pipefail
muster="$(realpath "${1:-target/debug/muster}")"
cd "$(dirname "$0")"
here="$PWD"

npm ci --no-audit --no-fund --loglevel=error

# The virtual environment is kept between runs, and recreated when requirements.txt changes.
environment="$(realpath --canonicalize-missing "${CLIENTS_ENVIRONMENT:-.venv}")"
if ! cmp -s requirements.txt "$environment/requirements.txt"; then
  rm -rf "$environment"
  python3 -m venv "$environment"
  "$environment/bin/pip" install --quiet --disable-pip-version-check --requirement requirements.txt
  cp requirements.txt "$environment/requirements.txt"
fi

. ../serve.sh
serve
MUSTER_TOKEN="$("$muster" token create --role admin --name clients --data-dir "$place/data" --log-level warn)"
export MUSTER_TOKEN MUSTER_BASE="$base"
failed() { echo "$1" >&2; tail -n 30 "$place/log" >&2; exit 1; }

# What is generated lies in the temporary folder, beside what calls it.
work="$place/clients"
mkdir "$work"
cd "$work"
curl --fail --silent --show-error "$base/openapi.json" --output openapi.json

echo "TypeScript"
ln -s "$here/node_modules" node_modules
cp "$here/package.json" "$here/tsconfig.json" "$here/calls.ts" .
npx openapi-typescript openapi.json --output muster.d.ts
npx tsc
# The calls are compiled once more, into what node runs.
npx tsc --noEmit false --outDir compiled
node compiled/calls.js || failed "the calls with the TypeScript client failed"

echo "Python"
PATH="$environment/bin:$PATH" openapi-python-client generate --path openapi.json --meta none \
  --output-path muster_client >generator.log 2>&1 || { cat generator.log >&2; exit 1; }
# The generator warns of what it leaves out and goes on. It cannot send text/csv, for which an import has another media
# type besides.
if grep -E '^(WARNING|Unable to process)' generator.log |
  grep -vF ' POST /enterprise/{enterpriseId}/contacts/import within contacts.'; then
  cat generator.log >&2
  exit 1
fi
operations="$(grep -c '"operationId":' openapi.json)"
functions="$(find muster_client/api -name '*.py' ! -name '__init__.py' | wc -l)"
[ "$operations" -eq "$functions" ] || { echo "$functions functions for $operations operations" >&2; exit 1; }
cp "$here/calls.py" .
"$environment/bin/python" -m compileall -q muster_client
# What the calls take and get is checked; the code that is the same in every generated client is not ours.
"$environment/bin/mypy" --strict --follow-imports=silent calls.py
"$environment/bin/python" calls.py || failed "the calls with the Python client failed"
