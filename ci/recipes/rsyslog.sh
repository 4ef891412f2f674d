# shellcheck shell=bash
needs rsyslogd
PATH=$PATH:/usr/sbin

server
mkdir -p "$WORK/log" "$WORK/spool" "$WORK/state"
key "$WORK/rsyslog.key"

# run [OLD NEW]...: starts rsyslog with the page's configuration and program, and with these changes to the program.
run() {
  extract /usr/local/libexec/atrail-rsyslog | put https://audit.example.com "$URL" /etc/atrail/rsyslog.key "$WORK/rsyslog.key" \
    /var/lib/atrail-rsyslog "$WORK/state" "$@" >"$WORK/atrail-rsyslog"
  sed -i "2a PATH=$PATH" "$WORK/atrail-rsyslog"
  chmod 755 "$WORK/atrail-rsyslog"
  {
    printf 'global(workDirectory="%s")\n' "$WORK/spool"
    extract /etc/rsyslog.d/60-atrail.conf | put /usr/local/libexec/atrail-rsyslog "$WORK/atrail-rsyslog" \
      /var/log/app/audit.log "$WORK/log/audit.log" /var/log/atrail-rsyslog.log "$WORK/program.log" 'resumeInterval="5"' 'resumeInterval="1"'
  } >"$WORK/rsyslog.conf"
  check "rsyslog accepts the configuration" rsyslogd -N1 -f "$WORK/rsyslog.conf"
  background rsyslog rsyslogd -n -f "$WORK/rsyslog.conf" -i "$WORK/rsyslog.pid"
  RSYSLOG=$!
}
stop() { kill "$RSYSLOG"; wait "$RSYSLOG" 2>/dev/null || true; }

rsyslogd -v | sed -n 1p
run
made 1 500 >>"$WORK/log/audit.log"
made 501 501 200000 >>"$WORK/log/audit.log"
check "500 events and one of 200 kB arrive" within 30 all_once 1 501
stop_server
made 502 900 >>"$WORK/log/audit.log"
sleep 3
server
check "what was written while the server was away arrives once" within 60 all_once 1 900
stop
made 901 1000 >>"$WORK/log/audit.log"
run
check "what was written while rsyslog was away arrives once" within 30 all_once 1 1000
echo '{"no":"event"}' >>"$WORK/log/audit.log"
made 1001 1010 >>"$WORK/log/audit.log"
check "a refused line stops nothing" within 30 all_once 1 1010
check "and is set aside" within 10 grep -q '"no":"event"' "$WORK/state/refused"
mv "$WORK/log/audit.log" "$WORK/log/audit.log.1"
made 1011 1020 >"$WORK/log/audit.log"
check "a rotated file is followed" within 30 all_once 1 1020
stop
# The control: a program that confirms what it could not send.
run "*) echo 'not sent' ;;" "*) echo OK ;;" 'atrail -q trail' 'timeout 1 atrail -q trail'
stop_server
made 1021 1030 >>"$WORK/log/audit.log"
sleep 4
server
control "with a program that confirms everything, that nothing is lost" within 8 all_once 1 1030
