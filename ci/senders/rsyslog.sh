#!/usr/bin/env bash
# rsyslog with the configuration of docs/SENDERS.md; each line of a file is an event. "es": omelasticsearch; "tls": syslog
# over TLS with a certificate of its own. SENDERS_DEBS names a directory with Debian's packages unpacked.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
root=${SENDERS_DEBS:-}
work=$LEDGER_WORK/rsyslog
mkdir -p "$work"
: >"$work/in.log"
{
  echo "global(workDirectory=\"$work\")"
  echo 'module(load="imfile" pollingInterval="1")'
  if [ "$1" = es ]; then
    python3 "$here/block.py" rsyslog rsyslog |
      sed -e "s|https://audit.example.com|http://127.0.0.1|" -e "s|serverport=\"9200\"|serverport=\"${LEDGER_URL##*:}\"|" \
        -e "s|/var/log/atrail-refused|$work/errors|" -e 's|resumeInterval="5"|resumeInterval="1"|' \
        -e 's|dequeueBatchSize="500"|dequeueBatchSize="20"|'
  else
    python3 "$here/block.py" Syslog rsyslog |
      sed -e "s|/etc/ssl/certs/ca-certificates.crt|$LEDGER_CERTIFICATES/ca.pem|" \
        -e "s|/etc/ssl/certs/web-1.pem|$LEDGER_CERTIFICATES/client.pem|" \
        -e "s|/etc/ssl/private/web-1.key|$LEDGER_CERTIFICATES/client.key|" \
        -e "s|audit.example.com|localhost|" -e "s|port=\"6514\"|port=\"$LEDGER_SYSLOG\"|" \
        -e 's|resumeInterval="5"|resumeInterval="1"|'
  fi
  # After the action, for a file of the daemon's other inputs would come before it.
  echo "input(type=\"imfile\" file=\"$work/in.log\" tag=\"ledger:\" reopenOnTruncate=\"off\")"
} >"$work/conf"
export ATRAIL_KEY=${LEDGER_KEY:-} LD_LIBRARY_PATH=$root/usr/lib/x86_64-linux-gnu:$root/lib/x86_64-linux-gnu
"$root/usr/sbin/rsyslogd" -n -f "$work/conf" -i "$work/pid" -M "$root/usr/lib/x86_64-linux-gnu/rsyslog" &
daemon=$!
trap 'kill "$daemon" 2>/dev/null || true; wait "$daemon" 2>/dev/null || true' EXIT
for ((number = 0; number < LEDGER_EVENTS; number++)); do
  echo "ledger-$number-end"
  ((number % 50 != 49)) || sleep 0.15
done >>"$work/in.log"
# It sends on its own, and the ledger ends it.
while kill -0 "$daemon" 2>/dev/null; do
  if [ -s "$work/errors" ]; then
    cat "$work/errors" >&2
    exit 1
  fi
  sleep 1
done
exit 1
