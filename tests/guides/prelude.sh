# What surrounds the commands of a page, so that they run one after the other without a person.
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

# Whoever reads the page leaves the server running and goes on in another terminal. A second one takes the first one's place.
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

# What the server refuses is a failure, and a stream that never ends is read for as long as it takes to say something.
curl() {
  if [ "$1" != -N ]; then
    command curl -sS --fail-with-body "$@"
    return
  fi
  local heard=0
  command curl -sS --fail-with-body --max-time 2 -o heard "$@" || heard=$?
  if [ "$heard" -ne 28 ] || ! grep -q '^event: ' heard; then
    echo "the stream said nothing ($heard)" >&2
    return 1
  fi
}

# The tests may be no administrator's, and need not be one.
sudo() {
  if [ "$1" = -u ]; then shift 2; fi
  "$@"
}
