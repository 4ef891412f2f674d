# shellcheck shell=bash
needs caddy
. "$ROOT/ci/recipes/lib-proxy.sh"

behind
# run [OLD NEW]...: starts Caddy with the page's configuration, and with these changes to it. The certificate is the
# test's own, and Caddy leaves its files here.
run() {
  {
    printf '{\n\tadmin off\n\tstorage file_system %s\n\tauto_https disable_redirects\n}\n' "$WORK/caddy"
    extract /etc/caddy/Caddyfile | put 127.0.0.1:8181 "127.0.0.1:$PORT" 'audit.example.com {' "localhost:$FRONT_PORT {
	bind 127.0.0.1
	tls $WORK/fullchain.pem $WORK/privkey.pem" "$@"
  } >"$WORK/Caddyfile"
  HOME=$WORK background caddy caddy run --config "$WORK/Caddyfile" --adapter caddyfile
  PROXY=$!
  within 20 is_up || { cat "$WORK/caddy.log" >&2; die "Caddy did not start"; }
}
stop() { kill "$PROXY"; wait "$PROXY" 2>/dev/null || true; }

caddy version
run
proxied
stop
run 'respond /metrics 404' 'request_body {
		max_size 1MB
	}' 'health_uri /healthz' 'header_up -X-Forwarded-For'
control "with a limit, that a large body arrives" takes_large_bodies
control "without X-Forwarded-For, that events name the client" knows_the_client
control "without the line for it, that /metrics stays inside" metrics_are_hidden
stop
run 'respond /metrics 404' 'encode {
		gzip
		match {
			header Content-Type application/gzip
		}
	}'
control "with compression, that a download has the same bytes" same_bytes
