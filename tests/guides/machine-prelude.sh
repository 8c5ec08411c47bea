# Prepended to the commands of the guide on a booted machine. Only what is not there or has no place there is replaced.
set -Eeuo pipefail
trap 'echo "failed in line $LINENO of the script: $BASH_COMMAND" >&2' ERR
exec </dev/null
echo "127.0.1.1 $(hostname)" >>/etc/hosts

# Building is over when this begins; other machines, containers and firewalls are not there.
for program in cargo just ssh docker ufw firewall-cmd promtool; do
  printf '#!/bin/sh\nexit 0\n' >"/usr/local/bin/$program"
  chmod 755 "/usr/local/bin/$program"
done
useradd --system prometheus
install -d /etc/ssl/muster
for name in muster.example intranet.example; do
  openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 3 -subj "/CN=$name" \
    -keyout "/etc/ssl/muster/$name.key" -out "/etc/ssl/muster/$name.pem" 2>/dev/null
done
systemctl start mnt-backups.mount nginx.service

# A reader leaves a server in the foreground running and goes on in another terminal, until Ctrl-C.
FOREGROUND=""
stop_foreground() {
  if [ -n "$FOREGROUND" ]; then
    kill -INT "$FOREGROUND" && wait "$FOREGROUND"
    FOREGROUND=""
  fi
}
muster() {
  case "${1:-}" in
    serve | demo) ;;
    *) command muster "$@"; return ;;
  esac
  stop_foreground
  # Not asynchronous for the shell's sake: a job in the background ignores Ctrl-C.
  setsid env --default-signal=INT /usr/local/bin/muster "$@" &
  FOREGROUND=$!
  for _ in $(seq 300); do
    if command curl -fs -o /dev/null http://127.0.0.1:8383/readyz; then return; fi
    kill -0 "$FOREGROUND"
    sleep 0.1
  done
  echo "muster $* does not answer" >&2
  return 1
}
sudo() {
  if [ "$1" = systemctl ]; then stop_foreground; fi
  command sudo "$@"
}
curl() {
  # The installation of Rust.
  if [ "$1" = --proto ]; then return; fi
  # nginx opens its ports some moments after its reload has ended.
  command curl -sS --fail-with-body --retry 10 --retry-connrefused --retry-delay 1 "$@"
}
