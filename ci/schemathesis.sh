#!/usr/bin/env bash
# Sends requests that docs/openapi.json allows, and requests that it forbids, to a running server, and compares the
# answers with it. Needs schemathesis 4 (`pip install schemathesis`), curl and jq; where one is missing, the script
# reports it and exits with 0.
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
# Generated requests create many sessions, and need tokens that outlive the run.
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
url=
for _ in $(seq 300); do
  url=$(sed -n 's/^listening on //p' "$work/stdout")
  if [ -n "$url" ] || ! kill -0 "$server" 2>/dev/null; then break; fi
  sleep 0.1
done
if [ -z "$url" ]; then
  tail -n 20 "$work/log" >&2
  echo "ci/schemathesis.sh: the server of $binary did not start" >&2
  exit 1
fi
secret() { jq -r ".$1" "$work/data/initial-credentials.json"; }
# Log in by password: the run finds the API key and deletes it, which ends the logins by that key.
token=$(curl -fsS -u cf: -d grant_type=password -d username=admin --data-urlencode "password=$(secret password)" \
  "$url/oauth/token" | jq -r .access_token)

cat >"$work/schemathesis.toml" <<TOML
[auth.openapi.authToken]
api_key = "$token"
[auth.openapi.bearer]
bearer = "$token"
TOML

# Excluded: rules that a schema cannot express, such as a start that is not after its end (positive_data_acceptance);
# queries whose numbers and booleans are text on the wire anyway (negative_data_rejection); changing the password and
# logging in, because the throttle would lock the caller out; following events, because such an answer never ends; and
# rotating the token key, because two rotations in a row drop the caller's token. schemathesis runs in the work
# directory, because it leaves its cache there.
cd "$work"
schemathesis --config-file "$work/schemathesis.toml" run "$description" --url "$url" \
  -H "X-Auth-Project-Id: $(secret space)" \
  --exclude-checks positive_data_acceptance,negative_data_rejection \
  --exclude-path-regex '/oauth/token|/v3/password|/v3/tail' --exclude-operation-id rotateTokenKey \
  --max-examples "${EXAMPLES:-25}" --seed 1 --workers 1 --generation-deterministic

if grep -E 'ERROR|panicked' "$work/log"; then
  echo "the server logged errors" >&2
  exit 1
fi
