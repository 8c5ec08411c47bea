#!/usr/bin/env bash
# Tests a freshly started server against its OpenAPI document with schemathesis: every check, every phase.
# Usage: tests/schemathesis/run.sh [path of muster] [more arguments of schemathesis]; needs python3 with venv.
# MUSTER_TEST_SEED chooses another seed, and --max-examples more cases.
set -euo pipefail
muster="$(realpath "${1:-target/debug/muster}")"
cd "$(dirname "$0")"

. ../serve.sh

# The virtual environment is kept between runs, and recreated when requirements.txt changes.
environment="$(realpath --canonicalize-missing "${SCHEMATHESIS_ENVIRONMENT:-.venv}")"
if ! cmp -s requirements.txt "$environment/requirements.txt"; then
  rm -rf "$environment"
  python3 -m venv "$environment"
  "$environment/bin/pip" install --quiet --disable-pip-version-check --requirement requirements.txt
  cp requirements.txt "$environment/requirements.txt"
fi

# The data that schemathesis.toml names, and enough rows for the run to delete.
data="$place/data"
file="$place/contacts.csv"
{ echo name,email,company; for number in $(seq 60); do echo "Person $number,p$number@contoso.example,Contoso"; done; } >"$file"
for owner in acme/sales/u1 acme/marketing/u2 globex/sales/u3; do
  IFS=/ read -r enterprise department employee <<<"$owner"
  "$muster" import "$file" --enterprise "$enterprise" --department "$department" --employee "$employee" \
    --create-missing --data-dir "$data" --log-level warn 2>/dev/null
done
MUSTER_TOKEN="$("$muster" token create --role admin --name schemathesis --data-dir "$data" --log-level warn)"

# The run sends many invalid tokens, so the limit on failed sign-ins, which other tests cover, is raised.
seed="${MUSTER_TEST_SEED:-1}"
unset MUSTER_TEST_SEED
serve --sign-in-failures-max 1000000
base="$base/"

request() { curl --fail --silent --show-error --header "Authorization: Bearer $MUSTER_TOKEN" "$@"; }
create() { request "$base$1" --header 'Content-Type: application/json' --data "$2" --output /dev/null; }
for number in $(seq 20); do
  create enterprise "{\"id\":\"spare-$number\",\"name\":\"Spare $number\"}"
  create enterprise/acme/departments "{\"id\":\"spare-$number\",\"name\":\"Spare $number\"}"
  create enterprise/acme/departments/sales/employees "{\"id\":\"spare-$number\",\"name\":\"Spare $number\"}"
done
request "${base}Contacts/u1?limit=60" | grep -o '"contactId":"[^"]*"' | grep -o '"[^"]*"$' | sort -u >"$place/contacts"
for _ in $(seq 20); do
  request "${base}session" --header 'Content-Type: application/json' --data "{\"token\":\"$MUSTER_TOKEN\"}" |
    grep -o '"id":"[^"]*"' | grep -o '"[^"]*"$'
done >"$place/sessions"
export MUSTER_TOKEN MUSTER_BASE="$base"
# schemathesis.toml names the other files relative to its own folder.
cp schemathesis.toml hooks.py "$place"
cd "$place"

"$environment/bin/schemathesis" --config-file schemathesis.toml run "${base}openapi.json" \
  --seed "$seed" --max-examples 40 --no-color "${@:2}" || { tail -n 30 "$place/log" >&2; exit 1; }
kill -0 "$server" || { echo "the server ended" >&2; cat "$place/log" >&2; exit 1; }
