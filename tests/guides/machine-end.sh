
if systemctl is-active --quiet muster || id muster 2>/dev/null || [ -e /srv/muster ]; then
  echo "something is left of the service" >&2
  exit 1
fi
