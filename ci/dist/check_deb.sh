#!/usr/bin/env bash
# Installs the .deb in a Debian of its own, starts the service's command as the service's user, sends events, upgrades,
# reads them, removes, purges. Needs root, debootstrap and a Debian mirror: elsewhere it reports that it checks nothing.
#
#   ci/dist/check_deb.sh dist/atrail_VERSION_amd64.deb
set -euo pipefail
cd "$(dirname "$0")/../.."

deb=$(realpath "${1:?which package?}")
if [ "$(id -u)" != 0 ] || ! command -v debootstrap >/dev/null; then
  echo "the package is not checked: that needs root and debootstrap"
  exit 0
fi

# A root directory is made once and copied for each run.
base=$PWD/target/ci-tools/debian.tar
work=$(mktemp -d)
server=
cleanup() {
  if [ -n "$server" ]; then
    kill "$server" 2>/dev/null || true
    wait "$server" 2>/dev/null || true
  fi
  if mountpoint --quiet "$work/root/proc" && ! umount "$work/root/proc"; then
    echo "check_deb: $work/root/proc is still mounted; $work stays" >&2
    return
  fi
  # Nothing below a mount that somebody else has made there.
  rm -rf --one-file-system "$work"
}
trap cleanup EXIT
if [ ! -e "$base" ]; then
  mkdir -p "$(dirname "$base")"
  debootstrap --variant=minbase --include=adduser,ca-certificates bookworm "$work/base" >"$work/log" 2>&1 || {
    tail -n 3 "$work/log"
    echo "the package is not checked: no Debian can be made here"
    exit 0
  }
  tar -C "$work/base" -cf "$base.new" .
  mv "$base.new" "$base"
fi
root=$work/root
mkdir "$root"
tar -C "$root" -xf "$base"
mount -t proc proc "$root/proc"

enter=(chroot "$root" /usr/bin/env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root DEBIAN_FRONTEND=noninteractive)
inside() { "${enter[@]}" "$@"; }
say() { printf '%s: %s\n' "$1" "$2"; }
fail() {
  echo "check_deb: $*" >&2
  exit 1
}

# Starts the command of the installed unit as its user, on a free port, and waits until it is ready.
start() {
  local command
  # What an earlier server printed must not be taken for this one's.
  rm -f "$work/out"
  command=$(sed -n 's/^ExecStart=//p' "$root/usr/lib/systemd/system/atrail.service")
  # Not by the function: the number must be the server's, and not that of a shell that waits for it.
  # shellcheck disable=SC2086 # the unit's words
  "${enter[@]}" setpriv --reuid atrail --regid atrail --init-groups $command --listen 127.0.0.1:0 \
    >"$work/out" 2>"$work/err" &
  server=$!
  for _ in $(seq 300); do
    url=$(sed -n 's/^listening on //p' "$work/out" 2>/dev/null || true)
    if [ -n "$url" ]; then return; fi
    sleep 0.1
  done
  cat "$work/err" >&2
  fail "the server does not start"
}
stop() {
  kill -TERM "$server"
  wait "$server" || fail "the server ended with $?"
  server=
}
client() { inside atrail "$@"; }

cp "$deb" "$root/atrail.deb"
inside dpkg -i /atrail.deb >"$work/log" 2>&1 || { cat "$work/log" >&2; fail "dpkg -i"; }
# shellcheck disable=SC2016 # of dpkg-query
say installed "$(inside dpkg-query -W -f '${Package} ${Version} ${Status}' atrail)"
inside atrail --version
say user "$(inside id atrail)"
say directory "$(inside stat -c '%A %U:%G' /var/lib/atrail)"
inside sh -c 'cd / && md5sum --quiet -c /var/lib/dpkg/info/atrail.md5sums' || fail "files differ from the package"
inside setpriv --reuid atrail --regid atrail --init-groups \
  atrail serve --config /etc/atrail/atrail.toml --data /var/lib/atrail --check-config >/dev/null

start
client healthcheck -a "$url"
client -q login -a "$url" --api-key-file /var/lib/atrail/initial-credentials.json
client -q target -o default -s default >/dev/null
event='{"eventTime":"2026-01-02T03:04:05Z","action":"update","outcome":"success","initiator":{"id":"u"},"target":{"id":"t"}}'
printf '%s\n' "$event" >"$root/events.json"
client -q trail -f /events.json
stop

# The operator changes the configuration; an upgrade keeps it, and the data.
sed -i 's/^#level = "info"/level = "warn"/' "$root/etc/atrail/atrail.toml"
mkdir "$work/next"
dpkg-deb -R "$deb" "$work/next"
sed -i 's/^Version: .*/&+next/' "$work/next/DEBIAN/control"
dpkg-deb --root-owner-group -b "$work/next" "$root/next.deb" >/dev/null
inside dpkg -i /next.deb >"$work/log" 2>&1 || { cat "$work/log" >&2; fail "upgrade"; }
# shellcheck disable=SC2016 # of dpkg-query
say upgraded "$(inside dpkg-query -W -f '${Version} ${Status}' atrail)"
grep -q '^level = "warn"' "$root/etc/atrail/atrail.toml" || fail "the upgrade lost the operator's setting"
start
client -q login -a "$url" --api-key-file /var/lib/atrail/initial-credentials.json
client -q target -o default -s default >/dev/null
count=$(client status -s 2026-01-02 -e 2026-01-02 --format csv | sed 1d | cut -d, -f2)
if [ "$count" != 1 ]; then fail "after the upgrade there are '$count' events, not 1"; fi
say "events after the upgrade" "$count"
stop

inside dpkg -r atrail >/dev/null 2>&1 || fail "removal"
if [ -e "$root/usr/bin/atrail" ]; then fail "removal left the program"; fi
[ -e "$root/etc/atrail/atrail.toml" ] || fail "removal took the configuration"
inside dpkg -P atrail 2>&1 | grep -v '^(Reading\|^Purging'
if [ -e "$root/etc/atrail" ]; then fail "a purge left the configuration"; fi
[ -e "$root/var/lib/atrail/catalog.sqlite" ] || fail "a purge took the archive"
rm -r "$root/root/.config" "$root/atrail.deb" "$root/next.deb"
left=$(inside find / -xdev -path /proc -prune -o -name '*atrail*' -print -prune)
[ "$left" = /var/lib/atrail ] || fail "a purge left more than the archive: $left"
say "left after the purge" "$left"
