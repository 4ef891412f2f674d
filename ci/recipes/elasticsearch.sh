# shellcheck shell=bash
# Elasticsearch is in no package registry that this script could use. Its bulk call is emulated: the size limit, the
# framing, `create` by `_id`.
needs split
echo "emulated: Elasticsearch itself is not run"

server
day=$(date -u -d yesterday +%FT12:00:00Z)
{ made 1 900 1500; made 901 1080 1040000; } | jq -c --arg day "$day" '.eventTime = $day' >"$WORK/events.ndjson"
atrail -q trail -f "$WORK/events.ndjson" >/dev/null
cat >"$WORK/elasticsearch.py" <<'PYTHON'
import http.server, json, sys
documents, sizes = {}, []
class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def answer(self, status, value):
        body = json.dumps(value).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
    def do_GET(self):
        self.answer(200, {"count": len(documents), "largest": max(sizes, default=0), "requests": len(sizes)})
    def do_POST(self):
        length = int(self.headers["Content-Length"])
        body = self.rfile.read(length)
        sizes.append(length)
        if length > 100 * 1024 * 1024: return self.answer(413, "too large")
        if not body.endswith(b"\n"): return self.answer(400, "The bulk request must be terminated by a newline")
        lines = body[:-1].split(b"\n")
        items = []
        for action, document in zip(lines[::2], lines[1::2], strict=len(lines) % 2 == 0):
            action = json.loads(action)
            if list(action) != ["create"]: return self.answer(400, "Malformed action/metadata line")
            name = (action["create"]["_index"], action["create"]["_id"])
            known = name in documents
            documents.setdefault(name, json.loads(document)["id"])
            items.append({"create": {"_id": name[1], "status": 409 if known else 201, **({"error": {"type": "version_conflict_engine_exception"}} if known else {})}})
        self.answer(200, {"errors": any("error" in item["create"] for item in items), "items": items})
    def log_message(self, *_): pass
http.server.ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()
PYTHON
port=$(free_port)
background elasticsearch "$PYTHON" "$WORK/elasticsearch.py" "$port"
within 10 curl -fsS -o /dev/null "http://127.0.0.1:$port/"

# load [OLD NEW]...: runs the page's command, and with these changes to it; fails when it prints anything.
load() {
  shell 1 | put http://127.0.0.1:9200 "http://127.0.0.1:$port" "$@" >"$WORK/load.sh"
  bash -euo pipefail "$WORK/load.sh" >"$WORK/refused"
  cat "$WORK/refused"
  [ ! -s "$WORK/refused" ]
}
counted() { [ "$(curl -fsS "http://127.0.0.1:$port/" | jq .count)" = 1080 ]; }

check "the command loads the day, and nothing is refused" load
check "every event is a document" counted
curl -fsS "http://127.0.0.1:$port/" | jq -r '"\(.requests) requests, the largest of \(.largest) bytes"'
check "a second run refuses nothing" load
check "and adds nothing" counted
control "with larger pieces, that large events fit" load '-l 180' '-l 10000'
control "with an odd number of lines, that requests are understood" load '-l 180' '-l 181'
