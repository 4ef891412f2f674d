#!/usr/bin/env bash
# Starts the servers that some tests use, on loopback, and prints the variables that name them; tests that find none print
# that they are skipped. `ci/servers.sh stop` ends them.
#
#   eval "$(ci/servers.sh)"; cargo test --workspace; ci/servers.sh stop
set -euo pipefail
cd "$(dirname "$0")/.."

state=$PWD/target/ci-servers

# Ends the servers of an earlier call, by their ids, and removes what they kept.
stop() {
  local file pid tries
  for file in "$state"/*.pid; do
    [ -e "$file" ] || continue
    pid=$(cat "$file")
    kill -INT "$pid" 2>/dev/null || true
    for ((tries = 0; tries < 100; tries++)); do
      kill -0 "$pid" 2>/dev/null || break
      sleep 0.1
    done
    rm -f "$file"
  done
  for file in "$state"/*.dir; do
    [ -e "$file" ] || continue
    rm -rf "$(cat "$file")"
    rm -f "$file"
  done
}

# Prints the directory of the newest PostgreSQL's programs, as Debian installs them.
postgres_programs() {
  local bin newest=
  for bin in $(printf '%s\n' /usr/lib/postgresql/*/bin | sort -V); do
    [ ! -x "$bin/postgres" ] || newest=$bin
  done
  echo "$newest"
}

# Its databases are for tests: they vanish with the directory, and nothing is synced.
postgres() {
  local bin dir port tries
  local -a as=()
  bin=$(postgres_programs)
  if [ -z "$bin" ] && [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
    DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends postgresql >&2 || true
    bin=$(postgres_programs)
  fi
  if [ -z "$bin" ]; then
    echo "ci/servers.sh: PostgreSQL is not installed: its tests are skipped" >&2
    return 0
  fi
  # It refuses to run as root, and its user must reach the directory.
  dir=$(mktemp -d /tmp/atrail-postgres.XXXXXX)
  echo "$dir" >"$state/postgres.dir"
  if [ "$(id -u)" = 0 ]; then
    as=(setpriv --reuid=65534 --regid=65534 --clear-groups)
    chown 65534:65534 "$dir"
  fi
  (cd "$dir" && "${as[@]}" "$bin/initdb" -D db -U atrail -A trust -E UTF8 --locale=C --no-sync >/dev/null)
  for ((tries = 0; tries < 5; tries++)); do
    port=$((RANDOM % 9000 + 11000))
    if (cd "$dir" && "${as[@]}" "$bin/pg_ctl" -D db -l log -w -s start -o \
      "-p $port -k $dir -c listen_addresses=127.0.0.1 -c fsync=off -c max_connections=500" >&2); then
      head -1 "$dir/db/postmaster.pid" >"$state/postgres.pid"
      echo "export ATRAIL_TEST_PG=postgres://atrail@127.0.0.1:$port/postgres"
      return 0
    fi
  done
  echo "ci/servers.sh: PostgreSQL does not start, see $dir/log: its tests are skipped" >&2
}

mkdir -p "$state"
stop
[ "${1:-}" != stop ] || exit 0
postgres
