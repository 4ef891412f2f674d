# shellcheck shell=bash
needs nginx
. "$ROOT/ci/recipes/lib-proxy.sh"

behind
# run [OLD NEW]...: starts nginx with the page's configuration, and with these changes to it.
run() {
  mkdir -p "$WORK/nginx"
  extract /etc/nginx/conf.d/atrail.conf | put 127.0.0.1:8181 "127.0.0.1:$PORT" 'listen 443 ssl' "listen $FRONT_PORT ssl" \
    audit.example.com localhost /etc/nginx/tls "$WORK" "$@" >"$WORK/nginx/atrail.conf"
  cat >"$WORK/nginx/nginx.conf" <<CONF
daemon off;
worker_processes 1;
pid $WORK/nginx/pid;
error_log stderr;
events {}
http {
  access_log off;
  client_body_temp_path $WORK/nginx/body;
  proxy_temp_path $WORK/nginx/proxy;
  fastcgi_temp_path $WORK/nginx/fastcgi;
  uwsgi_temp_path $WORK/nginx/uwsgi;
  scgi_temp_path $WORK/nginx/scgi;
  include $WORK/nginx/atrail.conf;
}
CONF
  background nginx nginx -p "$WORK/nginx" -c "$WORK/nginx/nginx.conf"
  PROXY=$!
  within 20 is_up || { cat "$WORK/nginx.log" >&2; die "nginx did not start"; }
}
stop() { kill "$PROXY"; wait "$PROXY" 2>/dev/null || true; }

PATH=$PATH:/usr/sbin
nginx -v 2>&1
# Root's nginx would give its workers to another user, who cannot read these files.
chmod 711 "$WORK"
run
proxied
stop
run 'proxy_buffering off;' ''
control "with buffering, that downloads are not buffered" streams_downloads
stop
run 'proxy_request_buffering off;' '' 'client_max_body_size 64m;' '' 'X-Forwarded-For' 'X-Elsewhere'
control "with buffering, that uploads are not buffered" streams_uploads
control "with nginx's own limit, that a large body arrives" takes_large_bodies
control "without X-Forwarded-For, that events name the client" knows_the_client
stop
run 'gzip off;' 'gzip on; gzip_types application/gzip;'
control "with compression, that a download has the same bytes" same_bytes
