# Prepended to the commands of a page, so that they run one after the other without user interaction.
set -Eeuo pipefail
PATH="$PWD/bin:$PATH"
curl --version >/dev/null || { echo "curl is missing" >&2; exit 1; }

WHERE=""
at() { WHERE="$1"; }
trap 'echo "failed: $WHERE" >&2; tail -n 20 server.log >&2 2>/dev/null || true' ERR

SERVER=""
stop_server() {
  if [ -n "$SERVER" ]; then
    kill "$SERVER" 2>/dev/null && wait "$SERVER" || true
    SERVER=""
  fi
}
trap stop_server EXIT

# A reader leaves the server running and continues in another terminal; here it runs in the background until the next one
# replaces it.
muster() {
  case "${1:-}" in
    serve | demo) ;;
    *) command muster "$@"; return ;;
  esac
  stop_server
  command muster "$@" >>server.log 2>&1 &
  SERVER=$!
  local base="" previous=""
  for argument in "$@"; do
    if [ "$previous" = --base-path ]; then base="$argument"; fi
    previous="$argument"
  done
  for _ in $(seq 300); do
    for scheme in http https; do
      if command curl -fsk -o /dev/null "$scheme://$MUSTER_LISTEN$base/readyz"; then return; fi
    done
    kill -0 "$SERVER" 2>/dev/null || { echo "the server ended" >&2; return 1; }
    sleep 0.1
  done
  echo "the server does not answer" >&2
  return 1
}

# A refused request is a failure. A stream never ends: it is read for two seconds and must contain an event.
curl() {
  if [ "$1" != -N ]; then
    command curl -sS --fail-with-body "$@"
    return
  fi
  local status=0
  # 28 is curl's exit status of a timeout.
  command curl -sS --fail-with-body --max-time 2 -o stream "$@" || status=$?
  if [ "$status" -ne 28 ] || ! grep -q '^event: ' stream; then
    echo "the stream said nothing ($status)" >&2
    return 1
  fi
}

# The tests may run without administrator rights and do not need them.
sudo() {
  if [ "$1" = -u ]; then shift 2; fi
  "$@"
}
