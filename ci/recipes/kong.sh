# shellcheck shell=bash
# Kong is in no package registry that this script could use. What its http-log plugin sends is emulated from its
# documentation: one object where a batch has one record, else an array; the path of the endpoint without its query.
echo "emulated: Kong itself is not run"

server
key "$WORK/kong.key"
extract kong.yml | put https://audit.example.com "$URL" KEY "$(cat "$WORK/kong.key")" >"$WORK/kong.yml"

# kong CONFIGURATION RECORDS: sends so many records by the configuration; fails where Kong would log an error.
kong() {
  "$PYTHON" - "$1" "$2" <<'PYTHON'
import json, re, sys, time, urllib.error, urllib.parse, urllib.request
text = open(sys.argv[1]).read()
def setting(name): return re.search(rf"^\s+{name}: (.*)$", text, re.M)[1]
def record(number):
    now = int(time.time()) // 86400 * 86400000 + number
    return {
        "request": {"id": f"{number:032x}", "method": "DELETE", "uri": f"/orders/{number}", "url": f"http://shop.example.com:8000/orders/{number}",
                    "size": 75, "querystring": {}, "headers": {"host": "shop.example.com", "user-agent": "curl/8.5.0", "authorization": "REDACTED"}},
        "upstream_uri": f"/orders/{number}",
        "response": {"status": 403 if number % 2 else 204, "size": 434, "headers": {"content-type": "application/json", "via": "1.1 kong/3.8.0"}},
        "tries": [{"balancer_latency": 0, "balancer_start": now, "ip": "127.0.0.1", "port": 8000}],
        "consumer": {"id": "80f74eef-31b8-45d5-c525-ae532297ea8e", "username": "ann", "created_at": 1521555129},
        "authenticated_entity": {"id": "eaa330c0-4cff-47f5-c79e-b2e4f355207e"},
        "service": {"id": "0590139e-7481-466c-bcdf-929adcaaf804", "name": "orders", "host": "orders.internal", "port": 80, "protocol": "http"},
        "route": {"id": "75818c5f-202d-4b82-a553-6a46e7c9a19e", "name": "orders", "paths": ["/orders"], "protocols": ["http", "https"]},
        "latencies": {"proxy": 12, "kong": 3, "request": 15}, "client_ip": "192.0.2.7", "started_at": now, "workspace": "default",
    }
records = [record(number) for number in range(int(sys.argv[2]))]
body = json.dumps(records[0] if len(records) == 1 else records).encode()
endpoint = urllib.parse.urlsplit(setting("http_endpoint"))._replace(query="").geturl()
headers = {"Content-Type": setting("content_type"), "Authorization": setting("Authorization")}
try:
    print(urllib.request.urlopen(urllib.request.Request(endpoint, body, headers, method=setting("method"))).status)
except urllib.error.HTTPError as error:
    sys.exit(f"returned status code {error.code} and body {error.read().decode()}")
PYTHON
}

# An event is stored for each record: who, on what, how it ended, from where, and the record itself.
kept() {
  [ "$(stored '.initiator.name? == "ann"')" = "$1" ] && [ "$(stored '.initiator.name? == "ann" and .initiator.host.address? == "192.0.2.7" and .target.name? == "orders"
    and .action == "delete" and .reason.reasonCode? == "403" and .outcome == "failure"
    and ([.attachments[]? | tostring | contains("upstream_uri")] | any)')" = $(($1 / 2)) ]
}

check "a single record is accepted" kong "$WORK/kong.yml" 1
check "a batch is accepted" kong "$WORK/kong.yml" 200
check "and again, as after a lost answer" kong "$WORK/kong.yml" 200
check "each is stored once: who, what, the outcome and the record itself" kept 200
sed 's/Bearer .*/Bearer wrong/' "$WORK/kong.yml" >"$WORK/wrong.yml"
control "with another key, that records are accepted" kong "$WORK/wrong.yml" 1
sed 's#/v3/events#/v3/other#' "$WORK/kong.yml" >"$WORK/wrong.yml"
control "with another path, that records are accepted" kong "$WORK/wrong.yml" 1
