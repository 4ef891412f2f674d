#!/usr/bin/env bash
# Counts the instructions of each hot path and compares them with the committed figures. Fails when a path became more
# than 5 % more expensive, and names it. Needs valgrind; when it is missing and root runs the script, the script installs
# it.
# Usage: ci/instructions.sh            compare
#        ci/instructions.sh record     make the committed figures anew
#        ci/instructions.sh self-test  test the comparison itself; needs neither valgrind nor cargo
set -euo pipefail
cd "$(dirname "$0")/.."

figures=crates/atrail-bench/instructions.tsv
limit_percent=5

# Reads committed and new figures, each line a name and a number. Fails when a path became more expensive than the limit
# allows, or when only one side has it.
compare() {
  awk -F '\t' -v limit="$limit_percent" '
    function complain(text) { complaints = complaints text "\n" }
    /^#/ { next }
    NR == FNR { committed[$1] = $2; next }
    FNR == 1 || !begun { printf "%-16s %14s %14s %9s\n", "path", "committed", "now", "change"; begun = 1 }
    !($1 in committed) {
      printf "%-16s %14s %14.0f\n", $1, "-", $2
      complain($1 " has no committed figure")
      next
    }
    {
      change = ($2 / committed[$1] - 1) * 100
      printf "%-16s %14.0f %14.0f %+8.2f%%\n", $1, committed[$1], $2, change
      # Compare whole numbers, so that a change of exactly the limit passes.
      if ($2 * 100 > committed[$1] * (100 + limit)) complain($1 " takes " sprintf("%.1f", change) " % more instructions than committed; " limit " % are allowed")
      else if ($2 * 100 < committed[$1] * (100 - limit)) cheaper = cheaper " " $1
      delete committed[$1]
    }
    END {
      for (name in committed) complain(name " was not counted")
      if (cheaper) printf "cheaper than committed:%s; keep it so by `ci/instructions.sh record`\n", cheaper
      if (complaints) { printf "error: %s", complaints; exit 1 }
    }' "$1" "$2"
}

# Checks that the comparison fails, and names the path, exactly when it must.
self_test() (
  dir=$(mktemp -d)
  trap 'rm -rf "$dir"' EXIT
  printf '# a comment\none\t1000\ntwo\t2000\n' >"$dir/committed"
  expect() {
    local outcome=$1 says=$2
    printf '%b' "$3" >"$dir/now"
    seen=$(compare "$dir/committed" "$dir/now") && seen="passes: $seen" || seen="fails: $seen"
    case $seen in
      "$outcome: "*"$says"*) ;;
      *) echo "error: of '$3' it was expected that it $outcome and says '$says', but it $seen" && exit 1 ;;
    esac
  }
  expect passes 'one ' 'one\t1000\ntwo\t2000\n'
  expect passes 'two ' 'one\t1050\ntwo\t2100\n'
  expect fails 'two takes 10.0 % more' 'one\t1000\ntwo\t2200\n'
  expect fails 'one takes 5.1 % more' 'one\t1051\ntwo\t2000\n'
  expect passes 'cheaper than committed: two' 'one\t1000\ntwo\t1800\n'
  expect fails 'two was not counted' 'one\t1000\n'
  expect fails 'two was not counted' ''
  expect fails 'three has no committed figure' 'one\t1000\ntwo\t2000\nthree\t1\n'
  echo "the comparison sees what it is for"
)

install_valgrind() {
  command -v valgrind >/dev/null && return
  if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then
    echo "instructions: not counted, valgrind is not installed and cannot be installed from here"
    exit 0
  fi
  if ! { apt-get update && apt-get install -y --no-install-recommends valgrind; } >/dev/null; then
    echo "error: valgrind cannot be installed, so that no instructions are counted: install it by hand and run this again"
    exit 1
  fi
}

# Runs the bench for one path, under valgrind with these flags.
under_valgrind() {
  local asked=$1 flag flags=
  shift
  for flag in "$@"; do flags+=", '$flag'"; done
  cargo bench --quiet --locked -p atrail-bench --bench instructions \
    --config "target.'cfg(unix)'.runner = ['valgrind', '--quiet'$flags]" -- "$asked"
}

# Prints one line for each path: its name and its instructions.
count() {
  local out=$PWD/target/callgrind.out path instructions
  for path in $(cargo bench --quiet --locked -p atrail-bench --bench instructions); do
    under_valgrind "$path" --tool=callgrind "--callgrind-out-file=$out" "--toggle-collect=*counted_$path*" >&2
    instructions=$(sed -n 's/^totals: //p' "$out")
    if [ "${instructions:-0}" = 0 ]; then
      echo "error: no instruction of counted_$path was counted" >&2
      return 1
    fi
    printf '%s\t%s\n' "$path" "$instructions"
  done
}

case ${1:-compare} in
self-test)
  self_test
  exit
  ;;
compare | record) ;;
*)
  echo "usage: ci/instructions.sh [record|self-test]"
  exit 2
  ;;
esac

self_test
install_valgrind
# valgrind shows a program a processor of its own, which resembles the real one only in part. Libraries choose their
# code by that processor, so the script compares figures only when it is the same.
cpu="# cpu: $(under_valgrind cpu --tool=none)"
compiler="# compiler: $(rustc --version)"
mkdir -p target
count >target/instructions.tsv
if [ "${1:-compare}" = record ]; then
  {
    echo "# Instructions of each hot path, written by \`ci/instructions.sh record\`."
    printf '%s\n' "$cpu" "$compiler"
    cat target/instructions.tsv
  } >"$figures"
  cat "$figures"
elif ! grep -qxF "$cpu" "$figures" || ! grep -qxF "$compiler" "$figures"; then
  cat target/instructions.tsv
  echo "instructions: counted, but not compared: the committed figures are of another kind of processor or compiler"
  printf '%s\n' "here:" "$cpu" "$compiler" "committed:" "$(grep -E '^# (cpu|compiler):' "$figures")"
elif ! compare "$figures" target/instructions.tsv; then
  echo "hint: if what it gives is worth it, make the figures anew by \`ci/instructions.sh record\` and commit them"
  exit 1
fi
