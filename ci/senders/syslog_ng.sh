#!/usr/bin/env bash
# syslog-ng with the configuration of docs/SENDERS.md; each line of a file is an event. "http": the bulk interface; "tls":
# syslog over TLS with a certificate of its own. SENDERS_DEBS names a directory with Debian's packages unpacked.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
root=${SENDERS_DEBS:-}
work=$LEDGER_WORK/syslog-ng
mkdir -p "$work/ca"
: >"$work/in.log"
{
  echo '@version: 3.38'
  echo "source s_src { file(\"$work/in.log\" follow-freq(1) flags(no-parse)); };"
  if [ "$1" = http ]; then
    python3 "$here/block.py" syslog-ng conf |
      sed -e "s|https://audit.example.com|$LEDGER_URL|" -e 's|time-reopen(10)|time-reopen(1)|' -e 's|batch-lines(500)|batch-lines(20)|'
  else
    openssl x509 -in "$LEDGER_CERTIFICATES/ca.pem" -out "$work/ca/$(openssl x509 -hash -noout -in "$LEDGER_CERTIFICATES/ca.pem").0"
    echo 'options { time-reopen(1); };'
    python3 "$here/block.py" Syslog conf |
      sed -e "s|/etc/ssl/certs/web-1.pem|$LEDGER_CERTIFICATES/client.pem|" \
        -e "s|/etc/ssl/private/web-1.key|$LEDGER_CERTIFICATES/client.key|" -e "s|/etc/ssl/certs|$work/ca|" \
        -e "s|audit.example.com|localhost|" -e "s|port(6514)|port($LEDGER_SYSLOG)|"
  fi
} >"$work/conf"
export ATRAIL_KEY=${LEDGER_KEY:-} LD_LIBRARY_PATH=$root/usr/lib/syslog-ng:$root/usr/lib/x86_64-linux-gnu:$root/lib/x86_64-linux-gnu
"$root/usr/sbin/syslog-ng" --foreground --no-caps --cfgfile="$work/conf" --persist-file="$work/persist" --stderr \
  --control="$work/ctl" --pidfile="$work/pid" --module-path="$root/usr/lib/syslog-ng/3.38" &
daemon=$!
trap 'kill "$daemon" 2>/dev/null || true; wait "$daemon" 2>/dev/null || true' EXIT
for ((number = 0; number < LEDGER_EVENTS; number++)); do
  echo "ledger-$number-end"
  ((number % 50 != 49)) || sleep 0.15
done >>"$work/in.log"
# It sends on its own, and the ledger ends it.
wait "$daemon"
exit 1
