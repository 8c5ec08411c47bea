
echo "--- the server that came back"
# It is the same: place, port, unit with its drop-ins, and the contacts.
[ "$(command sudo -u muster muster health --data-dir /srv/muster)" = "http://127.0.0.1:9393 is ready" ]
systemctl cat muster.service | grep -F 'ReadWritePaths=-/mnt/backups/muster'
[ "$(command sudo -u muster muster check --data-dir /srv/muster)" = "clean: 20006 contacts, 2 scopes" ]
