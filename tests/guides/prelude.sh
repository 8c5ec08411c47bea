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

# Users and groups of the guide are not those of this machine.
chown() { :; }
install() {
  local arguments=()
  while [ $# -gt 0 ]; do
    case "$1" in
      -o | -g) shift 2 ;;
      *) arguments+=("$1"); shift ;;
    esac
  done
  command install "${arguments[@]}"
}

# What systemd does, as far as the guide asks for it: services with the settings of their drop-ins, checked before each start,
# stopped in order. `tests/booted-machine.sh` has a real one do it.
declare -A SERVICES=()

# drop_in UNIT KEY: the last value of a key in the drop-ins of a unit.
drop_in() {
  cat "$SYSTEM/etc/systemd/system/$1.service.d/"*.conf 2>/dev/null | sed -n "s|^$2=||p" | tail -n 1 || true
}

data_dir_of() {
  local moved
  moved="$(drop_in "$1" Environment=MUSTER_DATA_DIR)"
  echo "${moved:-$SYSTEM/var/lib/${1/@/-}}"
}

start_service() {
  local unit="$1" dir log listen=()
  dir="$(data_dir_of "$unit")"
  log="$(drop_in "$unit" StandardError)"
  log="${log#append:}"
  log="${log:-$PWD/server.log}"
  mkdir -p "$dir"
  # The variable of these tests would win over the file.
  if ! grep -qs '^listen = ' "$dir/muster.toml"; then listen=("MUSTER_LISTEN=$MUSTER_LISTEN"); fi
  local environment=(env -u MUSTER_LISTEN "${listen[@]}" "MUSTER_DATA_DIR=$dir")
  "${environment[@]}" muster config --check >/dev/null
  "${environment[@]}" muster serve >>"$log" 2>&1 &
  SERVICES[$unit]=$!
  for _ in $(seq 300); do
    if command muster health --data-dir "$dir" >/dev/null 2>&1; then return; fi
    kill -0 "${SERVICES[$unit]}" 2>/dev/null || { echo "$unit ended" >&2; return 1; }
    sleep 0.1
  done
  echo "$unit does not answer" >&2
  return 1
}

stop_service() {
  local process="${SERVICES[$1]:-}"
  if [ -n "$process" ]; then
    kill "$process"
    wait "$process"
    unset "SERVICES[$1]"
  fi
}

systemctl() {
  local verb="$1" unit
  shift
  # A reader has pressed Ctrl-C by now.
  stop_server
  for unit in "$@"; do
    case "$verb $unit" in
      *" --now" | daemon-reload*) ;;
      "status "*) command muster health --data-dir "$(data_dir_of "$unit")" ;;
      "reload "*) command muster reload --data-dir "$(data_dir_of "$unit")" ;;
      "enable "* | "start "*) start_service "$unit" ;;
      "restart "*) stop_service "$unit"; start_service "$unit" ;;
      "stop "* | "disable "*) stop_service "$unit" ;;
      *) echo "the tests know no systemctl $verb" >&2; return 1 ;;
    esac
  done
}

stop_all() {
  local unit
  stop_server
  for unit in "${!SERVICES[@]}"; do stop_service "$unit"; done
}
trap stop_all EXIT
