
# What the guide says of this machine, behind its commands. The data lies in /srv/muster and is served on port 9393.
echo "--- promises"
promise() { echo "promise: $1"; }
data=/srv/muster
as_muster() { command sudo -u muster muster "$@" --data-dir "$data"; }
ready() { command curl -fs -o /dev/null http://127.0.0.1:9393/readyz; }
status_text() { systemctl show -P StatusText "${1:-muster}"; }
# eventually COMMAND...: waits until it succeeds.
eventually() {
  for _ in $(seq 200); do
    if "$@" >/dev/null 2>&1; then return; fi
    sleep 0.1
  done
  echo "not within 20 s: $*" >&2
  return 1
}
says() { status_text | grep -qF "$1"; }
settings() { command tee "$data/muster.toml" >/dev/null; }
systemctl is-active --quiet muster
# The journal is easier to read here than the file.
rm /etc/systemd/system/muster.service.d/log.conf
systemctl daemon-reload
systemctl restart muster

promise "the journal and systemctl status show where it serves"
says "Serving http://127.0.0.1:9393"
systemctl status muster --no-pager | grep -F 'Status: "Serving http://127.0.0.1:9393"'

promise "a mistake in the settings ends the start with its line in the journal"
cp "$data/muster.toml" /root/good.toml
printf 'lissten = "127.0.0.1:1"\n' | settings
if systemctl restart muster; then echo "it started with a misspelt setting" >&2; exit 1; fi
journalctl -u muster --no-pager | grep -F 'lissten in /srv/muster/muster.toml is unknown and ignored; did you mean listen?'
settings </root/good.toml
systemctl reset-failed muster
systemctl start muster
ready

promise "the service waits for a command that has the data directory, and is no failed start"
systemctl stop muster
mkfifo /root/rows
as_muster import - --enterprise acme --department sales --employee u1 --create-missing </root/rows 2>/root/import.log &
import=$!
exec 9>/root/rows
{ echo name,email; for row in $(seq 20000); do echo "Ada$row,ada$row@fabrikam.example"; done; } >&9
eventually grep 'muster import' "$data/muster.lock"
systemctl start --no-block muster
eventually says 'Waiting for `muster import` (process '
exec 9>&-
wait "$import"
eventually systemctl is-active muster
[ "$(systemctl show -P NRestarts muster)" = 0 ]
ready

promise "what root runs leaves nothing that keeps the service from starting"
systemctl stop muster
muster import docs/../tests/fixtures/outlook365.csv --data-dir "$data" --enterprise acme --department sales --employee u1 \
  --create-missing 2>/dev/null
muster token create --data-dir "$data" --role viewer --name root >/dev/null
muster check --data-dir "$data" >/dev/null
systemctl start muster
ready

promise "a file of root's is waited for, and the service comes up when it is given back"
systemctl stop muster
chown root:root "$data/muster.db"
systemctl start --no-block muster
eventually says "Waiting for a person: $data/muster.db belongs to another user"
chown --reference="$data" "$data/muster.db"
eventually systemctl is-active muster
ready

promise "a reload fails where the certificate was refused, and says why"
install -d -o root -g muster -m 750 /etc/muster
printf 'tls-cert = "/etc/muster/cert.pem"\ntls-key = "/etc/muster/key.pem"\n' | cat /root/good.toml - | settings
systemctl restart muster
systemctl reload muster
cp /etc/muster/key.pem /root/key.pem
echo nonsense >/etc/muster/key.pem
if systemctl reload muster; then echo "a reload with a bad key succeeded" >&2; exit 1; fi
systemctl is-active --quiet muster
journalctl -u muster --no-pager | grep -F 'the old certificate stays in use: /etc/muster/key.pem holds no private key'
cat /root/key.pem >/etc/muster/key.pem
systemctl reload muster
settings </root/good.toml
systemctl restart muster

promise "without the backups' disk the service goes on, and starts"
printf 'backup-dir = "/mnt/backups/muster"\nbackup-every = "1m"\n' | cat /root/good.toml - | settings
systemctl restart muster
systemctl stop mnt-backups.mount
systemctl is-active --quiet muster
ready
systemctl mask --runtime --quiet mnt-backups.mount
systemctl restart muster
ready
token="$(as_muster token create --role admin --name promises --expires-in 1h 2>/dev/null)"
begun="$(command curl -sS -X POST -H "Authorization: Bearer $token" http://127.0.0.1:9393/backup)"
failing() { command curl -sS -H "Authorization: Bearer $token" http://127.0.0.1:9393/metrics | grep -x 'muster_backup_failing 1'; }
eventually failing || { echo "the missing disk is not reported: $begun" >&2; exit 1; }

promise "when the disk is back, a restart is enough"
systemctl unmask --runtime --quiet mnt-backups.mount
systemctl start mnt-backups.mount
install -d -o muster -g muster -m 700 /mnt/backups/muster
systemctl restart muster
command curl -fsS -o /dev/null -X POST -H "Authorization: Bearer $token" http://127.0.0.1:9393/backup
made() { compgen -G '/mnt/backups/muster/*/muster-*.db'; }
eventually made

promise "the two servers of this machine are apart"
[ "$(command sudo -u muster muster health --data-dir /var/lib/muster-field)" = "http://127.0.0.1:8484 is ready" ]
[ "$(as_muster health)" = "http://127.0.0.1:9393 is ready" ]

promise "the reader's own folder is as the guide leaves it, and the token of Prometheus is its own"
[ "$(stat -c '%U %a' /etc/prometheus/muster-token)" = "prometheus 600" ]
[ "$(stat -c '%a' "$data")" = 700 ]

# For the way back, after the next part of the guide has removed everything.
muster backup --data-dir "$data" /root/guide/berlin.db
