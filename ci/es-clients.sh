#!/usr/bin/env bash
# Runs clients of other products against a server: Elasticsearch's search (search, msearch, count, and search_after until
# the end) and send in bulk, OpenSearch's and Splunk's send. A client that cannot be installed (pip, npm) is SKIPPED with
# the reason.
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

# A key for a sender that names no space.
key=$(curl -fsS -H "Authorization: Bearer $ES_KEY" -H 'Content-Type: application/json' \
  -d "{\"name\":\"sender\",\"scopes\":[\"send\"],\"space\":\"$ES_INDEX\"}" "$url/v3/api_keys" | jq -r .key)
export HEC_URL=$url HEC_KEY=$key

# run NAME WHAT COMMAND…: the program, and a control that must fail.
run() {
  local name=$1 what=$2
  shift 2
  timeout 120 "$@" >"$work/out" 2>&1 || { cat "$work/out" >&2; echo "ci/es-clients.sh: $name failed" >&2; exit 1; }
  if ES_EXPECTED=249 timeout 120 "$@" >"$work/out" 2>&1; then
    echo "ci/es-clients.sh: $name does not notice a missing event" >&2
    exit 1
  fi
  echo "$name: $what"
}

# python_has PACKAGE…: an environment of its own with the packages, in $python.
python_has() {
  python=$tools/python-$(printf '%s' "$*" | tr -c 'a-z0-9.\n' '-')
  [ -e "$python/ready" ] || { python3 -m venv --clear "$python" &&
    "$python/bin/pip" install --quiet "$@" && touch "$python/ready"; }
}

# node_has PACKAGE…: a directory of its own with the packages and the programs, in $node.
node_has() {
  node=$tools/node-$(printf '%s' "$*" | tr -c 'a-z0-9.\n' '-')
  command -v npm >/dev/null || return 1
  [ -e "$node/ready" ] || { mkdir -p "$node" &&
    npm install --silent --no-audit --no-fund --prefix "$node" "$@" && touch "$node/ready"; } || return 1
  cp "$here"/*.mjs "$node/"
}

for version in 8 9; do
  if python_has "elasticsearch>=$version,<$((version + 1))"; then
    [ "$version" = 9 ] || run "elasticsearch $version (Python)" "search, msearch, count and search_after work" \
      "$python/bin/python" "$here/client.py"
    run "elasticsearch $version (Python)" "helpers.bulk stores each event once" "$python/bin/python" "$here/bulk.py" elasticsearch
  else
    echo "SKIPPED elasticsearch $version (Python): it cannot be installed here"
  fi
  if node_has "@elastic/elasticsearch@$version"; then
    [ "$version" = 9 ] || run "@elastic/elasticsearch $version (JavaScript)" "search, msearch, count and search_after work" \
      node "$node/client.mjs"
    run "@elastic/elasticsearch $version (JavaScript)" "helpers.bulk stores each event once" node "$node/bulk.mjs"
  else
    echo "SKIPPED @elastic/elasticsearch $version (JavaScript): it cannot be installed here"
  fi
done
if python_has opensearch-py; then
  run "opensearch-py" "helpers.bulk stores each event once" "$python/bin/python" "$here/bulk.py" opensearchpy
else
  echo "SKIPPED opensearch-py: it cannot be installed here"
fi
if python_has splunk-handler; then
  run "splunk-handler" "every event arrives" "$python/bin/python" "$here/hec.py"
else
  echo "SKIPPED splunk-handler: it cannot be installed here"
fi
if node_has splunk-logging winston winston-splunk-httplogger; then
  run "splunk-logging" "every event arrives" node "$node/hec.mjs" splunk-logging
  run "winston-splunk-httplogger" "every event arrives" node "$node/hec.mjs" winston-splunk-httplogger
else
  echo "SKIPPED splunk-logging and winston-splunk-httplogger: they cannot be installed here"
fi
