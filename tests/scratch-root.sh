#!/usr/bin/env bash
# Runs a static binary as docs/deploy/Dockerfile does: as the user nobody, with a clean environment, in a root folder
# with nothing else in it but the two devices for random numbers that every container engine provides; without /proc and
# /etc. Usage: tests/scratch-root.sh dist/muster
set -euo pipefail

binary="$1"
dockerfile="$(dirname "$0")/../docs/deploy/Dockerfile"
skip() {
  if [ "${CI:-}" = true ]; then echo "the image's root cannot be tried: $1" >&2; exit 1; fi
  echo "SKIPPED: the image's root: $1"
  exit 0
}
user="$(sed -n 's/^USER //p' "$dockerfile")"
mapfile -t variables < <(sed -e ':join' -e '/\\$/{N;s/\\\n//;b join' -e '}' "$dockerfile" | sed -n 's/^ENV //p' | xargs -n1)
# Another port than the default, which a server on this machine may use.
for i in "${!variables[@]}"; do variables[i]="${variables[i]/:8383/:8393}"; done

root="$(mktemp -d)"
trap 'if [ -n "${server:-}" ]; then kill -KILL "$server" 2>/dev/null || true; fi; rm -rf "$root"' EXIT
chmod 755 "$root"
install -m 755 "$binary" "$root/muster"
mkdir -m 700 "$root/data"
if [ "$(id -u)" -ne 0 ]; then skip "changing the root takes root"; fi
chown "$user" "$root/data"
mkdir "$root/dev"
mknod -m 444 "$root/dev/random" c 1 8 && mknod -m 444 "$root/dev/urandom" c 1 9 || skip "making devices is not permitted"
head -c 1 "$root/dev/urandom" >/dev/null 2>&1 || skip "devices in temporary folders are not permitted"
chroot="$(PATH="$PATH:/usr/sbin:/sbin" type -P chroot)" || skip "there is no chroot"
muster=(env -i "${variables[@]}" "$chroot" --userspec="$user" "$root" /muster)
inside() { "${muster[@]}" "$@"; }
inside --version >/dev/null 2>&1 || skip "chroot is not permitted"

"${muster[@]}" serve 2>"$root.log" &
server=$!
for _ in $(seq 100); do
  if inside health >/dev/null 2>&1; then break; fi
  kill -0 "$server" || { cat "$root.log" >&2; exit 1; }
  sleep 0.1
done
inside health
link="$(inside sign-in-link 2>/dev/null)"
case "$link" in http://127.0.0.1:8393/#/sign-in/*) ;; *) echo "no link: $link" >&2; exit 1 ;; esac
kill -TERM "$server"
wait "$server" || { echo "the server ended with $?" >&2; cat "$root.log" >&2; exit 1; }
server=""
if inside health 2>/dev/null; then echo "health says that a stopped server is ready" >&2; exit 1; fi
inside check
rm -f "$root.log"
echo "runs as $user in an empty root"
