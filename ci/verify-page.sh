#!/usr/bin/env bash
# Makes atrail-verify.html: the console's Verify screen in one file, which opens from disk and checks downloads without
# any server. The same commit gives the same bytes.
#
#   ci/verify-page.sh [FILE]      default: target/atrail-verify.html
#
# Needs node and npm.
set -euo pipefail
cd "$(dirname "$0")/.."

out=$(realpath -m "${1:-target/atrail-verify.html}")
for tool in node npm; do
  command -v "$tool" >/dev/null || { echo "ci/verify-page.sh: $tool is not installed" >&2; exit 1; }
done
ci/npm.sh console
mkdir -p "$(dirname "$out")"
node console/verify-page.mjs "$out"
printf '%s: %d bytes, %d with gzip, sha256 %s\n' "$(basename "$out")" "$(wc -c <"$out")" "$(gzip -9nc "$out" | wc -c)" \
  "$(sha256sum "$out" | cut -d ' ' -f 1)"
