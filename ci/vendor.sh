#!/usr/bin/env bash
# Builds the console's vendored file anew and compares it with the committed one, byte for byte. The packages come by the
# lockfile, whose hashes npm checks.
#
#   ci/vendor.sh           compares; a difference, or a tool that is missing, fails
#   ci/vendor.sh --write   writes the committed file
#
# AGAINST names another file to compare with.
#
# Needs node and npm.
set -euo pipefail
cd "$(dirname "$0")/.."

committed=${AGAINST:-$PWD/crates/atrail-console/ui/vendor/preact.js}
for tool in node npm; do
  command -v "$tool" >/dev/null || { echo "ci/vendor.sh: $tool is not installed" >&2; exit 1; }
done

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
ci/npm.sh console

# version PACKAGE: of the installed one, which is the lockfile's.
version() { node -p "require('./console/node_modules/$1/package.json').version"; }
{
  echo '// @ts-nocheck'
  echo '/*!'
  echo " * Written by ci/vendor.sh from console/vendor.js: do not edit."
  for package in preact @preact/signals @preact/signals-core; do
    echo " * $package $(version "$package"): $(grep -m 1 '^Copyright' "console/node_modules/$package/LICENSE"), MIT license"
  done
  echo " * htm $(version htm): Copyright 2018 Google Inc., Apache License 2.0, http://www.apache.org/licenses/LICENSE-2.0"
  echo ' *'
  sed -n '/^Permission is hereby/,$p' console/node_modules/preact/LICENSE | sed -e 's/^/ * /' -e 's/ *$//'
  echo ' */'
} >"$work/banner"

(cd console && node_modules/.bin/esbuild vendor.js --bundle --minify --format=esm --target=es2022 --charset=utf8 \
  --legal-comments=none --log-level=warning --outfile="$work/bundle.js")
cat "$work/banner" "$work/bundle.js" >"$work/preact.js"

if [ "${1-}" = --write ]; then
  cp "$work/preact.js" "$committed"
elif ! cmp "$work/preact.js" "$committed"; then
  echo "ci/vendor.sh: $committed is not what console/vendor.js and the lockfile make: run ci/vendor.sh --write" >&2
  exit 1
fi
printf 'vendor/preact.js: %d bytes, %d with gzip, sha256 %s\n' "$(wc -c <"$work/preact.js")" \
  "$(gzip -9nc "$work/preact.js" | wc -c)" "$(sha256sum "$work/preact.js" | cut -d ' ' -f 1)"
