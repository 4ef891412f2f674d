#!/usr/bin/env bash
# Generates the clients of docs/CLIENTS.md from docs/openapi.json, checks the types of the page's programs against them,
# runs the programs against a server, and verifies what they downloaded. A generator that cannot be installed (pip, npm,
# java) is SKIPPED with the reason.
# Usage: ci/clients.sh [BINARY]; CLIENT_TOOLS names the directory of the generators [default: target/ci-tools/clients]
set -euo pipefail
cd "$(dirname "$0")/.."

export ATRAIL=${1:-target/release/atrail} ROOT=$PWD NAME=CLIENTS PYTHON=${PYTHON:-python3}
ATRAIL=$(realpath "$ATRAIL")
tools=$(realpath -m "${CLIENT_TOOLS:-target/ci-tools/clients}")
for tool in curl jq "$PYTHON"; do
  command -v "$tool" >/dev/null || { echo "SKIPPED generated clients: $tool is not installed"; exit 0; }
done
. ci/recipes/lib.sh
RECIPE=$ROOT/docs/CLIENTS.md

# A virtual environment for each generator: both make a package of the same name. It is made again when the list of
# packages, which it remembers, is another.
environment() {
  local name=$1
  shift
  if [ "$(cat "$tools/$name/ready" 2>/dev/null)" != "$*" ]; then
    "$PYTHON" -m venv --clear "$tools/$name" && "$tools/$name/bin/pip" install --quiet "$@" && echo "$*" >"$tools/$name/ready"
  fi
}

server
key "$WORK/key" '"send","read"'
ATRAIL_KEY=$(cat "$WORK/key")
export ATRAIL_ENDPOINT=$URL ATRAIL_KEY
served=$WORK/openapi.json
curl -fsS -o "$served" "$URL/openapi.json"
cmp "$served" docs/openapi.json || die "the server does not serve docs/openapi.json"
curl -fsS "$URL/v3/keys" | jq -r .key >"$WORK/vkey"

verified() {
  atrail verify "$1/events.json.gz" --key "$(cat "$WORK/vkey")" &&
    zcat "$1/events.json.gz" | jq -e -s 'any(.[]; .initiator.name? == "Ann" and .target.id? == "bucket")'
}

# python_client NAME PROGRAM: checks the types of the program and runs it, in $WORK/NAME.
python_client() {
  local python=$tools/$1/bin/python work=$WORK/$1
  extract "$2" >"$work/$2"
  cd "$work"
  check "$1: the program's types are right" "$python" -m mypy --follow-imports=silent --disable-error-code=import-untyped "$2"
  sed 's/action="read"/action=17/' "$2" >wrong.py
  control "$1: a wrong type" "$python" -m mypy --follow-imports=silent --disable-error-code=import-untyped wrong.py
  check "$1: the program sends, counts, freezes and downloads" "$python" "$2"
  check "$1: its download is proven" verified .
  sed 's/isinstance(refused, Refusal)/isinstance(refused, Ack)/' "$2" >wrong.py
  control "$1: a wrong expectation" "$python" wrong.py
  printf '\n' >>events.json.gz.receipt
  control "$1: a receipt with one byte more" verified .
  cd "$ROOT"
}

if environment openapi-python-client 'openapi-python-client==0.29.*' ruff mypy; then
  mkdir "$WORK/openapi-python-client"
  # It formats with ruff, which it looks for in PATH.
  PATH=$tools/openapi-python-client/bin:$PATH check "openapi-python-client generates every call" \
    openapi-python-client generate --fail-on-warning --path "$served" --output-path "$WORK/openapi-python-client/client"
  "$tools/openapi-python-client/bin/pip" install --quiet --force-reinstall --no-deps "$WORK/openapi-python-client/client"
  python_client openapi-python-client openapi_python_client.py
else
  echo "SKIPPED openapi-python-client: it cannot be installed here"
fi

if ! command -v java >/dev/null; then
  echo "SKIPPED openapi-generator: java is not installed"
elif environment openapi-generator 'openapi-generator-cli==7.*' pydantic urllib3 python-dateutil typing_extensions mypy; then
  mkdir "$WORK/openapi-generator"
  check "openapi-generator generates" "$tools/openapi-generator/bin/openapi-generator-cli" generate -g python \
    --package-name atrail_client -i "$served" -o "$WORK/openapi-generator/client"
  if grep ERROR "$WORK/check.out"; then die "openapi-generator reports errors"; fi
  "$tools/openapi-generator/bin/pip" install --quiet --force-reinstall --no-deps "$WORK/openapi-generator/client"
  python_client openapi-generator openapi_generator.py
else
  echo "SKIPPED openapi-generator: it cannot be installed here"
fi

node=$tools/openapi-typescript
packages=(openapi-typescript@7 openapi-fetch@0 typescript@5 @types/node@20)
if ! command -v npm >/dev/null; then
  echo "SKIPPED openapi-typescript: npm is not installed"
elif [ "$(cat "$node/ready" 2>/dev/null)" = "${packages[*]}" ] || { mkdir -p "$node" &&
  npm install --silent --no-audit --no-fund --prefix "$node" "${packages[@]}" && echo "${packages[*]}" >"$node/ready"; }; then
  work=$WORK/openapi-typescript
  mkdir "$work"
  ln -s "$node/node_modules" "$work/node_modules"
  extract openapi_typescript.ts >"$work/openapi_typescript.ts"
  echo '{"type": "module"}' >"$work/package.json"
  cd "$work"
  check "openapi-typescript generates" node_modules/.bin/openapi-typescript "$served" -o atrail.ts
  options=(--strict --target es2022 --module nodenext --moduleResolution nodenext --types node)
  check "openapi-typescript: the program's types are right" node_modules/.bin/tsc "${options[@]}" openapi_typescript.ts
  sed 's/action: "read"/action: 17/' openapi_typescript.ts >wrong.ts
  control "openapi-typescript: a wrong type" node_modules/.bin/tsc "${options[@]}" --noEmit wrong.ts
  check "openapi-typescript: the program sends, counts, freezes and downloads" node openapi_typescript.js
  check "openapi-typescript: its download is proven" verified .
  sed 's/"error" in refused/"id" in refused/' openapi_typescript.js >wrong.js
  control "openapi-typescript: a wrong expectation" node wrong.js
  cd "$ROOT"
else
  echo "SKIPPED openapi-typescript: it cannot be installed here"
fi
