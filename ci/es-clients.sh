#!/usr/bin/env bash
# Runs the official Elasticsearch clients against /es/ of a server: search, msearch, count, and search_after until the
# end. A client that cannot be installed (pip, npm) is SKIPPED with the reason.
# Usage: ci/es-clients.sh [BINARY]; ES_TOOLS names the directory of the clients [default: target/ci-tools/es]
set -euo pipefail
cd "$(dirname "$0")/.."

binary=$(realpath "${1:-target/release/atrail}")
tools=$(realpath -m "${ES_TOOLS:-target/ci-tools/es}")
here=$PWD/ci/es-clients
for tool in curl jq python3; do
  command -v "$tool" >/dev/null || { echo "SKIPPED Elasticsearch clients: $tool is not installed"; exit 0; }
done

work=$(mktemp -d)
trap 'kill "$server" 2>/dev/null || true; wait 2>/dev/null || true; rm -rf "$work"' EXIT
"$binary" serve --data "$work/data" --listen 127.0.0.1:0 >"$work/stdout" 2>"$work/log" &
server=$!
url=
for _ in $(seq 300); do
  url=$(sed -n 's/^listening on //p' "$work/stdout")
  if [ -n "$url" ] || ! kill -0 "$server" 2>/dev/null; then break; fi
  sleep 0.1
done
if [ -z "$url" ]; then
  tail -n 20 "$work/log" >&2
  echo "ci/es-clients.sh: the server of $binary did not start" >&2
  exit 1
fi

credentials=$work/data/initial-credentials.json
export ES_URL=$url/es
ES_KEY=$(jq -r .api_key "$credentials")
ES_INDEX=$(jq -r .space "$credentials")
export ES_KEY ES_INDEX
python3 - >"$work/events" <<'PY'
import datetime, json
start = datetime.datetime.now(datetime.timezone.utc) - datetime.timedelta(hours=3)
for number in range(250):
    # Ten events of each time, so that pages end among equals.
    time = start + datetime.timedelta(seconds=number // 10)
    print(json.dumps({
        "typeURI": "http://schemas.dmtf.org/cloud/audit/1.0/event", "id": f"e{number}",
        "eventTime": time.isoformat(timespec="milliseconds"), "action": "read" if number % 5 else "delete",
        "outcome": "success", "initiator": {"id": "u", "name": "ann"}, "target": {"id": f"t{number % 7}"},
        "observer": {"id": "o"},
    }))
PY
curl -fsS -o "$work/ack" -H "Authorization: Bearer $ES_KEY" -H "X-Auth-Project-Id: $ES_INDEX" \
  --data-binary "@$work/events" "$url/v3/events"

# run NAME COMMAND…: the program, and a control that must fail.
run() {
  local name=$1
  shift
  "$@" >"$work/out" 2>&1 || { cat "$work/out" >&2; echo "ci/es-clients.sh: $name failed" >&2; exit 1; }
  if ES_EXPECTED=249 "$@" >"$work/out" 2>&1; then
    echo "ci/es-clients.sh: $name does not notice a missing event" >&2
    exit 1
  fi
  echo "$name: search, msearch, count and search_after work"
}

python=$tools/python
if [ -e "$python/ready" ] || { python3 -m venv --clear "$python" &&
  "$python/bin/pip" install --quiet 'elasticsearch>=8,<9' && touch "$python/ready"; }; then
  run "elasticsearch (Python)" "$python/bin/python" "$here/client.py"
else
  echo "SKIPPED elasticsearch (Python): it cannot be installed here"
fi

node=$tools/node
if ! command -v npm >/dev/null; then
  echo "SKIPPED @elastic/elasticsearch: npm is not installed"
elif [ -e "$node/ready" ] || { mkdir -p "$node" &&
  npm install --silent --no-audit --no-fund --prefix "$node" '@elastic/elasticsearch@8' && touch "$node/ready"; }; then
  cp "$here/client.mjs" "$node/client.mjs"
  run "@elastic/elasticsearch (JavaScript)" node "$node/client.mjs"
else
  echo "SKIPPED @elastic/elasticsearch: it cannot be installed here"
fi
