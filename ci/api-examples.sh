#!/usr/bin/env bash
# Runs every example of docs/API.md, top to bottom, against a server of its own, and checks that they cover every path
# of docs/openapi.json. Needs curl and jq; where one is missing, the script reports it and exits with 0.
# Usage: ci/api-examples.sh [BINARY]
set -euo pipefail
cd "$(dirname "$0")/.."

binary=$(realpath "${1:-target/release/atrail}")
for tool in curl jq; do
  if ! command -v "$tool" >/dev/null; then
    echo "the API's examples are not run: $tool is not installed"
    exit 0
  fi
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
  echo "ci/api-examples.sh: the server of $binary did not start" >&2
  exit 1
fi

awk '/^```sh$/ {inside = 1; next} /^```$/ {inside = 0} inside' docs/API.md >"$work/examples.sh"
if ! (cd "$work" && URL=$url DATA=$work/data bash -euo pipefail examples.sh >"$work/said" 2>&1); then
  tail -n 20 "$work/said"
  echo "an example of docs/API.md failed" >&2
  exit 1
fi

# The calls that the server counted, compared with those that it describes. The ways to a provider and back only work where there is one.
missing=$(comm -13 \
  <(curl -fsS "$url/metrics" | sed -n 's/^atrail_http_requests_total{route="\([^"]*\)",method="\([A-Z]*\)",status="2xx.*/\2 \1/p' | sort -u) \
  <(jq -r '.paths | to_entries[] | .key as $path | .value | keys[] | "\(ascii_upcase) \($path)"' docs/openapi.json | grep -v -e '^GET /metrics$' -e '^GET /v3/console/oidc/' | sort -u))
if [ -n "$missing" ]; then
  printf 'docs/API.md has no example that works for\n%s\n' "$missing" >&2
  exit 1
fi
echo "every example of docs/API.md works, and every call has one"
