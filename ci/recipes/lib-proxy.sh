# What a proxy in front of atrail must do, whichever it is. A recipe sets FRONT_PORT, calls `behind`, starts its proxy
# and calls `proxied`.
# shellcheck shell=bash disable=SC2153,SC2154

# behind: makes the certificate, starts the server, and fills a session of about 40 MB that no proxy can compress.
behind() {
  FRONT_PORT=$(free_port)
  FRONT=https://localhost:$FRONT_PORT
  openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=localhost \
    -addext subjectAltName=DNS:localhost -keyout "$WORK/privkey.pem" -out "$WORK/fullchain.pem" 2>/dev/null
  server "$(printf '[server]\ntrusted_proxies = ["127.0.0.1"]\nbody_idle_timeout = "3s"\npublic_url = "%s"' "$FRONT")"
  TOKEN=$(atrail token)
  made 1 60 900000 >"$WORK/large.ndjson"
}

front() { curl -sS --cacert "$WORK/fullchain.pem" -H "X-Auth-Token: $TOKEN" -H "X-Auth-Project-Id: $SPACE" "$@"; }

is_up() { curl -fsS -o /dev/null --cacert "$WORK/fullchain.pem" "$FRONT/healthz"; }

metrics_are_hidden() { [ "$(front -o /dev/null -w '%{http_code}' "$FRONT/metrics")" = 404 ]; }

takes_large_bodies() {
  [ "$(front -o "$WORK/answer" -w '%{http_code}' --data-binary @"$WORK/large.ndjson" -H 'Prefer: return=minimal' \
    "$FRONT/v3/events")" = 200 ] && [ "$(jq .accepted "$WORK/answer")" = 60 ]
}

# A body that unpacks to more than the server accepts is refused by the server, in its own words.
refuses_in_the_servers_words() {
  head -c 70000000 /dev/zero | tr '\0' ' ' | gzip |
    front -o "$WORK/answer" -H 'Content-Encoding: gzip' --data-binary @- "$FRONT/v3/events"
  jq -e '.code == "too_large"' "$WORK/answer"
}

same_bytes() {
  front -D "$WORK/head" -o "$WORK/whole" -H 'Accept-Encoding: gzip, br' -H "SESSIONID: $SESSION" "$FRONT/v3/events/download"
  ! grep -qi '^content-encoding' "$WORK/head" && grep -qi "^etag: \"$ETAG\"" "$WORK/head" && cmp "$WORK/direct" "$WORK/whole"
}

resumes() {
  head -c 1000000 "$WORK/direct" >"$WORK/part"
  front -C - -o "$WORK/part" -H "If-Range: \"$ETAG\"" -H "SESSIONID: $SESSION" "$FRONT/v3/events/download"
  cmp "$WORK/direct" "$WORK/part"
  front -D "$WORK/head" -o "$WORK/some" -r 100-199 -H "SESSIONID: $SESSION" "$FRONT/v3/events/download"
  grep -q ' 206' "$WORK/head"
  cmp <(tail -c +101 "$WORK/direct" | head -c 100) "$WORK/some"
  front -I -H "SESSIONID: $SESSION" "$FRONT/v3/events/download" |
    grep -qi "^content-length: $(stat -c %s "$WORK/direct")"
}

client_works() {
  rm -f "$WORK"/front.gz*
  atrail --context front login -a "$FRONT" --api-key-file "$WORK/admin.key" --ca-file "$WORK/fullchain.pem" -o default -s default
  atrail --context front download -o "$WORK/front.gz" --verify "$SESSION"
  cmp "$WORK/direct" "$WORK/front.gz"
}

# The original sends JSON with GET and with DELETE.
passes_every_body() {
  front -X GET "$FRONT/v3/events" -d '{"start":"2001-01-01","end":"2001-01-01"}' | jq -e '. == []'
  front -X DELETE "$FRONT/v3/events" -d '{"start":"2001-01-01","end":"2001-01-01","DryRun":true}' | grep -q '0 logs'
}

# A client that stops reading stops the server: nothing in between swallows the download.
streams_downloads() {
  local session
  session=$(api "$URL/v3/sessions" -d '{"start":"today","end":"today"}' | jq -r .id)
  "$PYTHON" - "$FRONT_PORT" "$WORK/fullchain.pem" "$TOKEN" "$session" <<'PYTHON' &
import socket, ssl, sys, time
port, ca, token, session = sys.argv[1:]
s = ssl.create_default_context(cafile=ca).wrap_socket(socket.create_connection(("localhost", int(port))), server_hostname="localhost")
s.sendall(f"GET /v3/events/download HTTP/1.1\r\nHost: localhost\r\nX-Auth-Token: {token}\r\nSESSIONID: {session}\r\n\r\n".encode())
s.recv(65536)
time.sleep(4)
PYTHON
  local reader=$!
  sleep 3
  local sent total
  read -r sent total < <(api "$URL/v3/sessions/$session" | jq -r '"\(.downloaded_bytes // ."downloaded-bytes") \(.total_bytes // ."total-bytes")"')
  wait "$reader"
  echo "the client read 64 KiB of $total bytes; the server sent $sent"
  [ "$sent" -gt 0 ] && [ "$sent" -lt $((total / 2)) ]
}

# A body that stops half-way is the server's to refuse: the proxy has passed on what arrived.
streams_uploads() {
  local before
  before=$(grep -c 'status=408' "$WORK/server.log" || true)
  "$PYTHON" - "$FRONT_PORT" "$WORK/fullchain.pem" "$TOKEN" "$SPACE" <<'PYTHON' &
import socket, ssl, sys, time
port, ca, token, space = sys.argv[1:]
s = ssl.create_default_context(cafile=ca).wrap_socket(socket.create_connection(("localhost", int(port))), server_hostname="localhost")
s.sendall(f"POST /v3/events HTTP/1.1\r\nHost: localhost\r\nX-Auth-Token: {token}\r\nX-Auth-Project-Id: {space}\r\nContent-Length: 50000000\r\n\r\n".encode() + b" " * 100000)
time.sleep(10)
PYTHON
  local client=$!
  refused() { [ "$(grep -c 'status=408' "$WORK/server.log" || true)" -gt "$before" ]; }
  local code=0
  within 8 refused || code=1
  kill "$client" 2>/dev/null || true
  wait "$client" || true
  return $code
}

# The events name the client, and not whom the client names.
knows_the_client() {
  local before
  before=$(stored '.initiator.host.address? == "127.0.0.7"')
  # Each new session is an event of its own.
  front --interface 127.0.0.7 -H 'X-Forwarded-For: 203.0.113.9' -o /dev/null -d '{}' "$FRONT/v3/sessions"
  [ "$(stored '.initiator.host.address? == "127.0.0.7"')" -gt "$before" ] &&
    [ "$(stored '.initiator.host.address? == "203.0.113.9"')" = 0 ]
}

proxied() {
  check "HTTPS reaches the server" within 20 is_up
  check "/metrics stays inside" metrics_are_hidden
  check "a body of 54 MB arrives" takes_large_bodies
  check "a body that is too large is refused in the server's words" refuses_in_the_servers_words
  api "$URL/v3/sessions" -d '{"start":"today","end":"today"}' >"$WORK/session.json"
  SESSION=$(jq -r .id "$WORK/session.json") ETAG=$(jq -r .etag "$WORK/session.json")
  curl -fsS -o "$WORK/direct" -H "X-Auth-Token: $TOKEN" -H "SESSIONID: $SESSION" "$URL/v3/events/download"
  check "a download has the same bytes and the same entity tag" same_bytes
  check "it resumes, by Range and If-Range" resumes
  check "the client logs in, downloads and verifies" client_works
  check "GET and DELETE may have a body" passes_every_body
  check "downloads are not buffered" streams_downloads
  check "uploads are not buffered" streams_uploads
  check "events name the client's address, and no forged one" knows_the_client
}
