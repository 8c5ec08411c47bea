#!/usr/bin/env bash
# The quick start with a built binary: import a real file, serve it, read the summary.
set -euo pipefail
muster="$(realpath "$1")"
fixture="$(realpath "$(dirname "$0")/fixtures/outlook365.csv")"
work="$(mktemp -d)"
cd "$work"
server=""
stop() {
  status=$?
  if [ -n "$server" ]; then kill "$server" 2>/dev/null || true; fi
  rm -rf "$work"
  exit "$status"
}
trap stop EXIT
fail() { echo "FAILED: $1" >&2; cat server.log >&2 || true; exit 1; }

cp "$fixture" .
"$muster" import outlook365.csv --enterprise acme --department sales --employee u1 --create-missing
token="$("$muster" token create --role viewer --enterprise acme --log-level warn)"

"$muster" serve --listen 127.0.0.1:0 >server.out 2>server.log &
server=$!
for _ in $(seq 100); do
  url="$(grep -o 'http://127.0.0.1:[0-9]*' server.log | head -n 1 || true)"
  [ -n "$url" ] && curl -fsS "$url/readyz" >/dev/null 2>&1 && break
  kill -0 "$server" 2>/dev/null || fail "the server ended"
  sleep 0.1
done
curl -fsS -H "Authorization: Bearer $token" "$url/enterprise/acme/contacts/summary" >summary.json || fail "no summary"
for expected in '"totalContacts":6' '"uniquePeople":6' '"topCompanies":[{"company":"Contoso","contactCount":5}'; do
  grep -qF "$expected" summary.json || fail "the summary lacks $expected: $(cat summary.json)"
done
"$muster" import outlook365.csv --enterprise acme --employee u1
curl -fsS -H "Authorization: Bearer $token" "$url/enterprise/acme/contacts/summary" | grep -qF '"totalContacts":6' ||
  fail "the same file again added something"
"$muster" check
kill "$server"
wait "$server" || fail "the server did not stop in order"
server=""
echo "the quick start works"
