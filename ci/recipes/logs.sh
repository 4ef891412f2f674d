# shellcheck shell=bash
needs logrotate
PATH=$PATH:/usr/sbin

PORT=$(free_port)
mkdir "$WORK/log"
extract /etc/logrotate.d/atrail | put /var/log/atrail "$WORK/log" >"$WORK/logrotate.conf"
chmod 644 "$WORK/logrotate.conf"
chmod 755 "$WORK" "$WORK/log"
# run OPERATOR: starts the server with its log in a file that was opened so.
run() {
  bash -c "exec atrail serve --data '$WORK/data' --listen 127.0.0.1:$PORT $1'$WORK/log/server.log'" >/dev/null &
  SERVER=$!
  started+=("$SERVER")
  within 20 curl -fsS -o /dev/null "http://127.0.0.1:$PORT/healthz"
}
rotated() {
  rm -f "$WORK/log"/server.log.*
  logrotate --force --state "$WORK/state" "$WORK/logrotate.conf"
  curl -fsS -o /dev/null "http://127.0.0.1:$PORT/v2/info"
  zgrep -q /healthz "$WORK/log/server.log.1.gz"
  within 5 grep -qa /v2/info "$WORK/log/server.log"
  # Text, and no zero bytes before it.
  [ "$(tr -d '\0' <"$WORK/log/server.log" | wc -c)" = "$(wc -c <"$WORK/log/server.log")" ]
}

logrotate --version 2>&1 | sed -n 1p
run '2>>'
check "the log rotates, and goes on" rotated
stop_server
run '2>'
control "with a file opened by >, that the log goes on as text" rotated
