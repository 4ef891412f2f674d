# shellcheck shell=bash
needs fluent-bit

server
key "$WORK/key"
mkdir "$WORK/log" "$WORK/fluent"
# run [OLD NEW]...: starts Fluent Bit with the page's configuration, and with these changes to it.
run() {
  extract fluent-bit.yaml | put /var/lib/fluent-bit "$WORK/fluent" /var/log/app "$WORK/log" 'host: audit.example.com' 'host: 127.0.0.1' \
    'port: 443' "port: $PORT" 'tls: on' 'tls: off' "$@" >"$WORK/fluent-bit.yaml"
  ATRAIL_KEY=$(cat "$WORK/key") background fluent fluent-bit -c "$WORK/fluent-bit.yaml"
  FLUENT=$!
}
stop() { kill "$FLUENT"; wait "$FLUENT" 2>/dev/null || true; }

fluent-bit --version | sed -n 1p
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
check "what was written while Fluent Bit was away arrives once" within 60 all_once 1 800
stop
made 801 810 >>"$WORK/log/audit.log"
run 'uri: /v3/events' 'uri: /v3/other'
control "with another path, that events arrive" within 8 all_once 1 810
