# What the scripts of the recipes share: ci/recipes.sh sources it before each of them, with `set -euo pipefail`.
# shellcheck shell=bash

RECIPE=$ROOT/docs/recipes/$NAME.md
WORK=$(mktemp -d)
export RECIPE WORK XDG_CONFIG_HOME=$WORK/client
PATH=$WORK/bin:$PATH
mkdir -p "$WORK/bin"
ln -s "$ATRAIL" "$WORK/bin/atrail"
started=()

end() {
  for pid in "${started[@]}"; do kill "$pid" 2>/dev/null || true; done
  for pid in "${started[@]}"; do wait "$pid" 2>/dev/null || true; done
  [ -n "${KEEP:-}" ] || rm -rf "$WORK"
}
trap end EXIT

# Ends the script as skipped.
skip() {
  echo "SKIPPED $NAME: $*"
  exit 77
}

# Skips the recipe where one of these commands is not installed.
needs() {
  for tool in "$@"; do
    command -v "$tool" >/dev/null || [ -x "/usr/sbin/$tool" ] || skip "$tool is not installed"
  done
}

# Skips the recipe where $PYTHON lacks one of these modules.
needs_python() {
  for module in "$@"; do
    "$PYTHON" -c "import $module" 2>/dev/null || skip "Python has no $module"
  done
}

die() {
  echo "$NAME: $*" >&2
  exit 1
}

# try COMMAND...: runs the command in a subshell that ends at its first failure, and sets CODE. (`set -e` has no effect
# within `if`, nor after `||`.)
try() {
  set +e
  (set -e; trap - EXIT; "$@") >"$WORK/check.out" 2>&1
  CODE=$?
  set -e
}

# check WHAT COMMAND...: the command must succeed.
check() {
  local what=$1
  shift
  try "$@"
  if [ "$CODE" -ne 0 ]; then
    tail -n 20 "$WORK/check.out" >&2
    die "not so: $what"
  fi
  echo "ok: $what"
}

# control WHAT COMMAND...: the command must fail, or the check that it controls notices nothing.
control() {
  local what=$1
  shift
  try "$@"
  if [ "$CODE" -eq 0 ]; then
    tail -n 20 "$WORK/check.out" >&2
    die "the control passed: $what"
  fi
  echo "control: not so, as it must be: $what"
}

# extract FILE: prints the block of the recipe whose first line is a comment with this name. With --run, the block
# begins with `#!` and the name is its second line.
extract() {
  awk -v name="$1" '
    /^```/ { if (inside) { if (found) { printf "%s", text; done = 1; exit } inside = 0 } else { inside = 1; text = ""; found = 0; count = 0 } next }
    inside { text = text $0 "\n"; count++; line = $0; sub(/^(#|\/\/|;|--) */, "", line); if (count <= 2 && line == name) found = 1 }
    END { exit !done }' "$RECIPE" || die "$RECIPE has no block for $1"
}

# shell N: prints the Nth block of shell commands of the recipe.
shell() {
  awk -v wanted="$1" '
    /^```sh$/ { inside = 1; count++; next } /^```/ { inside = 0; next }
    inside && count == wanted { print; some = 1 } END { exit !some }' "$RECIPE" || die "$RECIPE has no shell block $1"
}

# put TEXT REPLACEMENT: replaces on standard input, and fails where the text does not occur, so that a changed page
# cannot leave a name of the real world in place.
put() {
  "$PYTHON" -c '
import sys
text = sys.stdin.read()
for old, new in zip(sys.argv[1::2], sys.argv[2::2]):
    if old not in text: sys.exit(f"the recipe does not contain {old!r}")
    text = text.replace(old, new)
sys.stdout.write(text)' "$@"
}

free_port() { "$PYTHON" -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'; }

# within SECONDS COMMAND...: repeats the command until it succeeds.
within() {
  local until=$((SECONDS + $1)) code
  shift
  while true; do
    set +e
    (set -e; trap - EXIT; "$@") 2>/dev/null
    code=$?
    set -e
    [ $code -ne 0 ] || return 0
    [ $SECONDS -lt $until ] || return 1
    sleep 0.2
  done
}

# background NAME COMMAND...: starts a process that `end` stops, with its output in $WORK/NAME.log; its id is $!.
background() {
  local log=$WORK/$1.log
  shift
  "$@" >"$log" 2>&1 &
  started+=($!)
}

# server [SETTINGS]: starts atrail on the same port each time, and logs in. Sets URL, PORT, DATA and SPACE.
server() {
  DATA=$WORK/data PORT=${PORT:-$(free_port)}
  URL=http://127.0.0.1:$PORT
  printf '[tokens]\naccess_ttl = "1h"\n%s\n' "${1:-}" >"$WORK/atrail.toml"
  background server atrail serve --config "$WORK/atrail.toml" --data "$DATA" --listen "127.0.0.1:$PORT"
  SERVER=$!
  within 20 curl -fsS -o /dev/null "$URL/readyz" || { cat "$WORK/server.log" >&2; die "the server did not start"; }
  if [ ! -d "$XDG_CONFIG_HOME" ]; then
    SPACE=$(jq -r .space "$DATA/initial-credentials.json")
    jq -r .api_key "$DATA/initial-credentials.json" >"$WORK/admin.key"
    chmod 600 "$WORK/admin.key"
    atrail -q login -a "$URL" --api-key-file "$WORK/admin.key"
    atrail -q target -o default -s default >/dev/null
  fi
}

stop_server() {
  kill "$SERVER"
  wait "$SERVER" 2>/dev/null || true
}

api() { curl -fsS -H "X-Auth-Token: bearer $(atrail token)" -H "X-Auth-Project-Id: $SPACE" "$@"; }

# key FILE [SCOPES]: writes an API key for the space, with these scopes [default: "send"]. A sender puts it behind
# `Authorization: Bearer`.
key() {
  local scopes=${2:-'"send"'}
  (umask 077; api "$URL/v3/api_keys" -d '{"name":"sender","scopes":['"$scopes"'],"space":"'"$SPACE"'"}' | jq -r .key >"$1")
}

# made FIRST LAST [SIZE]: prints events of today with the ids made-FIRST to made-LAST, and a text of SIZE random bytes.
made() {
  "$PYTHON" -c '
import base64, datetime, json, os, sys
first, last, size = map(int, sys.argv[1:4])
today = datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%dT00:%M:%SZ")
for number in range(first, last + 1):
    event = {"id": f"made-{number}", "eventTime": today, "action": "read", "outcome": "success",
             "initiator": {"id": "ann", "name": "Ann"}, "target": {"id": f"bucket-{number}"}}
    if size: event["message"] = base64.b64encode(os.urandom(size * 3 // 4)).decode()
    print(json.dumps(event))' "$1" "$2" "${3:-0}"
}

# stored FILTER: counts the stored events of these days that the jq filter selects.
stored() {
  atrail -q download -s 2000-01-01 -e today --as ndjson -o - >"$WORK/stored.ndjson"
  jq -c "select($1)" "$WORK/stored.ndjson" | wc -l
}

# all_once FIRST LAST: every made event is stored, and none twice.
all_once() {
  atrail -q download -s 2000-01-01 -e today --as ndjson -o - >"$WORK/stored.ndjson"
  diff <(jq -r 'select(.id | startswith("made-")) | .id' "$WORK/stored.ndjson" | sort) \
    <(seq -f 'made-%g' "$1" "$2" | sort)
}
