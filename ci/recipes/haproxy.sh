# shellcheck shell=bash
needs haproxy
. "$ROOT/ci/recipes/lib-proxy.sh"

behind
cat "$WORK/fullchain.pem" "$WORK/privkey.pem" >"$WORK/both.pem"
# run [OLD NEW]...: starts HAProxy with the page's configuration, and with these changes to it.
run() {
  extract /etc/haproxy/haproxy.cfg | put 127.0.0.1:8181 "127.0.0.1:$PORT" 'bind :443' "bind 127.0.0.1:$FRONT_PORT" \
    /etc/haproxy/tls/audit.example.com.pem "$WORK/both.pem" "$@" >"$WORK/haproxy.cfg"
  check "HAProxy accepts the configuration" haproxy -c -f "$WORK/haproxy.cfg"
  background haproxy haproxy -db -f "$WORK/haproxy.cfg"
  PROXY=$!
  within 20 is_up || { cat "$WORK/haproxy.log" >&2; die "HAProxy did not start"; }
}
stop() { kill "$PROXY"; wait "$PROXY" 2>/dev/null || true; }

PATH=$PATH:/usr/sbin
haproxy -v | sed -n 1p
run
proxied
stop
run 'option forwardfor' '' 'default_backend' 'http-request deny deny_status 413 if { req.hdr(content-length) -m int gt 1000000 }
    default_backend'
control "without forwardfor, that events name the client" knows_the_client
control "with a limit, that a large body arrives" takes_large_bodies
stop
run 'option httpchk GET /healthz' 'compression algo gzip
    compression type application/gzip'
control "with compression, that a download has the same bytes" same_bytes
