# shellcheck shell=bash
needs vector

server
key "$WORK/key"
mkdir "$WORK/log" "$WORK/vector"
# run [OLD NEW]...: starts Vector with the page's configuration, and with these changes to it.
run() {
  extract vector.yaml | put /var/lib/vector "$WORK/vector" /var/log/app "$WORK/log" https://audit.example.com "$URL" "$@" >"$WORK/vector.yaml"
  ATRAIL_KEY=$(cat "$WORK/key") background vector vector --config "$WORK/vector.yaml"
  VECTOR=$!
}
stop() { kill "$VECTOR"; wait "$VECTOR" 2>/dev/null || true; }

vector --version
run
made 1 500 >>"$WORK/log/audit.log"
check "500 events arrive once" within 30 all_once 1 500
stop_server
made 501 700 >>"$WORK/log/audit.log"
sleep 3
server
check "what was written while the server was away arrives once" within 120 all_once 1 700
stop
made 701 800 >>"$WORK/log/audit.log"
run
check "what was written while Vector was away arrives once" within 60 all_once 1 800
stop
made 801 810 >>"$WORK/log/audit.log"
run '/v3/events' '/v3/other'
control "with another path, that events arrive" within 8 all_once 1 810
