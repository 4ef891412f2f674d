#!/usr/bin/env bash
# Sends what docs/openapi.json allows, and what it forbids, to a running server, and compares the answers with it.
# Needs schemathesis 4 (`pip install schemathesis`), curl and jq; where they are not installed it says so and ends well.
# Usage: ci/schemathesis.sh [BINARY]
set -euo pipefail
cd "$(dirname "$0")/.."

binary=$(realpath "${1:-target/release/atrail}")
description=$PWD/docs/openapi.json
for tool in schemathesis curl jq; do
  if ! command -v "$tool" >/dev/null; then
    echo "the API's description is not checked: $tool is not installed"
    exit 0
  fi
done

work=$(mktemp -d)
trap 'kill "$server" 2>/dev/null || true; wait 2>/dev/null || true; rm -rf "$work"' EXIT
# Made-up requests are many sessions, and tokens that outlive the run.
cat >"$work/atrail.toml" <<TOML
[sessions]
max_open = 1000000
max_per_hour = 1000000
[tokens]
access_ttl = "1h"
[log]
level = "warn"
TOML
"$binary" serve --config "$work/atrail.toml" --data "$work/data" --listen 127.0.0.1:0 \
  >"$work/stdout" 2>"$work/log" &
server=$!
for _ in $(seq 100); do
  grep -q listening "$work/stdout" && break
  sleep 0.1
done
url=$(sed -n 's/^listening on //p' "$work/stdout")
secret() { jq -r ".$1" "$work/data/initial-credentials.json"; }
# By password: the run finds the API key, deletes it, and with it the logins that came of it.
token=$(curl -fsS -u cf: -d grant_type=password -d username=admin --data-urlencode "password=$(secret password)" \
  "$url/oauth/token" | jq -r .access_token)

cat >"$work/schemathesis.toml" <<TOML
[auth.openapi.authToken]
api_key = "$token"
[auth.openapi.bearer]
bearer = "$token"
TOML

# Left out: what a schema cannot say, such as a start that is not after its end (positive_data_acceptance); queries whose
# numbers and booleans are text on the wire anyway (negative_data_rejection); changing the password and logging in, which would
# lock the caller out by way of the throttle; and rotating the token key, which twice in a row drops the caller's token.
# In the work directory, where it leaves its cache.
cd "$work"
schemathesis --config-file "$work/schemathesis.toml" run "$description" --url "$url" \
  -H "X-Auth-Project-Id: $(secret space)" \
  --exclude-checks positive_data_acceptance,negative_data_rejection \
  --exclude-path-regex '/oauth/token|/v3/password' --exclude-operation-id rotateTokenKey \
  --max-examples "${EXAMPLES:-25}" --seed 1 --workers 1 --generation-deterministic

if grep -E 'ERROR|panicked' "$work/log"; then
  echo "the server logged errors" >&2
  exit 1
fi
