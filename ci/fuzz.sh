#!/usr/bin/env bash
# Runs each fuzz target for SECONDS. Exits with an error when one of them finds something, and leaves the input in
# fuzz/artifacts/. Needs cargo-fuzz (`cargo install cargo-fuzz`) and a C++ compiler, no nightly compiler.
# Usage: ci/fuzz.sh SECONDS [TARGET…]
set -euo pipefail
cd "$(dirname "$0")/.."

seconds=${1:?how many seconds for each target?}
shift
PATH="$PWD/target/ci-tools/bin:$PATH"
if ! command -v cargo-fuzz >/dev/null; then
  echo "nothing is fuzzed: cargo-fuzz is not installed"
  exit 0
fi
if [ $# -eq 0 ]; then
  mapfile -t targets < <(cargo fuzz list)
  set -- "${targets[@]}"
fi
[ $# -gt 0 ] || { echo "ci/fuzz.sh: there are no targets" >&2; exit 1; }

# Real events make good seeds: take the first lines of each file below ATRAIL_DATA.
seeds=fuzz/corpus/seeds
mkdir -p "$seeds"
data=${ATRAIL_DATA:-}
if [ -n "$data" ]; then
  find -L "$data" -type f \( -name '*.ndjson' -o -name '*.json' \) | sort | while read -r file; do
    name=$(printf '%s' "${file#"$data"/}" | tr '/' '_')
    # The second head stops reading once it has enough, so the first may fail with a broken pipe.
    head -n 3 "$file" | head -c 20000 >"$seeds/$name" || true
  done
fi
printf '{"start":"2017-07-24","end":"today","SearchTime":"0-23","AtAccountLevel":true,"DryRun":true}' >"$seeds/query"
printf '{"retention":30}' >"$seeds/retention"
printf '\1\0\0\0\0\0\0\0bytes=0-9' >"$seeds/range"
for file in crates/atrail-sources/tests/fixtures/*/*.in; do
  [ ! -f "$file" ] || cp "$file" "$seeds/$(basename "$(dirname "$file")")_$(basename "$file")"
done
printf '{"create":{"_index":"a","_id":"1"}}\n{"@timestamp":"2026-01-01T00:00:00Z","message":"m"}\n' >"$seeds/bulk"
printf '{"time":1767225600.5,"host":"h","event":{"action":"read"}}{"event":"text"}' >"$seeds/hec"
cp crates/atrail-evidence/tests/fixtures/{events.json.gz.receipt,event.proof,key} "$seeds/"
# An index file, after the length of its footer in two bytes.
golden=crates/atrail-search/tests/golden/index-v1
read -r footer_bytes _ <"$golden.footer"
{
  printf '%b' "$(printf '\\x%02x\\x%02x' $((footer_bytes % 256)) $((footer_bytes / 256)))"
  cat "$golden.parquet"
} >"$seeds/index"

# Build without a sanitizer: the targets are safe Rust with its checks on, and this takes a fraction of the time.
cargo fuzz build --sanitizer none
# Some targets first write their input to a file: use memory for it where there is some.
[ -w /dev/shm ] && export TMPDIR=/dev/shm
for target in "$@"; do
  printf '\n== %s, %s s\n' "$target" "$seconds"
  mkdir -p "fuzz/corpus/$target"
  # libFuzzer ends an input that runs for ten seconds or uses 2 GiB.
  cargo fuzz run --sanitizer none "$target" "fuzz/corpus/$target" "$seeds" -- \
    -max_total_time="$seconds" -timeout=10 -rss_limit_mb=2048 -max_len=65536 -print_final_stats=1 2>&1 |
    tee "fuzz/corpus/$target.log" | grep -E '^(==|SUMMARY|stat::number_of_exec|stat::new_units|Done)|panicked|ERROR' || true
  if grep -qE 'SUMMARY|panicked|ERROR: ' "fuzz/corpus/$target.log"; then
    tail -n 30 "fuzz/corpus/$target.log"
    exit 1
  fi
  grep -q '^Done ' "fuzz/corpus/$target.log"
done
