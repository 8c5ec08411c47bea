#!/usr/bin/env bash
# Follows the deployment guide, command by command and as it stands, on a booted Debian of its own: with systemd, real users,
# nginx and a disk for backups that is mounted. Then tries what the guide says of that machine, uninstalls the server, and brings
# it back from a backup alone.
#
# Usage: tests/booted-machine.sh MUSTER     needs root, and apt-get install systemd-container debootstrap; the first run fetches
# a Debian into target/machine. Where none of that is to be had, it says so and succeeds.
set -euo pipefail
muster="$(realpath "${1:?usage: tests/booted-machine.sh MUSTER}")"
cd "$(dirname "$0")/.."

skip() {
  echo "SKIPPED: the guide on a booted machine: $1"
  exit 0
}

# What the guide expects on a server, and a name for the folder that holds it.
packages=systemd,systemd-sysv,dbus,curl,openssl,sudo,nginx-light
machine="$PWD/target/machine-bookworm"

[ "$(id -u)" -eq 0 ] || skip "that takes root"
command -v systemd-nspawn >/dev/null || skip "systemd-nspawn is missing (systemd-container)"
if [ ! -e "$machine/complete" ]; then
  command -v debootstrap >/dev/null || skip "debootstrap is missing"
  rm -rf "$machine"
  mkdir -p "$machine"
  timeout 400 debootstrap --variant=minbase --include="$packages" bookworm "$machine/root" >"$machine/log" 2>&1 ||
    skip "no Debian could be fetched; $machine/log says why"
  touch "$machine/complete"
fi

work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
mkdir "$work/guide" "$work/guide/dist" "$work/guide/docs" "$work/guide/tests"
cp -r docs/. "$work/guide/docs"
cp -r tests/fixtures "$work/guide/tests"
cp "$muster" "$work/guide/dist/muster"

# commands FROM TO [PAGE]: the commands between two headings of the guide, or of another page.
commands() {
  awk -v from="$1" -v to="$2" '
    $0 == from { inside = 1 }
    $0 == to { inside = 0 }
    /^```/ { fenced = !fenced && $0 == "```sh"; next }
    inside && fenced { print }
  ' "${3:-docs/deployment-guide.md}"
}

{
  cat tests/guides/machine-prelude.sh
  commands "## Install" "## Uninstall"
  cat tests/guides/machine-promises.sh
  commands "## Uninstall" "## (the end)"
  cat tests/guides/machine-end.sh
  # The machine is bare now, and what comes back lies where it lay.
  commands "## When it is meant" "## Several servers" docs/new-machine.md | sed 's#--data-dir /var/lib/muster #--data-dir /srv/muster #'
  cat tests/guides/machine-again.sh
} >"$work/guide/script.sh"

# The unit that runs it, and ends the machine with its result.
mkdir "$work/units"
cat >"$work/units/guide.service" <<'UNIT'
[Unit]
Description=The deployment guide
After=multi-user.target nginx.service
[Service]
Type=oneshot
WorkingDirectory=/root/guide
ExecStart=/bin/bash /root/guide/run.sh
UNIT
cat >"$work/guide/run.sh" <<'RUN'
export HOME=/root PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
bash /root/guide/script.sh >/root/guide/output 2>&1
status=$?
systemctl --version | head -n 1 >/root/guide/version
journalctl --no-pager -o short-precise >/root/guide/journal 2>&1
echo "$status" >/root/guide/status
systemctl exit "$status"
RUN
# The disk for backups of the guide.
cat >"$work/units/mnt-backups.mount" <<'UNIT'
[Mount]
What=tmpfs
Where=/mnt/backups
Type=tmpfs
[Install]
WantedBy=multi-user.target
UNIT

# The machine's changes are in memory and gone when it ends. It is no machine that others see.
SYSTEMD_NSPAWN_UNIFIED_HIERARCHY=1 timeout 420 systemd-nspawn --quiet --directory="$machine/root" --volatile=overlay \
  --register=no --keep-unit --link-journal=no --console=read-only --private-network \
  --bind="$work/guide:/root/guide" --bind-ro="$work/units:/etc/systemd/system.attached" \
  --boot systemd.wants=guide.service >"$work/console" 2>&1 </dev/null || true

if [ ! -e "$work/guide/output" ]; then
  tail -n 5 "$work/console" >&2
  skip "systemd-nspawn boots nothing here"
fi
cat "$work/guide/output"
if [ "$(cat "$work/guide/status" 2>/dev/null)" != 0 ]; then
  echo "--- the machine's journal" >&2
  grep -vE ' (kernel|sudo\[|systemd-journald)' "$work/guide/journal" | tail -n 60 >&2 || true
  echo "FAILED: the guide on a booted machine" >&2
  exit 1
fi
echo "the guide was followed on a booted machine: $(cat "$work/guide/version")"
