# For scripts to source: creates a temporary folder `$place` that is deleted with the script, and defines `serve`, which
# starts `$muster` in it on a free port and sets `$base`, its address without a slash at the end.
place="$(mktemp -d)"
server=""
finish() {
  if [ -n "$server" ]; then kill "$server" 2>/dev/null || true; wait "$server" 2>/dev/null || true; fi
  rm -rf "$place"
}
trap finish EXIT

serve() {
  touch "$place/log"
  "$muster" serve --data-dir "$place/data" --listen 127.0.0.1:0 "$@" 2>"$place/log" &
  server=$!
  base=""
  for _ in $(seq 100); do
    base="$(sed -n 's/.*serving \(http:[^ ]*\).*/\1/p' "$place/log" | head -n 1)"
    base="${base%/}"
    [ -z "$base" ] || return 0
    kill -0 "$server" || { cat "$place/log" >&2; exit 1; }
    sleep 0.1
  done
  echo "the server did not start" >&2
  cat "$place/log" >&2
  exit 1
}
