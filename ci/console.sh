#!/usr/bin/env bash
# Checks the console: builds its two committed files anew and compares them, checks the modules' types and what none may
# contain, and runs console/tests in real browsers against a real server.
#
#   ci/console.sh [BINARY]      default: target/debug/atrail
#
# CONSOLE_TESTS names some of the suites in console/tests; without it, all run. CONSOLE_ALL=1 runs their longer forms.
#
# Needs node (20.11 or later), npm, rustup, and Debian's chromium-headless-shell or chromium; with firefox-esr, Firefox runs
# the main job as well. As root it installs the browsers by apt-get. Where node or Chromium cannot be had, it prints SKIPPED
# and the reason.
set -euo pipefail
cd "$(dirname "$0")/.."

binary=$(realpath "${1:-target/debug/atrail}")
skip() { echo "SKIPPED the console in browsers: $*"; exit 0; }

# install PROGRAM PACKAGE…: by apt-get, where this is root and a mirror answers.
install() {
  local program=$1
  shift
  command -v "$program" >/dev/null && return
  [ "$(id -u)" -eq 0 ] && command -v apt-get >/dev/null || return 0
  echo "installing $*"
  { apt-get -qq update && DEBIAN_FRONTEND=noninteractive apt-get -qq install -y --no-install-recommends "$@"; } \
    >target/ci-tools/apt.log 2>&1 || tail -n 3 target/ci-tools/apt.log
}
mkdir -p target/ci-tools
install node nodejs npm
install npm npm
# The one without windows is the same engine, and opens a page in a third of the time.
install "${CHROMIUM:-chromium-headless-shell}" chromium-headless-shell fonts-dejavu
command -v chromium-headless-shell >/dev/null || install "${CHROMIUM:-chromium}" chromium fonts-dejavu
install firefox-esr firefox-esr
command -v node >/dev/null || skip "node is not installed"
command -v npm >/dev/null || skip "npm is not installed"
node -e 'const [a, b] = process.versions.node.split("."); process.exit(a > 20 || (a == 20 && b >= 11) ? 0 : 1)' ||
  skip "node $(node --version) is older than 20.11"
CHROMIUM=$(command -v "${CHROMIUM:-chromium-headless-shell}" || command -v chromium) || skip "chromium is not installed"
export CHROMIUM
ci/npm.sh console || skip "the packages of console/package-lock.json cannot be had"

# must_fail WHAT COMMAND…: the control of a check.
must_fail() {
  local what=$1
  shift
  if "$@" >/dev/null 2>&1; then
    echo "ci/console.sh: $what is not noticed" >&2
    exit 1
  fi
}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
# Copies a file with its byte in the middle changed.
flip() {
  node -e 'const fs = require("fs"); const b = fs.readFileSync(process.argv[1]); b[b.length >> 1] ^= 1; fs.writeFileSync(process.argv[2], b)' "$1" "$2"
}

echo "-- committed builds"
ui=crates/atrail-console/ui
ci/vendor.sh
flip $ui/vendor/preact.js "$work/preact.js"
AGAINST=$work/preact.js must_fail "a changed byte of vendor/preact.js" ci/vendor.sh
if command -v rustup >/dev/null; then
  ci/wasm.sh
  flip $ui/wasm/verifier.wasm "$work/verifier.wasm"
  AGAINST=$work/verifier.wasm must_fail "a changed byte of wasm/verifier.wasm" ci/wasm.sh
else
  echo "wasm/verifier.wasm: not built anew, rustup is not installed; the tests of atrail-evidence have run it"
fi

echo "-- modules"
console/node_modules/.bin/tsc -p console/tsconfig.json
node console/lint.mjs
mkdir "$work/ui"
echo 'document.body.innerHTML = location.hash;' >"$work/ui/bad.js"
must_fail "innerHTML" node console/lint.mjs "$work/ui"

echo "-- browsers"
cd console
ATRAIL_BINARY=$binary node --test --test-timeout=900000 --test-reporter=spec tests/all.test.mjs
