#!/usr/bin/env bash
# Runs the campaigns that .ci/run has no time for, each with a time limit. Name some to run only those. A campaign that
# fails prints how to repeat it; the script still runs the others, and fails at the end.
#
#   ci/long.sh                       every campaign
#   ci/long.sh histories kills       these
#   ATRAIL_SEED=7 ci/long.sh kills   with the decisions of seed 7
#   ATRAIL_SEARCH_EVENTS=100000000 ATRAIL_SEARCH_GB=40 ci/long.sh search
#                                    searches of an archive that grows so far, or to so many gigabytes (20)
set -euo pipefail
cd "$(dirname "$0")/.."

# Where ci/tools.sh installs schemathesis.
PATH="$PWD/target/ci-tools/python/bin:$PATH"

# Each has a time limit: a campaign that exceeds it hangs, and has failed.
campaigns=(release instructions client histories kills nodes power faults resume books evidence search recipes clients senders windows dist fuzz console)

run() { timeout --kill-after=60 "$@"; }

campaign() {
  case $1 in
    # Ten thousand histories against the model.
    histories) ATRAIL_HISTORIES=10000 run 60m cargo test --workspace --test it --locked histories ;;
    # Two thousand kills, each client's ledger compared.
    kills) ATRAIL_KILL_ROUNDS=2000 run 90m cargo test --workspace --test it --locked kill:: ;;
    # Three nodes on one PostgreSQL and one bucket, and what befalls them, for twenty minutes.
    nodes)
      eval "$(ci/servers.sh)"
      [ -n "${ATRAIL_TEST_PG:-}" ] || { echo "PostgreSQL cannot be installed here" >&2; return 1; }
      trap 'ci/servers.sh stop' EXIT
      ATRAIL_NODES_SECS=${ATRAIL_NODES_SECS:-1200} run 60m cargo test --workspace --test it --locked cluster::
      ;;
    # What five thousand power losses may leave on a disk.
    power) ATRAIL_CRASH_POINTS=5000 run 60m cargo test --workspace --test it --locked power_loss:: ;;
    # Every disk operation fails, in seven ways.
    faults) ATRAIL_FAULTS=all run 60m cargo test --workspace --test it --locked faults:: ;;
    # A download interrupted a thousand times in each of three ways.
    resume) ATRAIL_RESUME_ROUNDS=1000 run 60m cargo test --release -p atrail --test it --locked resume:: ;;
    # Five minutes of many users at once.
    books) ATRAIL_BOOKS_SECS=300 run 20m cargo test --workspace --test it --locked books ;;
    # The optimised build: the README's first command, and the API against it.
    release)
      run 30m cargo run --release --locked -- quickstart --exit
      run 10m ci/api-examples.sh target/release/atrail
      run 10m ci/tools.sh
      # Without it, the gate reports that it does not check the description; a release does not pass like that.
      command -v schemathesis >/dev/null || { echo "schemathesis cannot be installed here" >&2; return 1; }
      run 10m ci/schemathesis.sh target/release/atrail
      ;;
    # The instructions of hot paths, in an optimised build.
    instructions) run 30m ci/instructions.sh ;;
    # The client alone: nothing of the store, and only its own features of other crates. And the store without a bucket
    # and PostgreSQL, the server without the console.
    client)
      run 30m cargo clippy --workspace --no-default-features --all-targets --locked -- -D warnings
      run 20m cargo clippy -p atrail --no-default-features --all-targets --locked -- -D warnings
      run 20m cargo test -p atrail --no-default-features --locked
      ;;
    # Searches, each answer compared, of an archive that grows to 90 days.
    search)
      cargo build --release --locked
      run 600m cargo run --release --locked -p atrail-bench -- search-growth \
        --events "${ATRAIL_SEARCH_EVENTS:-10000000}" --disk-gb "${ATRAIL_SEARCH_GB:-20}"
      ;;
    # Senders, each with its ledger, while the way to the server breaks; and docs/SENDERS.md to the letter.
    senders)
      cargo build --release --locked
      run 90m ci/senders.sh
      run 30m ci/cloudtrail.sh
      ;;
    # Index files by other readers; the recipes of docs/recipes/ with the tools that are installed; the clients that
    # generators make.
    recipes) cargo build --release --locked && run 10m ci/index-readers.sh && run 60m ci/recipes.sh ;;
    clients) cargo build --release --locked && run 30m ci/clients.sh && run 20m ci/es-clients.sh ;;
    # The same for Windows, tested in wine where these can be had.
    windows) run 60m ci/windows.sh ;;
    # What people install: built twice, compared, installed, started.
    dist) run 120m ci/dist/check.sh ;;
    # Every bit of a bundle, and ten thousand honest histories.
    evidence)
      ATRAIL_EVIDENCE_STRIDE=1 ATRAIL_EVIDENCE_BUNDLE_BYTES=65536 \
        run 60m cargo test --release -p atrail-evidence --test it --locked tamper::no_flipped_bit
      ATRAIL_EVIDENCE_HISTORIES=10000 \
        run 60m cargo test --release -p atrail-evidence --test it --locked honest::every_receipt
      # Every check of the tamper corpus once more by the browser's module, whose words must be the same.
      ATRAIL_WASM_PERMILLE=1000 run 60m cargo test --release -p atrail-evidence --test it --locked
      ;;
    # The longer forms of the console's tests: more mutations, more interruptions, and all of Firefox.
    console)
      run 10m cargo build -p atrail --locked
      CONSOLE_ALL=1 ATRAIL_INTERRUPTIONS=100 run 30m ci/console.sh target/debug/atrail
      ;;
    # Each target for five minutes.
    fuzz) run 120m ci/fuzz.sh 300 ;;
    *)
      echo "ci/long.sh: there is no campaign '$1'; there are: ${campaigns[*]}" >&2
      return 2
      ;;
  esac
}

failed=()
for name in "${@:-${campaigns[@]}}"; do
  printf '\n== %s\n' "$name"
  started=$SECONDS
  # A subshell, because `set -e` has no effect within `if`.
  set +e
  (set -e; campaign "$name")
  code=$?
  set -e
  echo "== $name: exit $code after $((SECONDS - started)) s"
  [ "$code" -eq 0 ] || failed+=("$name")
done
if [ ${#failed[@]} -gt 0 ]; then
  echo "failed: ${failed[*]}" >&2
  exit 1
fi
